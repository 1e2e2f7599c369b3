"""The columns of a crossbar tile: what a row's weights are added to."""

from amaranth.hdl import Cat, Module, Signal, Value

from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.rtl.crossbar.synapses import SynapseArrays
from qsnn_hw.rtl.group.accumulate import MemoryAccumulators
from qsnn_hw.rtl.group.choose import select
from qsnn_hw.rtl.group.synapse_memory import SynapseSums


class Columns(MemoryAccumulators):
    """The stored value of every column, what rows add to it, and the link to the sweep.

    A column's value is the state that the sweep left, so it exists once: no sum stands beside it. With one
    fold all columns are registers and a row is added in one cycle; a column whose weight is 0 keeps its
    clock off. With more folds the columns share ``lanes`` adders and their values are words of a memory; a
    word of zeros is not written back.

    Handshake, latency and throughput: those of
    :class:`~qsnn_hw.rtl.group.accumulate.MemoryAccumulators`.

    Parameters
    ----------
    plan
        Of a tile.

    Members
    -------
    i : In(operation_signature(plan))
    link : Out(sweep_signature(plan))
    load : In(load_signature(plan)), only where the synapses are loaded
    """

    def __init__(self, plan: GroupPlan) -> None:
        super().__init__(plan)

    def _sums(self) -> SynapseSums:
        return SynapseSums(self._plan, banks=SynapseArrays(self._plan))

    def _stores(self, sums: SynapseSums, taken: Value) -> Value:
        return taken & Cat(self._adds(sums, lane) for lane in range(self._plan.lanes)).any()

    def _adds(self, sums: SynapseSums, lane: int) -> Value:
        weight: Value = getattr(sums, f"sum{lane}")
        return weight.any()

    def _registers(self, m: Module, sums: SynapseSums, taken: list[Signal], folds: list[Value]) -> None:
        plan, link = self._plan, self.link
        values = [Signal(plan.acc_bits, name=f"column{lane}", reset_less=True) for lane in range(plan.lanes)]
        added = self._added(Cat(values), sums)
        for lane, value in enumerate(values):
            row, part = divmod(lane, plan.update_lanes)
            with m.If(link.write_en & (link.write_row == row)):
                m.d.sync += value.eq(link.write_data.word_select(part, plan.acc_bits))
            with m.Elif(taken[-1] & self._adds(sums, lane)):
                m.d.sync += value.eq(added.word_select(lane, plan.acc_bits))
        rows = [Cat(values[at : at + plan.update_lanes]) for at in range(0, plan.lanes, plan.update_lanes)]
        shown = Signal.like(link.read_row)
        with m.If(link.read_en):
            m.d.sync += shown.eq(link.read_row)
        m.d.comb += link.x.eq(select(rows, shown))
