"""Betas and alphas of 1 and outside 0 to 1, as snnTorch's exporter writes them and as snnTorch runs them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.golden import run_clocked
from qsnn_hw.golden.event_driven import run_event_driven
from qsnn_hw.model.build import build_network
from qsnn_hw.model.convention import PRESETS, Convention
from qsnn_hw.model.graph import Graph, Node
from qsnn_hw.model.network import Network
from qsnn_hw.model.readers.nir_reader import read_nir
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.support.errors import UserError
from tests.support.nodes import small_nodes

Write = Callable[..., Path]
SNN = Convention.preset("snntorch")
WEIGHT = np.random.default_rng(11).normal(0, 0.5, (4, 5))
BETAS = st.lists(
    st.sampled_from([1.0, 1.02, 2.0, 1 + 2.0**-23, 1 - 2.0**-24, -0.1, -3.0, 0.0, 0.5, 0.9, 0.9999]),
    min_size=4,
    max_size=4,
)


def exported(beta: list[float], alpha: list[float] | None = None) -> tuple[str, dict[str, Any]]:
    """What snnTorch 1.0.0's export_to_nir computes, in its float32."""
    dt = 1e-4
    with np.errstate(divide="ignore"):
        tau = (dt / (1 - np.array(beta, np.float32))).astype(np.float32)
    made: dict[str, Any] = {"r": tau / np.float32(dt), "v_leak": np.zeros(4), "v_threshold": np.full(4, 0.75)}
    if alpha is None:
        return "LIF", {**made, "tau": tau}
    with np.errstate(divide="ignore"):
        tau_syn = (dt / (1 - np.array(alpha, np.float32))).astype(np.float32)
    return "CubaLIF", {**made, "tau_mem": tau, "tau_syn": tau_syn, "w_in": tau_syn / np.float32(dt)}


def network(kind: str, parameters: dict[str, Any], convention: Convention = SNN) -> Network:
    nodes = {
        "in": Node("in", "Input", {"shape": [5]}),
        "fc": Node("fc", "Linear", {"weight": WEIGHT}),
        "lif": Node("lif", kind, parameters),
        "out": Node("out", "Output", {}),
    }
    return build_network(
        Graph("net.nir", "net", nodes, (("in", "fc"), ("fc", "lif"), ("lif", "out"))), convention
    )


def leaky(x: np.ndarray, beta: list[float], alpha: list[float] | None = None) -> np.ndarray:
    """snnTorch's Leaky or Synaptic, reset by subtraction: decays clamped in every step."""
    kept = np.clip(np.array(beta, np.float32), 0, 1)
    held = np.clip(np.array(alpha if alpha is not None else beta, np.float32), 0, 1)
    v = np.zeros((x.shape[1], 4), np.float32)
    i = np.zeros_like(v)
    found = []
    for now in x.astype(np.float32):
        drive = now @ WEIGHT.T.astype(np.float32)
        i = held * i + drive if alpha is not None else drive
        fired = (v > 0.75).astype(np.float32)
        v = kept * v + i - fired * np.float32(0.75)
        found.append(v > 0.75)
    return np.array(found)


def spikes() -> np.ndarray:
    return (np.random.default_rng(12).random((25, 4, 5)) < 0.4).astype(np.uint8)


@settings(deadline=None)
@given(BETAS)
def test_betas_are_clamped_as_snntorch_clamps_them(beta: list[float]) -> None:
    x = spikes()
    read = network(*exported(beta))
    assert read.groups[0].decay == pytest.approx(np.clip(beta, 0, 1), abs=1e-7)
    assert read.groups[0].input_gain.tolist() == [1, 1, 1, 1]
    assert np.array_equal(simulate(read, x).out, leaky(x, beta))


@settings(deadline=None)
@given(BETAS, BETAS)
def test_alphas_are_clamped_too(beta: list[float], alpha: list[float]) -> None:
    x = spikes()
    read = network(*exported(beta, alpha))
    assert np.array_equal(simulate(read, x).out, leaky(x, beta, alpha))


@pytest.mark.parametrize("beta", [[1.0] * 4, [1.02, 0.9, -0.5, 1.0], [1.0, 0.5, 0.75, 0.0]])
def test_no_leak_at_all_in_integers(beta: list[float]) -> None:
    """Weights that lie on a grid make integers exact: the spikes are snnTorch's own."""
    x = spikes()
    kind, parameters = exported(beta)
    grid = np.clip(np.round(WEIGHT * 16), -7, 7)
    grid[0, 0] = 7
    nodes = small_nodes(
        **{"in": {"type": "Input", "shape": [5]}, "fc": {"type": "Linear", "weight": grid / 16}},
        lif={"type": kind, **parameters},
        out={"type": "Output", "shape": [4]},
    )
    made = {name: Node(name, str(value["type"]), dict(value)) for name, value in nodes.items()}
    read = build_network(Graph("n", "n", made, (("in", "fc"), ("fc", "lif"), ("lif", "out"))), SNN)
    integers = quantize(read, QuantizeOptions(weight_bits=4, fractional_bits=8))
    group = integers.groups[0]
    losses = np.broadcast_to(group.numerator, 4) / 2.0**group.leak_shift
    assert losses == pytest.approx(1 - np.clip(beta, 0, 1), abs=2.0**-9)
    run = run_clocked(integers, x)
    assert np.array_equal(run.spikes["lif"], run_event_driven(integers, x).spikes["lif"])
    wanted = simulate(read, x).out
    exact = np.isin(np.clip(beta, 0, 1), [0, 0.5, 0.75, 1])
    assert np.array_equal(run.spikes["lif"][:, :, exact], wanted[:, :, exact])
    assert wanted[:, :, exact].any()


def on_a_grid(beta: list[float], alpha: list[float]) -> Network:
    """Synaptic neurons whose weights are whole 16ths."""
    kind, parameters = exported(beta, alpha)
    grid = np.clip(np.round(WEIGHT * 16), -7, 7)
    grid[0, 0] = 7
    nodes = small_nodes(
        **{"in": {"type": "Input", "shape": [5]}, "fc": {"type": "Linear", "weight": grid / 16}},
        lif={"type": kind, **parameters},
        out={"type": "Output", "shape": [4]},
    )
    made = {name: Node(name, str(value["type"]), dict(value)) for name, value in nodes.items()}
    return build_network(Graph("n", "n", made, (("in", "fc"), ("fc", "lif"), ("lif", "out"))), SNN)


@pytest.mark.parametrize(
    ("beta", "alpha"),
    [([0.5] * 4, [1.0] * 4), ([0.0, 0.5, 0.75, 0.5], [1.02, 1.0, 3.0, 0.5]), ([1.0] * 4,) * 2],
)
def test_a_current_that_keeps_everything_in_integers(beta: list[float], alpha: list[float]) -> None:
    """Exact, as the grid and the retentions are, until a current meets its clamp; there both models agree."""
    read = on_a_grid(beta, alpha)
    integers = quantize(read, QuantizeOptions(weight_bits=4, fractional_bits=8))
    group = integers.groups[0]
    assert group.current_low is not None
    assert group.current_high is not None
    weight = integers.projections[0].weight.astype(int) * 2**8
    sums = (np.where(weight * sign > 0, abs(weight), 0).sum(axis=1) for sign in (1, -1))
    largest = int(np.max([group.threshold, *sums]))
    assert 8 * largest <= group.current_high < 16 * largest
    assert group.current_low == ~group.current_high
    assert sum("of its synaptic current" in text for text in integers.warnings) == 1
    x = spikes()
    run, wanted = run_clocked(integers, x), simulate(read, x).out
    assert run.saturations["lif"] == 0
    assert wanted.any()
    assert np.array_equal(run.spikes["lif"], wanted)
    long = np.ones((400, 1, 5), np.uint8)
    run = run_clocked(integers, long)
    assert run.saturations["lif"] > 0
    assert np.array_equal(run.spikes["lif"], run_event_driven(integers, long).spikes["lif"])


def test_a_readout_of_a_current_that_keeps_everything() -> None:
    """No sample of 1,024 steps meets the clamp, so no warning tells of it."""
    kind, parameters = exported([0.5] * 4, [1.0] * 4)
    del parameters["v_threshold"]
    read = network("CubaLI", parameters)
    integers = quantize(read, QuantizeOptions(weight_bits=8))
    assert kind == "CubaLIF"
    assert integers.warnings == ()
    x = np.ones((1024, 1, 5), np.uint8)
    run = run_clocked(integers, x)
    assert run.saturations["lif"] == 0
    got, wanted = run.potentials["lif"] * integers.groups[0].step, simulate(read, x).out
    assert np.abs(got - wanted).max() < 0.01 * np.abs(wanted).max()


def test_a_clamp_is_told() -> None:
    (first, second) = network(*exported([1.02, 1.5, -0.1, 0.9])).warnings
    assert "tau says that 1.5 of the potential is kept from step to step; taken as 1, as snnTorch" in first
    assert "tau says that -0.1 of the potential is kept from step to step; taken as 0" in second
    assert network(*exported([1.0, 0.9, 0.8, 1.0])).warnings == ()
    assert "of the current is kept" in network(*exported([0.9] * 4, [1.1] * 4)).warnings[0]


def test_other_frameworks_do_not_clamp() -> None:
    for name in PRESETS:
        convention = Convention.preset(name).with_settings({"dt": "1e-4"})
        if name == "snntorch":
            continue
        with pytest.raises(UserError, match=r"lif' \(LIF\): tau is -0\.005, not above 0; snnTorch writes so"):
            network(*exported([1.02] * 4), convention)
        if convention.input_gain == "euler":
            with pytest.raises(
                UserError, match="tau and r are infinite, so what an input adds is not in the file"
            ):
                network(*exported([1.0] * 4), convention)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        # Not what snnTorch writes: its r is tau/dt.
        ({"tau": np.full(4, -0.005), "r": np.ones(4)}, "tau is -0.005, not above 0$"),
        ({"tau": np.full(4, 5e-5), "r": np.ones(4)}, "tau=5e-05 is below the time step dt=0.0001"),
        ({"r": np.full(4, np.inf)}, "r holds 4 values that are NaN or infinite"),
        ({"tau": np.full(4, np.nan)}, "tau holds 4 values that are NaN or infinite"),
        ({"tau": np.full(4, -np.inf), "r": np.full(4, -np.inf)}, "tau is -inf, not above 0"),
        ({"tau": np.zeros(4), "r": np.zeros(4)}, "tau is 0, not above 0"),
        ({"v_threshold": np.full(4, np.inf)}, "v_threshold holds 4 values that are NaN or infinite"),
    ],
)
def test_only_what_snntorch_writes_is_clamped(changes: dict[str, Any], says: str) -> None:
    kind, parameters = exported([0.9] * 4)
    with pytest.raises(UserError, match=says):
        network(kind, {**parameters, **changes})


def test_an_infinite_tau_of_others_is_an_integrator() -> None:
    """Where the gain does not hang on tau."""
    convention = Convention.preset("nir").with_settings({"dt": "1e-3", "input_gain": "r"})
    parameters = {"tau": np.inf, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0}
    assert network("LIF", parameters, convention).groups[0].decay.tolist() == [1] * 4
    lost = network("LIF", parameters, Convention.preset("nir").with_settings({"dt": "1e-3"}))
    assert "tau=inf is over a million time steps of dt=0.001, so inputs hardly count" in lost.warnings[0]


def test_a_beta_written_as_it_is() -> None:
    settings = {"decay": "direct", "input_gain": "r", "current_gain": "w_in"}
    parameters = {"tau": [1.02, 0.9, -0.5, 1.0], "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0}
    read = network("LIF", parameters, SNN.with_settings(settings))
    assert read.groups[0].decay.tolist() == [1, 0.9, 0, 1]
    with pytest.raises(
        UserError, match=r"decay=direct takes tau as the retention per step, from 0 to 1, not 1\.02"
    ):
        network("LIF", parameters, SNN.with_settings({**settings, "clamp_decay": "false"}))


def test_only_norse_is_advised_to_undo_its_exporter(write_nir: Write) -> None:
    tau = {
        "lif": {"type": "LIF", "tau": np.full(2, 5e-6), "r": np.ones(2), "v_leak": 0.0, "v_threshold": 1.0}
    }
    path = write_nir(small_nodes(**tau))
    for name in PRESETS:
        convention = Convention.preset(name).with_settings({"dt": "1e-3"})
        try:
            said = " ".join(read_nir(path, convention).warnings)
        except UserError as error:
            said = str(error)
        assert "is below the time step dt=0.001" in said
        assert ("tau_fix" in said) == (name == "norse")
