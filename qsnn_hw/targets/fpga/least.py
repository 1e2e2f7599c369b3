"""What synthesis must leave of a plan, counted in the cells of each family.

yosys removes whatever no output depends on, without a word and with exit code 0. So a design is held
against what it cannot do without: the accumulators of every neuron group, one adder, one register and
one synapse memory at a time. Whatever stands behind them (leak, comparison, spikes, router) is reached
only through them, and yosys drops an accumulator whose neuron nothing can see; a group that vanished, or
that feeds nothing, is short of them.

What may go although all is well is left out of the count, so that no real design is refused:

- a lane without a weight other than 0, padding among them: its sum is always 0;
- low bits that all weights of a lane lack, and fractional bits, to which an event adds nothing;
- bits beyond those that the next stage reads;
- bits of a synapse memory that are the same in every row;
- small memories, which may become logic.

Nothing else of an accumulator can go: it adds to its own register or memory, so no two are alike to
synthesis, and the rows that it adds are known only when the design runs.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qsnn_hw.families.family import Cells
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.hardware_plan import HardwarePlan
from qsnn_hw.plan.pieces import BLOCK_BITS

_WEIGHTS = re.compile(r"sums\.|sum\d")
# yosys makes logic of additions of so few bits.
_SHORT = 2


@dataclass(frozen=True)
class LeastGroup:
    """What must be left of one neuron group.

    Parameters
    ----------
    name
        As in the plan.
    registers
        Flip-flops with a name in its accumulators, those of the weights' way there aside.
    block_rams, sprams, distributed
        Memory cells of weights and sums.
    """

    name: str
    registers: int = 0
    block_rams: int = 0
    sprams: int = 0
    distributed: int = 0


@dataclass(frozen=True)
class Least:
    """What must be left of a design, in yosys' cells.

    Parameters
    ----------
    logic_cells, registers
        Of the whole design.
    carries
        Adder cells of the whole design, ``carry`` of the family's cells.
    groups
        Of every neuron group.
    """

    logic_cells: int = 1
    registers: int = 1
    carries: int = 0
    groups: tuple[LeastGroup, ...] = ()


def least_cells(plan: HardwarePlan, limits: Limits) -> Least:
    """What synthesis for a device must leave of ``plan``, whatever is built around it."""
    widths = [_sum_bits(group) for group in plan.groups]
    groups = tuple(_least_group(group, bits, limits) for group, bits in zip(plan.groups, widths, strict=True))
    long = np.concatenate([bits[bits > _SHORT] for bits in widths])
    carries = sum(limits.family.cells.fewest_carries(int(bits)) for bits in long)
    return Least(carries=carries, groups=groups)


def _sum_bits(plan: GroupPlan) -> np.ndarray:
    """Bits of each lane's accumulator that events can change; int64, shape (lanes,)."""
    # The memories' accumulators hold the stored value, to which the weights come with fractional bits.
    below = np.full(plan.lanes, 0 if plan.accumulators == "registers" else plan.neuron.fractional_bits)
    read = plan.neuron.current_bits if plan.neuron.has_current else plan.neuron.v_bits
    widths = np.full(plan.lanes, plan.acc_bits) if plan.acc_lane_bits is None else plan.acc_lane_bits
    if plan.synapse_store == "ram":
        return np.minimum(widths, read) - below
    used = np.bitwise_or.reduce(plan.synapses.reshape(-1, plan.lanes).astype(np.int64), axis=0)
    lowest = np.array([(int(bits) & -int(bits)).bit_length() - 1 for bits in used])
    return np.where(used == 0, 0, np.maximum(0, np.minimum(widths, read) - below - lowest))


def _least_group(plan: GroupPlan, bits: np.ndarray, limits: Limits) -> LeastGroup:
    total = int(bits.sum())
    registers = blocks = sprams = distributed = 0
    if plan.accumulators == "registers":
        # The accumulators, and the second rank that the sweep reads.
        registers = 2 * total
    elif plan.folds == 1:
        registers = total
    elif plan.neuron_memory == "block":
        blocks = _fewest_blocks(limits, plan.folds, total)
    elif plan.neuron_memory == "distributed" and limits.family.fabric.distributed is not None:
        distributed = limits.family.fabric.distributed.cells(plan.folds, total)
    if plan.synapse_style == "block":
        blocks += _synapse_blocks(plan, limits)
    elif limits.spram is not None:
        sprams = plan.event_lanes * limits.spram.blocks(plan.synapse_rows, plan.lanes * plan.weight_bits)
    return LeastGroup(plan.name, registers, blocks, sprams, distributed)


def _synapse_blocks(plan: GroupPlan, limits: Limits) -> int:
    """Block RAMs of the banks, without bits that are the same in all rows."""
    blocks = 0
    for bank in range(plan.event_lanes):
        contents = None if plan.synapse_store == "ram" else plan.memory_words(bank)
        for place, (_, _, rows, width) in enumerate(plan.synapse_memories):
            if rows * width < BLOCK_BITS:
                continue
            changing = width
            if contents is not None:
                words, changed = contents[place], 0
                for word in words:
                    changed |= word ^ words[0]
                changing = changed.bit_count()
            blocks += _fewest_blocks(limits, rows, changing)
    return blocks


def _fewest_blocks(limits: Limits, depth: int, width: int) -> int:
    """Block RAMs of a memory in whatever shape takes the fewest; its parts may share blocks."""
    if limits.block_ram is None or not width:
        return 0
    return min(-(-(-(-depth // deep) * width) // wide) for deep, wide in limits.block_ram.shapes)


def missing(least: Least, cells: Mapping[str, int], module: Mapping[str, Any], names: Cells) -> list[str]:
    """What of ``least`` a netlist lacks, one text each; empty when all is there.

    Parameters
    ----------
    cells
        Cells of the netlist by type.
    module
        The flat module of yosys' JSON netlist.
    names
        Of the family's cells.
    """
    outputs = {
        bit
        for cell in module["cells"].values()
        if cell["type"].startswith(names.registers)
        for bit in cell["connections"]["Q"]
    }
    # Groups first: they say where it went.
    short = [line for group in least.groups for line in _missing_of_group(group, module, outputs, names)]
    counts = [
        ("LUTs", least.logic_cells, count_of(cells, names.luts)),
        ("registers", least.registers, count_of(cells, names.registers)),
        (f"adder cells ({names.carry})", least.carries, cells.get(names.carry, 0)),
    ]
    return short + [
        f"{count} {what} where at least {want} were expected" for what, want, count in counts if count < want
    ]


def count_of(cells: Mapping[str, int], prefixes: tuple[str, ...]) -> int:
    """How many cells there are whose type begins with one of ``prefixes``."""
    return sum(count for name, count in cells.items() if name.startswith(prefixes))


def _missing_of_group(
    least: LeastGroup, module: Mapping[str, Any], outputs: set[Any], names: Cells
) -> list[str]:
    # Names tell the way through the modules, "network.hidden.accumulators.acc0". Of several names of a
    # net yosys keeps one, so what passes through the weights' registers has to be told by all of them.
    # Where one update row is the whole group, the word of accumulators is what sweep and lanes read, and
    # may have kept the name of a port of theirs.
    inside = f".{least.name}.accumulators."
    link, lane = r"(?:sweep|accumulators)(?:__|\.)link__x", r"sweep\.lane\d+(?:__|\.)x"
    port = re.compile(rf"\.{re.escape(least.name)}\.(?:{link}|{lane})$")
    named: set[Any] = set()
    for name, net in module["netnames"].items():
        _, count, rest = f".{name}".partition(inside)
        if (count and not _WEIGHTS.match(rest)) or port.search(f".{name}"):
            named.update(net["bits"])
    cells = Counter(cell["type"] for name, cell in module["cells"].items() if inside in f".{name}")
    counts = [
        ("registers", least.registers, len(named & outputs)),
        ("block RAMs", least.block_rams, names.blocks(cells)),
        ("single-port RAMs", least.sprams, count_of(cells, names.sprams)),
        ("cells of distributed RAM", least.distributed, count_of(cells, names.distributed)),
    ]
    return [
        f"{count} {what} of the accumulators of group {least.name} where at least {want} were expected"
        for what, want, count in counts
        if count < want
    ]
