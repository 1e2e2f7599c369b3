"""Synaptic operations and counted activity, worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.golden import GoldenRun, run_clocked
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Pool2d
from qsnn_hw.quantize import QuantizedNetwork, QuantizedProjection
from qsnn_hw.report.sections.activity import activity_of
from qsnn_hw.report.sections.work import fan_out, metrics
from tests.support.verification_record import RECORD
from tests.support.verify_networks import chain_network, skip_network


def _data(inputs: np.ndarray) -> Dataset:
    return Dataset("test.npz", inputs, None, None, "time-sample")


def _projection(*operators: Dense | Conv2d | Pool2d) -> QuantizedProjection:
    return QuantizedProjection("p", INPUT, "out", np.zeros((1, 1), np.int8), 4, operators=operators)


def _run(spikes: dict[str, np.ndarray]) -> GoldenRun:
    return GoldenRun(spikes=spikes, potentials={}, saturations=dict.fromkeys(spikes, 0))


def _network(projections: tuple[QuantizedProjection, ...], sizes: tuple[int, ...]) -> QuantizedNetwork:
    return replace(chain_network(sizes=sizes), projections=projections)


def test_a_dense_network_by_hand() -> None:
    # Inputs 0 and 1 drive 2 and 1 synapses, neurons 0 and 1 of the first group 1 and 0.
    first = np.array([[3, 0], [-1, 5]], np.int8)
    second = np.array([[2, 0]], np.int8)
    network = _network(
        (
            QuantizedProjection("a", INPUT, "lif1", first, 4),
            QuantizedProjection("b", "lif1", "lif2", second, 4),
        ),
        (2, 2, 1),
    )
    inputs = np.array([[[1, 1]], [[1, 0]], [[2, 0]]], np.uint8)
    spikes = {
        "lif1": np.array([[[1, 0]], [[1, 1]], [[0, 0]]], np.uint8),
        "lif2": np.array([[[0]], [[1]], [[0]]], np.uint8),
    }
    found = metrics(network, _data(inputs), _run(spikes))
    # 4 spikes of input 0 x 2 and 1 of input 1 x 1; 2 spikes of neuron 0 x 1 and 1 of neuron 1 x 0.
    assert found.synaptic_operations_per_sample == 4 * 2 + 1 + 2
    assert found.spikes_per_sample == 5 + 3 + 1
    assert found.spike_efficiency == pytest.approx(11 / 9)


def test_means_of_samples_and_no_ratio_without_spikes() -> None:
    network = chain_network(sizes=(2, 2, 1))
    inputs = np.zeros((3, 4, 2), np.uint8)
    silent = _run({"lif1": np.zeros((3, 4, 2), np.uint8), "lif2": np.zeros((3, 4, 1), np.uint8)})
    found = metrics(network, _data(inputs), silent)
    assert (found.synaptic_operations_per_sample, found.spikes_per_sample) == (0.0, 0.0)
    assert found.spike_efficiency is None
    inputs[0, 1] = 1
    assert metrics(network, _data(inputs), silent).spikes_per_sample == 0.5


@pytest.mark.parametrize(
    ("delay", "source", "operations"),
    [(0, INPUT, 5), (2, INPUT, 3), (0, "lif2", 4), (2, "lif2", 2), (9, INPUT, 0)],
)
def test_what_the_last_steps_send_into_a_delay_drives_nothing(
    delay: int, source: str, operations: int
) -> None:
    # Of two synapses to lif1 the one from address 0 is there, in each of 5 steps; lif2 comes behind lif1.
    weight = np.array([[1, 0], [0, 0]] if source == INPUT else [[1], [0]], np.int8)
    spikes = {"lif1": np.ones((5, 1, 2), np.uint8), "lif2": np.ones((5, 1, 1), np.uint8)}
    only = QuantizedProjection("p", source, "lif1", weight, 4, delay=delay)
    found = metrics(_network((only,), (2, 2, 1)), _data(np.ones((5, 1, 2), np.uint8)), _run(spikes))
    assert found.synaptic_operations_per_sample == operations


def test_a_convolution_counts_the_kernel_elements_that_a_position_meets() -> None:
    kernel = np.array([[[[1, 0, 2]]]], np.float64)
    # One row of 4, no padding: positions meet 1, 2, 2, 1 elements, of which the middle one is 0.
    made = Conv2d(kernel, None, (1, 1, 4))
    assert fan_out(_projection(made), 4).tolist() == [1, 1, 1, 1]
    full = Conv2d(np.ones((2, 1, 1, 3)), None, (1, 1, 4), padding=(0, 1))
    assert fan_out(_projection(full), 4).tolist() == [4, 6, 6, 4]


def test_pooling_has_no_weights_of_its_own() -> None:
    pool = Pool2d("sum", (1, 1, 4), (1, 2), (1, 2))
    assert fan_out(_projection(pool, Dense(np.array([[1.0, 0.0], [2.0, 3.0]]))), 4).tolist() == [2, 2, 1, 1]
    # Behind the kernel a pooled target is met once for each element.
    conv = Conv2d(np.ones((1, 1, 1, 2)), None, (1, 1, 3))
    assert fan_out(_projection(conv, Pool2d("sum", (1, 1, 2), (1, 2), (1, 2))), 3).tolist() == [1, 2, 1]


def test_operators_behind_one_another_count_the_targets_they_change() -> None:
    first, second = np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([[1.0, -1.0], [1.0, 1.0]])
    # Together [[0, 1], [2, 1]]: the paths to target 0 of source 0 cancel.
    assert fan_out(_projection(Dense(first), Dense(second)), 2).tolist() == [1, 2]


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.9))
def test_a_spike_alone_meets_as_many_weights_as_its_column_has(seed: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.integers(-8, 8, (7, 9)) * (rng.random((7, 9)) < density)
    wanted = np.count_nonzero(weight, axis=0)
    assert np.array_equal(fan_out(_projection(Dense(weight.astype(np.float64))), 9), wanted)


def test_every_path_of_a_network_with_skips_counts() -> None:
    network = skip_network()
    rng = np.random.default_rng(5)
    inputs = (rng.random((8, 3, 6)) < 0.5).astype(np.uint8)
    golden = run_clocked(network, inputs, record=["a", "b", "c"])
    found = metrics(network, _data(inputs), golden)
    events = {INPUT: inputs, **golden.spikes}
    operations = 0
    for projection in network.projections:
        masks = (Dense((projection.weight != 0).astype(np.float64)),)
        rows = events[projection.source].reshape(24, -1).astype(np.float64)
        operations += apply_operators(masks, rows).sum()
    assert found.synaptic_operations_per_sample == pytest.approx(operations / 3)


def test_activity_is_that_of_a_mean_sample() -> None:
    found = activity_of(RECORD)
    assert found["lif1"].busy_share == 0.8
    assert found["lif1"].busy_cycles == 20.0
    assert (found["lif1"].synapse_reads, found["lif1"].state_reads, found["lif1"].state_writes) == (20, 5, 3)
    assert found["lif2"].busy_share == 0.4
    assert activity_of(None) == {}
    assert activity_of(replace(RECORD, activity_cycles=0, activity_samples=0, groups={})) == {}
