"""``check`` finds the convention of every model of the shared data and cases; its advice works when typed."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.support.check_advice import check, follow
from tests.support.known_skips import data_folder
from tests.support.thinned import slow

Capture = pytest.CaptureFixture[str]

SNN, NORSE = "snntorch", "norse"

_BETA = "snntorch_beta_1_exports_infinite_tau"

# Model, data, further options, and presets to start from, with what each reads of it.
DATA = [
    ("snntorch_digits_64-32-10.nir", "snntorch_digits_64-32-10.npz", (), SNN),
    ("norse_digits_64-40-10.stock.nir", "norse_digits_64-40-10.npz", (), None),
    ("norse_digits_64-40-10.tau_fixed.nir", "norse_digits_64-40-10.npz", (), NORSE),
    ("snntorch_mnist_784-128-10.nir", "snntorch_mnist_784-128-10.npz", (), SNN),
    ("sinabs_conv_mnist.nir", "sinabs_conv_mnist.npz", ("--out-key", "out_singlespike"), None),
    (
        *("nir_paper/braille_noDelay_noBias_subtract.nir", "nir_paper/braille.npz"),
        *(("--out-key", "noDelay_noBias_subtract_out"), None),
    ),
]
CASES = [
    ("calibrate_worse/a_leaky.nir", "calibrate_worse/a_leaky_test.npz", (), SNN),
    *(
        (f"{folder}/net.nir", f"{folder}/data.npz", (), right)
        for folder, right in (
            ("group_silent_in_float_blamed_on_quantization", SNN),
            ("leak_bits_maximum_reached", SNN),
            ("leak_rounding_blamed_on_weight_bits", SNN),
            ("partial_flatten_before_conv1d", SNN),
            ("per_channel_tau_refused", SNN),
            ("rest_above_threshold_refused", None),
        )
    ),
    *((f"{_BETA}/{name}.nir", f"{_BETA}/data.npz", (), SNN) for name in ("beta_1", "beta_1_02")),
    *(
        (f"rockpool/{name}.nir", f"rockpool/{name}_test.npz", (), right)
        for name, right in (("e_rockpool", "rockpool"), ("plain", "rockpool"), ("onespike", None))
    ),
]
LARGE = ("sinabs_conv", "braille", "mnist")


def large(name: str) -> bool:
    return any(part in name for part in LARGE)


FOLDER = data_folder().parent / "cases"

if not all((folder / "README.md").exists() for folder in (data_folder(), FOLDER)):
    pytest.skip(
        f"no models and cases in {data_folder()} and {FOLDER}; set QSNN_DATA to the folder that holds it",
        allow_module_level=True,
    )


def marked(rows: list[tuple[str, str, tuple[str, ...], str | None]]) -> list[object]:
    return [
        pytest.param(
            *row, id=f"{row[0]} {' '.join(row[2])}", marks=[pytest.mark.slow] if large(row[0]) else []
        )
        for row in rows
    ]


@pytest.mark.parametrize(("model", "data", "more", "right"), marked(DATA))
def test_the_data(model: str, data: str, more: tuple[str, ...], right: str | None, capsys: Capture) -> None:
    found(data_folder() / model, data_folder() / data, more, right, capsys)


@pytest.mark.parametrize(("model", "data", "more", "right"), marked(CASES))
def test_the_cases(model: str, data: str, more: tuple[str, ...], right: str | None, capsys: Capture) -> None:
    found(FOLDER / model, FOLDER / data, more, right, capsys)


def found(model: Path, data: Path, more: tuple[str, ...], right: str | None, capsys: Capture) -> None:
    """From the right preset at once; from two others, whether they refuse the file or not, by advice."""
    if right is not None:
        assert check(model, "--data", data, "--convention", right, *more) == 0
    for start in ("nir", "rockpool" if right == NORSE else "norse"):
        if start != right:
            follow(capsys, model, data, "--convention", start, *more)


def test_a_rockpool_of_5_ms_and_one_spike(capsys: Capture) -> None:
    """Three fields from what its file was first checked with; the time step and the cap are not in it."""
    folder = FOLDER / "rockpool"
    given = ("--convention", "rockpool", "--set", "dt=5e-3", "--set", "multi_spike=true")
    said = follow(capsys, folder / "onespike.nir", folder / "onespike_test.npz", *given)
    assert "max_spikes=1" in said[0]


@pytest.mark.slow
def test_several_spikes_of_sinabs_are_found(capsys: Capture) -> None:
    """Where rounding decides samples, the convention is advised all the same."""
    files = (data_folder() / "sinabs_conv_mnist.nir", "--data", data_folder() / "sinabs_conv_mnist.npz")
    assert check(*files, "--convention", "nir", "--out-key", "out_multispike") == 1
    told = capsys.readouterr().out
    assert re.search(r"^try --convention sinabs --out-key out_multispike: \d+ differ", told, re.MULTILINE)
    assert "closer: " not in told


@pytest.mark.slow
def test_several_spikes_of_sinabs(capsys: Capture) -> None:
    """Equal, or different where float rounding decides: which it is hangs on the processor's BLAS."""
    files = (data_folder() / "sinabs_conv_mnist.nir", "--data", data_folder() / "sinabs_conv_mnist.npz")
    code = check(*files, "--convention", "sinabs", "--out-key", "out_multispike", "--search", 0)
    told = capsys.readouterr().out
    if code:
        differ, near = (
            re.search(rf"^{word}: (\d+) of", told, re.MULTILINE) for word in ("different", "near-ties")
        )
        assert differ is not None
        assert near is not None
        # As many may be left as test_model_exact.py allows.
        assert 0 <= int(differ[1]) - int(near[1]) <= 20
    assert "try " not in told


@pytest.mark.slow
def test_integers_of_another_chip(capsys: Capture) -> None:
    """SYNtzulA's first layer agrees with no convention in floating point, and exactly by its own rounding."""
    folder = data_folder() / "syntzula_emg"
    files = (folder / "layer1.npz", folder / "data_layer1.npz")
    (said,) = follow(capsys, *files, "--convention", "nir", "--search", "15")
    assert said[-2:] == ["--leak-rounding", "zero"]


@pytest.mark.slow
@pytest.mark.parametrize("given", [("--convention", "nir"), ()])
def test_integers_of_several_layers(given: tuple[str, ...], capsys: Capture) -> None:
    """SYNtzulA's three layers: the right convention is not among the closest in floating point."""
    folder = data_folder() / "syntzula_emg"
    (said,) = follow(capsys, folder / "layers123.npz", folder / "data_layers123.npz", *given)
    assert said[-4:] == ["--bits", "8", "--leak-rounding", "zero"]


@pytest.mark.parametrize(
    ("model", "data"), [row[:2] for row in (*DATA, *CASES) if not large(row[0]) and not row[2]]
)
def test_without_a_convention(model: str, data: str, capsys: Capture) -> None:
    folder = data_folder() if (data_folder() / model).exists() else FOLDER
    follow(capsys, folder / model, folder / data)


def test_spikes_of_another_name(capsys: Capture) -> None:
    """cnn_sinabs_saccade.npz: packed spikes called X, samples first, two outputs."""
    folder = data_folder() / "nir_paper"
    model, data = folder / "cnn_sinabs.nir", folder / "cnn_sinabs_saccade.npz"
    assert check(model, "--data", data) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "it holds X, if1_first10_multi" in line
    assert "--in-key KEY, with --layout sample-time where samples come before time steps" in line
    named = ("--in-key", "X", "--layout", "sample-time", "--samples", 2)
    said = follow(capsys, model, data, "--out-key", "out_multi", *named)
    assert said == [["--convention", "sinabs", "--out-key", "out_multi"]]


def test_a_readout(tmp_path: Path, capsys: Capture) -> None:
    """The potentials of expected.npz as ``out``."""
    folder = FOLDER / "readout_layer_refused_with_data"
    with np.load(folder / "data.npz") as data, np.load(folder / "expected.npz") as expected:
        np.savez(tmp_path / "data.npz", input=data["input"], out=expected["potential"])
    found(folder / "li.nir", tmp_path / "data.npz", (), SNN, capsys)


def test_a_readout_in_integers(tmp_path: Path, capsys: Capture) -> None:
    """Eight fractional bits of the leak leave differences that 16 do not: it is the leak's that is named."""
    folder = FOLDER / "readout_layer_refused_with_data"
    with np.load(folder / "data.npz") as data, np.load(folder / "expected.npz") as expected:
        np.savez(tmp_path / "data.npz", input=data["input"], out=expected["potential"])
    given = (folder / "li.nir", "--convention", SNN, "--data", tmp_path / "data.npz", "--bits", "16")
    assert check(*given) == 1
    told = capsys.readouterr().out
    assert (
        "0 of 540 differ; rounding of the leak makes the difference\ntry --leak-bits 16: 0 differ\n" in told
    )
    assert "24" not in told
    assert check(*given, "--leak-bits", "16") == 0


@pytest.mark.parametrize("name", [slow("lifbias"), "rec"])
def test_what_rockpools_exporter_dropped(name: str, capsys: Capture) -> None:
    """Nothing in the file says it, so no convention agrees; the reason is told."""
    folder = FOLDER / "rockpool"
    data = folder / f"{name}_test.npz"
    given = ("--convention", "rockpool", "--data", data, "--search", 5)
    assert check(folder / f"{name}.nir", *given) == 1
    told = capsys.readouterr().out
    assert "the file is Rockpool's, whose exporter leaves out the bias" in told
    assert "\ntry " not in told
