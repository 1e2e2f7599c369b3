"""Builds a simulation model once and runs test modules on it, several processes at a time."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.support.choices import SIMULATORS
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.files import digest, write_json, write_text
from qsnn_hw.support.output_folder import BUILDING
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.stopping import deferred
from qsnn_hw.toolchain.tools import Tool, check_build_folder, end_groups, find_tool, run_tool
from qsnn_hw.verify.native import Bench, bench_source, build_bench, compiling

_POLL_S = 0.1
_GRACE_S = 2.0
# Raise it when the way models are built changes.
_BUILD_FORMAT = 2


@dataclass(frozen=True)
class Simulator:
    """A simulator that was found.

    Parameters
    ----------
    name
        One of ``SIMULATORS``.
    version
        As the tool states it.
    """

    name: str
    version: str | None

    @property
    def native(self) -> bool:
        """Whether it needs no Python beside it."""
        return self.name == "verilator"

    @property
    def tool(self) -> str:
        """The tool that simulates, and its version where it states one."""
        tool = "icarus" if self.name == "icarus" else "verilator"
        return " ".join(part for part in (tool, self.version) if part)


@dataclass(frozen=True)
class Model:
    """A built simulation model.

    Parameters
    ----------
    simulator
        What built it and runs it.
    top
        Name of the top module.
    folder
        Where it lies; of a bench without Python, where the records of its runs go.
    bench
        The bench without Python; None where cocotb runs the model.
    """

    simulator: Simulator
    top: str
    folder: Path
    bench: Bench | None = None


def find_simulator(name: str) -> Simulator:
    """The simulator called ``name``.

    Raises
    ------
    UserError
        There is no such simulator, or it is not installed.
    """
    if name in ("verilator", "cocotb"):
        return Simulator(name, find_tool("verilator").version)
    if name != "icarus":
        raise UserError(f"unknown simulator {name!r}; known are {', '.join(SIMULATORS)}")
    return Simulator(name, find_tool("iverilog").version)


def versions(name: str) -> dict[str, str | None]:
    """What decides a result beside this package's own source: the simulator called ``name``, and its bench.

    None for a simulator that states no version or is missing, which :func:`find_simulator` then says.
    """
    version = None
    with contextlib.suppress(UserError):
        version = find_simulator(name).version
    return {"version": version, "bench": cocotb_version(name) or digest(bench_source())}


def cocotb_version(name: str) -> str | None:
    """Of the simulator called ``name``; None where cocotb takes no part."""
    return None if name == "verilator" else importlib.metadata.version("cocotb")


def build_model(
    simulator: Simulator,
    verilog: Path,
    top: str,
    work_dir: Path,
    progress: Progress,
    *,
    quick_build: bool = False,
) -> Model:
    """Compile ``verilog``; nothing is done when the same text was compiled here before.

    Parameters
    ----------
    quick_build
        Compile the native bench without optimisation: it will not run for long (``work.is_short``).

    Raises
    ------
    ToolError
        The simulator or the compiler failed; the message names the log.
    UserError
        A tool is missing, or ``work_dir`` cannot be used.
    """
    if simulator.native:
        bench = build_bench(verilog, top, work_dir, progress, quick_build=quick_build)
        return Model(simulator, top, work_dir, bench)
    check_build_folder(work_dir)
    # The model's name is a digest of all it is made from, and it gets that name only when whole.
    parts = (_BUILD_FORMAT, simulator, top, sys.version, _compiler(simulator))
    key = hashlib.sha256(repr(parts).encode() + verilog.read_bytes()).hexdigest()[:16]
    folder = work_dir / f"{simulator.name}-{key}"
    model = Model(simulator, top, folder)
    if folder.is_dir():
        progress.say(f"simulation model: {folder.name} is up to date")
        return model
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f"{BUILDING}{key}-", dir=work_dir))
    except OSError as error:
        raise UserError(f"cannot write {work_dir}: {error.strerror or error}; choose another -o") from error
    try:
        sources = [verilog]
        if simulator.name == "cocotb":
            visible = building / "visible.vlt"
            write_text(visible, _visible(top, verilog.read_text(encoding="utf-8")))
            sources.append(visible)
        job = {
            "action": "build",
            "simulator": simulator.name,
            "top": top,
            "sources": [str(source.resolve()) for source in sources],
            "folder": str(building.resolve()),
        }
        write_json(building / "job.json", job)
        run_tool(
            Tool(simulator.name, (sys.executable, "-m", "qsnn_hw.verify.worker"), simulator.version, "wheel"),
            [(building / "job.json").resolve()],
            log=work_dir / f"{simulator.name}-build.log",
            cwd=work_dir,
            env=_environment(simulator),
            progress=progress,
            name=f"{simulator.name}: build the simulation model",
            on_line=compiling,
        )
        with contextlib.suppress(OSError):
            # Another run may have been faster with the same model.
            os.replace(building, folder)
        if not folder.is_dir():
            raise ToolError(f"{simulator.name}: the built model cannot be moved to {folder}")
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return model


def _visible(top: str, verilog: str) -> str:
    """Verilator's configuration: a bench writes the top's inputs and reads its other ports.

    What may be written counts as an input, and all that hangs on inputs is worked out at every wake-up.
    """
    escaped = re.escape(top)
    body = re.search(rf"^module \\?{escaped} ?\(.*?^endmodule", verilog, re.MULTILINE | re.DOTALL)
    inputs = (
        [] if body is None else re.findall(r"^  input (?:\[[\d:]+\] )?\\?(\w+) ?;", body[0], re.MULTILINE)
    )
    lines = ["`verilator_config", f'public_flat_rd -module "{top}" -var "*"']
    return "\n".join([*lines, *(f'public_flat_rw -module "{top}" -var "{name}"' for name in inputs)]) + "\n"


def _compiler(simulator: Simulator) -> tuple[str, ...]:
    return find_tool("c++").command if simulator.name == "cocotb" else ()


def _environment(simulator: Simulator) -> dict[str, str]:
    """Let a child import what this process can, and find an Icarus that is not on PATH."""
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    if simulator.name == "icarus":
        # cocotb starts iverilog and vvp by name; they lie side by side.
        folder = Path(shutil.which(find_tool("iverilog").command[0]) or "iverilog").parent
        environment["PATH"] = os.pathsep.join((str(folder), os.environ.get("PATH", os.defpath)))
    return environment


def run_jobs(
    model: Model,
    module: str,
    jobs: Sequence[dict[str, object]],
    folders: Sequence[Path],
    on_poll: Callable[[], bool],
) -> list[int]:
    """Run ``module`` on the model once for each job, all at the same time.

    Parameters
    ----------
    model
        What to simulate.
    module
        Test module, e.g. ``sim.network``.
    jobs
        What the module reads from its job file. Of a module of cocotb's tests ``tests`` may name some of them
        for each start of the simulator.
    folders
        One for each job: its job file, its ``simulation.log`` and cocotb's results.
    on_poll
        Called several times a second; returning True ends all simulators at once.

    Returns
    -------
    list
        Exit status of each process; None-like negative numbers for those ended here.
    """
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for job, folder in zip(jobs, folders, strict=True):
            folder.mkdir(parents=True, exist_ok=True)
            common = {
                "action": "test" if model.bench is None else "native",
                "simulator": model.simulator.name,
                "top": model.top,
                "module": module,
                "folder": str(model.folder.resolve()),
                "test_dir": str(folder.resolve()),
                "bench": None if model.bench is None else model.bench.as_dict(),
                "tests": [None],
            }
            path = folder / "job.json"
            write_json(path, {**common, **job})
            with (folder / "simulation.log").open("wb") as log, deferred():
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "qsnn_hw.verify.worker", str(path.resolve())],
                        cwd=folder,
                        env={**os.environ, **_environment(model.simulator)},
                        # It ends itself when this process is no more.
                        stdin=subprocess.PIPE,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        while any(process.poll() is None for process in processes):
            if on_poll():
                break
            time.sleep(_POLL_S)
        return [process.wait() if process.poll() is not None else -1 for process in processes]
    finally:
        # The simulators are children of theirs.
        end_groups([process for process in processes if process.poll() is None], _GRACE_S)
        for process in processes:
            if process.stdin is not None:
                process.stdin.close()


def tail(log: Path) -> str:
    """The last line of a log that reports an error, else its last line."""
    try:
        lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return "it left no log"
    told = [line for line in lines if line]
    errors = [line for line in told if re.search(r"error\b", line, re.IGNORECASE)]
    return (errors or told or ["it printed nothing"])[-1]


def read_difference(path: Path) -> dict[str, object] | None:
    """What the in-simulator checker left; None when it found nothing."""
    try:
        difference = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return dict(difference)
