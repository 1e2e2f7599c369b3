"""What a drop is worth: the standard error of a paired difference, and choices that luck does not make."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qsnn_hw.explore.integers import calibrate as calibrating
from qsnn_hw.explore.integers.calibrate import Scorer, calibrate, comparable
from qsnn_hw.explore.integers.choose import Quantization, drop_on, fall_warning, overlap_warning
from qsnn_hw.explore.integers.drop import Drop, beats, fall, paired
from qsnn_hw.explore.integers.narrowest import narrowest
from qsnn_hw.explore.integers.refine import refine
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.support.errors import UserError
from tests.support.untrained import data, network


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


def test_refinement_takes_no_luck(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that is ahead by one sample of 120 stays out."""
    right = np.ones(120, bool)
    right[:20] = False
    results = iter([right, *[np.roll(np.append(right[1:], True), k) for k in range(20)]])
    monkeypatch.setattr(Scorer, "right", lambda self, quantized: next(results, right))
    found = refine(network(), QuantizeOptions(weight_bits=4), data())
    assert max(score for _, score in found.scores) > found.scores[0][1]
    assert not found.options.groups


def test_narrow_weights_are_not_taken_by_luck(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 of 120 lost are 1.7 pp, known to 1.2 pp: within a drop of 3 pp, not of 2 pp."""
    right = np.ones(120, bool)
    right[:2] = False
    monkeypatch.setattr(Scorer, "right", lambda self, quantized: right)
    widths = [narrowest(network(), QuantizeOptions(), data(), drop).bits["out"] for drop in (2.0, 3.0)]
    assert widths == [8, 2]


def one_of(difference: int, samples: int, *, labelled: bool) -> Drop:
    """A drop of ``difference`` of ``samples``."""
    return Drop.of(np.ones(samples, bool), np.arange(samples) >= difference, labelled=labelled)


@pytest.mark.parametrize(
    ("lost", "labelled", "falls"),
    [(2, True, False), (3, True, False), (12, True, True), (12, False, True), (7, False, False)],
)
def test_a_fall_is_more_than_luck(lost: int, labelled: bool, falls: bool) -> None:
    found = fall(one_of(lost, 150, labelled=labelled), None, None)
    assert (found is not None) == falls
    if found is not None:
        assert found.startswith("8.00 pp of ")
        assert "150 samples" in found


@pytest.mark.parametrize(("counts", "falls"), [((30, 10), False), ((20, 10), False), ((15, 5), True)])
def test_without_labels_spikes_tell(counts: tuple[int, int], falls: bool) -> None:
    """One sample, no labels: float fires 30 and 10 times."""
    spikes = np.arange(50)[:, None, None] < np.array([[30, 10]])
    got = np.arange(50)[:, None, None] < np.array([counts])
    found = fall(one_of(0, 1, labelled=False), spikes.astype(np.uint8), got.astype(np.uint8))
    assert (found is not None) == falls


def test_a_fall_names_calibration_and_its_advice_holds() -> None:
    options = QuantizeOptions(weight_bits=2, clip="max", fractional_bits=4)
    by_hand = Quantization(options, quantize(network(), options))
    said = fall_warning(by_hand, one_of(30, 100, labelled=True), None, None)
    assert said is not None
    assert "at 2 bits, 30.00 pp of accuracy lost" in said
    assert "--calibrate FILE in place of --clip, --per-neuron and --fractional-bits" in said
    default = QuantizeOptions(weight_bits=2)
    said = fall_warning(
        Quantization(default, quantize(network(), default)), one_of(30, 100, labelled=True), None, None
    )
    assert said is not None
    assert "--calibrate FILE, which chooses how to round" in said
    found = calibrate(network(), QuantizeOptions(weight_bits=2), data(), compensate=True)
    done = Quantization(found.options, found.quantized, found.drop)
    said = fall_warning(done, one_of(30, 100, labelled=True), None, None)
    assert said is not None
    assert "use more --bits" in said
    assert fall_warning(done, one_of(0, 100, labelled=True), None, None) is None


def test_potentials_are_compared_on_one_scale() -> None:
    options = QuantizeOptions(weight_bits=4, clip="mse", per_neuron=True)
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
