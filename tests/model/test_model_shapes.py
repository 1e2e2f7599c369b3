"""Parameters of any shape that broadcasts, and Flatten over some dimensions only."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.model.build import build_network
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.graph import Graph, Node
from qsnn_hw.model.network import Network
from qsnn_hw.model.operators import operator
from qsnn_hw.model.readers.nir_reader import read_nir
from qsnn_hw.model.simulate import simulate
from qsnn_hw.support.errors import UserError
from tests.support.nodes import lif

Write = Callable[..., Path]
SNN = Convention.preset("snntorch")
SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


def chain(
    shape: tuple[int, ...], *nodes: tuple[str, dict[str, Any]], convention: Convention = SNN
) -> Network:
    """Input - the nodes - Output, named n0, n1 and so on."""
    made = {"in": Node("in", "Input", {"shape": list(shape)})}
    made |= {f"n{i}": Node(f"n{i}", kind, parameters) for i, (kind, parameters) in enumerate(nodes)}
    made["out"] = Node("out", "Output", {})
    names = list(made)
    return build_network(Graph("net.nir", "net", made, tuple(itertools.pairwise(names))), convention)


def neurons(**changes: object) -> tuple[str, dict[str, Any]]:
    scalars: dict[str, Any] = {"tau": 1e-3, "r": 10.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    return "LIF", {**scalars, **changes}


@st.composite
def broadcast_shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A group's shape, and one that NumPy broadcasts to it, with or without a batch dimension."""
    shape = draw(SHAPES)
    own = tuple(draw(st.sampled_from([1, size])) for size in shape)
    cut = draw(st.integers(0, len(own)))
    own = own[cut:]
    return shape, (*[1] * draw(st.integers(0, cut + 1)), *own)


@settings(deadline=None)
@given(broadcast_shapes(), st.sampled_from(["tau", "v_threshold", "v_leak"]), st.integers(0, 2**32 - 1))
def test_parameters_broadcast_as_numpy_does(
    shapes: tuple[tuple[int, ...], tuple[int, ...]], key: str, seed: int
) -> None:
    shape, own = shapes
    value = np.random.default_rng(seed).uniform(0.5, 2, own)
    if key == "tau":
        value = 1e-4 / (1 - np.round(1 - value / 10, 4))
    network = chain(shape, ("Identity", {}), neurons(**{key: value}))
    (group,) = network.groups
    core = value
    while core.ndim > len(shape):
        core = core[0]
    wanted = np.broadcast_to(core, shape).reshape(-1)
    if key == "v_threshold":
        assert group.threshold is not None
        assert group.threshold.tolist() == wanted.tolist()
    elif key == "v_leak":
        assert group.leak == pytest.approx(0.1 * wanted)
    else:
        assert group.decay == pytest.approx(1 - 1e-4 / wanted)


@settings(deadline=None)
@given(SHAPES, SHAPES)
def test_what_does_not_broadcast_is_one_line(shape: tuple[int, ...], own: tuple[int, ...]) -> None:
    core = own
    while len(core) > len(shape) and core[0] == 1:
        core = core[1:]
    try:
        fits = np.broadcast_shapes(shape, core) == shape
    except ValueError:
        fits = False
    nodes = (("Identity", {}), neurons(v_threshold=np.ones(own)))
    if fits or np.prod(own) == np.prod(shape):
        assert chain(shape, *nodes).groups[0].shape == shape
        return
    with pytest.raises(UserError, match="node 'n1'") as found:
        chain(shape, *nodes)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("kind", ["IF", "CubaLIF", "LI", "CubaLI", "I", "Threshold"])
def test_every_neuron_type_broadcasts(kind: str) -> None:
    each = np.array([1.0, 2.0, 4.0]).reshape(3, 1, 1)
    given: dict[str, dict[str, Any]] = {
        "IF": {"r": each, "v_threshold": 2 * each},
        "CubaLIF": {
            "tau_mem": 1e-3 * each,
            "tau_syn": 1e-3 * each,
            "r": each,
            "v_leak": 0.0,
            "v_threshold": each,
        }
        | {"w_in": each},
        "LI": {"tau": 1e-3 * each, "r": each, "v_leak": each},
        "CubaLI": {"tau_mem": 1e-3 * each, "tau_syn": 1e-3, "r": each, "v_leak": 0.0},
        "I": {"r": each},
        "Threshold": {"threshold": each},
    }
    (group,) = chain((3, 2, 2), ("Identity", {}), (kind, given[kind])).groups
    assert group.size == 12
    per_channel = [v for v in vars(group).values() if isinstance(v, np.ndarray) and len(set(v)) == 3]
    assert per_channel
    for values in per_channel:
        assert (values.reshape(3, 4) == values.reshape(3, 4)[:, :1]).all()


def test_parameters_may_have_different_shapes() -> None:
    """One per channel, one per neuron, one for all; and a readout's threshold behind it."""
    rows = np.arange(1.0, 25).reshape(2, 3, 4)
    network = chain((2, 3, 4), ("Identity", {}), neurons(v_threshold=rows, r=np.ones((2, 1, 1)), tau=[1e-3]))
    assert network.groups[0].threshold is not None
    assert network.groups[0].threshold.tolist() == rows.reshape(-1).tolist()
    silent = ("LI", {"tau": np.full((2, 1, 1), 1e-3), "r": 1.0, "v_leak": 0.0})
    network = chain((2, 3, 4), ("Identity", {}), silent, ("Threshold", {"threshold": [[1.0], [2.0], [3.0]]}))
    assert network.groups[0].threshold is not None
    assert network.groups[0].threshold.reshape(2, 3, 4)[1, :, 0].tolist() == [1, 2, 3]


def test_neurons_say_the_grid_that_a_flat_source_has_lost() -> None:
    """After a Linear of 12 outputs, (3, 2, 2) thresholds and (3, 1, 1) time constants."""
    weight = np.ones((12, 5))
    tau = np.array([2e-4, 5e-4, 2e-3]).reshape(3, 1, 1)
    network = chain((5,), ("Linear", {"weight": weight}), neurons(v_threshold=np.ones((3, 2, 2)), tau=tau))
    assert network.groups[0].decay.tolist() == pytest.approx([0.5] * 4 + [0.8] * 4 + [0.95] * 4)


def test_one_value_a_channel_needs_its_axis() -> None:
    with pytest.raises(UserError, match=re.escape("one value a channel has shape (3, 1, 1)")):
        chain((3, 4, 4), ("Identity", {}), neurons(v_threshold=np.ones(3)))
    # NumPy aligns the last axis, so here it is one value a column.
    network = chain((3, 4, 3), ("Identity", {}), neurons(v_threshold=[1.0, 2.0, 3.0]))
    assert network.groups[0].threshold is not None
    assert network.groups[0].threshold[:3].tolist() == [1, 2, 3]


def test_the_first_layer_broadcasts_over_the_input() -> None:
    """A neuron behind the input says its size by its parameters, but not where they broadcast."""
    assert chain((3, 4, 4), neurons(tau=np.full((3, 1, 1), 1e-3))).input_shape == (3, 4, 4)
    assert chain((1, 3, 3), neurons(tau=np.full((3, 1), 1e-3))).input_shape == (1, 3, 3)
    network = chain((7, 4), neurons(tau=np.full(4, 1e-3)))
    assert network.input_shape == (4,)
    assert "leading dimensions (7,) of (7, 4) taken as batch or time" in network.warnings[0]


def test_scale_broadcasts() -> None:
    factor = np.array([1.0, 2.0]).reshape(2, 1, 1)
    network = chain((2, 2, 2), ("Scale", {"scale": factor}), neurons())
    assert network.projections[0].operators[0].factor.tolist() == [1] * 4 + [2] * 4  # type: ignore[union-attr]
    with pytest.raises(UserError, match="scale has shape"):
        chain((2, 2, 2), ("Scale", {"scale": np.ones(3)}), neurons())


def flat(shape: tuple[int, ...], batched: bool = False, **given: object) -> tuple[int, ...]:
    graph = Graph("net.nir", "net", {"f": Node("f", "Flatten", dict(given))}, ())
    return operator(graph, "f", shape, batched=batched)[1]


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple), st.data())
def test_flatten_counts_dimensions_as_numpy_does(shape: tuple[int, ...], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(shape) - 1))
    end = data.draw(st.integers(start, len(shape) - 1))
    wanted = (*shape[:start], int(np.prod(shape[start : end + 1])), *shape[end + 1 :])
    for first in (start, start - len(shape)):
        for last in (end, end - len(shape)):
            assert flat(shape, start_dim=first, end_dim=last) == wanted
            assert flat(shape, start_dim=first, end_dim=last, input_type=shape) == wanted
    # A batch in front, in the file's own shape or told: everything one further back.
    assert flat(shape, start_dim=start + 1, end_dim=end + 1, input_type=(8, *shape)) == wanted
    assert flat(shape, batched=True, start_dim=start + 1, end_dim=end - len(shape)) == wanted
    assert flat(shape) == (int(np.prod(shape)),)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"start_dim": 3}, "start_dim is 3, and its input of shape (2, 3, 4) has dimensions -3 to 2"),
        ({"end_dim": -4}, "end_dim is -4, and its input"),
        ({"start_dim": 2, "end_dim": 1}, "start_dim 2 comes after end_dim 1"),
        ({"start_dim": [0, 1]}, "start_dim is 0, 1"),
        ({"start_dim": 0.5}, "start_dim is not made of whole numbers"),
    ],
)
def test_a_flatten_that_cannot_be_is_one_line(given: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"net.nir: node 'f' (Flatten): {says}")):
        flat((2, 3, 4), **given)


WEIGHT = np.random.default_rng(7).normal(0, 0.7, (3, 2, 3))


def spikes_of(planes: np.ndarray, weight: np.ndarray = WEIGHT) -> np.ndarray:
    """A plain loop: Conv1d of (time, sample, channel, length), then snnTorch's Leaky, beta 0.9."""
    places = planes.shape[3] - weight.shape[2] + 1
    v = np.zeros((planes.shape[1], weight.shape[0], places), np.float32)
    found = []
    for x in planes.astype(np.float32):
        fired = (v > 1).astype(np.float32)
        windows = np.stack([x[:, :, i : i + weight.shape[2]] for i in range(places)])
        v = np.float32(0.9) * v + np.einsum("pbck,ock->bop", windows, weight.astype(np.float32)) - fired
        found.append(v > 1)
    return np.array(found)


def conv_nodes(
    shape: list[int], weight: np.ndarray, flatten: dict[str, object]
) -> dict[str, dict[str, object]]:
    length = int(np.prod(shape)) // weight.shape[1]
    size = (weight.shape[0], length - weight.shape[2] + 1)
    return {
        "in": {"type": "Input", "shape": shape},
        "flat": {"type": "Flatten", **flatten},
        "conv": {"type": "Conv1d", "weight": weight, "bias": np.zeros(weight.shape[0])},
        "lif": {
            key: np.reshape(v, size) if np.size(v) > 1 else v for key, v in lif(size[0] * size[1]).items()
        },  # type: ignore[arg-type]
        "out": {"type": "Output", "shape": list(size)},
    }


@pytest.mark.parametrize(
    "flatten",
    [
        {"start_dim": 1, "end_dim": 2},
        {"start_dim": 1, "end_dim": -1, "input_type": [2, 3, 4]},
        {"start_dim": -2, "end_dim": -1},
        {"start_dim": 2, "end_dim": 3, "input_type": [1, 2, 3, 4]},
    ],
)
def test_a_partial_flatten_before_a_conv1d(write_nir: Write, flatten: dict[str, object]) -> None:
    network = read_nir(write_nir(conv_nodes([2, 3, 4], WEIGHT, flatten)), SNN)
    assert network.warnings == ()
    x = (np.random.default_rng(8).random((20, 4, 2, 3, 4)) < 0.4).astype(np.uint8)
    wanted = spikes_of(x.reshape(20, 4, 2, 12))
    assert np.array_equal(simulate(network, x).out, wanted.reshape(20, 4, -1))
    assert 0.05 < wanted.mean() < 0.95


def test_a_flatten_that_counts_the_batch_is_said(write_nir: Write) -> None:
    """torch's own Flatten(1, 2), batch included: (2, 3, 4) becomes 6 channels of 4."""
    weight = np.random.default_rng(9).normal(0, 0.5, (3, 6, 3))
    network = read_nir(write_nir(conv_nodes([2, 3, 4], weight, {"start_dim": 1, "end_dim": 2})), SNN)
    assert [line for line in network.warnings if "count a batch dimension" in line]
    x = (np.random.default_rng(8).random((20, 4, 2, 3, 4)) < 0.4).astype(np.uint8)
    assert np.array_equal(
        simulate(network, x).out, spikes_of(x.reshape(20, 4, 6, 4), weight).reshape(20, 4, -1)
    )


def test_a_conv1d_asks_for_channels_and_length(write_nir: Write) -> None:
    path = write_nir(conv_nodes([2, 3, 4], np.ones((3, 4, 3)), {"start_dim": 0, "end_dim": -1}))
    with pytest.raises(UserError, match=re.escape("its input has shape (24,), it wants 4 x length")):
        read_nir(path, SNN)
    nodes = conv_nodes([2, 3, 4], WEIGHT, {})
    nodes["flat"] = {"type": "Identity"}
    with pytest.raises(UserError, match=re.escape("its input has shape (2, 3, 4), it wants 2 x length")):
        read_nir(write_nir(nodes), SNN)
    nodes = conv_nodes([24], np.ones((3, 1, 3)), {})
    assert read_nir(write_nir(nodes), SNN).groups[0].size == 66
