"""The float network's output against what the source framework itself put out."""

from dataclasses import dataclass

import numpy as np

from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network

POTENTIAL_TOLERANCE = 1e-4
"""Potentials count as equal up to this part of the framework's largest: float32 in another order."""


@dataclass(frozen=True)
class FrameworkComparison:
    """What came of it.

    Parameters
    ----------
    values
        How many output values were compared, time steps x samples x neurons; None: none were.
    differ
        How many of them differ; None with ``values``.
    samples
        In how many samples.
    first
        (time step, sample, neuron) of the first difference in time, then sample; None without one.
    expected, got
        The framework's value and the float network's at ``first``.
    what
        "spikes" or "potentials".
    reason
        Why nothing was compared; None where something was.

    Attributes
    ----------
    tolerance : float or None
        The part of the framework's largest value up to which two count as equal; None for spikes.
    """

    values: int | None
    differ: int | None
    samples: int = 0
    first: tuple[int, int, int] | None = None
    expected: float | None = None
    got: float | None = None
    what: str = "spikes"
    reason: str | None = None

    @property
    def tolerance(self) -> float | None:
        """Spikes are equal or not."""
        return None if self.what == "spikes" else POTENTIAL_TOLERANCE

    def text(self) -> str:
        """In one line."""
        head = f"framework's own {self.what}"
        if self.reason is not None:
            return f"{head}: {self.reason}"
        within = "" if self.tolerance is None else f" within {self.tolerance:g} of the largest"
        if not self.differ:
            return f"{head}: equal{within}, {self.values} values, 0 differ"
        assert self.first is not None
        step, sample, neuron = self.first
        return (
            f"{head}: {self.differ} of {self.values} values differ, in {self.samples} samples; first at "
            f"time step {step}, sample {sample}, neuron {neuron}: the framework has {self.expected:g}, the "
            f"float network {self.got:g}; qsnn-hw check looks for the convention that agrees"
        )


def compare_with_framework(network: Network, data: Dataset, out: np.ndarray) -> FrameworkComparison:
    """Compare ``out``, the float network's own ``FloatRun.out`` for ``data``, with ``data.out``."""
    fires = network.group(network.output).threshold is not None
    what = "spikes" if fires else "potentials"
    if data.out is None:
        return FrameworkComparison(None, None, what=what, reason=_missing(data))
    if data.out.shape != out.shape:
        shapes = f"out has shape {data.out.shape}, the float network's output {out.shape}"
        return FrameworkComparison(None, None, what=what, reason=f"not compared: {shapes}")
    if fires and data.out.dtype.kind == "f":
        reason = "not compared: out holds potentials, and the output group fires spikes"
        return FrameworkComparison(None, None, what=what, reason=reason)
    if fires:
        wrong = out != data.out
    else:
        largest = float(np.abs(data.out).max(initial=0))
        wrong = np.abs(out.astype(np.float64) - data.out) > POTENTIAL_TOLERANCE * max(largest, 1e-30)
    differ = int(np.count_nonzero(wrong))
    if not differ:
        return FrameworkComparison(wrong.size, 0, what=what)
    step, sample, neuron = (int(v) for v in np.argwhere(wrong)[0])
    at = (step, sample, neuron)
    bad = int(wrong.any(axis=(0, 2)).sum())
    return FrameworkComparison(wrong.size, differ, bad, at, float(data.out[at]), float(out[at]), what=what)


def _missing(data: Dataset) -> str:
    """Why the data have no output to compare with."""
    if data.out_missing is not None:
        return f"not compared: {data.out_missing}"
    near = [name for name in data.names if "out" in name]
    others = f"; it has {', '.join(near)}" if near else ""
    return f"not given (no out in {data.source}{others})"
