"""The float network's output against what the source framework itself put out."""

from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.model.simulate import FloatRun

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
    greatest, largest
        The greatest difference between two potentials, and the framework's largest absolute potential,
        both in the model's own unit; None for spikes.

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
    greatest: float | None = None
    largest: float | None = None

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
            return f"{head}: equal{within}, {self.values} values, 0 differ{self.greatest_text(', ')}"
        assert self.first is not None
        step, sample, neuron = self.first
        beyond = "" if self.tolerance is None else f" by more than {self.tolerance:g} of the largest"
        return (
            f"{head}: {self.differ} of {self.values} values differ{beyond}, in {self.samples} samples; first "
            f"at time step {step}, sample {sample}, neuron {neuron}: the framework has {self.expected:g}, "
            f"the float network {self.got:g}{self.greatest_text('; ')}; qsnn-hw check looks for the "
            "convention that agrees"
        )

    def greatest_text(self, before: str = "") -> str:
        """The greatest difference between potentials in words, behind ``before``; empty for spikes."""
        if self.greatest is None or self.largest is None:
            return ""
        return f"{before}greatest difference {self.greatest:.3g} of a largest potential of {self.largest:.4g}"


def compares_potentials(network: Network, data: Dataset) -> bool:
    """Whether potentials stand beside ``data.out``, or spikes.

    A readout group has nothing else; of a group that fires, the potentials stored after each step count
    where ``data.out`` holds potentials, as of networks that answer by their membrane.
    """
    return network.group(network.output).threshold is None or (
        data.out is not None and data.out.dtype.kind == "f"
    )


def own_output(network: Network, data: Dataset, run: FloatRun) -> np.ndarray:
    """What of a float network's ``run`` stands beside ``data.out``.

    Its output group must have been in ``record_potentials`` where :func:`compares_potentials` says so.
    """
    return run.potentials[network.output] if compares_potentials(network, data) else run.out


def compare_with_framework(network: Network, data: Dataset, out: np.ndarray) -> FrameworkComparison:
    """Compare ``out``, what :func:`own_output` gives, with ``data.out``."""
    fires = not compares_potentials(network, data)
    what = "spikes" if fires else "potentials"
    if data.out is None:
        return FrameworkComparison(None, None, what=what, reason=_missing(data))
    if data.out.shape != out.shape:
        shapes = f"out has shape {data.out.shape}, the float network's output {out.shape}"
        return FrameworkComparison(None, None, what=what, reason=f"not compared: {shapes}")
    wrong = differing(data.out, out, fires=fires)
    greatest = largest = None
    if not fires:
        greatest = float(np.abs(out.astype(np.float64) - data.out).max(initial=0))
        largest = float(np.abs(data.out).max(initial=0))
    equal = FrameworkComparison(wrong.size, 0, what=what, greatest=greatest, largest=largest)
    differ = int(np.count_nonzero(wrong))
    if not differ:
        return equal
    step, sample, neuron = (int(v) for v in np.argwhere(wrong)[0])
    at = (step, sample, neuron)
    bad = int(wrong.any(axis=(0, 2)).sum())
    expected, got = float(data.out[at]), float(out[at])
    return replace(equal, differ=differ, samples=bad, first=at, expected=expected, got=got)


def differing(own: np.ndarray, out: np.ndarray, *, fires: bool, largest: float | None = None) -> np.ndarray:
    """Where the framework's ``own`` output and ``out`` differ, bool of their shape.

    Parameters
    ----------
    fires
        Both are spikes, equal or not; otherwise potentials, equal within ``POTENTIAL_TOLERANCE``.
    largest
        What that tolerance is a part of; None: the largest of ``own``. Give it where ``own`` is only a part.
    """
    if fires:
        return own != out
    if largest is None:
        largest = float(np.abs(own).max(initial=0))
    # A reference of nothing but 0 leaves no tolerance at all.
    return np.abs(out.astype(np.float64) - own) > POTENTIAL_TOLERANCE * largest


def _missing(data: Dataset) -> str:
    """Why the data have no output to compare with."""
    if data.out_missing is not None:
        return f"not compared: {data.out_missing}"
    near = [name for name in data.names if "out" in name]
    others = f"; it has {', '.join(near)}" if near else ""
    return f"not given (no out in {data.source}{others})"
