"""Random networks: float bound, golden clocked and event-driven, and the RTL agree."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from campaign import main
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import random_networks
from tests.support.float_bound import check_float_bound, run_float
from tests.support.random_networks import CHOICES, KEPT, Draw, check, make, random_draw, shrunk
from tests.support.wide_networks import FEATURES


def draws() -> st.SearchStrategy[Draw]:
    """Every draw of the table; what fails shrinks to the simplest."""
    own = {name: st.sampled_from(values) for name, values in CHOICES.items()}
    features = st.lists(st.sampled_from(FEATURES), min_size=1, max_size=3).map(tuple)
    return st.builds(Draw, seed=st.integers(0, (1 << 31) - 1), features=features, **own)


def agrees(draw: Draw) -> None:
    made = make(draw)
    if made is not None:
        check(draw, made)


@settings(max_examples=4, derandomize=True)
@given(draws())
def test_random_networks_agree(draw: Draw) -> None:
    agrees(draw)


# Minutes at once would leave the other worker without work at the end.
@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
@settings(max_examples=15)
@given(draw=draws())
def test_many_random_networks_agree(part: int, draw: Draw) -> None:
    agrees(draw)


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.json")), ids=lambda path: path.stem)
def test_what_is_kept_agrees(path: Path) -> None:
    draw = Draw.load(path)
    made = make(draw)
    assert made is not None, "the draw makes no network any more"
    check(draw, made)


def test_draws_come_back_from_a_file(tmp_path: Path) -> None:
    draw = random_draw(np.random.default_rng(3))
    draw.save(tmp_path / "draw.json")
    assert Draw.load(tmp_path / "draw.json") == draw


def test_most_draws_are_networks_that_fire_and_stay_with_float() -> None:
    made = [m for k in range(60) if (m := make(random_draw(np.random.default_rng([9, k])))) is not None]
    assert len(made) > 35
    fires = [any(s.any() for s in m.golden.spikes.values()) for m in made]
    assert sum(fires) > 0.7 * len(made)
    held = sum(check_float_bound(m.drawn, m.network, m.floats, m.golden, m.sent.inputs) for m in made)
    assert held > 0.5 * sum(v.size for m in made for v in m.golden.potentials.values())


def found(draw: Draw) -> bool:
    """Whether float with a decay of 3 % more is told from golden."""
    made = make(draw)
    if made is None:
        return False
    groups = tuple(replace(g, decay=np.minimum(g.decay * 1.03, 1.0)) for g in made.drawn.groups)
    other = run_float(replace(made.drawn, groups=groups), made.sent.inputs)
    try:
        check_float_bound(made.drawn, made.network, other, made.golden, made.sent.inputs)
    except AssertionError:
        return True
    return False


def test_another_decay_is_beyond_the_bound_and_shrinks() -> None:
    fine = [
        replace(random_draw(np.random.default_rng(k)), weight_bits=16, leak_bits=12, fractional_bits=3)
        for k in range(40)
    ]
    failing = [draw for draw in fine if found(draw)]
    assert len(failing) > 8
    small = shrunk(failing[0], found)
    assert found(small)
    assert len(small.features) <= len(failing[0].features)
    assert (small.samples, small.pace, small.store) == (2, 0, "rom")


def test_a_campaign_finds_keeps_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Draw] = []

    def wrong(draw: Draw, made: random_networks.Made) -> None:
        asked.append(draw)
        assert "refractory" not in " ".join(draw.features), "one potential more"

    monkeypatch.setattr("campaign.check", wrong)
    own = ["--seed", "4", "--native-every", "0", "--state", str(tmp_path), "--keep", str(tmp_path / "kept")]
    assert main(["--networks", "3", *own]) == 0
    state = tmp_path / "seed4.jsonl"
    state.write_text(state.read_text(encoding="utf-8") + '{"number": 3, "dra', encoding="utf-8")
    before = len(asked)
    assert main(["--networks", "9", *own]) == 1
    assert not set(asked[:before]) & set(asked[before:])
    said = capsys.readouterr().out
    assert "first failure: network" in said
    assert "AssertionError: one potential more" in said
    kept = sorted((tmp_path / "kept").glob("seed4_network*.json"))
    assert kept
    for path in kept:
        draw = Draw.load(path)
        assert len(draw.features) == 1
        assert draw.loops is draw.delays is False
    assert main(["--networks", "0", *own]) == 2
