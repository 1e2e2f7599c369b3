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
# More than gzip can do. A dataset of which nothing was written claims any size.
_MOST_PACKED = 2000


def tree(group: h5py.Group, budget: list[int], depth: int = 0) -> dict[str, Any]:
    """Groups as dictionaries, datasets as they are, unread; ``budget`` of entries and elements."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"groups nest deeper than {_MAX_DEPTH}")
    members: dict[str, Any] = {}
    for key in group:
        budget[0] -= 1
        if budget[0] < 0:
            raise ValueError(f"it claims more than {_MAX_ITEMS} entries")
        # Only links within the file: what another file holds, nobody handed over with this one. A link
        # within the file that leads to such a one is found, too, because all of the file is walked.
        if isinstance(group.get(key, getlink=True), h5py.ExternalLink):
            raise ValueError(f"{_name(group, key)} is a link to another file; export the model into one file")
        item = group[key]
        if isinstance(item, h5py.Group):
            members[key] = tree(item, budget, depth + 1)
        elif isinstance(item, h5py.Dataset):
            _check(item, _name(group, key), budget)
            members[key] = item
    return members


def _check(item: h5py.Dataset, name: str, budget: list[int]) -> None:
    """Refuse what lies in another file, and sizes that a damaged or made-up header only claims."""
    if item.external or item.is_virtual:
        raise ValueError(f"{name} is stored in another file; export the model into one file")
    claimed = item.nbytes if item.size is not None else 0
    budget[1] -= claimed // 8
    if budget[1] < 0 or claimed > _MOST_PACKED * (item.id.get_storage_size() + 4096):
        raise ValueError(f"{name} claims {item.size} elements")


def read(unread: dict[str, Any]) -> dict[str, Any]:
    """The same dictionaries with arrays, numbers and text in place of datasets."""
    values: dict[str, Any] = {}
    for key, item in unread.items():
        value = read(item) if isinstance(item, dict) else item[()]
        values[key] = value.decode("utf-8") if isinstance(value, bytes) else value
    return values


def _name(group: h5py.Group, key: str) -> str:
    return f"{group.name.rstrip('/')}/{key}"


def _answer(path: str) -> tuple[bool, Any]:
    try:
        with h5py.File(path, "r") as archive:
            return True, read(tree(archive, [_MAX_ITEMS, _MAX_ELEMENTS]))
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
