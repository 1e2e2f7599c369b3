"""Shapes -> HardwarePlan: addresses, synapse memories, where everything lies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qsnn_hw.cost.group.sweep import parameter_blocks, with_parameters_placed
from qsnn_hw.cost.io.host_link import link_counts
from qsnn_hw.cost.network import around_counts, network_counts
from qsnn_hw.cost.stream.router import router_counts
from qsnn_hw.explore.designs.group_planner import plan_group
from qsnn_hw.explore.designs.io_planner import with_io
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.shape_memories import shape_memories
from qsnn_hw.families.limits import Limits
from qsnn_hw.model.network import INPUT
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import GroupPlan, NeuronMemoryStyle
from qsnn_hw.plan.hardware_plan import HOST, HardwarePlan, Route, identifier
from qsnn_hw.plan.placement import (
    MOST_ROM_WORDS,
    GroupMemories,
    bank_shapes,
    levels_abreast,
    neuron_style,
    place,
    readable,
    registers_reads,
    rom_words,
)
from qsnn_hw.plan.shape import Shape, fitted
from qsnn_hw.plan.slots import Slots
from qsnn_hw.plan.synapses import SynapseImage, synapse_image
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.quantize.own_integers import own_integers_notes
from qsnn_hw.support.errors import UserError

_FOR_AREA = ("balanced", "area")
# It becomes part of file names, which have an end.
_MAX_NAME = 60


class Layout:
    """Lays a network out in any shapes; images of synapse memories that were made once stay.

    Parameters
    ----------
    network, spaces
        The network and its address spaces.
    options
        All but the shapes.
    """

    def __init__(
        self, network: QuantizedNetwork, spaces: Mapping[str, AddressSpace], options: PlanOptions
    ) -> None:
        self.network, self.spaces, self.options = network, spaces, options
        self._names = _unique_names(network)
        self._images: dict[tuple[str, int, int], SynapseImage] = {}

    def plan(self, shapes: Mapping[str, Shape], depth: int, notes: Sequence[str] = ()) -> HardwarePlan:
        """The plan in these shapes, with buffers of ``depth`` words.

        Raises
        ------
        UserError
            A group cannot have such a shape, or synthesis could not read the memories.
        """
        network, options = self.network, self.options
        images = {group.name: self._image(group.name, shapes[group.name]) for group in network.groups}
        needs = {name: self._needs(name, shapes[name], images[name]) for name in images}
        if not readable(needs, options.synapse_store):
            raise UserError(_unreadable(network, self.spaces, shapes, needs, options))
        plan = HardwarePlan(
            name=identifier(network.name, "network")[:_MAX_NAME],
            input_space=self.spaces[INPUT],
            output_space=self.spaces[network.output],
            input_lanes=self._slots_of(INPUT, shapes),
            output_lanes=1,
            input_max=network.input_max,
            output_max=network.most_events(network.output),
            groups=tuple(self._group(name, shapes, images[name], needs[name]) for name in images),
            routes=self._routes(images),
            buffer_depth=depth,
            notes=(
                *notes,
                *own_integers_notes(network),
                *(note for image in images.values() for note in image.notes),
            ),
            link=options.link,
        )
        return self._with_parameters(self._placed(with_io(plan, options.io), needs))

    def reserved(self, plan: HardwarePlan) -> int:
        """Block RAMs that are no group's: of buffers, delays, encoder and host link."""
        limits = self.options.limits
        if limits is None:
            return 0
        others = (router_counts(plan, limits), around_counts(plan, limits), link_counts(plan, limits))
        return sum(counts.blocks for counts in others)

    def _image(self, name: str, shape: Shape) -> SynapseImage:
        key = name, shape.lanes, shape.event_lanes
        if key not in self._images:
            self._images[key] = synapse_image(
                *(self.network, self.network.group(name), self.spaces),
                Slots(self.spaces[name], shape.lanes),
                event_lanes=shape.event_lanes,
            )
        return self._images[key]

    def _needs(self, name: str, shape: Shape, image: SynapseImage) -> GroupMemories:
        wanted = shape_memories(self.network, self.network.group(name), self.spaces, shape)
        return replace(wanted, rows=image.synapses.shape[1], width=shape.lanes * image.weight_bits)

    def _group(
        self, name: str, shapes: Mapping[str, Shape], image: SynapseImage, needs: GroupMemories
    ) -> GroupPlan:
        options, update = self.options, shapes[name].update_lanes
        return plan_group(
            self.network,
            self.network.group(name),
            self._names[name],
            shapes[name],
            self.spaces,
            image,
            # A word can hold no more events than the encoder finds in one update row.
            output_lanes=min(self._slots_of(name, shapes), update & -update),
            neuron_memory=_neuron_memory(options.limits, needs),
            synapse_store=options.synapse_store,
            registered_reads=registers_reads(options.limits),
        )

    def _slots_of(self, source: str, shapes: Mapping[str, Shape]) -> int:
        """Events per word that the destinations of ``source`` can use."""
        projections = self.network.projections
        return max((shapes[p.target].event_lanes for p in projections if p.source == source), default=1)

    def _routes(self, images: Mapping[str, SynapseImage]) -> tuple[Route, ...]:
        network, names = self.network, self._names
        routes = []
        for name, image in images.items():
            for projection, offset in zip(network.into(name), image.offsets, strict=True):
                ahead = network.recurrent(projection)
                delay = projection.delay + ahead
                flight = delay if ahead else delay + 1
                most = network.source_size(projection.source) * network.most_events(projection.source)
                source = HOST if projection.source == INPUT else names[projection.source]
                words = flight * most if delay else 0
                routes.append(Route(source, names[name], offset, delay, ahead, words))
        return (*routes, Route(names[network.output], HOST, 0))

    def _with_parameters(self, plan: HardwarePlan) -> HardwarePlan:
        """Neuron parameters in block RAM that nothing else wants, of a chosen design, not for speed.

        A read of a block costs more than that of LUTs: 0.5 % of a sample's energy of the digits network.
        """
        options = self.options
        limits, chosen = options.limits, options.lanes is None and options.optimize in _FOR_AREA
        if limits is None or limits.block_ram is None or not chosen:
            return plan
        free = limits.block_ram.count - network_counts(plan, limits, board=True).blocks
        groups = []
        for group in plan.groups:
            placed = with_parameters_placed(group, limits, free)
            free -= sum(parameter_blocks(placed, limits)) - sum(parameter_blocks(group, limits))
            groups.append(placed)
        return replace(plan, groups=tuple(groups))

    def _placed(self, plan: HardwarePlan, needs: Mapping[str, GroupMemories]) -> HardwarePlan:
        """Which memory blocks hold the weights, with those left over that the rest of the design takes."""
        options = self.options
        if options.limits is None:
            return plan
        limits = options.limits
        if limits.block_ram is not None:
            left = max(0, limits.block_ram.count - self.reserved(plan))
            limits = replace(limits, block_ram=replace(limits.block_ram, count=left))
        styles = place(needs, limits, options.synapse_store)
        if styles is None:
            return plan
        rom = options.synapse_store == "rom"
        built = bank_shapes(needs, limits) if rom else {}
        side_by_side = levels_abreast(needs, built, limits) if rom else {}
        shapes_built = built | side_by_side
        groups = tuple(
            replace(
                group,
                synapse_style="spram" if styles[group.group] == "spram" else "block",
                synapse_shape=shapes_built.get(group.group, ()),
                synapse_abreast=group.group in side_by_side,
            )
            for group in plan.groups
        )
        notes = [
            f"{name}: weights, {needs[name].rows} rows of {needs[name].width} bits, in memories of {deep} x "
            f"{wide}: smaller multiplexers"
            for name, (deep, wide) in built.items()
        ]
        return replace(plan, groups=groups, notes=(*plan.notes, *notes))


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
        needs[name] = shape_memories(network, network.group(name), spaces, wider)
    else:
        if options.limits is None or place(needs, options.limits, "rom") is not None:
            cures.insert(0, f"--lanes {','.join(str(shape.lanes) for shape in shapes.values())}")
    return f"{said}: {' or '.join(cures) or 'use a smaller network'}"


def _neuron_memory(limits: Limits | None, needs: GroupMemories) -> NeuronMemoryStyle:
    """One style for all memories of potentials of a group; synthesis chooses for a device that is unknown."""
    return "auto" if limits is None else neuron_style(limits, needs)


def _unique_names(network: QuantizedNetwork) -> dict[str, str]:
    names: dict[str, str] = {}
    for group in network.groups:
        base = name = identifier(group.name)
        number = 2
        while name in names.values():
            name, number = f"{base}_{number}", number + 1
        names[group.name] = name
    return names
