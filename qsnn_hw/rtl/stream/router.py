"""The AER router: carries events from the host and the groups to the groups and the host.

Every source's stream is multicast to its routes; a route may delay the events by time steps and put
them into other slots; every destination merges its routes and lets a tick through only when all of
them have ticked. Each destination has an elastic buffer. Nothing is dropped, duplicated or
reordered within one route, except that a delay ends with the sample.
"""

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any, NamedTuple

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.rtl.stream.aer import AerLayout, aer_signature
from qsnn_hw.rtl.stream.lane_adapter import LaneAdapter, aligned
from qsnn_hw.rtl.stream.rests import pass_on
from qsnn_hw.rtl.stream.step_delay import StepDelay


class ElasticBuffer(wiring.Component):
    """A first-in first-out buffer between two streams of the same payload.

    Latency: 1 cycle (2 from depth 3 on, where the words live in a memory). Throughput: one word per
    cycle from depth 2 on, one word every other cycle with depth 1. ``i.ready`` and ``o.valid`` come
    from registers, so the buffer also cuts combinational paths.

    Parameters
    ----------
    layout
        Payload of both streams.
    depth
        Words held, at least 1.
    rests
        Registers of words change for a word alone, which saves a chip's clock and costs an FPGA a LUT.

    Members
    -------
    i : In(stream.Signature(layout))
    o : Out(stream.Signature(layout))
    """

    def __init__(self, layout: AerLayout, depth: int, *, rests: bool = False) -> None:
        if depth < 1:
            raise ValueError(f"Depth must be at least 1, not {depth!r}")
        self._depth, self._rests = depth, rests
        self._width = layout.as_shape().width
        super().__init__({"i": In(stream.Signature(layout)), "o": Out(stream.Signature(layout))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._depth > 2:
            m.submodules.words = words = fifo.SyncFIFOBuffered(width=self._width, depth=self._depth)
            m.d.comb += [
                words.w_data.eq(self.i.payload),
                words.w_en.eq(self.i.valid),
                self.i.ready.eq(words.w_rdy),
                self.o.payload.eq(words.r_data),
                self.o.valid.eq(words.r_rdy),
                words.r_en.eq(self.o.ready),
            ]
            return m
        head = Signal(self._width, name="head")
        head_valid = Signal()
        m.d.comb += [self.o.payload.eq(head), self.o.valid.eq(head_valid)]
        take, give = self.i.valid & self.i.ready, self.o.valid & self.o.ready
        if self._depth == 1:
            m.d.comb += self.i.ready.eq(~head_valid)
            with m.If(take):
                m.d.sync += [head.eq(self.i.payload), head_valid.eq(1)]
            with m.Elif(give):
                m.d.sync += head_valid.eq(0)
            return m
        spare = Signal(self._width, name="spare")
        spare_valid = Signal()
        m.d.comb += self.i.ready.eq(~spare_valid)
        with m.If(give | ~head_valid):
            follows = spare_valid | take
            m.d.sync += [head_valid.eq(follows), spare_valid.eq(0)]
            moved = [head.eq(Mux(spare_valid, spare, self.i.payload))]
            pass_on(m, moved, rests=self._rests, word=follows)
        with m.Elif(take):
            m.d.sync += [spare.eq(self.i.payload), spare_valid.eq(1)]
        return m


class Multicast(wiring.Component):
    """Copies every word of one stream to several.

    A word leaves the input when the last output has taken it; outputs may take it in any order, each
    exactly once. Latency: 0 cycles. Throughput: one word per cycle while all outputs are ready.

    Parameters
    ----------
    layout
        Payload of all streams.
    outputs
        Number of copies, at least 1.

    Members
    -------
    i : In(stream.Signature(layout))
    o : Out(stream.Signature(layout)).array(outputs)
    """

    def __init__(self, layout: AerLayout, outputs: int) -> None:
        if outputs < 1:
            raise ValueError(f"Number of outputs must be at least 1, not {outputs!r}")
        self._outputs = outputs
        super().__init__(
            {"i": In(stream.Signature(layout)), "o": Out(stream.Signature(layout)).array(outputs)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        done = Signal(self._outputs)
        taken = [done[k] | self.o[k].ready for k in range(self._outputs)]
        m.d.comb += self.i.ready.eq(reduce(and_, taken))
        for k in range(self._outputs):
            m.d.comb += [self.o[k].payload.eq(self.i.payload), self.o[k].valid.eq(self.i.valid & ~done[k])]
            if self._outputs > 1:
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += done[k].eq(0)
                with m.Elif(self.i.valid & self.o[k].ready):
                    m.d.sync += done[k].eq(1)
        return m


class TickMerge(wiring.Component):
    """Merges several AER streams into one, step by step.

    Words with events pass as they come, a lower-numbered input first; a tick passes once every input
    shows one, and then leaves all inputs together. The merged tick is a last tick when any of them is.
    Latency: 0 cycles. Throughput: one word per cycle.

    Parameters
    ----------
    sizes
        Addresses of each input.
    offsets
        Added to each input's addresses; multiples of ``slots``.
    size
        Addresses of the output.
    slots
        Of all streams.

    Members
    -------
    i0, i1, ... : In(aer_signature(sizes[k], slots))
    o : Out(aer_signature(size, slots))
    """

    def __init__(self, sizes: Sequence[int], offsets: Sequence[int], size: int, slots: int = 1) -> None:
        if len(sizes) != len(offsets) or not sizes:
            raise ValueError(
                f"Sizes and offsets must be as many and at least 1, not {sizes!r} and {offsets!r}"
            )
        for input_size, offset in zip(sizes, offsets, strict=True):
            if offset < 0 or offset + input_size > size:
                raise ValueError(
                    f"Addresses must lie within {size}, not {offset} to {offset + input_size - 1}"
                )
            if not aligned(slots, offset, slots):
                raise ValueError(f"Offset must be a multiple of {slots} slots, not {offset}")
        self._offsets, self._slots = tuple(offsets), slots
        members = {f"i{k}": In(aer_signature(s, slots)) for k, s in enumerate(sizes)}
        super().__init__({**members, "o": Out(aer_signature(size, slots))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inputs = [getattr(self, f"i{k}") for k in range(len(self._offsets))]
        if len(inputs) == 1:
            self._pass(m, inputs[0])
            return m
        all_tick = reduce(and_, [i.valid & i.payload.tick for i in inputs])
        last = reduce(lambda a, b: a | b, [Value.cast(i.payload)[0] for i in inputs])
        events = Cat(i.valid & ~i.payload.tick for i in inputs)
        chosen = Signal(len(inputs))
        m.d.comb += chosen.eq(events & -events)
        # An event that was offered stays on offer, whatever turns up at a lower-numbered input.
        held = Signal(len(inputs))
        with m.If(held.any()):
            m.d.comb += chosen.eq(held)
        m.d.sync += held.eq(Mux(self.o.valid & ~self.o.ready, chosen, 0))
        names = self._names()
        with m.If(all_tick):
            m.d.comb += [self.o.valid.eq(1), self.o.payload.tick.eq(1), self.o.payload[names[0]].eq(last)]
            m.d.comb += [i.ready.eq(self.o.ready) for i in inputs]
        for k, (source, offset) in enumerate(zip(inputs, self._offsets, strict=True)):
            with m.If(chosen[k]):
                m.d.comb += [self.o.valid.eq(1), source.ready.eq(self.o.ready)]
                for name in names:
                    raised = source.payload[name] + offset // self._slots
                    m.d.comb += self.o.payload[name].eq(raised)
                if self._slots > 1:
                    m.d.comb += self.o.payload.present.eq(source.payload.present)
        return m

    def _names(self) -> list[str]:
        """The address field of every slot."""
        return ["address"] if self._slots == 1 else [f"address{k}" for k in range(self._slots)]

    def _pass(self, m: Module, source: Any) -> None:
        """A single input: every word as it comes, and no way from its ``valid`` back to its ``ready``."""
        tick, offset = source.payload.tick, self._offsets[0] // self._slots
        m.d.comb += [
            self.o.valid.eq(source.valid),
            self.o.payload.tick.eq(tick),
            source.ready.eq(self.o.ready),
        ]
        for name in self._names():
            own = source.payload[name]
            # A tick's mark is no address.
            m.d.comb += self.o.payload[name].eq(own + Mux(tick, 0, offset) if offset else own)
        if self._slots > 1:
            m.d.comb += self.o.payload.present.eq(Mux(tick, 0, source.payload.present))


class RouterRoute(NamedTuple):
    """One route of a router.

    ``source``, ``destination``: their numbers; ``offset``: added to the addresses; ``steps``: time
    steps by which events are late, ``ahead`` and ``words``: as in ``StepDelay``, which is built where
    ``steps`` is not 0.
    """

    source: int
    destination: int
    offset: int
    steps: int = 0
    ahead: bool = False
    words: int = 0


class AerRouter(wiring.Component):
    """All the connections of a design, from a list of routes.

    Latency: the elastic buffer's, and on a delayed route ``StepDelay``'s. Throughput: one word per
    cycle into each destination; one event per cycle on a route that changes slots (``LaneAdapter``).

    **Why it cannot deadlock**, whatever the depth of the buffers, given that a destination takes
    events without end, emits step k's events and tick without asking for a further word once it has
    tick k, and that routes without ``ahead`` form no cycle:

    - *Routes without delay.* Let k be the earliest step that some destination has not ended, and take
      the first such destination along the routes. All its sources have ended step k. A multicast word
      leaves when all routes have taken it, but each takes it on its own: of a source's words up to
      tick k none is kept from this destination by another one, for those words left the multicast or
      wait there with this route's copy on offer or gone. Events pass the merge whatever the other
      routes show, so all of step k's do; then every route shows tick k, and the step ends.
    - *Delayed routes* change one thing: a word may wait for room in the ``StepDelay``. With the
      capacity of ``delay_words`` there is room for all of step k once what earlier ticks released has
      left: events for the destination's step k at the latest and, but for the very last words of the
      emission, ticks of its step k - 1 (feed-forward) or k (``ahead``), which by then no longer
      occupy the memory. Those events need of the destination that it has ended step k - 1, which by
      the argument above depends on no word of step k.
    - *Recurrent routes* (``ahead``) are the only ones in a cycle. Their tick k follows the source's
      tick k - 1, and out of reset they begin with a tick of their own: the destination's step k waits
      for steps before k only, so the order "by step, then along the other routes" has a first
      element as before.

    Parameters
    ----------
    sources
        Addresses of each source stream.
    destinations
        Addresses of each destination stream.
    routes
        ``RouterRoute`` or its leading fields, at least (source, destination, offset); every source
        and destination appears, and every destination has a route without ``ahead``.
    depth
        Words of each destination's buffer.
    source_slots, destination_slots
        Slots of each stream; 1 everywhere by default.
    rests
        Of the buffers, see :class:`ElasticBuffer`.

    Members
    -------
    i0, i1, ... : In(aer_signature(sources[k], source_slots[k]))
    o0, o1, ... : Out(aer_signature(destinations[k], destination_slots[k]))
    """

    def __init__(
        self,
        sources: Sequence[int],
        destinations: Sequence[int],
        routes: Sequence[tuple[Any, ...]],
        depth: int,
        source_slots: Sequence[int] | None = None,
        destination_slots: Sequence[int] | None = None,
        *,
        rests: bool = False,
    ) -> None:
        self._rests = rests
        self._routes = tuple(RouterRoute(*route) for route in routes)
        for index in range(len(sources)):
            if all(route.source != index for route in self._routes):
                raise ValueError(f"Every source must have a route, not {index}: its stream would block")
        for index in range(len(destinations)):
            into = [route for route in self._routes if route.destination == index]
            if not into:
                raise ValueError(f"Every destination must have a route, not {index}: it would starve")
            if all(route.ahead for route in into):
                raise ValueError(
                    f"Every destination must have a route without ahead, not {index}: "
                    f"it would never see a last tick"
                )
        for route in self._routes:
            if not route.steps and (route.ahead or route.words):
                raise ValueError(f"Route without delay must have neither ahead nor words, not {route!r}")
        self._sources = _with_slots("sources", sources, source_slots)
        self._destinations = _with_slots("destinations", destinations, destination_slots)
        self._depth = depth
        inputs = {f"i{k}": In(aer_signature(*s)) for k, s in enumerate(self._sources)}
        outputs = {f"o{k}": Out(aer_signature(*s)) for k, s in enumerate(self._destinations)}
        super().__init__({**inputs, **outputs})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        copies: dict[int, Any] = {}
        for index, (size, slots) in enumerate(self._sources):
            # By route, not by destination: a source may reach one destination twice.
            own = [k for k, route in enumerate(self._routes) if route.source == index]
            multicast = Multicast(AerLayout(size, slots), len(own))
            m.submodules[f"multicast{index}"] = multicast
            wiring.connect(m, wiring.flipped(getattr(self, f"i{index}")), multicast.i)
            copies.update(zip(own, multicast.o, strict=True))
        for index, (size, slots) in enumerate(self._destinations):
            own = [k for k, route in enumerate(self._routes) if route.destination == index]
            arriving = [self._arrival(m, k, copies[k]) for k in own]
            merge = TickMerge([s for _, s, _ in arriving], [o for _, _, o in arriving], size, slots)
            buffer = ElasticBuffer(AerLayout(size, slots), self._depth, rests=self._rests)
            m.submodules[f"merge{index}"] = merge
            m.submodules[f"buffer{index}"] = buffer
            for k, (arrival, _, _) in enumerate(arriving):
                wiring.connect(m, arrival, getattr(merge, f"i{k}"))
            wiring.connect(m, merge.o, buffer.i)
            wiring.connect(m, buffer.o, wiring.flipped(getattr(self, f"o{index}")))
        return m

    def _arrival(self, m: Module, number: int, stream: Any) -> tuple[Any, int, int]:
        """Route ``number``'s stream as its merge takes it, with its addresses and what to add to them."""
        route = self._routes[number]
        (size, slots), (wide, wanted) = self._sources[route.source], self._destinations[route.destination]
        if route.steps:
            m.submodules[f"delay{number}"] = delay = StepDelay(
                size, slots, route.steps, route.words, route.ahead
            )
            wiring.connect(m, stream, delay.i)
            stream = delay.o
        if aligned(slots, route.offset, wanted):
            return stream, size, route.offset
        m.submodules[f"adapter{number}"] = adapter = LaneAdapter(size, slots, route.offset, wide, wanted)
        wiring.connect(m, stream, adapter.i)
        return adapter.o, wide, 0


def _with_slots(name: str, sizes: Sequence[int], slots: Sequence[int] | None) -> list[tuple[int, int]]:
    """(addresses, slots) of each stream."""
    slots = [1] * len(sizes) if slots is None else slots
    if len(slots) != len(sizes):
        raise ValueError(f"Slots must be given for each of the {len(sizes)} {name}, not {slots!r}")
    return list(zip(sizes, slots, strict=True))
