"""Readouts: potentials fine enough to be compared, and wide enough not to be cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.golden import GoldenRun, output_of, run_clocked
from qsnn_hw.model.network import INPUT, Dense, Network, NeuronGroup, Projection
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize

SLOW = 1 - 3 / 256
"""A decay that needs no rounding, so that what differs is the potential's own rounding."""


def readout(
    weight: np.ndarray,
    decay: float | np.ndarray,
    *,
    bias: np.ndarray | None = None,
    current_decay: float | None = None,
) -> Network:
    """One readout group straight behind the input."""
    size, inputs = weight.shape
    ones = np.ones(size)
    group = NeuronGroup(
        "out",
        (size,),
        decay * ones,
        ones,
        0 * ones,
        None,
        0 * ones,
        reset="none",
        current_decay=None if current_decay is None else current_decay * ones,
        current_gain=None if current_decay is None else ones,
    )
    projection = Projection("fc", INPUT, "out", (Dense(weight, bias),))
    return Network("net", (inputs,), (group,), (projection,), "out")


def ran(network: Network, inputs: np.ndarray, **options: int) -> tuple[QuantizedNetwork, GoldenRun]:
    made = quantize(network, QuantizeOptions(**options))
    return made, run_clocked(made, inputs)


def test_the_order_outlasts_silence() -> None:
    """Potentials that leak for long stay apart, as in float, and do not meet where no leak is left."""
    network = readout(np.array([[0.5, 0.0], [0.0, 1.0]]), SLOW)
    inputs = np.zeros((250, 1, 2), np.uint8)
    inputs[:4] = 1
    made, run = ran(network, inputs)
    assert simulate(network, inputs).out[-1].argmax() == 1
    assert run.potentials["out"][-1].argmax() == 1
    real = output_of(made, run)[-1, 0]
    assert real == pytest.approx(
        simulate(network, inputs).out[-1, 0], abs=3 * float(made.group("out").scale[0])
    )


@pytest.mark.parametrize("decay", [SLOW, 1.0])
def test_a_small_bias_adds_up_as_in_float(decay: float) -> None:
    """A bias below half a weight step is not lost, nor is one above it doubled."""
    weight = np.array([[1.0, -1.0], [0.5, 0.5], [0.2, 0.1]])
    bias = np.array([0.003, -0.003, 0.0061])
    network = readout(weight, decay, bias=bias)
    inputs = np.zeros((300, 1, 2), np.uint8)
    made, run = ran(network, inputs)
    step = float(made.group("out").scale[0])
    assert np.abs(bias).min() < step / 2, "a weight step must be coarser than the bias"
    wanted = simulate(network, inputs).out[-1, 0]
    assert output_of(made, run)[-1, 0] == pytest.approx(wanted, rel=0.01, abs=2 * step)


@pytest.mark.parametrize("bits", [2, 8, 16])
def test_an_integrator_collects_a_long_sample_without_saturating(bits: int) -> None:
    rng = np.random.default_rng(bits)
    network = readout(rng.normal(0.5, 1, (3, 5)), 1.0)
    inputs = np.ones((1000, 1, 5), np.uint8)
    made, run = ran(network, inputs, weight_bits=bits)
    assert not made.warnings
    assert run.saturations["out"] == 0
    assert output_of(made, run)[-1, 0].argmax() == simulate(network, inputs).out[-1, 0].argmax()


def test_an_integrator_that_may_saturate_says_so() -> None:
    made = quantize(readout(np.ones((2, 600)), 1.0, bias=np.full(2, 0.1)), QuantizeOptions(weight_bits=16))
    assert made.group("out").v_bits <= 32
    asked = quantize(readout(np.ones((2, 6)), 1.0), QuantizeOptions(potential_bits=10))
    group = asked.group("out")
    assert (group.v_low, group.v_high, group.fractional_bits) == (-512, 511, 0)


@given(
    st.integers(2, 16),
    st.integers(1, 3000),
    st.floats(0, 1 - 1 / 200),
    st.one_of(st.none(), st.floats(0, 1 - 1 / 200)),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_readout_needs_more_than_its_fan_in(
    bits: int, inputs: int, decay: float, current_decay: float | None, biased: bool
) -> None:
    """Finer potentials never make a network too wide that fits without them."""
    network = readout(
        np.ones((1, inputs)), decay, bias=np.ones(1) if biased else None, current_decay=current_decay
    )
    gain = 1 / (1 - decay) / (1 if current_decay is None else 1 - current_decay)
    if 2.0 ** (bits - 1) * (inputs + 1) * gain > 2.0**29:
        return
    assert quantize(network, QuantizeOptions(weight_bits=bits)).group("out").v_bits <= 32


def test_asked_for_fractional_bits_are_kept_where_they_are_more() -> None:
    network = readout(np.array([[1.0, 0.7, 0.123]]), 0.5)
    for asked, kept in ((0, 1), (1, 1), (6, 6)):
        assert quantize(network, QuantizeOptions(fractional_bits=asked)).group("out").fractional_bits == kept
