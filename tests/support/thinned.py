"""Long lists of cases, of which the fast tests run some and the slow ones the others."""

from collections.abc import Iterable
from typing import Any

import pytest


def thinned(cases: Iterable[Any], keep: int, first: int = 0) -> list[Any]:
    """What ``parametrize`` takes: one case in ``keep`` is fast, from number ``first`` on, the others slow."""
    return [case if k % keep == first else slow(case) for k, case in enumerate(cases)]


def slow(case: Any) -> Any:
    """A case of the slow tests alone: a value, or a tuple of them for several names."""
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
