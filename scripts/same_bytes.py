"""Whether this source makes what another revision made: Verilog, ROM images, quantized files, byte for byte.

``scripts/same_bytes REVISION`` types ``qsnn-hw generate`` of the matrix's models in a checkout of REVISION
and in this one, and compares the files that both leave: ``*.v`` and ``*.bin`` by their bytes, the quantized
network by its values. The first file that differs is named with its first differing line, and the exit
status is 1. What REVISION made is kept, so that the next comparison with it costs half.

With ``--rtlil`` designs are compared as they are handed to yosys, ``*.il`` in place of ``*.v``, and yosys,
which takes most of the time, does not run: the same RTLIL is the same Verilog, by one version of yosys and
one script for it (``rtl/text/export.py``, which must then be the same in both).
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from matrix import cases, data_of
from matrix_models import MODELS
from matrix_rows import AIMS, Case
from user_command import ROOT

from qsnn_hw.families.boards import list_boards
from qsnn_hw.support.errors import ToolError, UserError

VERILOG = (".v", ".bin")
RTLIL = (".il", ".bin")
_QUANTIZED = "02_quantized.npz"


def checkout_of(revision: str, folder: Path) -> Path:
    """A work tree of ``revision`` under ``folder``, made where it is not there yet.

    Raises
    ------
    UserError
        No such revision.
    """
    named = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if named.returncode:
        raise UserError(f"no revision {revision!r} in this repository")
    commit = named.stdout.strip()
    tree = folder / commit[:12] / "source"
    if not tree.is_dir():
        tree.parent.mkdir(parents=True, exist_ok=True)
        partial = tree.with_name("source.partial")
        subprocess.run(["rm", "-rf", str(partial)], check=True)
        partial.mkdir()
        packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(partial)], input=packed.stdout, check=True)
        partial.rename(tree)
    return tree


def generate(source: Path, arguments: list[str], out: Path, rtlil: bool = False) -> str | None:
    """``qsnn-hw ARGUMENTS -o OUT`` of the package in ``source``; the last line printed if it was refused.

    With ``rtlil`` it leaves Verilog files without content.

    Raises
    ------
    ToolError
        It ended neither well nor with a refusal.
    """
    ended = subprocess.run(
        [
            sys.executable,
            *(["-c", _NO_VERILOG] if rtlil else ["-m", "qsnn_hw"]),
            *arguments,
            "-q",
            "-o",
            str(out),
        ],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    last = ((ended.stdout + ended.stderr).strip().splitlines() or [""])[-1]
    if ended.returncode not in (0, 2):
        raise ToolError(f"qsnn-hw {' '.join(arguments)} ended with {ended.returncode}: {last}")
    return last if ended.returncode else None


_NO_VERILOG = """
import sys
from qsnn_hw.rtl.text import export
def leave_empty(forms, **_):
    for _, path in forms:
        path.write_text("")
export.write_verilogs = leave_empty
from qsnn_hw.build.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""Run by the interpreter on either source in place of ``-m qsnn_hw``; no module has taken the name yet."""


def compared_files(before: Path, after: Path, suffixes: Sequence[str] = VERILOG) -> list[str]:
    """Names of the files whose bytes are compared, of either folder."""
    names = {path.name for side in (before, after) for path in side.iterdir() if path.suffix in suffixes}
    return sorted(names)


def differences(before: Path, after: Path, suffixes: Sequence[str] = VERILOG) -> Iterator[str]:
    """One line for each file in which the two folders differ."""
    for name in compared_files(before, after, suffixes):
        old, new = before / name, after / name
        if not old.is_file() or not new.is_file():
            yield f"{name} is only in the {'new' if new.is_file() else 'old'} one"
        elif old.read_bytes() != new.read_bytes():
            yield f"{name}: {_first_difference(old, new)}"


def _first_difference(old: Path, new: Path) -> str:
    if old.suffix == ".bin":
        return f"{old.stat().st_size} and {new.stat().st_size} bytes that differ"
    pairs = zip_longest(old.read_text().splitlines(), new.read_text().splitlines())
    for number, (a, b) in enumerate(pairs, 1):
        if a != b:
            return f"line {number}: {str(a)[:100]!r} became {str(b)[:100]!r}"
    return "line ends differ"


def integers(source: Path, file: Path) -> dict[str, str]:
    """Every value of a quantized network by its place, as the package in ``source`` reads its own file.

    Raises
    ------
    ToolError
        It could not.
    """
    ended = subprocess.run(
        [sys.executable, "-c", _LIST, str(file.resolve())],
        # Ahead of PYTHONPATH Python looks where it was started.
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise ToolError(f"{file} could not be read by {source}: {ended.stderr.strip().splitlines()[-1]}")
    pairs = (line.partition(" ") for line in ended.stdout.splitlines())
    return {place: value for place, _, value in pairs}


_LIST = """
import dataclasses, hashlib, pathlib, sys
import numpy as np
from qsnn_hw.quantize.network import QuantizedNetwork
def show(place, value):
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            show(f"{place}.{field.name}" if place else field.name, getattr(value, field.name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            show(f"{place}.{index}", item)
    elif isinstance(value, np.ndarray):
        print(place, value.dtype, value.shape, hashlib.sha256(value.tobytes()).hexdigest())
    else:
        print(place, repr(value))
show("", QuantizedNetwork.load(pathlib.Path(sys.argv[1])))
"""
"""Run by the interpreter on either source: their files may be written differently."""


def other_values(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """One line for each place at which two networks differ."""
    for place in sorted({*old, *new}):
        if place not in old or place not in new:
            yield f"{_QUANTIZED}: {place} is only in the {'new' if place in new else 'old'} one"
        elif old[place] != new[place]:
            yield f"{_QUANTIZED}: {place} differs"


@dataclass(frozen=True)
class Compared:
    """A design by both sources: a line for each difference, and how many files there were to differ."""

    lines: list[str]
    files: int = 0


def compare(
    case: Case,
    shared: Path,
    sources: tuple[Path, Path],
    folders: tuple[Path, Path],
    rtlil: bool = False,
) -> Compared:
    """What differs between the two sources on one case; the old one's output is made once."""
    data = data_of(case.model, shared, folders[0])
    arguments = case.arguments(shared, data)
    before, after = outs = (folders[0] / case.name, folders[1] / case.name)
    refusals: list[str | None] = []
    for source, out, keep in zip(sources, outs, (True, False), strict=True):
        said = out / "refused.txt"
        if keep and said.is_file():
            refusals.append(said.read_text() or None)
            continue
        refusals.append(generate(source, arguments, out, rtlil))
        out.mkdir(parents=True, exist_ok=True)
        said.write_text(refusals[-1] or "")
    if refusals[0] != refusals[1]:
        return Compared([f"ended with {refusals[0]!r}, now with {refusals[1]!r}"])
    if refusals[0]:
        return Compared([])
    networks = [integers(source, out / _QUANTIZED) for source, out in zip(sources, outs, strict=True)]
    suffixes = RTLIL if rtlil else VERILOG
    lines = [*differences(before, after, suffixes), *other_values(*networks)]
    # The quantized network is one more.
    return Compared(lines, len(compared_files(before, after, suffixes)) + 1)


def wanted_cases(arguments: argparse.Namespace, shared: Path) -> list[Case]:
    """Every model for the smallest and the largest board, unless said otherwise."""
    asked = argparse.Namespace(
        model=arguments.model,
        board=arguments.board or ["icebreaker", "ulx3s-85f"],
        optimize=arguments.optimize or [AIMS[0]],
        samples=2,
        only_plan=True,
    )
    return cases(asked, shared)


def report(compared: Iterable[tuple[Case, Compared]]) -> int:
    """A line for each case; 1 if any differs."""
    differ = count = files = 0
    for case, found in compared:
        count += 1
        differ += bool(found.lines)
        files += found.files
        same = f"the same, {found.files} files" if found.files else "refused by both alike"
        print(f"{case.name}: {'; '.join(found.lines) or same}", flush=True)
    print(f"{count} designs, {files} files, {differ} designs differ")
    return int(differ > 0)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/same_bytes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("revision", help="what to compare with, as git names it")
    parser.add_argument("--model", nargs="+", choices=[model.name for model in MODELS], help="only these")
    parser.add_argument("--board", nargs="+", choices=[board.name for board in list_boards()])
    parser.add_argument("--optimize", nargs="+", choices=AIMS)
    parser.add_argument("--rtlil", action="store_true", help="what yosys is given, not what it writes")
    parser.add_argument("--jobs", type=int, default=1, help="designs side by side (default: 1)")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "build" / "same_bytes")
    arguments = parser.parse_args(words)
    shared = Path(os.environ.get("QSNN_DATA", ROOT.parent / "shared" / "data"))
    try:
        old = checkout_of(arguments.revision, arguments.out)
        kind = "_rtlil" if arguments.rtlil else ""
        folders = (old.parent / f"made{kind}", arguments.out / f"now{kind}")
        todo = wanted_cases(arguments, shared)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            compared = pool.map(
                lambda case: (case, compare(case, shared, (old, ROOT), folders, arguments.rtlil)), todo
            )
            return report(compared)
    except (UserError, ToolError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
