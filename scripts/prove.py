"""Every proof of qsnn_hw/verify/formal/ by a solver: one table, and exit status 1 where one does not hold.

A row is a proof: the module it is about, the size and the depth it holds at, and how it was found. "for ever"
is k-induction with so many steps, or with pdr an invariant that the solver finds; "so many cycles" is every
run of that length behind a reset. All begin with a reset in any state at all.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.verify.formal import PROOFS, Proof, find_solver, prove

_HEADINGS = ("proof", "module", "width", "depth", "method", "seconds", "verdict")
# Some builders let another part stand in for a module's while they build: one at a time.
_BUILDING = threading.Lock()
_METHODS = {"prove": "for ever", "bmc": "cycles"}


def row(proof: Proof, seconds: float | None, verdict: str) -> tuple[str, ...]:
    """The cells of one proof."""
    module = proof.module.__name__.removeprefix("qsnn_hw.")
    method = f"{_METHODS[proof.mode]}, {proof.solver}"
    took = "" if seconds is None else f"{seconds:.1f}"
    # An invariant that is found has no depth.
    depth = "" if proof.solver == "pdr" else str(proof.depth)
    return proof.name, module, proof.width, depth, method, took, verdict


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows under their headings, as Markdown."""
    lines = [_HEADINGS, tuple("---" for _ in _HEADINGS), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def run(proof: Proof, folder: Path) -> tuple[str, ...]:
    """Prove one; its row. A solver that breaks is a verdict, too."""
    started = time.monotonic()
    try:
        with _BUILDING:
            harness = proof.build(proof.module)
        verdict = prove(
            harness, folder / proof.name, mode=proof.mode, depth=proof.depth, solver=proof.solver
        ).status
    except ToolError as error:
        verdict = f"error: {error}"
    return row(proof, time.monotonic() - started, verdict)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove what is named, everything by default."""
    parser = argparse.ArgumentParser(prog="scripts/prove", description=__doc__)
    parser.add_argument("names", nargs="*", help="only proofs whose name begins so")
    parser.add_argument("--fast", action="store_true", help="only those that the default tests run")
    parser.add_argument("--list", action="store_true", help="the table of what would be proved, nothing run")
    parser.add_argument("--jobs", type=int, default=2, help="solvers side by side (default 2)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where logs and counterexamples go")
    given = parser.parse_args(arguments)
    if given.jobs < 1:
        parser.error(f"--jobs must be at least 1, not {given.jobs}")
    chosen = [proof for proof in PROOFS if proof.fast or not given.fast]
    if given.names:
        chosen = [proof for proof in chosen if proof.name.startswith(tuple(given.names))]
    if not chosen:
        print(f"error: no proof is called {' or '.join(given.names)}; --list names them", file=sys.stderr)
        return 2
    if given.list:
        print(table([row(proof, None, "") for proof in chosen]))
        return 0
    try:
        find_solver()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    started = time.monotonic()
    rows = {}
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(given.jobs) as pool:
        folder = given.keep or Path(scratch)
        waiting = {pool.submit(run, proof, folder): proof.name for proof in chosen}
        for done in as_completed(waiting):
            name = waiting[done]
            rows[name] = done.result()
            print(f"[{len(rows)}/{len(chosen)}] {name}: {rows[name][-1]}", file=sys.stderr, flush=True)
    print(table([rows[proof.name] for proof in chosen]))
    failed = [name for name, cells in rows.items() if cells[-1] != "pass"]
    took = f"{time.monotonic() - started:.0f} s"
    if failed:
        print(f"{len(failed)} of {len(rows)} proofs do not hold: {', '.join(sorted(failed))}; {took}")
        return 1
    print(f"all {len(rows)} proofs hold; {took}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
