"""The host link of a board."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import bits
from qsnn_hw.cost.stream.address_guard import compared_bits
from qsnn_hw.cost.stream.lane_adapter import add_adapter
from qsnn_hw.families.limits import Limits
from qsnn_hw.host.frames import SLOT_BYTES, SLOTS
from qsnn_hw.host.identity import TABLE_BYTES
from qsnn_hw.host.protocol import PIXEL_BITS
from qsnn_hw.host.words import word_bytes
from qsnn_hw.plan.hardware_plan import HardwarePlan

_COMPUTED, _COPIED = 182, 75
"""Registers of the link with words of one byte, and of the reset: behind logic; those that shift or keep."""

_SPI = Counts(computed=-6, copied=4, adders=-6, muxes=-6)
"""What SPI takes in place of a UART: synchronizers of two more pins, and no counters of bits and of a break.

Digits: 20 logic cells and a register fewer on an UP5K, 6 LUTs and 8 registers on an LFE5U-25F (nextpnr)."""

_TABLE_BYTES = 1 << (TABLE_BYTES - 1).bit_length()


def link_counts(plan: HardwarePlan, limits: Limits) -> Counts:
    """The host link: its line, frames and power-on reset, then what the widths of its words add."""
    counts = Counts(links=1, computed=_COMPUTED, copied=_COPIED)
    if plan.link == "spi":
        counts.add(_SPI)
    encoded = plan.encoder is not None
    space = plan.input_space if plan.encoder is None else plan.encoder.space
    size = space.size << (PIXEL_BITS if encoded else 0)
    more = word_bytes(size) - 1
    # The address bytes that came before; a run counts down in more of them.
    counts.computed += 8 * more + bits(more)
    counts.muxes += 8 * more
    counts.adders += 4 * min(more, 1)
    counts.adders += compared_bits(space, 6 + 8 * more - (PIXEL_BITS if encoded else 0))
    classes = plan.output_addresses if plan.readout is None else plan.readout.classes
    counts.muxes += 4 * (word_bytes(classes) - 1)
    if plan.encoder is not None:
        counts.muxes += PIXEL_BITS * (plan.encoder.slots - 1)
    elif plan.input_lanes > 1:
        add_adapter(counts, plan.input_addresses, 1, plan.input_lanes)
    if plan.loaded_groups:
        counts.muxes += 4
    if limits.block_ram is not None:
        counts.blocks += limits.block_ram.blocks(SLOTS * SLOT_BYTES, 8)
        counts.blocks += limits.block_ram.blocks(_TABLE_BYTES, 8)
        if any(group.registered_reads for group in plan.groups):
            counts.copied += 9
    return counts
