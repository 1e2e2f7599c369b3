"""Events that arrive steps late."""

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.primitives import add_memory, bits
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.hardware_plan import Route


def add_step_delay(counts: Counts, route: Route, width: int, limits: Limits) -> None:
    """``StepDelay`` of a route, for words of ``width`` bits."""
    address = max(1, bits(max(1, route.words)))
    add_memory(counts, limits, 1 << address, width - 1)
    counts.computed += 2 * (address + 1) + width + 6
    counts.copied += (address + 1) * (1 + route.delay - route.ahead)
    counts.adders += 4 * (address + 1)
    # What is due, fetched, leaving; a sample's end moves the pointers.
    counts.muxes += address + 17
