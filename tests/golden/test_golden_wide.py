"""Every feature of the recurrence: clocked, event-driven and a slow loop give the same integers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qsnn_hw.golden import GoldenRun, output_of, run_clocked, run_event_driven
from qsnn_hw.model.network import Network
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.support.errors import UserError
from tests.support.wide_networks import FEATURES, by_the_book, random_network


def quantized(rng: np.random.Generator, network: Network) -> QuantizedNetwork | None:
    """Integers with random options; None where the draw cannot be quantized, which is a clear error."""
    options = QuantizeOptions(
        weight_bits=int(rng.integers(3, 9)),
        clip=str(rng.choice(["max", "mse"])),  # type: ignore[arg-type]
        per_neuron=bool(rng.random() < 0.5),
        fractional_bits=int(rng.integers(0, 4)),
        leak_bits=int(rng.integers(5, 9)),
        input_max=int(rng.integers(1, 3)),
        leak_rounding="zero" if rng.random() < 0.5 else "floor",
    )
    try:
        return quantize(network, options)
    except UserError:
        return None


def same_everywhere(network: QuantizedNetwork, inputs: np.ndarray) -> int:
    """Compare the three forms; the number of spikes they all have."""
    names = [g.name for g in network.groups]
    run = run_clocked(network, inputs, record=names)
    spikes, traces = by_the_book(network, inputs)
    events = run_event_driven(network, inputs)
    for group in network.groups:
        name = group.name
        assert np.array_equal(run.spikes[name], spikes[name])
        assert np.array_equal(run.potentials[name], traces[name])
        assert np.array_equal(events.spikes[name], spikes[name])
        if group.readout:
            assert np.array_equal(events.potentials[name], traces[name])
        bound = 2 ** (group.v_bits - 1)
        assert -bound <= traces[name].min()
        assert traces[name].max() < bound
    return sum(int(s.sum()) for s in spikes.values())


@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_alone(feature: str) -> None:
    total = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        network = quantized(rng, random_network(rng, [feature, "plain"], loops=False, delays=False))
        if network is None:
            continue
        shape = (9, 2, *network.input_shape)
        inputs = (rng.random(shape) < 0.5).astype(np.uint8) * network.input_max
        total += same_everywhere(network, inputs)
    assert total > 0


@pytest.mark.parametrize("feature", ["current", "current_v_min", "current_retest"])
def test_currents_that_saturate(feature: str) -> None:
    """Tighter than any width asks for, so that many do: three forms, one answer."""
    met = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        network = quantized(rng, random_network(rng, [feature, "plain"], loops=False, delays=False))
        if network is None:
            continue
        first, *others = network.groups
        limit = max(2, int(first.threshold.max()) // 3)
        first = replace(first, current_low=-limit, current_high=limit - 1)
        network = replace(network, groups=(first, *others))
        inputs = (rng.random((12, 2, *network.input_shape)) < 0.5).astype(np.uint8) * network.input_max
        same_everywhere(network, inputs)
        met += run_clocked(network, inputs).saturations[first.name]
    assert met > 0


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    features=st.lists(st.sampled_from(FEATURES), min_size=1, max_size=3),
    loops=st.booleans(),
    delays=st.booleans(),
)
# A neuron whose threshold is -151 and whose spikes take 144 off.
@example(seed=2170, features=["plain", "plain", "rest_subtract"], loops=False, delays=False)
def test_random_networks(seed: int, features: list[str], loops: bool, delays: bool) -> None:
    rng = np.random.default_rng(seed)
    network = quantized(rng, random_network(rng, features, loops, delays))
    if network is None:
        return
    inputs = rng.integers(0, network.input_max + 1, (8, 2, *network.input_shape)).astype(np.uint8)
    same_everywhere(network, inputs)


def test_most_random_networks_can_be_quantized_and_fire() -> None:
    """The properties above would hold for networks that are never built or never fire."""
    made = fired = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        features = [str(f) for f in rng.choice(FEATURES, 2)]
        network = quantized(rng, random_network(rng, features, loops=True, delays=True))
        if network is None:
            continue
        made += 1
        inputs = rng.integers(0, network.input_max + 1, (8, 2, *network.input_shape)).astype(np.uint8)
        fired += any(s.any() for s in run_clocked(network, inputs).spikes.values())
    assert made > 25
    assert fired > 20


def wide(seed: int, features: list[str]) -> tuple[QuantizedNetwork, np.ndarray]:
    """The first draw from ``seed`` on that can be quantized, and input for it."""
    for draw in range(seed, seed + 50):
        rng = np.random.default_rng(draw)
        drawn = random_network(rng, features, loops=True, delays=True)
        try:
            network = quantize(drawn, QuantizeOptions(fractional_bits=2))
        except UserError:
            continue
        return network, (rng.random((12, 3, *network.input_shape)) < 0.5).astype(np.uint8)
    raise AssertionError("no draw can be quantized")


def test_files_keep_every_field(tmp_path: Path) -> None:
    for seed, features in enumerate(
        (["current", "own_decays"], ["multi_spike", "readout"], ["late_drop", "plain"])
    ):
        network, inputs = wide(seed, features)
        network.save(tmp_path / "network.npz")
        back = QuantizedNetwork.load(tmp_path / "network.npz")
        run, again = run_clocked(network, inputs), run_clocked(back, inputs)
        for name in run.spikes:
            assert np.array_equal(run.spikes[name], again.spikes[name])
        for name in run.potentials:
            assert np.array_equal(run.potentials[name], again.potentials[name])
        back.save(tmp_path / "again.npz")
        with np.load(tmp_path / "network.npz") as first, np.load(tmp_path / "again.npz") as second:
            assert first.files == second.files
            assert all(np.array_equal(first[key], second[key]) for key in first.files)


def test_runs_with_several_spikes_per_step_survive_a_file(tmp_path: Path) -> None:
    for seed in range(20):
        network, inputs = wide(seed, ["multi_spike", "multi_spike"])
        run = run_clocked(network, inputs, record=["g1"])
        if max(int(s.max()) for s in run.spikes.values()) > 1:
            break
    else:
        pytest.fail("no draw emits several spikes per step")
    run.save(tmp_path / "run.npz")
    back = GoldenRun.load(tmp_path / "run.npz")
    assert all(np.array_equal(run.spikes[name], back.spikes[name]) for name in run.spikes)
    assert np.array_equal(run.potentials["g1"], back.potentials["g1"])


def test_a_readout_speaks_in_real_numbers() -> None:
    network, inputs = wide(3, ["plain", "readout"])
    run = run_clocked(network, inputs)
    group = network.group("g1")
    assert output_of(network, run) == pytest.approx(
        run.potentials["g1"] * group.scale / 2.0**group.fractional_bits
    )
    assert not run.spikes["g1"].any()
    fires = replace(network, output="g0")
    assert output_of(fires, run) is run.spikes["g0"]


def test_input_beyond_what_the_widths_allow() -> None:
    network, inputs = wide(0, ["plain"])
    with pytest.raises(
        UserError, match=r"^input must be spikes \(0 or 1\), not 2; the hardware takes one event"
    ):
        run_clocked(network, inputs * 2)
    more = replace(network, input_max=3)
    run_clocked(more, inputs * 3)
    for run in (run_clocked, run_event_driven):
        with pytest.raises(
            UserError, match=r"^input must be 0 to 3 spikes of an address in one step, .* not 4; "
        ):
            run(more, inputs * 4)
