"""Several spikes a step with a limit: Rockpool's ``max_spikes_per_dt`` from a file to integers."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.build import cli
from qsnn_hw.golden import run_clocked, run_event_driven
from qsnn_hw.model.convention import PRESETS, current_fields
from qsnn_hw.model.network_file import load_network
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.support.errors import UserError
from tests.support.check_advice import follow
from tests.support.first_network_file import save_first
from tests.support.nir_files import NirWriter
from tests.support.rockpool_loop import lif_torch

Capture = pytest.CaptureFixture[str]
DT, TAU = 1e-3, 0.01
SIZES = (6, 8, 5)


def weights_and_input() -> tuple[list[np.ndarray], np.ndarray]:
    """Strong enough for several spikes in a step, in both layers."""
    rng = np.random.default_rng(7)
    weights = [rng.normal(0.15, 0.5, (post, pre)) for pre, post in itertools.pairwise(SIZES)]
    return weights, (rng.random((30, 8, SIZES[0])) < 0.4).astype(np.uint8)


def exported(write_nir: NirWriter, weights: list[np.ndarray]) -> Path:
    """A file as Rockpool's exporter writes LIFTorch."""
    nodes: dict[str, Any] = {"input": {"type": "Input", "shape": np.array([SIZES[0]])}}
    for index, weight in enumerate(weights):
        same = np.full(len(weight), TAU)
        nodes[f"{2 * index}_LinearTorch"] = {"type": "Linear", "weight": weight}
        nodes[f"{2 * index + 1}_LIFTorch"] = {
            "type": "CubaLIF",
            **{"tau_mem": same, "tau_syn": same, "r": same * np.exp(-DT / TAU) / DT},
            **{"v_leak": 0 * same, "v_threshold": 0 * same + 1, "v_reset": 0 * same, "w_in": 0 * same + 1},
        }
    nodes["output"] = {"type": "Output", "shape": np.array([SIZES[-1]])}
    return write_nir(nodes)


@pytest.mark.parametrize("most", [None, 1, 2, 3, 7])
def test_rockpools_loop(write_nir: NirWriter, most: int | None) -> None:
    weights, x = weights_and_input()
    path = exported(write_nir, weights)
    words = {"max_spikes": "unlimited" if most is None else str(most)}
    network = read_network(path, PRESETS["rockpool"].with_settings(words))
    hidden, out = lif_torch(weights, x, most, dt=DT, tau=TAU)
    assert out.max() > 7 if most is None else hidden.max() == out.max() == most
    assert np.array_equal(simulate(network, x).out, out)
    integers = quantize(network, QuantizeOptions(weight_bits=8, fractional_bits=4))
    clocked, by_events = run_clocked(integers, x), run_event_driven(integers, x)
    for name, counts in clocked.spikes.items():
        assert np.array_equal(counts, by_events.spikes[name])
        assert most is None or counts.max() == most
    # A source with a limit counts with no more than that for the width of what it feeds.
    unlimited = quantize(read_network(path, PRESETS["rockpool"]), QuantizeOptions(weight_bits=8))
    assert most is None or integers.groups[1].current_bits - 4 <= unlimited.groups[1].current_bits


@pytest.mark.parametrize("start", ["rockpool", "nir"])
@pytest.mark.parametrize("most", [2, 4])
def test_check_finds_the_limit(
    write_nir: NirWriter, tmp_path: Path, most: int, start: str, capsys: Capture
) -> None:
    weights, x = weights_and_input()
    np.savez(tmp_path / "data.npz", input=x, out=lif_torch(weights, x, most, dt=DT, tau=TAU)[-1])
    said = follow(capsys, exported(write_nir, weights), tmp_path / "data.npz", "--convention", start)
    assert said == [["--convention", "rockpool", "--set", f"max_spikes={most}"]]


def test_files_of_before_there_was_a_limit(write_nir: NirWriter, tmp_path: Path) -> None:
    """``multi_spike`` in a saved network, in its convention, and behind --set."""
    weights, _ = weights_and_input()
    path = exported(write_nir, weights)
    for several in (True, False):
        limit = None if several else 1
        words = {"multi_spike": str(several).lower()}
        network = read_network(path, PRESETS["rockpool"].with_settings(words))
        assert [group.max_spikes for group in network.groups] == [limit, limit]
        save_first(network, tmp_path / "new.npz")
        with np.load(tmp_path / "new.npz") as stored:
            arrays = dict(stored)
        described = json.loads(str(arrays["description"]))
        for fields in (*described["groups"], described["convention"]):
            del fields["max_spikes"]
            fields["multi_spike"] = several
        np.savez(tmp_path / "old.npz", **{**arrays, "description": json.dumps(described)})
        again = load_network(tmp_path / "old.npz")
        assert [group.max_spikes for group in again.groups] == [limit, limit]
        assert current_fields(again.convention) == network.convention


@pytest.mark.parametrize("text", ["0", "256", "many", "2.5", "true"])
def test_limits_that_are_none(text: str) -> None:
    with pytest.raises(UserError, match="max_spikes is a whole number from 1 to 255 or unlimited, not"):
        PRESETS["rockpool"].with_settings({"max_spikes": text})


def test_infer_says_what_a_limit_does(write_nir: NirWriter, tmp_path: Path, capsys: Capture) -> None:
    """By the user's command, with integers: the file that it writes holds no more spikes than allowed."""
    weights, x = weights_and_input()
    out = lif_torch(weights, x, 3, dt=DT, tau=TAU)[-1]
    np.savez(tmp_path / "data.npz", input=x, out=out)
    model = exported(write_nir, weights)
    told = ("--convention", "rockpool", "--set", "max_spikes=3", "--data", tmp_path / "data.npz")
    made = tmp_path / "spikes.npz"
    arguments = ["infer", model, *told, "--bits", "12", "--out", made]
    assert cli.main([str(word) for word in arguments]) == 0
    with np.load(made) as stored:
        assert max(int(stored[name].max()) for name in stored if name.startswith("out")) == 3
    assert "Traceback" not in capsys.readouterr().err
