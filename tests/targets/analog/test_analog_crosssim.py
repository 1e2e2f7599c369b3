"""Beside CrossSim (Sandia National Laboratories): the same weights, error and wires.

CrossSim is on no package registry: ``pip install git+https://github.com/sandialabs/cross-sim``. Skipped
without it.
"""

from dataclasses import replace

import numpy as np
import pytest

from qsnn_hw.targets.analog.chip import Draw, draw_cells
from qsnn_hw.targets.analog.conductance import projections
from qsnn_hw.targets.analog.device_file import load_device
from qsnn_hw.targets.analog.ir_drop import attenuations
from qsnn_hw.targets.analog.mapping import map_network
from tests.support.networks import random_network

simulator = pytest.importorskip("simulator", reason="simulator is not installed here: CrossSim has no wheel")

# Eight levels, so that a weight of 7 is the whole range, as CrossSim maps it.
DEVICE = replace(load_device().ideal(), levels=np.linspace(1e-6, 16e-6, 8))
SIGMA = 0.05
CHIPS = 150


def weights_and_input() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    weight = rng.integers(-7, 8, (16, 64)).astype(float)
    weight[0, 0] = 7
    return weight, (rng.random(64) < 0.4).astype(float)


def theirs(weight: np.ndarray, **changes: object) -> object:
    params = simulator.CrossSimParameters()
    params.xbar.device.Rmin = 1 / DEVICE.g_max
    params.xbar.device.Rmax = 1 / DEVICE.g_min
    params.core.mapping.weights.percentile = None
    params.core.mapping.weights.max = 7.0
    params.core.mapping.weights.min = -7.0
    for path, value in changes.items():
        *groups, name = path.split("__")
        at = params.xbar
        for group in groups:
            at = getattr(at, group)
        setattr(at, name, value)
    return simulator.AnalogCore(weight, params=params)


def ours(weight: np.ndarray, device: object, chip: int) -> np.ndarray:
    """Column sums of a chip in weight steps, (rows, neurons)."""
    network = random_network(np.random.default_rng(0), (64, 16))
    projection = replace(network.projections[0], weight=weight.astype(np.int8))
    analog = map_network(replace(network, projections=(projection,)), device, (64, 32))  # type: ignore[arg-type]
    wires = attenuations(analog, device)  # type: ignore[arg-type]
    cells = draw_cells(analog, device, Draw(1, chip), False, wires)  # type: ignore[arg-type]
    made = projections(analog, lambda tile: cells[tile.name])[projection.name][0]
    return made / ((DEVICE.g_max - DEVICE.g_min) / 7)


def test_without_errors_both_are_the_product() -> None:
    weight, x = weights_and_input()
    assert theirs(weight).matvec(x) == pytest.approx(weight @ x, abs=1e-4)  # type: ignore[attr-defined]
    assert x @ ours(weight, DEVICE, 0) == pytest.approx(weight @ x, abs=1e-9)


def test_programming_errors_spread_sums_as_much() -> None:
    weight, x = weights_and_input()
    np.random.seed(1)
    error = {
        "device__programming_error__enable": True,
        "device__programming_error__model": "NormalProportionalDevice",
        "device__programming_error__magnitude": SIGMA,
    }
    other = np.array([theirs(weight, **error).matvec(x) for _ in range(CHIPS)])  # type: ignore[attr-defined]
    device = replace(DEVICE, sigma=SIGMA)
    own = np.array([x @ ours(weight, device, chip) for chip in range(CHIPS)])
    spread = [float(np.sqrt(np.mean((sums - weight @ x) ** 2))) for sums in (other, own)]
    assert spread[1] == pytest.approx(spread[0], rel=0.06)


def test_wires_take_as_much_of_the_sums() -> None:
    """Both sides' columns behind 2 ohm segments; CrossSim's circuit is solved by iteration."""
    weight, x = weights_and_input()
    wires = {
        "array__parasitics__enable": True,
        "array__parasitics__Rp_row": 2.0,
        "array__parasitics__Rp_col": 2.0,
    }
    other = theirs(weight, **wires).matvec(x)  # type: ignore[attr-defined]
    own = x @ ours(weight, replace(DEVICE, wire_ohm=2.0), 0)
    lost = [np.abs(weight @ x - sums).sum() for sums in (other, own)]
    assert lost[1] == pytest.approx(lost[0], rel=0.25)
