"""Live SpikingJelly modules: spikes equal the module's own forward."""

from typing import Any

import pytest

from qsnn_hw.model.readers.live import read_spikingjelly
from qsnn_hw.support.errors import UserError
from tests.support.live_checks import check, imported, random_spikes

_NAMES = [f"spikingjelly.activation_based.{name}" for name in ("neuron", "layer", "functional", "surrogate")]
torch, neuron, layer, functional, surrogate = imported("torch", *_NAMES)
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")

INPUTS, HIDDEN, OUTPUTS = 12, 9, 5


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("step_mode", ["s", "m"])
@pytest.mark.parametrize("v_reset", [0.0, -0.3, 0.1, None])
@pytest.mark.parametrize("kind", ["IF", "LIF", "LIF input kept", "PLIF", "PLIF input kept"])
def test_every_node(kind: str, v_reset: float | None, step_mode: str, seed: int) -> None:
    torch.manual_seed(seed)
    common = {"v_threshold": 0.4, "v_reset": v_reset}
    inside = not kind.endswith("kept")
    first = {
        "IF": lambda: neuron.IFNode(**common),
        "LIF": lambda: neuron.LIFNode(tau=3.0, decay_input=inside, **common),
        "PLI": lambda: neuron.ParametricLIFNode(init_tau=2.7, decay_input=inside, **common),
    }[kind[:3]]()
    net = nn.Sequential(
        layer.Linear(INPUTS, HIDDEN),
        first,
        layer.Linear(HIDDEN, OUTPUTS),
        neuron.LIFNode(tau=2.0, v_threshold=0.1),
    )
    functional.set_step_mode(net, step_mode)
    x = random_spikes(torch, INPUTS) * 1.5
    network = read_spikingjelly(net, (INPUTS,))
    functional.reset_net(net)
    with torch.no_grad():
        expected = net(x) if step_mode == "m" else torch.stack([net(step) for step in x])
    check(network, x, expected)


@pytest.mark.parametrize("v_reset", [0.0, None])
def test_synaptic_current(v_reset: float | None) -> None:
    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(INPUTS, HIDDEN), neuron.CUBALIFNode(0.6, 0.8, 0.5, v_reset))
    x = random_spikes(torch, INPUTS)
    with torch.no_grad():
        check(read_spikingjelly(net, (INPUTS,)), x, torch.stack([net(step) for step in x]))


@pytest.mark.parametrize("traced", [True, False])
def test_convolutional_network_with_batch_norm(traced: bool) -> None:
    torch.manual_seed(3)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(
                layer.SeqToANNContainer(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)),
                neuron.IFNode(step_mode="m"),
                layer.AvgPool2d(2, step_mode="m"),
                layer.Flatten(step_mode="m"),
                layer.Dropout(0.5, step_mode="m"),
                layer.Linear(64, OUTPUTS, step_mode="m"),
                neuron.LIFNode(v_threshold=0.1, step_mode="m"),
            )

        def forward(self, x: Any) -> Any:
            return self.body(x)

    net = Net()
    norm = net.body[0][1]
    with torch.no_grad():
        for _ in range(20):
            norm(torch.randn(8, 4, 8, 8) * 0.4 + 0.2)
        norm.bias.copy_(torch.rand(4))
    net.eval()
    x = random_spikes(torch, 2, 8, 8)
    network = read_spikingjelly(net if traced else net.body, (2, 8, 8), example=x[:2] if traced else None)
    functional.reset_net(net)
    with torch.no_grad():
        check(network, x, net(x))


def test_options_without_counterpart() -> None:
    lonely = nn.Sequential(nn.Linear(INPUTS, HIDDEN), neuron.CUBALIFNode(v_reset=0.1))
    with pytest.raises(UserError, match=r"'1' \(CUBALIFNode\): v_reset is 0.1 and the potential decays to 0"):
        read_spikingjelly(lonely, (INPUTS,))
    soft = nn.Sequential(
        nn.Linear(INPUTS, HIDDEN), neuron.IFNode(surrogate_function=surrogate.ATan(spiking=False))
    )
    with pytest.raises(UserError, match=r"'1' \(IFNode\): its surrogate function is not in spiking mode"):
        read_spikingjelly(soft, (INPUTS,))
    with pytest.raises(UserError, match=r"'1' \(QIFNode\) has no counterpart here; replace it; known are"):
        read_spikingjelly(nn.Sequential(nn.Linear(INPUTS, HIDDEN), neuron.QIFNode()), (INPUTS,))
