# amaranth: UnusedElaboratable=no
"""The neuron lane against the documented recurrence in Python integers."""

import itertools
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.update_stages import compare_stage, update_parameters, update_stages
from qsnn_hw.quantize.integers import signed_bits
from qsnn_hw.quantize.network import QuantizedGroup
from qsnn_hw.quantize.options import MAX_LEAK_SHIFT
from qsnn_hw.rtl.group.constant_product import signed_digits
from qsnn_hw.rtl.group.lane import NeuronLane, StateLayout
from tests.support import wide_networks
from tests.support.plans import RESETS, by_slot, group_plan, plain_group, random_group
from tests.support.streams import clocked


@pytest.mark.parametrize("number", [0, 1, 2, 3, 5, 7, 13, 26, 201, 255, 4095])
def test_signed_digits(number: int) -> None:
    digits = signed_digits(number)
    assert sum(sign << shift for sign, shift in digits) == number
    shifts = [shift for _, shift in digits]
    # Canonical: no two neighbours, and the highest digit is positive.
    assert all(b - a >= 2 for a, b in itertools.pairwise(shifts))
    assert not digits or digits[-1][0] == 1


@pytest.mark.parametrize(("values", "bits"), [([0], 1), ([-1], 1), ([1], 2), ([-2, 1], 2), ([-3, 0], 3)])
def test_signed_bits(values: list[int], bits: int) -> None:
    assert signed_bits(np.array(values)) == bits


def fresh(rng: np.random.Generator, group: QuantizedGroup, plan: GroupPlan) -> dict[str, int]:
    """A state that a step may find; what the group lacks is 0."""
    layout = StateLayout(plan).members
    return {
        "state": int(rng.integers(-150, 150)),
        "current": int(rng.integers(-90, 90)) if group.current_bits else 0,
        "over": int(rng.integers(2)) if group.reset_retest and "over" in layout else 0,
        "dropped": 0,
        "silent": int(rng.integers(group.refractory + 1)) if "silent" in layout else 0,
    }


def run_lane(
    plan: GroupPlan, words: list[tuple[int, dict[str, int]]], clear: bool, seed: int
) -> list[dict[str, int]]:
    """Neurons through a lane that is held up at random: state, accumulator, trace and spikes of each."""
    dut = NeuronLane(plan, trace=True)
    depth, compared = len(update_stages(plan)), compare_stage(plan)
    chance = random.Random(seed)
    found: list[dict[str, int]] = [{"spikes": 0} for _ in words]

    async def drive(ctx: Any) -> None:
        for name, values in update_parameters(plan).items():
            for stage in range(1, depth + 1):
                if f"{name}_{stage}" in dut.signature.members:
                    ctx.set(getattr(dut, f"{name}_{stage}"), int(values[0]))
        ctx.set(dut.clear, clear)
        rows: list[int | None] = [None] * (depth + 2)
        sent, repeat, spiking, repeats = 0, False, None, 0
        while None in [f.get("done") for f in found]:
            rows[1] = sent if sent < len(words) else None
            if rows[1] is not None:
                ctx.set(dut.x, words[sent][0])
                ctx.set(dut.stored, words[sent][1])
            en = chance.random() < 0.7
            ctx.set(dut.en, en)
            again = False
            if plan.neuron.multi_spike:
                ctx.set(dut.repeat, repeat)
                # The limit is the sweep's business.
                again = bool(ctx.get(dut.again)) and rows[compared] is not None
                again = again and repeats < plan.neuron.max_spikes - 1
            ctx.set(dut.advance, en and not again)
            if en:
                if spiking is not None:
                    found[spiking]["spikes"] += ctx.get(dut.fired)
                leaving = rows[depth + 1]
                if leaving is not None:
                    state = {name: int(ctx.get(dut.state[name])) for name in StateLayout(plan).members}
                    found[leaving] |= state | {"trace": ctx.get(dut.trace), "done": 1}
                    if plan.accumulators == "memory":
                        found[leaving]["acc"] = ctx.get(dut.acc)
                spiking, repeat, repeats = rows[compared], again, repeats + 1 if again else 0
                for stage in range(depth + 1, 1, -1):
                    if stage > compared or not again:
                        rows[stage] = rows[stage - 1]
                if again:
                    rows[compared + 1] = None
                else:
                    sent += 1
            await ctx.tick()

    simulator = clocked(dut)
    simulator.add_testbench(drive)
    simulator.run()
    return found


@pytest.mark.parametrize("accumulators", ["registers", "memory"])
@pytest.mark.parametrize("reset", RESETS)
@settings(max_examples=6, phases=(Phase.generate,), deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32), clear=st.booleans(), folds=st.sampled_from([1, 2]), wide_leak=st.booleans()
)
def test_lane_equals_recurrence(
    reset: str, accumulators: Any, seed: int, clear: bool, folds: int, wide_leak: bool
) -> None:
    """Any state and input, one a cycle, with the pipeline held up at random."""
    rng = np.random.default_rng(seed)
    leak = {"leak_shift": MAX_LEAK_SHIFT, "leak_numerator": int(rng.integers(1, 1 << MAX_LEAK_SHIFT))}
    group = random_group(rng, 1, reset, **(leak if wide_leak else {}))
    unit = "multiplier" if rng.integers(2) else "shift-add"
    plan = group_plan(group, accumulators=accumulators, leak_unit=unit)
    if folds == 2:
        slots = np.array([0, -1])
        plan = replace(plan, folds=2, neuron_of_slot=slots, neuron=by_slot(slots, group))
    layout = StateLayout(plan).members
    words, expected = [], []
    for _ in range(24):
        before = fresh(rng, group, plan)
        x = int(rng.integers(-70, 120))
        after = dict(before)
        if group.reset_drops_input:
            after["dropped"] = after["over"] = int(rng.integers(2))
        stored = {"v": before["state"], "current": before["current"]}
        stored |= {"over": after["over"], "silent": before["silent"]}
        shown = x
        if accumulators == "memory":
            shown = (x << group.fractional_bits) + before["current" if group.current_bits else "state"]
        words.append((shown, {name: stored[name] for name in layout}))
        if not group.reset_retest:
            after["over"] = 0
        trace, spikes = wide_networks.neuron_step(group, 0, x << group.fractional_bits, after)
        late = after["over"] if group.reset_retest else after["dropped"]
        state = {"v": after["state"], "current": after["current"], "over": late, "silent": after["silent"]}
        if clear:
            bias = 0 if group.current_bias is None else int(group.current_bias[0])
            state = {
                "v": wide_networks.neuron_start(group, 0)["state"],
                "current": bias,
                "over": 0,
                "silent": 0,
            }
        row = {name: state[name] for name in layout} | {"trace": trace, "spikes": spikes, "done": 1}
        if accumulators == "memory":
            row["acc"] = state["current" if group.current_bits else "v"]
        expected.append(row)
    assert run_lane(plan, words, clear, seed) == expected


def test_stage_counts() -> None:
    """Small groups stay small; the cut for clock rate has one carry chain in a stage."""
    group = plain_group(2)

    def names(plan: GroupPlan) -> list[list[str]]:
        return [[step.name for step in stage] for stage in update_stages(plan)]

    small = group_plan(group, accumulators="memory", lanes=1)
    assert names(small) == [["sum", "compare"], ["reset"], ["leak", "next"]]
    wide = group_plan(plain_group(6), accumulators="memory", lanes=3, update_lanes=3)
    assert names(wide) == [[], *names(small)]
    quick = group_plan(group, lanes=1)
    assert names(quick) == [[], ["sum"], ["compare"], ["reset"], ["leak"], ["next"]]
    assert names(group_plan(group)) == names(quick)
    one_row = group_plan(group, update_lanes=2)
    assert names(one_row) == names(quick)[1:]


def test_several_spikes_need_an_amount_within_the_threshold() -> None:
    group = plain_group(1, max_spikes=255, reset_amount=np.array([21]))
    with pytest.raises(ValueError, match=r"^Threshold of several spikes per step must be at least the reset"):
        NeuronLane(group_plan(group))
    group = plain_group(1, max_spikes=255, reset_amount=np.array([0]))
    with pytest.raises(ValueError, match=r"^Reset amount of several spikes per step must be above 0$"):
        NeuronLane(group_plan(group))
