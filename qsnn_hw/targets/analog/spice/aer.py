"""The digital side of an analog group: events become row pulses, comparators become events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.rtl.stream.aer import aer_signature
from qsnn_hw.targets.analog.spice.circuit import PHASES, StepTiming
from qsnn_hw.targets.analog.spice.netlist import Row


@dataclass(frozen=True)
class RowBlock:
    """Rows that one stream drives.

    Parameters
    ----------
    size
        Addresses of the stream, a row each.
    delay
        Steps that its events are late.
    """

    size: int
    delay: int = 0


def phase_cycles(timing: StepTiming, clock_hz: float) -> dict[str, int]:
    """Clock cycles of every phase: the nearest whole number, at least 1."""
    return {phase: max(1, round(timing.length(phase) * clock_hz)) for phase in PHASES}


def row_blocks(rows: Iterable[Row]) -> tuple[RowBlock, ...]:
    """The blocks of a group's rows, in their order: a stream each for every source and delay."""
    sizes: dict[tuple[str, int], int] = {}
    for row in rows:
        place = (row.source, row.delay)
        if sizes and place in sizes and place != next(reversed(sizes)):
            raise ValueError(f"Rows of {row.source} must lie together")
        sizes[place] = sizes.get(place, 0) + 1
    return tuple(RowBlock(size, delay) for (_, delay), size in sizes.items())


class AnalogInterface(wiring.Component):
    """Stands between AER streams and a group's netlist (``netlist.py``), whose pins it drives and reads.

    A step collects the events of every stream up to its tick, then runs the five phases, the rows with an
    event high during ``read``; ``spikes`` is taken in the last cycle of ``compare``. The spikes leave as
    events, lowest address first, then a tick, the last tick where the step's was one; behind it ``clear``
    is high for a step's length, and the next sample begins.

    Handshake: a stream is refused between its tick and the end of the step; an output word stays on offer
    until it is taken, and the analog side waits meanwhile with every line low. Latency: from the cycle that
    takes the last stream's tick to the tick on offer the phases' cycles, one for each neuron, and 2.
    Throughput: one event a cycle while collecting. An event of an address without a row is taken and has no
    effect.

    Parameters
    ----------
    blocks
        Of the rows, in the order of the netlist's pins.
    neurons
        How many spikes it reads.
    cycles
        Phase -> clock cycles, as :func:`phase_cycles` makes them.

    Members
    -------
    i0, i1, ... : In(aer_signature(size))
        A stream for every block.
    o : Out(aer_signature(neurons))
    rows : Out
        A bit for each row, block after block.
    read, transfer, compare, reset, leak, clear : Out(1)
    spikes : In(neurons)
    """

    def __init__(self, blocks: Sequence[RowBlock], neurons: int, cycles: dict[str, int]) -> None:
        if not blocks:
            raise ValueError("Number of row blocks must be at least 1, not 0")
        for phase in PHASES:
            if cycles[phase] < 1:
                raise ValueError(f"Cycles of {phase} must be at least 1, not {cycles[phase]!r}")
        self._blocks, self._neurons, self._cycles = tuple(blocks), neurons, dict(cycles)
        super().__init__(
            {f"i{k}": In(aer_signature(block.size)) for k, block in enumerate(blocks)}
            | {phase: Out(1) for phase in (*PHASES, "clear")}
            | {
                "o": Out(aer_signature(neurons)),
                "rows": Out(sum(block.size for block in blocks)),
                "spikes": In(neurons),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Collects, runs the phases, sends."""
        m = Module()
        done, last = Signal(len(self._blocks)), Signal()
        starting, cleared = Signal(), Signal()
        rows = [self._collected(m, k, done, last, starting, cleared) for k in range(len(self._blocks))]
        step = sum(self._cycles[phase] for phase in PHASES)
        count = Signal(range(step))
        held = Signal(self._neurons)
        place = Signal(range(max(2, self._neurons)))
        m.d.comb += self.rows.eq(Cat(*rows) & self.read.replicate(len(self.rows)))
        with m.FSM():
            with m.State("collect"), m.If(done.all()):
                m.d.sync += count.eq(0)
                m.next = PHASES[0]
            for phase, then in zip(PHASES, (*PHASES[1:], "send"), strict=True):
                with m.State(phase):
                    m.d.comb += getattr(self, phase).eq(1)
                    m.d.sync += count.eq(count + 1)
                    with m.If(count == self._cycles[phase] - 1):
                        m.d.sync += [count.eq(0), place.eq(0)]
                        if phase == "compare":
                            m.d.sync += held.eq(self.spikes)
                        m.next = then
            with m.State("send"):
                m.d.comb += [self.o.valid.eq(held[0]), self.o.payload.address.eq(place)]
                with m.If(~held[0] | self.o.ready):
                    m.d.sync += [held.eq(held >> 1), place.eq(place + 1)]
                    with m.If(place == self._neurons - 1):
                        m.next = "tick"
            with m.State("tick"):
                m.d.comb += [
                    *(self.o.valid.eq(1), self.o.payload.tick.eq(1)),
                    self.o.payload.address.eq(Mux(last, 1, 0)),
                ]
                with m.If(self.o.ready):
                    m.d.comb += starting.eq(1)
                    m.d.sync += [last.eq(0), done.eq(0)]
                    with m.If(last):
                        m.next = "clear"
                    with m.Else():
                        m.next = "collect"
            with m.State("clear"):
                m.d.comb += [self.clear.eq(1), cleared.eq(1)]
                m.d.sync += count.eq(count + 1)
                with m.If(count == step - 1):
                    m.d.sync += count.eq(0)
                    m.next = "collect"
        return m

    def _collected(
        self, m: Module, k: int, done: Signal, last: Signal, starting: Signal, cleared: Signal
    ) -> Signal:
        """The rows of block ``k`` in this step: its events, or those of ``delay`` steps before."""
        block, i = self._blocks[k], getattr(self, f"i{k}")
        taken = Signal(block.size, name=f"taken{k}")
        m.d.comb += i.ready.eq(~done[k] & ~cleared)
        with m.If(i.valid & i.ready):
            with m.If(i.payload.tick):
                m.d.sync += done[k].eq(1)
                with m.If(i.payload.address[0]):
                    m.d.sync += last.eq(1)
            with m.Else():
                m.d.sync += taken.eq(taken | (1 << i.payload.address)[: block.size])
        shown = taken
        for d in range(block.delay):
            before, shown = shown, Signal(block.size, name=f"late{k}_{d + 1}")
            with m.If(starting):
                m.d.sync += shown.eq(before)
            with m.If(cleared):
                m.d.sync += shown.eq(0)
        with m.If(starting | cleared):
            m.d.sync += taken.eq(0)
        return shown


__all__ = ["AnalogInterface", "RowBlock", "phase_cycles"]
