"""From a model file to a fine-tuned one: the files say what was trained."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="fine-tuning needs torch, an extra")

import qsnn_hw
from qsnn_hw.build import cli
from qsnn_hw.finetune.command import finetune_command, require_equal
from qsnn_hw.finetune.settings import FinetuneSettings
from qsnn_hw.golden.clocked import run_clocked
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import load_dataset
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import accuracy
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.quantize.quantizer import quantize
from qsnn_hw.support import files
from qsnn_hw.support.errors import MismatchError, UserError
from qsnn_hw.support.progress import Progress

MODEL, DATA = "digits_64-32-10.nir", "digits_calibration.npz"
OPTIONS = QuantizeOptions(weight_bits=2, clip="mse", per_neuron=True)
SHORT = FinetuneSettings(epochs=3, batch=32, learning_rate=5e-3, validation_part=0.2)


@pytest.fixture(scope="module")
def tuned(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped network, trained on its calibration samples (which are training samples)."""
    out = tmp_path_factory.mktemp("tuned")
    finetune_command(digits / MODEL, "snntorch", {}, OPTIONS, digits / DATA, out, SHORT)
    return out


def test_fine_tuned_digits_beat_plain_quantization(digits: Path, tuned: Path) -> None:
    convention = Convention.preset("snntorch")
    network = read_network(digits / MODEL, convention)
    test = load_dataset(digits / "digits_test.npz", network=network)
    assert test.label is not None
    plain, made = quantize(network, OPTIONS), QuantizedNetwork.load(tuned / "finetuned.npz")
    before = accuracy(run_clocked(plain, test.input).spikes[plain.output], test.label)
    after = accuracy(run_clocked(made, test.input).spikes[made.output], test.label)
    assert after > before + 0.03


def test_the_nir_file_is_the_quantized_file(digits: Path, tuned: Path) -> None:
    made = QuantizedNetwork.load(tuned / "finetuned.npz")
    back = read_network(tuned / "finetuned.nir", Convention.preset("snntorch"))
    record = json.loads((tuned / "finetuned.json").read_text())
    found = quantize(back, QuantizeOptions(**record["deployed_options"]))
    require_equal(found, made, tuned / "finetuned.nir")
    test = load_dataset(digits / "digits_test.npz", network=back, samples=50)
    one, other = run_clocked(made, test.input), run_clocked(found, test.input)
    for name, spikes in one.spikes.items():
        assert np.array_equal(spikes, other.spikes[name])


def test_the_record_tells_before_and_after(tuned: Path) -> None:
    record = files.read_json(tuned / "finetuned.json")
    assert len(record["epochs"]) == 4
    best = record["epochs"][record["best_epoch"]]
    assert record["validation_accuracy"] == best["validation_accuracy"]
    assert record["validation_accuracy_before"] == record["epochs"][0]["validation_accuracy"]
    assert record["float_accuracy"] > 0.9
    assert record["settings"]["batch"] == 32


def test_a_finished_run_is_not_trained_again(digits: Path, tuned: Path) -> None:
    before = files.digest(tuned / "finetuned.npz")
    result, written = finetune_command(
        digits / MODEL,
        "snntorch",
        {},
        OPTIONS,
        digits / DATA,
        tuned,
        SHORT,
    )
    assert result.seconds_per_epoch is None
    assert files.digest(written.quantized) == before


@pytest.mark.slow
def test_from_python_it_is_the_command(
    digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, typed, called = digits / DATA, tmp_path / "typed", tmp_path / "called"
    words = ["finetune", str(digits / MODEL), "--convention", "snntorch", "--data", str(data)]
    short = ["--bits", "2", "--clip", "mse", "--epochs", "1", "--samples", "60", "--batch", "30"]
    assert cli.main([*words, *short, "-o", str(typed)]) == 0
    said = capsys.readouterr().out
    net = qsnn_hw.load(digits / MODEL, convention="snntorch")
    tuned = net.finetune(data, called, bits=2, clip="mse", epochs=1, samples=60, batch=30)
    assert capsys.readouterr() == ("", "")
    assert str(tuned) == said.rstrip("\n")
    assert repr(tuned).startswith(f"<fine-tuning in {called}: ")
    for name in ("finetuned.nir", "finetuned.npz"):
        assert files.digest(called / name) == files.digest(typed / name)


def test_another_file_is_told_apart(digits: Path, tuned: Path) -> None:
    made = QuantizedNetwork.load(tuned / "finetuned.npz")
    plain = quantize(read_network(digits / MODEL, Convention.preset("snntorch")), OPTIONS)
    with pytest.raises(MismatchError, match=r"other\.nir: projection 0 comes back otherwise"):
        require_equal(plain, made, Path("other.nir"))
    group = replace(made.groups[0], bias=made.groups[0].bias + 1)
    with pytest.raises(MismatchError, match=r"other\.nir: group 1 comes back with another bias"):
        require_equal(replace(made, groups=(group, *made.groups[1:])), made, Path("other.nir"))


def test_an_interrupted_run_leaves_a_checkpoint_and_no_model(digits: Path, tmp_path: Path) -> None:
    class Stop(Progress):
        def say(self, line: str) -> None:
            if line.startswith("epoch 1/"):
                raise KeyboardInterrupt

    where = (digits / MODEL, "snntorch", {}, OPTIONS, digits / DATA, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        finetune_command(*where, SHORT, progress=Stop(quiet=True))
    assert [path.name for path in tmp_path.iterdir()] == ["finetune_checkpoint.npz"]


def test_a_bad_layout_is_refused(digits: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="layout is one of auto, time-sample, sample-time, not 'sideways'"):
        finetune_command(
            digits / MODEL,
            "snntorch",
            {},
            OPTIONS,
            digits / DATA,
            tmp_path,
            layout="sideways",  # type: ignore[arg-type]
        )
    assert not list(tmp_path.iterdir())
