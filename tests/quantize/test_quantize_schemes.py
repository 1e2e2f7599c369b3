"""The default scheme of each width: what is said by hand wins, and 8 bits stay as they were."""

import numpy as np
import pytest

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.network import INPUT, Dense, Network, Projection
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.quantize import GroupOptions, QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.quantize.dead_zone import dead_zone
from qsnn_hw.quantize.schemes import PLAIN, Scheme, default_scheme
from tests.support.float_groups import lif
from tests.support.places import EXAMPLES


def network(decay: float = 0.9, size: int = 6) -> Network:
    rng = np.random.default_rng(3)
    group = lif("lif", size, decay=decay)
    weight = rng.normal(0.02, 0.2, (size, 20)) * rng.uniform(0.3, 1.5, (size, 1))
    return Network("n", (20,), (group,), (Projection("fc", INPUT, "lif", (Dense(weight),)),), "lif")


def same(left: QuantizedNetwork, right: QuantizedNetwork) -> bool:
    one, other = left.groups[0], right.groups[0]
    return (
        np.array_equal(left.projections[0].weight, right.projections[0].weight)
        and np.array_equal(one.scale, other.scale)
        and np.array_equal(one.threshold, other.threshold)
        and (one.fractional_bits, one.v_bits) == (other.fractional_bits, other.v_bits)
    )


@pytest.mark.parametrize("bits", range(2, 17))
def test_nothing_said_is_the_scheme_of_the_width(bits: int) -> None:
    scheme = default_scheme(bits)
    said = QuantizeOptions(
        weight_bits=bits,
        clip=scheme.clip,
        per_neuron=scheme.per_neuron,
        fractional_bits=scheme.fractional_bits,
    )
    default = QuantizeOptions(weight_bits=bits)
    assert default.scheme == said.scheme == scheme
    # A fast leak: a slow one gets more fractional bits by default, see below.
    assert same(quantize(network(0.5), default), quantize(network(0.5), said))


@pytest.mark.parametrize("bits", range(8, 17))
def test_wide_weights_are_rounded_plainly(bits: int) -> None:
    assert default_scheme(bits) == PLAIN == Scheme("max", per_neuron=False, fractional_bits=0)


def test_one_word_by_hand_leaves_the_default() -> None:
    """The others are then the plain ones, as they were before there was a default of each width."""
    assert QuantizeOptions(weight_bits=4, clip="mse").scheme == Scheme("mse", False, 0)
    assert QuantizeOptions(weight_bits=3, fractional_bits=2).scheme == Scheme("max", False, 2)
    assert QuantizeOptions(weight_bits=3, per_neuron=False).scheme == PLAIN
    assert QuantizeOptions(weight_bits=3, per_neuron=True).scheme == Scheme("max", True, 0)
    assert QuantizeOptions(weight_bits=3, rounding="compensate").scheme == PLAIN


def test_a_group_has_the_default_of_its_own_width() -> None:
    options = QuantizeOptions(groups={"lif": GroupOptions(weight_bits=4)})
    assert options.of("lif").scheme == default_scheme(4)
    assert same(quantize(network(), options), quantize(network(), QuantizeOptions(weight_bits=4)))


def test_one_scale_keeps_the_rest_of_the_default() -> None:
    options = QuantizeOptions(weight_bits=4).one_scale("lif")
    assert options.of("lif").scheme == Scheme("mse", False, default_scheme(4).fractional_bits)


@pytest.mark.parametrize("decay", [0.99, 0.999, 0.9999])
def test_a_slow_leak_gets_steps_fine_enough_to_leak(decay: float) -> None:
    """Potentials below ``1 / (1 - decay)`` steps do not leak: a slow leak needs small steps."""
    group = quantize(network(decay), QuantizeOptions()).groups[0]
    plain = quantize(network(decay), QuantizeOptions(clip="max")).groups[0]
    assert plain.fractional_bits == 0
    assert group.fractional_bits > 0
    assert group.fractional_bits == 8 or (2 * dead_zone(group) <= group.threshold).all()


def test_a_fast_leak_gets_no_more() -> None:
    assert quantize(network(0.5), QuantizeOptions()).groups[0].fractional_bits == 0


@pytest.mark.parametrize(
    ("model", "convention"),
    [
        ("digits/digits_64-32-10.nir", "snntorch"),
        ("mnist_fast/mnist_fast.nir", "norse"),
        ("mnist_conv/mnist_conv.nir", "snntorch"),
    ],
)
def test_the_shipped_networks_are_at_8_bits_as_they_were(model: str, convention: str) -> None:
    """The hardware tables hang on it: one scale a group, no fractional bits, a leak in 8 bits."""
    read = read_network(str(EXAMPLES / model), Convention.preset(convention))
    found = quantize(read, QuantizeOptions())
    said = quantize(read, QuantizeOptions(clip="max", per_neuron=False, fractional_bits=0, leak_bits=8))
    for one, other in zip(found.projections, said.projections, strict=True):
        assert np.array_equal(one.weight, other.weight)
    for one, other in zip(found.groups, said.groups, strict=True):
        for name, value in vars(one).items():
            assert np.array_equal(value, getattr(other, name)), name
