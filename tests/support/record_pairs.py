"""Records beside each other, and through a file."""

import tempfile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from qsnn_hw.support.record_tree import TreeWriter
from qsnn_hw.support.records import Form

T = TypeVar("T")


def copied(record: T) -> T:
    """``record`` written to a file and read back."""
    form: Form[Any] = Form(type(record), "copy 1")
    with tempfile.TemporaryDirectory() as folder:
        form.save(record, Path(folder) / "copy.npz")
        made: T = form.load(Path(folder) / "copy.npz")
    return made


def same_records(one: object, other: object) -> bool:
    """Whether both are of one type and hold the same to the last bit, arrays with their dtypes."""
    writers = TreeWriter(Path()), TreeWriter(Path())
    trees = [writer.tree(record) for writer, record in zip(writers, (one, other), strict=True)]
    ours, theirs = (writer.arrays for writer in writers)
    return (
        type(one) is type(other)
        and repr(trees[0]) == repr(trees[1])
        and ours.keys() == theirs.keys()
        and all(ours[name].dtype == theirs[name].dtype for name in ours)
        and all(np.array_equal(ours[name], theirs[name]) for name in ours)
    )
