"""With many bits the integers say what the float network says, whatever its features."""

import re

import numpy as np
import pytest

from qsnn_hw.golden import output_of, run_clocked
from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import INPUT, Dense, Network, NeuronGroup, Projection
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize import GroupOptions, QuantizeOptions, quantize
from qsnn_hw.quantize.integers import round_weights
from qsnn_hw.quantize.operators import bare_operators, drive_of, fan_in_of, round_earlier, with_integers
from qsnn_hw.support.errors import UserError
from tests.support.float_groups import lif
from tests.support.wide_networks import FEATURES, random_network, random_path

FINE = QuantizeOptions(weight_bits=14, fractional_bits=4, leak_bits=12)


@pytest.mark.parametrize("seed", range(60))
def test_folding_keeps_the_linear_map(seed: int) -> None:
    rng = np.random.default_rng(seed)
    space = (int(rng.integers(1, 3)), int(rng.integers(1, 5)), int(rng.integers(2, 5)))
    operators, out = random_path(rng, space)
    size, post = int(np.prod(space)), int(np.prod(out))
    gain = rng.uniform(0.5, 2, post) if rng.random() < 0.6 else np.full(post, 0.7)
    chain = bare_operators(operators, gain)
    x = rng.random((5, size))
    wanted = gain * apply_operators(operators, x)
    got = apply_operators(chain.operators, x) + gain * drive_of(operators, size)
    assert got == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    assert post % chain.rows == 0


@pytest.mark.parametrize("seed", range(30))
def test_fan_in_is_reached_and_never_left(seed: int) -> None:
    rng = np.random.default_rng(seed)
    operators, out = random_path(rng, (1, 3, 3))
    chain, _ = round_earlier(bare_operators(operators, np.ones(int(np.prod(out)))), 6)
    whole = round_weights(chain.weights * 20, np.ones(len(chain.weights)), 8)
    made = with_integers(chain, whole, 8).operators
    bound = fan_in_of(made, 9, 2)
    drawn = apply_operators(made, rng.integers(0, 3, (200, 9)).astype(np.float64))
    assert (bound.low <= drawn.min(axis=0)).all()
    assert (drawn.max(axis=0) <= bound.high).all()
    if chain.last == 0 and len(made) == 1:
        matrix = apply_operators(made, np.eye(9))
        assert np.array_equal(bound.high, 2 * np.maximum(matrix, 0).sum(axis=0))


@pytest.mark.parametrize("feature", [f for f in FEATURES if f != "readout"])
def test_spikes_of_a_finely_rounded_network_are_the_float_ones(feature: str) -> None:
    same = total = fired = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        drawn = random_network(rng, [feature], loops=False, delays=True)
        try:
            network = quantize(drawn, FINE)
        except UserError:
            continue
        inputs = (rng.random((12, 8, *drawn.input_shape)) < 0.4).astype(np.uint8)
        wanted = simulate(drawn, inputs, dtype=np.float64).out
        got = output_of(network, run_clocked(network, inputs))
        same += int(np.count_nonzero(got == wanted))
        fired += int(np.count_nonzero(wanted))
        total += wanted.size
    assert fired > 0.02 * total
    assert total - same < 0.03 * fired + 2


@pytest.mark.parametrize("loops", [False, True])
def test_readouts_of_a_finely_rounded_network_are_the_float_ones(loops: bool) -> None:
    compared = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        drawn = random_network(rng, ["readout"], loops, delays=True)
        try:
            network = quantize(drawn, FINE)
        except UserError:
            continue
        inputs = (rng.random((12, 3, *drawn.input_shape)) < 0.4).astype(np.uint8)
        wanted = simulate(drawn, inputs, dtype=np.float64).out
        got = output_of(network, run_clocked(network, inputs))
        assert got.shape == wanted.shape
        assert np.abs(got - wanted).max() < 0.01 * max(1.0, float(np.abs(wanted).max()))
        compared += 1
    assert compared > 6


def chained(*groups: NeuronGroup) -> Network:
    rng = np.random.default_rng(4)
    sources = [INPUT, *(g.name for g in groups)]
    projections = tuple(
        Projection(f"fc{i}", sources[i], g.name, (Dense(rng.normal(size=(3, 3))),))
        for i, g in enumerate(groups)
    )
    return Network("net", (3,), groups, projections, groups[-1].name)


def test_each_group_has_its_own_options() -> None:
    network = chained(lif("a"), lif("b"), lif("c"))
    options = QuantizeOptions(
        weight_bits=8,
        groups={
            "b": GroupOptions(weight_bits=4, fractional_bits=3),
            "c": {"clip": "mse", "per_neuron": True},
        },  # type: ignore[dict-item]
    )
    made = quantize(network, options)
    assert [p.weight_bits for p in made.projections] == [8, 4, 8]
    assert [g.fractional_bits for g in made.groups] == [0, 3, 0]
    assert np.abs(made.projections[1].weight).max() == 7
    assert len(set(made.groups[2].scale.tolist())) == 3
    alone = quantize(network, QuantizeOptions(weight_bits=4, fractional_bits=3))
    assert np.array_equal(made.projections[1].weight, alone.projections[1].weight)
    assert options.with_group("b", weight_bits=5).of("b") == QuantizeOptions(weight_bits=5, fractional_bits=3)
    assert options.of("a") is options


def test_threshold_factor() -> None:
    plain = quantize(chained(lif("a")), QuantizeOptions(fractional_bits=4)).groups[0]
    higher = quantize(chained(lif("a")), QuantizeOptions(fractional_bits=4, threshold_factor=1.5)).groups[0]
    # Where it can still be reached; see the quantizer on thresholds out of reach.
    assert higher.reset_amount[:2] == pytest.approx(1.5 * plain.reset_amount[:2], abs=1)
    assert higher.threshold[:2] == pytest.approx(1.5 * plain.threshold[:2], abs=1.5)


def test_input_maximum_widens_the_potential() -> None:
    one = quantize(chained(lif("a")), QuantizeOptions())
    many = quantize(chained(lif("a")), QuantizeOptions(input_max=8))
    assert (one.input_max, many.input_max) == (1, 8)
    assert many.groups[0].v_bits >= one.groups[0].v_bits + 2


ERRORS = [
    (lambda: QuantizeOptions(groups={"a": 4}), "group a: options must be a mapping of fields, not 4"),  # type: ignore[dict-item]
    (
        lambda: QuantizeOptions(groups={"a": {"bits": 4}}),  # type: ignore[dict-item]
        "group a: unknown option 'bits'; a group takes weight_bits, clip, per_neuron, fractional_bits, "
        "leak_bits, threshold_factor, keep_integers",
    ),
    (
        lambda: QuantizeOptions(groups={"a": GroupOptions(weight_bits=1)}),
        "group a: weight bits must be a whole number from 2 to 16, not 1",
    ),
    (lambda: QuantizeOptions(input_max=0), "input maximum must be a whole number from 1 to 255, not 0"),
    (lambda: QuantizeOptions(rounding="down"), "rounding must be one of nearest, compensate, not 'down'"),  # type: ignore[arg-type]
    (
        lambda: QuantizeOptions(threshold_factor=0.0),
        "threshold factor must be a number from 0.1 to 10, not 0.0",
    ),
    (
        lambda: quantize(chained(lif("a")), QuantizeOptions(groups={"z": GroupOptions(weight_bits=4)})),
        "options for group 'z', which does not exist; groups are a",
    ),
    (
        lambda: quantize(chained(lif("a", max_spikes=None, reset="zero")), QuantizeOptions()),
        "group a: several spikes per step need an immediate reset by subtraction; "
        "pass --set reset=subtract and --set reset_delay=false, or --set max_spikes=1",
    ),
    (
        lambda: quantize(chained(lif("a", reset_retest=True, reset="v_reset")), QuantizeOptions()),
        "group a: reset_retest belongs to snnTorch, which never resets to v_reset; "
        "pass --set reset_retest=false or another reset",
    ),
    (
        lambda: quantize(
            chained(lif("a", current_decay=np.ones(3), current_gain=np.ones(3))),
            QuantizeOptions(weight_bits=16, fractional_bits=8, input_max=200),
        ),
        "group a: worst-case fan-in needs a 33-bit synaptic current, more than 32 bits; use fewer --bits or "
        "--fractional-bits",
    ),
]


@pytest.mark.parametrize(("make", "text"), ERRORS)
def test_errors(make: object, text: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        make()  # type: ignore[operator]
