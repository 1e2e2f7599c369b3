"""What yosys is told, to map a design to the cells of a library."""

from collections.abc import Sequence
from dataclasses import dataclass

from qsnn_hw.targets.asic.liberty import Liberty

CLOCK_GATE = "qsnn_clock_gate"
"""Module of a clock gate that is made of a latch and an AND, where the library has no cell for it."""

LEAST_GATED = 4
"""Registers of one enable from which on a clock gate takes less than their enables would."""


@dataclass(frozen=True)
class _Names:
    script: str = "map.ys"
    log: str = "map.log"
    liberty: str = "cells.lib"
    resets: str = "resets.v"
    genlib: str = "cells.genlib"
    constraint: str = "abc.constr"
    netlist: str = "netlist.v"
    cells: str = "cells.json"


FILES = _Names()
"""Files in the folder of a mapping."""


@dataclass(frozen=True)
class ScriptFiles:
    """Files that a script reads, as seen from where yosys runs; None: there is none."""

    verilog: tuple[str, ...]
    genlib: str | None
    constraint: str | None


# The mapper for area; then buffers for fan-out, and sizes that fit the loads.
_ABC = "strash; &get -n; &fraig -x; &put; scorr; dc2; dc2; strash; dch -f; map -B 0.9 -a; topo{buffers}"
_BUFFERS = "; buffer -c; topo; upsize; dnsize; stime -p"

# Registers with reset and enable, as registers with an enable alone: else they could not be gated. SDFFE: the
# reset comes first; SDFFCE: it counts only where the register is enabled.
_RESETS = tuple(
    (kind, clock, reset, value, enable)
    for kind in ("SDFFE", "SDFFCE")
    for clock in "PN"
    for reset in "PN"
    for value in "01"
    for enable in "PN"
)


def reset_map() -> str:
    """Verilog by which yosys' techmap takes the reset out of such registers, into their data and enable."""
    modules = []
    for kind, clock, reset, value, enable in _RESETS:
        resets = "R" if reset == "P" else "!R"
        enables = "E" if enable == "P" else "!E"
        wanted = enables if kind == "SDFFCE" else f"{enables} || {resets}"
        modules.append(
            f"module \\$_{kind}_{clock}{reset}{value}{enable}_ (input D, C, R, E, output Q);\n"
            f"  \\$_DFFE_{clock}P_ _TECHMAP_REPLACE_ "
            f"(.D({resets} ? 1'b{value} : D), .C(C), .E({wanted}), .Q(Q));\nendmodule\n"
        )
    return "".join(modules)


_GATE = f"""\
read_verilog <<END
(* keep_hierarchy *)
module {CLOCK_GATE}(input clk, input en, output gated);
  reg held;
  always @* if (!clk) held = en;
  assign gated = clk & held;
endmodule
END
"""


def synthesis_script(
    used: ScriptFiles,
    top: str,
    kept: Sequence[str],
    macros: Sequence[str],
    unused: Sequence[str],
    liberty: Liberty,
) -> str:
    """The script.

    Parameters
    ----------
    kept
        Modules that keep their borders until the cells are counted.
    macros
        Modules that are black boxes.
    unused
        Patterns of ports that the top module is to lose.
    liberty
        The library whose cells there are.
    """
    own_gate = not any(cell.gates_clock and cell.usable for cell in liberty.cells.values())
    gate = bool(liberty.latches()) and own_gate
    lines = [f'read_verilog -sv "{path}"' for path in used.verilog]
    lines += [f"blackbox {_escaped(name)}" for name in macros]
    lines += [f"hierarchy -check -top {_escaped(top)}"]
    lines += [f"delete -port {top}/w:{pattern}" for pattern in unused]
    lines += [f"setattr -mod -set keep_hierarchy 1 {_escaped(name)}" for name in kept]
    lines += [
        "proc",
        # A chip powers up with nothing in its registers.
        "attrmap -remove init",
        f"synth -flatten -noabc -top {_escaped(top)}",
        f"techmap -map {FILES.resets}",
        "simplemap",
        # Not opt: it would find the resets again.
        "opt_expr",
        "opt_merge",
        "opt_clean",
    ]
    if gate:
        lines += [
            _GATE.rstrip(),
            f"clockgate -pos {CLOCK_GATE} en:clk:gated -min_net_size {LEAST_GATED}",
            f"proc {CLOCK_GATE}",
            f"techmap {CLOCK_GATE}",
        ]
    elif not own_gate:
        lines += [f"clockgate -liberty {FILES.liberty} -min_net_size {LEAST_GATED}"]
    lines += [
        f"dfflibmap -liberty {FILES.liberty}",
        "opt",
        _abc(used),
        "setundef -zero",
        *_ties(liberty),
        "opt_clean -purge",
        f"tee -q -o {FILES.cells} stat -json",
        "setattr -mod -unset keep_hierarchy *",
        "flatten",
        "splitnets -format __",
        "opt_clean -purge",
        f"write_verilog -noattr -simple-lhs -nohex {FILES.netlist}",
    ]
    return "\n".join(lines) + "\n"


def _escaped(name: str) -> str:
    return f"\\{name}"


def _abc(used: ScriptFiles) -> str:
    commands = "+" + _ABC.format(buffers=_BUFFERS if used.constraint is not None else "").replace(" ", ",")
    cells = f"-liberty {FILES.liberty}" if used.genlib is None else f"-genlib {used.genlib}"
    constraint = "" if used.constraint is None else f" -constr {used.constraint}"
    return f"abc {cells}{constraint} -script {commands}"


def _ties(liberty: Liberty) -> list[str]:
    high, low = liberty.tie(1), liberty.tie(0)
    if high is None or low is None:
        return []
    return [f"hilomap -hicell {high[0]} {high[1]} -locell {low[0]} {low[1]}"]
