"""Which lines and branches of the Python code the tests run, room by room of ``qsnn_hw`` and in ``sim``.

``scripts/line_coverage [PYTEST'S ARGUMENTS]`` runs the default tests, two at a time, with coverage.py in
them, in the commands that they start and in the simulators; two branches leave each line that decides. Then
it prints a row for each room, and the files that are run least. ``--only-print`` prints once more what lies
in ``--state``, ``--append`` adds to it what other tests run. The exit status is pytest's: a test that fails
leaves lines out that it is there to run.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tables
from script import ROOT, ended, parser

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.files import write_text

_SETTINGS = """[run]
branch = true
parallel = true
source = {root}/qsnn_hw, {root}/sim
data_file = {state}/data
patch = subprocess
core = ctrace
disable_warnings = no-data-collected, module-not-imported, module-not-measured, already-imported

[report]
exclude_also =
    if TYPE_CHECKING:
    @overload
    ^\\s*\\.\\.\\.$
    : \\.\\.\\.$
"""
"""Every process writes a file of its own; ``...`` is the body of a protocol, which nothing runs."""

_LEAST = 15
"""Files of the second table."""


@dataclass
class Counted:
    """Lines and branches of some files, and those that were run."""

    lines: int = 0
    lines_run: int = 0
    branches: int = 0
    branches_run: int = 0

    def add(self, summary: Mapping[str, int]) -> None:
        """Those of one more file, as coverage.py's JSON has them."""
        self.lines += summary["num_statements"]
        self.lines_run += summary["covered_lines"]
        self.branches += summary["num_branches"]
        self.branches_run += summary["covered_branches"]

    def cells(self) -> tuple[str, ...]:
        """Lines, share, branches, share."""
        return (
            f"{self.lines:,}",
            _share(self.lines_run, self.lines),
            f"{self.branches:,}",
            _share(self.branches_run, self.branches),
        )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def room_of(file: str) -> str:
    """The package that a file is counted with: one of ``qsnn_hw``, of its targets, or ``sim``."""
    parts = Path(file).parts
    depth = 3 if parts[:2] == ("qsnn_hw", "targets") else 2
    return "/".join(parts[: min(depth, len(parts) - 1)])


def by_room(files: Mapping[str, Any]) -> dict[str, Counted]:
    """Room -> what was run of it, and "all"; ``files`` as coverage.py's JSON has them."""
    rooms: dict[str, Counted] = {}
    whole = Counted()
    for file in sorted(files):
        summary = files[file]["summary"]
        rooms.setdefault(room_of(file), Counted()).add(summary)
        whole.add(summary)
    return {**rooms, "all": whole}


def least_run(files: Mapping[str, Any], count: int) -> list[tuple[str, int, int]]:
    """(file, lines and branches that were not run, lines), most of them first."""
    missed = [
        (file, s["missing_lines"] + s["num_branches"] - s["covered_branches"], s["num_statements"])
        for file, s in ((file, files[file]["summary"]) for file in files)
    ]
    return sorted((row for row in missed if row[1]), key=lambda row: (-row[1], row[0]))[:count]


def _coverage(settings: Path, *words: str) -> int:
    environment = {**os.environ, "COVERAGE_RCFILE": str(settings)}
    return subprocess.call([sys.executable, "-m", "coverage", *words], cwd=ROOT, env=environment)


def measure(state: Path, arguments: Sequence[str], append: bool) -> int:
    """Run the tests and leave ``coverage.json`` in ``state``; pytest's exit status.

    Parameters
    ----------
    append
        Beside what the tests of an earlier run ran.
    """
    state.mkdir(parents=True, exist_ok=True)
    older = [*state.glob("data.*"), state / "coverage.json", *([] if append else [state / "data"])]
    for old in older:
        old.unlink(missing_ok=True)
    settings = state / "settings"
    write_text(settings, _SETTINGS.format(root=ROOT, state=state))
    status = _coverage(settings, "run", "-m", "pytest", "-q", "-n", "2", *arguments)
    for words in (("combine", "-q", "--append"), ("json", "-q", "-o", str(state / "coverage.json"))):
        if _coverage(settings, *words):
            raise ToolError(f"coverage {words[0]} failed: {state}")
    return status


def show(state: Path) -> None:
    """Print both tables.

    Raises
    ------
    UserError
        Nothing was measured.
    """
    file = state / "coverage.json"
    if not file.is_file():
        raise UserError(f"{file}: not there; run without --only-print")
    files = json.loads(file.read_text(encoding="utf-8"))["files"]
    heading = ("room", "lines", "run", "branches", "taken")
    print(tables.table(heading, ((room, *counted.cells()) for room, counted in by_room(files).items())))
    rows = ((f, str(missed), str(lines)) for f, missed, lines in least_run(files, _LEAST))
    print(tables.table(("file", "lines and branches not run", "lines"), rows), end="")


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print."""
    command = parser(__doc__)
    command.add_argument("--only-print", action="store_true", help="run nothing, print what was measured")
    command.add_argument("--append", action="store_true", help="add to what was measured before")
    command.add_argument(
        "--state",
        type=Path,
        default=ROOT / "out" / "coverage",
        metavar="FOLDER",
        help="where the record lies",
    )
    given, arguments = command.parse_known_args(words)

    def work() -> int:
        state = given.state.resolve()
        status = 0 if given.only_print else measure(state, arguments, given.append)
        show(state)
        return status

    return ended(work)


if __name__ == "__main__":
    sys.exit(main())
