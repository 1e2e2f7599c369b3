"""Builds the bench without Python: Verilator's model of one design with ``sim/bench.cpp``.

A bench is a program of its own, kept in the user's cache folder under a digest of all it is made from: the
Verilog, the sources, Verilator and the compiler. The same design in another output folder finds it there.
"""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.files import write_text
from qsnn_hw.support.output_folder import BUILDING
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.shipped import resource_folder
from qsnn_hw.toolchain.tools import (
    cache_folder,
    find_tool,
    has_space,
    run_tool,
    verilator_build_args,
    verilator_environment,
)
from qsnn_hw.verify.stimulus import FORMAT as STIMULUS_FORMAT

# Raise it when the way benches are built changes.
_BUILD_FORMAT = 3

# Where the model's inner loops are fast; a higher level takes longer to compile than it saves.
_OPTIMIZE, _QUICK = "-O2", "-O0"

_ONE_UNIT_BYTES = 8 << 20
"""A model of up to so much C++ is compiled in one piece: each further one reads the same headers again,
which is half of a small model's time."""

# Names that begin with an underscore are those of most cells.
_COUNTING = ("--trace-saif", "--trace-underscore")

_KEPT = 64
"""Benches in the cache folder, a few megabytes each; the ones used longest ago give way."""

_PREFIX = "Vbench"


@dataclass(frozen=True)
class Bench:
    """A built bench.

    Parameters
    ----------
    program
        The file to run.
    ports
        Ports of the design's top module, and their widths in bits.
    """

    program: Path
    ports: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"program": str(self.program), "ports": self.ports}

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> "Bench":
        """The inverse of :meth:`as_dict`."""
        return cls(Path(values["program"]), dict(values["ports"]))


def verilog_ports(verilog: str, top: str) -> dict[str, int]:
    """The ports of module ``top``, and their widths in bits.

    Raises
    ------
    ToolError
        There is no such module.
    """
    body = re.search(rf"^module \\?{re.escape(top)} ?\((.*?)^endmodule", verilog, re.MULTILINE | re.DOTALL)
    if body is None:
        raise ToolError(f"the Verilog has no module {top}")
    ports = re.findall(r"^  (?:input|output) (?:\[(\d+):0\] )?\\?(\w+) ?;", body[1], re.MULTILINE)
    return {name: int(high or 0) + 1 for high, name in ports}


def bench_source() -> Path:
    """The program's own source, which knows no design."""
    return resource_folder("sim") / "bench.cpp"


def _design_header() -> Path:
    return resource_folder("sim") / "design.h"


def build_bench(
    verilog: Path,
    top: str,
    work_dir: Path,
    progress: Progress,
    source: Path | None = None,
    *,
    counts_nets: bool = False,
    quick_build: bool = False,
    toggles: bool = False,
) -> Bench:
    """Compile the bench for ``verilog``; nothing is done when it is in the cache folder.

    Parameters
    ----------
    source
        Another program around the model than ``sim/bench.cpp``; it knows the model by ``sim/design.h``, or is
        written for this one and includes ``Vbench.h``.
    counts_nets
        Whether the program can write how often every net switched, which makes it tens of times slower.
    quick_build
        Compile without optimisation: for a model that takes longer to compile than to run.
    toggles
        The model counts how often each bit of the design rises and falls; a run leaves ``coverage``.

    Raises
    ------
    ToolError
        Verilator or the compiler failed; the message names the log.
    UserError
        A tool is missing, or ``work_dir`` or the cache folder cannot be used.
    """
    text = verilog.read_text(encoding="utf-8")
    source = bench_source() if source is None else source
    header = _design_header()
    tools = [find_tool(name) for name in ("verilator", "c++")]
    more = (*(_COUNTING if counts_nets else ()), *(("--coverage-toggle",) if toggles else ()))
    versions = [(tool.command, tool.version) for tool in tools]
    benches = cache_folder() / "benches"

    def stored(level: str) -> Path:
        parts = (_BUILD_FORMAT, top, level, *versions, *more)
        digest = hashlib.sha256(repr(parts).encode())
        digest.update(text.encode() + source.read_bytes() + header.read_bytes())
        digest.update(model_glue({}, Path(header.name)).encode())
        return benches / digest.hexdigest()[:32]

    level, program = _OPTIMIZE, stored(_OPTIMIZE)
    # What is there already is as quick.
    if quick_build and not program.is_file():
        level, program = _QUICK, stored(_QUICK)
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        benches.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {work_dir}: {error.strerror or error}; choose another -o") from error
    if program.is_file():
        progress.say(f"simulation model: {program.name[:16]} is up to date")
        with contextlib.suppress(OSError):
            os.utime(program)
        return Bench(program, verilog_ports(text, top))
    # GNU make cannot handle a space in a path; the cache folder has none.
    place = benches if has_space(work_dir) else work_dir
    building = Path(tempfile.mkdtemp(prefix=f"{BUILDING}{program.name[:16]}-", dir=place))
    try:
        ports = _compile(verilog, text, top, source, building, work_dir, progress, more, level)
        # Renamed into place whole: another run may be building or using the same.
        handle, temporary = tempfile.mkstemp(dir=benches)
        os.close(handle)
        shutil.copyfile(building / "bench", temporary)
        os.chmod(temporary, 0o755)
        os.replace(temporary, program)
    except OSError as error:
        raise UserError(f"cannot write {error.filename}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _forget_old(benches)
    return Bench(program, ports)


def _compile(
    verilog: Path,
    text: str,
    top: str,
    source: Path,
    folder: Path,
    work_dir: Path,
    progress: Progress,
    more: Sequence[str],
    level: str,
) -> dict[str, int]:
    """Leave the program ``bench`` in ``folder``."""
    environment = verilator_environment()
    run_tool(
        find_tool("verilator"),
        [
            *("--cc", "--exe", "-O3", "--prefix", _PREFIX, "--top-module", top),
            *("-Mdir", str(folder.resolve()), "-o", "bench", *verilator_build_args(), *more),
            *(str(verilog.resolve()), str(source.resolve())),
        ],
        log=work_dir / "verilator-build.log",
        cwd=work_dir,
        env=environment,
        progress=progress,
        name="verilator: translate the design",
    )
    ports = verilog_ports(text, top)
    model = folder / f"{_PREFIX}.cpp"
    write_text(model, model.read_text(encoding="utf-8") + model_glue(ports, _design_header()))
    large = sum(path.stat().st_size for path in folder.glob("*.cpp")) > _ONE_UNIT_BYTES
    run_tool(
        find_tool("make"),
        [
            *("-C", str(folder.resolve()), "-f", f"{_PREFIX}.mk"),
            *(f"-j{os.cpu_count() or 1}", f"OPT_FAST={level}", f"VM_PARALLEL_BUILDS={int(large)}"),
        ],
        log=work_dir / "compiler-build.log",
        cwd=work_dir,
        env=environment,
        progress=progress,
        name="compiler: build the simulation model",
        on_line=compiling,
    )
    return ports


def compiling(line: str) -> str | None:
    """What a line of the build's output means to a user who waits."""
    source = line.rpartition(" ")[2]
    return f"compiling {Path(source).name}" if source.endswith(".cpp") else None


def model_glue(ports: Mapping[str, int], header: Path) -> str:
    """The C++ that makes a ``Design`` (``sim/design.h``, ``header``) of Verilator's model, appended to it.

    It is part of the model because a file of its own would read Verilator's headers once more.
    """
    # Verilator's own names: no double underscore in C++.
    members = [(name, name.replace("__", "___05F")) for name in ports]
    table = "\n".join(
        f'            {{"{name}", &model_.{member}, sizeof(model_.{member})}},' for name, member in members
    )
    return f"""
#include "{header}"
#if VM_TRACE_SAIF
#include "verilated_saif_c.h"
#endif
#if VM_COVERAGE
#include "verilated_cov.h"
#endif

const int64_t Design::STIMULUS_FORMAT = {STIMULUS_FORMAT};
const size_t Design::PAYLOAD_BITS = {ports.get("o__payload", 1)};

namespace {{

class MadeDesign final : public Design {{
  public:
    MadeDesign() {{
        ports_ = {{
{table}
        }};
    }}

    void eval() override {{ model_.eval(); }}

#if VM_TRACE_SAIF
    bool open_saif(const std::string& path) override {{
        saif_ = std::make_unique<VerilatedSaifC>();
        model_.trace(saif_.get(), 99);
        saif_->open(path.c_str());
        return saif_->isOpen();
    }}
    void dump_saif(uint64_t time) override {{ saif_->dump(time); }}
    void close_saif() override {{
        saif_->close();
        saif_.reset();
    }}
#else
    bool open_saif(const std::string&) override {{ return false; }}
    void dump_saif(uint64_t) override {{}}
    void close_saif() override {{}}
#endif

    void write_coverage(const std::string& path) override {{
#if VM_COVERAGE
        context_->coveragep()->write(path.c_str());
#else
        (void)path;
#endif
    }}

  private:
    static std::unique_ptr<VerilatedContext> context() {{
        auto made = std::make_unique<VerilatedContext>();
#if VM_TRACE_SAIF
        made->traceEverOn(true);
#endif
        return made;
    }}

    const std::unique_ptr<VerilatedContext> context_ = context();
    {_PREFIX} model_{{context_.get()}};
#if VM_TRACE_SAIF
    std::unique_ptr<VerilatedSaifC> saif_;
#endif
}};

}}  // namespace

std::unique_ptr<Design> Design::make() {{ return std::make_unique<MadeDesign>(); }}
"""


def _forget_old(benches: Path) -> None:
    """Keep the newest benches."""
    with contextlib.suppress(OSError):
        programs = sorted(benches.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for program in programs[_KEPT:]:
            program.unlink(missing_ok=True)
