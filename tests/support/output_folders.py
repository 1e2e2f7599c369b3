"""Output folders of two runs, compared byte for byte but for what belongs to a run itself."""

import re
from fnmatch import fnmatch
from pathlib import Path

OWN = {
    "options.json": "the full paths of model and data",
    "steps.json": "the digests of 07_simulation.json and 07_verification.json",
    "06_verilog.ys": "names of temporary files",
    "06_design.ys": "names of temporary files",
    "*.log": "names of temporary files, and how long a tool took",
    "07_verification/run*/job.json": "full paths in the folder",
    "07_verification/run*/bench.job": "full paths in the folder",
}
"""Patterns of files that may differ, and what of the run itself stands in them."""

TIMES = {
    "07_simulation.json": rb'"seconds": [\d.]+',
    "07_verification.json": rb'"seconds": [\d.]+',
    "report.json": rb'"created": "[\d:T+-]+"',
    "report.html": rb"Made by qsnn-hw, [\d:T+-]+\.",
}
"""File -> the only part of it that may differ."""


def differences(one: Path, other: Path) -> list[str]:
    """The files in which two output folders differ, but for ``OWN`` and ``TIMES``."""
    names = {str(p.relative_to(side)) for side in (one, other) for p in side.rglob("*") if p.is_file()}
    compared = (n for n in sorted(names) if not any(fnmatch(n, pattern) for pattern in OWN))
    return [name for name in compared if _content(one, name) != _content(other, name)]


def _content(folder: Path, name: str) -> bytes | None:
    if not (folder / name).is_file():
        return None
    content = (folder / name).read_bytes()
    if name not in TIMES:
        return content
    less, count = re.subn(TIMES[name], b"", content)
    assert count == 1, f"{name}: {count} times instead of one"
    return less
