"""What a neuron group is made of, counted in bits before any tool runs.

The counts follow the components in ``qsnn_hw/rtl``: what a register holds is known from the plan; what
becomes of adders, multiplexers and control is left to coefficients (``plan/coefficients.py``).
"""

from dataclasses import dataclass, fields

import numpy as np

from qsnn_hw.limits import Limits
from qsnn_hw.plan.group_plan import GroupPlan, ProjectionPlan
from qsnn_hw.plan.placement import BLOCK_BITS, block_shape, distributed_cells, memory_blocks, pieces
from qsnn_hw.plan.update_stages import (
    compare_stage,
    has_current,
    state_fields,
    uniform_current_leak,
    update_parameters,
    update_stages,
)
from qsnn_hw.quantize.integers import signed_bits


@dataclass
class Parts:
    """Counts of one piece of hardware; bits unless said otherwise.

    Parameters
    ----------
    adders
        Result bits of adders, subtractors and comparators.
    muxes
        Bits of two-way multiplexers and gates beside them.
    depth_muxes
        The same, between the blocks of a deep memory: large trees of nothing else.
    computed, copied
        Register bits behind logic of their own, and those that take another register or memory as it
        is.
    control
        Address, row and fold bits that counters and comparisons handle.
    rom_luts
        LUTs of constant tables.
    distributed
        Memories of 16 words of 4 bits.
    groups, lanes
        Number of groups and of neuron lanes.
    blocks, sprams, dsps
        Whole memory blocks and multipliers.
    """

    adders: float = 0
    muxes: float = 0
    depth_muxes: float = 0
    computed: float = 0
    copied: float = 0
    control: float = 0
    rom_luts: float = 0
    distributed: float = 0
    groups: float = 0
    lanes: float = 0
    blocks: int = 0
    sprams: int = 0
    dsps: int = 0

    def add(self, other: "Parts", times: float = 1) -> None:
        """Take in another piece, ``times`` over."""
        for entry in fields(self):
            value = getattr(self, entry.name) + getattr(other, entry.name) * times
            setattr(self, entry.name, value)


def bits(count: int) -> int:
    """Bits that number ``count`` things."""
    return max(0, (int(count) - 1).bit_length())


def _varying_bits(words: np.ndarray) -> int:
    """Bits of a constant table that are not the same in all rows; synthesis keeps only these."""
    changed = np.bitwise_or.reduce(words ^ words[:1], axis=0) & (1 << signed_bits(words)) - 1
    return sum(int(bits).bit_count() for bits in changed)


def digits(number: int) -> int:
    """Digits of the canonical signed form: copies in a sum of shifted copies."""
    return (number ^ 3 * number).bit_count()


def memory(
    parts: Parts, limits: Limits, depth: int, width: int, *, style: str = "", rom: bool = False
) -> None:
    """A memory with a registered read port, in the form that synthesis gives it.

    Parameters
    ----------
    style
        "block", "distributed" or "spram" where the design insists on such RAM, else "".
    rom
        It has no write port.
    """
    if not width:
        return
    if style == "spram" and limits.spram is not None:
        parts.sprams += limits.spram.blocks(depth, width)
        return
    blocks = 0
    if style != "distributed":
        blocks = memory_blocks(limits, depth, width, rom=rom, block=style == "block")
    parts.blocks += blocks
    if blocks:
        parts.depth_muxes += width * (block_shape(limits, depth, width)[1] - 1)
        return
    if rom:
        parts.rom_luts += width * -(-depth // 16)
        parts.computed += width
        return
    parts.copied += width
    if limits.family == "ecp5":
        parts.distributed += distributed_cells(depth, width)
    else:
        parts.copied += depth * width
        parts.muxes += depth * width


def group_parts(plan: GroupPlan, limits: Limits, *, potentials: bool = False) -> Parts:
    """Everything of one neuron group; ``potentials``: it shows them to a readout."""
    parts = Parts(groups=1)
    for projection in plan.projections:
        _walker(parts, plan, projection, limits)
    row, fold = max(1, bits(plan.synapse_rows)), max(1, bits(plan.folds))
    if len(plan.projections) > 1:
        parts.computed += row + fold + 4
        parts.muxes += (row + fold) * len(plan.projections)
    _synapses(parts, plan, limits)
    if plan.accumulators == "registers":
        _registers(parts, plan)
    else:
        _memory(parts, plan, limits)
    _sweep(parts, plan, limits, potentials)
    return parts


def _walker(parts: Parts, plan: GroupPlan, projection: ProjectionPlan, limits: Limits) -> None:
    row, fold = max(1, bits(plan.synapse_rows)), max(1, bits(plan.folds))
    parts.control += plan.event_lanes * row + fold
    parts.computed += plan.event_lanes * row + fold + plan.event_lanes + 3
    if projection.kind == "dense":
        if plan.folds > 1:
            parts.adders += row + fold
            parts.muxes += row
        return
    parts.copied += row + 12
    if projection.kind == "sparse":
        assert projection.counts is not None
        assert projection.row_folds is not None
        left = max(1, bits(max(1, int(projection.counts.max(initial=1)))))
        parts.computed += row + left
        parts.adders += 2 * (row + left)
        for depth, width in ((projection.size, row + left + 1), (len(projection.row_folds), fold)):
            style = "block" if depth * width >= BLOCK_BITS else ""
            memory(parts, limits, max(1, depth), width, style=style, rom=True)
        return
    for axis in (projection.rows, projection.columns):
        assert axis is not None
        pair, left = max(1, bits(len(axis.row))), max(1, bits(max(1, int(axis.count.max()))))
        parts.computed += 2 * pair + 3 * left + 1 + row + fold
        parts.adders += pair + left + row + fold
        parts.rom_luts += (pair + left + 1) * -(-len(axis.start) // 16)
        parts.rom_luts += (row + fold) * -(-len(axis.row) // 16)
        parts.muxes += pair + left
    parts.computed += 2 * row
    parts.adders += row * max(0, digits(projection.rows_per_channel) - 1) + row + fold


def _synapses(parts: Parts, plan: GroupPlan, limits: Limits) -> None:
    width, events = plan.lanes * plan.weight_bits, plan.event_lanes
    for _, _, rows, wide in events * pieces(plan.synapse_shape, plan.synapse_rows, width):
        style: str = plan.synapse_style
        if style == "block" and wide * rows < BLOCK_BITS:
            style = ""
        memory(parts, limits, rows, wide, style=style, rom=plan.synapse_store == "rom")
    if plan.synapse_shape:
        parts.depth_muxes += events * width * (-(-plan.synapse_rows // plan.synapse_shape[0]) - 1)
    if plan.registered_synapses:
        parts.copied += events * (width + 1)
    level, wide = events, plan.weight_bits
    while level > 1:
        level, wide = level // 2, wide + 1
        parts.adders += plan.lanes * level * wide
        parts.computed += plan.lanes * level * wide


def _registers(parts: Parts, plan: GroupPlan) -> None:
    widths = [plan.acc_bits] * plan.lanes if plan.acc_lane_bits is None else plan.acc_lane_bits.tolist()
    total = sum(widths)
    parts.adders += total
    parts.computed += total
    parts.copied += total + 8 + plan.synapse_latency
    if plan.update_rows > 1:
        # Pairs of words share a LUT, pairs of pairs an OR; a register for each row says which one.
        parts.muxes += total * 2 / 3
        parts.computed += plan.update_lanes * plan.acc_bits + plan.update_rows


def _memory(parts: Parts, plan: GroupPlan, limits: Limits) -> None:
    word, row = plan.lanes * plan.acc_bits, bits(plan.update_rows)
    parts.adders += word
    parts.copied += 2 * (1 + bits(plan.folds))
    shares = plan.lanes // plan.update_lanes
    if plan.folds == 1:
        parts.computed += word + (row if shares > 1 else 0)
        parts.muxes += word
        if shares > 1:
            parts.muxes += word * 2 / 3
        return
    # Sums and updated words take turns at the write port.
    parts.muxes += word
    parts.control += 2 * bits(plan.folds) + 2 * row
    if shares > 1:
        parts.copied += (shares - 1) * plan.update_lanes * plan.acc_bits
        parts.muxes += word * 2 / 3
        if shares & (shares - 1):
            parts.computed += 2 * (bits(plan.folds) + bits(shares))
    memory(parts, limits, plan.folds, word, style=plan.neuron_memory)


def _sweep(parts: Parts, plan: GroupPlan, limits: Limits, potentials: bool) -> None:
    stages, rows, row = update_stages(plan), plan.update_rows, bits(plan.update_rows)
    lanes = plan.update_lanes
    address = max(1, bits(plan.space.size))
    parts.computed += 2 * row + address
    parts.control += 2 * row + 2 * address
    parts.adders += 2 * row + address
    parts.copied += 2 * (len(stages) + 1) + 4
    # The encoder: mask, priority, address.
    parts.computed += lanes + address + 2
    parts.muxes += 2.5 * lanes + plan.output_lanes * address
    if plan.spare_row:
        parts.copied += lanes + address + 3
        parts.muxes += lanes + address + 2
    width = sum(state_fields(plan).values())
    if rows == 1:
        parts.computed += lanes * width
    elif width:
        memory(parts, limits, rows, lanes * width, style=plan.neuron_memory)
    parts.add(lane_parts(plan, limits, potentials=potentials), lanes)
    last = 0
    quick = not stages[0]
    values = update_parameters(plan)
    for number, stage in enumerate(stages, 1):
        for name in sorted({name for _, _, names in stage for name in names}):
            wide = _varying_bits(values[name].reshape(rows, lanes))
            if not wide:
                continue
            last = number
            memory(parts, limits, rows, wide, rom=True)
            parts.copied += wide * quick
    parts.copied += row * last


def lane_parts(plan: GroupPlan, limits: Limits, *, potentials: bool = False) -> Parts:
    """One neuron lane; registers stage by stage, as ``NeuronLane`` keeps them.

    With ``potentials`` it also carries to its end what a readout is shown.
    """
    parts = Parts(lanes=1)
    stages, stored = update_stages(plan), state_fields(plan)
    v, u = plan.v_bits, plan.current_bits
    values = {"x": plan.acc_bits, **stored}
    fresh: set[str] = set()
    compared = compare_stage(plan)
    for number, stage in enumerate(stages, 1):
        fresh = set()
        for name, _, _ in stage:
            made = _made(plan, name, values)
            values |= made
            fresh |= made.keys()
            _logic(parts, plan, name, values, limits)
        if number == compared:
            parts.computed += 1
        live = {name for later in stages[number:] for _, reads, _ in later for name in reads}
        if number == len(stages):
            live = {*stored, *(("acc",) if plan.accumulators == "memory" else ())}
        values = {name: width for name, width in values.items() if name in live}
        for name, width in values.items():
            if name in fresh:
                parts.computed += width
            else:
                parts.copied += width
    if u and "current" in stored and plan.accumulators == "registers":
        parts.muxes += u
    parts.muxes += v
    if potentials:
        parts.copied += v * (len(stages) - compared + 1)
        for name in {step.name for stage in stages for step in stage} & {"reset", "floor"}:
            _logic(parts, plan, name, {}, limits)
    return parts


def _made(plan: GroupPlan, name: str, values: dict[str, int]) -> dict[str, int]:
    """Names and widths of what a step leaves."""
    v, u = plan.v_bits, plan.current_bits
    beside: dict[str, int] = {key: values[key] for key in ("u", "silent") if key in values}
    if "over" in values:
        beside |= {"was_over": 1}
    loss = max(1, v - plan.leak_shift + plan.leak_numerator.bit_length())
    if plan.leak_numerators is not None:
        loss = v
    made: dict[str, dict[str, int]] = {
        "current": {"u": u},
        "sum": {"v": v},
        "clamp": {"v": v},
        "compare": {"v": v, "resets": 1, "over": 1, **beside},
        "compare_many": {"v": v, "resets": 1, "over": 1, **beside},
        "reset": {"v": v},
        "floor": {"v": v},
        "retest": {"over": 1, "v": v},
        "late_reset": {"v": v},
        "leak": {"loss": min(v, loss)},
        "next": {"v": v},
    }
    found = made[name]
    if "u" in values and name in ("leak", "next"):
        found["current_loss" if name == "leak" else "current"] = u
    if name == "next" and plan.accumulators == "memory":
        found |= {"acc": u if "u" in values else v}
        if "u" not in values:
            del found["v"]
    return found


def _logic(parts: Parts, plan: GroupPlan, name: str, values: dict[str, int], limits: Limits) -> None:
    """Adders and multiplexers of one step of one lane."""
    v, u = plan.v_bits, plan.current_bits
    if name == "current" and plan.accumulators == "registers":
        parts.adders += u
    elif name == "sum":
        parts.adders += v if "v" in state_fields(plan) else 0
        parts.muxes += v if plan.reset_drops_input else 0
    elif name in ("compare", "compare_many", "clamp"):
        clamps = plan.v_low is not None and (name == "clamp" or not plan.multi_spike)
        if clamps:
            parts.adders += 2 * v
            parts.muxes += 2 * v
        if name != "clamp" and not plan.readout:
            parts.adders += v
        if name == "compare_many":
            parts.adders += 2 * v
            parts.muxes += v
        if "silent" in values and name != "clamp":
            parts.muxes += 2 * values["silent"]
    elif name == "reset":
        if plan.reset == "subtract" or plan.reset_retest:
            parts.adders += v
        else:
            parts.muxes += v
    elif name == "floor":
        parts.adders += v
        parts.muxes += v
    elif name == "retest":
        parts.adders += v
    elif name == "late_reset":
        parts.muxes += v
    elif name == "leak":
        _product(parts, plan.leak_numerators, plan.leak_numerator, v, plan, limits)
        if has_current(plan):
            same = uniform_current_leak(plan)
            own = plan.current_leak_numerator if same is None else None
            _product(parts, own, same or 0, u, plan, limits)
    elif name == "next":
        parts.adders += v
        # A bias beside the leak makes a sum of three.
        parts.adders += v if plan.bias.any() or "fired_bias" in _parameters(plan) else 0
        if plan.current_bias is not None:
            parts.adders += u + (u if plan.current_bias.any() else 0)


def _parameters(plan: GroupPlan) -> set[str]:
    return {name for stage in update_stages(plan) for _, _, names in stage for name in names}


def _product(
    parts: Parts, own: np.ndarray | None, numerator: int, width: int, plan: GroupPlan, limits: Limits
) -> None:
    if own is not None or plan.leak_unit == "multiplier":
        parts.dsps += 1
        return
    terms = digits(numerator)
    total = width + numerator.bit_length()
    if terms == 2:
        parts.adders += total
    elif terms > 2:
        # Synthesis sums more than two in carry-save form: two LUTs a bit, then one addition.
        parts.adders += total
        parts.muxes += 2 * total * (terms - 2)
