"""Activity as the simulated RTL counts it, held against what golden and the plan say of it."""

import copy
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, Value

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.plan import HOST, GroupPlan
from qsnn_hw.plan.update_stages import update_parameters, update_stages
from qsnn_hw.rtl.group import sweep
from qsnn_hw.rtl.group.encoder import SpikeEncoder
from qsnn_hw.rtl.trace import activity
from qsnn_hw.support.errors import MismatchError, ToolError
from qsnn_hw.verify import Verification, make_case, verify
from qsnn_hw.verify.activity import check_counters, count_activity
from qsnn_hw.verify.work import synapse_reads
from tests.support.thinned import slow
from tests.support.verify_networks import Example, chain_network, example, export, skip_network


def run(item: Example, folder: Path, **options: Any) -> Verification:
    chosen: dict = {"processes": 1, **options}
    verilog = folder / "design.v"
    if not verilog.exists():
        export(item.plan, folder)
    return verify(item.plan, verilog, item.inputs, item.golden, folder / "work", **chosen)


def planned(network: Any, **options: Any) -> Example:
    """An example whose plan is made with these options."""
    item = example(network, samples=4, steps=8)
    return replace(item, plan=make_plan(network, PlanOptions(**options)))


def _parameter_memories(group: GroupPlan) -> int:
    """How many memories hold neuron parameters that differ between update rows."""
    values = update_parameters(group)
    names = [
        name for stage in update_stages(group) for name in {n for step in stage for n in step.parameters}
    ]
    rows = (group.update_rows, group.update_lanes)
    return sum(len({tuple(row) for row in values[name].reshape(rows).tolist()}) > 1 for name in names)


def assert_rests(found: Verification) -> None:
    """Nothing is read and nothing switches once everything is done."""
    assert found.rest_cycles > 0
    for counted in found.rest_groups.values():
        resting = asdict(counted)
        assert {name: value for name, value in resting.items() if value} == {
            "synapse_bits": counted.synapse_bits
        }
    if found.rest_toggles is not None:
        assert set(found.rest_toggles.values()) == {0.0}


SHAPES = {
    "registers": planned(chain_network(2), lanes=(5, 3), accumulators=["registers"]),
    "memory": planned(chain_network(3), lanes=(2, 1), accumulators=["memory"]),
    "event lanes": planned(chain_network(4), lanes=(5, 3), event_lanes=(2, 2), accumulators=["registers"]),
    "several routes": planned(skip_network(), lanes=(2,)),
}


@pytest.mark.parametrize("shape", ["registers", *(pytest.param(s, marks=pytest.mark.slow) for s in SHAPES)])
def test_counters_say_what_golden_says(tmp_path: Path, shape: str) -> None:
    item = SHAPES[shape]
    steps, samples, _ = item.inputs.shape
    found = run(item, tmp_path)
    assert (found.activity_pass, found.activity_samples) == ("stream", samples)
    assert found.activity_cycles == found.stream_cycles
    assert all(0 < share <= 1 for share in found.activity.values())
    for group in item.plan.groups:
        counted = found.groups[group.group]
        # All of these are dense: every event is added to every fold.
        events = 0
        for route in item.plan.routes:
            if route.destination == group.name:
                source = None if route.source == HOST else item.plan.group(route.source).group
                spikes = item.inputs if source is None else item.golden.spikes[source]
                events += int(spikes.sum())
        # The input counts its first word as taken when the last of its routes has taken it; a tick at once
        # may wait there for a whole sweep of the others.
        early = len([r for r in item.plan.routes if r.source == HOST]) - 1
        assert events * group.folds - early * group.folds <= counted.synapse_reads <= events * group.folds
        assert counted.synapse_reads <= counted.synapse_enables
        assert counted.synapse_bits == group.lanes * group.weight_bits
        ticks = steps * samples
        assert counted.sweep_cycles >= group.update_rows * (ticks - 1)
        if group.output_lanes == 1:
            sent = int(item.golden.spikes[group.group].sum()) + ticks
            # The last words of the pass leave as it ends.
            assert sent - 3 <= counted.words_out <= sent
        if group.event_lanes == 1:
            assert events + ticks - early <= counted.words_in <= events + ticks
            assert counted.operation_cycles == counted.synapse_reads
        if group.accumulators == "memory" and group.folds > 1 and group.lanes == group.update_lanes:
            # Each operation and each row of a sweep reads a word and writes one; the first words come while
            # the silent sweep after reset still runs.
            words = counted.operation_cycles + group.folds * ticks
            assert words - early * group.folds <= counted.state_reads <= words + group.folds
            assert words - (1 + early) * group.folds <= counted.state_writes <= words + group.folds
            assert counted.state_bits_read == counted.state_reads * group.lanes * group.acc_bits
    for group in item.plan.groups:
        memories = _parameter_memories(group)
        # A row each of the sweep of every tick; the first of them may still be the silent one's.
        rows = memories * group.update_rows * steps * samples
        counted = found.groups[group.group]
        assert rows - memories * group.update_rows <= counted.parameter_reads
        # Of sums in memory also in the few cycles of a sweep that have no row to read for.
        most = rows + memories * group.update_rows
        if group.accumulators == "memory":
            most = memories * (counted.sweep_cycles + 1)
        assert counted.parameter_reads <= most
    assert_rests(found)
    if found.toggles is not None:
        assert set(found.toggles) == {*found.groups, "around"}
        assert 0 < sum(found.toggles.values()) < found.toggle_bits


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
@pytest.mark.parametrize("shape", ["memory", "event lanes"])
def test_both_simulators_count_the_same(tmp_path: Path, shape: str) -> None:
    first, second = (run(SHAPES[shape], tmp_path, simulator=name) for name in ("verilator", "icarus"))
    assert asdict(first)["groups"] == asdict(second)["groups"]
    assert first.activity_cycles == second.activity_cycles
    assert first.toggles is not None
    # Registers that were never written are undefined in Icarus, and then nothing is said.
    assert second.toggles in (None, first.toggles)
    assert (second.toggle_bits == 0) == (second.toggles is None)


class Forgetful(SpikeEncoder):
    """Loses the highest lane of a mask that has several."""

    def elaborate(self, platform: object) -> Module:
        mask = Value.cast(self.i.payload.mask)
        if len(mask) < 2:
            return super().elaborate(platform)
        m = Module()
        # The encoder sees a mask of its own.
        kept = Signal.like(mask)
        m.d.comb += kept.eq(mask & ~((mask[:-1].any()) << (len(mask) - 1)))
        m.submodules.inner = twin = SpikeEncoder(self._size, self._lanes, self._slots)
        payload = twin.i.payload
        m.d.comb += [
            payload.eq(self.i.payload),
            payload.mask.eq(kept),
            twin.i.valid.eq(self.i.valid & (kept.any() | self.i.payload.tick)),
            self.i.ready.eq(twin.i.ready | ~(kept.any() | self.i.payload.tick)),
            self.o.payload.eq(twin.o.payload),
            self.o.valid.eq(twin.o.valid),
            twin.o.ready.eq(self.o.ready),
        ]
        return m

    def __init__(self, neurons: int, lanes: int, slots: int = 1, **options: bool) -> None:
        super().__init__(neurons, lanes, slots, **options)
        self._size = neurons


@pytest.mark.slow
def test_a_spike_lost_between_lane_and_encoder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "SpikeEncoder", Forgetful)
    network = chain_network()
    item = example(network, lanes=(5, 3))
    with pytest.raises(MismatchError, match=r"group 'lif1' neuron 4: did not spike, golden did$") as caught:
        run(item, tmp_path)
    # The first time it fires beside another: named by the group that lost it, in the same step.
    spikes = item.golden.spikes["lif1"][:, 0]
    step = int(np.flatnonzero(spikes[:, 4].astype(bool) & spikes[:, :4].any(axis=1))[0])
    assert f"sample 0, time step {step}, " in str(caught.value)


@pytest.mark.parametrize(
    ("counter", "error", "message"),
    [
        (
            "synapse_reads",
            MismatchError,
            r"group 'lif1' read 0 words of synapse memory, golden's events need",
        ),
        slow(("words_out", ToolError, r"group 'lif1' sent \d+ words, its counter says 0$")),
    ],
)
def test_a_dead_counter_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counter: str, error: type[Exception], message: str
) -> None:
    real = activity.own_counters

    def dead(component: object) -> dict[str, Value]:
        return {name: value & 0 if name == counter else value for name, value in real(component).items()}

    monkeypatch.setattr(activity, "own_counters", dead)
    with pytest.raises(error, match=message):
        run(example(chain_network(), samples=2, steps=4), tmp_path)


# The checks by themselves.

ITEM = example(chain_network(), samples=2, steps=4)


def result() -> dict[str, Any]:
    """What a correct bench would have measured of one part."""
    needed = synapse_reads(ITEM.plan, ITEM.inputs, ITEM.golden.spikes)
    counted = {name: dict.fromkeys(activity.COUNTERS, 5) | {"toggle_bits": 8} for name in needed}
    for name, values in counted.items():
        values |= {"synapse_reads": needed[name], "words_out": 7}
    return {
        "first": 0,
        "stop": 2,
        "cycles": 100,
        "around": {"cycles": 100, "toggles": 50, "toggle_bits": 2},
        "activity": counted,
        "rest": {name: dict.fromkeys(values, 0) | {"toggle_bits": 8} for name, values in counted.items()},
        "rest_around": {"cycles": 40, "toggles": 4, "toggle_bits": 2},
        "in_all": copy.deepcopy(counted),
        "sent_words": dict.fromkeys(needed, 7),
    }


def check(found: dict[str, Any]) -> None:
    check_counters(ITEM.plan, make_case(ITEM.plan, ITEM.inputs, ITEM.golden), "stream", [found], "sim")


def test_correct_counters_pass_and_are_recorded() -> None:
    found = result()
    check(found)
    counted = count_activity(ITEM.plan, {"stream": [found, found]}, {"stream": 4})
    assert (counted.activity_pass, counted.activity_cycles, counted.activity_samples) == ("stream", 200, 4)
    assert counted.groups["lif1"].busy_cycles == 10
    assert counted.toggles == {"lif1": 0.05, "lif2": 0.05, "around": 0.5}
    assert counted.toggle_bits == 18
    assert (counted.rest_cycles, counted.rest_toggles) == (80, {"lif1": 0.0, "lif2": 0.0, "around": 0.1})
    assert counted.rest_groups["lif2"].synapse_enables == 0
    found["activity"]["lif2"]["toggles"] = None
    check(found)
    undefined = count_activity(ITEM.plan, {"alone": [found]}, {"alone": 2})
    assert (undefined.activity_pass, undefined.toggles, undefined.toggle_bits) == ("alone", None, 0)
    assert count_activity(ITEM.plan, {"stress": [found]}, {"stress": 2}).activity_cycles == 0


@pytest.mark.parametrize(
    ("part", "counter", "value", "message"),
    [
        ("around", "cycles", 99, "cycles counted are 99, those of the clock 100"),
        ("around", "cycles", None, "cycles counted are None, those of the clock 100"),
        ("activity", "busy_cycles", 11, r"was busy in 11 of 100 cycles, which must be 5 to 10"),
        ("activity", "busy_cycles", 4, r"was busy in 4 of 100 cycles, which must be 5 to 10"),
        ("activity", "state_reads", None, "group 'lif1': counter state_reads is undefined"),
        ("in_all", "synapse_reads", 1, r"group 'lif1' read 1 words of synapse memory, golden's events need"),
        ("in_all", "words_out", 6, "group 'lif1' sent 7 words, its counter says 6"),
    ],
)
def test_every_wrong_counter_is_found(part: str, counter: str, value: int | None, message: str) -> None:
    found = result()
    (found[part] if part == "around" else found[part]["lif1"])[counter] = value
    with pytest.raises((ToolError, MismatchError), match=message):
        check(found)
