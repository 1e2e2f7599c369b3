"""What a neuron group is made of, counted in bits before any tool runs.

The counts follow the components in ``qsnn_hw/rtl``: what a register holds is known from the plan; what
becomes of adders, multiplexers and control is left to the coefficients of the device family.
"""

from dataclasses import dataclass

from qsnn_hw.cost.lane_parts import lane_parts
from qsnn_hw.cost.parts import Parts, add_product, bits, columns, memory, table_luts, varying_bits
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan, ProjectionPlan
from qsnn_hw.plan.pieces import BLOCK_BITS, pieces
from qsnn_hw.plan.update_stages import state_fields, update_parameters, update_stages


def group_parts(plan: GroupPlan, limits: Limits, *, potentials: bool = False) -> Parts:
    """Everything of one neuron group; ``potentials``: it shows them to a readout."""
    parts = Parts(groups=1)
    for projection in plan.projections:
        _walker(parts, plan, projection, limits)
    row, fold = bits(plan.synapse_rows), bits(plan.folds)
    if len(plan.projections) > 1:
        parts.computed += row + fold + 4
        parts.muxes += (row + fold) * len(plan.projections)
    _synapses(parts, plan, limits)
    if plan.accumulators == "registers":
        _registers(parts, plan)
    else:
        _memory(parts, plan, limits)
    _sweep(parts, plan, limits, potentials)
    return parts


def _walker(parts: Parts, plan: GroupPlan, projection: ProjectionPlan, limits: Limits) -> None:
    # A place of which there is one has no bits: its register is a constant.
    row, fold = bits(plan.synapse_rows), bits(plan.folds)
    parts.control += plan.event_lanes * row + fold
    if projection.kind == "dense":
        # The bits below a fold's rows come from the address and stay.
        step = projection.rows_per_fold
        still = row if plan.folds == 1 else min(row, (step & -step).bit_length() - 1)
        parts.copied += plan.event_lanes * still
        parts.computed += plan.event_lanes * (row - still + 1) + fold + 3
        if plan.folds > 1:
            parts.adders += plan.event_lanes * (row - still) + fold
            parts.muxes += plan.event_lanes * (row - still)
        return
    parts.computed += plan.event_lanes * row + fold + plan.event_lanes + 3
    parts.copied += row + 12
    if projection.kind == "sparse":
        assert projection.counts is not None
        assert projection.row_folds is not None
        left = max(1, bits(max(1, int(projection.counts.max(initial=1)))))
        parts.computed += row + left
        parts.adders += 2 * (row + left)
        for depth, width in ((projection.size, row + left + 1), (len(projection.row_folds), fold)):
            style = "block" if depth * width >= BLOCK_BITS else ""
            memory(parts, limits, max(1, depth), width, style=style, rom=True)
        return
    for axis in (projection.rows, projection.columns):
        assert axis is not None
        pair, left = max(1, bits(len(axis.row))), max(1, bits(max(1, int(axis.count.max()))))
        parts.computed += 2 * pair + 3 * left + 1 + row + fold
        parts.adders += pair + left + row + fold
        for words in (axis.start, axis.count - 1, axis.row, axis.fold):
            parts.luts += table_luts(words, wide=limits.family.fabric.wide_multiplexers)
        parts.muxes += pair + left
    parts.computed += 2 * row
    add_product(parts, row - projection.rows_per_channel.bit_length(), projection.rows_per_channel)
    parts.adders += row + fold


def _synapses(parts: Parts, plan: GroupPlan, limits: Limits) -> None:
    width, events = plan.lanes * plan.weight_bits, plan.event_lanes
    for _, _, rows, wide in events * pieces(plan.synapse_shape, plan.synapse_rows, width):
        style: str = plan.synapse_style
        if style == "block" and wide * rows < BLOCK_BITS:
            style = ""
        memory(parts, limits, rows, wide, style=style, rom=plan.synapse_store == "rom")
    if plan.synapse_shape:
        parts.depth_muxes += events * width * (-(-plan.synapse_rows // plan.synapse_shape[0]) - 1)
    if plan.registered_synapses:
        parts.copied += events * (columns(plan.synapse_rows, width) + 1)
    level, wide = events, plan.weight_bits
    while level > 1:
        level, wide = level // 2, wide + 1
        parts.adders += plan.lanes * level * wide
        parts.computed += plan.lanes * level * wide


def _registers(parts: Parts, plan: GroupPlan) -> None:
    widths = [plan.acc_bits] * plan.lanes if plan.acc_lane_bits is None else plan.acc_lane_bits.tolist()
    total = sum(widths)
    parts.adders += total
    parts.computed += total
    parts.copied += total + 8 + plan.synapse_latency
    if plan.update_rows > 1:
        # Pairs of words share a LUT, pairs of pairs an OR; a register for each row says which one.
        parts.muxes += total * 2 / 3
        parts.computed += plan.update_lanes * plan.acc_bits + plan.update_rows


def _memory(parts: Parts, plan: GroupPlan, limits: Limits) -> None:
    word, row = plan.lanes * plan.acc_bits, bits(plan.update_rows)
    parts.adders += word
    parts.copied += plan.synapse_latency * (1 + bits(plan.folds))
    shares = plan.lanes // plan.update_lanes
    if plan.folds == 1:
        parts.computed += word + (row if shares > 1 else 0)
        parts.muxes += word
        if shares > 1:
            parts.muxes += word * 2 / 3
        return
    # Sums and updated words take turns at the write port.
    parts.muxes += word
    parts.control += 2 * bits(plan.folds) + 2 * row
    if shares > 1:
        parts.copied += (shares - 1) * plan.update_lanes * plan.acc_bits
        parts.muxes += word * 2 / 3
        if shares & (shares - 1):
            parts.computed += 2 * (bits(plan.folds) + bits(shares))
    memory(parts, limits, plan.folds, word, style=plan.neuron_memory)


def _base_bits(plan: GroupPlan) -> int:
    """Bits of an update row's first address that differ between rows, as ``AddressCounter`` counts them."""
    step, space = plan.update_lanes, plan.space
    fields = [(plan.update_rows, step)]
    if space.grid:
        _, height, width = space.shape
        fields = [(plan.lanes * plan.channel_folds // step, step), (width, 1), (height, 1)]
    return sum(bits((count - 1) * (apart // (apart & -apart)) + 1) for count, apart in fields)


def _sweep(parts: Parts, plan: GroupPlan, limits: Limits, potentials: bool) -> None:
    stages, rows, row = update_stages(plan), plan.update_rows, bits(plan.update_rows)
    lanes = plan.update_lanes
    address, base = max(1, bits(plan.space.size)), _base_bits(plan)
    parts.computed += 2 * row + base
    parts.control += 2 * row + 2 * base
    parts.adders += 2 * row + base
    parts.copied += 2 * (len(stages) + 1) + 4
    # The encoder: mask, priority, address.
    parts.computed += lanes + 2
    if plan.spare_row:
        parts.computed += base
    else:
        parts.copied += base
    if plan.counts_spikes:
        parts.computed += bits(plan.neuron.max_spikes)
        parts.adders += bits(plan.neuron.max_spikes)
    parts.muxes += 2.5 * lanes + plan.output_lanes * address
    if plan.spare_row:
        parts.copied += lanes + base + 3
        parts.muxes += lanes + base + 2
    width = sum(state_fields(plan).values())
    if rows == 1:
        parts.computed += lanes * width
    elif width:
        memory(parts, limits, rows, lanes * width, style=plan.neuron_memory)
    parts.add(lane_parts(plan, limits, potentials=potentials), lanes)
    last = 0
    quick = not stages[0]
    values = update_parameters(plan)
    for number, stage in enumerate(stages, 1):
        for name in sorted({name for _, _, names in stage for name in names}):
            wide = varying_bits(values[name].reshape(rows, lanes))
            if not wide:
                continue
            last = number
            memory(parts, limits, rows, wide, rom=True, words=values[name].reshape(rows, lanes))
            parts.copied += wide * quick
    parts.copied += row * last


@dataclass(frozen=True)
class GroupBlocks:
    """Memory blocks of one group: block and single-port RAMs of its synapses, block RAMs of its state."""

    synapses: int
    synapse_sprams: int
    state: int


def group_blocks(plan: GroupPlan, limits: Limits) -> GroupBlocks:
    """Which memories of a group take how many of the blocks that :func:`group_parts` counts."""
    synapses = Parts()
    _synapses(synapses, plan, limits)
    return GroupBlocks(synapses.blocks, synapses.sprams, group_parts(plan, limits).blocks - synapses.blocks)
