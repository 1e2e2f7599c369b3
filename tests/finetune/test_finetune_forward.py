"""The torch forward pass is the golden model: every spike and every potential."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="fine-tuning needs torch, an extra")

from qsnn_hw.finetune.forward import IntegerNetwork  # noqa: E402
from qsnn_hw.golden.clocked import output_of, run_clocked  # noqa: E402
from qsnn_hw.model.convention import Convention  # noqa: E402
from qsnn_hw.model.dataset import load_dataset  # noqa: E402
from qsnn_hw.model.network import Network, Projection  # noqa: E402
from qsnn_hw.model.readers.reader import read_network  # noqa: E402
from qsnn_hw.model.simulate import predict  # noqa: E402
from qsnn_hw.quantize.options import QuantizeOptions  # noqa: E402
from qsnn_hw.support.errors import UserError  # noqa: E402
from tests.support import finetune_networks as nets  # noqa: E402

OPTIONS = {
    "4 bits": QuantizeOptions(weight_bits=4),
    "8 bits by neuron": QuantizeOptions(
        weight_bits=8, fractional_bits=3, per_neuron=True, clip="mse", leak_rounding="zero"
    ),
    "3 bits, saturating": QuantizeOptions(
        weight_bits=3, clip="percentile", fractional_bits=2, potential_bits=9
    ),
}
SHAPES: dict[str, dict[str, object]] = {
    "plain": {},
    "current": {"cuba": True},
    "loop": {"recurrent": True, "cuba": True},
    "delayed skip": {"skip_delay": 2},
    "readout": {"readout": True},
}


def mismatches(model: IntegerNetwork, inputs: np.ndarray) -> tuple[int, int, int]:
    """Spikes that differ, potentials that differ, spikes in all."""
    names = frozenset(group.name for group in model.network.groups)
    golden = run_clocked(model.quantized, inputs, record=names)
    with torch.no_grad():
        trace = model(torch.from_numpy(inputs.astype(np.float32)), names)
    spikes = sum(int((trace.spikes[n].numpy() != golden.spikes[n]).sum()) for n in names)
    potentials = sum(int((trace.potentials[n].numpy() != golden.potentials[n]).sum()) for n in names)
    return spikes, potentials, sum(int(s.sum()) for s in golden.spikes.values())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", nets.KINDS)
def test_forward_is_the_golden_model(kind: str, shape: str) -> None:
    rng = np.random.default_rng(3)
    net = nets.network(rng, **SHAPES[shape], **nets.KINDS[kind])  # type: ignore[arg-type]
    # Every kind and every shape meets each of the options.
    options = list(OPTIONS.values())[(list(nets.KINDS).index(kind) + list(SHAPES).index(shape)) % 3]
    spikes, potentials, fired = mismatches(IntegerNetwork(net, options), nets.spikes(rng, net, 15, 6))
    assert (spikes, potentials) == (0, 0)
    assert fired > 50


@pytest.mark.parametrize("readout", [False, True])
def test_what_is_trained_on_is_what_answers(readout: bool) -> None:
    rng = np.random.default_rng(3)
    net = nets.network(rng, readout=readout)
    model = IntegerNetwork(net, QuantizeOptions(weight_bits=4))
    inputs = nets.spikes(rng, net, 15, 40)
    with torch.no_grad():
        logits = model.output(model(torch.from_numpy(inputs.astype(np.float32)))).numpy()
    wanted = predict(output_of(model.quantized, run_clocked(model.quantized, inputs)))
    assert np.array_equal(logits.argmax(axis=1), wanted)
    assert len(set(wanted.tolist())) > 1


def test_potentials_past_float32_are_exact() -> None:
    rng = np.random.default_rng(4)
    net = nets.network(rng, (40, 6, 3), reset="none")
    options = QuantizeOptions(weight_bits=16, fractional_bits=6)
    model = IntegerNetwork(net, options)
    assert mismatches(model, nets.spikes(rng, net, 20, 4))[:2] == (0, 0)


def test_potentials_that_outgrow_float32_are_found_in_the_run() -> None:
    rng = np.random.default_rng(4)
    net = nets.network(rng, (12, 6, 3), reset="none", decay=np.full(6, 0.995), comparison=">")
    net = Network(net.name, net.input_shape, (net.groups[0],), net.projections[:1], "one")
    model = IntegerNetwork(net, QuantizeOptions(weight_bits=12, fractional_bits=6, leak_bits=12))
    assert mismatches(model, nets.spikes(rng, net, 60, 4, rate=0.9))[:2] == (0, 0)
    assert model.wide == {"one"}


def test_every_weight_gets_a_gradient() -> None:
    rng = np.random.default_rng(5)
    net = nets.network(rng, recurrent=True, cuba=True)
    model = IntegerNetwork(net, QuantizeOptions(weight_bits=4))
    trace = model(torch.from_numpy(nets.spikes(rng, net, 20, 8).astype(np.float32)))
    trace.spikes["two"].sum().backward()
    for module in model.trained:
        assert float((module.weight.grad != 0).float().mean()) > 0.9
        assert bool((module.bias.grad != 0).any())


def test_other_operators_are_refused() -> None:
    rng = np.random.default_rng(6)
    net = nets.network(rng, (9, 9, 5))
    bare = Projection("bare", "input", "one", ())
    net = Network(net.name, net.input_shape, net.groups, (*net.projections, bare), net.output)
    with pytest.raises(UserError, match="fine-tuning takes dense projections only; projection bare has no"):
        IntegerNetwork(net, QuantizeOptions())


def test_a_group_that_begins_at_its_rest_is_refused() -> None:
    rng = np.random.default_rng(8)
    net = nets.network(rng)
    begun = tuple(replace(group, start=np.full(group.size, 0.25)) for group in net.groups)
    with pytest.raises(UserError, match="starts at a rest other than 0 and counts from 0, which fine-tuning"):
        IntegerNetwork(replace(net, groups=begun), QuantizeOptions())


def test_an_integrator_needs_a_width() -> None:
    rng = np.random.default_rng(7)
    net = nets.network(rng, decay=np.ones(9))
    groups = tuple(g if g.name == "one" else nets.group(rng, "two", 5) for g in net.groups)
    net = Network(net.name, net.input_shape, groups, net.projections, net.output)
    with pytest.raises(UserError, match=r"group one has no leak.*--potential-bits"):
        IntegerNetwork(net, QuantizeOptions())
    model = IntegerNetwork(net, QuantizeOptions(potential_bits=10))
    assert mismatches(model, nets.spikes(rng, net, 15, 6))[:2] == (0, 0)


def test_a_current_that_keeps_everything_is_refused() -> None:
    """Its saturation follows the weights, and those move in training."""
    rng = np.random.default_rng(7)
    one = nets.group(rng, "one", 9, current_decay=np.ones(9), current_gain=np.ones(9))
    net = nets.network(rng)
    groups = tuple(one if g.name == "one" else g for g in net.groups)
    net = Network(net.name, net.input_shape, groups, net.projections, net.output)
    with pytest.raises(
        UserError, match=r"group one has a synaptic current that keeps everything.*without fine"
    ):
        IntegerNetwork(net, QuantizeOptions())


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_trained_digits_are_the_golden_model(digits: Path, bits: int) -> None:
    network = read_network(digits / "digits_64-32-10.nir", Convention.preset("snntorch"))
    test = load_dataset(digits / "digits_test.npz", network=network)
    model = IntegerNetwork(network, QuantizeOptions(weight_bits=bits, clip="mse", per_neuron=True))
    spikes, potentials, fired = mismatches(model, test.input)
    assert (spikes, potentials) == (0, 0)
    assert fired > 10_000


class _Fire(torch.autograd.Function):
    """The surrogate once more, in the simplest words."""

    @staticmethod
    def forward(ctx: object, distance: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(distance)  # type: ignore[attr-defined]
        return (distance > 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        (distance,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient / (1 + 5 * distance.abs()) ** 2


@pytest.mark.parametrize("zero", [False, True], ids=["subtract late", "zero at once"])
def test_gradients_are_those_of_autograd(zero: bool) -> None:
    """Against a loop that autograd differentiates: a recurrent CubaLIF layer and its output spikes."""
    rng = np.random.default_rng(14)
    fields: dict[str, object] = {"reset": "zero"} if zero else {"reset": "subtract", "reset_delay": True}
    net = nets.network(rng, recurrent=True, cuba=True, **fields)
    net = Network(net.name, net.input_shape, net.groups[:1], net.projections[:2], "one")
    model = IntegerNetwork(net, QuantizeOptions(weight_bits=4, fractional_bits=2), slope=5.0)
    x = torch.from_numpy(nets.spikes(rng, net, 12, 4).astype(np.float32))
    mark = torch.linspace(-1, 2, 12 * 4 * 9).view(12, 4, 9)
    (model(x).spikes["one"] * mark).sum().backward()
    module = model.trained[0]

    made, q = module.integers(), model.quantized.groups[0]
    weight, loop = (w.detach().double().requires_grad_() for w in made.weights)
    bias = made.drive.detach().clone().requires_grad_()
    current_leak = torch.from_numpy(q.current_leak_numerator / 2**q.current_leak_shift)
    leak = q.leak_numerator / 2**q.leak_shift
    v, current = torch.zeros(4, 9).double(), torch.zeros(4, 9).double()
    fired, spikes = torch.zeros(4, 9).double(), []
    for step in x.double():
        drive = (step @ weight.T + fired @ loop.T) * 4 + bias
        current = current + drive
        v = v + torch.from_numpy(q.bias) + current
        fired = _Fire.apply((v - made.threshold + 0.5) / made.width)
        spikes.append(fired)
        # Straight through a floor: the value is the integer's, the gradient the fraction's.
        lost = v * leak
        kept = v - lost - (torch.floor(lost) - lost).detach()
        off = fired.detach()
        v = kept * (1 - off) if zero else kept - off * made.amount
        lost = current * current_leak
        current = current - lost - (torch.floor(lost) - lost).detach()
    (torch.stack(spikes) * mark).sum().backward()
    assert torch.equal(torch.stack(spikes).float(), model(x).spikes["one"])
    wanted = torch.cat([weight.grad, loop.grad], dim=1) * module.largest
    assert torch.allclose(module.weight.grad.double(), wanted, rtol=1e-4, atol=1e-5)
    assert torch.allclose(module.bias.grad, bias.grad * module.unit, rtol=1e-4, atol=1e-5)
