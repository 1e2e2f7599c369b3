"""Going on in an output folder by the command line: what is made again, and what it then says."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qsnn_hw.build import cli, commands
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.run import Run as StepRun
from qsnn_hw.build.steps.step import Step
from qsnn_hw.golden import GoldenRun
from qsnn_hw.report import Report, summary_lines
from qsnn_hw.report.sections.accuracy import ACCURACY
from qsnn_hw.support import files
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.targets.fpga.sections import SECTIONS
from tests.support.small_model import write_data, write_model

Run = Callable[..., tuple[int, str]]
TAKEN = commands.EXIT_FAILED
WIDTHS = ("fractional", "leak", "potential")
COUNTS = ("samples", "buffer-depth", "steps", "encoder-floor", "seed")
LANES = ("lanes", "update-lanes", "event-lanes")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; exit code and stderr."""

    def run(*arguments: object) -> tuple[int, str]:
        code = cli.main([str(a) for a in arguments])
        return code, capsys.readouterr().err

    return run


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and data, and ``out``, made of them by ``generate``."""
    folder = tmp_path_factory.mktemp("generated")
    model, data = write_model(folder), write_data(folder / "d.npz")
    command = ["generate", str(model), "--convention", "snntorch", "--set", "dt=1", "--board", "icebreaker"]
    assert cli.main([*command, "--data", str(data), "-o", str(folder / "out")]) == 0
    return folder


@pytest.fixture
def made(generated: Path, tmp_path: Path) -> Path:
    """Such an output folder of a test's own; its options name data beside it."""
    shutil.copytree(generated, tmp_path, dirs_exist_ok=True)
    out = tmp_path / "out"
    saved = BuildOptions.load(out / "options.json")
    replace(saved, data=str(tmp_path / "d.npz")).save(out / "options.json")
    return out


def unchanged(err: str) -> list[str]:
    found = [line.removesuffix(": unchanged") for line in err.splitlines() if line.endswith(": unchanged")]
    # It is made beside the two before it.
    return sorted(found, key=lambda name: name == "design")


EVERYTHING = ["read", "quantize", "golden", "diagnose", "plan", "clock", "elaborate", "verilog", "design"]


def test_nothing_is_made_twice(run: Run, made: Path) -> None:
    code, err = run("generate", "-o", made)
    assert (code, unchanged(err)) == (0, EVERYTHING)


def _of_older_version(path: Path) -> str:
    """Make a record's file one of version 0; returns the format that it had."""
    if path.suffix == ".json":
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | {"format": content["format"].rpartition(" ")[0] + " 0"}))
        return str(content["format"])
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(path, **arrays | {"format": str(arrays["format"]).rpartition(" ")[0] + " 0"})
    return str(arrays["format"])


@pytest.mark.parametrize(
    ("name", "step"),
    [
        (outputs.NETWORK, "read"),
        (outputs.QUANTIZED, "quantize"),
        (outputs.ROUNDING, "quantize"),
        (outputs.GOLDEN, "golden"),
        (outputs.DIAGNOSTICS, "diagnose"),
        (outputs.PLAN, "plan"),
    ],
)
def test_a_file_of_an_older_version_is_made_again(run: Run, made: Path, name: str, step: str) -> None:
    before = _of_older_version(made / name)
    code, err = run("generate", "-o", made)
    assert code == 0, err
    assert unchanged(err) == [other for other in EVERYTHING if other != step]
    assert _of_older_version(made / name) == before


def test_options_of_an_older_version_are_refused(run: Run, made: Path) -> None:
    _of_older_version(made / "options.json")
    code, err = run("generate", "-o", made)
    assert (code, err.count("\n")) == (2, 1)
    assert "holds no build options of this version: format is 'qsnn-hw build options 0'" in err
    assert "run qsnn-hw build with MODEL and all options again" in err


def test_the_number_of_samples_belongs_to_the_golden_run(run: Run, made: Path) -> None:
    code, err = run("generate", "-o", made, "--samples", 5)
    assert code == 0, err
    assert unchanged(err)[:2] == ["read", "quantize"]
    assert "golden: unchanged" not in err
    golden = GoldenRun.load(made / "03_golden.npz")
    assert {spikes.shape[1] for spikes in golden.spikes.values()} == {5}
    assert "on 5 samples" in "\n".join(summary_lines(Report.load(made / "report.json", SECTIONS)))


def test_changed_labels_are_judged_again(run: Run, made: Path) -> None:
    data = made.parent / "d.npz"
    arrays = dict(np.load(data))
    before = Report.load(made / "report.json", SECTIONS)[ACCURACY]
    np.savez(data, **{**arrays, "label": (arrays["label"] + 1) % 3})
    code, err = run("generate", "-o", made)
    assert code == 0, err
    assert unchanged(err) == ["read", "quantize"]
    assert Report.load(made / "report.json", SECTIONS)[ACCURACY] != before


def test_damaged_files_are_made_again(run: Run, made: Path) -> None:
    names = ["02_quantized.npz", "03_golden.npz", "06_design.v"]
    before = [files.digest(made / name) for name in names]
    for name in names:
        (made / name).write_bytes(b"damaged")
    code, err = run("generate", "-o", made)
    assert code == 0, err
    assert [files.digest(made / name) for name in names] == before
    assert unchanged(err) == ["read", "diagnose", "plan", "clock", "elaborate", "verilog"]


def test_nothing_rests_on_a_forged_file(run: Run, made: Path) -> None:
    """A design put in another's place, its digest in the manifest as well: all after it is made anew."""
    forged = (made / "05_traced.il").read_text(encoding="utf-8").replace("8'00000101", "8'00000100")
    (made / "05_traced.il").write_text(forged + "\n", encoding="utf-8")
    manifest = files.read_json(made / "steps.json")
    manifest["elaborate"]["files"]["05_traced.il"] = files.digest(made / "05_traced.il")
    (made / "steps.json").write_text(json.dumps(manifest), encoding="utf-8")
    code, err = run("generate", "-o", made)
    assert code == 0, err
    assert unchanged(err) == [name for name in EVERYTHING if name != "verilog"]


REFUSED = [
    ("--samples", 9999),
    ("--lanes", "0"),
    ("--lanes", "0,1"),
    ("--lanes", "1,1,1"),
    ("--board", "nope"),
    ("--data", "nope.npz"),
    ("--set", "dt=-1"),
    ("--set", "nope=1"),
    ("--convention", "nope"),
    ("--bits", 1),
    ("--fractional-bits", 9),
    ("--group-bits", "nope=4"),
    ("--calibrate", "nope.npz"),
    ("--leak-bits", 99),
    ("--potential-bits", 1),
    ("--lut-budget", 1),
    ("--cycle-budget", 1),
    ("--encoder", "rate"),
    ("--steps", 4),
    ("--buffer-depth", 0),
    ("--clock-mhz", 13),
    ("--seed-search", 0),
]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is taken ends, with ``TAKEN``, where the work for the hardware begins."""

    usual = StepRun.get

    def get(run: StepRun, step: Step[Any]) -> Any:
        if step.name in ("elaborate", "design"):
            raise ToolError("the rest is left out")
        return usual(run, step)

    monkeypatch.setattr(StepRun, "get", get)


@pytest.mark.parametrize(("option", "value"), REFUSED)
def test_a_refused_option_is_not_remembered(
    option: str, value: object, run: Run, taken: None, made: Path
) -> None:
    before = (made / "options.json").read_bytes()
    assert run("generate", "-o", made, option, value)[0] == 2
    assert (made / "options.json").read_bytes() == before
    assert run("generate", "-o", made)[0] == TAKEN


VALUES: dict[str, st.SearchStrategy[object]] = {
    **{f"--{name}": st.integers(-1, 20) for name in ("bits", *(f"{n}-bits" for n in WIDTHS))},
    **{f"--{name}": st.integers(-1, 12) for name in COUNTS},
    **{f"--{name}": st.sampled_from(["0", "1", "2", "1,2", "3,3", "4,x", "1,1,1", ""]) for name in LANES},
    **{f"--{name}": st.sampled_from([-1, 0, 1, 900, 10**6]) for name in ("lut-budget", "cycle-budget")},
    "--group-bits": st.sampled_from(["lif1=4", "lif2=1", "lif3=4", "=4", "lif1"]),
    "--max-drop": st.sampled_from(["0", "1", "-1", "nan"]),
    "--set": st.sampled_from(["dt=-1", "dt=0.5", "reset=zero", "reset=nope", "dt", "=", "dt=nan"]),
    "--convention": st.sampled_from(["norse", "nope", "sinabs"]),
    "--board": st.sampled_from(["ulx3s-85f", "nope", "icebreaker", "nope.toml"]),
    "--data": st.sampled_from(["nope.npz", "m.toml"]),
    "--calibrate": st.sampled_from(["nope.npz", "m.toml"]),
    "--encoder": st.sampled_from(["rate", "none"]),
    "--readout": st.sampled_from(["count", "first", "membrane", "none"]),
    "--optimize": st.sampled_from(["area", "latency"]),
    "--weights": st.sampled_from(["ram", "rom"]),
}


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(names=st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True), drawn=st.data())
def test_what_is_remembered_was_taken_and_works_again(
    names: list[str], drawn: st.DataObject, run: Run, taken: None, generated: Path
) -> None:
    """Whatever is typed: refused, and the options are as before; or taken, and it is taken again."""
    out = generated / "out"
    before = (out / "options.json").read_bytes()
    words = [word for name in names for word in (name, drawn.draw(VALUES[name], name))]
    try:
        code = run("generate", "-o", out, *words)[0]
        assert code in (2, TAKEN)
        assert code == TAKEN or (out / "options.json").read_bytes() == before
        assert run("generate", "-o", out)[0] == TAKEN
    finally:
        (out / "options.json").write_bytes(before)


def test_a_first_command_that_is_refused_leaves_no_options(run: Run, taken: None, tmp_path: Path) -> None:
    model, out = write_model(tmp_path), tmp_path / "out"
    command = ("generate", model, "--convention", "snntorch", "--board", "icebreaker", "-o", out)
    assert run(*command, "--set", "dt=-1")[0] == 2
    assert not (out / "options.json").exists()
    assert run(*command, "--set", "dt=1")[0] == TAKEN
    assert run("generate", "-o", out)[0] == TAKEN


def test_options_that_a_tool_refuses_at_the_end_give_way_to_the_earlier_ones(
    run: Run, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = StepRun.get

    def get(run: StepRun, step: Step[Any]) -> Any:
        if step.name == "synthesize":
            raise UserError("the design reaches 1 MHz")
        return None if step.name in ("elaborate", "verilog", "design") else usual(run, step)

    before = (made / "options.json").read_bytes()
    monkeypatch.setattr(StepRun, "get", get)
    assert run("synth", "-o", made, "--seed", 5)[0] == 2
    assert (made / "options.json").read_bytes() == before
    (made / "options.json").unlink()
    # With nothing to go back to, they stay: the advice ("another --seed") is to be typed alone.
    options = ("--convention", "snntorch", "--set", "dt=1", "--board", "icebreaker")
    assert run("synth", made.parent / "m.toml", *options, "-o", made)[0] == 2
    assert (made / "options.json").exists()
