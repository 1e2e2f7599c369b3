"""What a plan takes on a device, before any tool runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from qsnn_hw.limits import FAMILIES, Limits, Usage
from qsnn_hw.plan.coefficients import LOGIC, REGISTERS, SERIAL
from qsnn_hw.plan.group_parts import Parts, bits, group_parts, memory
from qsnn_hw.plan.hardware_plan import HOST, HardwarePlan, Route

# Words that the host link holds, see RECEIVE_WORDS in rtl/host_link.py.
_RECEIVED = 512


@dataclass(frozen=True)
class Prediction:
    """Units of the device that a design takes, as place and route counts them.

    Parameters
    ----------
    usage
        The whole design; ``registers`` is None on iCE40, where a logic cell holds one.
    groups
        Logic cells of every group, by its name in the plan.
    around
        Logic cells of router, adapters, delays and what surrounds the network.
    """

    usage: Usage
    groups: dict[str, int]
    around: int


def logic_cells(parts: Parts, family: str) -> float:
    """Logic cells of some parts."""
    return sum(getattr(parts, name) * value for name, value in LOGIC[family].items())


def register_bits(parts: Parts, family: str) -> float:
    """Flip-flops of some parts."""
    return sum(getattr(parts, name) * value for name, value in REGISTERS[family].items())


def predict(plan: HardwarePlan, limits: Limits, *, board: bool = True) -> Prediction:
    """Predict what ``plan`` takes.

    Parameters
    ----------
    board
        With the serial host link of ``BoardTop`` around the network; without, the network alone.
    """
    family = limits.family
    groups = {group.name: group_parts(group, limits) for group in plan.groups}
    total = router_parts(plan, limits)
    for parts in groups.values():
        total.add(parts)
    cells, registers = logic_cells(total, family), register_bits(total, family)
    blocks = total.blocks
    if board and limits.block_ram is not None:
        cells += SERIAL[family]["logic_cells"]
        registers += SERIAL[family]["registers"]
        # The words that wait for the network, as they came over the line.
        blocks += limits.block_ram.blocks(_RECEIVED, word_bits(plan.input_size, 1))
    usage = Usage(
        logic_cells=round(cells),
        registers=None if family == "ice40" else round(registers),
        block_rams=blocks,
        sprams=total.sprams if limits.spram is not None else None,
        dsps=total.dsps,
    )
    by_group = {name: round(logic_cells(parts, family)) for name, parts in groups.items()}
    return Prediction(usage, by_group, round(cells) - sum(by_group.values()))


def network_parts(plan: HardwarePlan, limits: Limits) -> Parts:
    """All parts of the network."""
    total = router_parts(plan, limits)
    for group in plan.groups:
        total.add(group_parts(group, limits))
    return total


def router_parts(plan: HardwarePlan, limits: Limits) -> Parts:
    """Buffers, merges, adapters and delays between the groups."""
    parts = Parts()
    into = {HOST: (plan.output_size, plan.output_lanes)}
    into |= {group.name: (group.sources, group.event_lanes) for group in plan.groups}
    out = {HOST: (plan.input_size, plan.input_lanes)}
    out |= {group.name: (group.space.size, group.output_lanes) for group in plan.groups}
    for name, (size, lanes) in into.items():
        width = word_bits(size, lanes)
        routes = [route for route in plan.routes if route.destination == name]
        if plan.buffer_depth > 2:
            memory(parts, limits, plan.buffer_depth - 1, width)
            parts.computed += 4 * bits(plan.buffer_depth)
        else:
            parts.computed += width + 2
            parts.copied += (plan.buffer_depth - 1) * width
            parts.muxes += (plan.buffer_depth - 1) * width
        if len(routes) > 1:
            parts.computed += len(routes)
            parts.muxes += width * len(routes)
        for route in routes:
            _route(parts, route, out[route.source], lanes, limits)
    return parts


def _route(parts: Parts, route: Route, source: tuple[int, int], lanes: int, limits: Limits) -> None:
    size, own = source
    if route.offset:
        parts.adders += bits(size + route.offset)
    if own != lanes or route.offset % lanes:
        parts.muxes += 3 * own + own * bits(size) + 2 * lanes
        parts.computed += own
    if route.delay:
        address = max(1, bits(max(1, route.words)))
        width = word_bits(size, own)
        memory(parts, limits, 1 << address, width - 1)
        parts.computed += 2 * (address + 1) + width + 6
        parts.copied += (address + 1) * (1 + route.delay - route.ahead)
        parts.adders += 4 * (address + 1)


def word_bits(size: int, lanes: int) -> int:
    """Bits of a stream's payload."""
    if lanes == 1:
        return max(1, bits(size)) + 1
    return lanes * (max(1, bits(-(-size // lanes))) + 1) + 1


def in_words(usage: Usage, limits: Limits, counted: Mapping[str, int] | None = None) -> str:
    """A usage under the tools' names; beside it what the tools ``counted``, where that is known."""
    names = FAMILIES[limits.family]
    found = {
        names.logic_cells: usage.logic_cells,
        names.registers: usage.registers,
        names.block_ram: usage.block_rams,
        names.spram: usage.sprams,
        names.dsps: usage.dsps,
    }
    parts = []
    for name, count in found.items():
        if name is not None and count is not None:
            told = "" if counted is None or name not in counted else f" (counted: {counted[name]})"
            parts.append(f"{count} {name}{told}")
    return ", ".join(parts)
