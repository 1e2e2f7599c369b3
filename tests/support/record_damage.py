"""One place of a record's description changed to anything: what a hostile file may hold."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st


def json_values(words: Sequence[str], keys: Sequence[str]) -> st.SearchStrategy[Any]:
    """Anything that JSON holds, small: ``words`` as strings, ``keys`` of its objects."""
    return st.recursive(
        st.none() | st.booleans() | st.integers(-3, 2**40) | st.floats() | st.sampled_from(words),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys), inner, max_size=2),
        max_leaves=4,
    )


def change_one_place(described: Any, data: st.DataObject, values: st.SearchStrategy[Any]) -> None:
    """Walk down ``described`` by drawn keys, and put a drawn value where the walk ends."""
    place = described
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    place[key] = data.draw(values)
