"""Presets against the frameworks' own NIR exporters: export, read with the preset, same spikes.

Each framework is skipped where it does not import. The live module's own forward is the reference.
"""

import contextlib
import io
from pathlib import Path
from typing import Any

import nir
import pytest

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.network import Network
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.support.errors import UserError
from tests.support.live_checks import SAMPLES, STEPS, check, imported, random_spikes

(torch,) = imported("torch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")

INPUTS, HIDDEN, OUTPUTS = 12, 9, 5


def needed(name: str) -> Any:
    package = name.partition(".")[0]
    return pytest.importorskip(name, reason=f"{package} is not installed here", exc_type=ImportError)


def hot(features: int, outputs: int) -> Any:
    """A dense layer with weights large enough to make spikes."""
    layer = nn.Linear(features, outputs)
    with torch.no_grad():
        layer.weight.mul_(2.5)
        layer.bias.add_(0.1)
    return layer


def read_back(graph: Any, folder: Path, preset: str, **settings: str) -> Network:
    path = folder / "exported.nir"
    nir.write(path, graph)
    return read_network(path, Convention.preset(preset).with_settings(settings))


def full(size: int, value: float) -> Any:
    return torch.full((size,), value)


SNNTORCH = {
    "Leaky": lambda snn, **k: snn.Leaky(
        beta=torch.rand(HIDDEN) * 0.5 + 0.4, threshold=full(HIDDEN, 0.4), **k
    ),
    "Synaptic": lambda snn, **k: snn.Synaptic(
        alpha=full(HIDDEN, 0.7), beta=full(HIDDEN, 0.9), threshold=full(HIDDEN, 0.8), **k
    ),
    "RLeaky": lambda snn, **k: snn.RLeaky(beta=0.9, threshold=0.4, linear_features=HIDDEN, **k),
    "RLeaky one to one": lambda snn, **k: snn.RLeaky(
        beta=0.9, threshold=0.4, all_to_all=False, V=torch.rand(HIDDEN) - 0.4, **k
    ),
    "RSynaptic": lambda snn, **k: snn.RSynaptic(
        alpha=0.7, beta=0.9, threshold=0.8, linear_features=HIDDEN, **k
    ),
}


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize("delay", [True, False])
@pytest.mark.parametrize("kind", SNNTORCH)
def test_snntorch(kind: str, delay: bool, reset: str, tmp_path: Path) -> None:
    if kind == "RSynaptic" and not delay:
        pytest.skip("snnTorch 1.0.0's RSynaptic ignores reset_delay=False")
    snn, exporter = needed("snntorch"), needed("snntorch.export_nir")
    torch.manual_seed(0)
    common = {"init_hidden": True, "reset_mechanism": reset, "reset_delay": delay}
    last = snn.Leaky(beta=full(OUTPUTS, 0.8), threshold=full(OUTPUTS, 0.3), **common)
    net = nn.Sequential(hot(INPUTS, HIDDEN), SNNTORCH[kind](snn, **common), hot(HIDDEN, OUTPUTS), last)
    x = random_spikes(torch, INPUTS) * 1.5
    with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        graph = exporter.export_to_nir(net, x[0][:1], ignore_dims=[0])
        for child in (net[1], net[3]):
            child.reset_mem()
        expected = torch.stack([net(step) for step in x])
    # The file holds neither field, so the preset's defaults need these two where they differ.
    network = read_back(graph, tmp_path, "snntorch", reset=reset, reset_delay=str(delay).lower())
    check(network, x, expected)


@pytest.mark.parametrize("kind", ["LIFBox", "LIFBox with leak", "LIF", "IAF"])
def test_norse(kind: str, tmp_path: Path) -> None:
    norse = needed("norse.torch")
    torch.manual_seed(1)
    leak = 0.1 if kind.endswith("with leak") else 0.0
    if kind.startswith("LIFBox"):
        box = norse.LIFBoxParameters(v_th=full(HIDDEN, 0.3), tau_mem_inv=full(HIDDEN, 80.0))
        box = box._replace(v_leak=full(HIDDEN, leak), v_reset=full(HIDDEN, 0.0))
        first = norse.LIFBoxCell(box)
    elif kind == "LIF":
        names = ("tau_syn_inv", "tau_mem_inv", "v_leak", "v_th", "v_reset")
        lif = norse.LIFParameters(v_th=torch.tensor(0.3))
        first = norse.LIFCell(
            lif._replace(**{name: full(HIDDEN, float(getattr(lif, name))) for name in names})
        )
    else:
        first = norse.IAFCell(norse.IAFParameters(full(HIDDEN, 1.0), full(HIDDEN, 0.0)))
    out = norse.LIFBoxParameters(v_th=full(OUTPUTS, 0.1), tau_mem_inv=full(OUTPUTS, 100.0))
    last = norse.LIFBoxCell(out._replace(v_leak=full(OUTPUTS, 0.0), v_reset=full(OUTPUTS, 0.0)))
    net = norse.SequentialState(hot(INPUTS, HIDDEN), first, hot(HIDDEN, OUTPUTS), last)
    x = random_spikes(torch, INPUTS) * 1.5
    with torch.no_grad():
        graph = norse.to_nir(net, x[0])
        state, spikes = None, []
        for step in x:
            made, state = net(step, state)
            spikes.append(made)
    # Its exporter writes tau times dt: the preset alone refuses the file and names the fix.
    with pytest.raises(UserError, match="Norse's exporter writes tau times dt, undone by --set tau_fix"):
        read_back(graph, tmp_path, "norse")
    check(read_back(graph, tmp_path, "norse", tau_fix="divide_by_dt"), x, torch.stack(spikes))


@pytest.mark.parametrize(
    ("kind", "options", "settings"),
    [
        ("IAFSqueeze", {"min_v_mem": -1.0}, {}),
        ("IAFSqueeze", {}, {"v_min": "none"}),
        ("IAFSqueeze", {"min_v_mem": -1.0, "single": True}, {"max_spikes": "1"}),
        ("LIFSqueeze", {"min_v_mem": -1.0}, {}),
        ("LIFSqueeze", {"min_v_mem": -1.0, "norm_input": False}, {"input_gain": "r"}),
    ],
)
def test_sinabs(kind: str, options: dict[str, Any], settings: dict[str, str], tmp_path: Path) -> None:
    layers, activation, exporter = needed("sinabs.layers"), needed("sinabs.activation"), needed("sinabs.nir")
    torch.manual_seed(2)
    kept = {name: value for name, value in options.items() if name != "single"}
    if options.get("single"):
        kept["spike_fn"] = activation.SingleSpike

    def neurons(size: int) -> Any:
        tau = {"tau_mem": full(size, 8.0)} if kind == "LIFSqueeze" else {}
        return getattr(layers, kind)(batch_size=SAMPLES, spike_threshold=full(size, 0.4), **tau, **kept)

    net = nn.Sequential(hot(INPUTS, HIDDEN), neurons(HIDDEN), hot(HIDDEN, OUTPUTS), neurons(OUTPUTS))
    x = random_spikes(torch, INPUTS) * 1.5
    flat = x.transpose(0, 1).reshape(SAMPLES * STEPS, INPUTS)
    with torch.no_grad():
        expected = net(flat).unflatten(0, (SAMPLES, STEPS)).transpose(0, 1)
        graph = exporter.to_nir(net, flat)
    check(read_back(graph, tmp_path, "sinabs", **settings), x, expected)


@pytest.mark.parametrize(
    "kind", ["IF", "IF off zero", "LIF", "LIF off zero", "LIF input kept", "PLIF", "CUBALIF"]
)
def test_spikingjelly(kind: str, tmp_path: Path) -> None:
    neuron = needed("spikingjelly.activation_based.neuron")
    exporter = needed("spikingjelly.activation_based.nir_exchange")
    functional = needed("spikingjelly.activation_based.functional")
    torch.manual_seed(3)
    first = {
        "IF": lambda: neuron.IFNode(v_threshold=0.6),
        "IF off zero": lambda: neuron.IFNode(v_threshold=0.6, v_reset=-0.3),
        "LIF off zero": lambda: neuron.LIFNode(tau=3.0, v_threshold=0.4, v_reset=-0.3),
        "LIF": lambda: neuron.LIFNode(tau=3.0, v_threshold=0.4),
        "LIF input kept": lambda: neuron.LIFNode(tau=3.0, decay_input=False, v_threshold=0.4),
        "PLIF": lambda: neuron.ParametricLIFNode(init_tau=2.7, v_threshold=0.4),
        "CUBALIF": lambda: neuron.CUBALIFNode(0.6, 0.8, 0.5),
    }[kind]()
    net = nn.Sequential(hot(INPUTS, HIDDEN), first, hot(HIDDEN, OUTPUTS), neuron.LIFNode(v_threshold=0.3))
    x = random_spikes(torch, INPUTS) * 1.5
    graph = exporter.export_to_nir(net, x[0])
    functional.reset_net(net)
    with torch.no_grad():
        expected = torch.stack([net(step) for step in x])
    check(read_back(graph, tmp_path, "spikingjelly"), x, expected)


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    """With one field wrong, the same file gives other spikes."""
    exporter = needed("spikingjelly.activation_based.nir_exchange")
    neuron = needed("spikingjelly.activation_based.neuron")
    torch.manual_seed(3)
    net = nn.Sequential(hot(INPUTS, HIDDEN), neuron.LIFNode(tau=3.0, v_threshold=0.4))
    x = random_spikes(torch, INPUTS) * 1.5
    graph = exporter.export_to_nir(net, x[0])
    with torch.no_grad():
        expected = torch.stack([net(step) for step in x])
    with pytest.raises(AssertionError):
        check(read_back(graph, tmp_path, "spikingjelly", reset="subtract"), x, expected)
