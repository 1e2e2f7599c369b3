"""Runs as its own process: reads HDF5 files into plain dictionaries, one path per request.

The HDF5 library can loop for ever or crash on a damaged file, which no exception handler survives;
``hdf5_tree.py`` gives this process a time limit. It imports nothing from the project, so it can be
started by its path. Requests are lines of JSON on stdin; answers are length-prefixed pickles.
"""

import json
import pickle
import struct
import sys
from typing import Any

import h5py

_MAX_DEPTH = 40
_MAX_ITEMS = 100_000
_MAX_ELEMENTS = 2**28


def tree(group: h5py.Group, budget: list[int], depth: int = 0) -> dict[str, Any]:
    """Groups as dictionaries, datasets as arrays, numbers and text."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"groups nest deeper than {_MAX_DEPTH}")
    made: dict[str, Any] = {}
    for key in group:
        budget[0] -= 1
        if budget[0] < 0:
            raise ValueError(f"it claims more than {_MAX_ITEMS} entries")
        item = group[key]
        if isinstance(item, h5py.Group):
            made[key] = tree(item, budget, depth + 1)
            continue
        if not isinstance(item, h5py.Dataset):
            continue
        # A damaged header can claim terabytes; refuse before allocating them.
        if item.size is not None and item.size > _MAX_ELEMENTS:
            raise ValueError(f"{item.name} claims {item.size} elements")
        value = item[()]
        made[key] = value.decode("utf-8") if isinstance(value, bytes) else value
    return made


def _answer(path: str) -> tuple[bool, Any]:
    try:
        with h5py.File(path, "r") as archive:
            return True, tree(archive, [_MAX_ITEMS])
    # h5py raises OSError, KeyError, RuntimeError, ValueError, MemoryError and more for damaged files.
    except Exception as error:
        return False, (str(error).strip("'\"").splitlines() or [type(error).__name__])[0]


def main() -> None:
    """Answer requests until stdin closes."""
    for line in sys.stdin:
        data = pickle.dumps(_answer(json.loads(line)), protocol=5)
        sys.stdout.buffer.write(struct.pack("<Q", len(data)) + data)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
