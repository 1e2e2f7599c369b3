"""QuantizedNetwork -> HardwarePlan: shapes, address map and synapse memories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from qsnn_hw.errors import UserError
from qsnn_hw.limits import Limits
from qsnn_hw.model.network import INPUT
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.balance import TARGETS, Target, balance, shape_memories
from qsnn_hw.plan.group_plan import Accumulators, GroupPlan, NeuronMemoryStyle, SynapseStore
from qsnn_hw.plan.group_planner import most_of, plan_group
from qsnn_hw.plan.hardware_plan import HOST, HardwarePlan, Route, identifier
from qsnn_hw.plan.io_planner import IoOptions, with_io
from qsnn_hw.plan.placement import (
    MOST_ROM_WORDS,
    GroupMemories,
    bank_shapes,
    neuron_style,
    place,
    readable,
    rom_words,
)
from qsnn_hw.plan.shape import Shape, fitted
from qsnn_hw.plan.slots import Slots
from qsnn_hw.plan.synapses import SynapseImage, address_spaces, synapse_image
from qsnn_hw.quantize.network import QuantizedNetwork

DEFAULT_BUFFER_DEPTH = 2


@dataclass(frozen=True)
class PlanOptions:
    """How the network is laid out.

    Every sequence holds one number for all groups or one for each; None leaves the choice to
    ``optimize``.

    Parameters
    ----------
    lanes, update_lanes, event_lanes
        See ``Shape``.
    accumulators
        "registers" or "memory".
    optimize
        What to choose for: "balanced", "latency", "area" or "energy".
    lut_budget, cycle_budget
        LUTs that the groups may take, and mean cycles of a time step; None for no limit.
    buffer_depth
        Words each router destination can hold, at least 1.
    limits
        What the device holds; None: no limit known.
    neuron_memory
        Where potentials are that are not in registers: "block" RAM, "distributed" RAM, or "auto" for what
        suits the device, or synthesis where ``limits`` are not known.
    synapse_store
        "rom", or "ram" that the host loads.
    skip_zero_rows
        Leave out synapse rows without a weight where that pays.
    activity
        Mean events per step of the input (``INPUT``) and of every group, measured; None assumes.
    host_lanes
        Events per word that whatever feeds the input can deliver: more event lanes than that are not
        chosen for the groups behind it (they may be given).
    io
        Encoder and readout on the chip.
    """

    lanes: Sequence[int] | None = None
    update_lanes: Sequence[int] | None = None
    event_lanes: Sequence[int] | None = None
    accumulators: Sequence[Accumulators] | None = None
    optimize: Target = "balanced"
    lut_budget: int | None = None
    cycle_budget: int | None = None
    buffer_depth: int = DEFAULT_BUFFER_DEPTH
    limits: Limits | None = None
    neuron_memory: NeuronMemoryStyle = "auto"
    synapse_store: SynapseStore = "rom"
    skip_zero_rows: bool = True
    activity: Mapping[str, float] | None = None
    host_lanes: int = 1
    io: IoOptions = field(default_factory=IoOptions)

    def __post_init__(self) -> None:
        if self.buffer_depth < 1:
            raise UserError(f"buffer depth must be at least 1, not {self.buffer_depth}")
        if self.optimize not in TARGETS:
            raise UserError(f"--optimize must be one of {', '.join(TARGETS)}, not {self.optimize!r}")
        for name in ("lanes", "update_lanes", "event_lanes"):
            for value in getattr(self, name) or ():
                if value < 1:
                    raise UserError(f"{name.replace('_', ' ')} must be at least 1, not {value}")


def make_plan(network: QuantizedNetwork, options: PlanOptions) -> HardwarePlan:
    """Choose shapes, and lay out addresses and synapse memories.

    Raises
    ------
    UserError
        Numbers of lanes that are neither one nor one per group, or that a group cannot have, or
        budgets that no design keeps, or ROMs of more words than synthesis can read.
    """
    spaces = address_spaces(network)
    shapes, notes = _shapes(network, spaces, options)
    names = _unique_names(network)
    images: dict[str, SynapseImage] = {}
    routes: list[Route] = []
    for group in network.groups:
        shape = shapes[group.name]
        images[group.name] = image = synapse_image(
            network,
            group,
            spaces,
            Slots(spaces[group.name], shape.lanes),
            event_lanes=shape.event_lanes,
            skip_zero_rows=options.skip_zero_rows,
        )
        notes += image.notes
        for projection, offset in zip(network.into(group.name), image.offsets, strict=True):
            ahead = network.recurrent(projection)
            delay = projection.delay + ahead
            flight = delay if ahead else delay + 1
            most = network.source_size(projection.source) * most_of(network, projection.source)
            source = HOST if projection.source == INPUT else names[projection.source]
            words = flight * most if delay else 0
            routes.append(Route(source, names[group.name], offset, delay, ahead, words))
    routes.append(Route(names[network.output], HOST, 0))
    needs = {
        group.name: replace(
            shape_memories(
                network,
                group,
                spaces,
                shapes[group.name],
                Slots(spaces[group.name], shapes[group.name].lanes).folds,
            ),
            rows=images[group.name].synapses.shape[1],
            width=shapes[group.name].lanes * images[group.name].weight_bits,
        )
        for group in network.groups
    }
    if not readable(needs, options.synapse_store):
        raise UserError(_unreadable(network, spaces, shapes, needs, options))
    styles = None if options.limits is None else place(needs, options.limits, options.synapse_store)
    built: dict[str, tuple[int, int]] = {}
    if options.limits is not None and styles is not None and options.synapse_store == "rom":
        built = bank_shapes(needs, options.limits)
    for name, (deep, wide) in built.items():
        rows, width = needs[name].rows, needs[name].width
        notes.append(
            f"{name}: weights, {rows} rows of {width} bits, in memories of {deep} x {wide}: "
            "smaller multiplexers"
        )
    groups: list[GroupPlan] = []
    for group in network.groups:
        wanted = _slots_of(network, group.name, shapes)
        update = shapes[group.name].update_lanes
        planned = plan_group(
            network,
            group,
            names[group.name],
            shapes[group.name],
            spaces,
            images[group.name],
            # A word can hold no more events than the encoder finds in one update row.
            output_lanes=min(wanted, update & -update),
            neuron_memory=_neuron_memory(options, needs[group.name]),
            synapse_store=options.synapse_store,
            registered_reads=options.limits is not None and options.limits.family == "ecp5",
            synapse_style="spram" if styles is not None and styles[group.name] == "spram" else "block",
            synapse_shape=built.get(group.name, ()),
        )
        groups.append(planned)
    plan = HardwarePlan(
        name=identifier(network.name, "network"),
        input_space=spaces[INPUT],
        output_space=spaces[network.output],
        input_lanes=_slots_of(network, INPUT, shapes),
        output_lanes=1,
        input_max=network.input_max,
        output_max=most_of(network, network.output),
        groups=tuple(groups),
        routes=tuple(routes),
        buffer_depth=options.buffer_depth,
        notes=tuple(notes),
    )
    return with_io(plan, options.io)


def _unreadable(
    network: QuantizedNetwork,
    spaces: Mapping[str, AddressSpace],
    shapes: Mapping[str, Shape],
    needs: Mapping[str, GroupMemories],
    options: PlanOptions,
) -> str:
    """What is too long for synthesis, and what to type instead."""
    needs, shapes, cures = dict(needs), dict(shapes), []
    words = {name: rom_words(need) for name, need in needs.items()}
    said = (
        f"the weights are a ROM of {sum(words.values()):,} words ({max(words, key=lambda n: words[n])}: "
        f"{max(words.values()):,}), and synthesis reads at most {MOST_ROM_WORDS:,}"
    )
    if options.limits is None or place(needs, options.limits, "ram") is not None:
        cures.append("--weights ram")
    while not readable(needs, "rom"):
        # Twice the lanes, half the rows, of the group that has the most.
        name = max(needs, key=lambda n: rom_words(needs[n]))
        before = shapes[name]
        try:
            shapes[name] = wider = fitted(spaces[name], 2 * before.lanes, None, before.event_lanes)
        except UserError:
            break
        if wider.lanes <= before.lanes:
            break
        folds = Slots(spaces[name], wider.lanes).folds
        needs[name] = shape_memories(network, network.group(name), spaces, wider, folds)
    else:
        if options.limits is None or place(needs, options.limits, "rom") is not None:
            cures.insert(0, f"--lanes {','.join(str(shape.lanes) for shape in shapes.values())}")
    return f"{said}: {' or '.join(cures) or 'use a smaller network'}"


def _neuron_memory(options: PlanOptions, needs: GroupMemories) -> NeuronMemoryStyle:
    """One style for all memories of potentials of a group."""
    if options.limits is None or options.neuron_memory != "auto":
        return options.neuron_memory
    return neuron_style(options.limits, needs)


def _slots_of(network: QuantizedNetwork, source: str, shapes: Mapping[str, Shape]) -> int:
    """Events per word that the destinations of ``source`` can use."""
    return max((shapes[p.target].event_lanes for p in network.projections if p.source == source), default=1)


def _shapes(
    network: QuantizedNetwork, spaces: Mapping[str, AddressSpace], options: PlanOptions
) -> tuple[dict[str, Shape], list[str]]:
    """The shape of every group, and why."""
    lanes = _spread(network, "lanes", options.lanes)
    update_lanes = _spread(network, "update lanes", options.update_lanes)
    event_lanes = _spread(network, "event lanes", options.event_lanes)
    accumulators = _spread(network, "accumulators", options.accumulators)
    if lanes is not None:
        fixed = {}
        for index, group in enumerate(network.groups):
            fixed[group.name] = fitted(
                spaces[group.name],
                lanes[index],
                None if update_lanes is None else update_lanes[index],
                1 if event_lanes is None else event_lanes[index],
                None if accumulators is None else accumulators[index],
            )
        return fixed, ["lanes as given"]
    for name in ("update_lanes", "event_lanes", "accumulators"):
        if getattr(options, name) is not None:
            raise UserError(f"{name.replace('_', ' ')} need lanes beside them: give --lanes too")
    found = balance(
        network,
        spaces,
        options.optimize,
        options.limits,
        activity=options.activity,
        lut_budget=options.lut_budget,
        cycle_budget=options.cycle_budget,
        store=options.synapse_store,
        host_lanes=options.host_lanes,
    )
    return {name: estimate.shape for name, estimate in found.chosen.items()}, list(found.notes)


T = TypeVar("T")


def _spread(network: QuantizedNetwork, name: str, values: Sequence[T] | None) -> list[T] | None:
    """One value for each group."""
    if values is None:
        return None
    given = list(values)
    if len(given) == 1:
        given *= len(network.groups)
    if len(given) != len(network.groups):
        names = ", ".join(g.name for g in network.groups)
        raise UserError(
            f"--{name.replace(' ', '-')} wants one value or {len(network.groups)} (for groups {names}), "
            f"not {len(given)}"
        )
    return given


def _unique_names(network: QuantizedNetwork) -> dict[str, str]:
    names: dict[str, str] = {}
    for group in network.groups:
        base = name = identifier(group.name)
        number = 2
        while name in names.values():
            name, number = f"{base}_{number}", number + 1
        names[group.name] = name
    return names
