"""What the streams and trace ports of a design look like from outside, as plain arrays."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from qsnn_hw.host.stream_words import slot_bits, tick_bit
from qsnn_hw.plan import GroupPlan, HardwarePlan
from qsnn_hw.support.record_types import Array


@dataclass(frozen=True)
class StreamLayout:
    """One AER stream.

    Parameters
    ----------
    addresses
        int64, shape (neurons or inputs,): the address of each.
    slots
        Events per word.
    """

    addresses: Annotated[np.ndarray, Array("i", "address")]
    slots: int

    @property
    def size(self) -> int:
        """One more than the highest address in use."""
        return int(self.addresses.max()) + 1

    @property
    def slot_bits(self) -> int:
        """Width of one slot's address."""
        return slot_bits(self.size, self.slots)

    @property
    def tick(self) -> int:
        """The bit of a word that makes it a tick: the highest, above ``present`` where there is one."""
        return 1 << tick_bit(self.size, self.slots)

    def neuron_of_address(self) -> np.ndarray:
        """int64, shape (size,): whose address it is; -1 for nobody's."""
        owner = np.full(self.size, -1, dtype=np.int64)
        owner[self.addresses] = np.arange(self.addresses.size)
        return owner


@dataclass(frozen=True)
class TraceLayout:
    """The trace ports of one neuron group.

    Its potentials come one row of slots in each ``valid`` cycle, the words it sent several at a time.

    Parameters
    ----------
    port
        Prefix of the signals that show potentials.
    row_port
        Name of the signal behind the prefix that says which row it is.
    rows, lanes
        Rows per time step, potentials per row.
    v_bits
        Of one potential.
    neuron_of_slot
        int64, shape (rows * lanes,): which neuron a slot is; -1 for none. Every neuron has one slot.
    sent_port, activity_port
        Prefixes of the signals that show words sent to the router, and of the activity counters.
    sent
        How those words are addressed and packed.
    """

    port: str
    row_port: str
    rows: int
    lanes: int
    v_bits: int
    neuron_of_slot: Annotated[np.ndarray, Array("i", "slot")]
    sent_port: str
    activity_port: str
    sent: StreamLayout

    def __post_init__(self) -> None:
        if self.neuron_of_slot.shape != (self.rows * self.lanes,):
            raise ValueError(
                f"Slots must be {self.rows} rows of {self.lanes}, not {self.neuron_of_slot.shape}"
            )
        used = np.sort(self.neuron_of_slot[self.neuron_of_slot >= 0])
        if not np.array_equal(used, np.arange(used.size)):
            raise ValueError(f"Every neuron must have exactly one slot, not {self.neuron_of_slot!r}")

    def slot_of_neuron(self) -> np.ndarray:
        """int64, shape (neurons,): the inverse of ``neuron_of_slot``."""
        used = np.flatnonzero(self.neuron_of_slot >= 0)
        return used[np.argsort(self.neuron_of_slot[used])]


def stream_layouts(plan: HardwarePlan) -> tuple[StreamLayout, StreamLayout]:
    """The input and the output stream of a design."""
    return (
        StreamLayout(plan.input_space.addresses(), plan.input_lanes),
        StreamLayout(plan.output_space.addresses(), plan.output_lanes),
    )


def trace_layout(group: GroupPlan) -> TraceLayout:
    """The trace ports of a group."""
    return TraceLayout(
        port=f"trace_{group.name}",
        row_port="row",
        rows=group.update_rows,
        lanes=group.update_lanes,
        v_bits=group.neuron.v_bits,
        neuron_of_slot=np.asarray(group.neuron_of_slot),
        sent_port=f"sent_{group.name}",
        activity_port=f"activity_{group.name}",
        sent=StreamLayout(group.space.addresses(), group.output_lanes),
    )
