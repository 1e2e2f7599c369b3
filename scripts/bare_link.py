"""The host link that some stored designs were measured with: words on the line without frames around them.

Nothing builds it any more. Until such a design is measured again, its prediction is made with what this link
took, so that the rest of the design is still held to the measurement.
"""

import json
from pathlib import Path

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.network import network_counts
from qsnn_hw.cost.primitives import add_memory, bits
from qsnn_hw.cost.stream.address_guard import compared_bits
from qsnn_hw.cost.stream.lane_adapter import add_adapter
from qsnn_hw.families.limits import Limits
from qsnn_hw.host.protocol import PIXEL_BITS, address_bits
from qsnn_hw.plan.hardware_plan import HardwarePlan
from qsnn_hw.plan.placement import memory_blocks

_LOGIC: dict[str, float] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
"""Family -> logic cells that were fitted for it."""

_REGISTERS, _WORDS = 84, 512


def _bytes_per_word(size: int) -> int:
    return 1 + -(-max(0, address_bits(size) - 6) // 7)


def bare_counts(plan: HardwarePlan, limits: Limits) -> Counts:
    """What a board's design of ``plan`` was, this link around it."""
    counts = network_counts(plan, limits, board=False)
    costs = limits.family.costs.logic
    counts.add(Counts(links=_LOGIC[limits.family.name] / costs["links"], computed=_REGISTERS))
    value = 0 if plan.encoder is None else PIXEL_BITS
    size = plan.input_addresses << value
    more = _bytes_per_word(size) - 1
    counts.computed += 7 * more + bits(more + 1)
    counts.muxes += 14 * more
    space = plan.input_space if plan.encoder is None else plan.encoder.space
    counts.adders += compared_bits(space, 6 + 7 * more - value)
    more = _bytes_per_word(plan.output_addresses if plan.readout is None else plan.readout.classes) - 1
    counts.computed += bits(more + 1)
    counts.muxes += 7 * more
    if plan.encoder is not None:
        counts.muxes += PIXEL_BITS * (plan.encoder.slots - 1)
    elif plan.input_lanes > 1:
        add_adapter(counts, plan.input_addresses, 1, plan.input_lanes)
    counts.muxes += 4 * bool(plan.loaded_groups)
    if limits.block_ram is not None:
        width = address_bits(size) + 1
        # A few bits may be distributed RAM.
        if memory_blocks(limits, _WORDS, width, rom=False):
            counts.blocks += limits.block_ram.blocks(_WORDS, width)
        else:
            add_memory(counts, limits, _WORDS, width)
        if any(group.registered_reads for group in plan.groups):
            counts.copied += width + 1
    return counts
