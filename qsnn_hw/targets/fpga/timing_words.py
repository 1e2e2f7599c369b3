"""A slow path in the words of who described the network: layer, part, lane."""

import re

from qsnn_hw.plan import HardwarePlan
from qsnn_hw.targets.fpga.timing import CriticalPath

# Names of submodules in qsnn_hw/rtl, outermost first.
_PARTS = (
    (r"\.banks?\b|\.bank\d", "synapse memory"),
    (r"\.(?:neurons|states)\b", "neuron memory"),
    (r"\.accumulators\b", "accumulators"),
    (r"\.sweep\.lane\d+", "neuron update"),
    (r"\.sweep\.encoder\b|\.encoder\b", "spike encoder"),
    (r"\.sweep\b", "sweep"),
    (r"\.(?:walker|projection\d+|addresses|links)\b", "walker"),
)
_AROUND = (
    (r"(?:^|\.)network\.(?:router|merge\d|multicast\d|buffer\d|adapter\d|delay\d)", "router"),
    (r"(?:^|\.)readout\b", "readout"),
    (r"(?:^|\.)(?:encoder|pixels)\b", "input encoder"),
    (r"^link\b", "host link"),
    (r"^(?:widen|narrow)\b", "adapter between host link and network"),
)


def place_of(cell: str, plan: HardwarePlan) -> str:
    """Where a cell of place and route's is: layer and part, or what of the design around the network."""
    for group in plan.groups:
        found = re.search(rf"(?:^|\.){re.escape(group.name)}(?=[._])", cell)
        if found is None:
            continue
        rest = cell[found.end() :]
        part = next((words for form, words in _PARTS if re.search(form, rest)), None)
        lane = re.search(r"\.lane(\d+)\b", rest)
        words = f"layer {group.group}"
        words += "" if part is None else f", {part}"
        return words + ("" if lane is None else f", update lane {lane[1]}")
    return next((words for form, words in _AROUND if re.search(form, cell)), f"cell {cell}")


def path_words(path: CriticalPath | None, plan: HardwarePlan) -> str:
    """The slowest path for a person; empty where there is none."""
    if path is None:
        return ""
    start, end = place_of(path.start, plan), place_of(path.end, plan)
    where = f"within {start}" if start == end else f"from {start} to {end}"
    return (
        f"the slowest path is {where}: {path.total_ns:.1f} ns, {path.logic_ns:.1f} of it in {path.steps} "
        f"cells in a row, {path.routing_ns:.1f} in wires"
    )
