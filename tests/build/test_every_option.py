"""No option is accepted and ignored: each changes what comes out, or is refused in one line.

The table below has an entry for every option of every command; the argparse tree is walked, so that a new
option without one fails here.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.build import cli, comparing
from qsnn_hw.build.effective import effective_options
from qsnn_hw.build.option import entries
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.sample_options import FinetuneOptions
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA, READ
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job
from qsnn_hw.finetune import command as finetune_command
from qsnn_hw.finetune.settings import FinetuneSettings
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.steps import device_values
from qsnn_hw.targets.asic.areas_only import GENERIC, plain_liberty
from qsnn_hw.targets.fpga.measurements import calibrate
from qsnn_hw.targets.fpga.steps import PLAN
from qsnn_hw.targets.registry import target_of
from tests.support.places import EXAMPLES

MODEL = """
input_shape = [6]
[[layer]]
name = "fc1"
type = "Affine"
weight = {first}
bias = [0.013, 0.0, 0.021, 0.0, 0.0, 0.017, 0.0, 0.0, 0.011, 0.0, 0.0, 0.0]
[[layer]]
name = "hidden"
type = "LIF"
tau = 0.0043
r = 4.3
v_threshold = 0.7
[[layer]]
name = "fc2"
type = "Linear"
weight = {second}
[[layer]]
name = "last"
type = "LIF"
tau = 0.0039
r = 3.9
v_threshold = 0.6
"""
CONVENTION = ("--convention", "nir", "--set", "dt=0.001")

BUILD = ("build", "generate", "simulate", "verify", "synth")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, samples, calibration samples, pixels and another order of axes."""
    rng = np.random.default_rng(7)
    first, second = rng.normal(0.3, 0.4, (12, 6)).round(3), rng.normal(0.2, 0.4, (3, 12)).round(3)
    # Far from the others, so that clipping has a choice.
    first[0, 0] = second[0, 0] = 2.5
    text = MODEL.format(first=json.dumps(first.tolist()), second=json.dumps(second.tolist()))
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    (tmp_path / "other.toml").write_text(text.replace("0.7", "0.55"), encoding="utf-8")
    for name, seed in (("d.npz", 1), ("e.npz", 2), ("c.npz", 3)):
        chance = np.random.default_rng(seed)
        spikes = (chance.random((9, 9, 6)) < 0.4).astype(np.uint8)
        out = (chance.random((9, 9, 3)) < 0.3).astype(np.uint8)
        label = chance.integers(0, 3, 9)
        others = {"first": 1 - spikes, "other": np.zeros_like(out)}
        np.savez(tmp_path / name, input=spikes, label=label, out=out, **others)
    calibrate(EXAMPLES / "power" / "up5k.csv").calibration.save(tmp_path / "power.json")
    (tmp_path / "n.cir").write_text(".subckt n a b c d e f g h i\n.ends\n", encoding="utf-8")
    (tmp_path / "cells.lib").write_text(plain_liberty("mine", GENERIC), encoding="utf-8")
    np.savez(tmp_path / "pixels.npz", pixels=np.arange(54, dtype=np.uint8).reshape(9, 6) * 4, label=label)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Words beside the option under test that make it mean something; {} is the command.
BESIDE: dict[str, tuple[str, ...]] = {
    # The smallest design may be chosen without a budget, too.
    "--lut-budget": ("--optimize", "latency"),
    "--sleep": ("--link", "spi"),
    "--update-lanes": ("--lanes", "4"),
    "--event-lanes": ("--lanes", "4"),
    "--accumulators": ("--lanes", "4"),
    "--max-drop": ("--calibrate", "c.npz"),
    "--steps": ("--encoder", "rate", "--data", "pixels.npz", "--steps", "4"),
    "--encoder-floor": ("--encoder", "latency", "--data", "pixels.npz", "--steps", "4"),
    "--encoder-shift": ("--encoder", "direct", "--data", "pixels.npz", "--steps", "4"),
    "--encoder-seed": ("--encoder", "rate", "--data", "pixels.npz", "--steps", "4"),
    "--encoder-buffers": ("--encoder", "rate", "--data", "pixels.npz", "--steps", "4"),
    "--encoder": ("--data", "pixels.npz", "--steps", "4"),
    "--cycle-budget": ("--optimize", "area"),
    # Weights of three decimals lie on a grid that 16 bits hold.
    "--keep-integers": ("--bits", "16"),
    **dict.fromkeys(
        ("--tile", "--synapses", "--neurons", "--pdk", "--liberty", "--gate-samples"), ("--target", "asic")
    ),
    "--clip": ("--bits", "3"),
    **dict.fromkeys(
        ("--device", "--levels", "--sigma", "--remedies", "--chips", "--spice-samples", "--neuron"),
        ("--target", "analog"),
    ),
}
VALUES: dict[str, tuple[str, ...]] = {
    "MODEL": ("other.toml",),
    "--convention": ("snntorch",),
    "--set": ("decay=exponential",),
    "--data": ("e.npz",),
    "--layout": ("sample-time",),
    "--samples": ("4",),
    "--bits": ("4",),
    "--clip": ("mse",),
    "--per-neuron": (),
    "--fractional-bits": ("3",),
    "--power-of-two": (),
    "--group-bits": ("hidden=5",),
    "--calibrate": ("c.npz",),
    "--max-drop": ("90",),
    "--leak-bits": ("3",),
    "--leak-rounding": ("zero",),
    "--potential-bits": ("5",),
    "--target": ("verilog",),
    "--board": ("ulx3s-25f",),
    "--lanes": ("2",),
    "--update-lanes": ("2",),
    "--event-lanes": ("2",),
    # Of the first group in three folds, and of the last in one.
    "--accumulators": ("memory,registers",),
    "--optimize": ("area",),
    "--lut-budget": ("1070",),
    # From the folder that "here" is.
    "--power": ("power.json",),
    "MEASUREMENTS": ("measured.csv",),
    "--cycle-budget": ("3000",),
    "--weights": ("ram",),
    "--encoder": ("rate",),
    "--steps": ("6",),
    "--encoder-floor": ("90",),
    "--encoder-shift": ("6",),
    "--encoder-seed": ("7",),
    "--encoder-buffers": ("1",),
    "--readout": ("membrane",),
    "--buffer-depth": ("9",),
    "--seed": ("5",),
    "--seed-search": ("3",),
    "--clock-mhz": ("24",),
    "--link": ("spi",),
    "--sleep": (),
    "--baud": ("500000",),
    "--simulator": ("icarus",),
    "--out": ("elsewhere",),
    "--quiet": (),
    "--diagnose": (),
    "--in-key": ("first",),
    "--out-key": ("other",),
    "--search": ("0.001",),
    "--epochs": ("3",),
    "--batch": ("4",),
    "--learning-rate": ("0.01",),
    "--validation-part": ("0.2",),
    "--candidate-part": ("0.5",),
    "--surrogate-slope": ("10",),
    "--winner-logit": ("30",),
    "--label-smoothing": ("0",),
    "--gradient-limit": ("1",),
    "--threads": ("2",),
    "--restart": (),
    "--keep-integers": ("none",),
    "--tile": ("4x8",),
    "--synapses": ("constants",),
    "--neurons": ("shared",),
    # Where it is not installed, it is at least asked for.
    "--pdk": ("osu018",),
    "--liberty": ("cells.lib",),
    "--gate-samples": ("3",),
    "OUT": ("elsewhere",),
    "--byte-mode": (),
    "--netlist": (),
    "--port": ("/dev/ttyUSB9",),
    "--interval": ("0.2",),
    "--lines": ("3",),
    # Of a batch; where a chip is built, of the cells.
    "--device": ("cpu",),
    "--boards": ("ulx3s-25f",),
    "--predict": (),
    "--levels": ("5",),
    "--sigma": ("0.2",),
    "--remedies": ("none",),
    "--chips": ("3",),
    "--spice-samples": ("0",),
    "--neuron": ("n.cir",),
}


def options_of(command: str) -> Iterator[str]:
    """Every option of a command by its longest name, and MODEL or OUT."""
    parser = cli.make_parser()
    (tree,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for action in tree.choices[command]._actions:
        if action.dest != "help":
            names = [n for n in action.option_strings if n.startswith("--") and not n.startswith("--no-")]
            yield names[0] if names else action.dest.upper()


COMMANDS = (
    "build",
    "generate",
    "simulate",
    "verify",
    "synth",
    "report",
    "infer",
    "check",
    "finetune",
    "compare",
    "program",
    "run",
    "monitor",
    "virtual-board",
    "calibrate",
    "boards",
    "doctor",
)


def test_every_option_has_an_entry() -> None:
    parser = cli.make_parser()
    (tree,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    assert set(tree.choices) == set(COMMANDS)
    known = {name for command in COMMANDS for name in options_of(command)}
    assert known == set(VALUES)


def words(command: str, option: str | None, value: tuple[str, ...], beside: tuple[str, ...]) -> list[str]:
    base = {"--data": ("--data", "d.npz"), "--out": ("-o", "out"), "--bits": ("--bits", "8")}
    if command in BUILD and option != "--target" and "--target" not in beside:
        base["--board"] = ("--board", "icebreaker")
    if command in ("infer", "check"):
        del base["--out"]
    model = value[0] if option == "MODEL" else "m.toml"
    typed = [command, model, *(CONVENTION if option != "--convention" else ("--set", "dt=0.001"))]
    for name, item in base.items():
        if name != option and name not in beside:
            typed += item
    typed += beside
    return typed if option in (None, "MODEL") else [*typed, option, *value]


def decided(arguments: list[str], folder: Path) -> Any:
    """What the steps of a build are decided by and make, up to the plan; no tool runs."""
    given = cli.make_parser().parse_args(arguments)
    options = effective_options(given, Path(given.out))
    steps = {step.name: step for step in target_of(options, given.part).steps().all()}
    run = Run(Job(options, folder))
    network = run.get(READ)
    try:
        chosen = run.get(QUANTIZE)
    except UserError as error:
        return str(error)
    if options.target == "analog":
        data, device, crossbar = run.get(DATA), run.get(steps["device"]), run.get(steps["crossbar"])
        chips = steps["chips"].decided_by(run.job, crossbar, device, data)
        circuits = steps["netlist"].decided_by(run.job, crossbar, device)
        samples = steps["spice"].decided_by(run.job, crossbar, device, data)["samples"]
        return [
            *(device_values(device), (folder / "04_crossbar.npz").read_bytes(), chips),
            *(circuits["neuron"], samples),
        ]
    golden, plan = run.get(GOLDEN), run.get(steps["plan"])
    board = run.get(steps["clock"]) if "clock" in steps else None
    simulate = steps.get("simulate", steps["verify"])
    power = run.get(steps["power coefficients"]) if "power coefficients" in steps else None
    cells = None
    if "cells" in steps:
        try:
            cells = (run.get(steps["cells"]).source, steps["gates"].decided_by(run.job))
        except UserError as error:
            cells = str(error)
    return [
        (folder / "01_network.npz").read_bytes(),
        (folder / "02_quantized.npz").read_bytes(),
        chosen.drop,
        None if golden is None else golden.integer.spikes[network.output].tobytes(),
        None if golden is None else golden.float_read.tobytes(),
        repr(asdict(plan)),
        repr(simulate.decided_by(run.job, plan, run.get(DATA), golden)),
        board and repr(steps["route"].decided_by(run.job, plan, None, board)),
        board and (board.name, board.clock_mhz, board.baud),
        power,
        cells,
        given.out,
        given.quiet,
    ]


@pytest.mark.parametrize("option", list(options_of("build")))
def test_an_option_of_build_decides_something(option: str, here: Path) -> None:
    beside, value = BESIDE.get(option, ()), VALUES[option] if option != "--device" else ("pcm",)
    with_it = decided(words("build", option, value, beside), here / "with")
    without = decided(words("build", None, (), beside if option != "--encoder" else ()), here / "without")
    assert with_it != without
    # Where the folder was made without it, nothing of that is taken for it.
    assert decided(words("build", option, value, beside), here / "without") == with_it


def answered(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    code = cli.main(arguments)
    captured = capsys.readouterr()
    written = {p.name: p.read_bytes() for p in Path(".").glob("elsewhere*") if p.is_file()}
    for name in written:
        Path(name).unlink()
    return code, captured.out, [line for line in captured.err.splitlines() if "done in" not in line], written


@pytest.mark.parametrize(
    ("command", "option"),
    [(command, option) for command in ("infer", "check") for option in options_of(command)],
)
def test_an_option_of_infer_and_check_changes_the_answer(
    command: str, option: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Accuracies on nine samples are often equal: potentials are compared, through --diagnose or --out."""
    beside, value = BESIDE.get(option, ()) if option != "--device" else (), VALUES[option]
    if command == "infer":
        beside = (*beside, *(() if option == "--out" else ("--out", "elsewhere.npz")))
        beside = (*beside, *(() if option == "--diagnose" else ("--diagnose",)))
        value = ("first",) if option == "--readout" else value
    with_it = answered(words(command, option, value, beside), capsys)
    if with_it[0] == 2 and option in with_it[2][-1]:
        return
    without = answered(words(command, None, (), beside), capsys)
    assert with_it != without


@pytest.mark.parametrize("option", list(options_of("finetune")))
def test_an_option_of_finetune_reaches_the_training(
    option: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every setting of the training has an option; what they do needs torch, and is tested with it."""
    told: list[Any] = []

    def training(*given: Any, progress: Any, **more: Any) -> Any:
        told.append((given, more))
        raise UserError("enough")

    monkeypatch.setattr(finetune_command, "finetune_command", training)
    if option in ("--calibrate", "--max-drop"):
        assert cli.main(words("finetune", option, VALUES[option], ())) == 2
        return
    for typed in (option, None):
        cli.main(words("finetune", typed, VALUES[option], ()))
    with_it, without = told
    assert with_it != without
    assert {entry.field for entry in entries(FinetuneOptions)} >= {
        item.name for item in fields(FinetuneSettings)
    }


@pytest.mark.parametrize("option", list(options_of("compare")))
def test_an_option_of_compare_reaches_the_comparison(
    option: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What rows are made of is asked; that options of rounding change the integers is tested with a build."""
    told: list[Any] = []

    def compared(options: BuildOptions, folder: Path, *, progress: Any, command: str, **more: Any) -> Any:
        told.append((options, folder, progress._quiet, more))
        raise UserError("enough")

    monkeypatch.setattr(comparing, "run_compare", compared)
    # Every target has its row: no option needs --target beside it.
    beside = BESIDE.get(option, ())
    beside = () if beside[:1] == ("--target",) else beside
    for typed in (option, None):
        cli.main(words("compare", typed, VALUES[option], beside))
    with_it, without = told
    assert with_it != without


REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("--lanes", "2", "--optimize", "area"), "--lanes and --optimize do not go together"),
    (("--lanes", "2", "--lut-budget", "10"), "the lanes given do not keep 10 LUTs"),
    (("--lanes", "2", "--cycle-budget", "3", "--data", "d.npz"), "the lanes given do not keep 3 cycles"),
    (("--samples", "3"), "--samples cuts --data short, and there is none"),
    (("--layout", "auto"), "--layout is the order of the data, and there are none"),
    (("--lanes", "2", "--accumulators", "rom"), "--accumulators must be one of registers, memory, not 'rom'"),
    (("--accumulators", "memory"), "accumulators need lanes beside them: give --lanes too"),
    (
        ("--lanes", "2", "--accumulators", "registers"),
        "accumulators in registers need one fold: lanes must be",
    ),
    (
        ("--optimize", "area", "--accumulators", "memory"),
        "--accumulators needs --lanes beside it, and --optimize chooses all of them",
    ),
    (
        ("--layout", "auto", "--data", "pixels.npz", "--encoder", "rate", "--steps", "4"),
        "--layout is the order of spikes, and with --encoder the data hold pixels",
    ),
    (("--max-drop", "1"), "--max-drop measures accuracy on calibration samples"),
    (("--max-drop", "nan", "--calibrate", "c.npz"), "--max-drop is percentage points from 0 to 100, not nan"),
    (("--max-drop", "inf", "--calibrate", "c.npz"), "--max-drop is percentage points from 0 to 100, not inf"),
    (("--clock-mhz", "0.05"), "--clock-mhz is MHz from 0.1 to 1000, not 0.05"),
    (("--clock-mhz", "nan"), "--clock-mhz is MHz from 0.1 to 1000, not nan"),
    (("--clock-mhz", "13"), "--clock-mhz 13 is no clock of icebreaker: its PLL makes none of 12 MHz"),
    (("--baud", "0"), "--baud is bits a second from 1 to 1,000,000,000, not 0"),
    (
        ("--baud", "13000000"),
        "--baud 13,000,000 is no rate of icebreaker: what is behind the board's UART keeps 12,000,000 at "
        "most; the nearest is 12,000,000",
    ),
    (("--link", "spi", "--board", "fomu-pvt"), "--link spi is not for fomu-pvt: "),
    (
        ("--link", "spi", "--baud", "13000000"),
        "--baud 13,000,000 is no rate of SPI on icebreaker: its wires carry 10,000,000 Hz",
    ),
    (
        ("--sleep",),
        "--sleep needs --link spi: a device's own clock is too far off its rate for a serial port",
    ),
    (
        ("--link", "spi", "--sleep", "--clock-mhz", "20"),
        "--clock-mhz 20 is no clock of icebreaker with --sleep: ",
    ),
    (("--seed-search", "0"), "--seed-search must be from 1 to 1000, not 0"),
    (("--seed", "2147483648"), "--seed must be from 0 to 2147483647, not 2147483648"),
    (("--seed", "-1"), "--seed must be from 0 to 2147483647, not -1"),
    (("--data", "d.npz", "--samples", "0"), "--samples must be at least 1, not 0"),
    (("--lut-budget", "0"), "--lut-budget must be at least 1, not 0"),
    (("--set", "reset=zero", "--set", "reset=subtract"), "--set gives 'reset' two values"),
    (("--group-bits", "last=4", "--group-bits", "last=5"), "--group-bits gives 'last' two widths"),
    (("--group-bits", f"last={5000 * '9'}"), "--group-bits wants GROUP=N with N from 2 to 16"),
    (("--data", ""), "--data is empty"),
    (("--sigma", "0.1"), "--sigma belongs to --target analog, not fpga: leave it out"),
    (("--remedies", "luck"), "--remedies must be one of levels, remap, calibrate, redundancy, not 'luck'"),
    (("--levels", "1"), "--levels must be from 2 to 4096, not 1"),
    (("--sigma", "-1"), "--sigma is a fraction from 0 to 2, as 0.05, not -1.0"),
    (("--chips", "0"), "--chips must be from 1 to 10000, not 0"),
]


@pytest.mark.parametrize(("more", "says"), REFUSED, ids=[" ".join(more)[:50] for more, _ in REFUSED])
def test_what_cannot_have_an_effect_is_refused(
    more: tuple[str, ...], says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["generate", "m.toml", *CONVENTION, "--board", "icebreaker", "-o", "out", "-q", *more]
    assert cli.main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {says}")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "more",
    [
        ("--leak-bits", "8"),
        ("--clip", "max"),
        ("--no-per-neuron",),
        ("--no-power-of-two",),
        ("--fractional-bits", "0"),
        ("--group-bits", "last=8"),
        ("--keep-integers", "rows"),
        ("--diagnose",),
    ],
)
def test_rounding_is_refused_where_nothing_is_rounded(
    more: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value that is the default has been typed all the same."""
    assert cli.main(["infer", "m.toml", *CONVENTION, "--data", "d.npz", *more]) == 2
    assert "--bits float rounds nothing" in capsys.readouterr().err


def build_options(folder: Path, *arguments: str) -> Any:
    given = cli.make_parser().parse_args(["generate", "-o", str(folder), *arguments])
    return effective_options(given, folder)


def test_what_an_earlier_run_chose_gives_way(here: Path) -> None:
    """Otherwise an option typed now would be overruled by one that nobody typed."""
    out = here / "out"
    first = ("m.toml", *CONVENTION, "--board", "icebreaker")
    build_options(out, *first, "--calibrate", "c.npz", "--max-drop", "5").save(out / "options.json")
    assert build_options(out).calibration_data == str(here / "c.npz")
    made = build_options(out, "--clip", "mse")
    assert (made.calibration_data, made.max_drop, made.quantize.clip) == (None, None, "mse")
    with pytest.raises(UserError, match="--clip ends that of the earlier run"):
        build_options(out, "--clip", "mse", "--max-drop", "3")
    build_options(out, *first, "--optimize", "area", "--lut-budget", "900").save(out / "options.json")
    made = build_options(out, "--lanes", "2")
    assert (made.optimize, made.lut_budget, made.lanes) == ("balanced", 900, (2,))
    build_options(out, *first, "--data", "d.npz", "--layout", "sample-time").save(out / "options.json")
    made = build_options(out, "--encoder", "rate", "--steps", "4", "--data", "pixels.npz")
    assert made.layout == "auto"


def test_lanes_that_cannot_be_had_say_what_they_became(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = words("generate", "--lanes", ("1000",), ("--update-lanes", "5"))
    given = cli.make_parser().parse_args(arguments)
    options = effective_options(given, here / "out")
    plan = Run(Job(replace(options, data=None), here / "out")).get(PLAN)
    assert "lanes of hidden: 1000 asked for, 12 built" in plan.notes
    assert "lanes of last: 1000 asked for, 3 built" in plan.notes
    assert "update lanes of hidden: 5 asked for, 4 built" in plan.notes
    assert "update lanes of last: 5 asked for, 3 built" in plan.notes


DAMAGES: list[tuple[tuple[str, ...], Any]] = [
    (("model",), 5),
    (("model",), ""),
    (("settings",), []),
    (("settings",), {"dt": 1}),
    (("samples",), "3"),
    (("samples",), True),
    (("samples",), 0),
    (("quantize",), 8),
    (("quantize", "weight_bits"), "8"),
    (("quantize", "clip"), ["max"]),
    (("quantize", "groups"), [1]),
    (("quantize", "threshold_factor"), "1"),
    (("lanes",), 3),
    (("lanes",), [[1]]),
    (("accumulators",), ["rom"]),
    (("lanes",), ["1"]),
    (("optimize",), None),
    (("optimize",), "nothing"),
    (("weights",), "flash"),
    (("encoder_floor",), 1.5),
    (("encoder_shift",), "1"),
    (("encoder_seed",), 1.5),
    (("encoder_buffers",), None),
    (("seed",), 10**30),
    (("seed",), None),
    (("simulator",), {}),
    (("max_drop",), "1"),
    (("unknown",), 1),
]


@pytest.mark.parametrize(("where", "value"), DAMAGES, ids=[f"{'.'.join(w)}={v}" for w, v in DAMAGES])
def test_damaged_options_are_one_line(
    where: tuple[str, ...], value: Any, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = here / "out"
    build_options(out, "m.toml", *CONVENTION, "--board", "icebreaker").save(out / "options.json")
    content = json.loads((out / "options.json").read_text(encoding="utf-8"))
    table = content
    for key in where[:-1]:
        table = table[key]
    table[where[-1]] = value
    (out / "options.json").write_text(json.dumps(content), encoding="utf-8")
    assert cli.main(["generate", "-o", str(out), "-q"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {out / 'options.json'}")
    assert len(err.splitlines()) == 1
    del content["board"]
    (out / "options.json").write_text(json.dumps(content), encoding="utf-8")
    assert cli.main(["generate", "-o", str(out), "-q"]) == 2


def test_every_choice_of_the_command_line_is_one_that_can_be_saved(tmp_path: Path) -> None:
    """cocotb was offered by --simulator and refused by what is saved."""
    (tree,) = [a for a in cli.make_parser()._actions if isinstance(a, argparse._SubParsersAction)]
    tried = 0
    for action in tree.choices["build"]._actions:
        name = action.dest
        if action.choices is None or name not in {field.name for field in fields(BuildOptions)}:
            continue
        for value in action.choices:
            if (name, value) == ("encoder", "none"):
                continue
            made = replace(BuildOptions("a.nir", board="icebreaker", convention="snntorch"), **{name: value})
            made.save(tmp_path / "options.json")
            assert getattr(BuildOptions.load(tmp_path / "options.json"), name) == value
            tried += 1
    assert tried >= 15
