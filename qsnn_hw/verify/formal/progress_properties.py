"""That a router with groups around it cannot come to a standstill: liveness, told as a limit of cycles.

Whatever has stalled whomever before, from some cycle on nobody stalls without need: the host sends and takes,
and each group takes words or sends what it owes. From then on a step's tick must leave within so many cycles,
again and again. In a deadlock none would, so a limit that holds excludes it; that it holds from *every* state
that any stalls can lead to is what the solver finds.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from amaranth.hdl import Assert, Assume, Module, Mux, Signal, Value

from qsnn_hw.rtl.stream.router import RouterRoute
from qsnn_hw.verify.formal.properties import Harness, moves


class Loop(NamedTuple):
    """A router and who is around it: endpoint 0 is the host, the others are groups.

    ``endpoints``: how many; ``routes``: between them; ``depth``: words of each buffer; ``most``: events of an
    endpoint in one step.
    """

    endpoints: int
    routes: Sequence[RouterRoute]
    depth: int
    most: int


class Progress(Harness):
    """Once nobody stalls any more a tick reaches the host at least every ``limit`` cycles.

    A group is as rough as a group may be: it takes a step's tick, then owes as many events as it likes, up to
    ``most``, and the tick. While it owes them it takes no tick, and events only if it likes.
    """

    def __init__(self, dut: Any, loop: Loop, limit: int) -> None:
        inputs = [getattr(dut, f"i{k}") for k in range(loop.endpoints)]
        outputs = [getattr(dut, f"o{k}") for k in range(loop.endpoints)]
        super().__init__(dut, inputs, outputs)
        self._loop, self._limit = loop, limit
        self._calm = Signal(name="calm")
        self.ports.append(self._calm)

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        loop, calm = self._loop, self._calm
        was = Signal()
        m.d.sync += was.eq(calm)
        m.d.comb += Assume(calm | ~was)
        self._host(m)
        for number in range(1, loop.endpoints):
            self._group(m, number)
        since = Signal(range(self._limit + 2))
        output = self._outputs[0]
        with m.If(~calm | (moves(output) & output.payload.tick)):
            m.d.sync += since.eq(0)
        with m.Else():
            m.d.sync += since.eq(since + 1)
        m.d.comb += Assert(since <= self._limit)

    def _host(self, m: Module) -> None:
        inward, outward = self._inputs[0], self._outputs[0]
        self._few(m, 0)
        m.d.comb += [Assume(~self._calm | inward.valid), Assume(~self._calm | outward.ready)]

    def _group(self, m: Module, number: int) -> None:
        taken, sent = self._outputs[number], self._inputs[number]
        owed, last = Signal(name=f"owed{number}"), Signal(name=f"last{number}")
        with m.If(moves(sent) & sent.payload.tick):
            m.d.sync += owed.eq(0)
        with m.If(moves(taken) & taken.payload.tick):
            m.d.sync += [owed.eq(1), last.eq(Value.cast(taken.payload)[0])]
        self._few(m, number)
        m.d.comb += [
            Assume(~sent.valid | owed),
            Assume(~sent.valid | ~sent.payload.tick | (Value.cast(sent.payload)[0] == last)),
            Assume(~owed | ~taken.ready | ~taken.payload.tick),
            Assume(~self._calm | (sent.valid == owed)),
            Assume(~self._calm | owed | taken.ready),
        ]

    def _few(self, m: Module, number: int) -> None:
        """No more events in a step than the plan proves."""
        stream = self._inputs[number]
        count = Signal(range(self._loop.most + 1), name=f"events{number}")
        with m.If(moves(stream)):
            m.d.sync += count.eq(Mux(stream.payload.tick, 0, count + 1))
        m.d.comb += Assume(~stream.valid | stream.payload.tick | (count < self._loop.most))
