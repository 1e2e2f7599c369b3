"""Where a network goes: what each target has, takes and refuses; the one for a design of the user's own."""

import json
import re
from pathlib import Path

import pytest

from qsnn_hw.build import cli
from qsnn_hw.build.effective import effective_options
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job
from qsnn_hw.build.steps.verilog import VERILOG
from qsnn_hw.report import Report
from qsnn_hw.report.sections.board import BOARD
from qsnn_hw.report.sections.mapping import PLAN_NOTES
from qsnn_hw.report.sections.products import FILES, Files
from qsnn_hw.report.sections.verification import VERIFICATION
from qsnn_hw.support.errors import MismatchError, UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.registry import TARGETS, target_of
from qsnn_hw.targets.verilog import steps as verilog_steps
from qsnn_hw.targets.verilog.sections.cycles import CYCLES
from qsnn_hw.verify import Form, same_network
from tests.support.two_groups import MODEL, write_two_groups

FIRST = MODEL


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and samples."""
    write_two_groups(tmp_path, hidden=4)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    return cli.main([*words, "-o", "out"])


def test_help_has_a_line_for_every_target(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    for name, target in TARGETS.items():
        assert any(line.split(None, 1) == [name, target.summary] for line in lines)


def test_verilog_for_no_board(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("generate", *FIRST, "--target", "verilog", "--data", "d.npz") == 0
    out = here / "out"
    assert {path.name for path in out.glob("*.v")} == {"06_traced.v", "06_network.v", "06_axi.v"}
    assert not (out / outputs.BOARD_RTLIL).exists()
    options = json.loads((out / "options.json").read_text(encoding="utf-8"))
    assert (options["target"], options["board"]) == ("verilog", None)
    report = Report.load(out / "report.json", TARGETS["verilog"].sections())
    assert report[BOARD] is None
    assert report[FILES] == Files(verilog="06_network.v")
    assert report[CYCLES].predicted_mean is not None
    assert report[CYCLES].per_sample_mean is None
    assert "on an ECP5" in report[PLAN_NOTES][0], "what a figure without a device is of"
    capsys.readouterr()
    # It goes on without a word about the target.
    assert run("generate") == 0
    err = capsys.readouterr().err
    assert err.count(": unchanged") == len(err.splitlines()) == 7
    assert run("report") == 0
    shown = capsys.readouterr().out
    assert "cycles" in shown
    assert "bitstream" not in shown, "there is no board to load one"


REFUSED = [
    ("generate", ("--board", "icebreaker"), "--board belongs to --target fpga, not verilog: leave it out"),
    ("generate", ("--lut-budget", "900"), "--lut-budget belongs to --target fpga, not verilog: leave it out"),
    (
        "synth",
        (),
        "--target verilog has nothing to synth: generate, simulate, verify and build are what it has",
    ),
    ("generate", ("--target", "fpga"), "--board is required with --target fpga"),
]


@pytest.mark.parametrize(("command", "more", "says"), REFUSED)
def test_what_a_target_does_not_have_is_refused(
    command: str, more: tuple[str, ...], says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    BuildOptions("m.toml", "snntorch", target="verilog", settings={"dt": "1"}).save(here / "options.json")
    (here / "out").mkdir()
    (here / "options.json").rename(here / "out" / "options.json")
    before = (here / "out" / "options.json").read_bytes()
    assert run(command, *more) == 2
    assert capsys.readouterr().err == f"error: {says}\n"
    assert (here / "out" / "options.json").read_bytes() == before


def test_a_board_is_required_where_no_target_is_given(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("generate", *FIRST) == 2
    assert capsys.readouterr().err == "error: --board is required with --target fpga\n"


def test_an_unknown_target_in_a_folder_is_one_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "out").mkdir()
    BuildOptions("m.toml", "snntorch", target="nowhere").save(here / "out" / "options.json")
    assert run("generate") == 2
    says = f"--target must be one of {', '.join(TARGETS)}, not 'nowhere'"
    assert capsys.readouterr().err == f"error: {says}\n"


def test_a_folder_goes_on_to_another_target(here: Path) -> None:
    """What belonged to the target of the earlier run goes with it."""
    out = here / "out"

    def options(*words: str) -> BuildOptions:
        given = cli.make_parser().parse_args(["generate", "-o", "out", *words])
        made = effective_options(given, out)
        made.save(out / "options.json")
        return made

    first = options(*FIRST, "--board", "icebreaker", "--lut-budget", "900")
    assert (first.target, first.board, first.lut_budget) == ("fpga", "icebreaker", 900)
    alone = options("--target", "verilog")
    assert (alone.target, alone.board, alone.lut_budget) == ("verilog", None, None)
    back = options("--target", "fpga", "--board", "ulx3s-25f")
    assert (back.target, back.board) == ("fpga", "ulx3s-25f")


def test_a_program_is_told_as_the_command_line_is() -> None:
    with pytest.raises(UserError, match=r"^--target verilog has nothing to synth"):
        target_of(BuildOptions("m.toml", None, target="verilog"), "synth")
    with pytest.raises(UserError, match=r"^--board is required with --target fpga$"):
        target_of(BuildOptions("m.toml", None), "build")
    assert target_of(BuildOptions("m.toml", None, board="icebreaker"), "synth") is TARGETS["fpga"]


@pytest.mark.parametrize(
    "readout", [pytest.param(kind, marks=pytest.mark.slow) for kind in ("membrane", "none", "count")]
)
def test_every_form_that_is_handed_out_is_the_one_that_is_simulated(readout: str, here: Path) -> None:
    options = BuildOptions(
        "m.toml", "snntorch", target="verilog", settings={"dt": "1"}, data="d.npz", readout=readout
    )
    run = Run(Job(options, here / "out"))
    run.get(VERILOG)
    plan = run.get(verilog_steps.PLAN)
    matches = verilog_steps.matches(plan)
    forms = {"06_axi.v", "06_network.v", *(["06_classifier.v"] if readout != "none" else [])}
    assert {match.built[0] for match in matches} == forms
    for match in matches:
        built, simulated = (Form(here / "out" / file, name) for file, name in (match.built, match.simulated))
        shown = f"trace_{plan.output_group.name}" if match.by_potentials else None
        assert same_network(built, simulated, here / "match", shown=shown, progress=SILENT).registers
    # And a form that is not the same is seen.
    wrong = here / "out" / "06_axi.v"
    text = wrong.read_text(encoding="utf-8")
    changed = re.sub(r"^( *assign add_\w+ = .*) \+ ", r"\1 - ", text, flags=re.MULTILINE)
    assert changed != text
    wrong.write_text(changed, encoding="utf-8")
    built = Form(wrong, f"{plan.name}_axi.network")
    with pytest.raises(MismatchError):
        same_network(built, simulated, here / "match", progress=SILENT)


@pytest.mark.slow
def test_verilog_is_verified_without_a_board(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", *FIRST, "--target", "verilog", "--data", "d.npz") == 0
    assert "every figure the same" in capsys.readouterr().out
    report = Report.load(here / "out" / "report.json", TARGETS["verilog"].sections())
    assert report[VERIFICATION].mismatches == 0
    assert report[VERIFICATION].matched_registers
    assert report[CYCLES].per_sample_mean == report[CYCLES].predicted_mean
