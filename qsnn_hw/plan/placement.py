"""Which memory blocks hold what, and whether a device has enough of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from qsnn_hw.limits import Limits
from qsnn_hw.plan.group_plan import SynapseStore

# A memory of fewer bits is smaller in LUTs than it is worth in block RAM.
BLOCK_BITS = 1024


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


def state_blocks(limits: Limits, memories: GroupMemories) -> int:
    """Block RAMs of the potentials."""
    assert limits.block_ram is not None
    # Small ones go into distributed RAM where the device has it.
    least = 0 if limits.family == "ice40" else BLOCK_BITS
    return sum(limits.block_ram.blocks(d, w) for d, w in memories.state if d > 1 and d * w >= least)


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
