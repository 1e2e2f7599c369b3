"""What comes out of training is a float network that ``quantize`` turns into the trained integers."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="fine-tuning needs torch, an extra")

from qsnn_hw.finetune.export import compare, deployed_options, exported  # noqa: E402
from qsnn_hw.finetune.forward import IntegerNetwork  # noqa: E402
from qsnn_hw.golden.clocked import run_clocked  # noqa: E402
from qsnn_hw.model.network import INPUT, Dense, Network, Projection  # noqa: E402
from qsnn_hw.quantize.options import GroupOptions, QuantizeOptions  # noqa: E402
from qsnn_hw.quantize.quantizer import quantize  # noqa: E402
from qsnn_hw.support.errors import MismatchError  # noqa: E402
from tests.support import finetune_networks as nets  # noqa: E402

OPTIONS = [
    QuantizeOptions(weight_bits=2, clip="mse", per_neuron=True, fractional_bits=2),
    QuantizeOptions(weight_bits=4, clip="percentile"),
    QuantizeOptions(
        weight_bits=5,
        fractional_bits=2,
        threshold_factor=0.9,
        groups={"two": GroupOptions(weight_bits=3, clip="mse", per_neuron=True)},
    ),
]


def shake(model: IntegerNetwork, rng: np.random.Generator, size: float) -> None:
    """Move every trained number, as training would."""
    with torch.no_grad():
        for p in model.parameters():
            if p.requires_grad:
                p += torch.from_numpy(rng.normal(0, size, tuple(p.shape))).to(p.dtype)
    for module in model.trained:
        module.project()


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", nets.KINDS.values(), ids=nets.KINDS)
def test_export_is_what_was_trained(kind: dict[str, object], options: QuantizeOptions) -> None:
    rng = np.random.default_rng(8)
    net = nets.network(rng, recurrent=True, cuba="max_spikes" not in kind, **kind)  # type: ignore[arg-type]
    model = IntegerNetwork(net, options)
    shake(model, rng, 0.2)
    network, quantized = exported(model)
    # exported() compares the integers itself; this compares what they do.
    again = quantize(network, deployed_options(options))
    x = nets.spikes(rng, net, 12, 5)
    names = frozenset(group.name for group in net.groups)
    golden = run_clocked(again, x, record=names)
    with torch.no_grad():
        trace = model(torch.from_numpy(x.astype(np.float32)), names)
    for name in names:
        assert np.array_equal(trace.spikes[name].numpy(), golden.spikes[name])
        assert np.array_equal(trace.potentials[name].numpy(), golden.potentials[name])
        assert np.array_equal(quantized.group(name).threshold, again.group(name).threshold)


def test_training_starts_from_the_integers_of_quantize() -> None:
    rng = np.random.default_rng(9)
    net = nets.network(rng, recurrent=True, skip_delay=1)
    options = QuantizeOptions(weight_bits=3, clip="mse", per_neuron=True)
    _, quantized = exported(IntegerNetwork(net, options))
    plain = quantize(net, options)
    for one, other in zip(quantized.projections, plain.projections, strict=True):
        assert np.array_equal(one.weight, other.weight)
    for one, other in zip(quantized.groups, plain.groups, strict=True):
        assert np.array_equal(one.threshold, other.threshold)
        assert np.array_equal(one.bias, other.bias)


def test_a_range_left_unused_is_still_read_back_on_its_grid() -> None:
    rng = np.random.default_rng(10)
    net = nets.network(rng)
    options = QuantizeOptions(weight_bits=4, per_neuron=True)
    model = IntegerNetwork(net, options)
    with torch.no_grad():
        for module in model.trained:
            module.weight *= 0.6
    _, quantized = exported(model)
    for p in quantized.projections:
        assert (np.abs(p.weight).max(axis=1) == 7).all()
        assert (np.sort(np.abs(p.weight), axis=1)[:, -2] <= 5).all()


def test_a_neuron_without_weights_stays_without() -> None:
    rng = np.random.default_rng(11)
    net = nets.network(rng)
    first = net.projections[0].operators[0]
    assert isinstance(first, Dense)
    weight = first.weight.copy()
    weight[2] = 0
    changed = replace(net.projections[0], operators=(Dense(weight, first.bias),))
    net = replace(net, projections=(changed, *net.projections[1:]))
    model = IntegerNetwork(net, QuantizeOptions(weight_bits=4, per_neuron=True))
    shake(model, rng, 0.2)
    _, quantized = exported(model)
    assert not quantized.projections[0].weight[2].any()


@pytest.mark.parametrize("comparison", [">", ">="])
def test_a_threshold_on_the_edge_of_rounding_is_moved_off_it(comparison: str) -> None:
    # The largest weight 1 makes 7 steps of 1/7 at 4 bits: 1.5 / (1/7) = 10.5 and 1 / (1/7) = 7.
    weight = np.array([[1.0, 0.3, -0.4], [0.2, 1.0, 0.5]])
    rng = np.random.default_rng(12)
    group = nets.group(
        rng, "one", 2, threshold=np.array([1.5, 1.0]), comparison=comparison, input_gain=np.ones(2)
    )
    net = Network("edge", (3,), (group,), (Projection("a", INPUT, "one", (Dense(weight),)),), "one")
    options = QuantizeOptions(weight_bits=4, clip="max")
    network, quantized = exported(IntegerNetwork(net, options))
    plain = quantize(net, options)
    assert np.array_equal(quantized.groups[0].threshold, plain.groups[0].threshold)
    assert np.array_equal(quantized.groups[0].reset_amount, plain.groups[0].reset_amount)
    made = network.groups[0].threshold
    assert made is not None
    real = made / quantized.groups[0].step
    assert (np.abs(real * 2 - np.rint(real * 2)) > 0.4).all()


@pytest.mark.parametrize("what", ["weight of a", "bias", "threshold"])
def test_a_difference_is_told(what: str) -> None:
    rng = np.random.default_rng(13)
    net = nets.network(rng)
    options = QuantizeOptions(weight_bits=4)
    model = IntegerNetwork(net, options)
    network, quantized = exported(model)
    with torch.no_grad():
        made = {m.source.name: m.integers() for m in model.trained}
    compare(quantized, made, network, options)
    one = made["one"]
    key = {"weight of a": "weights", "bias": "drive", "threshold": "threshold"}[what]
    value = getattr(one, key)
    other = tuple(w.detach() + 1 for w in value) if key == "weights" else value.detach() + 1
    with pytest.raises(MismatchError, match=f"group one: {what}.*trained was"):
        compare(quantized, {**made, "one": replace(one, **{key: other})}, network, options)
