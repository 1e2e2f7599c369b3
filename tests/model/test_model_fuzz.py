"""Random and damaged NIR files: a UserError of one line, or a network that really runs."""

import copy
import signal
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.model.convention import PRESETS, Convention
from qsnn_hw.model.network import Network
from qsnn_hw.model.readers import hdf5_tree
from qsnn_hw.model.readers.nir_reader import read_nir
from qsnn_hw.model.simulate import simulate
from qsnn_hw.support.errors import UserError
from tests.support.nodes import lif

Write = Callable[..., Path]
Nodes = dict[str, dict[str, Any]]
CONVENTIONS = [Convention.preset(name) for name in PRESETS if name != "nir"]


def base() -> tuple[Nodes, list[tuple[str, str]]]:
    nodes: Nodes = {
        "in": {"type": "Input", "shape": [1, 6, 6]},
        "conv": {
            **{"type": "Conv2d", "weight": np.ones((2, 1, 3, 3)), "bias": np.zeros(2), "stride": [1, 1]},
            **{"padding": [0, 0], "dilation": [1, 1], "groups": 1, "input_shape": [6, 6]},
        },
        "a": {"type": "IF", "r": np.ones((2, 4, 4)), "v_threshold": np.ones((2, 4, 4))},
        "pool": {"type": "SumPool2d", "kernel_size": [2, 2], "stride": [2, 2], "padding": [0, 0]},
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1, "input_type": [2, 2, 2]},
        "fc": {"type": "Affine", "weight": np.ones((4, 8)) / 4, "bias": np.zeros(4)},
        "b": {
            **lif(4),
            **{"type": "CubaLIF", "tau_mem": np.full(4, 3e-3), "tau_syn": np.full(4, 2e-3)},
            "w_in": np.ones(4),
        },
        "rec": {"type": "Linear", "weight": -np.eye(4)},
        "late": {"type": "Delay", "delay": np.zeros(4)},
        "scale": {"type": "Scale", "scale": np.ones(4)},
        "c": lif(4, tau=np.full(4, 2e-3)),
        "out": {"type": "Output", "shape": [4]},
    }
    order = ["in", "conv", "a", "pool", "flat", "fc", "b", "late", "scale", "c", "out"]
    edges = [*pairwise(order), ("b", "rec"), ("rec", "b")]
    return nodes, edges


def check(path: Path, convention: Convention) -> Network | None:
    """Read; a refusal must be one line, a success must run and hold finite numbers only."""
    refusal = ""
    try:
        network = read_nir(path, convention)
    except UserError as error:
        refusal = str(error)
    if refusal:
        assert "\n" not in refusal
        assert str(path) in refusal
        return None
    names = [group.name for group in network.groups]
    assert len(set(names)) == len(names)
    for group in network.groups:
        for value in (group.decay, group.input_gain, group.leak, group.v_reset):
            assert value.shape == (group.size,)
            assert np.all(np.isfinite(value))
        assert np.all((group.decay >= 0) & (group.decay <= 1))
    if network.input_size > 10_000 or sum(group.size for group in network.groups) > 10_000:
        return network
    try:
        run = simulate(network, np.ones((3, 2, network.input_size), np.uint8))
    except UserError as error:
        refusal = str(error)
    else:
        assert run.out.shape[:2] == (3, 2)
    assert not refusal or "over 255" in refusal
    return network


ODD: list[Any] = [
    *(np.array(3.0), np.ones(3), np.ones((2, 2)), np.zeros(0), np.full(4, np.nan), np.full(4, np.inf)),
    *(np.array(-1), np.zeros(4), np.full((4, 8), 1e30), np.ones((1, 4)), np.array([[[[1]]]])),
    *(np.array([0, 0]), np.array([100, 100]), np.array([1, 2, 3]), np.array(2**40)),
    *("same", "valid", "LIF", "NIRGraph", "Linear", "Threshold", "LI", "", "Ω"),
    *(np.array([True, False]), np.ones(4, np.complex64), np.float16(0.5), np.array(1e-300)),
]


def mutate(rng: np.random.Generator) -> tuple[Nodes, list[tuple[str, str]]]:
    nodes, edges = base()
    nodes = copy.deepcopy(nodes)
    for _ in range(rng.integers(1, 4)):
        name = str(rng.choice(list(nodes)))
        node = nodes[name]
        key = str(rng.choice(list(node)))
        action = rng.integers(0, 7)
        if action == 0:
            node.pop(key)
        elif action in (1, 2):
            node[key] = ODD[rng.integers(len(ODD))]
        elif action == 3 and edges:
            edges.pop(rng.integers(len(edges)))
        elif action == 4:
            edges.append((str(rng.choice(list(nodes))), str(rng.choice([*nodes, "gone"]))))
        elif action == 5 and len(nodes) > 2:
            nodes.pop(name)
        elif not isinstance(node.get(key), str) and key in node:
            value = np.array(node[key], dtype=float)
            value[...] = rng.normal(size=value.shape) * 10.0 ** rng.integers(-6, 4)
            node[key] = value
    return nodes, edges


def test_the_unharmed_file_is_read(write_nir: Write) -> None:
    for convention in CONVENTIONS:
        dt = {} if convention.dt and convention.dt < 1 else {"dt": "1e-4"}
        assert check(write_nir(*base()), convention.with_settings(dt)) is not None


@pytest.mark.parametrize("seed", range(8))
def test_mutated_graphs(write_nir: Write, seed: int) -> None:
    rng = np.random.default_rng(seed)
    refused = 0
    for i in range(25):
        path = write_nir(*mutate(rng), name=f"m{i % 2}.nir")
        refused += check(path, CONVENTIONS[i % len(CONVENTIONS)]) is None
    assert 0 < refused <= 25


@pytest.mark.parametrize("seed", range(4))
def test_flipped_and_cut_bytes(
    write_nir: Write, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some of these files make the HDF5 library itself loop for ever.
    monkeypatch.setattr(hdf5_tree, "LIMIT_S", 3.0)
    rng = np.random.default_rng(seed)
    whole = np.frombuffer(write_nir(*base()).read_bytes(), np.uint8)
    for _ in range(40):
        harmed = whole.copy()
        for at in rng.integers(0, len(whole), rng.integers(1, 20)):
            harmed[at] = rng.integers(0, 256)
        cut = len(whole) if rng.random() < 0.7 else rng.integers(0, len(whole))
        path = tmp_path / "harmed.nir"
        path.write_bytes(harmed[:cut].tobytes())
        check(path, CONVENTIONS[0])


def test_random_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    for size in (0, 1, 8, 512, 4096):
        path = tmp_path / "noise.nir"
        path.write_bytes(b"\x89HDF\r\n\x1a\n" + rng.bytes(size))
        assert check(path, CONVENTIONS[0]) is None


def test_a_crashed_or_hanging_library_is_survived(write_nir: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_nir(*base())
    assert check(path, CONVENTIONS[0]) is not None
    hdf5_tree.running[0].process.kill()
    hdf5_tree.running[0].process.wait()
    assert check(path, CONVENTIONS[0]) is not None
    monkeypatch.setattr(hdf5_tree, "LIMIT_S", 0.0)
    with pytest.raises(UserError, match="the HDF5 library hangs or crashes on it"):
        read_nir(path, CONVENTIONS[0])
    monkeypatch.undo()
    assert check(path, CONVENTIONS[0]) is not None


def test_a_busy_machine_does_not_make_a_file_damaged(
    write_nir: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_nir(*base())
    assert check(path, CONVENTIONS[0]) is not None
    process = hdf5_tree.running[0].process
    monkeypatch.setattr(hdf5_tree, "LIMIT_S", 0.5)
    process.send_signal(signal.SIGSTOP)
    going_on = threading.Timer(1.5, process.send_signal, [signal.SIGCONT])
    going_on.start()
    assert read_nir(path, CONVENTIONS[0]) is not None
    going_on.join()
