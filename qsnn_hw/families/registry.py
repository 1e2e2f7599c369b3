"""The device families there are: every module of this package that defines ``FAMILY``."""

import functools
import importlib
import re
from collections.abc import Mapping
from pathlib import Path

import qsnn_hw.families as package
from qsnn_hw.families.family import Family

_DEFINES = re.compile(r"^FAMILY\b", re.MULTILINE)


@functools.cache
def families() -> Mapping[str, Family]:
    """All families by name, sorted.

    Raises
    ------
    ValueError
        A family is not called as its module is.
    """
    by_name = {}
    # Told by their text: other modules of the package need more than the standard library.
    for path in sorted(path for folder in package.__path__ for path in Path(folder).glob("*.py")):
        if _DEFINES.search(path.read_text(encoding="utf-8")):
            family: Family = importlib.import_module(f"{package.__name__}.{path.stem}").FAMILY
            if family.name != path.stem:
                raise ValueError(f"family of module {path.stem} must be called so, not {family.name!r}")
            by_name[family.name] = family
    return by_name
