"""Live snnTorch modules: spikes equal the module's own forward."""

from typing import Any

import pytest

from qsnn_hw.model.readers.live import read_snntorch
from qsnn_hw.support.errors import UserError
from tests.support.live_checks import STEPS, check, imported, random_spikes

torch, snn = imported("torch", "snntorch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")

INPUTS, HIDDEN, OUTPUTS = 12, 9, 5

NEURONS = {
    "Leaky": lambda **k: snn.Leaky(beta=torch.rand(HIDDEN), threshold=0.4, init_hidden=True, **k),
    "Synaptic": lambda **k: snn.Synaptic(alpha=0.7, beta=0.9, threshold=0.6, init_hidden=True, **k),
    "RLeaky": lambda **k: snn.RLeaky(beta=0.9, threshold=0.4, linear_features=HIDDEN, init_hidden=True, **k),
    "RLeaky one to one": lambda **k: snn.RLeaky(
        beta=0.8, threshold=0.5, all_to_all=False, V=torch.rand(HIDDEN) - 0.3, init_hidden=True, **k
    ),
    "RSynaptic": lambda **k: snn.RSynaptic(
        alpha=0.7, beta=0.9, threshold=0.6, linear_features=HIDDEN, init_hidden=True, **k
    ),
}


def over_time(net: Any, x: Any) -> Any:
    with torch.no_grad():
        return torch.stack([net(x[t]) for t in range(STEPS)])


def hot(features: int, outputs: int) -> Any:
    """A dense layer with weights large enough to make spikes."""
    layer = nn.Linear(features, outputs)
    with torch.no_grad():
        layer.weight.mul_(2.5)
        layer.bias.add_(0.1)
    return layer


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize(
    ("kind", "delay"),
    [(kind, delay) for kind in NEURONS for delay in (True, False) if kind != "RSynaptic" or delay],
)
def test_every_neuron_and_reset(kind: str, delay: bool, reset: str, seed: int) -> None:
    torch.manual_seed(seed)
    first = NEURONS[kind](reset_mechanism=reset, reset_delay=delay)
    last = snn.Leaky(beta=0.8, threshold=torch.rand(OUTPUTS) / 2 + 0.2, init_hidden=True, reset_delay=delay)
    net = nn.Sequential(hot(INPUTS, HIDDEN), first, hot(HIDDEN, OUTPUTS), last)
    x = random_spikes(torch, INPUTS)
    check(read_snntorch(net, (INPUTS,)), x, over_time(net, x))


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
def test_lapicque(reset: str) -> None:
    torch.manual_seed(2)
    neuron = snn.Lapicque(R=0.5, C=9.0, time_step=1.0, threshold=0.1, init_hidden=True, reset_mechanism=reset)
    net = nn.Sequential(hot(INPUTS, HIDDEN), neuron)
    x = random_spikes(torch, INPUTS)
    check(read_snntorch(net, (INPUTS,)), x, over_time(net, x))


def test_reset_mode_decides_spikes() -> None:
    """The comparison itself can fail: another reset, and the same parameters, give other spikes."""
    torch.manual_seed(0)
    layer = hot(INPUTS, HIDDEN)
    kept = {
        mode: nn.Sequential(layer, snn.Leaky(beta=0.9, threshold=0.4, init_hidden=True, reset_mechanism=mode))
        for mode in ("subtract", "zero")
    }
    x = random_spikes(torch, INPUTS)
    with pytest.raises(AssertionError):
        check(read_snntorch(kept["subtract"], (INPUTS,)), x, over_time(kept["zero"], x))


def test_rsynaptic_ignores_reset_delay() -> None:
    torch.manual_seed(3)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = hot(INPUTS, HIDDEN)
            self.lif = snn.RSynaptic(
                alpha=0.7, beta=0.9, threshold=0.6, linear_features=HIDDEN, reset_delay=False
            )

        def forward(self, x: Any) -> Any:
            spk, syn, mem = (torch.zeros(x.shape[1], HIDDEN) for _ in range(3))
            out = []
            for step in x:
                spk, syn, mem = self.lif(self.fc(step), spk, syn, mem)
                out.append(spk)
            return torch.stack(out)

    net = Net()
    x = random_spikes(torch, INPUTS)
    network = read_snntorch(net, (INPUTS,), example=x)
    assert "reset_delay=False has no effect" in network.warnings[0]
    with torch.no_grad():
        check(network, x, net(x))


class Loop(nn.Module):
    """The usual form: states by hand, a loop over time, spikes and potentials returned."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = hot(INPUTS, HIDDEN)
        self.lif1 = snn.Leaky(beta=0.9, threshold=0.5)
        self.skip = hot(INPUTS, OUTPUTS)
        self.fc2 = hot(HIDDEN, OUTPUTS)
        self.back = nn.Linear(OUTPUTS, HIDDEN)
        self.lif2 = snn.Synaptic(alpha=0.5, beta=0.8, threshold=0.9)

    def forward(self, x: Any) -> Any:
        mem1 = self.lif1.init_leaky()
        syn2, mem2 = self.lif2.init_synaptic()
        spk2 = torch.zeros(x.shape[1], OUTPUTS)
        spikes, potentials = [], []
        for t in range(x.size(0)):
            spk1, mem1 = self.lif1(self.fc1(x[t]) + self.back(spk2), mem1)
            spk2, syn2, mem2 = self.lif2(self.fc2(spk1) + self.skip(x[t]), syn2, mem2)
            spikes.append(spk2)
            potentials.append(mem2)
        return torch.stack(spikes, dim=0), torch.stack(potentials, dim=0)


def test_traced_loop_with_skip_and_feedback() -> None:
    torch.manual_seed(4)
    net = Loop()
    x = random_spikes(torch, INPUTS)
    network = read_snntorch(net, (INPUTS,), example=x[:3, :2])
    assert [group.name for group in network.groups] == ["lif1", "lif2"]
    assert {(p.source, p.target) for p in network.projections} == {
        ("input", "lif1"),
        ("lif2", "lif1"),
        ("lif1", "lif2"),
        ("input", "lif2"),
    }
    with torch.no_grad():
        check(network, x, net(x)[0])
    assert net.training
    assert read_snntorch(net, (INPUTS,), example=x[:3, :2], output="lif1").output == "lif1"


def test_convolutions_pools_and_batch_norm() -> None:
    torch.manual_seed(5)
    norm = nn.BatchNorm2d(4)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False),
        norm,
        snn.Leaky(beta=0.7, threshold=0.5, init_hidden=True),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 3, 3, stride=2, dilation=1),
        snn.RLeaky(beta=0.8, threshold=0.1, conv2d_channels=3, kernel_size=3, init_hidden=True),
        nn.Flatten(),
        nn.Dropout(0.5),
        hot(3 * 1 * 1, OUTPUTS),
        snn.Leaky(beta=0.8, threshold=0.3, init_hidden=True),
    )
    with torch.no_grad():
        for _ in range(20):
            norm(torch.randn(8, 4, 8, 8) * torch.tensor([0.5, 1, 2, 3]).reshape(4, 1, 1) + 0.3)
        norm.weight.copy_(torch.rand(4) + 0.5)
        norm.bias.copy_(torch.rand(4) - 0.3)
    net.eval()
    x = random_spikes(torch, 2, 8, 8)
    network = read_snntorch(net, (2, 8, 8))
    assert [group.shape for group in network.groups] == [(4, 8, 8), (3, 1, 1), (OUTPUTS,)]
    check(network, x, over_time(net, x))


def test_a_permutation_between_layers_is_refused() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3, padding=1)
            self.lif1 = snn.Leaky(beta=0.9, init_hidden=True)
            self.fc = nn.Linear(32, 4)
            self.lif2 = snn.Leaky(beta=0.9, init_hidden=True)

        def forward(self, x: Any) -> Any:
            spikes = self.lif1(self.conv(x))
            return self.lif2(self.fc(spikes.permute(0, 2, 3, 1).reshape(len(x), -1)))

    with pytest.raises(UserError, match=r"'fc' \(Linear\) reads the neurons before it in another order"):
        read_snntorch(Net(), (1, 4, 4), example=torch.ones(1, 1, 4, 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inhibition": True}, "inhibition lets one neuron silence others"),
        ({"state_quant": lambda v: v}, "state_quant rounds the potential"),
        ({"graded_spikes_factor": 2.0}, "graded_spikes_factor is not 1"),
        ({"threshold": 0.0}, "the threshold is 0 above the resting potential, not above 0"),
        ({"beta": float("nan")}, "decay of the potential is NaN or infinite"),
        ({"beta": torch.rand(7)}, r"decay of the potential has shape \(7,\), its input has shape \(9,\)"),
    ],
)
def test_options_without_counterpart(options: dict[str, Any], message: str) -> None:
    net = nn.Sequential(nn.Linear(INPUTS, HIDDEN), snn.Leaky(**{"beta": 0.9, "init_hidden": True, **options}))
    with pytest.raises(UserError, match=rf"snntorch module '1' \(Leaky\).*{message}"):
        read_snntorch(net, (INPUTS,))


def test_reset_mechanism_changed_later() -> None:
    neuron = snn.Leaky(beta=0.9, init_hidden=True)
    neuron.reset_mechanism = "zero"
    with pytest.raises(UserError, match="the module still steps with _base_sub; make it anew"):
        read_snntorch(nn.Sequential(nn.Linear(INPUTS, HIDDEN), neuron), (INPUTS,))


def test_unsupported_neuron_types() -> None:
    net = nn.Sequential(nn.Linear(INPUTS, HIDDEN), snn.Alpha(alpha=0.9, beta=0.8, init_hidden=True))
    with pytest.raises(UserError, match=r"snntorch module '1' \(Alpha\) has no counterpart here"):
        read_snntorch(net, (INPUTS,))
