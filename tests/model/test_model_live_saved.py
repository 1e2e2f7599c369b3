"""SpikingJelly's soft reset and Sinabs' scalar LIF, which their exporters refuse, by way of a saved file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.build import cli
from qsnn_hw.model.network_file import save_network
from qsnn_hw.model.readers.live import read_module
from tests.support.live_checks import imported, random_spikes

(torch,) = imported("torch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")

INPUTS, HIDDEN, OUTPUTS = 12, 9, 5

Live = tuple[Any, Any, Any]
"""A module, its input and its output, the last two with time first."""


def needed(name: str) -> Any:
    package = name.partition(".")[0]
    return pytest.importorskip(name, reason=f"{package} is not installed here", exc_type=ImportError)


def dense(pre: int, post: int) -> Any:
    """A dense layer on a grid of 1/256: sums are exact, in whatever order."""
    layer = nn.Linear(pre, post)
    with torch.no_grad():
        layer.weight.copy_(torch.round(2.5 * layer.weight * 256) / 256)
        layer.bias.copy_(torch.round((layer.bias + 0.1) * 256) / 256)
    return layer


def spikingjelly(kind: str) -> Live:
    """A soft reset: ``v_reset=None``."""
    neuron = needed("spikingjelly.activation_based.neuron")
    functional = needed("spikingjelly.activation_based.functional")
    made = {
        "IFNode": lambda: neuron.IFNode(v_threshold=0.75, v_reset=None),
        "LIFNode": lambda: neuron.LIFNode(tau=4.0, v_threshold=0.25, v_reset=None),
        "LIFNode, input kept": lambda: neuron.LIFNode(
            tau=4.0, decay_input=False, v_threshold=1.0, v_reset=None
        ),
        "ParametricLIFNode": lambda: neuron.ParametricLIFNode(init_tau=4.0, v_threshold=0.25, v_reset=None),
    }[kind]
    net = nn.Sequential(dense(INPUTS, HIDDEN), made(), dense(HIDDEN, OUTPUTS), made())
    x = random_spikes(torch, INPUTS)
    functional.reset_net(net)
    with torch.no_grad():
        return net, x, torch.stack([net(step) for step in x])


def sinabs(kind: str) -> Live:
    """A LIF with one time constant for all neurons."""
    layers, activation = needed("sinabs.layers"), needed("sinabs.activation")
    options: dict[str, dict[str, Any]] = {
        "LIF": {},
        "LIF, input kept": {"norm_input": False, "spike_threshold": torch.tensor(1.5)},
        "LIF, one spike": {"spike_fn": activation.SingleSpike},
        "LIF, clamp": {"min_v_mem": -0.5},
        "LIF, current": {"tau_syn": 3.0},
    }
    settings = {"tau_mem": 8.0, "spike_threshold": torch.tensor(0.2)} | options[kind]
    net = nn.Sequential(
        *(dense(INPUTS, HIDDEN), layers.LIF(**settings), dense(HIDDEN, OUTPUTS), layers.LIF(**settings))
    )
    x = random_spikes(torch, INPUTS)
    with torch.no_grad():
        return net, x, net(x.transpose(0, 1).contiguous()).transpose(0, 1)


SOFT = ("IFNode", "LIFNode", "LIFNode, input kept", "ParametricLIFNode")
LIF = ("LIF", "LIF, input kept", "LIF, one spike", "LIF, clamp", "LIF, current")
ALL = [("spikingjelly", spikingjelly, kind) for kind in SOFT] + [("sinabs", sinabs, kind) for kind in LIF]


def saved(framework: str, make: Callable[[str], Live], kind: str, folder: Path) -> tuple[str, str]:
    """The saved network, and data with the framework's own spikes."""
    torch.manual_seed(11)
    net, x, out = make(kind)
    assert 20 < int(out.sum()) < out.numel() * 4
    save_network(read_module(net, framework, (INPUTS,)), folder / "net.npz")
    label = out.sum(dim=0).argmax(dim=1).numpy()
    data = {"input": x.numpy().astype(np.uint8), "out": out.numpy().astype(np.uint8), "label": label}
    np.savez(folder / "data.npz", **data)
    return str(folder / "net.npz"), str(folder / "data.npz")


@pytest.mark.parametrize(("framework", "make", "kind"), ALL, ids=[f"{a} {c}" for a, _, c in ALL])
def test_checked_and_inferred(
    framework: str,
    make: Callable[[str], Live],
    kind: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every spike is the framework's own; in integers the answers are."""
    net, data = saved(framework, make, kind, tmp_path)
    assert cli.main(["check", net, "--data", data]) == 0
    assert "equal: 1200 output values of 6 samples, 0 differ" in capsys.readouterr().out
    assert cli.main(["infer", net, "--data", data]) == 0
    told = capsys.readouterr().out
    assert "accuracy 100.00 % on 6 samples" in told
    assert "framework's own spikes: equal, 1200 values, 0 differ" in told
    assert cli.main(["infer", net, "--data", data, "--bits", "16"]) == 0
    assert "16 bits: accuracy" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("framework", "make", "kind"),
    [ALL[1], ALL[len(SOFT)]],
    ids=["spikingjelly soft reset", "sinabs LIF"],
)
def test_simulated(
    framework: str,
    make: Callable[[str], Live],
    kind: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The hardware of the saved file gives the golden model's spikes and potentials."""
    net, data = saved(framework, make, kind, tmp_path)
    code = cli.main(
        [
            "simulate",
            net,
            "--data",
            data,
            "--board",
            "icebreaker",
            "--samples",
            "2",
            "-o",
            str(tmp_path / "o"),
        ]
    )
    told = capsys.readouterr()
    assert code == 0, told.err
    assert "0 differ" in told.out + told.err
