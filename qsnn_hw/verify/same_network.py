"""Shows that the design that is synthesized holds the network that was simulated.

What is simulated has trace ports and counters (``06_traced.v``), what is synthesized has none
(``06_design.v``), and both are made on their own. Here yosys reads both again, as it does for synthesis,
and :mod:`qsnn_hw.verify.bisimulation` compares what their outputs depend on.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qsnn_hw.support.errors import MismatchError, ToolError
from qsnn_hw.support.progress import Progress
from qsnn_hw.toolchain.tools import WaysOut, relative
from qsnn_hw.toolchain.yosys import run_script
from qsnn_hw.verify.bisimulation import Difference, Matched, compare
from qsnn_hw.verify.netlist import Bit, Netlist

_GUARD = ".guard"

# Of the streams' members and what stands beside them; a network has some of them.
_INPUTS = ("clk", "rst", "i__payload", "i__valid", "o__ready", "load__payload", "load__valid")
_OUTPUTS = ("o__payload", "o__valid", "i__ready", "load__ready", "loaded", "lost")
# Of a network whose potentials are read, as the output group's trace shows them; its spikes go nowhere.
_POTENTIALS = ("valid", "row", "v")

# A word's way through the guard: what leaves it, and what comes in for it.
_THROUGH = {"o__payload": "i__payload", "o__valid": "i__valid", "i__ready": "o__ready"}


@dataclass(frozen=True)
class Form:
    """A Verilog file and the module in it that is compared; ``beside`` has modules that it lacks."""

    verilog: Path
    module: str
    beside: Path | None = None


def same_network(
    built: Form,
    simulated: Form,
    folder: Path,
    *,
    shown: str | None = None,
    progress: Progress,
    ways_out: WaysOut | None = None,
) -> Matched:
    """Compare the netlists of two forms of one design, without the guard against unknown addresses.

    On a board the serial link leaves out events whose address nobody has, so its network has no guard
    (:class:`~qsnn_hw.rtl.stream.address_guard.AddressGuard`); where there is one, it counts as wires,
    which it is for every word whose events all have an input.

    Parameters
    ----------
    built
        What is synthesized; a module inside it, whose input may be narrower by constants from around it.
    simulated
        What was compared with golden.
    folder
        Receives the script and the log.
    shown
        The trace port of ``simulated`` that shows the potentials which ``built`` is read by; None where its
        spikes or its answer leave it.

    Raises
    ------
    MismatchError
        A register, memory or output of one has no counterpart in the other.
    ToolError
        yosys failed, or there was nothing to compare.
    """
    sides = _netlists((built, simulated), folder, progress, ways_out)
    inputs = [pair for name in _INPUTS if (pair := _pair(sides, name)) is not None]
    outputs = {name: pair for name in _OUTPUTS if (pair := _pair(sides, name)) is not None}
    if shown is not None:
        outputs = {name: pair for name, pair in outputs.items() if not name.startswith("o__")}
        for name in _POTENTIALS:
            pair = _pair(sides, f"potentials__{name}", f"{shown}__{name}")
            if pair is not None:
                outputs[f"potentials__{name}"] = pair
    matched = compare(sides, inputs, outputs)
    names = [f"{form.module} in {form.verilog.name}" for form in (built, simulated)]
    if isinstance(matched, Difference):
        raise MismatchError(
            f"what is synthesized is not what is simulated: {matched.what} of {names[matched.side]} has no "
            f"counterpart in {names[1 - matched.side]}"
        )
    if not matched.registers or ("o__payload" if shown is None else "potentials__v") not in outputs:
        raise ToolError(f"{names[0]} has no register or no output that could be compared; see {folder}")
    return matched


def _pair(
    sides: tuple[Netlist, Netlist], name: str, other: str | None = None
) -> tuple[Sequence[Bit], Sequence[Bit]] | None:
    """The nets of a port in both forms; None where one of them has no such port."""
    first, second = sides[0].bits(name), sides[1].bits(other or name)
    if first is None or second is None or len(first) != len(second):
        return None
    return first, second


def _netlists(
    forms: tuple[Form, Form], folder: Path, progress: Progress, ways_out: WaysOut | None
) -> tuple[Netlist, Netlist]:
    written = [folder / f"{name}.json" for name in ("built", "simulated")]
    text = "".join(
        _SCRIPT.format(
            verilog='" "'.join(relative(file, folder) for file in (form.verilog, form.beside) if file),
            top=form.module,
            guard=_GUARD,
            json=path.name,
        )
        for form, path in zip(forms, written, strict=True)
    )
    try:
        run_script(
            folder / "netlists.ys",
            text,
            name="yosys: the netlists of what is built and what is simulated",
            progress=progress,
            ways_out=ways_out,
        )
        built, simulated = (
            _netlist(json.loads(path.read_text(encoding="utf-8"))["modules"], form.module)
            for form, path in zip(forms, written, strict=True)
        )
    finally:
        for path in written:
            # Large, and of no use to anybody.
            path.unlink(missing_ok=True)
    return built, simulated


def _netlist(modules: dict[str, Any], top: str) -> Netlist:
    module = modules[top]
    through: dict[int, Bit] = {}
    cells = {}
    for name, cell in module["cells"].items():
        if cell["type"].endswith(_GUARD):
            through |= _wires(modules[cell["type"]], cell)
        else:
            cells[name] = cell
    return Netlist({**module, "cells": cells}, through)


def _wires(guard: dict[str, Any], cell: dict[str, Any]) -> dict[int, Bit]:
    """Nets that leave a guard -> the nets that they are without one."""
    inside = Netlist(guard)
    without: dict[Bit, Bit] = {}
    for name in guard["netnames"]:
        # A member whole, or a field of it.
        member, dot, field = name.partition(".")
        left, came = inside.bits(name), inside.bits(_THROUGH.get(member, "") + dot + field)
        without |= dict(zip(left or (), came or (), strict=False))
    # A net inside -> the one outside that it comes from.
    outside: dict[Bit, Bit] = {}
    leaving: list[tuple[Bit, Bit]] = []
    for port, nets in cell["connections"].items():
        pairs = list(zip(guard["ports"][port]["bits"], nets, strict=True))
        if guard["ports"][port]["direction"] == "input":
            outside |= dict(pairs)
        else:
            leaving += pairs
    wires: dict[int, Bit] = {}
    for inner, net in leaving:
        source = without.get(inner, inner)
        if source in outside and isinstance(net, int):
            wires[net] = outside[source]
    return wires


# As synth_* begins, and nothing that changes logic. A guard is kept as a module of its own.
_SCRIPT = """design -reset
read_verilog -sv "{verilog}"
hierarchy -top {top}
proc -norom
setattr -mod -set keep_hierarchy 1 *{guard}
flatten
memory_collect
write_json {json}
"""
