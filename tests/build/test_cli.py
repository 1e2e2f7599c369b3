"""The command line: what it answers, and the one line it gives for every mistake."""

import argparse
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nir
import numpy as np
import pytest

from qsnn_hw.build import cli, commands
from qsnn_hw.build.option import add_options, option
from qsnn_hw.model.network import Dense
from qsnn_hw.model.network_file import load_network
from qsnn_hw.report import Report
from qsnn_hw.report.sections.accuracy import ACCURACY
from qsnn_hw.report.sections.products import FILES
from qsnn_hw.support.errors import MismatchError, ToolError
from qsnn_hw.targets.fpga.sections import SECTIONS
from qsnn_hw.targets.fpga.sections.timing import TIMING
from tests.support.places import ROOT

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def model(digits: Path) -> Path:
    return digits / "digits_64-32-10.nir"


@pytest.fixture
def data(digits: Path) -> Path:
    return digits / "digits_test.npz"


def write_network(path: Path, sizes: tuple[int, ...], poison: float | None = None) -> Path:
    """A random dense LIF network, optionally with one weight replaced by ``poison``."""
    rng = np.random.default_rng(0)
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array([sizes[0]])})}
    names = ["input"]
    for index, (pre, post) in enumerate(itertools.pairwise(sizes)):
        weight = rng.normal(size=(post, pre)).astype(np.float32)
        if poison is not None and index == 0:
            weight[0, 1] = poison
        ones = np.ones(post, dtype=np.float32)
        nodes[f"fc{index}"] = nir.Affine(weight=weight, bias=0 * ones)
        nodes[f"lif{index}"] = nir.LIF(
            tau=1e-3 * ones, r=10 * ones, v_leak=0 * ones, v_threshold=ones, v_reset=0 * ones
        )
        names += [f"fc{index}", f"lif{index}"]
    nodes["output"] = nir.Output({"output": np.array([sizes[-1]])})
    names.append("output")
    nir.write(str(path), nir.NIRGraph(nodes, list(itertools.pairwise(names))))
    return path


def write_samples(path: Path, shape: tuple[int, int, int]) -> Path:
    rng = np.random.default_rng(1)
    np.savez(path, input=(rng.random(shape) < 0.3).astype(np.uint8), label=np.zeros(shape[1], dtype=int))
    return path


def test_infer_writes_spikes_and_prints_accuracy(run: Run, model: Path, data: Path, tmp_path: Path) -> None:
    for bits in ("float", "8"):
        out = tmp_path / f"{bits}.npz"
        code, printed, _ = run(
            *("infer", model, "--convention", "snntorch", "--data", data, "--bits", bits, "--out", out)
        )
        assert code == 0
        spikes = np.load(out)["out"]
        assert spikes.shape == (25, 450, 10)
        assert spikes.dtype == np.uint8
        label = np.load(data)["label"]
        correct = np.mean(spikes.sum(axis=0, dtype=int).argmax(axis=1) == label)
        assert f"accuracy {100 * correct:.2f} % on 450 samples" in printed
    assert np.array_equal(np.load(tmp_path / "float.npz")["out"], np.load(data)["out"])


def test_check_says_equal_or_how_to_make_it_equal(run: Run, model: Path, data: Path) -> None:
    code, printed, _ = run("check", model, "--convention", "snntorch", "--data", data)
    assert code == 0
    assert "equal: 112500 output values of 450 samples, 0 differ" in printed
    code, printed, _ = run(
        *("check", model, "--convention", "snntorch", "--data", data, "--set", "comparison=>="),
        *("--set", "reset=zero", "--samples", 40),
    )
    assert code == 1
    assert "first: time step" in printed
    assert "--set reset=subtract" in printed


def test_boards_lists_every_board_file(run: Run, digits: Path) -> None:
    code, printed, _ = run("boards")
    names = {path.stem for path in (digits.parent.parent / "boards").glob("*.toml")}
    assert code == 0
    assert {line.split()[0] for line in printed.splitlines()} == names


def test_doctor_fails_when_a_tool_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSNN_YOSYS", "/nowhere/yosys")
    code, printed, _ = run("doctor")
    assert code == 1
    assert "/nowhere/yosys" in printed


MISTAKES = [
    (("infer", "{tmp}/none.nir"), "no such file: {tmp}/none.nir"),
    (("infer", "{tmp}/corrupt.nir"), "corrupt.nir"),
    (("infer", "{tmp}/nan.nir", "--data", "{tmp}/small.npz"), "nan.nir: node 'fc0' (Affine): weight"),
    (("infer", "{model}", "--data", "{tmp}/none.npz"), "no such file: {tmp}/none.npz"),
    (("infer", "{model}", "--data", "{tmp}/corrupt.npz"), "is not a readable .npz file"),
    (
        ("infer", "{tmp}/ragged.toml", "--data", "{data}"),
        "weight of layer 'fc' has rows of different lengths",
    ),
    (
        ("infer", "{tmp}/after.toml", "--data", "{data}"),
        "after of layer 'fc' must be a layer's name or a list",
    ),
    (("infer", "{model}", "--data", "{tmp}/long.npz"), "{tmp}/long.npz is not a readable .npz file: "),
    (("infer", "{model}", "--data", "{tmp}/strange.npz"), "entry 'input' is no NumPy array"),
    (("infer", "{model}", "--data", "{tmp}/small.npz"), "64"),
    (("infer", "{model}", "--bits", "1"), "weight bits must be a whole number from 2 to 16, not 1"),
    (("infer", "{model}", "--bits", "17"), "weight bits must be a whole number from 2 to 16, not 17"),
    (("infer", "{model}", "--bits", "many"), '--bits wants "float" or a whole number'),
    (("infer", "{model}", "--clip", "mse"), "need --bits 2 to 16"),
    (("infer", "{model}", "--convention", "nobody"), "unknown convention 'nobody'"),
    (("infer", "{model}", "--set", "speed=3"), "unknown convention field 'speed'"),
    (("infer", "{model}", "--set", "reset"), "--set wants FIELD=VALUE, not 'reset'"),
    (("infer", "{model}", "--samples", "451"), "samples is 1 to 450, not 451"),
    (("infer", "{model}", "--out", "{tmp}/corrupt.npz/x.npz"), "cannot write {tmp}/corrupt.npz/x.npz"),
    (("generate", "{model}", "--board", "zedboard"), "zedboard"),
    (("generate", "{model}", "--lanes", "4,4,4"), "--lanes wants one value or 2"),
    (("generate", "{model}", "--lanes", "few"), "--lanes wants whole numbers"),
    (("generate", "{model}", "--lanes", "0"), "lanes must be at least 1, not 0"),
    (("generate", "{model}", "--update-lanes", "2"), "update lanes need lanes beside them: give --lanes too"),
    (("generate", "{model}", "--event-lanes", "x"), "--event-lanes wants whole numbers"),
    (
        ("generate", "{model}", "--optimize", "area", "--update-lanes", "2"),
        "--update-lanes needs --lanes beside it, and --optimize chooses all of them",
    ),
    (
        ("generate", "{model}", "--cycle-budget", "9000", "--optimize", "latency"),
        "--optimize latency and --cycle-budget do not go together",
    ),
    (
        ("generate", "{model}", "--cycle-budget", "9000", "--event-lanes", "2"),
        "--event-lanes needs --lanes beside it, and --cycle-budget chooses all of them",
    ),
    (
        ("generate", "{model}", "--lanes", "2", "--event-lanes", "3"),
        "event lanes must be a power of two up to 16, not 3",
    ),
    (("generate", "{model}", "--lut-budget", "10"), "no design keeps 10 LUTs: the smallest takes about"),
    (("generate", "{model}", "--cycle-budget", "20"), "no design keeps 20 cycles a sample within"),
    (("generate", "{model}", "--buffer-depth", "0"), "buffer depth must be from 1 to 65536, not 0"),
    (("generate", "{model}", "--potential-bits", "5"), "does not fit 5 potential bits"),
    (("generate", "{model}", "-o", "{tmp}/corrupt.npz/out"), "choose a writable output folder"),
    (("infer", "{model}", "--bits", "8", "--max-drop", "1"), "give --calibrate FILE"),
    (
        ("infer", "{model}", "--bits", "8", "--clip", "mse", "--calibrate", "{data}"),
        "--calibrate chooses --clip",
    ),
    (("infer", "{model}", "--bits", "8", "--group-bits", "x=4"), "group 'x', which does not exist"),
    (("infer", "{model}", "--bits", "8", "--group-bits", "4"), "--group-bits wants GROUP=N"),
    (("infer", "{model}", "--diagnose"), "need --bits 2 to 16"),
    (
        ("finetune", "{model}", "-o", "{tmp}/ft", "--epochs", "0"),
        "epochs must be a whole number from 1, not 0",
    ),
    (("report", "-o", "{tmp}/nothing"), "no such file: {tmp}/nothing/report.json"),
    (("synth", "-o", "{tmp}/nothing"), "holds no earlier run to go on with"),
]


@pytest.mark.parametrize("command", ["check", "finetune"])
@pytest.mark.parametrize("option", ["--calibrate", "--max-drop"])
def test_what_a_command_does_not_do_is_not_offered(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["-o", "o"] if command == "finetune" else []
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "net.nir", "--data", "data.npz", *folder, option, "1"])
    assert ended.value.code == 2
    assert f"unrecognized arguments: {option} 1" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    assert option not in capsys.readouterr().out


@pytest.mark.parametrize("command", [command.name for command in cli.all_commands()])
def test_every_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: qsnn-hw {command}")


def test_a_per_cent_sign_in_help_stands_for_itself() -> None:
    @dataclass(frozen=True)
    class Record:
        share: float = field(default=0.1, metadata=option("0.1 for 10 % (default: 10%)"))

    parser = argparse.ArgumentParser()
    add_options(parser, Record)
    assert "0.1 for 10 % (default: 10%)" in parser.format_help()


@pytest.mark.parametrize(("arguments", "says"), MISTAKES, ids=lambda value: " ".join(value)[:60])
def test_a_mistake_is_one_line_and_exit_code_2(
    run: Run, model: Path, data: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    (tmp_path / "corrupt.nir").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (tmp_path / "corrupt.npz").write_bytes(b"PK\x03\x04 not really")
    layer = 'input_shape = [2]\n[[layer]]\nname = "fc"\ntype = "Linear"\nweight = '
    (tmp_path / "ragged.toml").write_text(layer + "[[1.0, 2.0], [1.0]]\n", encoding="utf-8")
    (tmp_path / "after.toml").write_text(layer + "[[1.0, 2.0]]\nafter = 5\n", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "strange.npz", "w") as archive:
        archive.writestr("input.npy", b"not an array")
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}".ljust(11_999) + b"\n"
    with zipfile.ZipFile(tmp_path / "long.npz", "w") as archive:
        archive.writestr(
            "input.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\x00"
        )
    write_network(tmp_path / "nan.nir", (6, 3), poison=float("nan"))
    write_samples(tmp_path / "small.npz", (4, 5, 6))
    given = [a.format(tmp=tmp_path, model=model, data=data) for a in arguments]
    if given[0] != "report" and given[1] != "-o":
        defaults = {"--convention": "snntorch", "--data": str(data)}
        if given[0] not in ("infer", "finetune"):
            defaults |= {"--board": "icebreaker", "-o": str(tmp_path / "out")}
        for name, value in defaults.items():
            if name not in given:
                given += [name, value]
    code, _, err = run(*given)
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 2, err
    assert len(lines) == 1
    assert says.format(tmp=tmp_path, model=model) in lines[0]
    assert err.strip().splitlines()[-1] == lines[0]
    assert "Traceback" not in err


def test_a_network_too_large_for_the_board_names_the_excess_and_a_board(run: Run, tmp_path: Path) -> None:
    large = write_network(tmp_path / "large.nir", (256, 128, 10))
    code, _, err = run(
        *("generate", large, "--convention", "snntorch", "--bits", 8, "--board", "icebreaker"),
        *("-o", tmp_path / "out"),
    )
    assert code == 2
    assert "ICESTORM_RAM, icebreaker has 30" in err
    assert "too many" in err
    # The smallest boards that hold it.
    assert re.search(r"it would fit with .*--board tang-nano-20k, .* more of the boards", err)


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (MismatchError("sample 3, time step 4"), 1, "mismatch: sample 3, time step 4"),
        (ToolError("yosys failed"), 1, "error: yosys failed"),
        (KeyboardInterrupt(), 130, "stopped: what is finished stays"),
    ],
)
def test_other_failures_have_their_own_exit_codes(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, says: str
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(commands, "boards", fail)
    got, _, err = run("boards")
    assert got == code
    assert err.startswith(says)


def test_the_console_command_runs_outside_the_checkout(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-m", "qsnn_hw", "boards"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0
    assert "icebreaker" in result.stdout


def test_calibration_and_narrowest_widths_choose_the_integers(
    run: Run, model: Path, data: Path, digits: Path
) -> None:
    samples = digits / "digits_calibration.npz"
    common = ("infer", model, "--convention", "snntorch", "--data", data, "--bits", 8, "--calibrate", samples)
    code, printed, err = run(*common)
    assert code == 0
    assert "clip max, scale per group, 0 fractional bits: " in err
    assert "8 bits: accuracy" in printed
    code, printed, err = run(*common, "--max-drop", 0.5)
    assert code == 0
    assert "narrowest weights within 0.5 pp: 1 " in err
    assert "8 bits: accuracy" not in printed


def test_diagnose_says_what_quantization_did(run: Run, model: Path, data: Path) -> None:
    common = ("infer", model, "--convention", "snntorch", "--data", data, "--diagnose", "--samples", 100)
    code, printed, _ = run(*common, "--bits", 2)
    assert code == 0
    assert "!" in printed, "at 2 bits most neurons fall silent, and the table must say so"
    code, printed, _ = run(*common, "--bits", 8)
    assert "weights of group" in printed
    assert "!" not in printed.replace("! marks", "")


@pytest.mark.slow
def test_generate_then_resume_with_other_options(run: Run, tmp_path: Path) -> None:
    network = write_network(tmp_path / "tiny.nir", (6, 4, 3))
    samples = write_samples(tmp_path / "tiny.npz", (5, 8, 6))
    out = tmp_path / "out"
    code, printed, err = run(
        *(
            "generate",
            network,
            "--convention",
            "snntorch",
            "--data",
            samples,
            "--board",
            "icebreaker",
            "-o",
            out,
        )
    )
    assert code == 0, err
    report = Report.load(out / "report.json", SECTIONS)
    assert report[ACCURACY].quantized is not None
    assert report[TIMING].fmax_mhz is None
    assert "not measured" in printed
    assert "module" in (out / "06_design.v").read_text()

    # Only what the change decides is made again.
    code, _, err = run("generate", "-o", out, "--lanes", "1")
    assert code == 0
    assert "quantize: unchanged" in err
    assert "plan: unchanged" not in err
    code, _, err = run("generate", "-o", out)
    assert "verilog: unchanged" in err

    # A lost file comes back; a folder moved elsewhere still works.
    (out / "04_plan.npz").unlink()
    moved = tmp_path / "moved"
    shutil.move(out, moved)
    code, _, err = run("generate", "-o", moved)
    assert code == 0
    assert (moved / "04_plan.npz").exists()


@pytest.mark.slow
def test_changed_arrays_of_a_description_are_read_again(run: Run, tmp_path: Path) -> None:
    model, out = tmp_path / "m.toml", tmp_path / "out"
    model.write_text(
        'input_shape = [4]\narrays = "w.npz"\n[[layer]]\nname = "fc"\ntype = "Linear"\n'
        '[[layer]]\nname = "lif"\ntype = "LIF"\ntau = 0.9\n',
        encoding="utf-8",
    )
    command = ("generate", model, "--convention", "snntorch", "--board", "icebreaker", "-o", out)
    weight = np.random.default_rng(1).uniform(0.2, 1, (3, 4))
    built = []
    for weights in (weight, weight, weight[::-1]):
        np.savez(tmp_path / "w.npz", **{"fc.weight": weights})
        code, _, err = run(*command, "--set", "dt=0.1")
        assert code == 0, err
        built.append((load_network(out / "01_network.npz"), "verilog: unchanged" in err))
    assert [same for _, same in built] == [False, True, False]
    first, last = built[0][0].projections[0].operators[0], built[2][0].projections[0].operators[0]
    assert isinstance(first, Dense)
    assert isinstance(last, Dense)
    np.testing.assert_allclose(last.weight, first.weight[::-1])


def test_a_dead_network_is_an_error_not_a_bitstream(run: Run, tmp_path: Path) -> None:
    """One huge weight makes every other weight round to nothing at 2 bits."""
    network = write_network(tmp_path / "dead.nir", (6, 4, 3), poison=-1e6)
    samples = write_samples(tmp_path / "dead.npz", (5, 8, 6))
    code, _, err = run(
        *("generate", network, "--convention", "snntorch", "--data", samples, "--bits", 2),
        *("--board", "icebreaker", "-o", tmp_path / "out"),
    )
    assert code == 2
    assert "too coarse to fire by" in err or "never fires" in err
    assert not (tmp_path / "out" / "06_design.v").exists()


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_half_written_and_the_next_run_goes_on(tmp_path: Path) -> None:
    network = write_network(tmp_path / "tiny.nir", (6, 4, 3))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "qsnn_hw", "synth", str(network), "--convention", "snntorch"]
    command += ["--board", "icebreaker", "-o", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            if "yosys for icebreaker" in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.wait() == 130, rest
    assert "stopped: what is finished stays" in rest
    assert "Traceback" not in rest
    left = [path.relative_to(out) for path in out.rglob("*") if path.name.startswith(".")]
    assert not left
    assert not (out / "08_synthesis" / "netlist.json").exists()
    done = subprocess.run(
        [sys.executable, "-m", "qsnn_hw", "synth", "-o", str(out)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "design: unchanged" in done.stderr
    report = Report.load(out / "report.json", SECTIONS)
    assert report[FILES].bitstream is not None
    assert (out / report[FILES].bitstream).stat().st_size > 10_000
