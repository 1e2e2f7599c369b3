"""What stands around the network, counted in bits: encoder, readout, loader of weights, host link.

The counts follow the components in ``qsnn_hw/rtl``, as those of ``cost/group_parts.py`` do.
"""

from collections.abc import Sequence

from qsnn_hw.cost.parts import Parts, add_product, bits, memory
from qsnn_hw.cost.stream_parts import adapter_parts, buffer_parts, word_bits
from qsnn_hw.families.limits import Limits
from qsnn_hw.golden import encoders
from qsnn_hw.host.protocol import PIXEL_BITS, RECEIVE_WORDS, address_bits, bytes_per_word
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.hardware_plan import HardwarePlan
from qsnn_hw.plan.io_plan import EncoderPlan, ReadoutPlan

_LINK_REGISTERS = 84
"""Of the serial line with words of one byte, the addresses of the words that wait, and the reset."""


def encoder_parts(plan: EncoderPlan, limits: Limits) -> Parts:
    """Pixels to spikes."""
    # It walks over pixels as a group does over rows, with the same handshakes.
    parts = Parts(groups=1)
    step, row = max(1, bits(plan.steps)), address_bits(plan.rows)
    buffer_parts(parts, limits, word_bits(plan.space.size, plan.slots), 2)
    parts.computed += plan.buffers + 6 + step
    parts.copied += row
    parts.adders += step
    parts.control += step
    parts.muxes += 12
    if plan.kind == "rate":
        # Only the new bits are made, the others move up.
        made = min(PIXEL_BITS * plan.slots, encoders.LFSR_BITS)
        parts.computed += made
        parts.copied += encoders.LFSR_BITS - made
        parts.muxes += PIXEL_BITS * plan.slots
    for _ in range(plan.slots):
        parts.computed += 1
        if plan.kind == "latency":
            # The step is the pixel times a constant; brighter than the floor is a comparison.
            add_product(parts, PIXEL_BITS, plan.steps)
            parts.adders += PIXEL_BITS
            parts.computed += step
            _step_bank(parts, plan, limits, row, step)
            continue
        parts.copied += PIXEL_BITS - plan.shift
        parts.muxes += 3
        if plan.kind == "rate":
            parts.adders += PIXEL_BITS
        _list_bank(parts, plan, limits, row)
    return parts


def _list_bank(parts: Parts, plan: EncoderPlan, limits: Limits, row: int) -> None:
    """``ListBank``: pixels in the order they came."""
    key, count, halves = PIXEL_BITS - plan.shift, bits(plan.rows + 1), plan.buffers
    memory(parts, limits, halves << row, row + key)
    parts.computed += (halves + 1) * count + 3
    parts.copied += row + key
    parts.adders += (halves + 2) * count
    parts.muxes += 2 * (halves - 1) * count + count
    parts.control += count
    if plan.kind == "direct":
        parts.computed += key
        parts.adders += 3 * key


def _step_bank(parts: Parts, plan: EncoderPlan, limits: Limits, row: int, step: int) -> None:
    """``StepBank``: a linked list for each step."""
    left = max(1, bits(plan.rows))
    memory(parts, limits, plan.buffers << row, row + 1)
    for _ in range(plan.buffers):
        memory(parts, limits, 1 << step, row + 1)
        # Filling and sending take turns at the heads.
        parts.muxes += 3 * step + row + 5
    parts.computed += 3 + step + row + 1 + left
    parts.copied += row
    parts.adders += 2 * step + left
    parts.muxes += 2 * (plan.buffers - 1) * (row + 1) + 2 * row + 2 + left
    parts.control += 2 * step + left


def readout_parts(plan: ReadoutPlan) -> Parts:
    """Spikes or potentials to a class."""
    parts = Parts()
    label = address_bits(plan.classes)
    parts.computed += label + 2
    if plan.kind == "count":
        count = plan.count_bits
        # All counters of a slot take the same sum: a LUT makes it once, so their registers stand alone.
        parts.copied += (plan.classes - plan.slots) * count
        parts.computed += plan.slots * count + 1
        parts.adders += count
        # The counter that a spike belongs to is found twice: to be read and to be written.
        parts.muxes += plan.classes * (count * 2 / 3 + 5) + 2 * count + 3 * label
        for _ in range(plan.slots):
            parts.computed += 1 + 2 * count + label
            parts.copied += label
            parts.adders += 2 * count + label
        parts.adders += (plan.slots - 1) * (2 * count + label)
        parts.muxes += (plan.slots - 1) * (count + label)
    elif plan.kind == "first":
        parts.computed += label + 3
        parts.adders += label
        parts.muxes += 3 * label + 8
        parts.adders += (plan.slots - 1) * label
        parts.muxes += (plan.slots - 1) * (label + 1)
    else:
        # A tree of comparisons, one stage of registers for each, then the best of all rows.
        left = plan.lanes
        first = True
        while first or left > 1:
            pairs, left = left // 2, -(-left // 2)
            parts.adders += pairs * plan.v_bits + (plan.lanes * label if first and plan.lanes > 1 else 0)
            parts.muxes += pairs * (plan.v_bits + label + 1)
            parts.computed += pairs * (plan.v_bits + label + 1) + 2
            parts.copied += (left - pairs) * (plan.v_bits + label + 1)
            first = False
        parts.computed += plan.v_bits + label + 4
        parts.adders += 2 * plan.v_bits + label
    return parts


def loader_parts(groups: Sequence[GroupPlan]) -> Parts:
    """Bytes into the synapse memories of ``groups``; nothing where there are none."""
    parts = Parts()
    if not groups:
        return parts
    widest = max(-(-group.lanes * group.weight_bits // 8) for group in groups)
    banks = sum(group.event_lanes for group in groups)
    place, row = bits(max(2, widest)), max(max(1, bits(group.synapse_rows)) for group in groups)
    counted = place + row + bits(banks + 1)
    parts.copied += 8 * (widest - 1)
    parts.computed += counted
    parts.adders += counted
    parts.control += counted
    parts.muxes += 2 * banks
    return parts


def around_parts(plan: HardwarePlan, limits: Limits) -> Parts:
    """Encoder, readout and loader of a plan, as far as it has them."""
    parts = loader_parts(plan.loaded_groups)
    if plan.encoder is not None:
        parts.add(encoder_parts(plan.encoder, limits))
        if plan.encoder.slots != plan.input_lanes:
            adapter_parts(parts, plan.input_size, plan.encoder.slots, plan.input_lanes)
    if plan.readout is not None:
        parts.add(readout_parts(plan.readout))
    return parts


def compared_bits(space: AddressSpace, width: int) -> int:
    """Bits of an address of ``width`` that ``known_address`` compares: of fields with codes of nobody."""
    fields = [(width, space.shape[0])]
    if space.grid:
        channels, rows, columns = space.shape
        low, middle = space.channel_bits, space.channel_bits + space.column_bits
        fields = [(low, channels), (middle - low, columns), (width - middle, rows)]
    return sum(field for field, count in fields if count < 1 << field)


def link_parts(plan: HardwarePlan, limits: Limits) -> Parts:
    """The host link: the serial line and the power-on reset, then what the widths of its words add."""
    parts = Parts(links=1, computed=_LINK_REGISTERS)
    encoded = plan.encoder is not None
    width = address_bits(plan.input_size << (PIXEL_BITS if encoded else 0))
    more = bytes_per_word(width) - 1
    # The bits that came before, and the choice between a word's only byte and its last.
    parts.computed += 7 * more + bits(more + 1)
    parts.muxes += 14 * more
    space = plan.input_space if plan.encoder is None else plan.encoder.space
    parts.adders += compared_bits(space, 6 + 7 * more - (PIXEL_BITS if encoded else 0))
    classes = plan.output_size if plan.readout is None else plan.readout.classes
    more = bytes_per_word(address_bits(classes)) - 1
    parts.computed += bits(more + 1)
    parts.muxes += 7 * more
    if plan.encoder is not None:
        parts.muxes += PIXEL_BITS * (plan.encoder.slots - 1)
    elif plan.input_lanes > 1:
        adapter_parts(parts, plan.input_size, 1, plan.input_lanes)
    if plan.loaded_groups:
        parts.muxes += 4
    if limits.block_ram is not None:
        # The words that wait for the network, as they came over the line.
        parts.blocks += limits.block_ram.blocks(RECEIVE_WORDS, width + 1)
        if any(group.registered_reads for group in plan.groups):
            parts.copied += width + 2
    return parts
