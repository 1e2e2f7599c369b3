"""The steps from Python: what each object is and costs, and that it is the command line, byte for byte."""

import argparse
import gc
import inspect
import json
import subprocess
import sys
import time
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qsnn_hw
from qsnn_hw.build import cli
from qsnn_hw.build.api.keywords import BY_METHOD
from qsnn_hw.build.options import OPTIONS
from qsnn_hw.build.steps.cache import MANIFEST
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.report.sections.verification import VERIFICATION
from qsnn_hw.support.errors import MismatchError, UserError
from qsnn_hw.support.terminal import plain

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A network of 6-3 neurons."""
    rng = np.random.default_rng(4)
    path = tmp_path / "m.toml"
    path.write_text(
        'input_shape = [6]\narrays = "w.npz"\n[[layer]]\nname = "fc"\ntype = "Linear"\n'
        '[[layer]]\nname = "lif"\ntype = "LIF"\ntau = 9.0\n',
        encoding="utf-8",
    )
    np.savez(tmp_path / "w.npz", **{"fc.weight": rng.uniform(-1, 6, (3, 6))})
    return path


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """Samples for it."""
    rng = np.random.default_rng(5)
    return {"input": (rng.random((5, 8, 6)) < 0.4).astype(np.uint8), "label": rng.integers(0, 3, 8)}


@pytest.fixture
def data(tmp_path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """The same in a file."""
    path = tmp_path / "d.npz"
    np.savez(path, **arrays)
    return path


def loaded(model: Path) -> qsnn_hw.TrainedNetwork:
    return qsnn_hw.load(model, "snntorch", set={"dt": 1})


def command(model: Path, data: Path, part: str, out: Path, *options: str) -> None:
    words = [part, str(model), "--convention", "snntorch", "--set", "dt=1", "--data", str(data), *options]
    assert cli.main([*words, "-o", str(out), "-q"]) == 0


def contents(folder: Path) -> dict[str, bytes]:
    """Name -> content of every file of a run but those that say when, how long and in which folder."""
    names = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file()]
    timed = ("report.html", "report.json", "07_simulation.json", "07_verification.json", "job.json", MANIFEST)
    return {
        str(name): (folder / name).read_bytes()
        for name in names
        if name.name not in timed and name.suffix in (".v", ".il", ".npz", ".json", ".bin", ".bit")
    }


def figures(folder: Path) -> dict[str, Any]:
    """The report but for its date."""
    return {**json.loads((folder / "report.json").read_text()), "created": None}


def keys(folder: Path) -> dict[str, str]:
    """Step -> the key it was made under; but for what follows a simulation, whose record has its time."""
    made = json.loads((folder / MANIFEST).read_text())
    return {name: entry["key"] for name, entry in made.items() if name != "verify"}


def test_every_object_says_what_it_is_and_costs(model: Path, data: Path) -> None:
    net = loaded(model)
    assert repr(net) == "<network m: 6-3 neurons, 18 weights, convention snntorch>"
    assert (net.neurons, net.weights) == (3, 18)
    q = net.quantize(bits=5, data=data)
    assert q.accuracy is not None
    shown = f"accuracy {100 * q.accuracy:.2f} % (float "
    assert repr(q).startswith("<integers of m: 5-bit weights (90 bits), ")
    assert shown in repr(q)
    assert repr(q).endswith(" on 8 samples>")
    plan = q.plan("icebreaker")
    assert plan.usage is not None
    assert plan.cycles is not None
    assert repr(plan).startswith(f"<design of m for icebreaker, predicted: {plan.usage.logic_cells} ICESTORM")
    assert f"; {plan.cycles.design.mean():.0f} cycles a sample, mean of the first 8>" in repr(plan)
    bare = net.quantize().plan(target="verilog", lanes=3)
    assert repr(bare) == "<design of m, predicted: 144 bits of weights; cycles not predicted: no samples>"
    assert (bare.usage, bare.cycles, bare.board) == (None, None, None)


def test_warnings_are_counted_where_an_object_is_shown(digits: Path) -> None:
    q = qsnn_hw.load(digits / "digits_64-32-10.nir", "snntorch").quantize(
        bits=3, clip="max", data=digits / "digits_test.npz"
    )
    assert repr(q).endswith(" on 450 samples; 3 warnings>")
    assert q.warnings[-1].startswith("at 3 bits, ")


def test_objects_are_immutable(model: Path) -> None:
    net = loaded(model)
    q = net.quantize()
    for made in (net, q, q.plan(target="verilog")):
        with pytest.raises(FrozenInstanceError):
            made.name = "other"  # type: ignore[union-attr]


def test_it_answers_what_infer_writes(model: Path, data: Path, tmp_path: Path) -> None:
    net, spikes = loaded(model), np.load(data)["input"]
    for bits, run in (("float", net.run), ("4", net.quantize(bits=4).run)):
        words = ["infer", str(model), "--convention", "snntorch", "--set", "dt=1", "--data", str(data)]
        assert cli.main([*words, "--bits", bits, "--out", str(tmp_path / "out.npz")]) == 0
        assert np.array_equal(run(spikes), np.load(tmp_path / "out.npz")["out"])
    q = net.quantize(bits=4, data=data)
    assert q.golden is not None
    assert np.array_equal(q.answers(spikes), q.golden.answers)


@pytest.mark.parametrize(
    ("typed", "quantize", "plan"),
    [
        pytest.param(("--board", "icebreaker"), {}, {"board": "icebreaker"}, marks=pytest.mark.slow),
        pytest.param(
            *(
                ("--board", "ulx3s-85f", "--bits", "6", "--leak-rounding", "zero", "--readout", "count"),
                {"bits": 6, "leak_rounding": "zero", "readout": "count"},
                {"board": "ulx3s-85f"},
            ),
            marks=pytest.mark.slow,
        ),
        (
            *(
                (
                    *("--target", "verilog", "--lanes", "3", "--event-lanes", "2", "--group-bits", "lif=3"),
                    *("--accumulators", "memory"),
                ),
                {"group_bits": {"lif": 3}},
                {"target": "verilog", "lanes": 3, "event_lanes": [2], "accumulators": "memory"},
            ),
        ),
    ],
    ids=["plain", "rounding", "lanes"],
)
def test_both_faces_leave_the_same_files(
    model: Path,
    data: Path,
    tmp_path: Path,
    typed: tuple[str, ...],
    quantize: dict[str, Any],
    plan: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed_folder, called = tmp_path / "typed", tmp_path / "called"
    command(model, data, "generate", typed_folder, *typed)
    capsys.readouterr()
    design = loaded(model).quantize(data=data, **quantize).plan(**plan)
    outcome = design.generate(called)
    assert capsys.readouterr() == ("", "")
    assert contents(called) == contents(typed_folder)
    assert figures(called) == figures(typed_folder)
    assert keys(called) == keys(typed_folder)
    assert outcome.folder == called
    # And the command line goes on there: nothing is left to do.
    assert cli.main(["generate", "-o", str(called)]) == 0
    out, said = capsys.readouterr()
    assert [line for line in said.splitlines() if not line.endswith(": unchanged")] == []
    assert out.splitlines() == str(outcome).splitlines()


def test_what_is_in_memory_is_as_good_as_a_file(
    model: Path, data: Path, arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    nir = pytest.importorskip("nir")
    by_file = loaded(model)
    by_record = qsnn_hw.load(by_file.network)
    file = qsnn_hw.load(ROOT / "examples/digits/digits_64-32-10.nir", "snntorch")
    graph = nir.read(ROOT / "examples/digits/digits_64-32-10.nir")
    spikes = (np.random.default_rng(1).random((5, 3, 64)) < 0.3).astype(np.uint8)
    assert np.array_equal(qsnn_hw.load(graph, "snntorch").run(spikes), file.run(spikes))
    q = by_record.quantize(data=arrays)
    assert repr(q) == repr(by_file.quantize(data=data))
    out = tmp_path / "out"
    q.plan(target="verilog").generate(out)
    command(model, data, "generate", tmp_path / "typed", "--target", "verilog")
    for name in ("02_quantized.npz", "03_golden.npz", "04_plan.npz", "06_network.v"):
        assert (out / name).read_bytes() == (tmp_path / "typed" / name).read_bytes(), name
    # All of it is in the folder, for whoever goes on there.
    del q, by_record
    gc.collect()
    assert {Path(json.loads((out / OPTIONS).read_text())[name]) for name in ("model", "data")} == {
        (out / name).resolve() for name in ("00_network.npz", "00_data.npz")
    }
    assert cli.main(["generate", "-o", str(out), "-q"]) == 0


def test_files_of_what_is_in_memory_go_with_the_last_object(
    model: Path, arrays: dict[str, np.ndarray]
) -> None:
    q = qsnn_hw.load(loaded(model).network).quantize(data=arrays)
    folders = [source.path.parent for source in q._stage.sources.values()]
    assert all(folder.is_dir() for folder in folders)
    plan = q.plan(target="verilog")
    del q
    gc.collect()
    assert all(folder.is_dir() for folder in folders)
    del plan
    gc.collect()
    assert not any(folder.exists() for folder in folders)


def test_a_live_module_is_read_by_its_own_framework() -> None:
    from tests.support.live_checks import imported

    torch, snntorch = imported("torch", "snntorch")
    module = torch.nn.Sequential(torch.nn.Linear(6, 3), snntorch.Leaky(beta=0.8))
    net = qsnn_hw.load(module, input_shape=(6,))
    assert repr(net) == "<network Sequential: 6-3 neurons, 18 weights, convention snntorch (live)>"
    with pytest.raises(UserError, match=r"give input_shape=\(64,\) or the like"):
        qsnn_hw.load(module)
    with pytest.raises(UserError, match=r"holds no module of a framework: say which with convention"):
        qsnn_hw.load(torch.nn.Linear(6, 3), input_shape=(6,))


def test_a_file_that_changed_since_is_refused(model: Path, data: Path, tmp_path: Path) -> None:
    design = loaded(model).quantize(data=data).plan(target="verilog")
    np.savez(data, input=np.ones((5, 8, 6), np.uint8))
    with pytest.raises(UserError, match=r"d\.npz has changed since it was read; load it again$"):
        design.generate(tmp_path / "out")


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda n: n.quantize(bit=4), TypeError, "quantize() has no option 'bit'; did you mean bits?"),
        (lambda n: n.quantize(lanes=4), TypeError, "lanes is not an option of quantize() but of plan()"),
        (
            lambda n: n.quantize().plan("icebreaker", readout="count"),
            TypeError,
            "readout is not an option of plan() but of quantize()",
        ),
        (lambda n: n.quantize(bits=17), UserError, "weight bits must be a whole number from 2 to 16, not 17"),
        (lambda n: n.quantize(bits="8"), TypeError, "bits must be a whole number, not '8'"),
        (
            lambda n: n.quantize(samples=3),
            UserError,
            "--samples cuts --data short, and there is none: give --data FILE",
        ),
        (
            lambda n: n.quantize().plan(),
            UserError,
            "--board is required with --target fpga",
        ),
        (
            lambda n: n.quantize().plan("icebreaker", lanes=2, optimize="area"),
            UserError,
            "--lanes and --optimize do not go together: --optimize chooses lanes; leave one out",
        ),
        (
            lambda n: n.quantize().plan("icebreaker", lanes=1, accumulators="sram"),
            UserError,
            "--accumulators must be one of registers, memory, not 'sram'",
        ),
        (lambda n: n.quantize().plan("icebreaker").simulate(), UserError, "give --data FILE"),
        (lambda n: qsnn_hw.load("nothing.nir", "nir"), UserError, "no such file: nothing.nir"),
        (
            lambda n: qsnn_hw.load(3),
            UserError,
            "load takes a model file, an nir.NIRGraph, a Network or a live torch module, not builtins.int",
        ),
        (
            lambda n: qsnn_hw.load(n.network, "norse"),
            UserError,
            "a Network has its convention resolved: leave convention out",
        ),
        (
            lambda n: qsnn_hw.load(n.network, set={"dt": 1}),
            UserError,
            "a Network holds every field of its neurons: leave set out",
        ),
        (
            lambda n: qsnn_hw.load("nothing.nir", input_shape=(3,)),
            UserError,
            "input_shape, example and output are for a live module: leave them out",
        ),
        (
            lambda n: n.quantize(data={"input": [[["a"]]]}),
            UserError,
            "input has type <U1, not spike counts",
        ),
        (lambda n: n.quantize(data=[[[{}]]]), UserError, "input must be an array of numbers, not of object"),
    ],
)
def test_what_is_wrong_is_raised_in_one_line(model: Path, call: Any, kind: type, text: str) -> None:
    net = loaded(model)
    with pytest.raises(kind) as caught:
        call(net)
    assert text in str(caught.value)
    assert plain(str(caught.value)) == str(caught.value)


def test_every_option_of_the_command_line_is_a_keyword_of_one_method() -> None:
    (commands,) = (a for a in cli.make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    typed = {
        action.option_strings[-1 if len(action.option_strings) == 1 else -2].removeprefix("--")
        if action.dest == "calibration_data"
        else action.option_strings[-1].removeprefix("--no-").removeprefix("--")
        for action in commands.choices["build"]._actions
        if action.option_strings and action.dest not in ("help", "out", "quiet")
    }
    steps = {k: names for k, names in BY_METHOD.items() if k not in ("infer", "check", "finetune")}
    assert {name.replace("-", "_") for name in typed} == {n for names in steps.values() for n in names} | {
        "convention",
        "set",
    }
    taken = {name for names in BY_METHOD.values() for name in names} | {"convention", "set"}
    for method, names in BY_METHOD.items():
        owner = next(
            k for k in (qsnn_hw.TrainedNetwork, qsnn_hw.IntegerNetwork, qsnn_hw.Design) if hasattr(k, method)
        )
        assert set(names) <= set(inspect.signature(getattr(owner, method)).parameters)
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8").partition("## Options")[2]
    assert [name for name in sorted(taken) if f"`{name}`" not in page] == []


@pytest.mark.parametrize("method", ["infer", "check", "finetune"])
def test_every_option_of_a_command_on_samples_is_a_keyword_of_its_method(method: str) -> None:
    (commands,) = (a for a in cli.make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    fields = {a.dest for a in commands.choices[method]._actions} - {"help"}
    taken = set(inspect.signature(getattr(qsnn_hw.TrainedNetwork, method)).parameters) - {"self", "progress"}
    renamed = {"weight_bits": "bits", "calibration_data": "calibrate"}
    of_load = {"model", "convention", "settings"}
    assert {renamed.get(name, name) for name in fields - of_load} == taken


def test_every_option_of_compare_is_a_keyword_of_it_or_of_quantize() -> None:
    (commands,) = (a for a in cli.make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    fields = {a.dest for a in commands.choices["compare"]._actions} - {"help", "quiet"}
    renamed = {"weight_bits": "bits", "calibration_data": "calibrate"}
    taken = set(inspect.signature(qsnn_hw.IntegerNetwork.compare).parameters) - {"self", "progress"}
    of_load = {"model", "convention", "settings"}
    left = {renamed.get(name, name) for name in fields - of_load} - taken
    assert left == left & set(BY_METHOD["quantize"])
    assert taken <= fields


def test_infer_and_check_say_what_the_commands_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ROOT / "examples" / "frameworks"
    model, data = folder / "snntorch.nir", folder / "snntorch.npz"
    words = [str(model), "--convention", "snntorch", "--data", str(data)]
    net = qsnn_hw.load(model, convention="snntorch")
    assert cli.main(["infer", *words, "--bits", "2", "--clip", "mse", "--samples", "20"]) == 0
    out, said = capsys.readouterr()
    got = net.infer(data, bits=2, clip="mse", samples=20)
    assert capsys.readouterr() == ("", "")
    assert str(got) == out.rstrip("\n")
    warned = [line for line in said.splitlines() if line.startswith("warning: ")]
    assert [f"warning: {line}" for line in got.warnings] == warned
    with np.load(data) as arrays:
        some = {name: arrays[name] for name in arrays.files}
    assert np.array_equal(net.infer(some, bits=2, clip="mse", samples=20).out, got.out)

    assert net.check(data).agrees
    assert cli.main(["check", *words, "--set", "reset_delay=false", "--search", "0"]) == 1
    out = capsys.readouterr().out
    checked = qsnn_hw.load(model, convention="snntorch", set={"reset_delay": False}).check(data, search=0)
    assert str(checked) == out.rstrip("\n")
    assert not checked.agrees
    assert checked.differ > 0


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda net, data: net.infer(data, diagnose=True),
            UserError,
            "--diagnose and the options of rounding",
        ),
        (
            lambda net, data: net.infer(data, bits=4, max_drop=-1.0),
            UserError,
            "--max-drop is percentage points",
        ),
        (lambda net, data: net.infer(data, clip="mean", bits=4), UserError, "--clip must be one of"),
        (
            lambda net, data: net.check(data, calibrate=data),
            TypeError,
            "calibrate is not an option of check()",
        ),
        (lambda net, data: net.check(data, bits=4, search=1), UserError, "leave --bits or --search out"),
        (
            lambda net, data: net.finetune(data, "o", max_drop=1),
            TypeError,
            "max_drop is not an option of fine",
        ),
        (lambda net, data: net.infer(data, bits="4"), TypeError, "bits must be a whole number, not '4'"),
    ],
)
def test_what_is_wrong_without_hardware(model: Path, data: Path, call: Any, kind: type, text: str) -> None:
    with pytest.raises(kind) as caught:
        call(loaded(model), data)
    assert text in str(caught.value)


def test_progress_is_printed_where_it_is_asked_for(
    model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    q = loaded(model).quantize(data=data)
    q.plan("icebreaker")
    assert capsys.readouterr() == ("", "")
    q.plan("icebreaker", progress=True)
    out, said = capsys.readouterr()
    assert out == ""
    assert "plan: lif: 3 neurons as " in said


def test_the_package_is_light_until_it_is_used() -> None:
    program = "import sys, qsnn_hw; print('numpy' in sys.modules, len(dir(qsnn_hw)) > 10)"
    started = time.monotonic()
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.split() == ["False", "True"]
    bare = time.monotonic()
    subprocess.run([sys.executable, "-c", ""], check=True)
    assert bare - started < 0.3 + 2 * (time.monotonic() - bare)


@pytest.mark.slow
def test_verify_compares_this_design_on_any_samples(
    model: Path, data: Path, arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    design = loaded(model).quantize(bits=4).plan("icebreaker")
    outcome = design.verify({"input": arrays["input"][:, :5]}, seed=3)
    assert (outcome.folder, outcome.report[VERIFICATION].mismatches) == (None, 0)
    assert outcome.report[VERIFICATION].samples == 5
    assert outcome.reference is not None
    assert "The hardware equals the golden model in simulation: 5 samples" in repr(outcome)
    # Fewer of its own samples, and nothing for a folder that would not know of it.
    own = loaded(model).quantize(bits=4, data=data).plan("icebreaker")
    assert own.simulate(samples=2).report[VERIFICATION].samples == 2
    with pytest.raises(UserError, match=r"^out keeps what was planned for the samples of quantize\(\)"):
        own.simulate(samples=2, out=tmp_path / "out")
    # Other integers than the hardware's are a difference.
    other = loaded(model).quantize(bits=3)._stage.results[QUANTIZE]
    wrong = replace(design, _stage=replace(design._stage, results={**design._stage.results, QUANTIZE: other}))
    with pytest.raises(MismatchError):
        wrong.simulate(arrays)


@pytest.mark.slow
def test_a_build_is_the_build_of_the_command_line(model: Path, data: Path, tmp_path: Path) -> None:
    typed, called = tmp_path / "typed", tmp_path / "called"
    command(model, data, "build", typed, "--board", "icebreaker")
    outcome = loaded(model).quantize(data=data).plan("icebreaker").build(called)
    assert contents(called).keys() == contents(typed).keys()
    found, expected = contents(called), contents(typed)
    assert [name for name in found if found[name] != expected[name]] == []
    assert figures(called) == figures(typed)
    assert keys(called) == keys(typed)
    assert outcome.convincing
    # Without samples there is nothing to compare with, and the outcome says so.
    alone = loaded(model).quantize().plan("icebreaker").build(tmp_path / "alone")
    assert "has not been compared with the golden model yet" in repr(alone)
    assert list((tmp_path / "alone").glob("*.bin"))
