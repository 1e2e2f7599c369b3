"""What yosys is told, to map a design to the cells of a library."""

from collections.abc import Sequence
from dataclasses import dataclass

from qsnn_hw.targets.asic.liberty import Liberty

CLOCK_GATE = "qsnn_clock_gate"
"""Module of a clock gate that is made of a latch and an AND, where the library has no cell for it."""

CLOCK_BUFFER = "qsnn_clock_buffer"
"""Module of a buffer between a clock gate and some of its registers."""

LEAST_BUFFERED = 8
"""Registers of one gate from which on a buffer for them is worth its cell."""

_BINS = ("0 1 2 3 4 5 6 7 8 9", "012 34 567 89", "01234 56789")
"""Last digits of registers that share a buffer: of many registers ten buffers, of fewer four or two."""

_GATED = "qsnn_gated"
_BIN = "qsnn_bin"
_PART = "qsnn_part"

LEAST_GATED = 4
"""Registers of one enable from which on a clock gate takes less than their enables would."""


@dataclass(frozen=True)
class _Names:
    script: str = "map.ys"
    log: str = "map.log"
    liberty: str = "cells.lib"
    resets: str = "resets.v"
    enables: str = "enables.v"
    plain: str = "plain.v"
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


def enable_maps() -> tuple[str, str]:
    """Verilog by which yosys' techmap gives a register an enable, and takes it away.

    The enable is the clock, so that registers of one clock have one enable, too; it has no other meaning.
    """
    plain, enabled = "\\$_DFF_P_", "\\$_DFFE_PP_"
    there = f"{enabled} _TECHMAP_REPLACE_ (.D(D), .C(C), .E(C), .Q(Q));"
    back = f"{plain} _TECHMAP_REPLACE_ (.D(D), .C(C), .Q(Q));"
    return (
        f"module {plain} (input D, C, output Q);\n  {there}\nendmodule\n",
        f"module {enabled} (input D, C, E, output Q);\n  {back}\nendmodule\n",
    )


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
    part: str,
    kept: Sequence[tuple[str, str]],
    macros: Sequence[str],
    unused: Sequence[str],
    liberty: Liberty,
) -> str:
    """The script.

    Parameters
    ----------
    part
        That what stands in the top module itself belongs to.
    kept
        Modules that keep their borders until the cells are counted, and the part that each belongs to.
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
    lines += [f"setattr -mod -set keep_hierarchy 1 {_escaped(name)}" for name, _ in kept]
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
    lines += [f"setattr -set {_GATED} 1 t:$_DFFE_*"]
    if gate:
        lines += [
            _GATE.rstrip(),
            f"clockgate -pos {CLOCK_GATE} en:clk:gated -min_net_size {LEAST_GATED}",
            f"proc {CLOCK_GATE}",
            f"techmap {CLOCK_GATE}",
        ]
    elif not own_gate:
        lines += [f"clockgate -liberty {FILES.liberty} -min_net_size {LEAST_GATED}"]
    if used.constraint is not None and (gate or not own_gate):
        lines += _clock_buffers(liberty)
    lines += [
        f"dfflibmap -liberty {FILES.liberty}",
        "opt",
        _abc(used),
        "setundef -zero",
        *_ties(liberty),
        "opt_clean -purge",
        f"tee -q -o {FILES.cells} stat -json",
        *_marks([*kept, (top, part)], macros),
        "setattr -mod -unset keep_hierarchy *",
        "flatten",
        "splitnets -format __",
        "opt_clean -purge",
        *_names(sorted({part, *(of for _, of in kept)})),
        f"write_verilog -noattr -simple-lhs -nohex {FILES.netlist}",
    ]
    return "\n".join(lines) + "\n"


def _clock_buffers(liberty: Liberty) -> list[str]:
    """Buffers between a gate and its registers: else one small cell would drive them all, with slow edges.

    A register that gets an enable again is one of a group of one clock, to which the pass for clock gates
    gives a cell of its own: here a buffer, which has no use for the enable.
    """
    buffer = liberty.clock_buffer()
    if buffer is None:
        return []
    (pin,), (out,) = buffer.inputs, buffer.outputs
    lines = [
        "read_verilog <<END\n(* keep_hierarchy *)\n"
        f"module {CLOCK_BUFFER}(input clk, input en, output gated);\n"
        f"  {buffer.name} driver (.{pin}(clk), .{out.name}(gated));\nendmodule\nEND",
        f"read_liberty -lib -ignore_miss_func {FILES.liberty}",
        f"rename -enumerate -pattern {_GATED}_% a:{_GATED} t:$_DFF_P_ %i",
    ]
    for bins in _BINS:
        for digits in bins.split():
            lines += [
                f"select -set bin a:{_GATED} t:$_DFF_P_ %i c:*[{digits}] %i",
                f"setattr -set {_BIN} 1 @bin",
                f"techmap -map {FILES.enables} @bin",
                f"clockgate -pos {CLOCK_BUFFER} en:clk:gated -min_net_size {LEAST_BUFFERED}",
                # Those that were too few go on without; those that have a buffer now are done.
                f"setattr -unset {_GATED} a:{_BIN} t:$_DFF_P_ %i",
                f"techmap -map {FILES.plain} a:{_BIN} t:$_DFFE_PP_ %i",
                f"setattr -unset {_BIN} a:{_BIN}",
            ]
    return lines


def cell_prefix(part: str) -> str:
    """What the names of a part's cells begin with in the netlist; a number follows."""
    return part.replace(" ", "_") + "_"


def _marks(modules: Sequence[tuple[str, str]], macros: Sequence[str]) -> list[str]:
    """Every cell, those of clock gates too, gets the part that it is of as an attribute; macros do not."""
    # Gates and buffers first: each becomes cells of the module that it stands in.
    lines = [f"setattr -mod -unset keep_hierarchy {CLOCK_GATE} {CLOCK_BUFFER}", "flatten"]
    lines += [f'setattr -set {_PART} "{cell_prefix(part)}" {_escaped(name)}/c:*' for name, part in modules]
    return lines + [f"setattr -unset {_PART} */t:{_escaped(name)}" for name in macros]


def _names(parts: Sequence[str]) -> list[str]:
    """Names of cells by their part: ``neurons_12`` of the neurons."""
    lines = [f"rename -hide */a:{_PART} */c:* %i"]
    for prefix in map(cell_prefix, parts):
        lines.append(f"rename -enumerate -pattern {prefix}% */a:{_PART}={prefix} */c:* %i")
    return lines


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
