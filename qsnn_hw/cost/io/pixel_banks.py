"""The memories of an encoder's pixels."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import add_memory, bits
from qsnn_hw.families.limits import Limits
from qsnn_hw.host.protocol import PIXEL_BITS
from qsnn_hw.plan.io_plan import EncoderPlan


def add_list_bank(counts: Counts, plan: EncoderPlan, limits: Limits, row: int) -> None:
    """``ListBank``: pixels in the order they came."""
    key, count, halves = PIXEL_BITS - plan.shift, bits(plan.rows + 1), plan.buffers
    add_memory(counts, limits, halves << row, row + key)
    counts.computed += (halves + 1) * count + 3
    counts.copied += row + key
    counts.adders += (halves + 2) * count
    counts.muxes += 2 * (halves - 1) * count + count
    counts.control += count
    if plan.kind == "direct":
        counts.computed += key
        counts.adders += 3 * key


def add_step_bank(counts: Counts, plan: EncoderPlan, limits: Limits, row: int, step: int) -> None:
    """``StepBank``: a linked list for each step."""
    left = max(1, bits(plan.rows))
    add_memory(counts, limits, plan.buffers << row, row + 1)
    for _ in range(plan.buffers):
        # A head holds two pixels.
        add_memory(counts, limits, 1 << step, 2 * (row + 1))
        # Filling and sending take turns at the heads.
        counts.muxes += 3 * step + 2 * (row + 1) + 3
    counts.computed += 3 + step + 2 * (row + 1) + left
    counts.copied += 2 * (row + 1)
    counts.adders += 2 * step + left
    counts.muxes += 4 * (plan.buffers - 1) * (row + 1) + 4 * (row + 1) + left
    counts.control += 2 * step + left
