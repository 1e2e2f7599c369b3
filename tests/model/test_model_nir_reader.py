"""What the NIR reader accepts, what it makes of it, and what it says to files it refuses."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Pool2d, Scale
from qsnn_hw.model.readers.nir_reader import read_nir
from qsnn_hw.model.simulate import simulate
from qsnn_hw.support.errors import UserError
from tests.support.nodes import lif, small_nodes
from tests.support.shipped_models import FOLDER

Write = Callable[..., Path]
SNN = Convention.preset("snntorch")
NIR = Convention.preset("nir").with_settings({"dt": "1e-4"})
LINEAR = {"type": "Linear", "weight": np.eye(2)}
OUT = {"type": "Output", "shape": [2]}


def test_small_network(write_nir: Write) -> None:
    network = read_nir(write_nir(small_nodes()), SNN)
    (group,) = network.groups
    assert (network.name, network.input_shape, network.output) == ("model", (3,), "lif")
    assert group.decay.tolist() == [0.9, 0.9]
    assert group.input_gain.tolist() == [1.0, 1.0]
    assert (group.reset, group.reset_delay, group.comparison) == ("subtract", True, ">")
    (projection,) = network.projections
    assert (projection.name, projection.source, projection.target) == ("fc", INPUT, "lif")
    assert network.convention["dt"] == 1e-4
    assert network.warnings == ()


def test_what_the_nir_package_writes(tmp_path: Path) -> None:
    ones = np.ones(4, np.float32)
    graph = nir.NIRGraph.from_list(
        nir.Input(np.array([1, 6, 6])),
        nir.Conv2d((6, 6), np.ones((2, 1, 3, 3), np.float32), 1, 0, 1, 1, np.zeros(2, np.float32)),
        nir.IF(np.ones((2, 4, 4)), np.ones((2, 4, 4))),
        nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        nir.Flatten({"input": np.array([2, 2, 2])}, 0),
        nir.Linear(np.ones((4, 8), np.float32)),
        nir.CubaLIF(2e-4 * ones, 1e-3 * ones, ones, 0 * ones, ones, w_in=2 * ones),
        nir.Output(np.array([4])),
    )
    nir.write(tmp_path / "net.nir", graph)
    network = read_nir(tmp_path / "net.nir", NIR)
    assert [group.shape for group in network.groups] == [(2, 4, 4), (4,)]
    last = network.groups[-1]
    assert last.current_decay is not None
    assert last.current_gain is not None
    assert (last.current_decay[0], last.current_gain[0]) == (0.5, 1.0)
    assert (last.decay[0], last.input_gain[0]) == (0.9, 0.1)
    kinds = [[type(made) for made in p.operators] for p in network.projections]
    assert kinds == [[Conv2d], [Pool2d, Dense]]


@pytest.mark.parametrize(
    ("shape", "warns"), [([1, 3], False), ([3, 1], False), ([8, 3], True), ([100, 1, 3], True)]
)
def test_batch_or_time_left_in_the_input_shape(write_nir: Write, shape: list[int], warns: bool) -> None:
    network = read_nir(write_nir(small_nodes(**{"in": {"type": "Input", "shape": shape}})), SNN)
    assert network.input_size == 3
    assert bool(network.warnings) == warns
    if warns:
        assert "taken as batch or time" in network.warnings[0]


def test_missing_flatten_and_scalar_parameters(write_nir: Write) -> None:
    nodes = {
        "in": {"type": "Input", "shape": [1, 4, 4]},
        "pool": {"type": "AvgPool2d", "kernel_size": [2, 2], "stride": [2, 2], "padding": [0, 0]},
        "fc": {"type": "Linear", "weight": np.ones((2, 4))},
        "lif": lif(1),
        "out": OUT,
    }
    network = read_nir(write_nir(nodes), SNN)
    assert network.group("lif").size == 2
    assert network.into("lif")[0].name == "pool+fc"


def test_subgraph_and_edges_that_name_its_inner_nodes(write_nir: Write) -> None:
    inner = {
        "nodes": {"lif": lif(2), "w_rec": LINEAR},
        "edges": [("lif", "w_rec"), ("w_rec", "lif")],
    }
    nodes = small_nodes(lif=inner)
    edges = [("in", "fc"), ("fc", "lif.lif"), ("lif.lif", "out")]
    network = read_nir(write_nir(nodes, edges), SNN)
    assert network.output == "lif.lif"
    assert [(p.source, p.target) for p in network.projections] == [
        (INPUT, "lif.lif"),
        ("lif.lif", "lif.lif"),
    ]


def test_subgraph_with_ports(write_nir: Write) -> None:
    inner = {
        "nodes": {"a": {"type": "Input", "shape": [2]}, "lif": lif(2), "b": OUT},
        "edges": [("a", "lif"), ("lif", "b")],
    }
    network = read_nir(write_nir(small_nodes(lif=inner)), SNN)
    assert network.output == "lif.lif"


def test_several_inputs_count_a_shared_bias_once(write_nir: Write) -> None:
    nodes = {
        "in": {"type": "Input", "shape": [2]},
        "a": lif(2),
        "sum": {"type": "Affine", "weight": np.eye(2), "bias": np.ones(2)},
        "b": lif(2),
        "out": OUT,
    }
    edges = [("in", "a"), ("a", "sum"), ("in", "sum"), ("sum", "b"), ("a", "b"), ("b", "out")]
    network = read_nir(write_nir(nodes, edges), SNN)
    into = network.into("b")
    assert sorted((p.source, len(p.operators)) for p in into) == [("a", 0), ("a", 1), (INPUT, 1)]
    dense = [made for p in into for made in p.operators if isinstance(made, Dense)]
    assert sum(made.bias is not None for made in dense) == 1
    assert len({p.name for p in into}) == 3


def test_loop_over_two_groups_is_cut_once(write_nir: Write) -> None:
    nodes = {"in": {"type": "Input", "shape": [2]}, "b": lif(2), "a": lif(2), "out": OUT}
    edges = [("in", "b"), ("b", "a"), ("a", "b"), ("a", "out")]
    network = read_nir(write_nir(nodes, edges), SNN)
    assert [group.name for group in network.groups] == ["b", "a"]


def test_delay_scale_and_threshold(write_nir: Write) -> None:
    nodes = {
        "in": {"type": "Input", "shape": [2]},
        "late": {"type": "Delay", "delay": np.full(2, 3e-4)},
        "scale": {"type": "Scale", "scale": np.array([2.0, 3.0])},
        "step": {"type": "Threshold", "threshold": np.ones(2)},
        "out": OUT,
    }
    network = read_nir(write_nir(nodes), NIR)
    (projection,) = network.projections
    assert projection.delay == 3
    assert isinstance(projection.operators[0], Scale)
    assert network.groups[0].reset == "none"
    assert not network.groups[0].decay.any()
    nodes["late"] = {"type": "Delay", "delay": np.array(2)}
    path = write_nir(nodes)
    counted = read_nir(path, NIR.with_settings({"delay_unit": "steps"}))
    assert counted.projections[0].delay == 2
    with pytest.raises(UserError, match=r"'late' \(Delay\): a delay of 2 is 20000 time steps, over 10000"):
        read_nir(path, NIR)


def test_readouts(write_nir: Write) -> None:
    silent = {key: value for key, value in lif(2).items() if key not in ("v_threshold", "v_reset")}
    network = read_nir(write_nir(small_nodes(lif={**silent, "type": "LI"})), SNN)
    assert network.group("lif").threshold is None
    nodes = small_nodes(out={"type": "Linear", "weight": np.eye(2)}, end=OUT)
    ending = read_nir(write_nir(nodes), SNN)
    assert ending.output == "end_readout"
    assert ending.group("end_readout").threshold is None
    assert "never fires" in ending.warnings[0]


def test_integrator_followed_by_threshold_fires_without_reset(write_nir: Write) -> None:
    nodes = {
        "in": {"type": "Input", "shape": [2]},
        "sum": {"type": "I", "r": np.ones(2)},
        "step": {"type": "Threshold", "threshold": np.full(2, 1.5)},
        "out": OUT,
    }
    network = read_nir(write_nir(nodes), SNN)
    (group,) = network.groups
    assert group.threshold is not None
    assert (group.name, group.reset, group.threshold.tolist()) == ("sum", "none", [1.5, 1.5])


def _refusals() -> list[tuple[str, dict[str, Any], Convention, str]]:
    nan = np.array([[1.0, np.nan, 0], [0, 1, 0]])
    affine = {"type": "Affine", "weight": np.eye(2, 3), "bias": np.zeros(2)}
    return [
        ("nan", {"fc": {**affine, "weight": nan}}, SNN, "node 'fc' (Affine): weight holds 1 value"),
        ("inf", {"lif": lif(2, r=[np.inf, 1])}, SNN, "node 'lif' (LIF): r holds 1 value"),
        (
            "bias",
            {"fc": {**affine, "bias": np.zeros(3)}},
            SNN,
            "'fc' (Affine): bias has 3 values, the weight",
        ),
        ("no bias", {"fc": {"type": "Affine", "weight": np.eye(2, 3)}}, SNN, "'fc' (Affine) has no bias"),
        ("no weight", {"fc": {"type": "Linear"}}, SNN, "node 'fc' (Linear) has no weight"),
        ("text", {"fc": {"type": "Linear", "weight": "abc"}}, SNN, "weight is not an array of numbers"),
        ("width", {"fc": {"type": "Linear", "weight": np.eye(2)}}, SNN, "weight (2, 2) wants 2 inputs"),
        ("neurons", {"lif": lif(5)}, SNN, "node 'lif' (LIF) has 5 neurons (5,), the nodes before it give 2"),
        ("sizes", {"lif": lif(2, tau=np.ones(3))}, SNN, "node 'lif' (LIF) has 3 neurons"),
        ("output", {"out": {"type": "Output", "shape": [7]}}, SNN, "node 'out' (Output) has shape (7,)"),
        ("threshold", {"lif": lif(2, v_threshold=[1, 0])}, SNN, "v_threshold of neuron 1 is 0, not above 0"),
        ("tau 0", {"lif": lif(2, tau=[0, 1])}, SNN, "node 'lif' (LIF): tau is 0, not above 0"),
        ("tau", {"lif": lif(2, tau=[5e-6] * 2)}, SNN, "below the time step dt=0.0001"),
        ("dt", {}, Convention.preset("nir"), "tau needs the time step, and convention nir has none"),
        ("type", {"lif": {"type": "Izhikevich"}}, SNN, "node 'lif' has type 'Izhikevich', which is not supp"),
        ("input", {"in": {"type": "Input"}}, SNN, "node 'in' (Input) has no shape"),
        ("empty", {"in": {"type": "Input", "shape": [0]}}, SNN, "shape is (0,), not all above 0"),
        ("half", {"in": {"type": "Input", "shape": [2.5]}}, SNN, "shape is not made of whole numbers"),
    ]


@pytest.mark.parametrize(("changes", "convention", "text"), [case[1:] for case in _refusals()])
def test_refusals(write_nir: Write, changes: dict[str, Any], convention: Convention, text: str) -> None:
    path = write_nir(small_nodes(**changes))
    with pytest.raises(UserError, match=re.escape(text)) as caught:
        read_nir(path, convention)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("edges", "text"),
    [
        ([("in", "fc"), ("lif", "out")], "(Affine) does not lead to the output; an edge is missing"),
        ([("in", "fc"), ("fc", "lif")], "'fc' (Affine) does not lead to the output"),
        ([("in", "fc"), ("fc", "gone"), ("lif", "out")], "names node 'gone', which does not exist"),
        ([], "node 'fc' (Affine) is not reached from the input"),
        ([("in", "fc"), ("fc", "lif"), ("lif", "out"), ("lif", "in")], "(Input) has an edge into it"),
        ([("in", "fc"), ("fc", "lif"), ("lif", "out"), ("out", "lif")], "(Output) has an edge out of it"),
    ],
)
def test_broken_edges(write_nir: Write, edges: list[tuple[str, str]], text: str) -> None:
    with pytest.raises(UserError, match=re.escape(text)):
        read_nir(write_nir(small_nodes(), edges), SNN)


def test_loop_without_neurons(write_nir: Write) -> None:
    nodes = {
        "in": {"type": "Input", "shape": [2]},
        "a": LINEAR,
        "b": LINEAR,
        "lif": lif(2),
        "out": OUT,
    }
    edges = [("in", "a"), ("a", "b"), ("b", "a"), ("b", "lif"), ("lif", "out")]
    with pytest.raises(UserError, match="is in a loop without neurons"):
        read_nir(write_nir(nodes, edges), SNN)


def test_the_stock_norse_export_is_recognised() -> None:
    path = FOLDER / "norse.nir"
    with pytest.raises(UserError, match=r"tau=5e-06 is below the time step dt=0\.001.*tau_fix=divide_by_dt"):
        read_nir(path, Convention.preset("norse"))
    exact = Convention.preset("norse").with_settings({"decay": "exponential"})
    assert any("tau_fix=divide_by_dt" in line for line in read_nir(path, exact).warnings)


def test_the_fix_on_a_right_file_is_doubted(tmp_path: Path) -> None:
    graph = nir.read(FOLDER / "norse.nir")
    for node in graph.nodes.values():
        if isinstance(node, nir.LIF):
            node.tau = node.tau / 1e-3
    nir.write(tmp_path / "right.nir", graph)
    convention = Convention.preset("norse").with_settings({"tau_fix": "divide_by_dt", "dt": "1e-9"})
    network = read_nir(tmp_path / "right.nir", convention)
    assert any("over a million time steps" in line for line in network.warnings)


def test_v_reset_that_the_convention_ignores_is_told(write_nir: Write) -> None:
    path = write_nir(small_nodes(lif=lif(2, v_reset=[-0.5, -0.5])))
    assert "v_reset is not 0 in the file and reset=subtract" in read_nir(path, SNN).warnings[0]
    assert read_nir(path, NIR).groups[0].v_reset.tolist() == [-0.5, -0.5]


def test_v_reset_above_the_threshold_is_told(write_nir: Write) -> None:
    """It decays before the next comparison: 1.2 to 1.08 with a retention of 0.9, to 0.6 with one of 0.5."""
    network = read_nir(write_nir(small_nodes(lif=lif(2, v_reset=[1.2, 0.5], v_threshold=[1.0, 1.0]))), NIR)
    assert "v_reset is not below v_threshold, so a neuron may go on firing" in network.warnings[0]
    x = np.zeros((6, 1, 3))
    x[0, 0] = 20
    assert simulate(network, x).out[:, 0].tolist() == [[1, 1]] + [[1, 0]] * 5
    slower = lif(2, v_reset=[1.2, 0.5], v_threshold=[1.0, 1.0], tau=[2e-4, 1e-3])
    network = read_nir(write_nir(small_nodes(lif=slower)), NIR)
    assert simulate(network, x).out[:, 0].tolist() == [[1, 1]] + [[0, 0]] * 5


def test_files_that_are_not_nir(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_nir(tmp_path / "gone.nir", SNN)
    with pytest.raises(UserError, match="is a folder"):
        read_nir(tmp_path, SNN)
    (tmp_path / "text.nir").write_text("not HDF5")
    with pytest.raises(UserError, match=r"text.nir is not a readable .nir \(HDF5\) file"):
        read_nir(tmp_path / "text.nir", SNN)
    (tmp_path / "empty.nir").touch()
    with pytest.raises(UserError, match=r"empty\.nir is not a readable"):
        read_nir(tmp_path / "empty.nir", SNN)


def test_hdf5_without_a_graph(write_nir: Write, tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "other.nir", "w") as archive:
        archive["x"] = 1
    with pytest.raises(UserError, match="is an HDF5 file but not a NIR file: it has no 'node' group"):
        read_nir(tmp_path / "other.nir", SNN)
    with h5py.File(tmp_path / "single.nir", "w") as archive:
        archive["node/type"] = "LIF"
    with pytest.raises(UserError, match="does not hold a NIRGraph at its root"):
        read_nir(tmp_path / "single.nir", SNN)


def test_truncated_file(digits: Path, tmp_path: Path) -> None:
    whole = (digits / "digits_64-32-10.nir").read_bytes()
    for size in (10, 1000, len(whole) // 2, len(whole) - 100):
        (tmp_path / "cut.nir").write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"cut\.nir is not a readable"):
            read_nir(tmp_path / "cut.nir", SNN)


def test_hidden_analog_group(write_nir: Write) -> None:
    silent = {key: value for key, value in lif(2).items() if key not in ("v_threshold", "v_reset")}
    silent["tau"] = np.array([1e-3, 2e-3])
    nodes = small_nodes(lif={**silent, "type": "LI"}, out=LINEAR, lif2=lif(2), end=OUT)
    with pytest.raises(UserError, match=r"'lif' \(LI\) hands its potential to 'out'"):
        read_nir(write_nir(nodes), SNN)


def test_float32_time_constants_are_snapped_within_the_stated_tolerance(write_nir: Write) -> None:
    tau, r = np.full(2, 1e-3, np.float32), np.full(2, 9.999997, np.float32)
    path = write_nir(small_nodes(lif=lif(2, tau=tau, r=r)))
    (group,) = read_nir(path, SNN).groups
    assert (group.decay[0], group.input_gain[0]) == (0.9, 1.0)
    (raw,) = read_nir(path, SNN.with_settings({"snap": "0"})).groups
    assert raw.decay[0] != 0.9
    assert raw.input_gain[0] == pytest.approx(1.0, abs=5e-7)
    (learned,) = read_nir(write_nir(small_nodes(lif=lif(2, tau=[1.00003e-3] * 2))), SNN).groups
    assert learned.decay[0] == 1 - 1e-4 / 1.00003e-3
