"""Runs ngspice in batch on a deck, and reads back what it leaves."""

import re
from pathlib import Path

from qsnn_hw.support.errors import ToolError
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.toolchain.finder import Tool
from qsnn_hw.toolchain.process import run_tool
from qsnn_hw.toolchain.raw_file import RawFile, read_raw

RAW = "result.raw"

ENVIRONMENT = {"OMP_THREAD_LIMIT": "1"}
"""Transistor models are computed by two OpenMP threads otherwise, which wait for one another by spinning: of
circuits as small as a neuron that gains nothing, and beside other work it took 100 times as long."""

# ngspice says these and may still end with 0.
_FAILED = re.compile(
    r"(?i)^(error\b|fatal\b|.*\bsimulation\(s\) aborted|.*timestep too small|.*no such (file|vector)"
    r"|.*unknown (subckt|model)|.*singular matrix)"
)


def run_ngspice(
    tool: Tool, deck: str, folder: Path, *, name: str = "ngspice", progress: Progress = SILENT
) -> RawFile:
    """Run the file ``deck`` of ``folder``, which is worked in.

    No start-up file of the user or the machine is read.

    Raises
    ------
    ToolError
        It failed, with ngspice's own line; or it left no result, or half of one.
    """
    log = folder / f"{Path(deck).stem}.log"
    raw = folder / RAW
    raw.unlink(missing_ok=True)
    said: list[str] = []

    def heard(line: str) -> None:
        if _FAILED.match(line.strip()):
            said.append(line.strip())

    args = ["-n", "-b", "-r", RAW, deck]
    try:
        run_tool(
            tool, args, log=log, cwd=folder, env=ENVIRONMENT, progress=progress, name=name, on_line=heard
        )
    except ToolError as error:
        # Its last line says that there is no circuit; the first says why.
        if not said:
            raise
        raise ToolError(f"ngspice: {said[0]}; see {log}") from error
    if said:
        raise ToolError(f"ngspice: {said[0]}; see {log}")
    try:
        return read_raw(raw)
    finally:
        raw.unlink(missing_ok=True)
