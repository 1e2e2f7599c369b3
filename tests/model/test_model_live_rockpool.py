"""Live Rockpool modules: spikes equal the module's own forward."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.golden import run_clocked, run_event_driven
from qsnn_hw.model.network_file import load_network, save_network
from qsnn_hw.model.readers.live import read_rockpool
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.support.errors import UserError
from tests.support.live_checks import SAMPLES, STEPS, check, imported

torch, modules, combinators, torch_module = imported(
    "torch", "rockpool.nn.modules", "rockpool.nn.combinators", "rockpool.nn.modules.torch.torch_module"
)
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")

INPUTS, HIDDEN, OUTPUTS = 12, 9, 5


def spread(low: float, high: float, *shape: int) -> Any:
    """Random values between the two."""
    return low + (high - low) * torch.rand(*shape)


def dense(pre: int, post: int, factor: float = 2.0, **options: Any) -> Any:
    """A dense layer with weights large enough for spikes."""
    return modules.LinearTorch((pre, post), weight=factor / pre**0.5 * torch.randn(pre, post), **options)


LAYERS: dict[str, Any] = {
    "LIF": lambda: [modules.LIFTorch(HIDDEN)],
    "LIF one at most": lambda: [modules.LIFTorch(HIDDEN, max_spikes_per_dt=1)],
    "LIF two at most": lambda: [modules.LIFTorch(HIDDEN, max_spikes_per_dt=2)],
    "LIF five at most": lambda: [modules.LIFTorch(HIDDEN, max_spikes_per_dt=torch.tensor(5.0))],
    "LIF more than counted": lambda: [modules.LIFTorch(HIDDEN, max_spikes_per_dt=1000)],
    "LIF bias": lambda: [modules.LIFTorch(HIDDEN, bias=spread(-0.2, 0.4, HIDDEN))],
    "LIF one bias": lambda: [modules.LIFTorch(HIDDEN, bias=0.3)],
    "LIF another step": lambda: [modules.LIFTorch(HIDDEN, dt=4e-3)],
    "LIF a tau each": lambda: [
        modules.LIFTorch(HIDDEN, tau_mem=spread(0.01, 0.05, HIDDEN), tau_syn=spread(6e-3, 0.02, HIDDEN, 1))
    ],
    "LIF one tau": lambda: [modules.LIFTorch(HIDDEN, tau_mem=torch.tensor(0.03), tau_syn=torch.tensor(0.01))],
    "LIF a threshold each": lambda: [modules.LIFTorch(HIDDEN, threshold=spread(0.6, 1.4, HIDDEN))],
    "LIF decays": lambda: [
        modules.LIFTorch(HIDDEN, leak_mode="decays", alpha=torch.tensor(0.8), beta=torch.tensor(0.4))
    ],
    "LIF bit shifts": lambda: [modules.LIFTorch(HIDDEN, leak_mode="bitshifts")],
    "LIF the other surrogate": lambda: [
        modules.LIFTorch(HIDDEN, spike_generation_fn=modules.torch.lif_torch.PeriodicExponential)
    ],
    "LIF recurrent": lambda: [
        modules.LIFTorch(HIDDEN, has_rec=True, w_rec=0.1 * torch.randn(HIDDEN, HIDDEN), max_spikes_per_dt=3)
    ],
    "LIF everything": lambda: [
        modules.LIFTorch(
            HIDDEN,
            bias=spread(-0.2, 0.4, HIDDEN),
            tau_mem=spread(0.01, 0.05, HIDDEN),
            has_rec=True,
            w_rec=0.1 * torch.randn(HIDDEN, HIDDEN),
            max_spikes_per_dt=2,
            dt=2e-3,
        )
    ],
    "LIFBitshift": lambda: [modules.LIFBitshiftTorch(HIDDEN)],
    "LIFNeuron": lambda: [modules.LIFNeuronTorch(HIDDEN)],
    "LIFNeuron everything": lambda: [
        modules.LIFNeuronTorch(
            HIDDEN, tau_mem=spread(0.01, 0.05, HIDDEN), bias=spread(0, 0.2, HIDDEN), max_spikes_per_dt=2
        )
    ],
    "ExpSyn and LIFNeuron": lambda: [
        modules.ExpSynTorch(HIDDEN, tau=spread(6e-3, 0.02, HIDDEN), dt=2e-3),
        modules.LIFNeuronTorch(HIDDEN, tau_mem=spread(0.01, 0.05, HIDDEN), bias=0.1, dt=2e-3),
    ],
    "ExpSyn and LIF": lambda: [
        dense(HIDDEN, HIDDEN, 0.5),
        modules.LIFTorch(HIDDEN),
        dense(HIDDEN, HIDDEN, 0.5, has_bias=True),
        modules.ExpSynTorch(HIDDEN),
        modules.LIFNeuronTorch(HIDDEN, max_spikes_per_dt=4),
    ],
    "torch's own Linear": lambda: [
        modules.LIFTorch(HIDDEN),
        nn.Linear(HIDDEN, HIDDEN),
        modules.LIFTorch(HIDDEN),
    ],
}


def run(net: Any, *shape: int) -> tuple[Any, Any]:
    """Input and the module's own output, time in front; its states are reset."""
    x = (torch.rand(SAMPLES, STEPS, *shape) < 0.4).float()
    net.reset_state()
    with torch.no_grad():
        out = net(x)[0]
    net.reset_state()
    return x.transpose(0, 1), out.transpose(0, 1)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer(kind: str, seed: int) -> None:
    torch.manual_seed(seed)
    net = combinators.Sequential(
        dense(INPUTS, HIDDEN, 0.6, has_bias=True, bias=spread(0, 0.1, HIDDEN)),
        *LAYERS[kind](),
        dense(HIDDEN, OUTPUTS, 0.6),
        modules.LIFTorch(OUTPUTS, max_spikes_per_dt=3),
    )
    x, expected = run(net, INPUTS)
    network = read_rockpool(net, (INPUTS,))
    assert not network.warnings
    check(network, x, expected)


@pytest.mark.parametrize("most", [1, 2, 3, 6])
def test_its_limit_reaches_the_integers(most: int, tmp_path: Path) -> None:
    """Saved, read again and quantized: clocked and event-driven integers keep the limit, too."""
    torch.manual_seed(most)
    net = combinators.Sequential(
        dense(INPUTS, HIDDEN),
        modules.LIFTorch(HIDDEN, max_spikes_per_dt=most),
        dense(HIDDEN, OUTPUTS),
        modules.LIFTorch(OUTPUTS, max_spikes_per_dt=most),
    )
    x, expected = run(net, INPUTS)
    save_network(read_rockpool(net, (INPUTS,)), tmp_path / "live.npz")
    network = load_network(tmp_path / "live.npz")
    assert [group.max_spikes for group in network.groups] == [most, most]
    assert expected.max() == most
    check(network, x, expected)
    integers = quantize(network, QuantizeOptions(weight_bits=12, fractional_bits=6))
    assert [group.max_spikes for group in integers.groups] == [most, most]
    spikes = x.numpy().astype(np.uint8)
    clocked, by_events = run_clocked(integers, spikes), run_event_driven(integers, spikes)
    for name, counts in clocked.spikes.items():
        assert counts.max() == most
        assert np.array_equal(counts, by_events.spikes[name])
    # With many bits the integers do what the floats do, but for a spike here and there.
    assert np.mean(clocked.spikes[network.output] != expected.numpy()) < 0.02


def test_a_readout_of_synapses() -> None:
    torch.manual_seed(3)
    net = combinators.Sequential(
        dense(INPUTS, HIDDEN, 0.6),
        modules.LIFTorch(HIDDEN),
        dense(HIDDEN, OUTPUTS, 0.6, has_bias=True),
        modules.ExpSynTorch(OUTPUTS, tau=spread(0.01, 0.03, OUTPUTS)),
    )
    x, expected = run(net, INPUTS)
    network = read_rockpool(net, (INPUTS,))
    assert network.groups[-1].threshold is None
    largest = float(expected.abs().max())
    assert largest > 1
    assert simulate(network, x.numpy()).out == pytest.approx(expected.numpy(), abs=1e-5 * largest)


def traced_net() -> Any:
    """A module with a forward of its own, and a residual block."""

    class Net(torch_module.TorchModule):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__(shape=(INPUTS, OUTPUTS))
            self.first, self.hidden = (
                dense(INPUTS, HIDDEN, 0.6),
                modules.LIFTorch(HIDDEN, max_spikes_per_dt=2),
            )
            self.block = combinators.Residual(dense(HIDDEN, HIDDEN, 0.6), modules.LIFTorch(HIDDEN))
            self.last, self.out = dense(HIDDEN, OUTPUTS, 0.6), modules.LIFTorch(OUTPUTS)

        def forward(self, x: Any) -> Any:
            for layer in (self.first, self.hidden, self.block, self.last, self.out):
                x, _, _ = layer(x)
            return x

    return Net()


@pytest.mark.parametrize("seed", [0, 1])
def test_a_module_with_a_forward_of_its_own(seed: int) -> None:
    torch.manual_seed(seed)
    net = traced_net()
    x, expected = run(net, INPUTS)
    network = read_rockpool(net, (INPUTS,), example=torch.ones(2, 3, INPUTS))
    assert [group.name for group in network.groups] == ["hidden", "block.1_LIFTorch", "out"]
    assert len(network.into("out")) == 2
    check(network, x, expected)


def test_what_its_last_run_left_is_told() -> None:
    net = combinators.Sequential(dense(INPUTS, HIDDEN), modules.LIFTorch(HIDDEN))
    net(torch.ones(1, 3, INPUTS))
    (warning,) = read_rockpool(net, (INPUTS,)).warnings
    assert warning.startswith("rockpool module '1_LIFTorch' (LIFTorch): its vmem and isyn")
    assert warning.endswith("call reset_state() before comparing")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: modules.LIFTorch(HIDDEN, noise_std=0.1), "noise_std makes other spikes in every run"),
        (lambda: modules.LIFTorch((2 * HIDDEN, HIDDEN)), "2 synapses a neuron have no counterpart here"),
        (lambda: modules.LIFTorch(HIDDEN, max_spikes_per_dt=2.5), "max_spikes_per_dt=2.5 is no whole number"),
        (lambda: modules.LIFTorch(HIDDEN, max_spikes_per_dt=0), "max_spikes_per_dt=0 is no whole number"),
        (lambda: modules.LIFTorch(HIDDEN, threshold=0.0), "the threshold is 0 above the resting potential"),
        (lambda: modules.RateTorch(HIDDEN), "has no counterpart here; replace it; known are .*LIFTorch"),
        (lambda: modules.aLIFTorch(HIDDEN), "has no counterpart here"),
    ],
)
def test_options_without_counterpart(layer: Any, message: str) -> None:
    made = layer()
    net = nn.Sequential(dense(INPUTS, made.size_in), made)
    with pytest.raises(UserError, match=rf"rockpool module '1' \({type(made).__name__}\):? .*{message}"):
        read_rockpool(net, (INPUTS,))


def test_a_spike_function_of_ones_own() -> None:
    class Always(torch.autograd.Function):  # type: ignore[name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, *others: Any) -> Any:
            return torch.ones_like(x)

    net = combinators.Sequential(dense(INPUTS, HIDDEN), modules.LIFTorch(HIDDEN, spike_generation_fn=Always))
    with pytest.raises(UserError, match="spike_generation_fn is none of Rockpool's own; use StepPWL or Per"):
        read_rockpool(net, (INPUTS,))


def test_a_synapse_that_is_not_only_one_neurons() -> None:
    net = combinators.Sequential(dense(INPUTS, HIDDEN), modules.ExpSynTorch(HIDDEN), modules.LIFTorch(HIDDEN))
    with pytest.raises(UserError, match="hands its potential to"):
        read_rockpool(net, (INPUTS,))
