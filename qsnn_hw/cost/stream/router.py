"""The router: buffers, merges, adapters and delays between the groups."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import add_memory, bits
from qsnn_hw.cost.stream.aer import word_bits
from qsnn_hw.cost.stream.lane_adapter import add_adapter
from qsnn_hw.cost.stream.step_delay import add_step_delay
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.hardware_plan import HOST, HardwarePlan, Route


def add_buffer(counts: Counts, limits: Limits, width: int, depth: int) -> None:
    """An elastic buffer of ``depth`` words."""
    if depth > 2:
        add_memory(counts, limits, depth - 1, width)
        # Where the next word comes from and goes to, each round a number that is no power of two, and
        # how many there are.
        counts.computed += 2 * bits(depth - 1) + bits(depth) + 1
        counts.adders += 2 * bits(depth - 1) + 2 * bits(depth)
        counts.control += 2 * bits(depth - 1) + 2 * bits(depth)
        counts.muxes += bits(depth) + 6
        return
    counts.computed += width + 2
    counts.copied += (depth - 1) * width
    # Its marks of what is valid, beside the choice of the word.
    counts.muxes += (depth - 1) * width + 5


def router_counts(plan: HardwarePlan, limits: Limits) -> Counts:
    """Buffers, merges, adapters and delays between the groups."""
    counts = Counts()
    into = {HOST: (plan.output_addresses, plan.output_lanes)}
    into |= {group.name: (group.sources, group.event_lanes) for group in plan.groups}
    sizes = {HOST: plan.input_addresses} | {group.name: group.space.size for group in plan.groups}
    for name, (size, lanes) in into.items():
        width = word_bits(size, lanes)
        if name == HOST and plan.readout is not None and plan.readout.kind == "membrane":
            # It is shown the potentials, and takes these words unread.
            width = 0
        routes = [route for route in plan.routes if route.destination == name]
        add_buffer(counts, limits, width, plan.buffer_depth)
        if len(routes) > 1:
            counts.computed += len(routes)
            counts.muxes += width * len(routes)
        for route in routes:
            own = plan.sent_lanes(route.source)
            if plan.splits(route):
                add_adapter(counts, sizes[route.source], own, lanes)
            _add_route(counts, route, sizes[route.source], own, limits)
    return counts


def _add_route(counts: Counts, route: Route, size: int, own: int, limits: Limits) -> None:
    """Offset and delay of a route whose source has ``size`` addresses and ``own`` events per word."""
    if route.offset:
        counts.adders += bits(size + route.offset)
    if route.delay:
        add_step_delay(counts, route, word_bits(size, own), limits)
