"""Float reference simulator: a network's spikes as its own framework computes them.

Samples run in batches. A projection whose source is known for all time steps (the input, or an
earlier group outside any loop) is one GEMM over all steps; inside a loop it is one GEMM per step.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import INPUT, MAX_SPIKES, Network, Projection
from qsnn_hw.model.neuron import GroupState
from qsnn_hw.model.readouts import answers, default_readout
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress

_BATCH_BYTES = 64 << 20


@dataclass(frozen=True)
class FloatRun:
    """What a simulation recorded.

    Parameters
    ----------
    out
        Output spikes per step, uint8, shape (time, sample, neuron); for a readout group, which
        never fires, its potentials as floats.
    spikes
        Group -> spikes, uint8, shape (time, sample, neuron).
    potentials
        Group -> the potential stored at the end of each step, floating, same shape.
    """

    out: np.ndarray
    spikes: dict[str, np.ndarray] = field(default_factory=dict)
    potentials: dict[str, np.ndarray] = field(default_factory=dict)


def simulate(
    network: Network,
    input: np.ndarray,
    *,
    dtype: type[np.floating] = np.float32,
    record: Collection[str] = (),
    record_potentials: Collection[str] = (),
    batch: int | None = None,
    progress: Progress = SILENT,
) -> FloatRun:
    """Run a network over samples, every state starting at 0.

    Parameters
    ----------
    input
        Spike counts (or, for single-neuron studies, real values), shape
        (time, sample, *network.input_shape) or the same flattened.
    dtype
        np.float32 follows the frameworks bit for bit as far as the matrix products' order allows.
    record, record_potentials
        Names of groups whose spikes and stored potentials to keep.
    batch
        Samples at a time; None chooses by memory.

    Raises
    ------
    UserError
        The input's width is not the network's, a name to record is unknown, or a neuron emits more
        than 255 spikes in one step.
    """
    known = {group.name for group in network.groups}
    for name in (*record, *record_potentials):
        if name not in known:
            raise UserError(
                f"no neuron group {name!r} to record; {network.name} has {', '.join(sorted(known))}"
            )
    if input.ndim < 3:
        raise UserError(f"input has shape {input.shape}, not (time, sample, addresses)")
    steps, samples = input.shape[:2]
    flat = input.reshape(steps, samples, -1)
    if flat.shape[2] != network.input_size:
        raise UserError(
            f"input has {flat.shape[2]} addresses per step, the network wants {network.input_size}"
        )
    size = _batch_size(network, steps, np.dtype(dtype).itemsize) if batch is None else batch
    if size < 1:
        raise UserError(f"batch is a positive number of samples, not {batch}")
    parts: list[FloatRun] = []
    with progress.task("float simulation") as task:
        for start in range(0, samples, size):
            chunk = flat[:, start : start + size].astype(dtype)
            parts.append(_Batch(network, chunk, set(record), set(record_potentials)).run())
            task.update(min(start + size, samples), samples)
    return _joined(network, parts, steps, np.dtype(dtype))


def read_output(network: Network, run: FloatRun, readout: ReadoutKind) -> np.ndarray:
    """What ``readout`` reads of the output group, shape (time, sample, neuron).

    "membrane" reads potentials: a group with a threshold must have been in ``record_potentials``.
    """
    if readout == "membrane" and network.group(network.output).threshold is not None:
        return run.potentials[network.output]
    return run.out


def predict(out: np.ndarray, readout: ReadoutKind | None = None) -> np.ndarray:
    """The class of each sample, int64 of shape (sample,).

    Parameters
    ----------
    out
        What the readout reads, shape (time, sample, neuron).
    readout
        None: the default of what ``out`` holds, "count" for spikes and "membrane" for real numbers.
    """
    return answers(readout or default_readout(out.dtype.kind in "iub"), out)


def accuracy(out: np.ndarray, label: np.ndarray, readout: ReadoutKind | None = None) -> float:
    """The fraction of samples, 0 to 1, whose :func:`predict` equals ``label``.

    Raises
    ------
    UserError
        The numbers of samples differ, or there are none.
    """
    if out.shape[1] != label.shape[0] or not label.size:
        raise UserError(f"accuracy needs one label a sample, not {label.shape[0]} for {out.shape[1]} samples")
    return float(np.mean(predict(out, readout) == label))


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class _Wired(Protocol):
    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...


class Wiring(Protocol):
    """Groups and projections by name, whatever their numbers are: a network, in reals or in integers."""

    @property
    def groups(self) -> Sequence[_Named]: ...
    @property
    def projections(self) -> Sequence[_Wired]: ...


def blocks(network: Wiring) -> list[list[str]]:
    """Groups in order, those that a loop ties together in one block."""
    order = [group.name for group in network.groups]
    position = {name: i for i, name in enumerate(order)}
    reach = list(range(len(order)))
    for p in network.projections:
        if p.source != INPUT and position[p.source] >= position[p.target]:
            at = position[p.target]
            reach[at] = max(reach[at], position[p.source])
    grouped: list[list[str]] = []
    start = 0
    while start < len(order):
        end, scan = start, start
        while scan <= end:
            end = max(end, reach[scan])
            scan += 1
        grouped.append(order[start : end + 1])
        start = end + 1
    return grouped


def _batch_size(network: Network, steps: int, itemsize: int) -> int:
    widest = max([network.input_size, *(group.size for group in network.groups)])
    return max(1, _BATCH_BYTES // (steps * widest * itemsize))


def _joined(network: Network, parts: list[FloatRun], steps: int, dtype: np.dtype) -> FloatRun:
    if not parts:
        group = network.group(network.output)
        kind = np.dtype(np.uint8) if group.threshold is not None else dtype
        return FloatRun(np.zeros((steps, 0, group.size), kind))
    return FloatRun(
        np.concatenate([part.out for part in parts], axis=1),
        {name: np.concatenate([part.spikes[name] for part in parts], axis=1) for name in parts[0].spikes},
        {
            name: np.concatenate([part.potentials[name] for part in parts], axis=1)
            for name in parts[0].potentials
        },
    )


class _Batch:
    """One batch of samples through the whole network."""

    def __init__(self, network: Network, x: np.ndarray, record: set[str], potentials: set[str]) -> None:
        self._network = network
        self._record = record
        self._record_potentials = potentials
        # Source -> values for all steps, (time, batch, n), kept while a later block needs them.
        self._known: dict[str, np.ndarray] = {INPUT: x}
        self._run = FloatRun(np.empty(0))

    def run(self) -> FloatRun:
        out = np.empty(0)
        in_order = blocks(self._network)
        for i, names in enumerate(in_order):
            spikes, potentials = self._block(names)
            for name in names:
                group = self._network.group(name)
                if group.rest is not None and name in potentials:
                    potentials[name] += group.rest.astype(potentials[name].dtype)
                if name in self._record:
                    self._run.spikes[name] = _as_counts(name, spikes[name])
                if name in self._record_potentials:
                    self._run.potentials[name] = potentials[name]
                if name == self._network.output:
                    silent = group.threshold is None
                    out = potentials[name] if silent else _as_counts(name, spikes[name])
            self._known.update(spikes)
            later = {p.source for names_ in in_order[i + 1 :] for n in names_ for p in self._network.into(n)}
            self._known = {name: x for name, x in self._known.items() if name in later}
        return FloatRun(out, self._run.spikes, self._run.potentials)

    def _block(self, names: list[str]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        steps, batch = next(iter(self._known.values())).shape[:2]
        dtype = next(iter(self._known.values())).dtype
        states = {name: GroupState(self._network.group(name), batch, dtype) for name in names}
        position = {group.name: i for i, group in enumerate(self._network.groups)}
        # Feed-forward drive for all steps; loops inside the block step by step.
        drive = {name: [self._whole(p) for p in self._outside(name, names)] for name in names}
        inner = {name: [p for p in self._network.into(name) if p.source in names] for name in names}
        keep_v = {
            name: np.empty((steps, batch, self._network.group(name).size), dtype)
            for name in names
            if name in self._record_potentials or self._network.group(name).threshold is None
        }
        spikes = {name: np.zeros((steps, batch, self._network.group(name).size), dtype) for name in names}
        for step in range(steps):
            for name in names:
                inputs = [x[step] for x in drive[name]]
                for p in inner[name]:
                    late = p.delay + (position[p.source] >= position[name])
                    before = (
                        spikes[p.source][step - late]
                        if step >= late
                        else np.zeros((batch, self._network.group(p.source).size), dtype)
                    )
                    inputs.append(apply_operators(p.operators, before))
                states[name].step(inputs)
                spikes[name][step] = states[name].spikes
                if name in keep_v:
                    keep_v[name][step] = states[name].v
        return spikes, keep_v

    def _outside(self, name: str, block: list[str]) -> list[Projection]:
        return [p for p in self._network.into(name) if p.source not in block]

    def _whole(self, projection: Projection) -> np.ndarray:
        x = self._known[projection.source]
        steps, batch, _ = x.shape
        if projection.delay:
            late = np.zeros_like(x)
            late[projection.delay :] = x[: max(0, steps - projection.delay)]
            x = late
        y = apply_operators(projection.operators, x.reshape(steps * batch, -1))
        return y.reshape(steps, batch, -1)


def _as_counts(name: str, spikes: np.ndarray) -> np.ndarray:
    most = spikes.max(initial=0)
    if most > MAX_SPIKES:
        raise UserError(
            f"group {name!r} emits {most:.0f} spikes of one neuron in one step, over {MAX_SPIKES}; the "
            "threshold is too low for its weights, or set max_spikes=1"
        )
    return spikes.astype(np.uint8)
