"""ngspice on small netlists against the equations, spike for spike and volt for volt."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.targets.analog.ir_drop import effective
from qsnn_hw.targets.analog.spice.circuit import GroupCircuit, TileCircuit
from qsnn_hw.targets.analog.spice.deck import Clock, deck
from qsnn_hw.targets.analog.spice.netlist import group_netlist
from qsnn_hw.targets.analog.spice.simulate import Simulator
from qsnn_hw.targets.analog.spice.tile_deck import column_currents, tile_deck
from qsnn_hw.targets.analog.spice.user_neuron import read_user_neuron
from qsnn_hw.toolchain.finder import find_tool
from qsnn_hw.toolchain.ngspice import run_ngspice
from tests.support.circuits import STEP_V, expected, group, leak, neurons, tile

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on this machine")

NAMES = {"input": "input", "hidden": "hidden"}
RNG = np.random.default_rng(3)
WEIGHTS = RNG.integers(-4, 8, (5, 3))
ONE = np.ones(3)


def events(steps: int = 12, samples: int = 1, size: int = 5) -> dict[str, np.ndarray]:
    return {"input": (np.random.default_rng(5).random((steps, samples, size)) < 0.4).astype(np.uint8)}


def check(circuit: GroupCircuit, given: dict[str, np.ndarray], folder: Path) -> None:
    trace = Simulator(find_tool("ngspice"), folder).run(circuit, given)
    fired, kept = expected(circuit, given)
    assert fired.any() or not circuit.neuron.fires
    assert (trace.spikes == fired).all()
    assert trace.kept is not None
    assert np.abs(trace.kept - kept).max() < 0.1 * STEP_V


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"reset_delay": True},
        {"reset": "value", "reset_to": ONE * 0.01},
        {"reset": "none"},
        {"leak": ONE * 0},
        {"leak": np.array([0.0, leak(0.5), leak(0.99)])},
        {"bias": np.array([1.5, -1.0, 0.2]) * STEP_V},
        {"start": np.array([2.0, -3.0, 0.0]) * STEP_V},
        {"swing": 0.04},
        {"refractory": 1},
        {"refractory": 3, "reset": "value", "reset_to": ONE * 0.01},
        {"threshold": ONE * np.inf, "reset": "none"},
        {"current_leak": ONE * leak(0.6), "current_bias": ONE * 0.25 * STEP_V, "reset_delay": True},
    ],
    ids=lambda changes: "-".join(changes) or "plain",
)
def test_a_neuron_does_what_the_equations_say(tmp_path: Path, changes: dict[str, Any]) -> None:
    check(group((tile(WEIGHTS),), neurons(3, **changes)), events(), tmp_path)


def test_tiles_of_one_neuron_add_and_delays_count(tmp_path: Path) -> None:
    tiles = (
        tile(WEIGHTS[:3], name="a"),
        tile(WEIGHTS[3:, :2], name="b", addresses=np.array([3, 4]), delay=2),
    )
    check(group(tiles, neurons(3)), events(), tmp_path)


def test_own_spikes_come_back_a_step_later(tmp_path: Path) -> None:
    own = tile(np.array([[-3, 4, 0], [2, -5, 3], [1, 1, -4]]), name="own", source="hidden", own=True)
    check(group((tile(WEIGHTS), own), neurons(3)), events(), tmp_path)


def test_a_second_sample_begins_where_the_first_began(tmp_path: Path) -> None:
    circuit = group((tile(WEIGHTS),), neurons(3, start=np.array([2.0, 0.0, 1.0]) * STEP_V))
    given = events(samples=2)
    (tmp_path / "hidden.cir").write_text(group_netlist(circuit, NAMES))
    (tmp_path / "deck.cir").write_text(deck(circuit, NAMES, given, "hidden.cir"))
    raw = run_ngspice(find_tool("ngspice"), "deck.cir", tmp_path)
    instants = Clock(circuit.timing, 12, 2).instants("reset")
    fired, kept = expected(circuit, given)
    for neuron in range(3):
        spikes = raw.at(f"v(spike_{neuron})", instants) > 0.9
        assert (spikes == fired[:, :, neuron].T).all()
        volts = raw.at(f"v(xhidden.xneuron_{neuron}.v)", instants)
        assert np.abs(volts - kept[:, :, neuron].T).max() < 0.1 * STEP_V


def test_a_run_is_kept_and_another_deck_is_run_again(tmp_path: Path) -> None:
    circuit, given = group((tile(WEIGHTS),), neurons(3)), events(4)
    first = Simulator(find_tool("ngspice"), tmp_path)
    trace = first.run(circuit, given)
    assert first.seconds > 0
    again = Simulator(find_tool("ngspice"), tmp_path)
    assert (again.run(circuit, given).spikes == trace.spikes).all()
    assert (again.decks, again.seconds) == (1, 0.0)
    other = Simulator(find_tool("ngspice"), tmp_path)
    other.run(group((tile(WEIGHTS + 1),), neurons(3)), given)
    assert other.seconds > 0


USER = """.subckt mine plus minus spike read transfer compare reset leak clear c=1p vth=0.1
vp plus 0 0
vm minus 0 0
f1 0 v vp 1
f2 v 0 vm 1
c1 v 0 {c} ic=0
b1 spike 0 v=v(v)>{vth} ? 1.8 : 0
.ends
"""


def test_a_users_neuron_takes_the_place(tmp_path: Path) -> None:
    (tmp_path / "n.cir").write_text(USER)
    plain = neurons(3, leak=ONE * 0, reset="none")
    circuit, given = group((tile(WEIGHTS),), plain), events()
    user = read_user_neuron(tmp_path / "n.cir")
    trace = Simulator(find_tool("ngspice"), tmp_path, user).run(circuit, given)
    assert trace.kept is None
    assert (trace.spikes == expected(circuit, given)[0]).all()
    assert trace.spikes.any()


def test_a_users_neuron_without_a_refractory_part_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n.cir").write_text(USER)
    circuit = group((tile(WEIGHTS),), neurons(3, refractory=2))
    with pytest.raises(
        UserError, match="refractory period, and the subcircuit mine declares no parameter nref"
    ):
        group_netlist(circuit, NAMES, read_user_neuron(tmp_path / "n.cir"))


def test_what_ngspice_says_is_the_line(tmp_path: Path) -> None:
    (tmp_path / "deck.cir").write_text("* none\nx1 a b missing\nr1 a 0 1\nr2 b 0 1\n.tran 1n 2n\n.end\n")
    with pytest.raises(ToolError, match=r"ngspice.*(missing|unknown subckt).*deck\.log") as told:
        run_ngspice(find_tool("ngspice"), "deck.cir", tmp_path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("rows", "columns", "ohm"), [(6, 4, 2.0), (16, 16, 2.0), (5, 6, 500.0)])
def test_the_solver_of_wires_gives_the_column_currents_of_ngspice(
    tmp_path: Path, rows: int, columns: int, ohm: float
) -> None:
    cells = np.random.default_rng(rows).integers(1, 17, (rows, columns)) * 1e-6
    crossbar = TileCircuit("p", "input", np.arange(rows), 0, cells[:, 0::2].copy(), cells[:, 1::2].copy())
    volts = np.where(np.arange(rows) % 2 == 0, 0.2, 0.0)
    (tmp_path / "tile.cir").write_text(tile_deck(crossbar, ohm, volts))
    currents = column_currents(run_ngspice(find_tool("ngspice"), "tile.cir", tmp_path), crossbar)
    assert currents == pytest.approx(volts @ effective(crossbar.columns, ohm), rel=1e-6)
    assert (currents < 0.9999 * (volts @ crossbar.columns)).all()
