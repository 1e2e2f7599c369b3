"""``qsnn-hw compare``: one table of every target, by prediction; what is left out says why."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import qsnn_hw
from qsnn_hw.build.cli import main
from qsnn_hw.compare import JSON, PAGE, Comparison
from qsnn_hw.targets import rows as contributed
from qsnn_hw.targets.gpu import rows as gpu_rows
from tests.support.places import EXAMPLES

DIGITS = EXAMPLES / "digits"
NET = (str(DIGITS / "digits_64-32-10.nir"), "--convention", "snntorch")
DATA = ("--data", str(DIGITS / "digits_test.npz"), "--samples", "40")
PREDICT = ("compare", *NET, *DATA, "--predict", "-q")


def compared(folder: Path, *more: str, status: int = 0) -> Comparison:
    assert main([*PREDICT, *more, "-o", str(folder)]) == status
    return Comparison.load(folder / JSON)


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.mark.usefixtures("no_torch")
def test_predicts_boards_and_a_network_without_spikes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = compared(tmp_path)
    names = [row.name for row in table.rows if row.target == "fpga"]
    assert names == ["icebreaker", "icebreaker-ann", "ulx3s-12f", "ulx3s-12f-ann"]
    assert "needs PyTorch" in table.left_out["gpu"]
    board, ann = table.row("icebreaker"), table.row("icebreaker-ann")
    assert (board.accuracy.by, board.samples) == ("measured", 40)
    assert (board.latency_us.by, board.energy_uj.by) == ("predicted", "estimated")
    assert (board.energy_uj.low or 0) < (board.energy_uj.typical or 0) < (board.energy_uj.high or 0)
    assert board.spike_nj.typical == pytest.approx(1e3 * (board.energy_uj.typical or 0) / table.spikes)
    assert board.per_watt.typical == pytest.approx(1e6 / (board.energy_uj.typical or 0))
    assert (ann.accuracy.typical, ann.samples, ann.sizes) == (None, None, {})
    told = capsys.readouterr().out
    assert "spikes do not pay here" in told
    assert told.splitlines()[-1] == f"comparison: {tmp_path / PAGE}"
    assert "<table" in (tmp_path / PAGE).read_text(encoding="utf-8")
    assert not (tmp_path / "icebreaker").exists()


@pytest.mark.usefixtures("no_torch")
def test_boards_that_are_asked_for(tmp_path: Path) -> None:
    table = compared(tmp_path, "--boards", "ulx3s-85f,icebreaker", "--bits", "4")
    assert [row.name for row in table.rows if row.target == "fpga"][::2] == ["ulx3s-85f", "icebreaker"]
    assert table.weight_bits == "4"


@pytest.mark.usefixtures("no_torch")
@pytest.mark.parametrize(
    ("boards", "says"),
    [
        ("nothing", "nothing"),
        ("icebreaker,icebreaker", "--boards names icebreaker twice; leave one of them out"),
        ("icebreaker,,", "--boards wants names of boards separated by commas"),
    ],
)
def test_boards_that_are_none(
    boards: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*PREDICT, "--boards", boards, "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert says in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out" / JSON).exists()


def test_needs_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["compare", *NET, "-o", str(tmp_path)])
    assert end.value.code == 2
    assert "--data" in capsys.readouterr().err


def test_what_fails_is_left_out_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusing() -> Sequence[contributed.Contribution]:
        def refuse() -> Sequence[object]:
            raise qsnn_hw.UserError("there is no such thing")

        maker = contributed.Maker("thing", refuse)  # type: ignore[arg-type]
        return (contributed.Contribution("thing", lambda asked: [maker]),)

    monkeypatch.setattr("qsnn_hw.build.comparing.contributions", refusing)
    assert main([*PREDICT, "-o", str(tmp_path)]) == 2
    assert "error: nothing to compare: thing: there is no such thing" in capsys.readouterr().err
    assert not (tmp_path / JSON).exists()


def test_the_device_at_hand_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="needs torch, an extra")
    monkeypatch.setattr(gpu_rows, "BATCH", 64)
    row = compared(tmp_path, "--boards", "icebreaker").row("gpu")
    assert (row.latency_us.by, row.per_s.by) == ("measured", "measured")
    assert row.accuracy == Comparison.load(tmp_path / JSON).row("icebreaker").accuracy


@pytest.mark.usefixtures("no_torch")
def test_from_python(tmp_path: Path) -> None:
    net = qsnn_hw.load(DIGITS / "digits_64-32-10.nir", convention="snntorch")
    found = net.quantize(bits=8, data=DIGITS / "digits_test.npz", samples=40).compare(
        tmp_path / "api", boards=["icebreaker"], predict=True
    )
    typed = compared(tmp_path / "cli", "--boards", "icebreaker")
    assert found.table.rows == typed.rows
    assert str(found).splitlines()[0] == typed.heading()
    with pytest.raises(qsnn_hw.UserError, match="compare needs samples"):
        net.quantize(bits=8).compare(tmp_path / "none", predict=True)


@pytest.mark.slow
@pytest.mark.usefixtures("no_torch")
def test_builds_are_the_users_own_and_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["compare", *NET, *DATA, "--boards", "icebreaker", "-o", str(tmp_path)]
    assert main(typed) == 0
    row = Comparison.load(tmp_path / JSON).row("icebreaker")
    report = json.loads((tmp_path / "icebreaker" / "report.json").read_text(encoding="utf-8"))
    assert row.latency_us.typical == report["latency"]["us_on_board_mean"]
    assert row.energy_uj.typical == report["energy"]["per_sample_uj"]["typical"]
    assert row.accuracy.typical == report["accuracy"]["quantized"]
    assert row.sizes["ICESTORM_LC"].used.typical == report["resources"]["ICESTORM_LC"]["used"]
    capsys.readouterr()
    assert main(typed) == 0
    said = capsys.readouterr().err
    assert "place and route ..." not in said
    assert "Verilator" not in said
    shutil.rmtree(tmp_path)
