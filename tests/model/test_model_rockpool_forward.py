"""The rockpool preset against Rockpool's own forward pass, through its own exporter."""

from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

from qsnn_hw.model.convention import PRESETS
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import simulate
from tests.support.live_checks import SAMPLES, STEPS, check, imported

_NAMES = ("nn.modules", "nn.combinators", "parameters", "nn.modules.torch.nir")
torch, modules, combinators, parameters, exporter = imported(
    "torch", *(f"rockpool.{name}" for name in _NAMES)
)

INPUTS, HIDDEN, OUTPUTS = 12, 9, 5


class Rockpool:
    """Its modules, with a network's common settings."""

    def __init__(self) -> None:
        self.torch, self.modules = torch, modules
        self.sequential, self.fixed, self.to_nir = (
            combinators.Sequential,
            parameters.Constant,
            exporter.to_nir,
        )

    def constant(self, value: Any) -> Any:
        """A parameter that is not trained; ExpSynTorch's exporter takes no other."""
        return self.fixed(self.torch.as_tensor(value))

    def spread(self, low: float, high: float, *shape: int) -> Any:
        """Random values between the two, one a neuron."""
        return self.constant(low + (high - low) * self.torch.rand(*shape))

    def dense(self, pre: int, post: int, factor: float, *, bias: bool = True) -> Any:
        """A dense layer; ``factor`` makes its weights large enough for spikes."""
        layer = self.modules.LinearTorch((pre, post), has_bias=bias)
        with self.torch.no_grad():
            layer.weight.mul_(factor)
            if bias:
                layer.bias.add_(0.05)
        return layer

    def run(self, net: Any, folder: Path) -> tuple[Path, Any, Any]:
        """The exported file, input and output, both (time, sample, neuron)."""
        x = (self.torch.rand(SAMPLES, STEPS, INPUTS) < 0.4).float()
        with self.torch.no_grad():
            out = net(x)[0]
        path = folder / "exported.nir"
        nir.write(path, self.to_nir(net, x[:1]))
        return path, x.transpose(0, 1), out.transpose(0, 1)


@pytest.fixture(scope="module")
def rockpool() -> Rockpool:
    return Rockpool()


# A synaptic current adds up the more of each input, the shorter the step; the kinds named have none, or
# decays that are not the step's.
FACTORS = {5e-3: 1.5, 1e-3: 0.5, 2.5e-4: 0.2}
ONCE = ("LIFTorch, decays", "LIFTorch, bit shifts", "LIFNeuronTorch", "LIFNeuronTorch, a tau each")

KINDS: dict[str, Any] = {
    "LIFTorch": lambda r, n, **k: [r.modules.LIFTorch(n, bias=r.constant(0.0), **k)],
    "LIFTorch, a tau each": lambda r, n, **k: [
        r.modules.LIFTorch(n, tau_mem=r.spread(0.01, 0.05, n), tau_syn=r.spread(0.006, 0.02, n, 1), **k)
    ],
    "LIFTorch, decays": lambda r, n, **k: [
        r.modules.LIFTorch(n, leak_mode="decays", alpha=r.torch.tensor(0.8), beta=r.torch.tensor(0.4), **k)
    ],
    "LIFTorch, bit shifts": lambda r, n, **k: [r.modules.LIFTorch(n, leak_mode="bitshifts", **k)],
    "LIFTorch, a threshold each": lambda r, n, **k: [
        r.modules.LIFTorch(n, **{**k, "threshold": r.spread(0.6, 1.4, n)})
    ],
    "LIFNeuronTorch": lambda r, n, **k: [r.modules.LIFNeuronTorch(n, **k)],
    "LIFNeuronTorch, a tau each": lambda r, n, **k: [
        r.modules.LIFNeuronTorch(n, tau_mem=r.spread(0.01, 0.05, n), **k)
    ],
    "ExpSynTorch and LIFNeuronTorch": lambda r, n, **k: [
        r.modules.ExpSynTorch(n, tau=r.spread(0.006, 0.02, n), dt=k["dt"]),
        r.modules.LIFNeuronTorch(n, tau_mem=r.spread(0.01, 0.05, n), **k),
    ],
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dt", [1e-3, 5e-3, 2.5e-4])
@pytest.mark.parametrize("most", ["unlimited", 1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_spikes_of_its_forward(
    rockpool: Rockpool, kind: str, most: int | str, dt: float, tmp_path: Path
) -> None:
    torch.manual_seed(len(kind))
    factor = 3.0 if kind in ONCE else FACTORS[dt]
    common: dict[str, Any] = {"dt": dt, "threshold": rockpool.constant(1.0)}
    if most != "unlimited":
        common["max_spikes_per_dt"] = torch.tensor(float(most))
    net = rockpool.sequential(
        rockpool.dense(INPUTS, HIDDEN, factor),
        *KINDS[kind](rockpool, HIDDEN, **common),
        rockpool.dense(HIDDEN, OUTPUTS, factor, bias=False),
        *KINDS[kind](rockpool, OUTPUTS, **common),
    )
    path, x, expected = rockpool.run(net, tmp_path)
    settings = {"dt": str(dt), "max_spikes": str(most)}
    network = read_network(path, PRESETS["rockpool"].with_settings(settings))
    assert expected.max() > 3 if most == "unlimited" else expected.max() == most
    check(network, x, expected)
    assert not [text for text in network.warnings if "its r is" in text]
    # The file says which time step it was.
    other = read_network(path, PRESETS["rockpool"].with_settings({"dt": "3e-3"}))
    assert f"is what Rockpool writes for dt={dt:.4g}, and the convention has dt=0.003" in " ".join(
        other.warnings
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dt", [1e-3, 5e-3])
def test_a_readout_of_synapses(rockpool: Rockpool, dt: float, tmp_path: Path) -> None:
    """ExpSynTorch at the end: potentials, whose input decays in the step that brings it."""
    torch.manual_seed(3)
    net = rockpool.sequential(
        rockpool.dense(INPUTS, HIDDEN, FACTORS[dt]),
        rockpool.modules.LIFTorch(HIDDEN, dt=dt),
        rockpool.dense(HIDDEN, OUTPUTS, FACTORS[dt]),
        rockpool.modules.ExpSynTorch(OUTPUTS, tau=rockpool.spread(0.01, 0.03, OUTPUTS), dt=dt),
    )
    path, x, expected = rockpool.run(net, tmp_path)
    network = read_network(path, PRESETS["rockpool"].with_settings({"dt": str(dt)}))
    largest = float(expected.abs().max())
    assert largest > 1
    assert simulate(network, x.numpy()).out == pytest.approx(expected.numpy(), abs=1e-5 * largest)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dropped", ["bias", "has_rec"])
def test_what_its_exporter_drops(rockpool: Rockpool, dropped: str, tmp_path: Path) -> None:
    """The file of a network with a bias of its neurons, or recurrence, is that of one without."""
    options = {"bias": {"bias": torch.full((HIDDEN,), 0.3)}, "has_rec": {"has_rec": True}}[dropped]
    torch.manual_seed(4)
    first = rockpool.dense(INPUTS, HIDDEN, FACTORS[1e-3])
    net = rockpool.sequential(first, rockpool.modules.LIFTorch(HIDDEN, **options))
    if dropped == "has_rec":
        with torch.no_grad():
            net[1].w_rec.mul_(0.2)
    path, x, expected = rockpool.run(net, tmp_path)
    network = read_network(path, PRESETS["rockpool"])
    assert not any(group.leak.any() for group in network.groups)
    assert all(p.source != p.target for p in network.projections)
    assert np.count_nonzero(simulate(network, x.numpy()).out != expected.numpy()) > 20
