"""Which memory blocks hold what, and whether a device has enough of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from qsnn_hw.limits import Limits
from qsnn_hw.plan.group_plan import SynapseStore

# A memory of fewer bits is smaller in LUTs than it is worth in block RAM.
BLOCK_BITS = 1024
_DISTRIBUTED_WORDS = 16


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


def synapse_blocks(limits: Limits, memories: GroupMemories) -> int:
    """Block RAMs of a synapse memory; 0 where it is small enough for LUTs."""
    assert limits.block_ram is not None
    if memories.rows * memories.width * memories.banks < BLOCK_BITS:
        return 0
    block = limits.block_ram
    if memories.banks == 1 or not block.true_dual_port:
        return memories.banks * block.blocks(memories.rows, memories.width)
    # Two banks share a memory that is read through both ports, which halves the widest shape.
    widest = max(width for _, width in block.shapes) // 2
    shapes = [(depth, width) for depth, width in block.shapes if width <= widest]
    pair = min(-(-2 * memories.rows // depth) * -(-memories.width // width) for depth, width in shapes)
    return memories.banks // 2 * pair


def state_style(family: str, depth: int, width: int) -> Literal["block", "auto"]:
    """Where a memory of potentials goes.

    iCE40 has block RAM or registers, nothing between. ECP5 has distributed RAM of 16 words: deeper
    memories cost it once per 16 words and a multiplexer, while block RAM is seldom short.
    """
    deep = depth > _DISTRIBUTED_WORDS and depth * width >= BLOCK_BITS
    return "block" if family == "ice40" or deep else "auto"


def state_blocks(limits: Limits, memories: GroupMemories) -> int:
    """Block RAMs of the potentials."""
    assert limits.block_ram is not None
    return sum(
        limits.block_ram.blocks(depth, width)
        for depth, width in memories.state
        if depth > 1 and state_style(limits.family, depth, width) == "block"
    )


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
