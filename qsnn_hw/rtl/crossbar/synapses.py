"""The synapses of a crossbar tile: arrays of words, of which only the one with the wanted row wakes."""

from typing import Literal

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import memory
from amaranth.utils import ceil_log2

from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.pieces import pieces
from qsnn_hw.rtl.group.choose import select
from qsnn_hw.rtl.group.synapse_memory import SynapseBanks
from qsnn_hw.rtl.macros import OnePortMacro
from qsnn_hw.rtl.text.memory_style import memory_attributes

MACRO_OF: dict[str, Literal["1rw", "latches"]] = {"sram": "1rw", "latches": "latches"}
"""What holds the words of an array by the style of a tile; "constants" are logic."""


class SynapseArrays(SynapseBanks):
    """The synapse words of a tile, in arrays one above the other: a crossbar of rows and columns.

    A word holds the weights of one row to ``lanes`` columns; a row of the crossbar is as many words as
    columns need. "sram" are macros and "latches" are standard cells, both written by ``load``; "constants"
    are logic. Silent arrays rest: they see neither a clock enable nor, of constants, a new row.

    Latency: ``data0`` shows the row at ``row0`` in the cycle after ``en``, and means nothing later.
    Throughput: one word a cycle; no handshake. A word of ``load`` takes the port of its array.

    Parameters
    ----------
    plan
        Of a tile. ``synapse_shape`` gives depth (a power of two) and width of an array.

    Members
    -------
    As :class:`~qsnn_hw.rtl.group.synapse_memory.SynapseBanks` with one bank.
    """

    def __init__(self, plan: GroupPlan) -> None:
        if not plan.crossbar:
            raise ValueError(f"Style must be that of a crossbar tile, not {plan.synapse_style!r}")
        if plan.event_lanes != 1:
            raise ValueError(f"A crossbar tile must take one event a cycle, not {plan.event_lanes!r}")
        constant = plan.synapse_style == "constants"
        if constant != (plan.synapse_store == "rom"):
            raise ValueError(f"Store of {plan.synapse_style} must not be {plan.synapse_store!r}")
        deep = plan.synapse_shape[0] if plan.synapse_shape else 0
        if deep < 1 or deep & (deep - 1):
            raise ValueError(f"Depth of an array must be a power of two, not {deep!r}")
        super().__init__(plan)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, row = self._plan, self.row0
        deep = plan.synapse_shape[0]
        low = ceil_log2(deep)
        parts = pieces((deep, self._width), plan.synapse_rows, self._width)
        shown = []
        for level, (first, _, rows, _) in enumerate(parts):
            if plan.synapse_style == "constants":
                shown.append(self._constants(m, level, first, rows))
                continue
            array = OnePortMacro(rows, self._width, MACRO_OF[plan.synapse_style])
            m.submodules[f"array{level}"] = array
            reads = self.en[0] & self._here(row, low, level, len(parts))
            writes = self.load.en[0] & self._here(self.load.row, low, level, len(parts))
            address = Mux(self.load.en[0], self.load.row, row)[:low]
            m.d.comb += [
                array.ce.eq(reads | writes),
                array.we.eq(writes),
                array.addr.eq(address),
                array.wdata.eq(self.load.data),
            ]
            shown.append(array.rdata)
        if len(parts) == 1:
            m.d.comb += self.data0.eq(shown[0])
            return m
        which = Signal(ceil_log2(len(parts)))
        with m.If(self.en[0]):
            m.d.sync += which.eq(row[low:])
        m.d.comb += self.data0.eq(select([Cat(word) for word in shown], which))
        return m

    def _here(self, row: Value, low: int, level: int, levels: int) -> Value:
        """Whether a row lies in the array of this level."""
        return row[low:] == level if levels > 1 else Const(1)

    def _constants(self, m: Module, level: int, first: int, rows: int) -> Value:
        """Words as logic behind a register of the row, which only a read of this array changes."""
        plan = self._plan
        low = ceil_log2(plan.synapse_shape[0])
        words = plan.synapse_words(0)[first : first + rows]
        if rows == 1:
            return Const(words[0], self._width)
        array = memory.Memory(
            shape=self._width, depth=rows, init=words, attrs=memory_attributes("rom", "logic")
        )
        m.submodules[f"array{level}"] = array
        read = array.read_port(domain="comb")
        held = Signal(ceil_log2(rows), name=f"row_of_array{level}", reset_less=True)
        levels = -(-plan.synapse_rows // plan.synapse_shape[0])
        with m.If(self.en[0] & self._here(self.row0, low, level, levels)):
            m.d.sync += held.eq(self.row0)
        m.d.comb += read.addr.eq(held)
        return read.data
