"""What a drop is worth: the standard error of a paired difference, and choices that luck does not make."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qsnn_hw.errors import UserError
from qsnn_hw.explore import calibrate as calibrating
from qsnn_hw.explore.calibrate import Scorer, calibrate, comparable
from qsnn_hw.explore.choose import drop_on, overlap_warning
from qsnn_hw.explore.drop import Drop, beats, paired
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from tests.explore.test_explore_narrowest import data, network


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60))
def test_the_error_is_that_of_the_paired_difference(pairs: list[tuple[bool, bool]]) -> None:
    right, other = np.array(pairs).T
    difference, error = paired(right, other)
    n = len(pairs)
    gained, lost = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
    assert difference == pytest.approx((gained - lost) / n)
    # The variance of a value of -1, 0 and 1, with n - 1.
    variance = ((gained + lost) - (gained - lost) ** 2 / n) / (n - 1)
    assert error == pytest.approx(math.sqrt(max(variance, 0) / n), abs=1e-9)
    assert beats(right, other) == (difference > error + 1e-12)


def test_a_drop_in_words() -> None:
    label = np.array([0, 1, 2, 3])
    drop = drop_on(label, np.array([0, 1, 2, 0]), np.array([0, 1, 0, 0]))
    assert (drop.float_score, drop.integer_score, drop.drop, drop.standard_error) == (0.75, 0.5, 0.25, 0.25)
    assert drop.text() == (
        "accuracy 50.00 % (float 75.00 %), drop +25.00 pp, standard error 25.00 pp, 4 samples"
    )
    unlabelled = drop_on(None, np.array([0, 1, 2, 0]), np.array([0, 1, 0, 0]))
    assert (unlabelled.float_score, unlabelled.integer_score) == (1.0, 0.75)
    assert "agreement with the float network 75.00 %" in unlabelled.text()
    one = Drop.of(np.array([True]), np.array([False]), labelled=True)
    assert one.standard_error is None
    assert "standard error not known" in one.text()


def scored(monkeypatch: pytest.MonkeyPatch, float_right: list[bool], *ways: list[bool]) -> list[str]:
    """What calibration tries when the ways to round are right as given, and then what it takes."""
    results = iter(ways)

    class Given(Scorer):
        def __init__(self, *arguments: object) -> None:
            super().__init__(network(), data())
            self.float_right = np.array(float_right)

        def right(self, quantized: QuantizedNetwork) -> np.ndarray:
            return np.array(next(results))

    monkeypatch.setattr(calibrating, "Scorer", Given)
    found = calibrate(network(), QuantizeOptions(), data())
    return [*(text for text, _ in found.scores), calibrating.describe(found.options)]


def test_plain_rounding_stays_where_the_float_network_is_better_by_luck_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 93 % in float, 92 % by plain rounding, another 8 % apart: within the standard error nothing is lost.
    float_right = [True] * 93 + [False] * 7
    plain = [True] * 88 + [False] * 8 + [True] * 4
    tried = scored(monkeypatch, float_right, plain)
    assert tried == ["clip max, scale per group, 0 fractional bits"] * 2


def test_a_dearer_way_must_win_by_more_than_the_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    float_right = [True] * 100
    plain = [True] * 80 + [False] * 20
    # One more right, one of each: not beyond the error of one, so plain rounding stays.
    luckier = [True] * 79 + [False] + [True] * 2 + [False] * 18
    same = [[False] * 20 + [True] * 80] * 5
    tried = scored(monkeypatch, float_right, plain, luckier, *same)
    assert tried[-1] == "clip max, scale per group, 0 fractional bits"
    better = [True] * 90 + [False] * 10
    tried = scored(monkeypatch, float_right, plain, better, *same)
    assert tried[-1] == "clip mse, scale per group, 0 fractional bits"


def test_potentials_are_compared_on_one_scale() -> None:
    options = QuantizeOptions(weight_bits=4, per_neuron=True)
    assert comparable(network(), options, "count") == options
    chosen = comparable(network(), options, "membrane")
    made = quantize(network(), chosen)
    assert len(set(made.group("out").step)) == 1
    assert len(set(made.group("hidden").step)) > 1
    scorer = Scorer(network(), data(), "membrane")
    assert len(set(scorer.quantize(options).group("out").step)) == 1


def test_test_samples_among_the_calibration_samples() -> None:
    samples = data(40)
    assert overlap_warning(samples, data(30)) is None
    assert overlap_warning(samples, samples.take(30)) == (
        "30 of 40 test samples are in the calibration data: the accuracy on them is no test"
    )
    with pytest.raises(
        UserError, match=r"^40 of 40 test samples are in the calibration data \(made up\), so no"
    ):
        overlap_warning(samples, data(40))
