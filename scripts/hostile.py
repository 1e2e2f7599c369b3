"""Hostile and clumsy input by the user's command: at least a thousand runs, each judged.

A run is right when it ends within its time with a documented exit status, says what is wrong in one line,
shows no traceback, sends no control character to the terminal, writes nowhere but into its output, leaves no
process and no temporary behind, and never uses what an earlier run made of another input. The cases
(scripts/hostile_cases.py) are drawn from a seed: files spoiled by kinds and at random, options and names at
their extremes, board files, links that lead elsewhere, damaged output folders, closed, full and broken
streams, full disks, signals, two runs in a folder.

The exit status is 1 where a run is not right; its sandbox stays for a look.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import tables
from hostile_cases import GENERATE, GOOD, Finished, draw
from hostile_run import Case, Step, Verdict, import_everything, run_cases


def finished_folder(root: Path) -> Finished:
    """A finished run, for the cases that damage one; raises RuntimeError where it fails."""
    root.mkdir(parents=True)
    case = Case("base", "", GOOD, (Step(GENERATE, statuses=(0,)),))
    verdicts: list[Verdict] = []
    home = root / "00000"
    # The sandbox of a good case is removed, so its folder is taken out by the last look at it.
    target = root / "cwd" / "o"

    def keep(cwd: Path) -> str:
        shutil.copytree(cwd / "o", target)
        path = target / "options.json"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(str(cwd), str(target.parent)), encoding="utf-8")
        return ""

    case = Case("base", "", GOOD, (Step(GENERATE, statuses=(0,), after=keep),))
    run_cases([case], root, 1, verdicts.append)
    if verdicts[0].faults:
        raise RuntimeError(f"{home}: {verdicts[0].faults[0]}")
    return Finished(target)


def campaign(
    runs: int, seed: int, folder: Path, jobs: int, only: str = "", quiet: bool = False
) -> list[Verdict]:
    """Draw and run the cases; faults are printed as they come."""
    import_everything()
    finished = finished_folder(folder / "finished")
    cases = [case for case in draw(runs, seed, finished) if only in case.kind]

    def told(verdict: Verdict) -> None:
        for fault in verdict.faults:
            print(f"{verdict.case.kind} ({verdict.case.name}): {fault}", flush=True)

    return run_cases(cases, folder, jobs, told if not quiet else lambda _: None)


def table(verdicts: Sequence[Verdict]) -> str:
    """Counts of each kind in Markdown."""
    kinds = dict.fromkeys(v.case.kind for v in verdicts)
    groups = {kind: [v for v in verdicts if v.case.kind == kind] for kind in kinds} | {"all": list(verdicts)}
    rows = []
    for kind, those in groups.items():
        wrong = sum(bool(v.faults) for v in those)
        rows.append((kind, len(those), sum(v.runs for v in those), sum(v.refused for v in those), wrong))
    return tables.table(("kind", "cases", "runs", "refused in one line", "not right"), rows)


def main() -> int:
    """Run a campaign; prints what was not right, and the counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--runs", type=int, default=1200, metavar="N", help="about so many commands (default: 1200)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all that is drawn (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="commands at a time (default: 2)")
    parser.add_argument("--only", default="", metavar="WORD", help="only kinds with this word in their name")
    parser.add_argument("-o", "--out", metavar="DIR", help="where sandboxes go (default: a temporary folder)")
    arguments = parser.parse_args()
    folder = Path(arguments.out or tempfile.mkdtemp(prefix="qsnn-hw-hostile-")).resolve()
    if arguments.out and folder.exists() and any(folder.iterdir()):
        print(f"error: {folder} is not empty; name another folder", file=sys.stderr)
        return 2
    started = time.monotonic()
    verdicts = campaign(arguments.runs, arguments.seed, folder, arguments.jobs, arguments.only)
    print(table(verdicts), end="")
    wrong = sum(bool(v.faults) for v in verdicts)
    minutes = (time.monotonic() - started) / 60
    print(
        f"seed {arguments.seed}, {sum(v.runs for v in verdicts)} runs in {minutes:.1f} min, "
        f"{wrong} cases not right"
    )
    if wrong or arguments.out:
        print(f"sandboxes: {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
