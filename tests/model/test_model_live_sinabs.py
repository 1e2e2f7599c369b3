"""Live Sinabs modules: spikes equal the module's own forward."""

from typing import Any

import pytest

from qsnn_hw.model.readers.live import read_sinabs
from qsnn_hw.support.errors import UserError
from tests.support.live_checks import SAMPLES, STEPS, check, imported, random_spikes

torch, sl, sa, from_torch = imported("torch", "sinabs.layers", "sinabs.activation", "sinabs.from_torch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")

INPUTS, HIDDEN, OUTPUTS = 12, 9, 5
SINGLE = {"spike_fn": sa.SingleSpike}

LAYERS = {
    "IAF": lambda: sl.IAF(),
    "IAF clamp": lambda: sl.IAF(min_v_mem=-0.5, spike_threshold=torch.tensor(0.3)),
    "IAF single": lambda: sl.IAF(**SINGLE),
    "IAF zero": lambda: sl.IAF(reset_fn=sa.MembraneReset(), **SINGLE),
    "IAF current": lambda: sl.IAF(tau_syn=3.0, min_v_mem=-1.0),
    "IAF one at most": lambda: sl.IAF(spike_fn=sa.MaxSpike(1)),
    "IAF two at most": lambda: sl.IAF(spike_fn=sa.MaxSpike(2), spike_threshold=torch.tensor(0.3)),
    "LIF three at most": lambda: sl.LIF(
        tau_mem=8.0, spike_fn=sa.MaxSpike(3), spike_threshold=torch.tensor(0.05)
    ),
    "LIF": lambda: sl.LIF(tau_mem=8.0, spike_threshold=torch.tensor(0.1)),
    "LIF raw": lambda: sl.LIF(tau_mem=torch.rand(HIDDEN) * 9 + 3, norm_input=False),
    "LIF single": lambda: sl.LIF(tau_mem=8.0, norm_input=False, **SINGLE),
    "LIF alphas": lambda: sl.LIF(tau_mem=8.0, norm_input=False, train_alphas=True),
    "LIF current": lambda: sl.LIF(tau_mem=8.0, tau_syn=4.0, spike_threshold=torch.tensor(0.2)),
    "LIF recurrent": lambda: sl.LIFRecurrent(
        tau_mem=8.0, norm_input=False, rec_connect=nn.Linear(HIDDEN, HIDDEN, bias=False), **SINGLE
    ),
    "IAF recurrent": lambda: sl.IAFRecurrent(
        rec_connect=nn.Sequential(nn.Flatten(), nn.Linear(HIDDEN, HIDDEN, bias=False)), min_v_mem=-1.0
    ),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer(kind: str, seed: int) -> None:
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Linear(INPUTS, HIDDEN), LAYERS[kind](), nn.Linear(HIDDEN, OUTPUTS), sl.IAF(min_v_mem=-1.0)
    )
    x = random_spikes(torch, INPUTS) * 2
    with torch.no_grad():
        expected = net(x.transpose(0, 1).contiguous()).transpose(0, 1)
    check(read_sinabs(net, (INPUTS,)), x, expected)


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize("spike_fn", [sa.MultiSpike, sa.SingleSpike])
def test_converted_convolutional_network(spike_fn: Any, traced: bool) -> None:
    torch.manual_seed(2)
    analog = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.ReLU(),
        sl.SumPool2d(2),
        nn.Conv2d(4, 4, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, OUTPUTS),
        nn.ReLU(),
    )
    snn = from_torch.from_model(analog, batch_size=SAMPLES, spike_fn=spike_fn)
    x = random_spikes(torch, 2, 8, 8)
    flat = x.transpose(0, 1).reshape(SAMPLES * STEPS, 2, 8, 8)
    with torch.no_grad():
        expected = snn(flat).unflatten(0, (SAMPLES, STEPS)).transpose(0, 1)
    if traced:

        class Wrapped(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.body = snn.spiking_model

            def forward(self, x: Any) -> Any:
                batch = x.shape[0]
                return self.body(x.flatten(0, 1)).unflatten(0, (batch, -1))

        network = read_sinabs(Wrapped(), (2, 8, 8), example=flat.unflatten(0, (SAMPLES, STEPS)))
    else:
        network = read_sinabs(snn, (2, 8, 8))
    check(network, x, expected)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: sl.IAF(spike_fn=sa.MaxSpike(0)), r"MaxSpike\(0\) is no whole number of spikes from 1 on"),
        (lambda: sl.IAF(spike_fn=sa.MaxSpike(2.5)), r"MaxSpike\(2.5\) is no whole number of spikes"),
        (lambda: sl.IAF(reset_fn=sa.MembraneReset(0.5), **SINGLE), r"MembraneReset\(0.5\) is not supported"),
        (lambda: sl.IAF(reset_fn=sa.MembraneReset()), "several spikes per step with a reset to zero"),
        (lambda: sl.IAF(reset_fn=sa.MembraneSubtract(0.5)), r"MembraneSubtract\(0.5\) is not the threshold"),
    ],
)
def test_options_without_counterpart(layer: Any, message: str) -> None:
    with pytest.raises(UserError, match=rf"sinabs module '1' \(IAF\): .*{message}"):
        read_sinabs(nn.Sequential(nn.Linear(INPUTS, HIDDEN), layer()), (INPUTS,))


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (nn.Linear(9, 9), "rec_connect has a bias; train with bias=False"),
        (nn.ReLU(), "rec_connect holds a ReLU"),
    ],
)
def test_recurrence_without_counterpart(inner: Any, message: str) -> None:
    net = nn.Sequential(nn.Linear(INPUTS, 9), sl.LIFRecurrent(tau_mem=8.0, rec_connect=inner))
    with pytest.raises(UserError, match=rf"sinabs module '1' \(LIFRecurrent\): its {message}"):
        read_sinabs(net, (INPUTS,))
