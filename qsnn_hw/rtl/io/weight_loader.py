"""Bytes into the synapse memories of a design that is given its weights at start."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.rtl.group.links import LoadSignature


class WeightLoader(wiring.Component):
    """Fills memory after memory, bank after bank, row after row, from a stream of bytes.

    A row is ``ceil(width / 8)`` bytes, the lowest first; bits beyond the width are dropped
    (``host_protocol.encode_rows`` makes the bytes). Handshake: bytes are taken until ``done``, then
    refused; ``restart`` begins anew and ``done`` is 0 from the next cycle on. The network's
    input must be held back until ``done``: rows may not be read while they are written.

    Latency: a row is written in the cycle that takes its last byte; ``done`` rises in the cycle after the
    last row's. Throughput: one byte per cycle.

    Parameters
    ----------
    memories
        In the order in which they are filled, at least one.

    Members
    -------
    i : In(stream.Signature(8))
    restart : In(1)
    done : Out(1)
    load<k> : Out(memories[k])
    """

    def __init__(self, memories: Sequence[LoadSignature]) -> None:
        if not memories:
            raise ValueError(f"Memories must be at least one, not {list(memories)!r}")
        self._memories = tuple(memories)
        members: dict[str, wiring.Member] = {
            "i": In(stream.Signature(unsigned(8))),
            "restart": In(1),
            "done": Out(1),
        }
        members |= {f"load{k}": Out(loaded) for k, loaded in enumerate(self._memories)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        memories = self._memories
        row_bytes = [loaded.row_bytes for loaded in memories]
        banks = [(k, bank) for k, loaded in enumerate(memories) for bank in range(loaded.banks)]
        # Where the next byte goes: byte of the row, row, and which bank of which memory.
        place = Signal(range(max(2, *row_bytes)))
        row = Signal(max(1, *(ceil_log2(loaded.rows) for loaded in memories)))
        bank = Signal(range(len(banks) + 1))
        ends_row = place == self._by_memory(bank, [count - 1 for count in row_bytes])
        ends_bank = row == self._by_memory(bank, [loaded.rows - 1 for loaded in memories])
        finished = Signal()
        taken = Signal()
        m.d.comb += [
            finished.eq(bank == len(banks)),
            self.done.eq(finished),
            self.i.ready.eq(~finished & ~self.restart),
            taken.eq(self.i.valid & self.i.ready),
        ]
        # Bytes shift in from above, so a row's first byte ends lowest, whatever the row's length. The
        # last one goes into the memory as it comes.
        widest = max(row_bytes)
        collected = Signal(8 * (widest - 1))
        word = Cat(collected, self.i.payload)
        write = Signal()
        m.d.comb += write.eq(taken & ends_row)
        with m.If(taken):
            m.d.sync += [collected.eq(word[8:]), place.eq(place + 1)]
        with m.If(write):
            m.d.sync += [place.eq(0), row.eq(row + 1)]
            with m.If(ends_bank):
                m.d.sync += [row.eq(0), bank.eq(bank + 1)]
        with m.If(self.restart):
            m.d.sync += [place.eq(0), row.eq(0), bank.eq(0)]
        for index, (k, number) in enumerate(banks):
            m.d.comb += getattr(self, f"load{k}").en[number].eq(write & (bank == index))
        for k, loaded in enumerate(memories):
            load = getattr(self, f"load{k}")
            m.d.comb += [load.row.eq(row), load.data.eq(word[8 * (widest - loaded.row_bytes) :])]
        return m

    def _by_memory(self, bank: Value, values: list[int]) -> Value:
        """``values[k]`` for the banks of memory ``k``.

        An expression, because simulators of Verilog may leave a process undefined whose inputs never
        change from their initial values, as here with a single bank.
        """
        found: Value = Const(values[-1])
        for k in reversed(range(len(values) - 1)):
            if any(value != values[k] for value in values[k:]):
                end = sum(loaded.banks for loaded in self._memories[: k + 1])
                found = Mux(bank < end, values[k], found)
        return found
