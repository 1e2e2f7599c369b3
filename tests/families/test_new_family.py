"""A new device family is one file: put into a copy of the package, it takes a network to a bitstream."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qsnn_hw.toolchain import webassembly
from qsnn_hw.toolchain.tools import find_tool
from tests.support.small_model import write_data, write_model

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout as it is, and one file more."""
    checkout = tmp_path_factory.mktemp("checkout")
    left_out = shutil.ignore_patterns("__pycache__", "_share")
    shutil.copytree(ROOT / "qsnn_hw", checkout / "qsnn_hw", ignore=left_out)
    for name in ("pyproject.toml", "boards", "sim"):
        (checkout / name).symlink_to(ROOT / name)
    shutil.copy(HERE / "acorn.py", checkout / "qsnn_hw" / "families" / "acorn.py")
    return checkout


@pytest.fixture
def qsnn_hw(copy: Path, tmp_path: Path) -> Command:
    """Run a command line of the copy in a folder with a model and data; stand-ins take the tools' places."""
    write_model(tmp_path)
    write_data(tmp_path / "d.npz")
    python = shlex.join((sys.executable, str(HERE / "acorn_tools.py")))
    env = {
        **os.environ,
        # The stand-in for yosys starts the real one, which is compiled already.
        **webassembly.runtime_environment(),
        "PYTHONPATH": str(copy),
        "REAL_YOSYS": shlex.join(find_tool("yosys").command),
        "QSNN_YOSYS": f"{python} yosys",
        "QSNN_ROUTE_ACORN": f"{python} route",
        "QSNN_PACK_ACORN": f"{python} pack",
    }

    def run(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "qsnn_hw", *words]
        return subprocess.run(
            command, cwd=tmp_path, env={**env, **more}, capture_output=True, text=True, check=False
        )

    return run


def synth(board: str) -> list[str]:
    model = ["synth", "m.toml", "--convention", "snntorch", "--set", "dt=1", "--data", "d.npz"]
    return [*model, "--bits", "6", "--lanes", "1", "--board", board, "-o", "out"]


def test_a_network_becomes_a_bitstream(qsnn_hw: Command, tmp_path: Path) -> None:
    ended = qsnn_hw(*synth(str(HERE / "acorn.toml")))
    assert ended.returncode == 0, ended.stderr
    out = tmp_path / "out"
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    # Planned for its limits and predicted in its units.
    predicted = report["prediction"]["resources"]
    assert {"ACORN_LE", "ACORN_REG", "ACORN_MEM"} <= predicted.keys()
    assert f"plan: predicted {predicted['ACORN_LE']} ACORN_LE" in ended.stderr
    # Its pins in its form, through its tools, to its bitstream.
    pins = (out / "09_implementation" / "pins.pins").read_text(encoding="utf-8").splitlines()
    assert pins[1:] == ["pin clk at P1 in", "pin rx at P2 in", "pin tx at P3 out", "pin led at P4 out"]
    (nut,) = out.glob("*_oaktree.nut")
    assert nut.read_bytes().startswith(b"nut of # Pins of oaktree")
    # What its cells come to, what its tools say, what its coefficients cost.
    assert report["resources"]["ACORN_REG"]["used"] > 100
    assert report["timing"]["fmax_mhz"] == 77.0
    assert report["tools"]["route-acorn"] == "4.2"
    assert report["power_mw"]["terms"]["static"]["typical"] == 14.0


def test_what_its_limits_do_not_hold_is_refused_in_its_units(qsnn_hw: Command, tmp_path: Path) -> None:
    text = (HERE / "acorn.toml").read_text(encoding="utf-8")
    small = tmp_path / "small.toml"
    small.write_text(text.replace("logic_cells = 3000", "logic_cells = 90"), encoding="utf-8")
    ended = qsnn_hw(*synth(str(small)))
    assert ended.returncode == 2
    assert "ACORN_LE, oaktree has 90" in ended.stderr
    small.write_text(text.replace('rx_pull = "none"', 'rx_pull = "up"'), encoding="utf-8")
    assert "pull must not be 'up': Acorn pins only pull down" in qsnn_hw(*synth(str(small))).stderr


def test_its_tools_are_found_and_missed_like_any_other(qsnn_hw: Command) -> None:
    found = qsnn_hw("doctor").stdout
    assert "route-acorn" in found
    assert "place and route, Acorn" in found
    assert "plant an oak" in qsnn_hw("doctor", QSNN_PACK_ACORN="").stdout
