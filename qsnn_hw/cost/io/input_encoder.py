"""The encoder on the chip: pixels to spikes."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.io.pixel_banks import add_list_bank, add_step_bank
from qsnn_hw.cost.primitives import add_product, bits
from qsnn_hw.cost.stream.aer import word_bits
from qsnn_hw.cost.stream.router import add_buffer
from qsnn_hw.families.limits import Limits
from qsnn_hw.host.protocol import PIXEL_BITS, address_bits
from qsnn_hw.plan.io_plan import RANDOM_STATE_BITS, EncoderPlan


def encoder_counts(plan: EncoderPlan, limits: Limits) -> Counts:
    """Pixels to spikes."""
    # It walks over pixels as a group does over rows, with the same handshakes.
    counts = Counts(groups=1)
    step, row = max(1, bits(plan.steps)), address_bits(plan.rows)
    add_buffer(counts, limits, word_bits(plan.space.size, plan.slots), 2)
    counts.computed += plan.buffers + 6 + step
    counts.copied += row
    counts.adders += step
    counts.control += step
    counts.muxes += 12
    if plan.kind == "rate":
        # Only the new bits are made, the others move up.
        random_bits = min(PIXEL_BITS * plan.slots, RANDOM_STATE_BITS)
        counts.computed += random_bits
        counts.copied += RANDOM_STATE_BITS - random_bits
        counts.muxes += PIXEL_BITS * plan.slots
    for _ in range(plan.slots):
        counts.computed += 1
        if plan.kind == "latency":
            # The step is the pixel times a constant; brighter than the floor is a comparison.
            add_product(counts, PIXEL_BITS, plan.steps)
            counts.adders += PIXEL_BITS
            counts.computed += step
            add_step_bank(counts, plan, limits, row, step)
            continue
        counts.copied += PIXEL_BITS - plan.shift
        counts.muxes += 3
        if plan.kind == "rate":
            counts.adders += PIXEL_BITS
        add_list_bank(counts, plan, limits, row)
    return counts
