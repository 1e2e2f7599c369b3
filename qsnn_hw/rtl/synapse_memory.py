"""The weight ROM of a neuron group."""

from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

# A ROM of fewer bits is smaller in LUTs than it is worth in block RAM.
_BLOCK_BITS = 1024


class SynapseMemory(wiring.Component):
    """Weights by row; a row holds the weights from one source to all lanes of one fold.

    Latency: 1 cycle. Throughput: one row per cycle.

    Parameters
    ----------
    rows
        Packed rows, lane 0 in the lowest bits (``GroupPlan.synapse_words()``).
    width
        Bits of a row.

    Members
    -------
    en : In(1)
    row : In(range(len(rows)))
    data : Out(width)
    """

    def __init__(self, rows: list[int], width: int) -> None:
        self._rows, self._width = rows, width
        super().__init__({"en": In(1), "row": In(ceil_log2(len(rows))), "data": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.rows = rows = memory.Memory(
            shape=self._width,
            depth=len(self._rows),
            init=self._rows,
            # Left alone, synthesis builds ROMs of a few kilobits from LUTs while block RAM lies idle.
            attrs={"rom_style": "block"} if self._width * len(self._rows) >= _BLOCK_BITS else {},
        )
        read = rows.read_port()
        m.d.comb += [read.en.eq(self.en), read.addr.eq(self.row), self.data.eq(read.data)]
        return m
