"""Verilog models of a library's cells, from the functions in its Liberty file, to simulate a netlist with."""

import re
from collections.abc import Collection
from pathlib import Path

from qsnn_hw.support import files
from qsnn_hw.support.errors import ToolError
from qsnn_hw.support.progress import Progress
from qsnn_hw.targets.asic.synthesis import MappedDesign
from qsnn_hw.toolchain.tools import relative
from qsnn_hw.toolchain.yosys import run_script

_MODULE = re.compile(r"^module\s+\\?([\w$]+)\b.*?^endmodule\b[^\n]*\n", re.MULTILINE | re.DOTALL)
_INSTANCE = re.compile(r"^  (\w+) \S+ +\(\n.*?^  \);\n", re.MULTILINE | re.DOTALL)
_ON, _OFF = "/* verilator tracing_on */", "/* verilator tracing_off */"
_REGISTER = re.compile(r"^  reg \\?(\w+) ?;$", re.MULTILINE)


def cell_models(mapped: MappedDesign, folder: Path, progress: Progress) -> str:
    """Verilog of every cell that ``mapped`` is made of; made by yosys in ``folder``.

    Registers and latches begin with random bits, as a chip does.

    Raises
    ------
    ToolError
        yosys failed, or the Liberty file states no function of a cell.
    """
    models = folder / "models.v"
    folder.mkdir(parents=True, exist_ok=True)
    run_script(
        folder / "models.ys",
        f"read_liberty -ignore_miss_func -ignore_miss_dir -ignore_miss_data_latch "
        f'"{relative(mapped.liberty, folder)}"\n'
        f"proc\nwrite_verilog -noattr {models.name}\n",
        name="yosys: models of the cells",
        progress=progress,
    )
    bodies = {match[1]: match[0] for match in _MODULE.finditer(models.read_text(encoding="utf-8"))}
    missing = sorted(set(mapped.cells) - bodies.keys())
    if missing:
        raise ToolError(f"{mapped.name} has no function of {', '.join(missing[:5])}: not simulated")
    return "\n".join(_random_start(bodies[name]) for name in mapped.cells)


def _random_start(model: str) -> str:
    registers = _REGISTER.findall(model)
    starts = "".join(f"  initial {name} = $random;\n" for name in registers)
    return model.replace("endmodule", starts + "endmodule")


def gate_verilog(
    mapped: MappedDesign, macros: str, folder: Path, progress: Progress, *, counted: Collection[str] = ()
) -> Path:
    """Write ``gates.v`` in ``folder``: the netlist, models of its cells, and ``macros``, memories.

    Parameters
    ----------
    counted
        Cells whose pins a bench counts the switching of, beside the ports of the design; nets between other
        cells are left out of what Verilator counts, which is most of what it has to compile.
    """
    models = cell_models(mapped, folder, progress)
    netlist = mapped.netlist.read_text(encoding="utf-8")
    if counted:
        # From the first net that is no port; an instance is counted or not by where it stands, too.
        netlist = re.sub(r"^(?=  wire _\d+_;$)", f"{_OFF}\n", netlist, count=1, flags=re.MULTILINE)
        netlist = _INSTANCE.sub(lambda m: f"{_ON}\n{m[0]}{_OFF}\n" if m[1] in counted else m[0], netlist)
        models = _MODULE.sub(lambda m: f"{_ON}\n{m[0]}{_OFF}\n" if m[1] in counted else m[0], models)
        netlist += f"{_OFF}\n"
    path = folder / "gates.v"
    files.write_text(path, "\n".join([netlist, models, macros]))
    return path
