"""The update sweep: rows on their way, lanes, and what they read."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.group.encoder import add_spike_encoder
from qsnn_hw.cost.group.lane import lane_counts
from qsnn_hw.cost.primitives import add_memory, bits, varying_bits
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.update_stages import state_fields, update_parameters, update_stages

_LEAST_SAVED = 6
"""LUTs that a block which nothing else wants has to save to hold parameters."""


def add_sweep(counts: Counts, plan: GroupPlan, limits: Limits, potentials: bool) -> None:
    """``Sweep`` and all in it; ``potentials``: it shows them to a readout."""
    row, base, stages = bits(plan.update_rows), _base_bits(plan), len(update_stages(plan))
    counted = row if plan.row_is_address else row + base
    counts.computed += counted
    counts.control += row + (0 if plan.row_is_address else 2 * base)
    counts.adders += counted
    # Each row's number goes along, up to where it is written.
    counts.copied += (2 + row) * (stages + 1) + 4
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
    for words in _parameters(plan):
        counts = Counts()
        _add_parameter(counts, plan, limits, words)
        blocks.append(counts.blocks)
    return blocks


def _parameters(plan: GroupPlan) -> Iterator[np.ndarray]:
    """Words, shape (rows, lanes), of each memory of what differs between rows."""
    values = update_parameters(plan)
    for stage in update_stages(plan):
        for name in sorted({name for step in stage for name in step.parameters}):
            words = values[name].reshape(plan.update_rows, plan.update_lanes)
            if varying_bits(words):
                yield words


def _add_parameters(counts: Counts, plan: GroupPlan, limits: Limits) -> None:
    """Memories of what differs between rows."""
    registered = not update_stages(plan)[0]
    for words in _parameters(plan):
        _add_parameter(counts, plan, limits, words)
        counts.copied += varying_bits(words) * registered


def _add_parameter(counts: Counts, plan: GroupPlan, limits: Limits, words: np.ndarray) -> None:
    style = "block" if plan.parameters_in == "block" else ""
    add_memory(counts, limits, plan.update_rows, varying_bits(words), style=style, rom=True, words=words)


def with_parameters_placed(plan: GroupPlan, limits: Limits, free: int) -> GroupPlan:
    """The group, its parameters in block RAM where there are ``free`` blocks and that saves enough logic.

    Only where a group is made for area: a block's output is late in its cycle.
    """
    placed = replace(plan, parameters_in="block")
    before, after = Counts(), Counts()
    _add_parameters(before, plan, limits)
    _add_parameters(after, placed, limits)
    more = after.blocks - before.blocks
    saved = before.luts - after.luts
    return placed if plan.small and 0 < more <= free and saved >= _LEAST_SAVED * more else plan
