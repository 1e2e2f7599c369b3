"""A serial line in a simulation of the hardware."""

from collections.abc import Sequence
from typing import Any


def serial_bits(data: Sequence[int], divisor: int, gap: int = 0) -> list[int]:
    """The line level in every clock cycle."""
    levels: list[int] = []
    for byte in data:
        frame = [0, *(byte >> k & 1 for k in range(8)), 1]
        levels += [level for level in frame for _ in range(divisor)] + [1] * gap
    return levels


async def play(ctx: Any, line: Any, levels: Sequence[int]) -> None:
    for level in levels:
        ctx.set(line, level)
        await ctx.tick()
    ctx.set(line, 1)
