"""Float network -> integer network: numbers, notes and refusals."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.golden import run_clocked
from qsnn_hw.model.network import INPUT, Dense, Network, NeuronGroup, Projection
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from tests.support.float_groups import lif
from tests.support.networks import random_network


def float_network(group: NeuronGroup | None = None, **projection: Any) -> Network:
    group = group if group is not None else lif()
    weight = np.random.default_rng(1).normal(size=(group.size, 4))
    single = Projection("fc", INPUT, group.name, (Dense(weight, np.full(group.size, 0.25)),))
    return Network("net", (4,), (group,), (replace(single, **projection),), group.name)


def only(network: Network, **options: Any) -> Any:
    return quantize(network, QuantizeOptions(**options)).groups[0]


def test_integers_of_a_group() -> None:
    network = float_network(lif(decay=np.full(3, 0.75), leak=np.full(3, 0.5)))
    quantized = quantize(network, QuantizeOptions(weight_bits=8, fractional_bits=2))
    group, projection = quantized.groups[0], quantized.projections[0]
    weight = network.projections[0].operators[0].weight  # type: ignore[union-attr]
    scale = np.abs(weight).max() / 127
    assert group.scale == pytest.approx(scale)
    assert (projection.weight == np.rint(weight / scale)).all()
    assert projection.weight.dtype == np.int8
    assert (group.bias == np.rint(0.75 / (scale / 4))).all()
    assert (group.threshold == np.floor(1 / (scale / 4)) + 1).all()
    assert (group.reset_amount == np.rint(1 / (scale / 4))).all()
    # 1 - 0.75 = 64/256, in lowest terms.
    assert (group.leak_numerator, group.leak_shift) == (1, 2)
    assert (group.v_low, group.v_high) == (None, None)


def test_comparison_becomes_one_kind() -> None:
    # A scale of exactly 1/127, so that the threshold is a whole number of steps.
    weight = np.array([[1.0, -0.5]])
    for comparison, threshold in ((">", 128), (">=", 127)):
        group = lif(shape=1, comparison=comparison)
        network = Network("n", (2,), (group,), (Projection("fc", INPUT, "lif", (Dense(weight),)),), "lif")
        assert only(network).threshold.tolist() == [threshold]
        assert only(network).reset_amount.tolist() == [127]


def test_reset_kinds() -> None:
    assert only(float_network(lif(reset="zero"))).reset == "value"
    to_value = only(float_network(lif(reset="v_reset", v_reset=np.full(3, -0.5))))
    assert to_value.reset == "value"
    assert (to_value.reset_value == np.rint(-0.5 / to_value.scale)).all()
    assert not to_value.reset_amount.any()
    never = only(float_network(lif(reset="none", reset_delay=True)))
    assert (never.reset, never.reset_delay) == ("none", False)


def test_input_gain_scales_weights_and_bias() -> None:
    plain = quantize(float_network(), QuantizeOptions())
    doubled = quantize(float_network(lif(input_gain=np.full(3, 2.0))), QuantizeOptions())
    assert (plain.projections[0].weight == doubled.projections[0].weight).all()
    assert doubled.groups[0].scale == pytest.approx(2 * plain.groups[0].scale)
    assert (doubled.groups[0].bias == plain.groups[0].bias).all()


def test_per_neuron_thresholds() -> None:
    weight = np.array([[1.0, 0.5], [0.1, 0.2]])
    network = Network("n", (2,), (lif(shape=2),), (Projection("fc", INPUT, "lif", (Dense(weight),)),), "lif")
    # The weights are whole tenths, which would be kept.
    shared, own = (
        only(network, weight_bits=6, per_neuron=each, keep_integers="none") for each in (False, True)
    )
    assert len(set(shared.threshold.tolist())) == 1
    assert own.scale.tolist() == pytest.approx([1 / 31, 0.2 / 31])
    assert own.reset_amount.tolist() == [31, 155]


def test_every_threshold_fits_the_width_or_cannot_be_reached() -> None:
    """A neuron with tiny weights must not get a threshold that the register cuts to a small one."""
    weight = np.array([[1.0, 0.5], [1e-4, 1e-4]])
    network = Network("n", (2,), (lif(shape=2),), (Projection("fc", INPUT, "lif", (Dense(weight),)),), "lif")
    group = only(network, weight_bits=8, per_neuron=True)
    assert group.threshold.max() < 2 ** (group.v_bits - 1)
    assert group.reset_amount.max() < 2 ** (group.v_bits - 1)
    # What can be reached keeps its threshold; two inputs of 127 at a decay of 0.9 reach some 1,400.
    assert group.threshold[0] == 128
    assert group.threshold[1] > 10 * 127


def test_integrator_is_clamped_and_says_so() -> None:
    quantized = quantize(float_network(lif(decay=np.ones(3))), QuantizeOptions())
    group = quantized.groups[0]
    assert group.leak_numerator == 0
    assert group.v_high is not None
    assert group.v_high >= 8 * group.threshold.max()
    assert quantized.warnings == (
        f"group lif: no leak, so no width can be proved; potentials saturate once per step at {group.v_high} "
        "(pass --potential-bits to choose)",
    )
    chosen = quantize(float_network(lif(decay=np.ones(3))), QuantizeOptions(potential_bits=12))
    assert (chosen.groups[0].v_low, chosen.groups[0].v_high) == (-2048, 2047)
    assert chosen.warnings == ()


def test_coarse_leak_is_noted() -> None:
    quantized = quantize(float_network(lif(decay=np.full(3, 0.99))), QuantizeOptions(leak_bits=6))
    assert quantized.warnings == ("group lif: decay 0.99 became 0.984375; raise --leak-bits to come closer",)
    fine = QuantizeOptions(leak_bits=12, fractional_bits=1)
    assert quantize(float_network(lif(decay=np.full(3, 0.99))), fine).warnings == ()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"weight_bits": 1}, "weight bits must be a whole number from 2 to 16, not 1"),
        ({"clip": "median"}, "clip must be one of max, mse, percentile, not 'median'"),
        ({"fractional_bits": 9}, "fractional bits must be a whole number from 0 to 8, not 9"),
        ({"fractional_bits": True}, "fractional bits must be a whole number from 0 to 8, not True"),
        ({"leak_bits": 0}, "leak bits must be a whole number from 1 to 24, not 0"),
        ({"potential_bits": 33}, "potential bits must be a whole number from 4 to 32, not 33"),
    ],
)
def test_option_errors(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        QuantizeOptions(**options)


def lif_with(**changes: Any) -> Callable[[], Network]:
    return lambda: float_network(lif(**changes))


def wired(**changes: Any) -> Callable[[], Network]:
    return lambda: float_network(None, **changes)


def dense(weight: list[list[float]]) -> Callable[[], Network]:
    return wired(operators=(Dense(np.array(weight)),))


WEAK = [[1e3, 1.0, 1.0, 1.0]] * 3
REFUSED: list[tuple[Callable[[], Network], dict[str, Any], str]] = [
    (wired(target="other"), {}, "group lif: nothing projects to it; remove it or connect it"),
    (
        lif_with(decay=np.full(3, 1.5)),
        {},
        "group lif: decay must be from 0 to 1, not 1.5; check the convention's dt",
    ),
    (
        lif_with(decay=np.full(3, 0.9999)),
        {"leak_bits": 12},
        "group lif: decay 0.9999 rounds to 1 (no leak) with 12 leak bits; use --leak-bits 17, or leave "
        "--leak-bits out",
    ),
    (
        dense(WEAK),
        {"weight_bits": 4, "clip": "max"},
        "group lif, neuron 0: threshold is 0.007 integer steps at 4 bits, too coarse to fire by; "
        "use more --bits or --fractional-bits",
    ),
    (
        lif_with(),
        {"potential_bits": 5},
        "group lif: threshold 98 does not fit 5 potential bits; use at least 8",
    ),
    (
        dense([[-39.0, 0.09, 0.09, 0.09]] * 3),
        {},
        "group lif: at 8 bits no input can make any neuron reach its threshold (the exact weights take one "
        "to 2.7 of it); use more --bits or another --clip",
    ),
    (
        lif_with(),
        {"weight_bits": 16, "fractional_bits": 8, "input_max": 255},
        "group lif: what one step can add needs 33 bits, more than a potential's 32; "
        "use fewer --bits or --fractional-bits",
    ),
    (dense([[float("nan")] * 4] * 3), {}, "weights must be finite, not nan at index (0, 0)"),
]


def group_with(weight: Any, bias: float = 0.0, **changes: Any) -> Network:
    weight = np.asarray(weight, dtype=np.float64)
    group = lif(shape=len(weight), **changes)
    return float_network(group, operators=(Dense(weight, np.full(len(weight), bias)),))


@pytest.mark.parametrize(
    "network",
    [
        group_with([[-1.0] * 4] * 3),
        group_with(np.zeros((3, 4))),
        group_with(np.zeros((3, 4)), threshold=np.full(3, 0.01)),
        group_with([[1e-12] * 4] * 3),
        group_with([[0.3, -0.2, 0.1, 0.2]] * 3, threshold=np.full(3, 1e4)),
        group_with([[0.3, -0.2, 0.1, 0.2]] * 3, threshold=np.full(3, 1e12)),
        group_with([[0.3, -0.2, 0.1, 0.2]] * 3, threshold=np.full(3, 1e12), decay=np.ones(3)),
        group_with([[-5.0, -4.0, -3.3, -5.1]] * 3, threshold=np.full(3, 1e-3)),
        group_with([[0.02, 0.0, 0.01, 0.0]] * 3, current_decay=np.full(3, 0.5), current_gain=np.ones(3)),
    ],
)
@pytest.mark.parametrize("options", [{}, {"weight_bits": 4, "per_neuron": True}, {"potential_bits": 12}])
def test_what_cannot_fire_in_float_either_is_a_warning(network: Network, options: dict[str, Any]) -> None:
    made = quantize(network, QuantizeOptions(**options))
    told = "group lif: no input can make any neuron reach its threshold, in the float network as little as"
    assert any(line.startswith(told) for line in made.warnings)
    ones = np.ones((200, 1, 4), np.uint8)
    assert not run_clocked(made, ones).spikes["lif"].any()
    assert not simulate(network, ones).out.any()


def test_one_pruned_neuron_among_others_is_no_fault() -> None:
    """A scale of each neuron's own is that of its threshold where it has no weights."""
    weight = np.array([[0.4, 0.3, 0.7, 0.9], [0.0] * 4, [0.2, 0.8, 0.1, 0.6]])
    network = group_with(weight, bias=0.1, threshold=np.array([0.5, 0.3, 0.4]))
    ones = np.ones((40, 1, 4), np.uint8)
    wanted = simulate(network, ones).out.sum(axis=0)
    assert wanted.all()
    for options in ({"per_neuron": True}, {"per_neuron": True, "clip": "mse"}, {}):
        made = quantize(network, QuantizeOptions(**options))  # type: ignore[arg-type]
        counts = run_clocked(made, ones).spikes["lif"].sum(axis=0, dtype=np.int64)
        assert np.abs(counts - wanted.astype(np.int64)).max() <= 2


def test_neurons_without_weights_fire_by_their_bias() -> None:
    network = group_with(np.zeros((3, 4)), bias=0.05, threshold=np.full(3, 0.3))
    inputs = np.zeros((60, 1, 4), np.uint8)
    wanted = simulate(network, inputs).out
    assert wanted.any()
    assert np.array_equal(run_clocked(quantize(network, QuantizeOptions()), inputs).spikes["lif"], wanted)


def test_two_operators_in_a_row_may_be_all_zeros() -> None:
    operators = (Dense(np.full((4, 4), 0.5)), Dense(np.zeros((3, 4)), np.full(3, 0.05)))
    network = float_network(lif(threshold=np.full(3, 0.3)), operators=operators)
    inputs = np.ones((60, 1, 4), np.uint8)
    wanted = simulate(network, inputs).out
    assert wanted.any()
    assert np.array_equal(run_clocked(quantize(network, QuantizeOptions()), inputs).spikes["lif"], wanted)


@pytest.mark.parametrize(("make", "options", "text"), REFUSED)
def test_refusals(make: Callable[[], Network], options: dict[str, Any], text: str) -> None:
    with pytest.raises(UserError) as caught:
        quantize(make(), QuantizeOptions(**options))
    assert str(caught.value) == text


def same(left: QuantizedNetwork, right: QuantizedNetwork) -> bool:
    """Equal in every field, arrays with their dtypes."""

    def plain(network: QuantizedNetwork) -> list[object]:
        found: list[object] = [network.name, network.input_shape, network.output, network.warnings]
        for item in (*network.groups, *network.projections):
            for value in vars(item).values():
                found.append((value.dtype, value.tolist()) if isinstance(value, np.ndarray) else value)
        return found

    return plain(left) == plain(right)


def test_save_and_load(tmp_path: Path) -> None:
    for clamped in (False, True):
        network = random_network(np.random.default_rng(5), [4, 3, 2], weight_bits=12, clamped=clamped)
        network = replace(network, input_shape=(1, 2, 2), warnings=("one", "two µ"))
        path = tmp_path / "network.npz"
        network.save(path)
        assert same(QuantizedNetwork.load(path), network)


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "network.npz"
    with pytest.raises(UserError, match=f"^no such file: {re.escape(str(path))}$"):
        QuantizedNetwork.load(path)
    random_network(np.random.default_rng(5), [4, 3]).save(path)
    whole = files.read_npz(path)
    path.write_bytes(b"not an archive")
    with pytest.raises(UserError, match=r"is not a readable \.npz file"):
        QuantizedNetwork.load(path)
    files.write_npz(path, {**whole, "format": "something else 7"})
    with pytest.raises(
        UserError, match=r"format is 'something else 7', this version reads 'qsnn-hw quantized network 2'"
    ):
        QuantizedNetwork.load(path)
    for missing, says in (
        ("format", "format is None"),
        ("description", "its description is damaged"),
        ("groups.0.bias", r"groups\[0\].bias must be an array"),
        ("projections.0.weight", r"projections\[0\].weight must be an array"),
    ):
        files.write_npz(path, {k: v for k, v in whole.items() if k != missing})
        with pytest.raises(UserError, match=f"holds no quantized network of this version: {says}"):
            QuantizedNetwork.load(path)
    files.write_npz(path, {**whole, "groups.0.bias": np.zeros(2, np.int64)})
    with pytest.raises(UserError, match=r"groups\[0\].bias has shape \(2,\), and size is 3"):
        QuantizedNetwork.load(path)
