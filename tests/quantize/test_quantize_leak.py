"""Leak bits are as many as keep the leak, and the leak is named where it is the cause."""

import re
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.build.cli import main
from qsnn_hw.golden import run_clocked, run_event_driven
from qsnn_hw.model.network import INPUT, Dense, Network, Projection
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.quantize.leak import LEAST_LOSS, leak_bits_for
from qsnn_hw.support.errors import UserError
from tests.support.float_groups import lif


def network(decay: Any, weight: float, size: int = 1, **changes: Any) -> Network:
    """One input, a group of neurons with threshold 1, snnTorch's reset."""
    decays = np.broadcast_to(np.asarray(decay, float), (size,))
    fields = {"decay": decays, "comparison": ">", "reset": "subtract", "reset_delay": True, **changes}
    group = lif("lif", size, **fields)
    operators = (Dense(np.full((size, 1), weight)),)
    return Network("n", (1,), (group,), (Projection("fc", INPUT, "lif", operators),), "lif")


def spikes(made: QuantizedNetwork, steps: int) -> np.ndarray:
    """When the first neuron fires, driven in every step; event-driven as well."""
    inputs = np.ones((steps, 1, 1), np.uint8)
    out = run_clocked(made, inputs).spikes["lif"]
    assert np.array_equal(run_event_driven(made, inputs).spikes["lif"], out)
    return np.flatnonzero(out[:, 0, 0])


@pytest.mark.parametrize(
    ("decay", "weight", "steps"),
    [(0.99, 0.011, 400), (0.999, 0.0012, 3000), (0.9999, 0.0008, 3500), (0.95, 0.0504, 400)],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_a_slow_leak_fires_as_in_float(decay: float, weight: float, steps: int, bits: int) -> None:
    """A weight whose steady state is just above the threshold."""
    float_network = network(decay, weight)
    run = simulate(float_network, np.ones((steps, 1, 1), np.uint8))
    wanted = np.flatnonzero(run.out[:, 0, 0])
    made = quantize(float_network, QuantizeOptions(weight_bits=bits))
    found = spikes(made, steps)
    assert made.warnings == ()
    assert found.size == wanted.size > 0
    # 1.6 % of the leak, where the potential creeps up to its threshold.
    assert abs(int(found[0]) - int(wanted[0])) <= 0.2 * wanted[0]


@pytest.mark.parametrize(
    ("decay", "bits"),
    [
        (0.0, 8),
        (1.0, 8),
        (0.5, 8),
        (0.9, 8),
        (0.95, 8),
        (0.99, 12),
        (0.999, 15),
        (0.9999, 17),
        (1 - 1e-6, 24),
    ],
)
def test_as_many_bits_as_keep_the_leak(decay: float, bits: int) -> None:
    assert leak_bits_for(np.array([decay])) == bits


@settings(max_examples=200, deadline=None)
@given(loss=st.floats(2.0**-19, 1.0), drive=st.floats(1e-3, 10.0))
def test_what_the_bits_promise(loss: float, drive: float) -> None:
    decay = np.array([1.0 - loss])
    loss = 1.0 - float(decay[0])
    bits = leak_bits_for(decay, np.array([drive]), np.array([1.0]))
    rounded = round(loss * 2**bits) / 2**bits
    assert abs(rounded - loss) <= 0.016 * loss
    assert bits == 24 or not drive >= loss or drive >= rounded


def test_a_current_that_decays_slowly_keeps_its_leak() -> None:
    changes = {"current_decay": np.array([0.999]), "current_gain": np.array([1.0])}
    float_network = network(0.5, 0.00051, **changes)
    run = simulate(float_network, np.ones((12_000, 1, 1), np.uint8))
    wanted = np.flatnonzero(run.out[:, 0, 0])
    made = quantize(float_network, QuantizeOptions(fractional_bits=4))
    assert made.groups[0].current_leak_shift > 8
    assert abs(int(spikes(made, 12_000)[0]) - int(wanted[0])) <= 0.1 * wanted[0]


def test_the_leak_is_blamed_where_it_is_the_cause() -> None:
    with pytest.raises(UserError) as caught:
        quantize(network(0.99, 0.011), QuantizeOptions(leak_bits=8))
    assert str(caught.value) == (
        "group lif: with 8 leak bits no input can make any neuron reach its threshold: the highest "
        "potential settles at 0.939 of it, with the exact decay at 1.1; leave --leak-bits out, or raise it"
    )


def test_nothing_is_blamed_where_float_is_silent() -> None:
    """Here neither: the float network does not get there."""
    made = quantize(network(0.99, 0.009), QuantizeOptions(leak_bits=8))
    assert any("in the float network as little as in integers" in line for line in made.warnings)


@pytest.mark.parametrize("given_bits", [None, 24])
def test_a_leak_out_of_reach_is_none_and_says_so(given_bits: int | None) -> None:
    made = quantize(network(1 - LEAST_LOSS / 4, 0.3), QuantizeOptions(leak_bits=given_bits))
    assert made.groups[0].leak_numerator == 0
    assert re.search(r"decay 0.99999999\d* loses 7\.5e-09 .* does not leak here", made.warnings[0])


def test_the_advised_leak_bits_are_enough() -> None:
    for decay in (0.999, 0.9999, 1 - 3e-6):
        with pytest.raises(UserError) as caught:
            quantize(network(decay, 0.3), QuantizeOptions(leak_bits=8))
        advised = re.search(r"use --leak-bits (\d+)", str(caught.value))
        assert advised is not None
        made = quantize(network(decay, 0.3), QuantizeOptions(leak_bits=int(advised[1])))
        # How small potentials leak is another matter, see dead_zone.py.
        assert not any("--leak-bits" in line for line in made.warnings)


def test_a_leak_too_slow_for_32_bits_saturates_and_says_so() -> None:
    options = QuantizeOptions(weight_bits=16, fractional_bits=4)
    made = quantize(_inhibited(), options)
    assert made.groups[0].v_bits <= 32
    assert re.search(
        r"its leak is so slow that worst-case fan-in needs a \d+-bit potential", made.warnings[0]
    )


def _inhibited() -> Network:
    slow = network(1 - 1e-5, 0.3)
    operators = (Dense(np.array([[0.3, -0.9]])),)
    return Network("n", (2,), slow.groups, (Projection("fc", INPUT, "lif", operators),), "lif")


def _written(folder: Path, beta: float, weight: float, steps: int) -> list[str]:
    """A snnTorch network of one neuron, its data, and the command up to its options."""
    tau = 1e-4 / (1 - beta)
    nodes = {
        "input": nir.Input(np.array([1])),
        "fc": nir.Linear(np.array([[weight]], np.float32)),
        "n": nir.LIF(
            tau=np.array([tau]), r=np.array([tau / 1e-4]), v_leak=np.zeros(1), v_threshold=np.ones(1)
        ),
        "output": nir.Output(np.array([1])),
    }
    edges = [("input", "fc"), ("fc", "n"), ("n", "output")]
    nir.write(str(folder / "net.nir"), nir.NIRGraph(nodes, edges))
    np.savez(folder / "data.npz", input=np.ones((steps, 1, 1), np.uint8), label=np.zeros(1, np.int64))
    data = ["--data", str(folder / "data.npz")]
    return ["infer", str(folder / "net.nir"), "--convention", "snntorch", *data]


@pytest.mark.parametrize(("beta", "weight", "steps"), [(0.99, 0.011, 400), (0.9999, 0.0008, 1500)])
def test_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], beta: float, weight: float, steps: int
) -> None:
    typed = _written(tmp_path, beta, weight, steps)
    out = tmp_path / "out.npz"
    assert main([*typed, "--bits", "8", "--out", str(out)]) == 0
    assert "warning" not in capsys.readouterr().err
    assert np.load(out)["out"].sum() == 1
    assert main([*typed, "--bits", "16", "--leak-bits", "8"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "leak bits" in said
    assert "--clip" not in said
