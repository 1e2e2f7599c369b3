"""The user's command in a process that kills itself with SIGKILL, once at every point of every step.

``python killed_run.py STATE ARGUMENTS...``: the first point that the file STATE does not name is added to it,
and nothing of the process runs after that. Points of a step are the middle of its work, where that takes so
long, and its end, when its files are there and ``steps.json`` does not name it yet. The report is no step;
its points are the same, and one where ``report.json`` is written and its page is not.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qsnn_hw.build import cli, flow
from qsnn_hw.build.steps.cache import Cache
from qsnn_hw.report import maker

DURING_S = 0.3
"""How far into its work a step is killed that takes longer."""

_once = threading.Lock()


def killer(state: Path) -> Callable[[str], None]:
    """What ends this process at a point that no run before it has ended at."""

    def reached(point: str) -> None:
        with _once:
            done = state.read_text(encoding="utf-8").splitlines() if state.exists() else []
            if point not in done:
                state.write_text("".join(f"{line}\n" for line in [*done, point]), encoding="utf-8")
                os.kill(os.getpid(), signal.SIGKILL)

    return reached


def killed(reached: Callable[[str], None], step: str, make: Callable[..., Any]) -> Callable[..., Any]:
    """``make``, which this process does not survive while a point of ``step`` is left."""

    def work(*arguments: Any) -> Any:
        during = threading.Timer(DURING_S, reached, [f"{step} works"])
        during.daemon = True
        during.start()
        try:
            made = make(*arguments)
        finally:
            during.cancel()
        reached(f"{step} ends")
        return made

    return work


def main() -> int:
    """Run the command; its exit status where no point is left."""
    reached, usual, page = killer(Path(sys.argv[1])), Cache.run, maker.write_page

    def run(cache: Cache, step: str, *arguments: Any, make: Callable[[], Any], **options: Any) -> Any:
        return usual(cache, step, *arguments, make=killed(reached, step, make), **options)

    def write_page(*arguments: Any) -> None:
        reached("report without its page")
        page(*arguments)

    Cache.run = run  # type: ignore[assignment,method-assign]
    flow.make_report = killed(reached, "report", flow.make_report)
    maker.write_page = write_page
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
