"""Where the bytes of loaded weights go."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value

from qsnn_hw.rtl.group.links import LoadSignature
from qsnn_hw.verify.formal.properties import Harness, moves


class LoadOnce(Harness):
    """Every row of every bank is written once, with its own bytes, and then it is done; anew after a restart.

    The solver chooses a row of a bank. Counted are the bytes since the last restart, which may come at any
    time: the row's bytes are those at its place, the lowest first.
    """

    def __init__(self, dut: Any, memories: Sequence[LoadSignature]) -> None:
        super().__init__(dut, [dut.i], [])
        self._memories = tuple(memories)
        self._rows = [
            (k, bank, row) for k, m in enumerate(memories) for bank in range(m.banks) for row in range(m.rows)
        ]
        self._which = Signal(range(max(2, len(self._rows))), name="which")
        self.ports += [dut.restart, self._which]

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, total = self._dut, sum(self._memories[k].row_bytes for k, _, _ in self._rows)
        begun, which = Signal(), Signal.like(self._which)
        m.d.sync += [begun.eq(1), which.eq(self._which)]
        m.d.comb += [Assume(~begun | (which == self._which)), Assume(self._which < len(self._rows))]
        taken, come = moves(dut.i), Signal(range(total + 1))
        with m.If(dut.restart):
            m.d.sync += come.eq(0)
        with m.Elif(taken):
            m.d.sync += come.eq(come + 1)
        m.d.comb += [
            Assert(dut.done == (come == total)),
            Assert(dut.i.ready == (~dut.done & ~dut.restart)),
        ]
        # The chosen row's bytes as they come, and how often it has been written.
        written = Signal(2)
        first = 0
        enables = []
        for number, (k, bank, row) in enumerate(self._rows):
            memory, load = self._memories[k], getattr(dut, f"load{k}")
            chosen = self._which == number
            bits = Signal(8 * memory.row_bytes, name=f"bytes{number}")
            for place in range(memory.row_bytes):
                with m.If(taken & (come == first + place)):
                    m.d.sync += bits.word_select(place, 8).eq(dut.i.payload)
            complete = Cat(bits[: 8 * (memory.row_bytes - 1)], dut.i.payload)[: memory.width]
            writes = load.en[bank] & (load.row == row)
            with m.If(chosen):
                m.d.comb += Assert(~writes | (load.data == complete))
                m.d.comb += Assert(writes == (taken & (come == first + memory.row_bytes - 1)))
            enables.append(chosen & writes)
            first += memory.row_bytes
        with m.If(dut.restart):
            m.d.sync += written.eq(0)
        with m.Elif(Cat(enables).any()):
            m.d.sync += written.eq(Mux(written.all(), written, written + 1))
        m.d.comb += [Assert(written < 2), Assert(~dut.done | (written == 1))]
        # One row in one bank at a time.
        bit: Value = Cat(getattr(dut, f"load{k}").en for k in range(len(self._memories)))
        m.d.comb += Assert((bit & (bit - 1)[: len(bit)]) == 0)
