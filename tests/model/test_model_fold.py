"""A leaky integrator in front of weights and neurons is their synaptic current, exactly."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from qsnn_hw.golden import run_clocked, run_event_driven
from qsnn_hw.model.build import build_network
from qsnn_hw.model.convention import PRESETS, Convention
from qsnn_hw.model.graph import Graph, Node
from qsnn_hw.model.network import Network
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.support.errors import UserError
from tests.support.nodes import lif

Parameters = dict[str, Any]
RNG = np.random.default_rng(31)
FIRST, LAST = RNG.normal(0.1, 0.5, (6, 5)), RNG.normal(0.1, 0.4, (4, 6))
BIAS = RNG.normal(0, 0.1, 4)
FAST = {"tau": np.full(6, 5e-4), "r": np.full(6, 2.0), "v_leak": np.zeros(6)}
NEURONS = {key: value for key, value in lif(4).items() if key != "type"}
NEURONS["v_leak"] = np.array([0.05, 0.0, -0.1, 0.0])
SPIKES = (RNG.random((40, 5, 5)) < 0.4).astype(np.uint8)


def chain(convention: Convention, size: int | tuple[int, ...], *nodes: tuple[str, Parameters]) -> Network:
    """Nodes in a row, called n1, n2, ..., between input and output."""
    made = {"in": Node("in", "Input", {"shape": np.atleast_1d(size)})}
    made |= {f"n{i}": Node(f"n{i}", kind, parameters) for i, (kind, parameters) in enumerate(nodes, 1)}
    made["out"] = Node("out", "Output", {})
    names = list(made)
    return build_network(Graph("net.nir", "net", made, tuple(pairwise(names))), convention)


CONVENTIONS = {
    "nir": PRESETS["nir"].with_settings({"dt": "1e-4"}),
    "norse": PRESETS["norse"].with_settings({"dt": "1e-4"}),
    "snntorch": PRESETS["snntorch"],
    "snntorch zero": PRESETS["snntorch"].with_settings({"reset": "zero"}),
    "sinabs": PRESETS["sinabs"].with_settings({"dt": "1e-4", "start": "zero"}),
    "spikingjelly": PRESETS["spikingjelly"],
    "rockpool": PRESETS["rockpool"].with_settings({"dt": "1e-4"}),
}


@pytest.mark.parametrize("start", ["zero", "rest"])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_an_integrator_before_weights_is_a_current(name: str, start: str) -> None:
    """The same network cut behind the integrator, the potentials of the first half as input of the second."""
    convention = CONVENTIONS[name].with_settings({"start": start})
    neurons = dict(NEURONS)
    if start == "rest" and (convention.max_spikes != 1 or convention.reset_retest):
        neurons["v_leak"] = np.zeros(4)
    if convention.v_min is not None and start == "rest":
        convention = convention.with_settings({"v_min": "none"})
    head = (("Linear", {"weight": FIRST}), ("LI", FAST))
    tail = (("Affine", {"weight": LAST, "bias": BIAS}), ("LIF", neurons))
    whole = chain(convention, 5, *head, *tail)
    assert [group.name for group in whole.groups] == ["n4"]
    potentials = simulate(chain(convention, 5, *head), SPIKES, dtype=np.float64).out
    wanted = simulate(chain(convention, 6, *tail), potentials, dtype=np.float64)
    assert 20 < np.count_nonzero(wanted.out) < 0.9 * wanted.out.size
    assert np.array_equal(simulate(whole, SPIKES, dtype=np.float64).out, wanted.out)


@pytest.mark.parametrize("bias", [None, np.array([0.2, -0.1])])
def test_convolutions_pools_and_delays_between(bias: np.ndarray | None) -> None:
    """Everything that is linear and knows no time but a delay."""
    convention = CONVENTIONS["nir"]
    kernel = np.random.default_rng(3).normal(0.2, 0.5, (2, 1, 3, 3))
    conv = {"weight": kernel, "stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1}
    ready = {key: np.full((2, 2, 2), value.flat[0]) for key, value in NEURONS.items()}
    fast = {key: np.full((1, 4, 4), value.flat[0]) for key, value in FAST.items()}
    pool = {"kernel_size": [2, 2], "stride": [2, 2], "padding": [0, 0]}
    tail = (
        ("Delay", {"delay": np.array([2e-4])}),
        ("SumPool2d", pool),
        ("Conv2d", {**conv, "input_shape": [2, 2], "bias": bias} if bias is not None else {**conv}),
        ("LIF", ready),
    )
    x = (np.random.default_rng(4).random((30, 4, 1, 4, 4)) < 0.4).astype(np.uint8)
    whole = chain(convention, (1, 4, 4), ("LI", fast), *tail)
    assert len(whole.groups) == 1
    potentials = simulate(chain(convention, (1, 4, 4), ("LI", fast)), x, dtype=np.float64).out
    wanted = simulate(chain(convention, (1, 4, 4), *tail), potentials, dtype=np.float64).out
    assert 20 < wanted.sum() < 0.9 * wanted.size
    assert np.array_equal(simulate(whole, x, dtype=np.float64).out, wanted)


def test_it_is_a_network_in_integers() -> None:
    """Close to float at 12 bits, and the two golden models agree."""
    nodes = (
        *(("Linear", {"weight": FIRST}), ("LI", FAST)),
        *(("Affine", {"weight": LAST, "bias": BIAS}), ("LIF", NEURONS)),
    )
    network = chain(CONVENTIONS["nir"], 5, *nodes)
    integers = quantize(network, QuantizeOptions(weight_bits=12, fractional_bits=4, leak_bits=12))
    run = run_clocked(integers, SPIKES)
    assert np.array_equal(run.spikes["n4"], run_event_driven(integers, SPIKES).spikes["n4"])
    wanted = simulate(network, SPIKES).out
    assert np.mean(run.spikes["n4"] != wanted) < 0.01


REFUSED = {
    "all its neurons have the same tau": (("LI", {**FAST, "tau": np.linspace(4e-4, 6e-4, 6)}), None),
    "all its neurons have the same r": (("LI", {**FAST, "r": np.linspace(1, 2, 6)}), None),
    "its v_leak is 0": (("LI", {**FAST, "v_leak": np.full(6, 0.1)}), None),
    "it is an LI": (("I", {"r": np.full(6, 2e3)}), None),
    "only the last layer between has a bias": (
        ("LI", FAST),
        ("Affine", {"weight": np.eye(6), "bias": np.ones(6)}),
    ),
    "one LIF alone is behind it": (("LI", FAST), ("LI", FAST)),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_no_current_says_why_and_a_threshold_helps(reason: str) -> None:
    integrator, extra = REFUSED[reason]
    between = () if extra is None else (extra,)
    tail = (*between, ("Affine", {"weight": LAST, "bias": BIAS}), ("LIF", NEURONS))
    head = (("Linear", {"weight": FIRST}), integrator)
    with pytest.raises(UserError) as found:
        chain(CONVENTIONS["nir"], 5, *head, *tail)
    first, *rest = str(found.value).splitlines()
    assert not rest
    assert first.startswith("net.nir: node 'n2'")
    # Of two integrators in a row the second has become the current of the LIF behind 'n4'.
    onward = "n4" if extra is not None and extra[0] == "LI" else "n3"
    assert f"hands its potential to '{onward}', and only spikes travel between groups here; " in first
    assert f"the LIF behind the next weights where {reason}; otherwise put one Threshold node" in first
    threshold = ("Threshold", {"threshold": np.full(6, 0.5)})
    assert simulate(chain(CONVENTIONS["nir"], 5, *head, threshold, *tail), SPIKES).out.any()
    assert chain(CONVENTIONS["nir"], 5, *head).output == "n2"


def test_another_input_of_the_neurons_is_no_part_of_the_current() -> None:
    nodes = {
        "in": Node("in", "Input", {"shape": np.array([5])}),
        "a": Node("a", "Linear", {"weight": FIRST}),
        "b": Node("b", "LI", FAST),
        "c": Node("c", "Linear", {"weight": LAST}),
        "d": Node("d", "LIF", NEURONS),
        "e": Node("e", "Linear", {"weight": np.eye(4)}),
        "out": Node("out", "Output", {}),
    }
    edges = (("in", "a"), ("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "d"), ("d", "out"))
    with pytest.raises(
        UserError, match=r"where that LIF has no other input; otherwise put one Threshold node"
    ):
        build_network(Graph("net.nir", "net", nodes, edges), CONVENTIONS["nir"])
    # A loop that passes the integrator is one of its inputs.
    loop = tuple(edge for edge in edges if edge not in {("d", "e"), ("e", "d")})
    nodes["e"] = Node("e", "Linear", {"weight": -np.ones((5, 4))})
    made = build_network(
        Graph("net.nir", "net", nodes, (*loop, ("d", "e"), ("e", "a"))),
        CONVENTIONS["nir"],
    )
    assert sorted(p.source for p in made.projections) == ["d", "input"]


@pytest.mark.parametrize("words", [{"max_spikes": "unlimited", "reset": "subtract"}, {"refractory": "2"}])
def test_a_threshold_behind_an_integrator_spikes_once_a_step(words: dict[str, str]) -> None:
    """However many spikes a step the convention lets neurons emit, and however long it holds them back."""
    nodes = (("Linear", {"weight": FIRST}), ("LI", FAST), ("Threshold", {"threshold": np.full(6, 0.3)}))
    convention = CONVENTIONS["nir"]
    network = chain(convention.with_settings(words), 5, *nodes)
    (group,) = network.groups
    assert (group.max_spikes, group.refractory, group.reset) == (1, 0, "none")
    plain = simulate(chain(convention, 5, *nodes), SPIKES).out
    assert plain.any()
    assert np.array_equal(simulate(network, SPIKES).out, plain)
    quantize(network, QuantizeOptions())
