"""The netlist's text: every device, wire and pin, by the network's names."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.targets.analog.spice.circuit import GroupCircuit, StepTiming, TileCircuit
from qsnn_hw.targets.analog.spice.deck import Clock, deck, pulse_train
from qsnn_hw.targets.analog.spice.names import spice_names, wrapped
from qsnn_hw.targets.analog.spice.netlist import group_netlist
from qsnn_hw.targets.analog.spice.neuron import PINS
from qsnn_hw.toolchain.raw_file import read_raw
from tests.support.circuits import TIMING, group, neurons, tile

NAMES = {"input": "input", "hidden": "hidden"}


def lines(text: str) -> list[str]:
    """Logical lines, continuations joined."""
    return text.replace("\n+", "").splitlines()


def subcircuits(text: str) -> dict[str, list[str]]:
    """Name -> its lines, head first."""
    found: dict[str, list[str]] = {}
    inside: list[str] | None = None
    for line in lines(text):
        if line.startswith(".subckt"):
            inside = found.setdefault(line.split()[1], [line])
        elif line.startswith(".ends"):
            inside = None
        elif inside is not None:
            inside.append(line)
    return found


@given(st.lists(st.text(max_size=6), max_size=8))
def test_names_are_spice_and_no_two_alike(names: list[str]) -> None:
    words = spice_names(names)
    assert set(words) == set(names)
    assert len(set(words.values())) == len(words)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", word) for word in words.values())


@given(st.lists(st.from_regex(r"[a-z]{1,12}", fullmatch=True), min_size=1, max_size=60))
def test_wrapped_lines_are_the_words(words: list[str]) -> None:
    text = wrapped(words, 30)
    assert text.replace("\n+", "").split() == words
    assert all(len(line) <= 45 for line in text.splitlines())


def test_a_pair_of_devices_for_every_weight() -> None:
    weights = np.array([[3, -2], [0, 1], [-1, 4]])
    parts = subcircuits(group_netlist(group((tile(weights),), neurons(2)), NAMES))
    crossbar = parts["hidden_tile_p_r0_c0"]
    assert crossbar[0].split()[2:] == [
        *("input_0", "input_1", "input_2"),
        *("plus_0", "minus_0", "plus_1", "minus_1"),
    ]
    for row, values in enumerate(weights):
        for neuron, weight in enumerate(values):
            for sign, units in (("plus", 1 + max(weight, 0)), ("minus", 1 + max(-weight, 0))):
                at = f"r_input_{row}_{sign}_{neuron} input_{row} {sign}_{neuron} "
                (line,) = [each for each in crossbar if each.startswith(at)]
                assert float(line.split()[3]) == pytest.approx(1e6 / units, rel=1e-9)
    assert len(crossbar) == 1 + 12


def test_a_cell_without_a_device_is_left_out() -> None:
    bare = tile(np.array([[1, 1]]))
    bare.plus[0, 0] = 0
    text = group_netlist(group((bare,), neurons(2)), NAMES)
    assert "r_input_0_plus_0 " not in text
    assert "r_input_0_minus_0 " in text


def test_wires_lie_before_crosspoints_of_a_row_and_behind_those_of_a_column() -> None:
    text = group_netlist(group((tile(np.ones((2, 1), int)),), neurons(1), wire_ohm=2.5), NAMES)
    assert subcircuits(text)["hidden_tile_p_r0_c0"][1:] == [
        "ra_input_0_plus_0 input_0 a_input_0_plus_0 2.5",
        "rb_input_0_plus_0 b_input_0_plus_0 b_input_1_plus_0 2.5",
        "r_input_0_plus_0 a_input_0_plus_0 b_input_0_plus_0 500000",
        "ra_input_0_minus_0 a_input_0_plus_0 a_input_0_minus_0 2.5",
        "rb_input_0_minus_0 b_input_0_minus_0 b_input_1_minus_0 2.5",
        "r_input_0_minus_0 a_input_0_minus_0 b_input_0_minus_0 1000000",
        "ra_input_1_plus_0 input_1 a_input_1_plus_0 2.5",
        "rb_input_1_plus_0 b_input_1_plus_0 plus_0 2.5",
        "r_input_1_plus_0 a_input_1_plus_0 b_input_1_plus_0 500000",
        "ra_input_1_minus_0 a_input_1_plus_0 a_input_1_minus_0 2.5",
        "rb_input_1_minus_0 b_input_1_minus_0 minus_0 2.5",
        "r_input_1_minus_0 a_input_1_minus_0 b_input_1_minus_0 1000000",
    ]


def test_a_group_has_rows_spikes_and_phases_as_pins_and_calls_fit_heads() -> None:
    tiles = (
        tile(np.ones((2, 2), int), name="a"),
        tile(np.ones((2, 1), int), name="b", addresses=np.array([2, 3]), first_neuron=1),
        tile(np.ones((2, 2), int), name="c", source="hidden", own=True),
    )
    parts = subcircuits(group_netlist(group(tiles, neurons(2)), NAMES))
    assert parts["hidden"][0].split()[2:] == [
        *(f"input_{k}" for k in range(4)),
        *("spike_0", "spike_1", "read", "transfer", "compare", "reset", "leak", "clear"),
    ]
    for line in parts["hidden"][1:]:
        if line.startswith("x"):
            words = [word for word in line.split()[1:] if "=" not in word]
            head = parts[words[-1]][0].replace("+", " ").split()
            assert len(words) - 1 == len([word for word in head[2:] if "=" not in word])
    assert [line.split()[0] for line in parts["hidden"] if line.startswith("bdrive")] == [
        "bdrive_hidden_late1_0",
        "bdrive_hidden_late1_1",
    ]


def test_a_part_has_the_columns_of_its_neurons() -> None:
    weights = np.arange(12).reshape(2, 6)
    tiles = (
        tile(weights[:, :4], name="a"),
        tile(weights[:, 4:], name="b", first_neuron=4),
    )
    whole = group(tiles, neurons(6, threshold=np.arange(1.0, 7.0)))
    part = whole.part(3, 2)
    assert (part.first, part.neuron.threshold.tolist()) == (3, [4.0, 5.0])
    assert [(t.name, t.first_neuron, t.neurons) for t in part.tiles] == [("a", 3, 1), ("b", 4, 1)]
    assert (part.tiles[0].plus[:, 0] == whole.tiles[0].plus[:, 3]).all()
    text = group_netlist(part, NAMES)
    assert "xneuron_3 plus_3 minus_3 spike_3" in text
    assert "xneuron_2 " not in text


def test_a_group_that_reads_itself_is_not_cut() -> None:
    circuit = group((tile(np.ones((4, 4), int), source="hidden", own=True),), neurons(4))
    with pytest.raises(UserError, match="its 4 neurons go into one netlist"):
        circuit.part(0, 2)


def test_tiles_side_by_side_that_read_the_group_itself_share_their_rows() -> None:
    """Two drivers of one row would be two devices of one name, which ngspice refuses."""
    own = [
        tile(np.ones((4, 2)), name=f"p_r0_c{k}", source="hidden", own=True, first_neuron=2 * k)
        for k in (0, 1)
    ]
    circuit = group((tile(np.ones((3, 4)), name="q"), *own), neurons(4))
    inside = subcircuits(group_netlist(circuit, NAMES))["hidden"]
    devices = [line.split()[0] for line in inside]
    assert len(set(devices)) == len(devices)
    assert len([name for name in devices if name.startswith("bdrive_")]) == 4


def test_silent_rows_are_left_out_without_wires_alone() -> None:
    events = {"input": np.zeros((3, 1, 4), np.uint8)}
    events["input"][1, 0, 2] = 1
    circuit = group((tile(np.ones((4, 1), int)),), neurons(1))
    assert circuit.without_silent_rows(events).tiles[0].addresses.tolist() == [2]
    wired = group((tile(np.ones((4, 1), int)),), neurons(1), wire_ohm=1.0)
    assert wired.without_silent_rows(events) is wired


def charge(points: list[tuple[float, float]]) -> float:
    times, volts = np.array(points).T
    return float(np.trapezoid(volts, times))


def test_pulses_have_the_charge_of_their_length() -> None:
    assert charge(pulse_train([1e-7, 3e-7], 2e-8, 1e-9, 0.2)) == pytest.approx(2 * 0.2 * 2e-8, rel=1e-12)


def test_events_become_pulses_in_the_read_phase_of_their_step() -> None:
    events = np.zeros((4, 2, 2), np.uint8)
    events[1, 0, 0] = events[2, 1, 0] = 1
    circuit = group((tile(np.ones((2, 1), int), delay=1),), neurons(1))
    text = deck(circuit, NAMES, {"input": events}, "hidden.cir")
    (line,) = [each for each in lines(text) if each.startswith("vinput_late1_0 ")]
    numbers = [float(word) for word in line.split("(")[1].split(")")[0].split()]
    clock = Clock(TIMING, 4, 2)
    rising = [numbers[k] for k in range(2, len(numbers), 2) if numbers[k + 1] == 0 and k % 8 == 2]
    starts = np.array([clock.start(0, 2), clock.start(1, 3)])
    assert rising == pytest.approx((starts - TIMING.edge_s / 2).tolist())
    assert any(each == "vinput_late1_1 input_late1_1 0 0" for each in lines(text))


def test_a_step_is_its_phases() -> None:
    assert TIMING.step_s == pytest.approx(100e-9)
    assert TIMING.start("leak") == pytest.approx(60e-9)
    with pytest.raises(UserError, match="reset_s must be above 0, not 0; correct the device file"):
        StepTiming(1e-9, 1e-9, 1e-9, 0.0, 1e-9, 0.2)


@pytest.mark.parametrize("bad", [-1e-6, np.nan, np.inf])
def test_a_conductance_that_is_none_is_refused(bad: float) -> None:
    plus = np.array([[1e-6, bad]])
    with pytest.raises(UserError, match="a conductance of tile t is negative or not a number"):
        TileCircuit("t", "input", np.array([0]), 0, plus, np.full((1, 2), 1e-6))


def test_pins_of_a_neuron() -> None:
    assert PINS == ("plus", "minus", "spike", "read", "transfer", "compare", "reset", "leak", "clear")


def raw(points: int, values: np.ndarray, head: str = "Flags: real") -> bytes:
    names = "\n".join(f"\t{k}\tv({k})\tvoltage" for k in range(values.shape[1]))
    text = (
        f"Title: x\n{head}\nNo. Variables: {values.shape[1]}\nNo. Points: "
        f"{points}\nVariables:\n{names}\nBinary:\n"
    )
    return text.encode() + values.astype("<f8").tobytes()


def test_a_raw_file_is_read_back(tmp_path: Path) -> None:
    values = np.array([[0.0, 1.0], [2.0, 5.0]])
    (tmp_path / "r.raw").write_bytes(raw(2, values))
    found = read_raw(tmp_path / "r.raw")
    assert (found.values == values).all()
    assert found.at("V(1)", np.array([1.0])).tolist() == [3.0]
    with pytest.raises(KeyError):
        found["v(7)"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no raw file of ngspice"),
        (raw(3, np.zeros((2, 2))), "ends early: 32 of 48 bytes"),
        (raw(2, np.zeros((2, 2)), "Flags: complex"), "is no raw file of real numbers"),
        (raw(2, np.zeros((2, 2))).replace(b"Points: 2", b"Points: x"), "is no raw file of ngspice"),
        (raw(2, np.zeros((2, 2))).replace(b"Points: 2", b"Points: 9999999999"), "is no raw file of real"),
    ],
)
def test_a_raw_file_that_is_none_is_said(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "r.raw").write_bytes(content)
    with pytest.raises(ToolError, match=says):
        read_raw(tmp_path / "r.raw")


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="must have one length"):
        neurons(2, threshold=np.ones(3))
    with pytest.raises(ValueError, match="Neuron 5 must be one of group hidden"):
        GroupCircuit("hidden", (), 0.0, neurons(2), TIMING).part(5, 1)
