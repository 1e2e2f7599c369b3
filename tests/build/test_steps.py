"""Steps as data: each takes what those it needs make; any can be run by itself, or another in its place."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from qsnn_hw.build import flow
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA, READ
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.steps.plan import PLAN
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.build.steps.verilog import VERILOG
from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizeOptions
from qsnn_hw.report.record import parts_of
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets import target as target_module
from qsnn_hw.targets.registry import TARGETS

EVERY_STEP = [
    pytest.param(step, id=f"{target.name}-{step.name}")
    for target in TARGETS.values()
    for step in target.steps().all()
]


def takes(function: Any) -> list[Any]:
    """Types of what a function takes behind the job, in order."""
    hints = get_type_hints(function)
    return [hints[name] for name in list(inspect.signature(function).parameters)[1:]]


@pytest.mark.parametrize("step", EVERY_STEP)
def test_a_step_takes_what_the_steps_it_needs_make(step: Step[Any]) -> None:
    assert takes(step.make) == [get_type_hints(needed.make)["return"] for needed in step.needs]


@pytest.mark.parametrize("step", EVERY_STEP)
def test_every_function_of_a_step_can_be_called_with_what_it_needs(step: Step[Any]) -> None:
    called = [step.make, step.absent, step.load, step.decided_by]
    called += [step.leaves] if callable(step.leaves) else []
    for function in called:
        inspect.signature(function).bind(None, *step.needs)
    inspect.signature(step.save).bind(None, None)


@pytest.mark.parametrize("step", EVERY_STEP)
def test_the_record_of_a_step_is_what_it_makes(step: Step[Any]) -> None:
    makes = get_type_hints(step.make)["return"]
    if step.record is not None:
        assert step.record[0] in (makes, *get_args(makes))
    # One that may be None says when; else its cache would look for a file that is not there.
    if step.leaves_files:
        assert (type(None) in get_args(makes)) == step.can_be_absent


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_the_steps_of_a_target_fit_together(target: target_module.Target) -> None:
    steps = target.steps()
    names = [step.name for step in steps.all()]
    assert len(names) == len(set(names)), "the cache knows a step by its name"
    files = [name for step in steps.all() if not callable(step.leaves) for name in step.leaves]
    files += [step.record[1] for step in steps.all() if step.record is not None]
    assert len(files) == len(set(files))
    assert set(steps.goals) <= set(flow.PARTS)
    assert set(steps.reported) <= set(steps.all())
    assert parts_of(target.sections()), "no two sections have the same key"
    chosen = {s.name for s in steps.choices}
    assert chosen >= {"read", "data", "quantize", "golden"}
    assert chosen & {"plan", "crossbar"}, "what is built is decided before any tool runs"


def test_goals_side_by_side_share_what_both_rest_on() -> None:
    steps = TARGETS["fpga"].steps()
    verify, implement = steps.goals["build"]
    assert [s.name for s in target_module.shared([verify, implement])][-2:] == ["clock", "design"]
    assert target_module.shared([verify]) == []
    assert verify not in implement.reach()


@pytest.fixture
def options(tmp_path: Path) -> BuildOptions:
    """A network of 6-3 neurons and samples for it; for no board."""
    rng = np.random.default_rng(4)
    (tmp_path / "m.toml").write_text(
        'input_shape = [6]\narrays = "w.npz"\n[[layer]]\nname = "fc"\ntype = "Linear"\n'
        '[[layer]]\nname = "lif"\ntype = "LIF"\ntau = 9.0\n',
        encoding="utf-8",
    )
    np.savez(tmp_path / "w.npz", **{"fc.weight": rng.uniform(-0.5, 1, (3, 6))})
    spikes = (rng.random((5, 8, 6)) < 0.4).astype(np.uint8)
    np.savez(tmp_path / "d.npz", input=spikes, label=rng.integers(0, 3, 8))
    return BuildOptions(
        model=str(tmp_path / "m.toml"),
        convention="snntorch",
        target="verilog",
        settings={"dt": "1"},
        data=str(tmp_path / "d.npz"),
    )


def test_steps_run_one_by_one_in_memory(options: BuildOptions, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    job = Job(options)
    run = Run(job)
    plan = run.get(PLAN)
    assert isinstance(plan, HardwarePlan)
    assert sorted(tmp_path.iterdir()) == before
    # And by hand, each a plain call.
    network = READ.make(job)
    data = DATA.make(job, network)
    chosen = QUANTIZE.make(job, network, data)
    golden = GOLDEN.make(job, network, chosen, data)
    assert repr(PLAN.make(job, chosen, data, golden)) == repr(plan)
    with pytest.raises(UserError, match=r"^verilog leaves files: it needs an output folder$"):
        run.get(VERILOG)


def test_what_a_step_leaves_is_what_it_says(options: BuildOptions, tmp_path: Path) -> None:
    run = Run(Job(options, tmp_path / "out"))
    for step in (READ, DATA, QUANTIZE, GOLDEN, PLAN):
        run.get(step)
        left = step.files(run.job, [run.get(needed) for needed in step.needs])
        assert all((tmp_path / "out" / name).is_file() for name in left)
    assert not list((tmp_path / "out").glob("05_*"))


def test_without_samples_golden_makes_and_leaves_nothing(options: BuildOptions, tmp_path: Path) -> None:
    run = Run(Job(replace(options, data=None), tmp_path / "out"))
    assert run.get(GOLDEN) is None
    assert not (tmp_path / "out" / outputs.GOLDEN).exists()
    assert run.get(PLAN).groups


def test_earlier_reads_back_and_makes_nothing(options: BuildOptions, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert Run(Job(options, out)).earlier(QUANTIZE) is None
    made = Run(Job(options, out)).get(QUANTIZE)
    again = Run(Job(options, out))
    assert again.earlier(QUANTIZE) is None, "what it rests on is not known yet"
    again.get(DATA)
    read = again.earlier(QUANTIZE)
    assert read is not None
    assert read.options == made.options
    other = Run(Job(replace(options, quantize=QuantizeOptions(weight_bits=5)), out))
    other.get(DATA)
    assert other.earlier(QUANTIZE) is None


def _narrow(job: Job, network: Network, data: Dataset | None) -> Quantization:
    narrow = replace(job.options, quantize=QuantizeOptions(weight_bits=3))
    return QUANTIZE.make(replace(job, options=narrow), network, data)


def test_another_step_in_place_of_one(options: BuildOptions, tmp_path: Path) -> None:
    out = tmp_path / "out"
    usual = Run(Job(options, out)).get(PLAN)
    other = Run(Job(options, out), {QUANTIZE: replace(QUANTIZE, make=_narrow)}).get(PLAN)
    assert {g.weight_bits for g in usual.groups} == {8}
    assert {g.weight_bits for g in other.groups} == {3}
    # The folder tells them apart by their source.
    assert {g.weight_bits for g in Run(Job(options, out)).get(PLAN).groups} == {8}


def test_what_is_in_memory_is_given(options: BuildOptions, tmp_path: Path) -> None:
    """A network and samples of a program: what rests on them is decided by what they hold."""
    here = Run(Job(options, tmp_path / "out"))
    network, data = here.get(READ), here.get(DATA)
    assert data is not None
    alone = replace(options, model="a network in memory", data=None)

    def fired(network: Network, data: Dataset) -> np.ndarray:
        run = Run(Job(alone, tmp_path / "given"))
        run.give(READ, network)
        run.give(DATA, data)
        golden = run.get(GOLDEN)
        assert golden is not None
        assert (tmp_path / "given" / outputs.NETWORK).is_file()
        return golden.integer.spikes["lif"]

    usual = here.get(GOLDEN)
    assert usual is not None
    assert np.array_equal(fired(network, data), usual.integer.spikes["lif"])
    other = replace(data, input=1 - data.input)
    assert not np.array_equal(fired(network, other), usual.integer.spikes["lif"])
    (group,) = network.groups
    assert group.threshold is not None
    keen = replace(network, groups=(replace(group, threshold=0.5 * group.threshold),))
    assert not np.array_equal(fired(keen, data), usual.integer.spikes["lif"])
    assert np.array_equal(fired(network, data), usual.integer.spikes["lif"])


def test_what_tools_leave_is_not_given(options: BuildOptions, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^verilog cannot be given: its files are made by tools$"):
        Run(Job(options, tmp_path / "out")).give(VERILOG, None)


def test_what_a_run_in_memory_made_is_kept_and_not_made_again(options: BuildOptions, tmp_path: Path) -> None:
    run = Run(Job(options))
    made = {step: run.get(step) for step in PLAN.reach()}
    # Another name tells it from one that is made anew.
    made[PLAN] = replace(made[PLAN], name="kept")
    assert Run(Job(options, tmp_path / "out"), results=made).get(PLAN).name == "kept"
    assert Run(Job(options), results=made).get(PLAN).name == "kept"
    # As if it had been made there: the next run of these options has nothing to do.
    assert Run(Job(options, tmp_path / "out")).get(PLAN).name == "kept"
