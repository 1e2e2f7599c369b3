"""Calibration, the search for narrow weights, and diagnostics, on a small untrained network."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from qsnn_hw.explore.integers.calibrate import Scorer, calibrate
from qsnn_hw.explore.integers.diagnosis import Diagnostics
from qsnn_hw.explore.integers.diagnostics import diagnose, sensitivity
from qsnn_hw.explore.integers.narrowest import narrowest
from qsnn_hw.explore.integers.refine import refine
from qsnn_hw.golden import run_clocked
from qsnn_hw.model.simulate import accuracy, simulate
from qsnn_hw.quantize import GroupOptions, QuantizeOptions, quantize
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.record_tree import decode, encode
from tests.support.untrained import data, network


def test_the_chosen_widths_stay_within_the_drop_and_one_bit_less_does_not() -> None:
    found = narrowest(network(), QuantizeOptions(), data(), max_drop=5.0)
    assert found.float_score == 1.0
    assert found.score >= 0.95
    assert max(found.bits.values()) < 8
    scorer = Scorer(network(), data())
    assert scorer.score(found.quantized) == found.score
    assert scorer.score(scorer.quantize(found.options)) == found.score
    for name, bits in found.bits.items():
        assert found.quantized.into(name)[0].weight_bits == bits
        if bits > 2:
            tighter = scorer.quantize(found.options.with_group(name, weight_bits=bits - 1))
            assert scorer.score(tighter) < 0.95
    assert found.weight_memory_bits == 20 * 12 * found.bits["hidden"] + 4 * 20 * found.bits["out"]
    assert len(found.trials) > 5
    assert all(t.score is None or 0 <= t.score <= 1 for t in found.trials)


def test_a_larger_drop_never_needs_more_memory() -> None:
    memory = [
        narrowest(network(), QuantizeOptions(), data(), d).weight_memory_bits for d in (1.0, 10.0, 60.0)
    ]
    assert memory[0] > memory[-1]
    assert memory == sorted(memory, reverse=True)


@pytest.mark.parametrize("drop", [-1.0, 101.0, float("nan"), True])
def test_the_drop_must_be_a_percentage(drop: float) -> None:
    text = f"max drop must be from 0 to 100 percentage points, not {drop!r}"
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        narrowest(network(), QuantizeOptions(), data(8), drop)


def test_no_width_within_the_drop() -> None:
    start = QuantizeOptions(weight_bits=2)
    with pytest.raises(
        UserError,
        match=r"^no rounding at 2 bits stays within 0\.1 percentage points of the float network's 100\.00 % ",
    ):
        narrowest(network(), start, data(), 0.1)


def test_calibration_hands_out_what_it_scored() -> None:
    options = QuantizeOptions(weight_bits=3)
    plain = calibrate(network(), options, data(labels=True))
    better = calibrate(network(), options, data(labels=True), compensate=True)
    assert plain.options.rounding == "nearest"
    assert not any("compensated" in text for text, _ in plain.scores)
    assert any("compensated" in text for text, _ in better.scores)
    assert max(s for _, s in better.scores) > max(s for _, s in plain.scores)
    run = run_clocked(better.quantized, data().input)
    label = data(labels=True).label
    assert label is not None
    assert accuracy(run.spikes["out"], label) == max(s for _, s in better.scores)


def test_a_healthy_group() -> None:
    made = quantize(network(), QuantizeOptions(weight_bits=12, leak_bits=12))
    found = diagnose(network(), made, data(), samples=50)
    assert found.samples == 50
    assert not any(group.dead for group in found.groups)
    for group in found.groups:
        assert group.drift == pytest.approx(0, abs=0.02)
        assert group.spikes_differ is not None
        assert group.spikes_differ < 0.02
        assert group.v_bits_used <= group.v_bits
        assert group.decay_error < 2**-12
        # 0.1 is 409.6/4096: below ten steps nothing leaks.
        assert group.stuck_below == 9
        assert sum(group.histogram) == 50 * 20 * group.neurons
        assert len(group.histogram_edges) == len(group.histogram) + 1
    assert decode(Diagnostics, json.loads(json.dumps(encode(found))), "diagnostics") == found


def test_a_group_that_quantization_killed() -> None:
    made = quantize(network(), QuantizeOptions(groups={"out": GroupOptions(threshold_factor=10.0)}))
    found = diagnose(network(), made, data(), samples=50)
    assert [group.name for group in found.groups if group.dead] == ["out"]
    hidden, out = found.groups
    assert not hidden.dead
    assert out.integer_rate == 0
    assert out.drift == -1
    spikes = simulate(network(), data().input[:, :50]).out
    assert out.dead_neurons == tuple(np.flatnonzero(spikes.any(axis=(0, 1))))


def test_saturating_neurons() -> None:
    options = QuantizeOptions(weight_bits=8, potential_bits=10)
    made = quantize(network(), options)
    found = diagnose(network(), made, data()).groups[0]
    assert found.saturations > 0
    assert 0 < len(found.saturating_neurons) <= 20
    free = diagnose(network(), quantize(network(), QuantizeOptions()), data()).groups[0]
    assert (free.saturations, free.saturating_neurons) == (0, ())


def test_a_readout_has_no_rates() -> None:
    drawn = network()
    groups = (drawn.groups[0], replace(drawn.groups[1], threshold=None, reset="none"))
    readout = replace(drawn, groups=groups)
    found = diagnose(readout, quantize(readout, QuantizeOptions()), data()).groups[1]
    assert (found.float_rate, found.integer_rate, found.drift, found.spikes_differ) == (None,) * 4
    assert not found.dead


def test_sensitivity_table() -> None:
    rows = sensitivity(network(), QuantizeOptions(), data(), bits=(8, 2))
    assert [(r.group, r.bits) for r in rows] == [("hidden", 8), ("hidden", 2), ("out", 8), ("out", 2)]
    assert rows[0].score == rows[2].score
    assert rows[0].score is not None
    assert rows[0].score > 0.9
    assert rows[1].score is None or rows[1].score < rows[0].score
    with pytest.raises(UserError, match=r"^sensitivity widths start at 2, not 1$"):
        sensitivity(network(), QuantizeOptions(), data(), bits=(1,))


def test_refinement_improves_groups_one_by_one() -> None:
    start = QuantizeOptions(weight_bits=3, clip="max")
    found = refine(network(), start, data())
    scorer = Scorer(network(), data())
    assert scorer.score(scorer.quantize(start)) == found.scores[0][1]
    best = max(score for _, score in found.scores)
    assert best > found.scores[0][1] + 0.05
    assert scorer.score(found.quantized) == best
    assert found.options.groups
    assert scorer.score(scorer.quantize(found.options)) == best


def test_refinement_judges_by_the_readout_asked_for() -> None:
    start = QuantizeOptions(weight_bits=3, clip="max")
    found = refine(network(), start, data(40), readout="membrane")
    scorer = Scorer(network(), data(40), "membrane")
    assert found.float_score == scorer.float_score
    assert scorer.score(found.quantized) == max(score for _, score in found.scores)
    # Potentials are compared, so the output keeps one scale whatever was tried.
    assert not found.options.of("out").per_neuron


def test_refinement_of_what_cannot_be_quantized() -> None:
    with pytest.raises(
        UserError, match=r"^group hidden: threshold \d+ does not fit 4 potential bits; use at least"
    ):
        refine(network(), QuantizeOptions(potential_bits=4), data(8))
