"""The golden model, clocked form: every neuron every time step, batched over samples.

This and :mod:`qsnn_hw.quantize.network` are the specification the hardware must equal, spike for
spike and potential for potential. Weighted sums are one matrix product over all samples and time
steps, except in loops, where they are one per step.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from qsnn_hw.golden.neuron import GroupState
from qsnn_hw.golden.weighted import WeightedSum
from qsnn_hw.model.network import INPUT
from qsnn_hw.model.simulate import blocks
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork, QuantizedProjection
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.record_types import Array
from qsnn_hw.support.records import StoredRecord

# Samples are processed in blocks so that the largest array of one block stays in this many bytes.
BLOCK_BYTES = 16 * 2**20


@dataclass(frozen=True)
class GoldenRun(StoredRecord, form="golden run 2"):
    """What the golden model did with a batch of samples.

    Parameters
    ----------
    spikes
        Group name -> uint8 of shape (time, sample, neuron): 0 or 1, more only with several spikes
        per step.
    potentials
        Group name -> int32 of the same shape: the potential each tick's trace shows. Only the
        groups asked for and readout groups.
    saturations
        Group name -> how many potentials, and currents, met the group's clamps, over all neurons and steps.
    saturated
        Group name -> the same for each neuron, int64 of shape (neuron,).
    """

    spikes: dict[str, Annotated[np.ndarray, Array("u", "time", "sample", "neuron")]]
    potentials: dict[str, Annotated[np.ndarray, Array("i", "time", "sample", "neuron")]] = field(
        default_factory=dict
    )
    saturations: dict[str, int] = field(default_factory=dict)
    saturated: dict[str, Annotated[np.ndarray, Array("i", "neuron")]] = field(default_factory=dict)

    @classmethod
    def empty(
        cls, network: QuantizedNetwork, steps: int, samples: int, record: Collection[str] = ()
    ) -> "GoldenRun":
        """Room for a run, spikes and potentials not yet written; ``record`` as for :func:`run_clocked`."""
        recorded = [g for g in network.groups if g.name in record or g.readout]
        return cls(
            spikes={g.name: np.empty((steps, samples, g.size), dtype=np.uint8) for g in network.groups},
            potentials={g.name: np.empty((steps, samples, g.size), dtype=np.int32) for g in recorded},
            saturations={g.name: 0 for g in network.groups},
            saturated={g.name: np.zeros(g.size, dtype=np.int64) for g in network.groups},
        )


def checked_input(network: QuantizedNetwork, inputs: np.ndarray) -> np.ndarray:
    """Return ``inputs`` as uint8 (time, sample, address) when they are spikes for ``network``.

    Raises
    ------
    UserError
        The shape is not (time, sample, ...), the width is not the network's, or a value is not a
        whole number from 0 to ``network.input_max``.
    """
    if inputs.ndim < 3:
        raise UserError(f"input must have the shape (time, sample, address), not {inputs.shape}")
    # Not reshape(..., -1): NumPy cannot infer an axis of an array without elements.
    flat = inputs.reshape(*inputs.shape[:2], int(np.prod(inputs.shape[2:], dtype=np.int64)))
    if flat.shape[2] != network.input_size:
        raise UserError(
            f"input has {flat.shape[2]} addresses per time step, the network wants {network.input_size}"
        )
    most = network.input_max
    # Written so that NaN, which equals nothing, is bad too.
    if flat.dtype == np.uint8 and flat.max(initial=0) <= most:
        # The usual case without an array of comparisons as large as the input.
        return flat
    bad = ~((flat >= 0) & (flat <= most) & (flat == np.rint(flat)))
    if bad.any():
        worst = flat[bad].ravel()[0]
        if most > 1:
            raise UserError(
                f"input must be 0 to {most} spikes of an address in one step, as the network was quantized "
                f"for, not {worst}; quantize it with a larger input maximum"
            )
        raise UserError(
            f"input must be spikes (0 or 1), not {worst}; the hardware takes one event per address"
        )
    return flat.astype(np.uint8, copy=False)


def run_clocked(
    network: QuantizedNetwork,
    inputs: np.ndarray,
    *,
    record: Collection[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> GoldenRun:
    """Run every sample from the initial state.

    Parameters
    ----------
    network
        The integer network.
    inputs
        uint8 spikes 0 to ``network.input_max`` (mostly 1), shape (time, sample, ...) with the
        network's input shape flattened or not.
    record
        Names of the groups whose potentials are kept; a readout group's always are.
    on_progress
        Called with (samples done, samples).

    Raises
    ------
    UserError
        The input's width is not the network's, or its values are not spikes it allows.
    """
    flat = checked_input(network, inputs)
    steps, samples = flat.shape[:2]
    run = GoldenRun.empty(network, steps, samples, record)
    engine = _Engine(network)
    widest = max(g.size for g in network.groups)
    block = max(1, BLOCK_BYTES // (8 * max(1, steps) * widest))
    for start in range(0, samples, block):
        part = slice(start, min(start + block, samples))
        engine.run(flat[:, part], run, part)
        on_progress(part.stop, samples)
    return run


def output_of(network: QuantizedNetwork, run: GoldenRun, readout: ReadoutKind | None = None) -> np.ndarray:
    """What the output group says per step: spikes, uint8, or potentials as real numbers.

    Shape (time, sample, neuron); the same form as the float simulator's ``out``. ``readout`` "membrane"
    reads potentials of a group that fires, too; such a group must have been recorded.
    """
    group = network.group(network.output)
    if not group.readout and readout != "membrane":
        return run.spikes[group.name]
    return group.real(run.potentials[group.name])


class _Engine:
    """A network ready to run: exact weighted sums, and the order in which groups can advance."""

    def __init__(self, network: QuantizedNetwork) -> None:
        self._network = network
        self._sums = {
            p.name: WeightedSum(
                p.all_operators,
                network.source_size(p.source),
                _most(network, p.source),
                network.group(p.target).fractional_bits + p.shift,
            )
            for p in network.projections
        }
        self._order = {g.name: i for i, g in enumerate(network.groups)}
        self._blocks = blocks(network)

    def run(self, inputs: np.ndarray, run: GoldenRun, part: slice) -> None:
        """One block of samples, (time, sample, address), into ``run``'s samples ``part``."""
        known = {INPUT: inputs}
        for names in self._blocks:
            for name in names:
                # Written step by step, so that loops read what is already there.
                known[name] = run.spikes[name][:, part]
            self._advance(names, known, run, part)

    def _advance(self, names: list[str], known: dict[str, np.ndarray], run: GoldenRun, part: slice) -> None:
        """All steps of groups that a loop ties together (or of one group)."""
        steps, batch = known[INPUT].shape[:2]
        states = {name: GroupState(self._network.group(name), batch) for name in names}
        drives = {name: self._drive(name, names, known) for name in names}
        inner = {name: [p for p in self._network.into(name) if p.source in names] for name in names}
        for step in range(steps):
            for name in names:
                state, total = states[name], drives[name]
                x = np.zeros(1, state.dtype) if total is None else total[step]
                for p in inner[name]:
                    late = self._late(p)
                    if step >= late:
                        x = x + self._sums[p.name](known[p.source][step - late]).astype(state.dtype)
                if x.ndim < 2:
                    x = np.zeros((batch, self._network.group(name).size), state.dtype)
                known[name][step] = state.step(x)
                if name in run.potentials:
                    run.potentials[name][step, part] = state.v
        for name in names:
            run.saturated[name] += states[name].saturated
            run.saturations[name] += int(states[name].saturated.sum())

    def _late(self, p: QuantizedProjection) -> int:
        loop = p.source != INPUT and self._order[p.source] >= self._order[p.target]
        return p.delay + loop

    def _drive(self, name: str, block: list[str], known: dict[str, np.ndarray]) -> np.ndarray | None:
        """The sums of all projections from outside the loop, (time, batch, n); None without any."""
        total: np.ndarray | None = None
        for p in self._network.into(name):
            if p.source in block:
                continue
            spikes = known[p.source]
            steps, batch = spikes.shape[:2]
            moved = max(0, steps - self._late(p))
            if not moved:
                continue
            rows = np.ascontiguousarray(spikes[:moved]).reshape(moved * batch, -1)
            product = self._sums[p.name](rows).reshape(moved, batch, -1)
            if total is None and moved == steps:
                total = product
                continue
            if total is None:
                total = np.zeros((steps, batch, product.shape[2]), np.int64)
            elif total.dtype != np.int64:
                # Each sum is exact by itself; the total of several has no such proof.
                total = total.astype(np.int64)
            total[steps - moved :] += product.astype(np.int64)
        return total


def _most(network: QuantizedNetwork, source: str) -> int:
    if source == INPUT:
        return network.input_max
    return network.group(source).max_spikes


def tick(group: QuantizedGroup, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """End one time step: clamp, fire, reset, leak, bias (see ``quantize/network.py``).

    Parameters
    ----------
    group
        The neuron parameters; ``v`` may be any (..., n) or a subset given a matching group.
    v
        int64: the stored state plus this step's weighted events.

    Returns
    -------
    v, fired, state, saturated
        The traced potential, the spikes (bool), the next stored state, and how many met the clamp.
    """
    saturated = 0
    if group.v_low is not None and group.v_high is not None:
        clamped = np.clip(v, group.v_low, group.v_high)
        saturated = int(np.count_nonzero(clamped != v))
        v = clamped
    fired = v >= group.threshold
    if not group.reset_delay:
        if group.reset == "subtract":
            v = v - fired * group.reset_amount
        elif group.reset == "value":
            v = np.where(fired, group.reset_value, v)
    left = np.where(fired, group.reset_value, v) if group.reset == "value" else v
    lost = left * group.leak_numerator
    if group.leak_rounding == "zero":
        lost = lost + (left > 0) * ((1 << group.leak_shift) - 1)
    state = left - (lost >> group.leak_shift) + group.bias
    if group.reset_delay and group.reset == "subtract":
        state = state - fired * group.reset_amount
    return v, fired, state, saturated
