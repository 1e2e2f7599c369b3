"""From AER events to synapse operations: which rows of synapse memory go to which folds."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.rtl.group.links import operation_signature
from qsnn_hw.rtl.group.projection_walkers import DenseWalker, GridWalker, ProjectionWalker, SparseWalker
from qsnn_hw.rtl.stream.aer import aer_signature

_KINDS: dict[str, type[ProjectionWalker]] = {"dense": DenseWalker, "grid": GridWalker, "sparse": SparseWalker}


class Walker(wiring.Component):
    """The synapse operations of a group's events, projection by projection.

    Events of different projections may overtake each other within a step, in which order means
    nothing; a tick passes behind all operations of the events before it.

    Latency: that of the projection's walker, one more where there are several. Throughput: one
    operation per cycle; a word without operations takes one cycle at most. Stream rules as in
    ``rtl/stream/aer.py``; the output is a register.

    Parameters
    ----------
    plan
        The group; with event lanes it has one projection.

    Members
    -------
    i : In(aer_signature(plan.sources, plan.event_lanes))
    o : Out(operation_signature(plan))
        In a tick ``present`` is 0, and row and fold mean nothing; ``last`` means nothing in an
        event's operation.
    """

    def __init__(self, plan: GroupPlan) -> None:
        if plan.event_lanes > 1:
            if len(plan.projections) > 1:
                count = len(plan.projections)
                raise ValueError(f"Group with event lanes must have one projection, not {count!r}")
            if plan.projections[0].kind != "dense":
                kind = plan.projections[0].kind
                raise ValueError(f"Projection with event lanes must be 'dense', not {kind!r}")
        if plan.projections[0].offset != 0:
            offset = plan.projections[0].offset
            raise ValueError(f"Offset of the first projection must be 0, not {offset!r}")
        self._plan = plan
        super().__init__(
            {"i": In(aer_signature(plan.sources, plan.event_lanes)), "o": Out(operation_signature(plan))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        projections = self._plan.projections
        walkers = [_KINDS[projection.kind](self._plan, projection) for projection in projections]
        for index, walker in enumerate(walkers):
            m.submodules[f"projection{index}"] = walker
        if len(walkers) == 1:
            wiring.connect(m, wiring.flipped(self.i), walkers[0].i)
            wiring.connect(m, walkers[0].o, wiring.flipped(self.o))
            return m

        # A tick enters all walkers at once and leaves them together; an event enters its own.
        all_ready = Cat(walker.i.ready for walker in walkers).all()
        offsets = [projection.offset for projection in projections[1:]]
        reached = [self.i.payload.address >= offset for offset in offsets]
        inside = [a & ~b for a, b in zip([Const(1), *reached], [*reached, Const(0)], strict=True)]
        ready = Signal()
        for walker, addressed in zip(walkers, inside, strict=True):
            m.d.comb += [
                walker.i.payload.eq(self.i.payload),
                walker.i.valid.eq(self.i.valid & Mux(self.i.payload.tick, all_ready, addressed)),
            ]
            with m.If(addressed):
                m.d.comb += ready.eq(walker.i.ready)
        m.d.comb += self.i.ready.eq(Mux(self.i.payload.tick, all_ready, ready))

        free = ~self.o.valid | self.o.ready
        outputs = [walker.o for walker in walkers]
        ticks = Cat(o.valid & o.payload.tick for o in outputs).all()
        with m.If(free):
            m.d.sync += [self.o.valid.eq(ticks), self.o.payload.eq(outputs[0].payload)]
            # The first that has an operation goes; it cannot starve the others, whose waiting events
            # soon hold up the stream that feeds it.
            for output in reversed(outputs):
                with m.If(output.valid & ~output.payload.tick):
                    m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(output.payload)]
        earlier: Value = Const(0)
        for output in outputs:
            operation = output.valid & ~output.payload.tick
            m.d.comb += output.ready.eq(free & Mux(output.payload.tick, ticks, ~earlier))
            earlier = earlier | operation
        return m
