"""The host link of a board."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import bits
from qsnn_hw.cost.stream.address_guard import compared_bits
from qsnn_hw.cost.stream.lane_adapter import add_adapter
from qsnn_hw.families.limits import Limits
from qsnn_hw.host.protocol import PIXEL_BITS, RECEIVE_WORDS, address_bits, bytes_per_word
from qsnn_hw.plan.hardware_plan import HardwarePlan

_LINK_REGISTERS = 84
"""Of the serial line with words of one byte, the addresses of the words that wait, and the reset."""


def link_counts(plan: HardwarePlan, limits: Limits) -> Counts:
    """The host link: the serial line and the power-on reset, then what the widths of its words add."""
    counts = Counts(links=1, computed=_LINK_REGISTERS)
    encoded = plan.encoder is not None
    width = address_bits(plan.input_size << (PIXEL_BITS if encoded else 0))
    more = bytes_per_word(width) - 1
    # The bits that came before, and the choice between a word's only byte and its last.
    counts.computed += 7 * more + bits(more + 1)
    counts.muxes += 14 * more
    space = plan.input_space if plan.encoder is None else plan.encoder.space
    counts.adders += compared_bits(space, 6 + 7 * more - (PIXEL_BITS if encoded else 0))
    classes = plan.output_size if plan.readout is None else plan.readout.classes
    more = bytes_per_word(address_bits(classes)) - 1
    counts.computed += bits(more + 1)
    counts.muxes += 7 * more
    if plan.encoder is not None:
        counts.muxes += PIXEL_BITS * (plan.encoder.slots - 1)
    elif plan.input_lanes > 1:
        add_adapter(counts, plan.input_size, 1, plan.input_lanes)
    if plan.loaded_groups:
        counts.muxes += 4
    if limits.block_ram is not None:
        # The words that wait for the network, as they came over the line.
        counts.blocks += limits.block_ram.blocks(RECEIVE_WORDS, width + 1)
        if any(group.registered_reads for group in plan.groups):
            counts.copied += width + 2
    return counts
