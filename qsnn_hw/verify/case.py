"""A verification case: everything the simulator's side needs, as plain arrays in one file.

The hardware plan, the input and the golden run go in; what the in-simulator tests in ``sim/`` read
comes out. They need to know nothing of networks or plans.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Self

import numpy as np

from qsnn_hw.golden import GoldenRun
from qsnn_hw.plan import GroupPlan, HardwarePlan
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.record_types import Array
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.verify.layout import StreamLayout, TraceLayout, stream_layouts, trace_layout
from qsnn_hw.verify.work import step_cycles

_BESIDE = np.zeros((0, 0, 0), np.uint8)
"""Stands in the case's file for an array that has a file of its own."""


@dataclass(frozen=True)
class GroupCase:
    """The trace ports of one neuron group and what they must show.

    Parameters
    ----------
    group
        Name of the group in the network; messages use it.
    trace
        Its ports.
    potentials
        Integers, shape (time, sample, neurons): the golden potential after every tick. Of a case
        from a file they lie in that file until they are looked at, as do its spikes.
    spikes
        uint8, same shape: golden spikes of each neuron in each time step.
    """

    group: str
    trace: TraceLayout
    potentials: np.ndarray
    spikes: np.ndarray

    @property
    def neurons(self) -> int:
        """Without padding."""
        return int(self.potentials.shape[2])


@dataclass(frozen=True)
class Case(StoredRecord, form="verification case 7"):
    """One verification run: stimulus, expected answer and how roughly to treat the design.

    Parameters
    ----------
    top
        Name of the Verilog top module.
    output_group
        Name of the group whose spikes are the output stream.
    output_parts
        Those of ``groups`` that it is made of, in the order of its neurons: itself, or its tiles.
    inputs
        uint8 events of each in each time step, shape (time, sample, input); more than 1 is as many
        events of one address.
    input_stream, output_stream
        How input and output events are addressed and packed.
    groups
        In topological order, so that a first difference names its cause and not what followed.
    counters
        Names of the counters behind each group's activity port.
    seed
        Of the random idle gaps and the random backpressure.
    idle
        Probability that the driver pauses before a word of the stress pass.
    backpressure
        Share of cycles in which the monitor is not ready during the stress pass.
    hang_cycles
        Cycles without any progress after which the design counts as hung.
    weights
        uint8: the bytes that fill its synapse memories after reset; none where they are ROMs.
    """

    top: str
    output_group: str
    output_parts: tuple[str, ...]
    inputs: np.ndarray
    input_stream: StreamLayout
    output_stream: StreamLayout
    groups: tuple[GroupCase, ...]
    counters: tuple[str, ...]
    seed: int
    idle: float
    backpressure: float
    hang_cycles: int
    weights: Annotated[np.ndarray, Array("u", "byte")]

    @property
    def steps(self) -> int:
        """Time steps of a sample."""
        return int(self.inputs.shape[0])

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.inputs.shape[1])

    def group(self, name: str) -> GroupCase:
        """The group of this name in the network."""
        return next(group for group in self.groups if group.group == name)

    @property
    def outputs(self) -> np.ndarray:
        """uint8 golden spikes of the output group, shape (time, sample, neuron)."""
        parts = [self.group(name).spikes for name in self.output_parts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def part(self, start: int, stop: int) -> "Case":
        """The same case with samples ``start`` to ``stop - 1`` only."""
        samples = slice(start, stop)
        return replace(
            self,
            inputs=self.inputs[:, samples],
            groups=tuple(
                replace(g, potentials=g.potentials[:, samples], spikes=g.spikes[:, samples])
                for g in self.groups
            ),
        )

    def save(self, path: Path | str) -> None:
        """Write the case as one .npz and, beside it, files of inputs, potentials and spikes; each whole."""
        path = Path(path)
        _save_by_sample(_values_file(path, "inputs"), self.inputs, np.uint8)
        for index, group in enumerate(self.groups):
            dtype = np.int16 if group.trace.v_bits <= 16 else np.int32
            _save_by_sample(_values_file(path, "potentials", index), group.potentials, dtype)
            _save_by_sample(_values_file(path, "spikes", index), group.spikes, np.uint8)
        groups = tuple(replace(group, potentials=_BESIDE, spikes=_BESIDE) for group in self.groups)
        self.form.save(replace(self, inputs=_BESIDE, groups=groups), path)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what :meth:`save` wrote; UserError when it is not such a file."""
        path = Path(path)
        bare = super().load(path)
        try:
            groups = []
            for index, group in enumerate(bare.groups):
                potentials, spikes = (_load_by_sample(path, what, index) for what in ("potentials", "spikes"))
                groups.append(replace(group, potentials=potentials, spikes=spikes))
            return replace(bare, inputs=_load_by_sample(path, "inputs"), groups=tuple(groups))
        except (ValueError, OSError) as error:
            cls.form.refuse(path, repr(error))


def _values_file(path: Path, what: str, index: int | None = None) -> Path:
    return path.with_suffix(f".{what}{'' if index is None else index}.npy")


def _load_by_sample(path: Path, what: str, index: int | None = None) -> np.ndarray:
    """Shape (time, sample, ...), left in the file until looked at."""
    stored: np.ndarray = np.load(_values_file(path, what, index), mmap_mode="r", allow_pickle=False)
    return stored.transpose(1, 0, 2)


def _save_by_sample(path: Path, values: np.ndarray, dtype: type[np.generic]) -> None:
    """Plain .npy, sample by sample, so that a simulator reads only the sample it compares."""
    steps, samples, neurons = values.shape
    with files.replacing(path) as temporary:
        stored = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=(samples, steps, neurons))
        for sample in range(samples):
            stored[sample] = values[:, sample]
        stored.flush()


def make_case(
    plan: HardwarePlan,
    inputs: np.ndarray,
    golden: GoldenRun,
    *,
    seed: int = 1,
    idle: float = 0.2,
    backpressure: float = 0.3,
) -> Case:
    """Gather a case from the plan that was built, its input, and what golden made of it.

    Parameters
    ----------
    plan
        The hardware.
    inputs
        uint8 events of each input in each step (mostly 0 or 1), shape (time, sample, ...).
    golden
        Spikes, and the potentials of every group (``run_clocked(..., record=all groups)``).

    Raises
    ------
    ValueError
        The golden run lacks a group's potentials, or belongs to other input, or a potential is wider
        than the design's.
    UserError
        ``idle`` or ``backpressure`` is no probability.
    """
    # Only here: the simulators load cases too, and need nothing of what builds hardware.
    from qsnn_hw.rtl.trace.activity import COUNTERS

    steps, samples = inputs.shape[:2]
    if not steps or not samples:
        raise ValueError(f"Input must have at least one time step and one sample, not {steps} and {samples}")
    flat = inputs.reshape(steps, samples, -1)
    input_stream, output_stream = stream_layouts(plan)
    if flat.shape[2] != input_stream.addresses.size:
        raise ValueError(f"Input must have {input_stream.addresses.size} addresses, not {flat.shape[2]}")
    all_potentials, all_spikes = plan.by_tile(golden.potentials), plan.by_tile(golden.spikes)
    groups = []
    for group in plan.groups:
        if group.group not in all_potentials:
            raise ValueError(f"Golden run must hold the potentials of group {group.group!r}: record them")
        spikes = all_spikes[group.group][:, :samples]
        groups.append(_group_case(group, all_potentials[group.group], spikes, (steps, samples)))
    _check_probability("idle", idle)
    _check_probability("backpressure", backpressure)
    return Case(
        top=plan.name,
        output_group=plan.output_group.network_group,
        output_parts=tuple(group.group for group in plan.output_groups),
        inputs=_counts("Input", flat),
        input_stream=input_stream,
        output_stream=output_stream,
        groups=tuple(groups),
        counters=COUNTERS,
        seed=seed,
        idle=idle,
        backpressure=backpressure,
        hang_cycles=_hang_cycles(step_cycles(plan, int(flat.max())), idle, backpressure),
        weights=np.frombuffer(plan.weight_bytes(), dtype=np.uint8),
    )


def _group_case(
    group: GroupPlan, potentials: np.ndarray, spikes: np.ndarray, size: tuple[int, int]
) -> GroupCase:
    """What golden made of a group, in ``size`` steps and samples; ValueError where it is not this group's."""
    if potentials.shape != (*size, group.neurons):
        raise ValueError(
            f"Golden potentials of group {group.group!r} must have shape "
            f"{(*size, group.neurons)}, not {potentials.shape}"
        )
    limit = 1 << (group.neuron.v_bits - 1)
    if potentials.min() < -limit or potentials.max() >= limit:
        raise ValueError(
            f"Golden potentials of group {group.group!r} must fit {group.neuron.v_bits} bits, "
            f"not reach from {potentials.min()} to {potentials.max()}"
        )
    counts = _counts(f"Spikes of group {group.group!r}", spikes)
    return GroupCase(group.group, trace_layout(group), potentials, counts)


def _counts(name: str, spikes: np.ndarray) -> np.ndarray:
    if spikes.min() < 0 or spikes.max() > 255:
        raise ValueError(
            f"{name} must be 0 to 255 events of each address and time step, "
            f"not {spikes.min()} to {spikes.max()}"
        )
    return spikes.astype(np.uint8, copy=False)


def _check_probability(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise UserError(f"{name} must be a probability from 0 to below 1, not {value!r}")


def _hang_cycles(step: int, idle: float, backpressure: float) -> int:
    """Far more cycles than any time step can take: every address fires, every word has to wait."""
    return int(8 * step / ((1 - idle) * (1 - backpressure)))
