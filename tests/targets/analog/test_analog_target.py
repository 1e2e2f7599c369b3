"""``--target analog`` by the user's command: what a run leaves, says and refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

import qsnn_hw
from qsnn_hw.build import cli
from qsnn_hw.report import Report
from qsnn_hw.targets.analog.chips_record import DROPS_PP, Chips
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.sections.agreement import ANALOG_MODEL, CROSSBAR
from qsnn_hw.targets.analog.sections.chips import CHIPS
from qsnn_hw.targets.analog.sections.wires import WIRES
from qsnn_hw.targets.registry import TARGETS


@pytest.fixture
def words(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A quick build of the shipped digits, into a folder."""
    monkeypatch.chdir(tmp_path)
    return [
        *("build", str(digits / "digits_64-32-10.nir"), "--convention", "snntorch", "--bits", "4"),
        *("--data", str(digits / "digits_test.npz"), "--samples", "60", "--target", "analog", "--chips", "4"),
        *("--spice-samples", "0", "-o", "out"),
    ]


def test_a_build_says_how_far_the_chip_agrees(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    shown = capsys.readouterr().out
    assert "60 of 60 answers the same" in shown
    assert "yield at 1 pp" in shown
    report = Report.load(Path("out/report.json"), TARGETS["analog"].sections())
    model, chips = report[ANALOG_MODEL], report[CHIPS]
    assert report[CROSSBAR].cells == 2 * (64 * 32 + 32 * 10)
    assert model.samples == model.same_answers == 60
    assert model.spikes_differ is not None
    assert model.golden_spikes is not None
    assert 0 < model.spikes_differ < 0.1 * model.golden_spikes
    assert (chips.chips, len(chips.accuracies), len(chips.yields)) == (4, 4, len(DROPS_PP))
    assert {cost.effect for cost in chips.costs} >= {"levels", "sigma", "stuck cells", "wires", "offset"}
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert "Accuracy from chip to chip" in page
    assert "What each remedy gains" in page
    assert "IR drop in tile" in page
    wires = report[WIRES]
    assert wires.energy_low_nj is not None
    assert wires.energy_high_nj is not None
    assert 0 < wires.energy_low_nj <= wires.energy_high_nj
    # The same chips come again, and an unchanged folder does nothing.
    before = Path("out/06_chips.json").read_bytes()
    assert cli.main(words) == 0
    assert "chips: unchanged" in capsys.readouterr().err
    Path("out/06_chips.json").unlink()
    assert cli.main(words) == 0
    assert Path("out/06_chips.json").read_bytes() == before


def test_more_error_costs_more_and_none_costs_nothing(words: list[str]) -> None:
    quiet = Path("quiet.toml")
    text = (Path(qsnn_hw.__file__).parent / "targets/analog/devices/rram.toml").read_text(encoding="utf-8")
    for name in ("stuck_low", "stuck_high", "nu_sigma", "segment_ohm", "offset_v", "noise_v", "tau_sigma"):
        old = next(line for line in text.splitlines() if line.startswith(f"{name} ="))
        text = text.replace(old, f"{name} = 0.0")
    quiet.write_text(text.replace("chip_k = 320.0", "chip_k = 300.0"), encoding="utf-8")
    lost = []
    for sigma in ("0", "0.3"):
        more = ["--device", "quiet.toml", "--sigma", sigma, "--remedies", "none"]
        assert cli.main([*words, *more]) == 0
        lost.append(Chips.load("out/06_chips.json").lost_pp("on").mean())
    # What is left at no error is the comparators' thermal noise.
    assert abs(lost[0]) <= 2
    assert lost[1] > lost[0]


def test_without_samples_the_crossbar_is_made_all_the_same(words: list[str]) -> None:
    at = words.index("--data")
    words = ["generate", *words[1:at], *words[at + 4 :]]
    assert cli.main(words) == 0
    made = AnalogNetwork.load("out/04_crossbar.npz")
    assert [group.size for group in made.groups] == [32, 10]
    report = json.loads(Path("out/report.json").read_text(encoding="utf-8"))
    assert report["analog_model"]["samples"] is None
    assert report["chips"]["mean_loss_pp"] is None
    assert report["wires"]["mean_loss"] > 0
    assert report["wires"]["energy_nj"] is None


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--device", "flash"), "unknown device 'flash'; known devices: pcm, rram"),
        (("--tile", "64x3"), "--tile 64x3: a neuron takes two columns"),
        (("--lanes", "2"), "--lanes says nothing to --target analog: leave it out"),
        (("--weights", "ram"), "--weights says nothing to --target analog: leave it out"),
        (("--board", "icebreaker"), "--board belongs to --target fpga, not analog: leave it out"),
        (("--set", "reset_delay=false"), "group '1' has snnTorch's reset_delay=False"),
    ],
)
def test_what_it_cannot_do_is_one_line(
    more: tuple[str, ...], says: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*words, *more]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {says}")


@pytest.mark.slow
def test_from_python(digits: Path, tmp_path: Path) -> None:
    net = qsnn_hw.load(digits / "digits_64-32-10.nir", convention="snntorch")
    design = net.quantize(bits=4, data=digits / "digits_test.npz", samples=40).plan(target="analog", chips=2)
    assert repr(design) == (
        "<crossbar of digits_64-32-10 for rram: 4,736 cells in 2 tiles of at most 64 x 64>"
    )
    with pytest.raises(qsnn_hw.UserError, match="no plan of digital hardware"):
        _ = design.hardware
    outcome = design.build(tmp_path / "out")
    assert outcome.report[CHIPS].chips == 2


def test_chips_differ_by_their_seed(words: list[str]) -> None:
    found = []
    for seed in ("1", "2"):
        assert cli.main([*words, "--seed", seed, "--sigma", "0.3"]) == 0
        found.append(Chips.load("out/06_chips.json").off)
    assert not np.array_equal(*found)
