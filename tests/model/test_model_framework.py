"""The float network's output against the framework's own: equal, different, not given, not comparable."""

from dataclasses import replace

import numpy as np
import pytest

from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.framework import FrameworkComparison, compare_with_framework
from qsnn_hw.model.network import INPUT, Dense, Network, Projection
from qsnn_hw.model.simulate import simulate
from tests.support.float_groups import lif


def network(fires: bool = True) -> Network:
    fields = {"reset": "subtract"} if fires else {"threshold": None, "reset": "none"}
    group = lif("out", 3, decay=0.5, **fields)
    weight = np.random.default_rng(0).normal(0.4, 1, (3, 4))
    return Network("net", (4,), (group,), (Projection("fc", INPUT, "out", (Dense(weight),)),), "out")


def data(out: np.ndarray | None, names: tuple[str, ...] = ()) -> Dataset:
    spikes = (np.random.default_rng(1).random((6, 5, 4)) < 0.4).astype(np.uint8)
    return Dataset("samples.npz", spikes, None, out, "time-sample", names=names)


def compare(fires: bool, out: np.ndarray | None, names: tuple[str, ...] = ()) -> FrameworkComparison:
    samples = data(out, names)
    return compare_with_framework(network(fires), samples, own(fires))


def own(fires: bool) -> np.ndarray:
    return simulate(network(fires), data(None).input).out


def test_equal_spikes() -> None:
    found = compare(True, own(True))
    assert (found.values, found.differ, found.first) == (90, 0, None)
    assert found.text() == "framework's own spikes: equal, 90 values, 0 differ"


def test_the_first_of_the_different_spikes_is_named() -> None:
    out = own(True).copy()
    # One spike too few in the middle, one too many after it.
    there = tuple(np.argwhere(out[2:4])[0] + [2, 0, 0])
    gone = tuple(np.argwhere(out[4:] == 0)[0] + [4, 0, 0])
    out[there], out[gone] = 0, 1
    found = compare(True, out)
    assert (found.values, found.differ, found.samples, found.first) == (90, 2, found.samples, there)
    assert (found.expected, found.got) == (0, 1)
    assert found.samples == len({there[1], gone[1]})
    step, sample, neuron = there
    assert (
        f"framework's own spikes: 2 of 90 values differ, in {found.samples} samples; first at time "
        f"step {step}, sample {sample}, neuron {neuron}: the framework has 0, the float network 1; "
    ) in found.text()


def test_spikes_under_another_name() -> None:
    found = compare(True, None, ("hidden", "input", "out_multispike_packed"))
    assert (found.values, found.differ) == (None, None)
    assert found.text() == (
        "framework's own spikes: not given (no out in samples.npz; it has out_multispike_packed)"
    )


@pytest.mark.parametrize(
    ("fires", "out", "reason"),
    [
        (
            True,
            np.zeros((6, 5, 4), np.uint8),
            "not compared: out has shape (6, 5, 4), the float network's output (6, 5, 3)",
        ),
    ],
)
def test_what_cannot_be_compared(fires: bool, out: np.ndarray, reason: str) -> None:
    found = compare(fires, out)
    assert (found.values, found.differ, found.reason) == (None, None, reason)


def test_potentials_have_a_tolerance() -> None:
    out = own(False)
    near = compare(False, out * np.float32(1 + 1e-6))
    assert (near.values, near.differ) == (90, 0)
    assert near.greatest == pytest.approx(1e-6 * near.largest, rel=0.2)
    assert near.text() == (
        "framework's own potentials: equal within 0.0001 of the largest, 90 values, 0 differ, greatest "
        f"difference {near.greatest:.3g} of a largest potential of {near.largest:.4g}"
    )
    wrong = out.copy()
    wrong[3, 2, 1] += 0.01
    found = compare(False, wrong)
    assert (found.differ, found.first) == (1, (3, 2, 1))
    assert found.greatest == pytest.approx(0.01, rel=1e-4)
    assert "1 of 90 values differ by more than 0.0001 of the largest, in 1 samples; first at" in found.text()


def test_samples_that_another_file_has_too() -> None:
    samples = data(None)
    other = replace(samples, input=samples.input[:, 3:])
    assert samples.shared_with(other) == 2
    assert samples.shared_with(replace(samples, input=1 - samples.input)) == 0
    # Samples without a spike are equal to one another, and say nothing.
    silent = replace(samples, input=0 * samples.input)
    assert silent.shared_with(silent) == 0
