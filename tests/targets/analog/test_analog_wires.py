"""IR drop: the solver row by row against the node equations as one sparse system, and against known
figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.targets.analog.conductance import programmed
from qsnn_hw.targets.analog.device_file import load_device
from qsnn_hw.targets.analog.ir_drop import attenuations, columns_of, effective, effective_cells
from qsnn_hw.targets.analog.mapping import map_network
from qsnn_hw.targets.analog.wires import measure, settling
from tests.support.networks import random_network


def currents(conductance: np.ndarray, wire: float, volts: np.ndarray) -> np.ndarray:
    """Column currents of one input by Kirchhoff's equations, assembled cell by cell, and a sparse solver."""
    sparse, linalg = pytest.importorskip("scipy.sparse"), pytest.importorskip("scipy.sparse.linalg")
    rows, columns = conductance.shape
    nodes = 2 * rows * columns
    matrix, known, w = sparse.lil_matrix((nodes, nodes)), np.zeros(nodes), 1 / wire

    def join(a: int, b: int | None, g: float) -> None:
        matrix[a, a] += g
        if b is not None:
            matrix[b, b] += g
            matrix[a, b] -= g
            matrix[b, a] -= g

    for i in range(rows):
        for j in range(columns):
            on_row, on_column = i * columns + j, rows * columns + i * columns + j
            join(on_row, on_column, conductance[i, j])
            join(on_row, on_row + 1 if j + 1 < columns else None, w if j + 1 < columns else 0.0)
            if j == 0:
                join(on_row, None, w)
                known[on_row] += w * volts[i]
            # Downwards, and from the last row to the virtual ground.
            join(on_column, on_column + columns if i + 1 < rows else None, w)
    solved = linalg.spsolve(matrix.tocsc(), known)
    return w * solved[nodes - columns :]


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    wire=st.sampled_from([1e-3, 2.0, 500.0, 1e5]),
    seed=st.integers(0, 10**6),
)
def test_the_solver_is_kirchhoff(rows: int, columns: int, wire: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    conductance = rng.uniform(1e-7, 2e-5, (rows, columns))
    volts = 0.2 * (rng.random(rows) < 0.6)
    left = volts @ effective(conductance, wire)
    assert left == pytest.approx(currents(conductance, wire, volts), rel=1e-7, abs=1e-18)
    many = effective(np.stack([conductance, 2 * conductance]), wire)
    assert many[0] == pytest.approx(effective(conductance, wire), rel=1e-12)


def test_a_tile_of_64_by_64_is_within_a_millionth_of_a_sparse_solver() -> None:
    rng = np.random.default_rng(5)
    conductance = 1e-6 * rng.integers(1, 17, (64, 64)).astype(float)
    volts = 0.2 * (rng.random(64) < 0.5)
    assert volts @ effective(conductance, 2.0) == pytest.approx(currents(conductance, 2.0, volts), rel=1e-6)


@pytest.mark.parametrize(("side", "loses"), [(64, 0.040), (128, 0.143)])
def test_what_two_ohm_take_of_random_integers_of_four_bits(side: int, loses: float) -> None:
    """At 1 uS a step and all rows at once: the figures of an independent sketch, to a tenth of them."""
    conductance = 1e-6 * np.random.default_rng(0).integers(0, 16, (side, side)) + 1e-12
    left = effective(conductance, 2.0).sum(axis=0) / conductance.sum(axis=0)
    assert 1 - left.mean() == pytest.approx(loses, rel=0.1)


def test_wires_without_resistance_take_nothing() -> None:
    conductance = np.full((3, 4), 1e-5)
    assert (effective(conductance, 0.0) == conductance).all()
    plus, minus = effective_cells((conductance, 2 * conductance), 1.0)
    assert (plus < conductance).all()
    assert (minus < 2 * conductance).all()
    assert columns_of((plus, minus)).shape == (3, 8)


def test_every_tile_has_its_attenuation() -> None:
    network = map_network(random_network(np.random.default_rng(2), (9, 6, 3)), load_device(), (4, 6))
    left = attenuations(network, load_device())
    assert set(left) == {tile.name for tile in network.tiles}
    for plus, minus in left.values():
        assert ((plus > 0.9) & (plus < 1) & (minus > 0.9) & (minus < 1)).all()
    assert attenuations(network, load_device().ideal()) == {}


def test_what_a_network_of_tiles_comes_to() -> None:
    made = random_network(np.random.default_rng(2), (40, 20, 3))
    device = load_device()
    network = map_network(made, device, (32, 32))
    inputs = (np.random.default_rng(1).random((5, 4, 40)) < 0.5).astype(np.uint8)
    spikes = {"g1": np.ones((5, 4, 20), np.uint8), "g2": np.zeros((5, 4, 3), np.uint8)}
    found = measure(network, device, inputs, spikes, seed=1)
    assert 0 < found.split_loss < found.mean_loss < found.worst_loss < 0.1
    assert 0 < found.quick_error < 0.01
    assert found.energy_low_j is not None
    assert found.energy_high_j is not None
    assert found.energy_j is not None
    assert found.energy_low_j <= found.energy_j <= found.energy_high_j
    # By hand: every spike's row, cell by cell.
    rows = sum(
        (columns_of(programmed(tile, device)).sum(axis=1) @ inputs.sum(axis=(0, 1))[tile.part[0]])
        for tile in network.tiles_of("input_g1_0")
    )
    rows += 20 * sum(columns_of(programmed(tile, device)).sum() for tile in network.tiles_of("g1_g2_0"))
    assert found.energy_j == pytest.approx(device.read_v**2 * device.read_s * rows / 4)
    without = measure(network, device.ideal(), None, {}, seed=1)
    assert (without.mean_loss, without.settle_s, without.energy_j) == (0, None, None)


def test_settling_is_elmores_delay_of_the_largest_tile() -> None:
    made = random_network(np.random.default_rng(2), (64, 32))
    device = load_device()
    network = map_network(made, device, (64, 64))
    delay = device.wire_ohm * device.wire_f * 64**2
    assert settling(network, device) == pytest.approx(delay * np.log(2 * len(device.levels)))
