"""The rockpool preset by Rockpool's equations, and what its files say of the time step."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.model.coefficients import rockpool_dt
from qsnn_hw.model.convention import PRESETS, Convention
from qsnn_hw.model.network import Network
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import simulate
from qsnn_hw.support.errors import UserError
from tests.support.nir_files import NirWriter


def exported(write_nir: NirWriter, dt: float, **lif: Any) -> Path:
    """A file as Rockpool writes it: LIFNeuronTorch, and ExpSynTorch as the readout."""
    tau = np.array([0.01, 0.02])
    r = tau * np.exp(-dt / tau) / dt
    size = np.array([1, 2])
    leaky = {"tau": tau, "r": r, "v_leak": np.zeros(2)}
    return write_nir(
        {
            "input": {"type": "Input", "shape": size},
            "0_LinearTorch": {"type": "Linear", "weight": np.eye(2)},
            "1_LIFNeuronTorch": {"type": "LIF", **leaky, "v_threshold": np.ones(2), **lif},
            "2_LinearTorch": {"type": "Linear", "weight": np.eye(2)},
            "3_ExpSynTorch": {"type": "LI", **leaky},
            "output": {"type": "Output", "shape": size},
        }
    )


def test_its_equations_written_as_a_loop(write_nir: NirWriter) -> None:
    """Rockpool 3.1.0: ``v = v*a + x``, floor(v / threshold) spikes; ``i = (i + x)*b``."""
    dt = 2e-3
    network = read_network(exported(write_nir, dt), PRESETS["rockpool"].with_settings({"dt": str(dt)}))
    x = np.random.default_rng(0).integers(0, 4, (30, 1, 2)).astype(np.uint8)
    kept = np.exp(-dt / np.array([0.01, 0.02]))
    v, i = np.zeros(2), np.zeros(2)
    wanted = []
    for step in x[:, 0]:
        v = v * kept + step
        spikes = np.where(v >= 1, np.floor(v), 0)
        v = v - spikes
        i = (i + spikes) * kept
        wanted.append(i)
    assert simulate(network, x).out[:, 0] == pytest.approx(np.array(wanted), rel=1e-5)


def test_the_steps_of_another_dt_are_told(write_nir: NirWriter) -> None:
    path = exported(write_nir, 5e-3)
    one, two = (text for text in read_network(path, PRESETS["rockpool"]).warnings if "its r" in text)
    assert one.endswith(
        "node '1_LIFNeuronTorch' (LIF): its r is what Rockpool writes for dt=0.005, and the convention has "
        "dt=0.001; if that is the model's own, --set dt=0.005"
    )
    assert "'3_ExpSynTorch' (LI)" in two
    right = PRESETS["rockpool"].with_settings({"dt": "0.005"})
    assert not [text for text in read_network(path, right).warnings if "its r" in text]
    # An r that says nothing is not taken for a time step.
    silent = exported(write_nir, 5e-3, r=np.ones(2))
    assert len([text for text in read_network(silent, PRESETS["rockpool"]).warnings if "its r" in text]) == 1


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 5e-3, 0.04])
def test_the_time_step_is_found_from_r(dt: float) -> None:
    tau = np.array([0.002, 0.01, 0.05])
    assert rockpool_dt(tau, tau * np.exp(-dt / tau) / dt) == pytest.approx(dt, rel=1e-9)
    assert rockpool_dt(tau, np.array([3.0, 4.0, 5.0])) is None
    assert rockpool_dt(tau, np.ones(3)) is None
    assert rockpool_dt(-tau, np.full(3, 2.0)) is None


def test_a_synapse_that_is_not_only_one_neurons(write_nir: NirWriter) -> None:
    """A current with a drive of its own, or handed to others too, is no synaptic current: still refused."""
    size = np.array([2])
    lif = {"type": "LIF", "tau": np.full(2, 0.01), "r": np.ones(2), "v_leak": np.zeros(2)}
    nodes = {
        "input": {"type": "Input", "shape": size},
        "syn": {"type": "LI", "tau": np.full(2, 0.01), "r": np.ones(2), "v_leak": np.ones(2)},
        "lif": {**lif, "v_threshold": np.ones(2)},
        "output": {"type": "Output", "shape": size},
    }
    with pytest.raises(UserError, match=r"'syn' \(LI\) hands its potential to 'lif'"):
        read_network(write_nir(nodes), PRESETS["rockpool"])


@pytest.mark.parametrize("dt", ["1e-3", "2e-3"])
def test_a_synapse_in_front_by_the_equations_of_nir(write_nir: NirWriter, dt: str) -> None:
    """Euler steps of ``tau di/dt = -i + r x`` and of the LIF that it drives."""
    size = np.array([1])
    step = float(dt)
    nodes = {
        "input": {"type": "Input", "shape": size},
        "syn": {"type": "LI", "tau": [0.008], "r": [6.0], "v_leak": [0.0]},
        "lif": {"type": "LIF", "tau": [0.02], "r": [2.0], "v_leak": [0.1], "v_threshold": [1.0]},
        "output": {"type": "Output", "shape": size},
    }
    network: Network = read_network(write_nir(nodes), Convention.preset("nir").with_settings({"dt": dt}))
    x = np.random.default_rng(1).integers(0, 2, (60, 1, 1)).astype(np.uint8)
    i = v = 0.0
    wanted = []
    for now in x.ravel():
        i += step / 0.008 * (6 * now - i)
        v += step / 0.02 * (0.1 - v + 2 * i)
        wanted.append(v > 1)
        v = 0.0 if v > 1 else v
    assert 0 < sum(wanted) < 60
    assert np.array_equal(simulate(network, x).out.ravel(), wanted)
