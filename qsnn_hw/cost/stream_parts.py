"""What the AER streams are made of, counted in bits: buffers, merges, adapters, delays."""

from qsnn_hw.cost.parts import Parts, bits, memory
from qsnn_hw.families.limits import Limits
from qsnn_hw.host.stream_words import tick_bit
from qsnn_hw.plan.hardware_plan import HOST, HardwarePlan, Route


def word_bits(size: int, lanes: int) -> int:
    """Bits of a stream's payload."""
    return tick_bit(size, lanes) + 1


def buffer_parts(parts: Parts, limits: Limits, width: int, depth: int) -> None:
    """An elastic buffer of ``depth`` words."""
    if depth > 2:
        memory(parts, limits, depth - 1, width)
        # Where the next word comes from and goes to, each round a number that is no power of two, and
        # how many there are.
        parts.computed += 2 * bits(depth - 1) + bits(depth) + 1
        parts.adders += 2 * bits(depth - 1) + 2 * bits(depth)
        parts.control += 2 * bits(depth - 1) + 2 * bits(depth)
        parts.muxes += bits(depth) + 6
        return
    parts.computed += width + 2
    parts.copied += (depth - 1) * width
    # Its marks of what is valid, beside the choice of the word.
    parts.muxes += (depth - 1) * width + 5


def adapter_parts(parts: Parts, size: int, own: int, lanes: int) -> None:
    """Words of ``own`` events to words of ``lanes``."""
    parts.muxes += 3 * own + own * bits(size) + 2 * lanes
    parts.computed += own


def router_parts(plan: HardwarePlan, limits: Limits) -> Parts:
    """Buffers, merges, adapters and delays between the groups."""
    parts = Parts()
    into = {HOST: (plan.output_size, plan.output_lanes)}
    into |= {group.name: (group.sources, group.event_lanes) for group in plan.groups}
    sizes = {HOST: plan.input_size} | {group.name: group.space.size for group in plan.groups}
    for name, (size, lanes) in into.items():
        width = word_bits(size, lanes)
        routes = [route for route in plan.routes if route.destination == name]
        buffer_parts(parts, limits, width, plan.buffer_depth)
        if len(routes) > 1:
            parts.computed += len(routes)
            parts.muxes += width * len(routes)
        for route in routes:
            own = plan.sent_lanes(route.source)
            if plan.splits(route):
                adapter_parts(parts, sizes[route.source], own, lanes)
            _route(parts, route, sizes[route.source], own, limits)
    return parts


def _route(parts: Parts, route: Route, size: int, own: int, limits: Limits) -> None:
    """Offset and delay of a route whose source has ``size`` addresses and ``own`` events per word."""
    if route.offset:
        parts.adders += bits(size + route.offset)
    if route.delay:
        address = max(1, bits(max(1, route.words)))
        width = word_bits(size, own)
        memory(parts, limits, 1 << address, width - 1)
        parts.computed += 2 * (address + 1) + width + 6
        parts.copied += (address + 1) * (1 + route.delay - route.ahead)
        parts.adders += 4 * (address + 1)
        # What is due, fetched, leaving; a sample's end moves the pointers.
        parts.muxes += address + 17
