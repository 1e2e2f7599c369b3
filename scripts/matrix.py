"""Every model on every board by the user's command: one table, and exit status 1 where a row fails.

A row is ``qsnn-hw build`` of a model (shipped in examples/, or in the shared data folder, QSNN_DATA) for a
board with the default options or one of ``--optimize latency|area|energy``. It passes when the command ends
well, nothing differs in simulation, the cycles predicted from the samples' spikes equal the simulated ones,
the cycles that the plan was chosen by are within 5 % of their mean, predicted logic is within 10 % of what
place and route counts, and block RAMs are predicted exactly. A network that a board cannot hold is a row
of its own kind, held against the board's limits.

Rows are kept in the output folder: an interrupted matrix goes on, and a row is made again when the source,
the model or the data changed. ``--made`` shows the rows that are there, and builds none.
"""

import argparse
import hashlib
import os
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from matrix_models import MODELS, Model
from matrix_page import page, table
from matrix_rows import TARGETS, Case, Row, run_case, source_digest, with_targets_compared
from user_command import ROOT, end_with_children

from qsnn_hw.families.boards import list_boards
from qsnn_hw.support import files
from qsnn_hw.support.errors import ToolError, UserError

PAGE = ROOT / "docs" / "matrix.md"
ROWS = "rows.json"
_CI = {"model": ("digits",), "board": ("icebreaker", "ulx3s-85f"), "samples": 3, "jobs": 2}
"""What ``--ci`` stands for, where nothing is typed."""


class Kept:
    """Rows by their case's name, in a file that is whole at any moment."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self.rows: dict[str, Row] = {}
        if path.exists():
            names = {item.name for item in fields(Row)}
            for name, content in files.read_json(path).items():
                if content.keys() == names:
                    pairs = {key: tuple(content[key]) for key in ("reasons", "logic", "blocks")}
                    self.rows[name] = Row(**{**content, **pairs})

    def add(self, name: str, row: Row) -> None:
        with self._lock:
            self.rows[name] = row
            files.write_json(self._path, {key: asdict(found) for key, found in self.rows.items()})


def cases(given: argparse.Namespace, shared: Path) -> list[Case]:
    """The rows asked for, cheap first; models whose files are absent are named and left out."""
    found = []
    boards = sorted(list_boards(), key=lambda board: board.limits.logic_cells)
    for model in MODELS:
        if given.model and model.name not in given.model:
            continue
        missing = model.missing(shared)
        if missing:
            print(f"{model.name}: {missing[0]} is absent, left out", flush=True)
            continue
        for board in boards:
            if given.board and board.name not in given.board:
                continue
            if model.boards and board.name not in model.boards:
                continue
            samples = model.samples if given.samples is None else min(given.samples, model.samples)
            for target in given.optimize or TARGETS:
                found.append(Case(model, board, target, samples, given.only_plan))
    return sorted(found, key=lambda case: (case.model.weight, MODELS.index(case.model), case.weight))


def key_of(case: Case, shared: Path, source: str) -> str:
    """Digest of all that decides a row."""
    content = [source, *map(files.digest, case.model.files(shared))]
    content += [*case.arguments(shared, Path("data"))]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:24]


def data_of(model: Model, shared: Path, folder: Path) -> Path:
    """The data file to give; converted where the shared one has another form."""
    source = model.files(shared)[1]
    if model.convert is None:
        return source
    written = folder / "data" / f"{model.name}.npz"
    written.parent.mkdir(parents=True, exist_ok=True)
    model.convert(source, written)
    return written


def only_made(wanted: Sequence[Case], kept: Kept, shared: Path) -> list[Row]:
    """The rows that were made of the present source, model and data."""
    source = source_digest()
    rows = [kept.rows.get(case.name) for case in wanted]
    keys = [key_of(case, shared, source) for case in wanted]
    found = [row for row, key in zip(rows, keys, strict=True) if row is not None and row.key == key]
    return with_targets_compared(found)


def run_all(wanted: Sequence[Case], kept: Kept, shared: Path, folder: Path, jobs: int) -> list[Row]:
    """Every row; a line each as it comes."""
    source = source_digest()
    keys = {case.name: key_of(case, shared, source) for case in wanted}
    old = {name: row for name, row in kept.rows.items() if row.key == keys.get(name)}
    todo = [case for case in wanted if case.name not in old]
    print(f"{len(wanted)} rows, {len(wanted) - len(todo)} of them made before", flush=True)
    data = {model.name: data_of(model, shared, folder) for model in {case.model for case in todo}}
    started, done, left = time.monotonic(), 0.0, sum(case.weight for case in todo)
    with ThreadPoolExecutor(jobs) as pool:
        futures = {
            pool.submit(run_case, case, shared, folder, data[case.model.name], keys[case.name]): case
            for case in todo
        }
        try:
            for number, future in enumerate(as_completed(futures), 1):
                case, row = futures[future], future.result()
                kept.add(case.name, row)
                done += case.weight
                minutes = (time.monotonic() - started) / done * (left - done) / 60
                print(
                    f"{number} of {len(todo)}, {minutes:.0f} min left: {case.name}: {row.verdict}"
                    f"{': ' + '; '.join(row.reasons) if row.reasons else ''} ({row.seconds:.0f} s)",
                    flush=True,
                )
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return with_targets_compared([kept.rows[case.name] for case in wanted])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="scripts/matrix", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--model", nargs="+", choices=[model.name for model in MODELS], help="only these")
    made.add_argument("--board", nargs="+", choices=[b.name for b in list_boards()], help="only these")
    made.add_argument("--optimize", nargs="+", choices=TARGETS, help="only these targets")
    made.add_argument("--samples", type=int, help="at most so many a model")
    made.add_argument(
        "--only-plan", action="store_true", help="generate: the plan against exact cycles, no tools behind it"
    )
    made.add_argument("--jobs", type=int, help="rows side by side (default: 1, with --ci 2)")
    made.add_argument("--ci", action="store_true", help="the part that continuous integration runs")
    made.add_argument("--made", action="store_true", help="only the rows that are made already")
    made.add_argument("--docs", action="store_true", help="write docs/matrix.md from the rows")
    made.add_argument("-o", "--out", type=Path, default=ROOT / "out" / "matrix")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows and print the table."""
    given = parser().parse_args(arguments)
    if given.ci:
        for name, value in _CI.items():
            if getattr(given, name) is None:
                setattr(given, name, value)
    jobs: int = 1 if given.jobs is None else given.jobs
    shared = Path(os.environ.get("QSNN_DATA", ROOT.parent / "shared" / "data"))
    try:
        if (given.samples is not None and given.samples < 1) or jobs < 1:
            raise UserError("--samples and --jobs are at least 1")
        if given.docs and given.only_plan:
            raise UserError("--docs writes rows that were built: leave out --only-plan")
        folder: Path = given.out
        folder.mkdir(parents=True, exist_ok=True)
        kept = Kept(folder / ("plans.json" if given.only_plan else ROWS))
        wanted = cases(given, shared)
        if not wanted:
            raise UserError("no row is left: the models asked for are absent, or not for these boards")
        if given.made:
            rows = only_made(wanted, kept, shared)
            if not rows:
                raise UserError(f"{folder} has no row that was made of this source")
            print(f"{len(rows)} of {len(wanted)} rows are made")
        else:
            rows = run_all(wanted, kept, shared, folder, jobs)
        print(table(rows))
        if given.docs:
            files.write_text(PAGE, page(rows, len(wanted), source_digest()))
            print(f"written: {PAGE.relative_to(ROOT)}")
    except (UserError, ToolError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    failed = [row for row in rows if row.verdict == "failed"]
    print(summary(rows))
    return 1 if failed else 0


def summary(rows: Iterable[Row]) -> str:
    """How many rows of each kind."""
    counts: dict[str, Any] = {"ok": 0, "does not fit": 0, "failed": 0}
    for row in rows:
        counts[row.verdict] += 1
    return ", ".join(f"{number} {verdict}" for verdict, number in counts.items())


if __name__ == "__main__":
    end_with_children()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        sys.exit(130)
