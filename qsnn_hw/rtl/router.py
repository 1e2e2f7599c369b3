"""The AER router: carries events from the host and the groups to the groups and the host.

Every source's stream is multicast to its destinations; every destination merges the streams of
its sources and lets a tick through only when all of them have ticked. Each destination has an
elastic buffer. Nothing is dropped, duplicated or reordered within one source.
"""

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.rtl.aer import AerLayout, aer_signature


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

    Members
    -------
    i : In(stream.Signature(layout))
    o : Out(stream.Signature(layout))
    """

    def __init__(self, layout: AerLayout, depth: int) -> None:
        if depth < 1:
            raise ValueError(f"Depth must be at least 1, not {depth!r}")
        self._depth = depth
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
        head, head_valid = Signal(self._width, name="head"), Signal()
        m.d.comb += [self.o.payload.eq(head), self.o.valid.eq(head_valid)]
        take, give = self.i.valid & self.i.ready, self.o.valid & self.o.ready
        if self._depth == 1:
            m.d.comb += self.i.ready.eq(~head_valid)
            with m.If(take):
                m.d.sync += [head.eq(self.i.payload), head_valid.eq(1)]
            with m.Elif(give):
                m.d.sync += head_valid.eq(0)
            return m
        spare, spare_valid = Signal(self._width, name="spare"), Signal()
        m.d.comb += self.i.ready.eq(~spare_valid)
        with m.If(give | ~head_valid):
            m.d.sync += [
                head.eq(Mux(spare_valid, spare, self.i.payload)),
                head_valid.eq(spare_valid | take),
                spare_valid.eq(0),
            ]
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

    Events pass as they come, a lower-numbered input first; a tick passes once every input shows one,
    and then leaves all inputs together. The merged tick is a last tick when any of them is.
    Latency: 0 cycles. Throughput: one event per cycle.

    Parameters
    ----------
    sizes
        Addresses of each input.
    offsets
        Added to each input's addresses.
    size
        Addresses of the output.

    Members
    -------
    i0, i1, ... : In(aer_signature(sizes[k]))
    o : Out(aer_signature(size))
    """

    def __init__(self, sizes: Sequence[int], offsets: Sequence[int], size: int) -> None:
        if len(sizes) != len(offsets) or not sizes:
            raise ValueError(
                f"Sizes and offsets must be as many and at least 1, not {sizes!r} and {offsets!r}"
            )
        for input_size, offset in zip(sizes, offsets, strict=True):
            if offset < 0 or offset + input_size > size:
                raise ValueError(
                    f"Addresses must lie within {size}, not {offset} to {offset + input_size - 1}"
                )
        self._offsets = tuple(offsets)
        members = {f"i{k}": In(aer_signature(s)) for k, s in enumerate(sizes)}
        super().__init__({**members, "o": Out(aer_signature(size))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inputs = [getattr(self, f"i{k}") for k in range(len(self._offsets))]
        all_tick = reduce(and_, [i.valid & i.payload.tick for i in inputs])
        last = reduce(lambda a, b: a | b, [i.payload.address[0] for i in inputs])
        events = Cat(i.valid & ~i.payload.tick for i in inputs)
        chosen = Signal(len(inputs))
        m.d.comb += chosen.eq(events & -events)
        if len(inputs) > 1:
            # An event that was offered stays on offer, whatever turns up at a lower-numbered input.
            held = Signal(len(inputs))
            with m.If(held.any()):
                m.d.comb += chosen.eq(held)
            m.d.sync += held.eq(Mux(self.o.valid & ~self.o.ready, chosen, 0))
        with m.If(all_tick):
            m.d.comb += [self.o.valid.eq(1), self.o.payload.tick.eq(1), self.o.payload.address.eq(last)]
            m.d.comb += [i.ready.eq(self.o.ready) for i in inputs]
        for k, (source, offset) in enumerate(zip(inputs, self._offsets, strict=True)):
            with m.If(chosen[k]):
                m.d.comb += [
                    self.o.valid.eq(1),
                    self.o.payload.address.eq(source.payload.address + offset),
                    source.ready.eq(self.o.ready),
                ]
        return m


class AerRouter(wiring.Component):
    """All the connections of a design, from a list of routes.

    Latency: the elastic buffer's. Throughput: one word per cycle into each destination. No route
    forms a cycle unless the plan has recurrent connections, so with any buffer depth a word that a
    destination takes makes room behind it and the router cannot deadlock.

    Parameters
    ----------
    sources
        Addresses of each source stream.
    destinations
        Addresses of each destination stream.
    routes
        (source, destination, offset) by index; every source and destination appears.
    depth
        Words of each destination's buffer.

    Members
    -------
    i0, i1, ... : In(aer_signature(sources[k]))
    o0, o1, ... : Out(aer_signature(destinations[k]))
    """

    def __init__(
        self,
        sources: Sequence[int],
        destinations: Sequence[int],
        routes: Sequence[tuple[int, int, int]],
        depth: int,
    ) -> None:
        for index in range(len(sources)):
            if all(route[0] != index for route in routes):
                raise ValueError(f"Every source must have a route, not {index}: its stream would block")
        for index in range(len(destinations)):
            if all(route[1] != index for route in routes):
                raise ValueError(f"Every destination must have a route, not {index}: it would starve")
        self._sources, self._destinations = tuple(sources), tuple(destinations)
        self._routes, self._depth = tuple(routes), depth
        inputs = {f"i{k}": In(aer_signature(s)) for k, s in enumerate(sources)}
        outputs = {f"o{k}": Out(aer_signature(s)) for k, s in enumerate(destinations)}
        super().__init__({**inputs, **outputs})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        copies: dict[int, Any] = {}
        for index, size in enumerate(self._sources):
            # By route, not by destination: a source may reach one destination twice.
            own = [k for k, route in enumerate(self._routes) if route[0] == index]
            multicast = Multicast(AerLayout(size), len(own))
            m.submodules[f"multicast{index}"] = multicast
            wiring.connect(m, wiring.flipped(getattr(self, f"i{index}")), multicast.i)
            copies.update(zip(own, multicast.o, strict=True))
        for index, size in enumerate(self._destinations):
            inward = [(k, s, offset) for k, (s, d, offset) in enumerate(self._routes) if d == index]
            merge = TickMerge([self._sources[s] for _, s, _ in inward], [o for _, _, o in inward], size)
            buffer = ElasticBuffer(AerLayout(size), self._depth)
            m.submodules[f"merge{index}"] = merge
            m.submodules[f"buffer{index}"] = buffer
            for k, (route, _, _) in enumerate(inward):
                wiring.connect(m, copies[route], getattr(merge, f"i{k}"))
            wiring.connect(m, merge.o, buffer.i)
            wiring.connect(m, buffer.o, wiring.flipped(getattr(self, f"o{index}")))
        return m
