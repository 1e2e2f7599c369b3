"""Every model on every board by the user's command: one table, and exit status 1 where a row fails.

A row is ``qsnn-hw build`` of a model (shipped in examples/, or in the shared data folder, QSNN_DATA) for a
board (of ``BOARDS`` in matrix_models.py where none is typed) with the default options or one of
``--optimize latency|area|energy``. It passes when the command ends well, nothing differs in simulation, the
cycles predicted from the samples' spikes equal the simulated ones, the cycles that the plan was chosen by
are within 5 % of their mean, predicted logic is within 10 % of what place and route counts, and block RAMs
are predicted exactly. A network that a board cannot hold is a row of its own kind, held against the board's
limits.

Rows of one model and aim are built in one folder, board after board, so what does not hang on the board is
made once and a row's seconds are those of what was left.

Rows are kept in the output folder: an interrupted matrix goes on, and a row is made again when the source,
the model or the data changed. The whole takes many hours: ``--docs`` keeps the rows in docs/matrix_rows.json,
too, from where the next run goes on. It makes what no source has made first, then what an older one has;
every row says of which it is. ``--made`` shows the rows that are there, and builds none.
"""

import argparse
import hashlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from matrix_models import BOARDS, MODELS, Model
from matrix_page import page, table
from matrix_rows import AIMS, Case, Row, run_case, short, source_digest, with_aims_compared
from user_command import ROOT, end_with_children

from qsnn_hw.families.boards import list_boards
from qsnn_hw.support import files
from qsnn_hw.support.errors import ToolError, UserError

PAGE = ROOT / "docs" / "matrix.md"
PAGE_ROWS = ROOT / "docs" / "matrix_rows.json"
ROWS = "rows.json"
_CI = {"model": ("digits",), "board": ("icebreaker", "ulx3s-85f"), "samples": 3, "jobs": 2}
"""What ``--ci`` stands for, where nothing is typed."""


class KeptRows:
    """Rows by their case's name, in a file that is whole at any moment.

    Parameters
    ----------
    path
        Where rows are kept.
    page
        The rows of the page, taken where ``path`` has none of that name; None: none.
    """

    def __init__(self, path: Path, page: Path | None = None) -> None:
        self._path, self._lock = path, threading.Lock()
        self.rows = {**(read_rows(page) if page else {}), **read_rows(path)}

    def add(self, name: str, row: Row) -> None:
        """Keep ``row``, at once."""
        with self._lock:
            self.rows[name] = row
            write_rows(self._path, self.rows)


def read_rows(path: Path) -> dict[str, Row]:
    """Rows that ``write_rows`` wrote; those with other fields than a row has now are left out."""
    if not path.exists():
        return {}
    content = files.read_json(path)
    names = {item.name for item in fields(Row)}
    rows = {}
    for name, entry in content["rows"].items() if content.keys() == {"tools", "rows"} else ():
        if entry.keys() == names:
            pairs = {key: tuple(entry[key]) for key in ("reasons", "logic", "blocks")}
            rows[name] = Row(**{**entry, **pairs, "tools": content["tools"][entry["tools"]]})
    return rows


def write_rows(path: Path, rows: Mapping[str, Row]) -> None:
    """Rows as JSON; the tools' versions, which many share, stand once."""
    tools: list[Mapping[str, str]] = []
    for row in rows.values():
        if row.tools not in tools:
            tools.append(row.tools)
    entries = {name: {**asdict(row), "tools": tools.index(row.tools)} for name, row in rows.items()}
    files.write_json(path, {"tools": tools, "rows": entries})


def cases(arguments: argparse.Namespace, shared: Path, absent_too: bool = False) -> list[Case]:
    """The rows asked for, cheap first; models whose files are absent are named and left out.

    Parameters
    ----------
    absent_too
        The rows of absent models as well.
    """
    wanted = []
    boards = sorted(list_boards(), key=lambda board: board.limits.logic_cells)
    for model in MODELS:
        if arguments.model and model.name not in arguments.model:
            continue
        missing = model.missing(shared)
        if missing and not absent_too:
            print(f"{model.name}: {missing[0]} is absent, left out", flush=True)
            continue
        for board in boards:
            if board.name not in (arguments.board or BOARDS):
                continue
            if model.boards and board.name not in model.boards:
                continue
            samples = model.samples if arguments.samples is None else min(arguments.samples, model.samples)
            for aim in arguments.optimize or AIMS:
                wanted.append(Case(model, board, aim, samples, arguments.only_plan))
    return sorted(wanted, key=lambda case: (case.model.weight, MODELS.index(case.model), case.weight))


def key_of(case: Case, shared: Path) -> str:
    """Digest of what a row builds: files, wherever they lie, and options."""
    content = [*map(files.digest, case.model.files(shared))]
    content += map(short, case.arguments(shared, Path("data")))
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


def only_made(wanted: Sequence[Case], kept_rows: KeptRows, shared: Path) -> list[Row]:
    """The rows that were made of the present models, data and options, by whatever source.

    Of a model that is absent here nothing says that its row is out of date.
    """
    rows = [(kept_rows.rows.get(case.name), case) for case in wanted]
    return with_aims_compared(
        [
            row
            for row, case in rows
            if row is not None and (case.model.missing(shared) or row.key == key_of(case, shared))
        ]
    )


def in_order(
    wanted: Sequence[Case], keys: Mapping[str, str], rows: Mapping[str, Row], source: str
) -> list[Case]:
    """What is to be made: first what was never, then what is of another source; each as in ``wanted``."""
    stale = [case for case in wanted if case.name in rows and rows[case.name].key == keys[case.name]]
    missing = [case for case in wanted if case not in stale]
    return missing + [case for case in stale if rows[case.name].source != source]


def in_groups(todo: Sequence[Case]) -> list[list[Case]]:
    """Cases by their folder, which one command at a time works in."""
    groups: dict[str, list[Case]] = {}
    for case in todo:
        groups.setdefault(case.folder, []).append(case)
    return list(groups.values())


def run_all(wanted: Sequence[Case], kept_rows: KeptRows, shared: Path, folder: Path, jobs: int) -> list[Row]:
    """Every row; a line each as it comes."""
    source = source_digest()
    keys = {case.name: key_of(case, shared) for case in wanted}
    todo = in_order(wanted, keys, kept_rows.rows, source)
    print(f"{len(wanted)} rows, {len(wanted) - len(todo)} of them made before", flush=True)
    data = {model.name: data_of(model, shared, folder) for model in {case.model for case in todo}}
    started, total, ended = time.monotonic(), sum(case.weight for case in todo), list[Case]()
    stop = threading.Event()

    def run_group(group: Sequence[Case]) -> None:
        build = folder / "builds" / group[0].folder
        shutil.rmtree(build, ignore_errors=True)
        for case in group:
            if stop.is_set():
                return
            try:
                row = run_case(case, shared, folder, data[case.model.name], keys[case.name], source)
            except BaseException:
                stop.set()
                raise
            kept_rows.add(case.name, row)
            ended.append(case)
            done = sum(one.weight for one in ended)
            minutes = (time.monotonic() - started) / done * (total - done) / 60
            print(
                f"{len(ended)} of {len(todo)}, {minutes:.0f} min left: {case.name}: {row.verdict}"
                f"{': ' + '; '.join(row.reasons) if row.reasons else ''} ({row.seconds:.0f} s)",
                flush=True,
            )
        shutil.rmtree(build, ignore_errors=True)

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run_group, group) for group in in_groups(todo)]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return with_aims_compared([kept_rows.rows[case.name] for case in wanted])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="scripts/matrix", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("--model", nargs="+", choices=[model.name for model in MODELS], help="only these")
    command.add_argument("--board", nargs="+", choices=[b.name for b in list_boards()], help="only these")
    command.add_argument("--optimize", nargs="+", choices=AIMS, help="only these aims")
    command.add_argument("--samples", type=int, help="at most so many a model")
    command.add_argument(
        "--only-plan", action="store_true", help="generate: the plan against exact cycles, no tools behind it"
    )
    command.add_argument("--jobs", type=int, help="rows side by side (default: 1, with --ci 2)")
    command.add_argument("--ci", action="store_true", help="the part that continuous integration runs")
    command.add_argument("--made", action="store_true", help="only the rows that are made already")
    command.add_argument("--docs", action="store_true", help="write docs/matrix.md from the rows")
    command.add_argument("-o", "--out", type=Path, default=ROOT / "out" / "matrix")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows and print the table."""
    options = parser().parse_args(arguments)
    if options.ci:
        for name, value in _CI.items():
            if getattr(options, name) is None:
                setattr(options, name, value)
    jobs: int = 1 if options.jobs is None else options.jobs
    shared = Path(os.environ.get("QSNN_DATA", ROOT.parent / "shared" / "data"))
    try:
        if (options.samples is not None and options.samples < 1) or jobs < 1:
            raise UserError("--samples and --jobs are at least 1")
        if options.docs and (options.only_plan or options.ci or options.samples is not None):
            raise UserError("--docs writes rows as built: leave out --only-plan, --ci and --samples")
        folder: Path = options.out
        folder.mkdir(parents=True, exist_ok=True)
        if options.only_plan:
            kept_rows = KeptRows(folder / "plans.json")
        else:
            kept_rows = KeptRows(folder / ROWS, None if options.ci else PAGE_ROWS)
        wanted = cases(options, shared)
        if not wanted:
            raise UserError("no row is left: the models asked for are absent, or not for these boards")
        if options.made:
            rows = only_made(wanted, kept_rows, shared)
            if not rows:
                raise UserError(f"neither {folder} nor docs/ has a row of these models and boards")
            source = source_digest()
            present = sum(row.source == source for row in rows)
            print(f"{len(rows)} of {len(wanted)} rows are made, {present} of this source")
        else:
            rows = run_all(wanted, kept_rows, shared, folder, jobs)
        print(table(rows))
        if options.docs:
            # The page has every row there is, whatever was typed for this run.
            every = cases(parser().parse_args([]), shared, absent_too=True)
            made = only_made(every, kept_rows, shared)
            write_rows(PAGE_ROWS, {row.name: row for row in made})
            files.write_text(PAGE, page(made, len(every), source_digest()))
            print(f"written: {PAGE.relative_to(ROOT)}, {PAGE_ROWS.relative_to(ROOT)}")
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
