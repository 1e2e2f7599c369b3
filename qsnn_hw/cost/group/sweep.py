"""The update sweep: rows on their way, lanes, and what they read."""

from collections.abc import Iterator

import numpy as np

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.group.encoder import add_spike_encoder
from qsnn_hw.cost.group.lane import lane_counts
from qsnn_hw.cost.primitives import add_memory, bits, varying_bits
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.update_stages import state_fields, update_parameters, update_stages


def add_sweep(counts: Counts, plan: GroupPlan, limits: Limits, potentials: bool) -> None:
    """``Sweep`` and all in it; ``potentials``: it shows them to a readout."""
    row, base = bits(plan.update_rows), _base_bits(plan)
    counts.computed += 2 * row + base
    counts.control += 2 * row + 2 * base
    counts.adders += 2 * row + base
    counts.copied += 2 * (len(update_stages(plan)) + 1) + 4
    add_spike_encoder(counts, plan, base)
    if plan.counts_spikes:
        counts.computed += bits(plan.neuron.max_spikes)
        counts.adders += bits(plan.neuron.max_spikes)
    _add_states(counts, plan, limits)
    counts.add(lane_counts(plan, limits, potentials=potentials), plan.update_lanes)
    _add_parameters(counts, plan, limits)


def _base_bits(plan: GroupPlan) -> int:
    """Bits of an update row's first address that differ between rows, as ``AddressCounter`` counts them."""
    step, space = plan.update_lanes, plan.space
    fields = [(plan.update_rows, step)]
    if space.grid:
        _, height, width = space.shape
        fields = [(plan.lanes * plan.channel_folds // step, step), (width, 1), (height, 1)]
    return sum(bits((count - 1) * (apart // (apart & -apart)) + 1) for count, apart in fields)


def _add_states(counts: Counts, plan: GroupPlan, limits: Limits) -> None:
    """What neurons store beside their accumulators."""
    width = plan.update_lanes * sum(state_fields(plan).values())
    if plan.update_rows == 1:
        counts.computed += width
    elif width:
        add_memory(counts, limits, plan.update_rows, width, style=plan.neuron_memory)


def parameter_blocks(plan: GroupPlan, limits: Limits) -> list[int]:
    """Block RAMs of each memory of what differs between rows; 0 for one in logic."""
    blocks = []
    for _, words in _parameters(plan):
        counts = Counts()
        add_memory(counts, limits, plan.update_rows, varying_bits(words), rom=True, words=words)
        blocks.append(counts.blocks)
    return blocks


def _parameters(plan: GroupPlan) -> Iterator[tuple[int, np.ndarray]]:
    """Stage and words, shape (rows, lanes), of each memory of what differs between rows."""
    values = update_parameters(plan)
    for number, stage in enumerate(update_stages(plan), 1):
        for name in sorted({name for step in stage for name in step.parameters}):
            words = values[name].reshape(plan.update_rows, plan.update_lanes)
            if varying_bits(words):
                yield number, words


def _add_parameters(counts: Counts, plan: GroupPlan, limits: Limits) -> None:
    """Memories of what differs between rows, and the row's number on its way to the last of them."""
    last, registered = 0, not update_stages(plan)[0]
    for number, words in _parameters(plan):
        last = number
        wide = varying_bits(words)
        add_memory(counts, limits, plan.update_rows, wide, rom=True, words=words)
        counts.copied += wide * registered
    counts.copied += bits(plan.update_rows) * last
