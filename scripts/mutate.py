"""Whether the tests notice a fault: those of scripts/mutations.toml, one at a time, in a copy of this tree.

Each fault replaces one piece of text, which must be there exactly once, and runs the tests that ought to
see it, smallest first, until one fails. The same tests must pass in the copy without a fault. A result
is kept until its fault, the file it is planted in or one of its tests' files changes, so a run that was
broken off goes on where it was; a fault whose tests did not end in time is planted again. ``--docs`` keeps
results in docs/mutations.json, too, from where the next run goes on; each says the day it is of. The exit
status is 1 where a fault survives that the table does not call equivalent, or where a test fails without
any fault.
"""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import tables
from mutations import Fault, faults, key_of, planted
from script import ROOT, ended, need_in_range, parser

from qsnn_hw.support import files
from qsnn_hw.support.errors import MismatchError, ToolError, UserError
from qsnn_hw.support.stopping import stoppable
from qsnn_hw.toolchain.within import run_within

RESULTS = ROOT / "out" / "mutations.json"
PAGE = ROOT / "docs" / "mutations.md"
PAGE_RESULTS = ROOT / "docs" / "mutations.json"

_LAST = "Last run: "
_HEAD = ("fault", "planted in", "what it does", "found by", "s", "on")
# pytest's exit statuses: some tests failed; nothing was collected. All others say nothing about the fault.
_PASSED, _FAILED = 0, 1
# Property-based tests draw the same in every run: a result is no matter of luck. The profile is in
# tests/conftest.py.
SAME_DRAWS = ("--hypothesis-seed=0", "--hypothesis-profile=unshrunk")


@dataclass(frozen=True)
class Result:
    """What became of a fault.

    Parameters
    ----------
    key
        Digest of all that decides it.
    verdict
        "killed", "survived" or "time limit": the tests did not end, for whatever reason.
    by
        The test that failed first.
    seconds
        Wall time of the tests, their start included.
    day
        When, as 2026-11-30.
    """

    key: str
    verdict: str
    by: str | None
    seconds: float
    day: str

    @property
    def found(self) -> bool:
        """Whether a test noticed; tests that did not end in time are none that did."""
        return self.verdict == "killed"


def copy_tree(into: Path) -> None:
    """The files that git has or would take, as they lie here, with compiled modules that go by content."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        raise UserError(f"{ROOT} is no git checkout, so what belongs to it is not known")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)
    # By time and size, Python would take a module changed within a second for the one before.
    compiled = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "qsnn_hw"]
    subprocess.run(compiled, cwd=into, env=_environment(into), check=True)
    where = [sys.executable, "-c", "import qsnn_hw; print(qsnn_hw.__file__)"]
    said = subprocess.run(
        where, cwd=into.parent, env=_environment(into), capture_output=True, text=True, check=True
    )
    if not Path(said.stdout.strip()).is_relative_to(into):
        raise ToolError(f"tests in {into} would run {said.stdout.strip()}, which has no fault in it")


def _environment(tree: Path) -> dict[str, str]:
    """Compiled modules lie in the tree alone, where they go by content, and none is written that does not."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    return {**kept, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}


def run_tests(tree: Path, tests: Sequence[str], limit: float, *options: str) -> tuple[int | None, str]:
    """(pytest's exit status, None at the time limit; what it printed)."""
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "-m", ""]
    command += [*SAME_DRAWS, *options, *tests]
    try:
        process = run_within(
            command, cwd=tree, env=_environment(tree), timeout_s=limit, stderr=subprocess.STDOUT
        )
    except subprocess.TimeoutExpired:
        return None, ""
    return process.returncode, process.stdout


def _named(said: str, *words: str) -> list[str]:
    """The tests that pytest's summary names behind one of ``words``."""
    lines = (line.split(" ", 1) for line in said.splitlines() if line.startswith(words))
    return [line[1].split(" - ")[0].strip() for line in lines if len(line) == 2]


def check_sound(tree: Path, tests: Sequence[str], limit: float) -> None:
    """Run ``tests`` without a fault: each must run, and pass.

    Raises
    ------
    MismatchError
        One fails, or none of those that a name stands for ran.
    """
    status, said = run_tests(tree, tests, limit, "-rApfE")
    failed = _named(said, "FAILED ", "ERROR ")
    if status != _PASSED or failed:
        last = (said.strip().splitlines() or ["nothing was printed"])[-1]
        raise MismatchError(f"without any fault, {failed[0] if failed else 'the tests'} failed: {last}")
    passed = _named(said, "PASSED ")
    for test in tests:
        if not any(name.startswith(test) for name in passed):
            raise MismatchError(f"without any fault, {test} ran no test; its faults would all survive")


def judge(tree: Path, fault: Fault, limit: float) -> tuple[str, str | None]:
    """(verdict, who found it) of one fault planted in ``tree``, which is as before afterwards.

    Raises
    ------
    ToolError
        The tests could not be run with it: a fault that nothing can import is none.
    """
    path = tree / fault.file
    text = path.read_text(encoding="utf-8")
    path.write_text(planted(fault, text), encoding="utf-8")
    try:
        status, said = run_tests(tree, fault.tests, limit, "-x", "-rfE")
    finally:
        path.write_text(text, encoding="utf-8")
    if status is None:
        return "time limit", None
    if status == _PASSED:
        return "survived", None
    if status != _FAILED:
        last = (said.strip().splitlines() or ["it printed nothing"])[-1]
        raise ToolError(f"fault {fault.name}: pytest ended with {status}: {last}")
    return "killed", (_named(said, "FAILED ", "ERROR ") or [fault.tests[0]])[0]


def stored(path: Path) -> dict[str, Result]:
    """Results of earlier runs by the fault's name."""
    if not path.exists():
        return {}
    try:
        return {name: Result(**entry) for name, entry in files.read_json(path).items()}
    except (AttributeError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it to run every fault again") from error


def run_all(wanted: Sequence[Fault], results: Path, limit: float) -> dict[str, Result]:
    """Every wanted fault that has no result yet; all results that there are, of others, too."""
    known = {**stored(PAGE_RESULTS), **stored(results)}
    keys = {fault.name: key_of(fault) for fault in wanted}
    # Tests that did not end in time say nothing: they are run again.
    todo = [f for f in wanted if f.name not in known or _stale(known[f.name], keys[f.name])]
    for fault in wanted:
        planted(fault, (ROOT / fault.file).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        tree = Path(folder) / "source"
        if todo:
            tree.mkdir()
            copy_tree(tree)
            tests = list(dict.fromkeys(test for fault in todo for test in fault.tests))
            print(f"{len(tests)} tests without a fault", file=sys.stderr, flush=True)
            check_sound(tree, tests, limit * len(tests))
        for number, fault in enumerate(todo, 1):
            started = time.monotonic()
            verdict, by = judge(tree, fault, limit)
            took, today = round(time.monotonic() - started, 1), date.today().isoformat()
            known[fault.name] = Result(keys[fault.name], verdict, by, took, today)
            results.parent.mkdir(parents=True, exist_ok=True)
            keep(results, known)
            print(f"[{number}/{len(todo)}] {line(fault, known[fault.name])}", file=sys.stderr, flush=True)
    return known


def keep(path: Path, results: Mapping[str, Result]) -> None:
    """Write results where :func:`stored` finds them."""
    files.write_json(path, {name: asdict(results[name]) for name in sorted(results)})


def _stale(result: Result, key: str) -> bool:
    return result.key != key or result.verdict == "time limit"


def line(fault: Fault, result: Result) -> str:
    """One fault in a line."""
    by = "" if result.by is None else f" by {result.by}"
    return f"{fault.name}: {result.verdict}{by}, {result.seconds:.0f} s"


def _cells(fault: Fault, result: Result | None) -> tuple[str, ...]:
    by, took, day = "not run", "", ""
    if result is not None:
        took, day = f"{result.seconds:.0f}", result.day
        by = result.by or fault.equivalent or f"nothing ({result.verdict})"
    return fault.name, fault.file, fault.says, by.replace("|", "/"), took, day


def table(wanted: Sequence[Fault], results: Mapping[str, Result]) -> str:
    """Faults and who found them, as Markdown."""
    return tables.table(_HEAD, (_cells(fault, results.get(fault.name)) for fault in wanted))


def summary(wanted: Sequence[Fault], results: Mapping[str, Result]) -> str:
    """The score in a sentence."""
    done = [fault for fault in wanted if fault.name in results]
    found = sum(results[fault.name].found for fault in done)
    same = sum(fault.equivalent is not None for fault in done)
    words = f"{found} of {len(done)} faults found, {same} change nothing that can be seen, "
    words += f"{len(done) - found - same} survived"
    return words + (f"; {len(wanted) - len(done)} more were not run" if len(done) < len(wanted) else "")


def unexplained(wanted: Iterable[Fault], results: Mapping[str, Result]) -> list[str]:
    """Faults whose result is not the one that the table promises."""
    return [fault.name for fault in wanted if results[fault.name].found == (fault.equivalent is not None)]


def write_page(wanted: Sequence[Fault], results: Mapping[str, Result]) -> None:
    """Put the table and what made it into docs/mutations.md; the text around stays."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = lines.index(tables.head(*_HEAD).splitlines()[0])
    last = next((k for k in range(first, len(lines)) if not lines[k].startswith("|")), len(lines))
    made = f"{_LAST}{date.today().isoformat()}, {summary(wanted, results)}. {_versions()}."
    kept = [made if line.startswith(_LAST) else line for line in (*lines[:first], *lines[last:])]
    place = len(lines[:first])
    rows = table(wanted, results).splitlines()
    files.write_text(PAGE, "\n".join([*kept[:place], *rows, *kept[place:]]) + "\n")


def _versions() -> str:
    named = ("amaranth", "numpy", "pytest", "hypothesis")
    tools = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in named)
    return f"Python {platform.python_version()}, {tools}"


def main(words: Sequence[str] | None = None) -> int:
    """Plant what is named, everything by default."""
    line_of = parser(__doc__)
    line_of.prog = "scripts/mutate"
    line_of.add_argument("--only", nargs="+", metavar="NAME", help="only faults whose name begins so")
    line_of.add_argument(
        "--list", action="store_true", help="the table of what would be planted, nothing run"
    )
    line_of.add_argument("--limit", type=float, default=300, help="seconds for a fault's tests (default 300)")
    line_of.add_argument("--results", type=Path, default=RESULTS, help="where results are kept")
    line_of.add_argument("--docs", action="store_true", help="write the table into docs/mutations.md")
    given = line_of.parse_args(words)

    def work() -> int:
        need_in_range(given, ("limit", 1, 86400))
        wanted = faults()
        if given.only:
            wanted = [fault for fault in wanted if fault.name.startswith(tuple(given.only))]
        if not wanted:
            raise UserError(f"no fault is called {' or '.join(given.only)}; --list names them")
        if given.list:
            print(table(wanted, {}), end="")
            return 0
        results = run_all(wanted, given.results, given.limit)
        print(table(wanted, results), end="")
        print(summary(wanted, results))
        if given.docs:
            every = faults()
            keep(PAGE_RESULTS, {fault.name: results[fault.name] for fault in every if fault.name in results})
            write_page(every, results)
        odd = unexplained(wanted, results)
        if odd:
            print(f"not as the table promises: {', '.join(odd)}")
        return int(bool(odd))

    def to_the_end() -> int:
        with stoppable():
            return work()

    return ended(to_the_end)


if __name__ == "__main__":
    sys.exit(main())
