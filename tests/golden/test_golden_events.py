"""The event-driven layer in real numbers."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.golden import process_spikes_event_driven as process
from qsnn_hw.support.errors import UserError


def test_nothing_in_nothing_out() -> None:
    assert process([], [[1.0]]) == []
    assert process([(0, 0)], np.zeros((2, 1))) == []


def test_threshold_is_strict() -> None:
    assert process([(0, 0)], [[1.0]]) == []
    assert process([(0, 0)], [[1.0]], v_threshold=0.999) == [(0.0, 0)]


def test_leak_between_events() -> None:
    """0.6 is 0.6 exp(-dt / tau) when the second 0.6 arrives: it fires while that exceeds 0.4."""
    longest = 20 * math.log(0.6 / 0.4)
    assert process([(5, 0), (5 + longest - 0.01, 0)], [[0.6]]) == [(5 + longest - 0.01, 0)]
    assert process([(5, 0), (5 + longest + 0.01, 0)], [[0.6]]) == []
    assert process([(0, 0), (1e9, 0)], [[0.6]], tau=math.inf) == [(1e9, 0)]


def test_potentials_to_start_from() -> None:
    """They decay from time 0 on, or from the first event where that is earlier."""
    assert process([(0, 0)], [[0.5]], v_init=0.6) == [(0.0, 0)]
    assert process([(0, 0)], [[0.5]], v_init=0.5) == []
    longest = 20 * math.log(0.8 / 0.5)
    assert process([(longest - 0.01, 0)], [[0.5]], v_init=0.8) == [(longest - 0.01, 0)]
    assert process([(longest + 0.01, 0)], [[0.5]], v_init=0.8) == []
    assert process([(-7, 0)], [[0.5]], v_init=0.6) == [(-7.0, 0)]
    weights = [[0.5], [0.5], [0.0]]
    assert process([(0, 0)], weights, v_init=np.array([0.4, 0.6, 9.0])) == [(0.0, 1)]
    assert process([(0, 0), (1, 0)], weights, v_init=[1.8, 0.0, 0.0], tau=math.inf) == [(0.0, 0), (1.0, 0)]
    assert process([], weights, v_init=5.0) == []


def test_leak_runs_for_each_neuron_from_its_own_last_event() -> None:
    """An event with weight 0 for a neuron must not disturb it."""
    weights = [[0.6, 0.0], [0.0, 1.5]]
    events = [(0, 0), (3, 1), (4, 1), (6, 0)]
    assert process(events, weights) == [(3.0, 1), (4.0, 1), (6.0, 0)]


def test_subtract_keeps_what_is_above() -> None:
    # 1.8 leaves 0.8; with a little leak, 0.3 brings it over the threshold again.
    assert process([(0, 0), (1, 1)], [[1.8, 0.3]]) == [(0.0, 0), (1.0, 0)]
    assert process([(0, 0), (1, 1)], [[1.8, 0.3]], reset="v_reset") == [(0.0, 0)]
    assert process([(0, 0), (1, 1)], [[1.8, 0.3]], reset="v_reset", v_reset=0.8) == [(0.0, 0), (1.0, 0)]


def test_one_event_makes_one_spike() -> None:
    """A potential of several thresholds spikes once; what is left waits for the next event."""
    assert process([(0, 0), (1, 1)], [[3.5, 0.0]], tau=math.inf) == [(0.0, 0)]
    assert process([(0, 0), (1, 1)], [[3.5, 1e-9]], tau=math.inf) == [(0.0, 0), (1.0, 0)]


def test_events_at_one_time_act_together() -> None:
    # One after the other, +2 would fire before -2 arrives.
    assert process([(1, 0), (1, 1)], [[2.0, -2.0]]) == []
    assert process([(1, 0), (1, 1)], [[2.0, -0.5]]) == [(1.0, 0)]
    assert process([(1, 0), (1, 0)], [[0.6]]) == [(1.0, 0)]


def test_output_order() -> None:
    weights = np.full((3, 2), 2.0)
    assert process([(2, 0), (1, 1)], weights) == [(1.0, 0), (1.0, 1), (1.0, 2), (2.0, 0), (2.0, 1), (2.0, 2)]


def test_refractory_neuron_ignores_events() -> None:
    times = [(t, 0) for t in (0, 1, 2, 2.5, 3, 4.9, 5)]
    assert process(times, [[1.5]], refractory=2.5, reset="v_reset") == [(0.0, 0), (2.5, 0), (5.0, 0)]
    # An ignored event leaves no charge behind.
    assert process([(0, 0), (1, 1), (3, 1)], [[1.5, 0.9]], refractory=2, reset="v_reset") == [(0.0, 0)]


def test_negative_times_are_times_like_any_other() -> None:
    events = [(0, 0), (5, 0), (5000, 0), (5004, 0)]
    shifted = [(t - 1e6, a) for t, a in events]
    assert process(shifted, [[0.6]]) == [(5 - 1e6, 0), (5004 - 1e6, 0)]


@pytest.mark.parametrize(
    ("spikes", "weights", "options", "text"),
    [
        ([], [1.0], {}, "weights must be a finite matrix of shape (post, pre), not of shape (1,)"),
        ([], [[math.nan]], {}, "weights must be finite, not nan at index (0, 0)"),
        ([], [[1j]], {}, "weights must be real numbers, not complex ones"),
        ([], [[1.0]], {"tau": 2j}, "tau must be a real number, not 2j"),
        ([], [[1.0]], {"tau": "a"}, "tau must be a real number, not 'a'"),
        ([], [[1.0]], {"v_threshold": None}, "v_threshold must be a real number, not None"),
        (
            [(1j, 0)],
            [[1.0]],
            {},
            "spike times must be pairs of a time and an address: float() argument must "
            "be a string or a real number, not 'complex'",
        ),
        (
            [],
            [[1.0]],
            {"v_init": [0.0, 1.0]},
            "v_init must be one number or of shape (1,), not of shape (2,)",
        ),
        ([], [[1.0]], {"v_init": math.inf}, "v_init must be finite, not inf at index ()"),
        ([], [[1.0]], {"v_init": 1j}, "v_init must be real numbers, not complex ones"),
        ([], [[1.0]], {"v_threshold": 0}, "v_threshold must be a finite number above 0, not 0"),
        ([], [[1.0]], {"v_threshold": math.inf}, "v_threshold must be a finite number above 0, not inf"),
        ([], [[1.0]], {"tau": 0.0}, "tau must be above 0, not 0.0"),
        ([], [[1.0]], {"tau": math.nan}, "tau must be above 0, not nan"),
        ([], [[1.0]], {"reset": "zero"}, 'reset must be "subtract" or "v_reset", not \'zero\''),
        ([], [[1.0]], {"v_reset": math.nan}, "v_reset must be a finite number, not nan"),
        ([], [[1.0]], {"refractory": -1}, "refractory must be at least 0, not -1"),
        ([(math.inf, 0)], [[1.0]], {}, "spike time must be finite, not inf (address 0)"),
        ([(0, 0), (2, 1)], [[1.0]], {}, "address must be from 0 to 0, not 1 (time 2.0)"),
        ([(0, -1)], [[1.0]], {}, "address must be from 0 to 0, not -1 (time 0.0)"),
    ],
)
def test_errors(spikes: list, weights: list, options: dict, text: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        process(spikes, weights, **options)


def stepped(
    events: list[tuple[int, int]], weights: np.ndarray, *, tau: float, reset: str, refractory: int, steps: int
) -> list[tuple[float, int]]:
    """The same layer, every neuron touched in every unit time step."""
    v = np.zeros(weights.shape[0])
    blocked = np.full(weights.shape[0], -1)
    spikes = []
    for step in range(steps):
        v *= math.exp(-1 / tau)
        drive = np.zeros(weights.shape[0])
        hit = np.zeros(weights.shape[0], dtype=bool)
        for time, address in events:
            if time == step:
                drive += weights[:, address]
                hit |= weights[:, address] != 0
        free = step >= blocked
        v += drive * free
        # Leak alone only lowers a potential, so what no event reached cannot cross the threshold.
        for neuron in np.flatnonzero(hit & free & (v > 1.0)):
            v[neuron] = v[neuron] - 1.0 if reset == "subtract" else 0.0
            blocked[neuron] = step + refractory
            spikes.append((float(step), int(neuron)))
    return spikes


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    tau=st.sampled_from([1.5, 7.0, 40.0]),
    reset=st.sampled_from(["subtract", "v_reset"]),
    refractory=st.sampled_from([0, 1, 4]),
)
def test_equals_a_time_stepped_simulation(seed: int, tau: float, reset: str, refractory: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(0.4, 0.5, size=(4, 3)) * (rng.random((4, 3)) < 0.8)
    events = [(int(t), int(a)) for t, a in zip(rng.integers(0, 80, 60), rng.integers(0, 3, 60), strict=True)]
    wanted = stepped(events, weights, tau=tau, reset=reset, refractory=refractory, steps=81)
    assert process(events, weights, tau=tau, reset=reset, refractory=refractory) == wanted
