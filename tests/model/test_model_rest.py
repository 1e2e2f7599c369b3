"""Neurons whose rest is above their threshold: they fire without input, and start beyond it."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.build import cli
from qsnn_hw.golden import output_of, run_clocked
from qsnn_hw.golden.event_driven import run_event_driven
from qsnn_hw.model.build import build_network
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.graph import Graph, Node
from qsnn_hw.model.network import Network
from qsnn_hw.model.network_file import load_network, save_network
from qsnn_hw.model.readouts import membrane_class
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.support.errors import UserError

NORSE = Convention.preset("norse").with_settings({"dt": "1"})
WEIGHT = np.random.default_rng(21).normal(0, 0.8, (4, 5))


def network(convention: Convention = NORSE, kind: str = "LIF", **parameters: object) -> Network:
    given: dict[str, Any] = {"tau": 10.0, "r": 1.0, "v_leak": 1.2, "v_threshold": 1.0, "v_reset": 0.0}
    if kind == "IF":
        given = {"r": 1.0, "v_threshold": 1.0, "v_reset": 0.0}
    if kind == "LI":
        given = {"tau": 10.0, "r": 1.0}
    nodes = {
        "in": Node("in", "Input", {"shape": [5]}),
        "fc": Node("fc", "Linear", {"weight": WEIGHT}),
        "lif": Node("lif", kind, {**given, **parameters}),
        "out": Node("out", "Output", {}),
    }
    return build_network(Graph("net.nir", "net", nodes, tuple(itertools.pairwise(nodes))), convention)


def box(
    x: np.ndarray, v_leak: Any, v_th: Any, v_reset: Any = 0.0, *, tau: Any = 10.0, subtract: bool = False
) -> Any:
    """Norse's LIFBoxCell of dt 1, which starts at v_leak."""
    v = np.broadcast_to(np.asarray(v_leak, np.float64), (x.shape[1], 4))
    found = []
    for now in x:
        v = v + (now @ WEIGHT.T + v_leak - v) / tau
        z = v > v_th
        v = np.where(z, v - v_th if subtract else v_reset, v)
        found.append(z)
    return np.array(found)


def spikes(rate: float = 0.4) -> np.ndarray:
    return (np.random.default_rng(22).random((40, 4, 5)) < rate).astype(np.uint8)


def test_it_starts_at_rest_and_fires_above_its_threshold() -> None:
    x = spikes()
    wanted = box(x, 1.2, 1.0)
    assert np.array_equal(simulate(network(), x, dtype=np.float64).out, wanted)
    # Started at 0, as was advised, it would not fire in the first step.
    late = simulate(network(NORSE.with_settings({"start": "zero"})), x).out
    assert wanted[0].mean() > 0.5 > late[0].mean()


ENDS = st.lists(st.floats(-2, 2, width=16), min_size=4, max_size=4)


@settings(deadline=None, max_examples=150)
@given(ENDS, ENDS, ENDS, st.booleans())
def test_any_rest_threshold_and_reset(
    v_leak: list[float], v_th: list[float], v_reset: list[float], subtract: bool
) -> None:
    """Below and above each other, of any sign; a reset by subtraction takes off the whole threshold."""
    x = spikes()
    if subtract:
        v_th = [abs(value) + 0.125 for value in v_th]
    convention = NORSE.with_settings({"reset": "subtract"} if subtract else {})
    read = network(convention, v_leak=v_leak, v_threshold=v_th, v_reset=v_reset)
    found = simulate(read, x, dtype=np.float64).out
    # Two orders of float operations may fall on either side of a threshold that is met exactly.
    ends = np.array(v_leak), np.array(v_th), np.array(v_reset)
    near = [box(x, ends[0], ends[1] + d, ends[2], subtract=subtract) for d in (0, 1e-9, -1e-9)]
    assert np.any([(found == wanted).all(axis=0) for wanted in near], axis=0).all()


@pytest.mark.parametrize("tau", [1.0, 3.0, 10.0])
@pytest.mark.parametrize("v_leak", [1.2, 5.0])
def test_it_fires_without_input(v_leak: float, tau: float) -> None:
    """With tau = dt in every step; otherwise as often as it climbs from its reset to its threshold."""
    silence = np.zeros((40, 2, 5), np.uint8)
    read = network(v_leak=v_leak, tau=tau)
    wanted = box(silence, v_leak, 1.0, tau=tau)
    assert np.array_equal(simulate(read, silence).out, wanted)
    assert wanted.all() if tau == 1 else wanted.any()
    integers = quantize(read, QuantizeOptions(weight_bits=8, fractional_bits=8, leak_bits=16))
    run = run_clocked(integers, silence)
    assert np.array_equal(run.spikes["lif"], run_event_driven(integers, silence).spikes["lif"])
    assert np.array_equal(run.spikes["lif"], wanted)


def test_an_integrator_that_starts_above_its_threshold() -> None:
    """SpikingJelly's IF starts at v_reset; above the threshold it never stops."""
    spikingjelly = Convention.preset("spikingjelly").with_settings({"integrator_gain": "r"})
    read = network(spikingjelly, "IF", v_reset=1.5)
    silence = np.zeros((6, 1, 5), np.uint8)
    assert simulate(read, silence).out.all()
    integers = quantize(read, QuantizeOptions())
    assert run_clocked(integers, silence).spikes["lif"].all()
    assert run_event_driven(integers, silence).spikes["lif"].all()
    assert "v_reset is not below v_threshold, so a neuron may go on firing without input" in read.warnings[0]


def test_potentials_in_millivolts() -> None:
    """Rest, threshold and reset far below 0, as in biology; only their distances count."""
    x = spikes()
    read = network(v_leak=-65.0, v_threshold=-64.0, v_reset=-66.0)
    near = network(v_leak=0.0, v_threshold=1.0, v_reset=-1.0)
    assert np.array_equal(simulate(read, x).out, simulate(near, x).out)
    assert simulate(read, x).out.any()


@pytest.mark.parametrize("comparison", [">", ">="])
@pytest.mark.parametrize("subtract", [False, True])
def test_integers_follow(comparison: str, subtract: bool) -> None:
    """Finely rounded, the spikes are the float network's; both forms of the golden model agree."""
    x = spikes()
    changes = {"comparison": comparison, "reset": "subtract" if subtract else "v_reset"}
    read = network(
        NORSE.with_settings(changes), v_leak=[1.2, 0.4, -1.0, 2.0], v_threshold=[1.0, 1.1, 0.3, 0.7]
    )
    integers = quantize(read, QuantizeOptions(weight_bits=16, fractional_bits=8, leak_bits=12))
    assert (integers.groups[0].threshold <= 0).tolist() == [True, False, False, True]
    run = run_clocked(integers, x)
    assert np.array_equal(run.spikes["lif"], run_event_driven(integers, x).spikes["lif"])
    assert (run.spikes["lif"] != simulate(read, x).out).mean() < 0.01


@pytest.mark.parametrize(
    ("settings", "parameters", "says"),
    [
        ({"reset": "subtract"}, {"v_threshold": -1.0}, "is -1, not above 0, and a spike subtracts it"),
        (
            {"start": "zero", "reset": "subtract"},
            {"v_threshold": 0.0},
            "is 0, not above 0, and a spike subtracts it",
        ),
    ],
)
def test_what_has_no_meaning_is_one_line(
    settings: dict[str, str], parameters: dict[str, object], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        network(NORSE.with_settings(settings), **parameters)


RESTS = np.array([1.2, 0.4, -1.0, 2.0])
COUNTED_FROM_ZERO: dict[str, dict[str, str]] = {
    "several spikes": {"reset": "subtract", "max_spikes": "unlimited"},
    "two spikes": {"reset": "subtract", "max_spikes": "2", "comparison": "ge"},
    "late zero": {"reset": "zero", "reset_delay": "true"},
    "late zero of the old potential": {"reset": "zero", "reset_delay": "true", "update": "retain"},
    "clamp": {"v_min": "-0.5"},
    "clamp and several spikes": {"reset": "subtract", "max_spikes": "unlimited", "v_min": "-0.5"},
}
"""What a rest other than 0 does not move along with: such groups count from 0 and begin at their rests."""


def from_zero(x: np.ndarray, words: dict[str, str], rest: np.ndarray, v_th: Any, tau: float) -> np.ndarray:
    """The step equations as they are written, from the rest on."""
    v = np.broadcast_to(rest, (x.shape[1], 4))
    fired = np.zeros(v.shape)
    late = words.get("reset_delay") == "true"
    found = []
    for now in x:
        drive = (now @ WEIGHT.T + rest) / tau
        if late and words.get("update") == "retain":
            v = (1 - fired) * v * (1 - 1 / tau) + drive
        else:
            v = (v + drive - v / tau) * ((1 - fired) if late else 1)
        fired = (v >= v_th if words.get("comparison") == "ge" else v > v_th).astype(np.float64)
        count = fired
        if "max_spikes" in words:
            most = np.inf if words["max_spikes"] == "unlimited" else float(words["max_spikes"])
            count = np.where(fired > 0, np.minimum(np.floor(v / v_th), most), 0)
            v = v - count * v_th
        elif not late:
            v = (1 - fired) * v
        if "v_min" in words:
            v = np.maximum(v, float(words["v_min"]))
        found.append(count)
    return np.array(found)


@pytest.mark.parametrize("tau", [2.0, 10.0])
@pytest.mark.parametrize("case", COUNTED_FROM_ZERO)
def test_groups_that_count_from_zero_begin_at_their_rest(case: str, tau: float, tmp_path: Path) -> None:
    x, words = 3 * spikes(), COUNTED_FROM_ZERO[case]
    v_th = np.array([1.0, 0.5, 0.3, 0.7])
    read = network(NORSE.with_settings(words), tau=tau, v_leak=RESTS, v_threshold=v_th)
    wanted = from_zero(x, words, RESTS, v_th, tau)
    assert np.array_equal(simulate(read, x, dtype=np.float64).out, wanted)
    assert wanted[0].any()
    assert not wanted.all()
    # Started at 0 they do something else.
    zero = network(NORSE.with_settings({**words, "start": "zero"}), tau=tau, v_leak=RESTS, v_threshold=v_th)
    assert not np.array_equal(simulate(zero, x, dtype=np.float64).out, wanted)
    save_network(read, tmp_path / "net.npz")
    again = load_network(tmp_path / "net.npz")
    options = QuantizeOptions(weight_bits=16, fractional_bits=8, leak_bits=16, input_max=3)
    integers = quantize(again, options)
    integers.save(tmp_path / "integers.npz")
    integers = QuantizedNetwork.load(tmp_path / "integers.npz")
    run = run_clocked(integers, x, record=["lif"])
    assert np.array_equal(run.spikes["lif"], run_event_driven(integers, x).spikes["lif"])
    assert (run.spikes["lif"] != wanted).mean() < 0.01
    # The proved width holds the start, too.
    bound = 1 << (integers.groups[0].v_bits - 1)
    assert integers.groups[0].start is not None
    assert np.abs(integers.groups[0].start).max() < bound
    assert np.abs(run.potentials["lif"]).max() < bound


@pytest.mark.parametrize("rest", [0.5, -0.25, [0.5, 0.0, 0.25, 1.0]])
def test_potentials_of_a_readout_are_the_frameworks(rest: float | list[float]) -> None:
    """Norse's LIBox in a plain loop, from its v_leak on; integers to within their steps."""
    read = network(kind="LI", v_leak=rest)
    assert read.warnings == ()
    x, rate = spikes(), 1 - read.groups[0].decay
    v = np.broadcast_to(np.asarray(rest, float), (x.shape[1], 4)).copy()
    wanted = []
    for step in x.astype(float):
        v = v + rate * (step @ read.projections[0].operators[0].weight.T + rest - v)
        wanted.append(v)
    found = simulate(read, x, dtype=np.float64, record_potentials=["lif"])
    assert found.out == pytest.approx(np.array(wanted), abs=1e-12)
    assert found.potentials["lif"] == pytest.approx(np.array(wanted), abs=1e-12)
    integers = quantize(read, QuantizeOptions(weight_bits=16, leak_bits=16))
    assert output_of(integers, run_clocked(integers, x)) == pytest.approx(np.array(wanted), abs=0.01)


def test_potentials_of_neurons_that_fire_are_the_frameworks() -> None:
    """One that answers by its membrane, too."""
    rests = [1.2, 0.0, -0.5, 0.5]
    read = network(v_leak=rests)
    quiet = np.zeros((3, 1, 5), np.uint8)
    at_rest = simulate(read, quiet, dtype=np.float64, record_potentials=["lif"]).potentials["lif"]
    # The first neuron fires without input, and starts again from its v_reset of 0.
    assert at_rest[:, 0, 1:] == pytest.approx(np.tile(rests[1:], (3, 1)))
    assert at_rest[0, 0, 0] == 0


def test_rests_that_differ_answer_on_a_chip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A readout's potentials are counted from 0 where their rests differ, and the chip compares them so."""
    read = network(kind="LI", v_leak=[0.5, 0.0, 0.25, 1.0])
    integers = quantize(read, QuantizeOptions(weight_bits=8))
    assert integers.groups[0].rest is None
    run = run_clocked(integers, spikes(), record=["lif"])
    answer = membrane_class(run.potentials["lif"])[0]
    assert np.array_equal(answer, membrane_class(output_of(integers, run))[0])
    layers: dict[str, Any] = {"input_shape": [5], "a.type": "Linear", "a.weight": WEIGHT}
    layers |= {"b.type": "LI", "b.tau": 5.0}
    np.savez(tmp_path / "net.npz", **layers, **{"b.v_leak": np.array([0.5, 0.0, 0.25, 1.0])})
    given = [str(tmp_path / "net.npz"), "--convention", "norse", "--set", "dt=1"]
    assert cli.main(["generate", *given, "--board", "ulx3s-85f", "-o", str(tmp_path / "out")]) == 0


def test_rests_that_differ_do_not_answer_for_neurons_that_fire(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The chip compares what it stores; the potentials of ``infer`` have their rests."""
    layers: dict[str, Any] = {"input_shape": [5], "a.type": "Linear", "a.weight": WEIGHT}
    layers |= {"b.type": "LIF", "b.tau": 5.0, "b.v_threshold": 2.0}
    np.savez(tmp_path / "net.npz", **layers, **{"b.v_leak": np.array([0.5, 0.0, 0.25, 1.0])})
    np.savez(tmp_path / "data.npz", input=spikes(), label=np.zeros(spikes().shape[1]))
    model, data = str(tmp_path / "net.npz"), str(tmp_path / "data.npz")
    given = [model, "--convention", "norse", "--set", "dt=1", "--data", data]
    assert cli.main(["infer", *given, "--bits", "8", "--readout", "membrane"]) == 0
    chip = [*given, "--board", "ulx3s-85f", "-o", str(tmp_path / "out")]
    assert cli.main(["generate", *chip, "--readout", "membrane"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(
        "error: group b starts at rests of 0 to 1, and the chip counts each potential from its"
    )
    assert line.endswith("train it with one v_leak for all, or give --readout none")
    assert cli.main(["generate", *chip, "--readout", "none"]) == 0
