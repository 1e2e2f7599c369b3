"""``check`` finds the convention from wherever it starts, and what it says to try works when typed."""

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.model.convention import PRESETS
from qsnn_hw.model.variants import words
from tests.support.check_advice import advised, check, follow
from tests.support.nir_files import NirWriter
from tests.support.shipped_models import CLASSIFIERS, FOLDER, MODELS
from tests.support.thinned import slow

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    "start",
    [
        "nir",
        *map(slow, ("norse", "snntorch", "sinabs", "spikingjelly", "rockpool")),
    ],
)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_framework_from_every_preset(name: str, start: str, capsys: Capture) -> None:
    model, data = FOLDER / f"{name}.nir", FOLDER / f"{name}.npz"
    given = ("--convention", start)
    if start == MODELS[name]["preset"] and not MODELS[name]["settings"]:
        assert check(model, "--data", data, *given) == 0
        return
    follow(capsys, model, data, *given)


@pytest.mark.slow
def test_rockpool_of_another_time_step_and_one_spike(capsys: Capture) -> None:
    """Two fields from its preset, five from others; the time step is read off the file's r."""
    name = FOLDER / "rockpool_synapses"
    files = (name.with_suffix(".nir"), name.with_suffix(".npz"))
    wanted = ["--convention", "rockpool", "--set", "dt=0.005", "--set", "max_spikes=1"]
    assert follow(capsys, *files, "--convention", "rockpool") == [wanted]
    assert follow(capsys, *files, "--convention", "nir") == [wanted]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (["reset_delay=false"], ["reset_delay=true"]),
        (["dt=2e-4", "reset=none"], ["dt=0.0001", "reset=subtract"]),
        (["dt=3e-4", "reset=zero", "decay=exponential"], ["dt=0.0001", "decay=euler", "reset=subtract"]),
        (["multi_spike=true", "reset_delay=false", "v_min=0"], ["reset_delay=true", "max_spikes=1"]),
    ],
)
def test_fields_that_were_given_are_named(settings: list[str], wanted: list[str], capsys: Capture) -> None:
    name = FOLDER / "snntorch"
    given = [word for text in settings for word in ("--set", text)]
    files = (name.with_suffix(".nir"), name.with_suffix(".npz"))
    (said,) = follow(capsys, *files, "--convention", "snntorch", *given)
    assert said[:2] == ["--convention", "snntorch"]
    assert set(said[3::2]) >= set(wanted)


def leaky(tmp_path: Path, zero: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight, input and output spikes by snnTorch's equation of Leaky: beta 0.9, threshold 1, late reset."""
    rng = np.random.default_rng(5)
    weight = rng.normal(0, 0.6, (4, 6))
    x = (rng.random((40, 10, 6)) < 0.4).astype(np.uint8)
    v = np.zeros((10, 4))
    out = []
    for step in x:
        r = (v > 1).astype(float)
        v = 0.9 * v * (1 - r) + step @ weight.T if zero else 0.9 * v + step @ weight.T - r
        out.append(v > 1)
    return weight, x, np.array(out, np.uint8)


def snntorch_file(write_nir: NirWriter, weight: np.ndarray) -> Path:
    tau = np.full(len(weight), 1e-4 / (1 - 0.9))
    lif = {"tau": tau, "r": tau / 1e-4, "v_leak": 0 * tau, "v_threshold": 1 + 0 * tau, "v_reset": 0 * tau}
    return write_nir(
        {
            "input": {"type": "Input", "shape": np.array([weight.shape[1]])},
            "fc": {"type": "Linear", "weight": weight},
            "lif": {"type": "LIF", **lif},
            "output": {"type": "Output", "shape": np.array([len(weight)])},
        }
    )


def test_a_reset_to_zero_is_said_as_one(write_nir: NirWriter, tmp_path: Path, capsys: Capture) -> None:
    """Not as another preset that happens to do the same."""
    weight, x, out = leaky(tmp_path, zero=True)
    data = tmp_path / "data.npz"
    np.savez(data, input=x, out=out)
    (said,) = follow(capsys, snntorch_file(write_nir, weight), data, "--convention", "snntorch")
    assert said == ["--convention", "snntorch", "--set", "reset=zero"]


def test_a_preset_without_a_time_step_is_advised_with_one(
    write_nir: NirWriter, tmp_path: Path, capsys: Capture
) -> None:
    weight, x, out = leaky(tmp_path, zero=True)
    data = tmp_path / "data.npz"
    np.savez(data, input=x, out=out)
    (said,) = follow(capsys, snntorch_file(write_nir, weight), data, "--convention", "nir")
    assert said == ["--convention", "nir", "--set", "dt=0.0001"]


def retention(tmp_path: Path) -> tuple[Path, Path]:
    """A plain file whose tau is the retention, ``>=`` and a reset to zero, as another chip computes."""
    rng = np.random.default_rng(7)
    w1, w2 = 4 * rng.integers(-2, 4, (8, 6)), 4 * rng.integers(-2, 4, (4, 8))
    kept = 0.5
    x = (rng.random((30, 6, 6)) < 0.5).astype(np.uint8)
    v, u = np.zeros((6, 8)), np.zeros((6, 4))
    out = []
    for step in x:
        v = kept * v + step @ w1.T
        fired = v >= 8
        v = np.where(fired, 0, v)
        u = kept * u + fired @ w2.T
        out.append(u >= 8)
        u = np.where(u >= 8, 0, u)
    model, data = tmp_path / "net.npz", tmp_path / "data.npz"
    layers: dict[str, Any] = {"input_shape": [6], "a.type": "Linear", "a.weight": w1, "c.type": "Linear"}
    layers |= {"c.weight": w2}
    for name in ("b", "d"):
        layers |= {f"{name}.type": "LIF", f"{name}.tau": kept, f"{name}.v_threshold": 8.0}
    names = ("input_shape", "a.type", "a.weight", "b.type", "b.tau", "b.v_threshold")
    order = [*names, *(name for name in layers if name not in names)]
    np.savez(model, **{name: layers[name] for name in order})
    np.savez(data, input=x, out=np.array(out, np.uint8))
    assert np.any(out)
    return model, data


@pytest.mark.parametrize("start", ["nir", "snntorch", "rockpool"])
def test_tau_as_the_retention(start: str, tmp_path: Path, capsys: Capture) -> None:
    """Five fields from any preset."""
    (said,) = follow(capsys, *retention(tmp_path), "--convention", start)
    assert "decay=direct" in said


def integers(tmp_path: Path) -> tuple[Path, Path]:
    """Whole weights, a retention of 4054/4096 rounded toward zero, a reset to zero, ``>=``."""
    rng = np.random.default_rng(9)
    weight = rng.integers(-40, 60, (8, 6))
    x = (rng.random((200, 4, 6)) < 0.3).astype(np.uint8)
    v = np.zeros((4, 8), np.int64)
    out = []
    for step in x:
        v = np.trunc(v * 4054 / 4096).astype(np.int64) + step @ weight.T
        out.append(v >= 300)
        v = np.where(v >= 300, 0, v)
    model, data = tmp_path / "net.npz", tmp_path / "data.npz"
    layers: dict[str, Any] = {"input_shape": [6], "a.type": "Linear", "a.weight": weight, "b.type": "LIF"}
    np.savez(model, **layers, **{"b.tau": 4054 / 4096, "b.v_threshold": 300.0})
    np.savez(data, input=x, out=np.array(out, np.uint8))
    return model, data


def test_a_network_that_computes_in_integers(tmp_path: Path, capsys: Capture) -> None:
    """No convention agrees in floating point; the options that compare integers are named."""
    (said,) = follow(capsys, *integers(tmp_path), "--convention", "nir", "--search", "8")
    assert "decay=direct" in said
    assert said[-4:] == ["--bits", "8", "--leak-rounding", "zero"]


def integers_of_several_layers(tmp_path: Path) -> tuple[Path, Path]:
    """As :func:`integers`, with three layers and thresholds so small that rounding decides."""
    rng = np.random.default_rng(3)
    sizes, thresholds = (6, 12, 12, 8), (19, 17, 11)
    weights = [rng.integers(-12, 16, (post, pre)) for pre, post in pairwise(sizes)]
    x = (rng.random((300, 1, sizes[0])) < 0.2).astype(np.uint8)
    v = [np.zeros((1, size), np.int64) for size in sizes[1:]]
    out = []
    for step in x:
        spikes = step
        for k, (weight, threshold) in enumerate(zip(weights, thresholds, strict=True)):
            v[k] = np.trunc(v[k] * 4054 / 4096).astype(np.int64) + spikes @ weight.T
            spikes = v[k] >= threshold
            v[k] = np.where(spikes, 0, v[k])
        out.append(spikes)
    layers: dict[str, Any] = {"input_shape": [sizes[0]]}
    for k, (weight, threshold) in enumerate(zip(weights, thresholds, strict=True)):
        layers |= {f"w{k}.type": "Linear", f"w{k}.weight": weight, f"n{k}.type": "LIF"}
        layers |= {f"n{k}.tau": 4054 / 4096, f"n{k}.v_threshold": float(threshold)}
    model, data = tmp_path / "net.npz", tmp_path / "data.npz"
    np.savez(model, **layers)
    np.savez(data, input=x, own=np.array(out, np.uint8))
    return model, data


@pytest.mark.slow
def test_integers_that_floating_point_does_not_lead_to(tmp_path: Path, capsys: Capture) -> None:
    """No convention is close in floating point, so conventions are searched by integers."""
    given = ("--convention", "nir", "--search", "30", "--out-key", "own")
    (said,) = follow(capsys, *integers_of_several_layers(tmp_path), *given)
    assert "decay=direct" in said
    assert said[-6:] == ["--out-key", "own", "--bits", "8", "--leak-rounding", "zero"]


def test_without_a_convention_all_are_looked_at(
    write_nir: NirWriter, tmp_path: Path, capsys: Capture
) -> None:
    weight, x, out = leaky(tmp_path, zero=False)
    data = tmp_path / "data.npz"
    np.savez(data, input=x, out=out)
    model = snntorch_file(write_nir, weight)
    assert check(model, "--data", data) == 1
    told = capsys.readouterr().out
    assert told.startswith("no --convention was given: nir is compared first\n")
    assert advised(told) == [["--convention", "snntorch"]]


@pytest.mark.parametrize("packed", [False, True])
def test_the_input_has_the_name_that_is_given(
    packed: bool, write_nir: NirWriter, tmp_path: Path, capsys: Capture
) -> None:
    """Samples first and no labels, as another program stores them, also as packed bits."""
    weight, x, out = leaky(tmp_path, zero=False)
    data = tmp_path / "data.npz"
    first, own = np.swapaxes(x, 0, 1), np.swapaxes(out, 0, 1)
    np.savez(data, X=np.packbits(first, axis=-1) if packed else first, y=np.arange(10), out=own)
    files = (snntorch_file(write_nir, weight), "--data", data, "--convention", "snntorch")
    assert check(*files) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"error: {data} has neither input_packed nor input; it holds X, out, y: store the spikes as "
        "input, or for qsnn-hw check give --in-key KEY, with --layout sample-time where samples come before "
        "time steps"
    )
    assert check(*files, "--in-key", "X", "--layout", "sample-time") == 0
    told = capsys.readouterr().out
    assert "equal: 1600 output values" in told
    bits = "X: bytes per step 1, addresses 6, so read as np.packbits packs them\n"
    assert (bits in told) == packed
    assert check(*files, "--in-key", "Z") == 2
    assert "has neither Z_packed nor Z; it holds X, out, y" in capsys.readouterr().err
    # Integers are compared by the same names.
    assert check(*files, "--in-key", "X", "--layout", "sample-time", "--bits", "16") in (0, 1)
    assert "1600 output spikes, integers of 16 bits" in capsys.readouterr().out


def test_words_that_a_shell_takes_as_they_are() -> None:
    checked = PRESETS["nir"].with_settings({"dt": "1e-3"})
    said = words(
        replace(checked, comparison=">=", v_min=-1.0, reset="subtract", max_spikes="unlimited"), checked
    )
    assert said == (
        "--convention nir --set dt=0.001 --set comparison=ge --set reset=subtract --set max_spikes=unlimited "
        "--set v_min=-1.0"
    )
    assert PRESETS["nir"].with_settings({"comparison": "ge"}).comparison == ">="
    assert PRESETS["sinabs"].with_settings({"comparison": "gt"}).comparison == ">"


def test_arrays_that_may_be_the_output_are_named(tmp_path: Path, capsys: Capture) -> None:
    model, data = FOLDER / "sinabs_conv.nir", tmp_path / "two.npz"
    with np.load(FOLDER / "sinabs_conv.npz") as stored:
        kept = {name: stored[name] for name in ("input_packed", "input_shape", "label", "out_singlespike")}
        np.savez(data, **kept, out_multi=stored["out"])
    assert check(model, "--data", data, "--convention", "sinabs") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"error: {data} has no out, but out_multi, out_singlespike: give --out-key out_multi or "
        "--out-key out_singlespike"
    )
    given = ("--convention", "sinabs", "--out-key", "out_singlespike")
    said = follow(capsys, model, data, *given)
    assert said == [
        ["--convention", "sinabs", "--set", "max_spikes=1", "--out-key", "out_singlespike"],
        ["--convention", "sinabs", "--out-key", "out_multi"],
    ]


def test_packed_output_needs_no_shape_of_its_own(tmp_path: Path, capsys: Capture) -> None:
    """The network says how many bits of the last byte count."""
    data = tmp_path / "packed.npz"
    with np.load(FOLDER / "spikingjelly.npz") as stored:
        packed = np.packbits(stored["out"], axis=-1)
        np.savez(
            data, input_packed=stored["input_packed"], input_shape=stored["input_shape"], own_packed=packed
        )
    given = ("--convention", "spikingjelly", "--data", data)
    assert check(FOLDER / "spikingjelly.nir", *given) == 2
    assert "give --out-key own" in capsys.readouterr().err
    assert check(FOLDER / "spikingjelly.nir", *given, "--out-key", "own") == 0


def test_the_preset_that_refuses_is_not_the_last_word(capsys: Capture) -> None:
    """Norse's own preset refuses what its exporter writes; the reason is told, and what to do."""
    model, data = FOLDER / "norse.nir", FOLDER / "norse.npz"
    assert check(model, "--data", data, "--convention", "norse") == 1
    told = capsys.readouterr().out
    assert told.startswith("refused: ")
    assert "is below the time step dt=0.001" in told
    assert advised(told) == [["--convention", "norse", "--set", "tau_fix=divide_by_dt"]]


def test_what_every_convention_refuses_is_one_error(
    write_nir: NirWriter, tmp_path: Path, capsys: Capture
) -> None:
    weight, x, out = leaky(tmp_path, zero=False)
    path = snntorch_file(write_nir, np.where(weight == weight[0, 0], np.nan, weight))
    data = tmp_path / "data.npz"
    np.savez(data, input=x, out=out)
    assert check(path, "--data", data, "--convention", "nir") == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith("error: ")


def rockpool_with_bias(write_nir: NirWriter, tmp_path: Path) -> tuple[Path, Path]:
    """What Rockpool's exporter writes of LIFNeuronTorch with a bias of 0.3, and its spikes by a loop."""
    rng = np.random.default_rng(2)
    weight, tau, dt = rng.normal(0, 0.8, (4, 6)), np.full(4, 0.02), 1e-3
    x = (rng.random((40, 10, 6)) < 0.4).astype(np.uint8)
    v = np.zeros((10, 4))
    out = []
    for step in x:
        v = v * np.exp(-dt / tau) + step @ weight.T + 0.3
        spikes = np.where(v >= 1, np.floor(v), 0)
        v -= spikes
        out.append(spikes)
    lif = {"tau": tau, "r": tau * np.exp(-dt / tau) / dt, "v_leak": 0 * tau, "v_threshold": 1 + 0 * tau}
    data = tmp_path / "data.npz"
    np.savez(data, input=x, out=np.array(out, np.uint8))
    nodes = {
        "input": {"type": "Input", "shape": np.array([6])},
        "0_LinearTorch": {"type": "Linear", "weight": weight},
        "1_LIFNeuronTorch": {"type": "LIF", **lif},
        "output": {"type": "Output", "shape": np.array([4])},
    }
    return write_nir(nodes), data


def test_what_an_exporter_dropped_is_told(write_nir: NirWriter, tmp_path: Path, capsys: Capture) -> None:
    model, data = rockpool_with_bias(write_nir, tmp_path)
    began = time.monotonic()
    assert check(model, "--data", data, "--convention", "rockpool", "--search", "3") == 1
    told = capsys.readouterr().out
    assert advised(told) == []
    assert "the file is Rockpool's, whose exporter leaves out the bias of LIFTorch and LIFNeuronTorch" in told
    assert time.monotonic() - began < 60
    # Another framework's file is not blamed on Rockpool.
    weight, x, out = leaky(tmp_path, zero=False)
    np.savez(data, input=x, out=1 - out)
    assert check(snntorch_file(write_nir, weight), "--data", data, *_BRIEFLY) == 1
    told = capsys.readouterr().out
    assert "Rockpool" not in told
    assert "docs/frameworks.md lists what each exporter leaves out" in told


_BRIEFLY = ("--convention", "snntorch", "--search", "1")


def test_a_search_ends_when_it_should(write_nir: NirWriter, tmp_path: Path, capsys: Capture) -> None:
    weight, x, out = leaky(tmp_path, zero=False)
    data, model = tmp_path / "data.npz", snntorch_file(write_nir, weight)
    np.savez(data, input=x, out=1 - out)
    assert check(model, "--data", data, *_BRIEFLY) == 1
    assert "not every alternative was tried in the time allowed; --search SECONDS" in capsys.readouterr().out
    assert check(model, "--data", data, "--convention", "snntorch", "--search", "0") == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[1].startswith("first: ")
    assert len(told.out.splitlines()) == 2
    for wrong in ("-1", "nan", "1e9"):
        assert check(model, "--data", data, "--convention", "snntorch", "--search", wrong) == 2
        assert "--search wants seconds from 0 to 86400" in capsys.readouterr().err
