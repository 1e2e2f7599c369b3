"""The ASIC target by the user's command: what it leaves, says and refuses; tiles in Verilator."""

import json
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.build import cli
from qsnn_hw.build.steps import outputs
from qsnn_hw.golden import GoldenRun
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.report import Report
from qsnn_hw.report.sections.verification import VERIFICATION
from qsnn_hw.targets.asic.plan import AsicPlan
from qsnn_hw.targets.asic.sections.tiles import CHIP
from qsnn_hw.targets.asic.synthesis import Sources
from qsnn_hw.targets.registry import TARGETS
from qsnn_hw.targets.verilog.sections.cycles import CYCLES
from qsnn_hw.verify import verify
from tests.support.two_groups import MODEL, write_two_groups

FIRST = (*MODEL, "--target", "asic")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and samples."""
    write_two_groups(tmp_path, hidden=20)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    return cli.main([*words, "-o", "out"])


def test_what_generate_leaves_and_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("generate", *FIRST, "--data", "d.npz", "--tile", "4x8", "--neurons", "shared") == 0
    out = here / "out"
    assert {path.name for path in out.glob("*.v")} == {"06_traced.v", "06_network.v", "06_macros.v"}
    assert "tiles: hidden_2: 4 neurons" in capsys.readouterr().err
    chip, plan = AsicPlan.load(out / outputs.TILES), HardwarePlan.load(out / outputs.PLAN)
    assert [tile.name for tile in chip.tiles] == ["hidden_0", "hidden_1", "hidden_2", "last"]
    assert (chip.neurons, chip.synapses) == (23, sum(int(np.count_nonzero(g.synapses)) for g in plan.groups))
    network = (out / outputs.NETWORK_VERILOG).read_text(encoding="utf-8")
    bodies = (out / outputs.MACROS).read_text(encoding="utf-8")
    for use in chip.macros:
        assert network.count(f"  {use.module} ") >= use.count
        assert f"\nmodule {use.module}(" not in network
        assert f"\nmodule {use.module}(" in bodies
        assert f"\nmodule {use.module}(" in (out / outputs.TRACED_VERILOG).read_text(encoding="utf-8")
    sources = Sources((), chip.name, [(module.prefix, module.part) for module in chip.modules])
    assert sources.part_of(f"{chip.name}.hidden_0.columns.sums.banks") == "synapse memory"
    assert sources.part_of(f"{chip.name}.hidden_0.sweep.lane0") == "neurons"
    assert sources.part_of(f"{chip.name}.router.merge1") == "router"
    assert sources.part_of(f"{chip.name}.hidden_0.walker") == "control"
    assert run("generate") == 0
    err = capsys.readouterr().err
    assert err.count(": unchanged") == len(err.splitlines()), err


CHIPS = [
    ("sram", ("--tile", "4x8", "--neurons", "shared")),
    (
        "latches",
        (
            "--tile",
            "4x16",
        ),
    ),
    ("constants", ("--optimize", "latency")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("synapses", "more"), CHIPS)
def test_a_chip_equals_golden(
    synapses: str, more: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("build", *FIRST, "--data", "d.npz", "--synapses", synapses, *more) == 0
    report = Report.load(here / "out" / "report.json", TARGETS["asic"].sections())
    found = report[VERIFICATION]
    assert (found.mismatches, found.samples) == (0, 8)
    assert found.matched_registers
    chip = report[CHIP]
    assert (chip.neurons, {tile.storage for tile in chip.tiles}) == (23, {synapses})
    assert bool(chip.macro_bits) == (synapses == "sram")
    cycles = report[CYCLES]
    assert cycles.per_sample_mean == cycles.predicted_mean


REFUSED = [
    (("--board", "icebreaker"), "--board belongs to --target fpga, not asic: leave it out"),
    (("--lanes", "4"), "--lanes says nothing to --target asic: a tile has as many columns as --tile says"),
    (
        ("--encoder", "rate", "--steps", "4"),
        "--encoder says nothing to --target asic: it keeps pixels in block RAM",
    ),
    (("--tile", "12x4"), "--tile needs rows that are a power of two, not 12x4"),
    (("--tile", "12"), "--tile wants NxM, rows by columns as in 256x64, not '12'"),
    (("--tile", "0x9"), "--tile is rows by columns, each from 1 to 65536, not 0x9"),
    (("--weights", "ram"), "--weights says nothing to --target asic: --synapses says where they are"),
    (("--weights", "rom"), "--weights says nothing to --target asic: --synapses says where they are"),
    (("--optimize", "energy"), "--optimize energy is not for --target asic"),
    (("--optimize", "area", "--neurons", "parallel"), "--optimize area chooses how neurons work"),
    (("--cycle-budget", "1000"), "--cycle-budget counts cycles of a sample: give --data FILE"),
    (("--cycle-budget", "3", "--data", "d.npz"), "no design keeps 3 cycles: with neurons in parallel"),
]


@pytest.mark.parametrize(("more", "says"), REFUSED)
def test_what_a_chip_does_not_have_is_refused(
    more: tuple[str, ...], says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("generate", *FIRST, *more) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: {says}"), last


def test_tile_belongs_to_a_chip(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word if word != "asic" else "verilog" for word in FIRST]
    assert run("generate", *words, "--tile", "4x4") == 2
    assert "--tile belongs to --target asic and analog, not verilog" in capsys.readouterr().err


@pytest.mark.slow
def test_a_budget_turns_neurons_parallel(here: Path) -> None:
    def styles(*more: str) -> list[str]:
        assert run("generate", *FIRST, "--data", "d.npz", "--optimize", "area", *more) == 0
        return [tile["style"] for tile in json.loads((here / "out/04_asic.json").read_text())["tiles"]]

    assert styles() == ["shared", "shared"]
    report = Report.load(here / "out" / "report.json", TARGETS["asic"].sections())
    took = report[CYCLES].predicted_mean
    assert took is not None
    assert styles("--cycle-budget", str(int(took) - 1)) == ["parallel", "shared"]


@pytest.mark.slow
def test_nothing_relies_on_a_word_longer_than_promised(here: Path) -> None:
    """With memory modules that show the complement at any other time every spike is the same."""
    assert run("generate", *FIRST, "--data", "d.npz", "--tile", "4x8", "--neurons", "shared") == 0
    out = here / "out"
    traced = out / outputs.TRACED_VERILOG
    strict = here / "strict.v"
    strict.write_text(f"`define QSNN_STRICT_MACROS\n{traced.read_text(encoding='utf-8')}", encoding="utf-8")
    golden, plan = GoldenRun.load(out / outputs.GOLDEN), HardwarePlan.load(out / outputs.PLAN)
    with np.load(here / "d.npz") as data:
        found = verify(plan, strict, data["input"], golden, here / "work")
    assert found.samples == 8
