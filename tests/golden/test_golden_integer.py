"""Clocked and event-driven golden model, and both against the recurrence written out in full."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.golden import GoldenRun, run_clocked, run_event_driven
from qsnn_hw.golden import clocked as clocked_module
from qsnn_hw.golden.weighted import WeightedSum
from qsnn_hw.model.network import INPUT, Dense
from qsnn_hw.quantize.network import QuantizedNetwork, QuantizedProjection
from qsnn_hw.support import files
from qsnn_hw.support.choices import LEAK_ROUNDINGS, LeakRounding
from qsnn_hw.support.errors import UserError
from tests.support.networks import RESETS, random_group, random_input, random_network
from tests.support.wide_networks import leaked

DECAYS = [(1, 0), (1, 1), (3, 4), (13, 8), (1, 6), None]


def by_the_book(network: QuantizedNetwork, inputs: np.ndarray) -> tuple[dict, dict]:
    """The documented recurrence, one neuron and one step at a time, in Python integers."""
    steps, samples = inputs.shape[:2]
    spikes = {g.name: np.zeros((steps, samples, g.size), dtype=np.uint8) for g in network.groups}
    traces = {g.name: np.zeros((steps, samples, g.size), dtype=np.int64) for g in network.groups}
    for sample in range(samples):
        states = {g.name: [int(b) for b in g.bias] for g in network.groups}
        for step in range(steps):
            source_spikes = {INPUT: inputs[step, sample].ravel()}
            for g in network.groups:
                for j in range(g.size):
                    x = 0
                    for p in network.into(g.name):
                        for i in range(p.weight.shape[1]):
                            x += int(p.weight[j, i]) * int(source_spikes[p.source][i])
                    v = states[g.name][j] + x * 2**g.fractional_bits
                    if g.v_low is not None:
                        v = min(max(v, g.v_low), g.v_high)
                    fired = v >= int(g.threshold[j])
                    amount, value = int(g.reset_amount[j]), int(g.reset_value[j])
                    if fired and not g.reset_delay:
                        v = v - amount if g.reset == "subtract" else value if g.reset == "value" else v
                    traces[g.name][step, sample, j] = v
                    kept = value if fired and g.reset == "value" else v
                    state = leaked(g, kept, g.leak_numerator, g.leak_shift) + int(g.bias[j])
                    if fired and g.reset_delay and g.reset == "subtract":
                        state -= amount
                    states[g.name][j] = state
                    spikes[g.name][step, sample, j] = fired
                source_spikes[g.name] = spikes[g.name][step, sample]
    return spikes, traces


@pytest.mark.parametrize("rounding", LEAK_ROUNDINGS)
@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("kind", RESETS)
def test_clocked_is_the_documented_recurrence(
    kind: tuple, decay: tuple[int, int] | None, rounding: LeakRounding
) -> None:
    rng = np.random.default_rng(11)
    for clamped in (False, True):
        network = random_network(
            rng,
            [5, 4, 3],
            weight_bits=5,
            skips=[(0, 2)],
            reset=kind[0],
            reset_delay=kind[1],
            leak=decay,
            clamped=clamped,
            fractional_bits=1,
            leak_rounding=rounding,
        )
        inputs = random_input(rng, network, steps=10, samples=2)
        run = run_clocked(network, inputs, record=["g1", "g2"])
        spikes, traces = by_the_book(network, inputs)
        for name in ("g1", "g2"):
            assert (run.spikes[name] == spikes[name]).all()
            assert (run.potentials[name] == traces[name]).all()


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 7), min_size=2, max_size=4),
    bits=st.integers(2, 16),
    kind=st.sampled_from(RESETS),
    decay=st.sampled_from(DECAYS),
    clamped=st.booleans(),
    bias_span=st.integers(0, 6),
    rate=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    skip=st.booleans(),
    rounding=st.sampled_from(LEAK_ROUNDINGS),
)
def test_event_driven_equals_clocked(
    seed: int,
    sizes: list[int],
    bits: int,
    kind: tuple,
    decay: tuple[int, int] | None,
    clamped: bool,
    bias_span: int,
    rate: float,
    skip: bool,
    rounding: LeakRounding,
) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(
        rng,
        sizes,
        weight_bits=bits,
        skips=[(0, len(sizes) - 1)] if skip else [],
        reset=kind[0],
        reset_delay=kind[1],
        leak=decay,
        clamped=clamped,
        bias_span=bias_span,
        # From thresholds that a bias alone reaches to ones that take several events.
        threshold_span=int(rng.choice([2, 6, 2**bits])),
        leak_rounding=rounding,
    )
    inputs = random_input(rng, network, steps=12, samples=2, rate=rate)
    clocked, events = run_clocked(network, inputs), run_event_driven(network, inputs)
    assert list(clocked.spikes) == list(events.spikes)
    for name, spikes in clocked.spikes.items():
        assert events.spikes[name].dtype == spikes.dtype == np.uint8
        assert np.array_equal(events.spikes[name], spikes)


def test_bias_alone_fires_in_both_forms() -> None:
    network = random_network(np.random.default_rng(0), [2, 3], leak=(1, 2), bias_span=0)
    group = replace(network.groups[0], bias=np.array([3, 2, 0]), threshold=np.array([9, 9, 9]))
    network = replace(network, groups=(group,))
    silent = np.zeros((40, 1, 2), dtype=np.uint8)
    clocked, events = run_clocked(network, silent), run_event_driven(network, silent)
    # At a decay of 3/4 a bias of 3 settles at 12 and a bias of 2 at 8: only the first can fire.
    assert clocked.spikes["g1"].any(axis=(0, 1)).tolist() == [True, False, False]
    assert np.array_equal(clocked.spikes["g1"], events.spikes["g1"])


def test_a_reset_value_outside_the_clamp() -> None:
    """The next tick clamps it, whether or not an event comes."""
    rng = np.random.default_rng(1)
    for value in (-40, 40):
        network = random_network(rng, [3, 4], reset="value", leak=(1, 3), clamped=True, bias_span=0)
        group = network.groups[0]
        assert group.v_high is not None
        assert abs(value) > group.v_high
        network = replace(network, groups=(replace(group, reset_value=np.full(4, value)),))
        inputs = random_input(rng, network, steps=60, samples=20, rate=0.2)
        clocked, events = run_clocked(network, inputs), run_event_driven(network, inputs)
        assert clocked.spikes["g1"].any()
        assert np.array_equal(clocked.spikes["g1"], events.spikes["g1"])


def test_two_projections_from_one_source_add_up() -> None:
    rng = np.random.default_rng(2)
    network = random_network(rng, [4, 3], skips=[(0, 1)], leak=(1, 2), threshold_span=8)
    assert [p.source for p in network.projections] == [INPUT, INPUT]
    first, second = network.projections
    summed = QuantizedProjection("sum", INPUT, "g1", first.weight + second.weight, 8)
    joined = replace(network, projections=(summed,))
    inputs = random_input(rng, network, steps=20, samples=4)
    wanted = run_clocked(joined, inputs).spikes["g1"]
    assert wanted.any()
    assert np.array_equal(run_clocked(network, inputs).spikes["g1"], wanted)
    assert np.array_equal(run_event_driven(network, inputs).spikes["g1"], wanted)


def weighted(spikes: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What golden makes of (time, sample, pre) and (post, pre): int64, (time, sample, post)."""
    product = WeightedSum((Dense(weight),), weight.shape[1], 1, 0)(spikes.reshape(-1, weight.shape[1]))
    return product.reshape(*spikes.shape[:-1], weight.shape[0]).astype(np.int64)


@pytest.mark.parametrize("above", [False, True])
def test_weighted_sums_are_exact_at_the_float32_bound(above: bool) -> None:
    """512 weights of 2**15 - 1 and one that brings their sum to 2**24 - 1, or just past it."""
    weight = np.full((2, 514), 2**15 - 1, dtype=np.int16)
    weight[:, 512:] = 511 if not above else 1023
    weight[:, 513] = 0 if not above else 1
    weight[1] *= -1
    total = int(np.abs(weight[0].astype(int)).sum())
    assert total == 2**24 - 1 if not above else total == 2**24 + 512
    rng = np.random.default_rng(0)
    spikes = np.ones((3, 4, 514), dtype=np.uint8)
    spikes[1:] = rng.random((2, 4, 514)) < 0.9
    product = weighted(spikes, weight)
    assert np.array_equal(product, spikes.astype(np.int64) @ weight.astype(np.int64).T)
    assert product[0, 0].tolist() == [total, -total]


def test_float32_would_not_be_exact_past_the_bound() -> None:
    weight = np.array([[2**14 + 1] * 1025], dtype=np.int16)
    spikes = np.ones((1, 1, 1025), dtype=np.uint8)
    total = 1025 * (2**14 + 1)
    assert total % 2 == 1
    assert total > 2**24
    assert int(np.float32(total)) != total
    assert weighted(spikes, weight).item() == total


def test_batching_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    network = random_network(rng, [6, 5, 4], clamped=True)
    inputs = random_input(rng, network, steps=9, samples=7)
    whole = run_clocked(network, inputs, record=["g1"])
    done: list[tuple[int, int]] = []
    # Room for two samples of the widest group a block.
    monkeypatch.setattr(clocked_module, "BLOCK_BYTES", 2 * 8 * 9 * 5)
    parts = run_clocked(network, inputs, record=["g1"], on_progress=lambda n, of: done.append((n, of)))
    assert done == [(2, 7), (4, 7), (6, 7), (7, 7)]
    for name in ("g1", "g2"):
        assert np.array_equal(whole.spikes[name], parts.spikes[name])
    assert np.array_equal(whole.potentials["g1"], parts.potentials["g1"])
    assert whole.saturations == parts.saturations
    one = run_clocked(network, inputs[:, 3:4])
    assert np.array_equal(one.spikes["g2"][:, 0], whole.spikes["g2"][:, 3])


def test_saturations_are_counted() -> None:
    rng = np.random.default_rng(4)
    weights = np.full((2, 3), 7, dtype=np.int8)
    group = random_group(rng, "g", [weights], leak=None, reset="none", bias_span=0, threshold_span=4)
    projection = QuantizedProjection("p", INPUT, "g", weights, 4)
    network = QuantizedNetwork("n", (3,), (group,), (projection,), "g")
    run = run_clocked(network, np.ones((20, 1, 3), dtype=np.uint8), record=["g"])
    assert run.potentials["g"].max() == group.v_high
    assert group.v_high is not None
    steps_below = group.v_high // 21
    assert run.saturations == {"g": 2 * (20 - steps_below)}


def test_input_shapes() -> None:
    rng = np.random.default_rng(5)
    network = replace(random_network(rng, [6, 2]), input_shape=(2, 3))
    flat = random_input(rng, network, steps=5, samples=2)
    for run in (run_clocked, run_event_driven):
        wanted = run(network, flat).spikes["g1"]
        assert np.array_equal(run(network, flat.reshape(5, 2, 2, 3)).spikes["g1"], wanted)
        assert np.array_equal(run(network, flat.astype(bool)).spikes["g1"], wanted)
        assert run(network, flat[:, :0]).spikes["g1"].shape == (5, 0, 2)
        assert run(network, flat[:0]).spikes["g1"].shape == (0, 2, 2)


BAD_INPUT = [
    (np.zeros((3, 1, 5), np.uint8), "input has 5 addresses per time step, the network wants 6"),
    (np.zeros((3, 0, 5), np.uint8), "input has 5 addresses per time step, the network wants 6"),
    (np.zeros(6, np.uint8), "input must have the shape (time, sample, address), not (6,)"),
    (
        np.full((3, 1, 6), 2, np.uint8),
        "input must be spikes (0 or 1), not 2; the hardware takes one event per address",
    ),
    (
        np.full((3, 1, 6), -1, np.int8),
        "input must be spikes (0 or 1), not -1; the hardware takes one event per address",
    ),
    (
        np.full((3, 1, 6), 0.5),
        "input must be spikes (0 or 1), not 0.5; the hardware takes one event per address",
    ),
    (
        np.full((3, 1, 6), np.nan),
        "input must be spikes (0 or 1), not nan; the hardware takes one event per address",
    ),
]


@pytest.mark.parametrize("run", [run_clocked, run_event_driven])
@pytest.mark.parametrize(("inputs", "text"), BAD_INPUT)
def test_input_errors(run, inputs: np.ndarray, text: str) -> None:  # type: ignore[no-untyped-def]
    network = random_network(np.random.default_rng(6), [6, 2])
    with pytest.raises(UserError) as caught:
        run(network, inputs)
    assert str(caught.value) == text


def test_save_and_load(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    network = random_network(rng, [6, 11, 3])
    run = run_clocked(network, random_input(rng, network, 8, 3), record=["g2"])
    path = tmp_path / "golden.npz"
    run.save(path)
    again = GoldenRun.load(path)
    assert list(again.spikes) == ["g1", "g2"]
    for name, spikes in run.spikes.items():
        assert np.array_equal(again.spikes[name], spikes)
        assert again.spikes[name].dtype == np.uint8
    assert list(again.potentials) == ["g2"]
    assert np.array_equal(again.potentials["g2"], run.potentials["g2"])
    assert again.saturations == run.saturations


def test_damaged_run_files(tmp_path: Path) -> None:
    path = tmp_path / "golden.npz"
    network = random_network(np.random.default_rng(8), [3, 2])
    run_clocked(network, np.zeros((2, 1, 3), np.uint8)).save(path)
    whole = files.read_npz(path)
    files.write_npz(path, {k: v for k, v in whole.items() if k != "spikes.g1"})
    with pytest.raises(UserError, match=r"holds no golden run of this version: spikes.g1 must be an array"):
        GoldenRun.load(path)
    files.write_npz(path, {**whole, "format": "other"})
    with pytest.raises(UserError, match="format is 'other', this version reads 'qsnn-hw golden run 2'"):
        GoldenRun.load(path)
    path.write_text("nothing")
    with pytest.raises(UserError, match=r"is not a readable \.npz file"):
        GoldenRun.load(path)
