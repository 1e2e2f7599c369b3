"""The arrays behind the figures: what is refused, and reading them back."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.report import GroupTrace, Traces
from qsnn_hw.support.errors import UserError
from tests.support.report_examples import traces

S = np.zeros((5, 3), np.uint8)


def test_round_trip(tmp_path: Path) -> None:
    original = traces()
    original.save(tmp_path / "traces.npz")
    loaded = Traces.load(tmp_path / "traces.npz")
    assert (loaded.sample, loaded.label, loaded.prediction) == (3, 4, 7)
    for one, other in zip((original, *original.groups), (loaded, *loaded.groups), strict=True):
        for item in dataclasses.fields(one):
            if item.name != "groups":
                np.testing.assert_equal(getattr(other, item.name), getattr(one, item.name))


def test_absent_stays_absent(tmp_path: Path) -> None:
    Traces(0, None, None, S, (GroupTrace("a", S),)).save(tmp_path / "t.npz")
    loaded = Traces.load(tmp_path / "t.npz")
    assert (loaded.label, loaded.prediction, loaded.labels, loaded.predictions) == (None,) * 4
    assert (loaded.groups[0].potentials, loaded.groups[0].threshold) == (None, None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GroupTrace("a", S[0]), "group 'a': spikes must have shape (time, n), none 0, not (3,)"),
        (
            lambda: GroupTrace("a", S[:, :0]),
            "group 'a': spikes must have shape (time, n), none 0, not (5, 0)",
        ),
        (lambda: Traces(0, 0, 0, S[:0], ()), "input spikes must have shape (time, n), none 0, not (0, 3)"),
        (lambda: GroupTrace("a", S, S[:4]), "group 'a': potentials must have shape (5, 3), not (4, 3)"),
        (lambda: GroupTrace("a", S, S, S[0, :2]), "group 'a': threshold must have shape (3,), not (2,)"),
        (
            lambda: GroupTrace("a", S, S, None, S[:, :2]),
            "group 'a': float_potentials must have shape (5, 3), not (5, 2)",
        ),
        (lambda: Traces(0, 0, 0, S[0], ()), "input spikes must have shape (time, n), none 0, not (3,)"),
        (
            lambda: Traces(0, 0, 0, S[:4], (GroupTrace("a", S),)),
            "group 'a': spikes must have 4 time steps, not 5",
        ),
        (lambda: Traces(0, 0, 0, S, (), S[0]), "labels and predictions must be given together"),
        (lambda: Traces(0, 0, 0, S, (), S[0], S[0, :2]), "predictions must have shape (3,), not (2,)"),
        (
            lambda: Traces(0, 0, 0, S, (), np.array([-1]), np.array([0])),
            "labels and predictions must be at least 0",
        ),
    ],
)
def test_refuses(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        make()
    assert str(caught.value) == message


def test_load_refuses_another_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", format="something else")
    with pytest.raises(
        UserError, match=r"holds no sample of a report of this version: format is 'something else'"
    ):
        Traces.load(tmp_path / "other.npz")
    np.savez(tmp_path / "bare.npz", a=1)
    with pytest.raises(UserError, match=r"holds no sample of a report of this version: format is None"):
        Traces.load(tmp_path / "bare.npz")
