# amaranth: UnusedElaboratable=no
"""The memories of potentials and parameters."""

import random
import re
from typing import Any

import pytest
from amaranth.sim import Simulator

from qsnn_hw.plan.group_plan import NeuronMemoryStyle
from qsnn_hw.rtl.group.neuron_memory import MACRO_BITS, NeuronMemory, ParameterMemory
from tests.support.streams import clocked


def simulate(dut: Any, bench: Any) -> None:
    simulator: Simulator = clocked(dut)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(
    ("width", "folds", "style", "chip"),
    [
        (1, 2, "auto", False),
        (13, 3, "auto", False),
        (40, 8, "auto", False),
        (7, 1, "auto", False),
        (40, 26, "macro", True),
        (7, 1, "macro", True),
        (13, 5, "macro", True),
        (4, 8, "distributed", True),
    ],
)
def test_neuron_memory(width: int, folds: int, style: NeuronMemoryStyle, chip: bool) -> None:
    """Random reads and writes against a list; never one word at once, as the group promises."""
    dut = NeuronMemory(width, folds, style, chip=chip)
    # Flip-flops of a chip show a word by its address: as it is now.
    follows = chip and folds > 1 and folds * width < MACRO_BITS
    chance = random.Random(folds)

    async def bench(ctx: Any) -> None:
        words = [0] * folds
        shown: int | None = None
        where: int | None = None
        for fold in range(folds):
            words[fold] = chance.getrandbits(width)
            ctx.set(dut.write_en, 1)
            ctx.set(dut.write_fold, fold)
            ctx.set(dut.write_data, words[fold])
            await ctx.tick()
        for _ in range(200):
            read, write = chance.random() < 0.5, chance.random() < 0.5
            from_fold, to_fold, data = (
                chance.randrange(folds),
                chance.randrange(folds),
                chance.getrandbits(width),
            )
            write = write and (folds == 1 or not (read and from_fold == to_fold))
            ctx.set(dut.read_en, read)
            ctx.set(dut.read_fold, from_fold)
            ctx.set(dut.write_en, write)
            ctx.set(dut.write_fold, to_fold)
            ctx.set(dut.write_data, data)
            if read:
                shown, where = words[from_fold], from_fold
            if write:
                words[to_fold] = data
            await ctx.tick()
            if folds == 1:
                shown = words[0]
            if follows and where is not None:
                shown = words[where]
            if shown is not None:
                assert ctx.get(dut.read_data) == shown

    simulate(dut, bench)


@pytest.mark.parametrize("words", [[5], [5, 5, 5], [1, 2, 3], [0, 0, 7, 0, 1]])
@pytest.mark.parametrize("style", ["auto", "block"])
def test_parameter_memory(words: list[int], style: str) -> None:
    dut = ParameterMemory(words, 3, style)

    async def bench(ctx: Any) -> None:
        for fold in [*range(len(words)), *reversed(range(len(words)))]:
            ctx.set(dut.en, 1)
            ctx.set(dut.fold, fold)
            await ctx.tick()
            assert ctx.get(dut.data) == words[fold]
            # Held while not enabled.
            ctx.set(dut.en, 0)
            ctx.set(dut.fold, 0)
            await ctx.tick()
            assert ctx.get(dut.data) == words[fold]

    simulate(dut, bench)


def test_constructor_error() -> None:
    with pytest.raises(ValueError, match=f"^{re.escape('Number of folds must be at least 1, not 0')}$"):
        NeuronMemory(8, 0)
