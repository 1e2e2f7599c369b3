"""Networks that are integers already: kept as they are, and equal to the chip they were written for."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.golden import run_clocked
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize

Run = Callable[..., tuple[int, str, str]]

# The conventions of such chips: v = kept(v) + W s, a spike at or above the threshold, reset to 0.
CONVENTION = (
    *("--convention", "nir", "--set", "decay=direct", "--set", "input_gain=r", "--set", "integrator_gain=r"),
    *("--set", "current_gain=w_in", "--set", "comparison=>=", "--set", "reset=zero"),
)
SIZES = (12, 20, 16, 5)
THRESHOLDS = (190, 170, 0)
KEPT = (4054, 4054, 4055)
STEPS = 60


def weights_of(bits: int = 8) -> list[np.ndarray]:
    """Whole numbers, the least of two's complement among them."""
    rng = np.random.default_rng(5)
    high = 2 ** (bits - 1)
    found = [rng.integers(-high, high, (post, pre)) for pre, post in itertools.pairwise(SIZES)]
    for w in found:
        w.flat[:2] = 1, -high
    return found


def chip(
    weights: list[np.ndarray], thresholds: list[int], inputs: np.ndarray, rounding: str
) -> tuple[np.ndarray, np.ndarray]:
    """What the chip computes, one neuron at a time: spikes of the middle layer, potentials of the last."""
    potentials = [[0] * n for n in SIZES[1:]]
    middle, last = [], []
    for step in inputs:
        spikes = [int(s) for s in step]
        for layer, w in enumerate(weights):
            row = potentials[layer]
            for j in range(len(row)):
                if rounding == "zero":
                    row[j] = int(row[j] * KEPT[layer] / 4096)
                else:
                    row[j] -= row[j] * (4096 - KEPT[layer]) // 4096
                row[j] += sum(int(w[j, i]) * s for i, s in enumerate(spikes))
            if layer < 2:
                spikes = [int(v >= thresholds[layer]) for v in row]
                potentials[layer] = [0 if s else v for s, v in zip(spikes, row, strict=True)]
            if layer == 1:
                middle.append(list(spikes))
        last.append(list(potentials[2]))
    return np.array(middle, np.uint8), np.array(last)


def write(folder: Path, step: float = 1.0, rounding: str = "zero", bits: int = 8) -> tuple[Path, Path, Path]:
    """The network, the same without its readout, and data; every number but decays times ``step``."""
    weights = weights_of(bits)
    inputs = (np.random.default_rng(1).random((STEPS, SIZES[0])) < 0.3).astype(np.uint8)
    thresholds = [t * 2**bits // 256 for t in THRESHOLDS]
    middle, last = chip(weights, thresholds, inputs, rounding)
    assert middle.any()
    assert not middle.all()
    assert last.any()
    arrays: dict[str, Any] = {"input_shape": np.array([SIZES[0]])}
    for layer, w in enumerate(weights):
        if layer == 2:
            np.savez(folder / "hidden.npz", **arrays)
        arrays[f"fc{layer}.type"] = "Linear"
        arrays[f"fc{layer}.weight"] = (w * step).astype(np.float32)
        arrays[f"n{layer}.type"] = "LIF" if layer < 2 else "LI"
        arrays[f"n{layer}.tau"] = KEPT[layer] / 4096
        if layer < 2:
            arrays[f"n{layer}.v_threshold"] = np.float32(thresholds[layer] * step)
    np.savez(folder / "net.npz", **arrays)
    np.savez(
        folder / "data.npz",
        input=inputs[:, np.newaxis],
        label=np.zeros(1, np.int64),
        out=(last * step if step != 1 else last)[:, np.newaxis],
        hidden=middle[:, np.newaxis],
    )
    return folder / "net.npz", folder / "hidden.npz", folder / "data.npz"


@pytest.mark.parametrize("rounding", ["zero", "floor"])
@pytest.mark.parametrize("step", [1.0, 0.0371])
def test_every_potential_and_spike_is_the_chips(run: Run, tmp_path: Path, step: float, rounding: str) -> None:
    net, hidden, data = write(tmp_path, step, rounding)
    options = (*CONVENTION, "--data", data, "--leak-rounding", rounding)
    code, printed, _ = run("check", net, *options, "--bits", 8)
    values = STEPS * SIZES[-1]
    assert f"equal: {values} output potentials, integers of 8 bits, 1 samples, 0 differ" in printed
    assert code == 0
    assert f"n0: its weights lie on a grid already and keep their integers: one step is {step:g}" in printed
    code, printed, _ = run("check", hidden, *options, "--bits", 8, "--out-key", "hidden")
    assert f"equal: {STEPS * SIZES[2]} output spikes, integers of 8 bits, 1 samples, 0 differ" in printed
    assert code == 0


def test_wider_bits_keep_them_too_and_narrower_ones_round(run: Run, tmp_path: Path) -> None:
    net, _, data = write(tmp_path, bits=5)
    options = (*CONVENTION, "--data", data, "--leak-rounding", "zero")
    for bits in (5, 8, 16):
        code, printed, _ = run("check", net, *options, "--bits", bits)
        assert code == 0, bits
        assert "5 bits hold them" in printed
    code, printed, _ = run("check", net, *options, "--bits", 4)
    assert code == 1
    assert "integers:" not in printed
    assert "different:" in printed
    code, printed, _ = run("check", net, *options, "--bits", 8, "--keep-integers", "none")
    assert code == 1
    assert "keep their integers" not in printed


def test_the_other_rounding_is_named(run: Run, tmp_path: Path) -> None:
    net, hidden, data = write(tmp_path)
    code, printed, _ = run("check", hidden, *CONVENTION, "--data", data, "--out-key", "hidden", "--bits", 8)
    assert code == 1
    assert f" of {STEPS * SIZES[2]} output spikes, integers of 8 bits, differ, in 1 of 1 samples" in printed
    assert "try --leak-rounding zero: 0 differ" in printed
    code, printed, _ = run("check", net, *CONVENTION, "--data", data, "--bits", 8)
    assert code == 1
    assert "different:" in printed
    assert "try --leak-rounding zero: 0 differ" in printed
    assert "first: time step" in printed
    code, _, said = run("check", net, *CONVENTION, "--data", data, "--leak-rounding", "zero")
    assert code == 2
    assert "need --bits 2 to 16" in said


def test_a_network_of_floats_is_rounded_and_says_so(
    run: Run, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(digits)
    command = ("check", "digits_64-32-10.nir", "--convention", "snntorch", "--data", "digits_test.npz")
    code, printed, _ = run(*command, "--bits", 4, "--samples", 60)
    assert code == 1
    assert "different: " in printed
    assert "the float network: 0 of 15000 differ; rounding makes the difference" in printed
    # The other rounding of the leak changes little, and is no advice.
    assert "try " not in printed
    assert "keep their integers" not in printed


def test_no_leak_below_the_threshold_is_a_warning(run: Run, tmp_path: Path) -> None:
    net, _, data = write(tmp_path)
    arrays = dict(np.load(net))
    arrays["n0.v_threshold"] = np.float32(19)
    np.savez(net, **arrays)
    line = "warning: group n0: no leak below 97 steps, beside a threshold of 19"
    command = ("infer", net, *CONVENTION, "--data", data, "--bits", 8)
    code, printed, said = run(*command, "--diagnose")
    assert code == 0
    assert line in said
    assert "group n1" not in said
    assert "97 !" in next(row for row in printed.splitlines() if row.startswith("n0 "))
    assert "!" not in next(row for row in printed.splitlines() if row.startswith("n2 "))
    assert line not in run(*command, "--leak-rounding", "zero")[2]


def test_the_plan_says_it_and_the_file_holds_it(run: Run, tmp_path: Path) -> None:
    net, _, data = write(tmp_path)
    out = tmp_path / "o"
    code, _, said = run(
        *("generate", net, *CONVENTION, "--data", data, "--leak-rounding", "zero", "--target", "verilog"),
        *("--lanes", 1, "-o", out),
    )
    assert code == 0
    assert "plan: n1: its weights lie on a grid already and keep their integers: one step is 1" in said
    made = QuantizedNetwork.load(out / "02_quantized.npz")
    for group, projection, weight in zip(made.groups, made.projections, weights_of(), strict=True):
        assert group.leak_rounding == "zero"
        assert group.own_integers
        assert (group.scale == 1).all()
        assert group.fractional_bits == 0
        assert (projection.weight == weight).all()
    assert '"leak_rounding": "zero"' in (out / "options.json").read_text()
    # Options go on with the folder.
    assert run("generate", "-o", out, "--leak-rounding", "floor")[0] == 0
    assert QuantizedNetwork.load(out / "02_quantized.npz").groups[0].leak_rounding == "floor"


def test_another_teams_network(run: Run, data_dir: Path, tmp_path: Path) -> None:
    """SYNtzulA's EMG network: all 2,000 steps of its own run."""
    folder = data_dir / "syntzula_emg"
    stored, expected = np.load(folder / "data.npz"), np.load(folder / "expected.npz")
    potentials = expected["serial"]
    assert (potentials[:, 0] == expected["snn_inference"]).all()
    own = tmp_path / "emg.npz"
    np.savez(own, input=stored["input"], label=stored["label"], out=potentials[:, np.newaxis])
    options = (*CONVENTION, "--bits", 8, "--leak-rounding", "zero")
    code, printed, _ = run("check", folder / "emg.npz", *options, "--data", own)
    assert "equal: 24000 output potentials, integers of 8 bits, 1 samples, 0 differ" in printed
    assert code == 0
    for name, data, values in (("layer1", "data_layer1", 128000), ("layers123", "data_layers123", 128000)):
        code, printed, _ = run("check", folder / f"{name}.npz", *options, "--data", folder / f"{data}.npz")
        assert f"equal: {values} output spikes, integers of 8 bits, 1 samples, 0 differ" in printed
        assert code == 0
    # Every hidden spike, too; no command writes those but by way of Verilog.
    settings = dict(text.split("=", 1) for text in CONVENTION[3::2])
    network = read_network(folder / "emg.npz", Convention.preset("nir").with_settings(settings))
    made = quantize(network, QuantizeOptions(weight_bits=8, leak_rounding="zero"))
    golden = run_clocked(made, stored["input"])
    hidden = {
        "n1": expected["spike_1"],
        "n2": np.unpackbits(expected["loop_spikes_2"], axis=-1, count=128),
        "n3": np.unpackbits(expected["loop_spikes_3"], axis=-1, count=64),
    }
    for name, spikes in hidden.items():
        assert (golden.spikes[name][:, 0] == spikes).all(), name
    assert (golden.potentials["n4"][:, 0] == potentials).all()
