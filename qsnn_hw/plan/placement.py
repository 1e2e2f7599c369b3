"""Which memory blocks hold what, and whether a device has enough of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.group_plan import NeuronMemoryStyle
from qsnn_hw.plan.pieces import BLOCK_BITS, pieces
from qsnn_hw.support.choices import SynapseStore


@dataclass(frozen=True)
class GroupMemories:
    """The memories of one group that want blocks.

    Parameters
    ----------
    rows, width, banks
        Synapse memory: rows of each bank, bits of a row, banks.
    state
        (depth, width) of each memory of potentials.
    """

    rows: int
    width: int
    banks: int
    state: tuple[tuple[int, int], ...] = ()


# Of a two-way multiplexer of one bit, as parts of large ones go; what a block that nothing else wants
# is worth in LUTs; and how many LUTs make it worth while to leave yosys' own way.
_LUTS_PER_MUX = 0.8
_LUTS_PER_BLOCK = 24
_LEAST_WORTH = 16

MOST_ROM_WORDS = 250_000
"""Words of ROM that yosys, as WebAssembly, is given of one design: every word is an assignment to read,
whatever its width. docs/resources.md has what was tried."""

# What yosys' memory mapping sets against a block, whose cost is the family's: a bit of a multiplexer
# between memories, and how many bits of a ROM in LUTs count one.
_MUX_COST = 0.5
_ROM_BITS_PER_COST = 16


def block_shape(limits: Limits, depth: int, width: int) -> tuple[int, int]:
    """Block RAMs of a memory in blocks, and how many of them share a bit of the data.

    Synthesis weighs a block against the multiplexer that a memory of several blocks' depth needs. It
    lays the parts of such a memory side by side, so that a block may hold the end of one part and the
    beginning of the next.
    """
    deep, wide = used_shape(limits, depth, width)
    levels = -(-depth // deep)
    return -(-levels * width // wide), levels


def used_shape(limits: Limits, depth: int, width: int) -> tuple[int, int]:
    """(depth, width) of the blocks of such a memory."""
    assert limits.block_ram is not None

    def cost(shape: tuple[int, int]) -> tuple[float, int]:
        levels = -(-depth // shape[0])
        blocks = -(-levels * width // shape[1])
        # Among equals it takes the cell that its library has first, which on ECP5 is not the widest one.
        return limits.family.fabric.block_cost * blocks + _MUX_COST * width * (levels - 1), levels

    return min(limits.block_ram.shapes, key=cost)


def memory_blocks(limits: Limits, depth: int, width: int, *, rom: bool, block: bool = False) -> int:
    """Block RAMs that synthesis takes for a memory; 0 where LUTs or registers are cheaper.

    Parameters
    ----------
    rom
        It has no write port.
    block
        The design insists on block RAM.
    """
    blocks, _ = block_shape(limits, depth, width)
    cost = limits.family.fabric.block_cost * blocks
    distributed = limits.family.fabric.distributed
    if rom:
        other = depth * width / _ROM_BITS_PER_COST
    elif distributed is not None:
        deep = distributed.rows(depth)
        other = distributed.weight(depth, width) + _MUX_COST * width * (deep - 1)
    else:
        other = depth * width
    return blocks if block or cost < other else 0


def registers_reads(limits: Limits | None) -> bool:
    """Whether what block RAM shows is taken into registers first, where it comes late in the cycle."""
    return limits is not None and limits.family.fabric.registered_reads


def synapse_blocks(limits: Limits, memories: GroupMemories) -> int:
    """Block RAMs of a synapse memory: every bank is one of its own."""
    return memories.banks * piece_blocks(limits, memories.rows, memories.width)


def rom_words(memories: GroupMemories, shape: tuple[int, ...] = ()) -> int:
    """Initial values that synthesis has to read for the banks of a ROM: one for each word of each piece.

    Parameters
    ----------
    shape
        What the banks are built of, see :func:`bank_shapes`; () for one memory each.
    """
    _, wide = shape or (memories.rows, memories.width)
    return memories.banks * memories.rows * -(-memories.width // wide)


def readable(needs: Mapping[str, GroupMemories], store: SynapseStore) -> bool:
    """Whether synthesis can read the synapse memories of a design; those that are loaded have no content."""
    return store == "ram" or sum(map(rom_words, needs.values())) <= MOST_ROM_WORDS


def piece_blocks(limits: Limits, depth: int, width: int) -> int:
    """Block RAMs of one memory of weights."""
    return memory_blocks(limits, depth, width, rom=True, block=depth * width >= BLOCK_BITS)


def bank_shapes(needs: Mapping[str, GroupMemories], limits: Limits) -> dict[str, tuple[int, int]]:
    """What to build the banks of each group of, where that saves multiplexers for few blocks more.

    A row that lies in few blocks' depth passes a small multiplexer, but seldom fills its blocks.
    Synthesis looks at the blocks first; here those that the design leaves free count little. A bank is
    cut only as long as the design stays readable: pieces side by side are read one by one.

    Returns
    -------
    dict
        By group, (depth, width); groups that are left to synthesis are absent.
    """
    if limits.block_ram is None:
        return {}
    taken = {name: synapse_blocks(limits, need) for name, need in needs.items()}
    free = limits.block_ram.count - sum(taken.values())
    free -= sum(state_blocks(limits, need) for need in needs.values())
    left = MOST_ROM_WORDS - sum(map(rom_words, needs.values()))
    offers = []
    # Pieces are of few kinds.
    blocks = cache(partial(piece_blocks, limits))
    for name, need in needs.items():
        _, deep = block_shape(limits, need.rows, need.width)
        for shape in limits.block_ram.shapes:
            parts_blocks = [blocks(rows, bits) for _, _, rows, bits in pieces(shape, need.rows, need.width)]
            more = need.banks * sum(parts_blocks) - taken[name]
            saved = need.banks * need.width * (deep - -(-need.rows // shape[0])) * _LUTS_PER_MUX
            worth = saved - _LUTS_PER_BLOCK * more
            if worth >= _LEAST_WORTH and all(parts_blocks):
                offers.append((worth, more, name, shape))
    by_group: dict[str, tuple[int, int]] = {}
    for _, more, name, shape in sorted(offers, reverse=True):
        words = rom_words(needs[name], shape) - rom_words(needs[name])
        if name not in by_group and more <= free and words <= left:
            by_group[name] = shape
            free -= more
            left -= words
    return by_group


def levels_abreast(
    needs: Mapping[str, GroupMemories], built: Mapping[str, tuple[int, int]], limits: Limits
) -> dict[str, tuple[int, int]]:
    """Of which banks to lay the levels side by side in one memory, as synthesis would without being told.

    Then the registers that weights pass may stand between block RAM and the multiplexer.

    Parameters
    ----------
    built
        What :func:`bank_shapes` says of some groups, which is left.

    Returns
    -------
    dict
        By group, (depth, width) of a level.
    """
    if limits.block_ram is None or not registers_reads(limits):
        return {}
    found = {}
    for name, need in needs.items():
        deep, _ = used_shape(limits, need.rows, need.width)
        if name not in built and need.rows > deep and piece_blocks(limits, need.rows, need.width):
            found[name] = (deep, need.width)
    return found


def state_style(limits: Limits, depth: int, width: int) -> Literal["block", "distributed"]:
    """Where a memory of potentials goes.

    A family without distributed RAM has block RAM or registers, nothing between. Distributed RAM is of
    few words: deeper memories take more of it and a multiplexer, while block RAM is seldom short.
    """
    distributed = limits.family.fabric.distributed
    if distributed is None or (depth > distributed.words and depth * width >= BLOCK_BITS):
        return "block"
    return "block" if memory_blocks(limits, depth, width, rom=False) else "distributed"


def neuron_style(limits: Limits, memories: GroupMemories) -> NeuronMemoryStyle:
    """One style for all memories of potentials of a group."""
    if limits.block_ram is None:
        return "auto"
    styles = {state_style(limits, depth, width) for depth, width in memories.state if depth > 1}
    either = limits.family.fabric.distributed is not None
    return "distributed" if either and "block" not in styles else "block"


def state_blocks(limits: Limits, memories: GroupMemories) -> int:
    """Block RAMs of the potentials."""
    block = neuron_style(limits, memories) == "block"
    return sum(memory_blocks(limits, d, w, rom=False, block=block) for d, w in memories.state if d > 1)


def place(needs: Mapping[str, GroupMemories], limits: Limits, store: SynapseStore) -> dict[str, str] | None:
    """The style of every group's synapse memory, "block" or "spram"; None when they do not fit.

    Single-port RAM cannot be part of a bitstream, so it takes loaded memories only, the largest first.
    """
    if limits.block_ram is None:
        return None
    free = limits.block_ram.count - sum(state_blocks(limits, need) for need in needs.values())
    single = 0 if limits.spram is None or store == "rom" else limits.spram.count
    styles: dict[str, str] = {}
    for name, need in sorted(needs.items(), key=lambda item: -item[1].rows * item[1].width * item[1].banks):
        blocks = synapse_blocks(limits, need)
        sprams = 0
        if limits.spram is not None and need.banks == 1:
            sprams = limits.spram.blocks(need.rows, need.width)
        # A small memory would waste a whole single-port RAM: only when block RAM does not suffice.
        if 0 < sprams <= single and (blocks > free or need.rows * need.width > limits.block_ram.bits * 8):
            styles[name] = "spram"
            single -= sprams
        else:
            styles[name] = "block"
            free -= blocks
    return styles if free >= 0 else None
