"""What the parts of a neuron group say to each other.

walker -> (synapse operations) -> accumulators -> (sweep link) -> update sweep -> AER stream
"""

from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.plan.group_plan import GroupPlan


class SynapseOperation(data.StructLayout):
    """Add one synapse row per present bank into one fold; or a tick.

    ``row<k>``: row in bank ``k``; ``present``: which banks add; ``fold``: where to; ``tick``: the step
    ends (no row is added), ``last``: and the sample with it.

    Parameters
    ----------
    plan
        ``synapse_rows``, ``event_lanes`` and ``folds`` of the group.
    """

    def __init__(self, plan: GroupPlan) -> None:
        row = max(1, ceil_log2(plan.synapse_rows))
        members: dict[str, ShapeLike] = {f"row{k}": row for k in range(plan.event_lanes)}
        members |= {"present": plan.event_lanes, "fold": max(1, ceil_log2(plan.folds)), "tick": 1, "last": 1}
        super().__init__(members)


def operation_signature(plan: GroupPlan) -> stream.Signature:
    """The stream of synapse operations into a group's accumulators."""
    return stream.Signature(SynapseOperation(plan))


class SweepStart(data.StructLayout):
    """A step has ended: update every neuron; ``last``: then start a new sample."""

    def __init__(self) -> None:
        super().__init__({"last": 1})


class LoadSignature(wiring.Signature):
    """What fills a synapse memory at start: one row of one bank per cycle, as the loader sees it.

    A row may not be read in the cycle that writes it.

    Parameters
    ----------
    banks
        Memories side by side (event lanes).
    rows
        Depth of each.
    width
        Bits of a row.

    Members
    -------
    en : Out(banks)
        One bit at a time.
    row : Out(range(rows))
    data : Out(width)
        A whole row, lane 0 in the lowest bits.
    """

    def __init__(self, banks: int, rows: int, width: int) -> None:
        for name, value in (("Banks", banks), ("Rows", rows), ("Width", width)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        self.banks, self.rows, self.width = banks, rows, width
        super().__init__({"en": Out(banks), "row": Out(max(1, ceil_log2(rows))), "data": Out(width)})

    @property
    def row_bytes(self) -> int:
        """Bytes that carry one row."""
        return -(-self.width // 8)


def load_signature(plan: GroupPlan) -> LoadSignature:
    """What fills the synapse memory of a group."""
    return LoadSignature(plan.event_lanes, plan.synapse_rows, plan.lanes * plan.weight_bits)


def load_members(plan: GroupPlan) -> dict[str, wiring.Member]:
    """The port ``load`` of whatever has the group's synapse memory in it, where that is a RAM."""
    return {"load": In(load_signature(plan))} if plan.synapse_store == "ram" else {}


def sweep_signature(plan: GroupPlan) -> wiring.Signature:
    """The link between accumulators and update sweep, as the accumulators see it.

    Members
    -------
    start : Out(stream.Signature(SweepStart()))
        A step is complete. The sweep takes the word when the sweep before has ended altogether.
    busy : In(1)
        From the cycle in which ``start`` moves until the last write of that sweep is done, that
        cycle included; also during the silent sweep after reset. In "memory" the accumulators belong
        to the sweep as long as it is 1.
    read_en : In(1)
    read_row : In(range(update_rows))
        The update row wanted; in a sweep all rows in ascending order, each once.
    x : Out(update_lanes * acc_bits)
        The accumulators of that row in the cycle after ``read_en``, unchanged until the next
        ``read_en``; lane 0 in the lowest bits.
    write_en, write_row, write_data : In(1), In(range(update_rows)), In(update_lanes * acc_bits)
        "memory" only: what events add to from now on. Rows are written in ascending order, each once
        per sweep, each after it was read.
    """
    row = max(1, ceil_log2(plan.update_rows))
    width = plan.update_lanes * plan.acc_bits
    members = {
        "start": Out(stream.Signature(SweepStart())),
        "busy": In(1),
        "read_en": In(1),
        "read_row": In(row),
        "x": Out(width),
    }
    if plan.accumulators == "memory":
        members |= {"write_en": In(1), "write_row": In(row), "write_data": In(width)}
    return wiring.Signature(members)
