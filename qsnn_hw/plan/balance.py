"""Lanes, event lanes and update lanes of every group, balanced for a target.

Groups run at the same time, a step behind each other, so a sample takes as long as the slowest
group's steps. Every group is offered a list of shapes with an estimate of LUTs and of cycles per
step; for any bound on the cycles the cheapest shape of each group that keeps it makes a design, and
the target picks one of these designs. LUTs are those that ``plan/predict.py`` predicts for the shape;
cycles are a mean from the spikes' number, ``plan/cycles.py`` has the exact ones of a finished plan.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from qsnn_hw.errors import UserError
from qsnn_hw.limits import BlockMemory, Limits
from qsnn_hw.model.network import INPUT, Dense
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.grid import grid_chain
from qsnn_hw.plan.group_parts import group_parts
from qsnn_hw.plan.group_plan import SynapseStore
from qsnn_hw.plan.group_planner import most_of
from qsnn_hw.plan.outline import outline
from qsnn_hw.plan.placement import GroupMemories, neuron_style, place, readable
from qsnn_hw.plan.predict import logic_cells
from qsnn_hw.plan.shape import Shape, fitted
from qsnn_hw.plan.slots import Slots
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork

Target = Literal["balanced", "latency", "area", "energy"]
TARGETS: tuple[str, ...] = get_args(Target)

# Share of a device's LUTs that the groups may take: "balanced" leaves the device to its user, the
# others take what still routes well.
_SHARE = {"balanced": 0.15, "latency": 0.5, "area": 0.5, "energy": 0.5}
# Without data: the share of a source's addresses that have an event in a step.
_ACTIVITY = 0.1
# What a device draws at rest, in the LUTs that would draw as much when clocked: the leak of an
# LFE5U-85F, and next to none of an UltraPlus. Assumptions; they only decide between designs.
_REST_LUTS = {"ecp5": 8000, "ice40": 300}
# Cycles of a step that are neither events nor update rows.
_STEP_OVERHEAD = 8
_MOST_SLOTS = 8
# Designs of the front that a plan's notes list on either side of the chosen one.
_LISTED = 5

DESIGN_NOTE = "design: "
"""How a note begins that describes one design of the front."""
# Where no device is given: one with distributed RAM and plenty of blocks.
_ANY = Limits(
    *("ecp5", 83_640, 83_640, 156),
    BlockMemory(
        "DP16KD", 208, 18_432, ((512, 36), (1024, 18), (2048, 9), (4096, 4), (16_384, 1)), True, True
    ),
)


@dataclass(frozen=True)
class Estimate:
    """A shape of one group, and what it is thought to take.

    Parameters
    ----------
    shape
        The knobs.
    luts
        4-input LUTs.
    memories
        What wants memory blocks.
    cycles
        Mean clock cycles per time step.
    """

    shape: Shape
    luts: float
    memories: GroupMemories
    cycles: float


@dataclass(frozen=True)
class Balance:
    """The designs a network could be, by falling cycles, and the one that was chosen.

    Parameters
    ----------
    chosen
        Group name -> estimate.
    reason
        One line: target, limit and estimate, and the next quicker and the next smaller design.
    front
        All designs from which this one was chosen, the quickest first.
    """

    chosen: Mapping[str, Estimate]
    reason: str
    front: tuple[Mapping[str, Estimate], ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """The reason, and a line for each design of the front near the chosen one."""
        place = min(range(len(self.front)), key=lambda k: abs(_cycles(self.front[k]) - _cycles(self.chosen)))
        near = list(self.front[max(0, place - _LISTED) : place + _LISTED + 1])
        if self.chosen not in near:
            near = sorted([*near, self.chosen], key=_cycles)
        lines = []
        for design in near:
            mark = "chosen" if design == self.chosen else ""
            shapes = ", ".join(f"{name} {_words(estimate.shape)}" for name, estimate in design.items())
            lines.append(f"{DESIGN_NOTE}{mark}|{_luts(design):.0f}|{_cycles(design):.0f}|{shapes}")
        return (self.reason, *lines)


def balance(
    network: QuantizedNetwork,
    spaces: Mapping[str, AddressSpace],
    target: Target,
    limits: Limits | None,
    *,
    activity: Mapping[str, float] | None = None,
    lut_budget: int | None = None,
    cycle_budget: int | None = None,
    store: SynapseStore = "rom",
    host_lanes: int = 1,
    fixed: Mapping[str, Shape] | None = None,
) -> Balance:
    """Choose a shape for every group.

    Parameters
    ----------
    activity
        Mean events per step of the input and of every group; None assumes one address in ten.
    lut_budget, cycle_budget
        LUTs the groups may take, mean cycles a time step may take; None for no limit of that kind.
    store
        "rom" or "ram": loaded memories may lie in single-port RAM.
    host_lanes
        Events per word of whatever feeds the input.
    fixed
        Shapes that are given, by group.

    Raises
    ------
    UserError
        No design keeps the budgets; says what comes nearest.
    """
    offers = {
        group.name: _held(
            [
                offer
                for offer in _offers(network, group, spaces, limits, activity, (fixed or {}).get(group.name))
                if offer.shape.event_lanes <= (host_lanes if _fed_by_host(network, group) else _MOST_SLOTS)
            ],
            limits,
            store,
        )
        for group in network.groups
    }
    designs = list(_designs(offers))
    room = lut_budget
    if room is None and limits is not None:
        room = int(limits.logic_cells * _SHARE[target])
    # Where nothing fits, the choice goes on: the capacity check says what is too much, by how much.
    holds = [d for d in designs if limits is None or _placed(d, limits, store)] or designs
    fits = [d for d in holds if room is None or _luts(d) <= room]
    if not fits:
        smallest = min(holds, key=_luts)
        if lut_budget is not None:
            raise UserError(
                f"no choice of lanes keeps {lut_budget} LUTs: the smallest takes about {_luts(smallest):.0f}"
            )
        fits = [smallest]
    if cycle_budget is not None:
        quick = [d for d in fits if _cycles(d) <= cycle_budget]
        if not quick:
            best = min(fits, key=_cycles)
            raise UserError(
                f"no choice of lanes keeps {cycle_budget} cycles a step within {room} LUTs: the quickest "
                f"takes about {_cycles(best):.0f}"
            )
        fits = quick
        chosen = min(fits, key=lambda d: (_luts(d), _cycles(d)))
    else:
        family = "ice40" if limits is None else limits.family
        chosen = min(fits, key=lambda d: _merit(d, target, family))
    front = _front(holds)
    limit = "" if room is None else f" within {room} LUTs"
    wanted = target if cycle_budget is None else f"fewest LUTs at no more than {cycle_budget} cycles a step"
    reason = (
        f"{wanted}{limit}: about {_luts(chosen):.0f} LUTs and {_cycles(chosen):.0f} cycles a step, "
        f"chosen from {len(front)} designs (predictions){_neighbours(chosen, front)}"
    )
    return Balance(chosen, reason, tuple(front))


Design = Mapping[str, Estimate]


def _front(designs: Sequence[Design]) -> list[Design]:
    """The designs that no other one beats in both cycles and LUTs, the quickest first."""
    found: list[Design] = []
    for design in sorted(designs, key=lambda d: (_cycles(d), _luts(d))):
        if not found or _luts(design) < _luts(found[-1]):
            found.append(design)
    return found


def describe(design: Design) -> str:
    """A design in words: LUTs, cycles, and every group's shape."""
    shapes = ", ".join(f"{name} {_words(estimate.shape)}" for name, estimate in design.items())
    return f"{_luts(design):.0f} LUTs and {_cycles(design):.0f} cycles a step ({shapes})"


def _words(shape: Shape) -> str:
    events = f"/{shape.event_lanes} events" if shape.event_lanes > 1 else ""
    return f"{shape.lanes}/{shape.update_lanes} lanes{events} in {shape.accumulators}"


def _neighbours(chosen: Design, front: Sequence[Design]) -> str:
    """What the next quicker and the next smaller design would cost."""
    quicker = [d for d in front if _cycles(d) < _cycles(chosen)]
    smaller = [d for d in front if _luts(d) < _luts(chosen)]
    parts = []
    if quicker:
        parts.append(f"next quicker: {describe(quicker[-1])}")
    if smaller:
        parts.append(f"next smaller: {describe(smaller[0])}")
    return "".join(f"; {part}" for part in parts)


def _fed_by_host(network: QuantizedNetwork, group: QuantizedGroup) -> bool:
    return any(p.source == INPUT for p in network.into(group.name))


def _held(offers: list[Estimate], limits: Limits | None, store: SynapseStore) -> list[Estimate]:
    """The offers whose memories synthesis can read, and the device has, were there no other group.

    All where there is none.
    """
    offers = [o for o in offers if readable({"group": o.memories}, store)] or offers
    if limits is None:
        return offers
    return [o for o in offers if place({"group": o.memories}, limits, store) is not None] or offers


def _luts(design: Design) -> float:
    return sum(e.luts for e in design.values())


def _cycles(design: Design) -> float:
    return max(e.cycles for e in design.values())


def _placed(design: Design, limits: Limits, store: SynapseStore) -> bool:
    needs = {name: e.memories for name, e in design.items()}
    return readable(needs, store) and place(needs, limits, store) is not None


def _merit(design: Design, target: Target, family: str) -> tuple[float, ...]:
    luts, cycles = _luts(design), _cycles(design)
    total = sum(e.cycles for e in design.values())
    if target == "latency":
        return (cycles, total, luts)
    if target == "area":
        return (luts, cycles)
    if target == "energy":
        return (cycles * (luts + _REST_LUTS[family]), luts)
    return (cycles * luts, luts)


def _designs(offers: Mapping[str, list[Estimate]]) -> Iterator[Design]:
    """For every bound on the cycles, the cheapest shape of each group that keeps it."""
    slowest = max(min(e.cycles for e in group) for group in offers.values())
    bounds = sorted({e.cycles for group in offers.values() for e in group if e.cycles >= slowest})
    for bound in bounds:
        yield {
            name: min((e for e in group if e.cycles <= bound), key=lambda e: (e.luts, e.cycles))
            for name, group in offers.items()
        }


def _offers(
    network: QuantizedNetwork,
    group: QuantizedGroup,
    spaces: Mapping[str, AddressSpace],
    limits: Limits | None,
    activity: Mapping[str, float] | None,
    fixed: Shape | None,
) -> Iterator[Estimate]:
    space = spaces[group.name]
    device = _ANY if limits is None else limits
    seen = set()
    for shape in [fixed] if fixed is not None else _shapes(network, group, spaces):
        if shape not in seen:
            seen.add(shape)
            folds = Slots(space, shape.lanes).folds
            memories = shape_memories(network, group, spaces, shape, folds)
            style = neuron_style(device, memories)
            rough = outline(
                *(network, group, spaces, shape),
                neuron_memory=style,
                # As in planner.py.
                registered_reads=device.family == "ecp5",
            )
            parts = group_parts(rough, device)
            luts = logic_cells(parts, device.family)
            yield Estimate(
                shape, luts, memories, _step_cycles(network, group, spaces, shape, folds, activity)
            )


def _shapes(
    network: QuantizedNetwork, group: QuantizedGroup, spaces: Mapping[str, AddressSpace]
) -> Iterator[Shape]:
    space = spaces[group.name]
    channels = space.shape[0]
    flat = _wide_events(network, group, spaces)
    folds = 1
    while folds < 2 * channels:
        lanes = -(-channels // min(folds, channels))
        for update in (1, 2, 4, 8, lanes):
            if update <= lanes:
                yield fitted(space, lanes, update, accumulators="memory")
                if flat:
                    for event_lanes in (2, 4):
                        yield fitted(space, lanes, update, event_lanes, "memory")
        folds *= 2
    if not space.grid:
        for update in (1, 2, 4, 8, 16):
            for event_lanes in (1, 2, 4, 8) if flat else (1,):
                if update <= channels:
                    yield fitted(space, channels, update, event_lanes, "registers")


def _wide_events(
    network: QuantizedNetwork, group: QuantizedGroup, spaces: Mapping[str, AddressSpace]
) -> bool:
    """Whether a group may take several events a cycle: dense, and one range of flat addresses."""
    into = network.into(group.name)
    return len(into) == 1 and all(
        not spaces[p.source].grid and len(p.chain) == 1 and isinstance(p.chain[0], Dense) for p in into
    )


def shape_memories(
    network: QuantizedNetwork,
    group: QuantizedGroup,
    spaces: Mapping[str, AddressSpace],
    shape: Shape,
    folds: int,
) -> GroupMemories:
    """The memories a group of this shape wants, zero rows included."""
    bits = max(p.weight_bits + p.shift for p in network.into(group.name))
    rows = -(-_synapse_rows(network, group, spaces, shape, folds) // shape.event_lanes)
    state = []
    stored = group.v_bits + group.current_bits
    if shape.accumulators == "registers":
        state.append((shape.lanes // shape.update_lanes, shape.update_lanes * stored))
    else:
        state.append((folds, shape.lanes * (group.current_bits or group.v_bits)))
        if group.current_bits:
            state.append((folds * shape.lanes // shape.update_lanes, shape.update_lanes * group.v_bits))
    return GroupMemories(rows, shape.lanes * bits, shape.event_lanes, tuple(state))


def _synapse_rows(
    network: QuantizedNetwork,
    group: QuantizedGroup,
    spaces: Mapping[str, AddressSpace],
    shape: Shape,
    folds: int,
) -> int:
    rows = 0
    for p in network.into(group.name):
        chain = grid_chain(p.chain) if spaces[p.source].grid else None
        if chain is None:
            rows += spaces[p.source].neurons * folds
        else:
            each = folds if chain.dense else Slots(spaces[group.name], shape.lanes).channel_folds
            rows += int(np.prod(chain.kernel)) * chain.source[0] * each
    return rows


def _step_cycles(
    network: QuantizedNetwork,
    group: QuantizedGroup,
    spaces: Mapping[str, AddressSpace],
    shape: Shape,
    folds: int,
    activity: Mapping[str, float] | None,
) -> float:
    """Mean cycles a group spends on a time step."""
    operations = 0.0
    for p in network.into(group.name):
        size = network.source_size(p.source)
        events = _ACTIVITY * size * most_of(network, p.source) ** 0.5
        if activity is not None:
            events = activity[p.source]
        chain = grid_chain(p.chain) if spaces[p.source].grid else None
        if chain is None:
            # A word takes the fullest bank's share of a step's events, not the mean one's.
            words = events / shape.event_lanes
            operations += (words + (words**0.5 if shape.event_lanes > 1 else 0.0)) * folds
            continue
        reached = np.mean([len(row) for row in chain.rows]) * np.mean([len(row) for row in chain.columns])
        each = folds if chain.dense else Slots(spaces[group.name], shape.lanes).channel_folds
        operations += events * float(reached) * each
    sweep = folds * shape.lanes / shape.update_lanes + _STEP_OVERHEAD
    return max(operations + 1, sweep) if shape.accumulators == "registers" else operations + sweep
