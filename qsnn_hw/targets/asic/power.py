"""Power and energy of a mapped design by OpenSTA, with the activity of its simulated netlist, before layout.

Registers and inputs switch as they did in simulation; OpenSTA works out from that what the gates between them
do, as if nets were independent of each other. It does not see that a gated clock stands still: what registers
take from the clock is asked for apart, and counted by the cycles in which their clock really came.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.support.errors import ToolError
from qsnn_hw.support.progress import Progress
from qsnn_hw.targets.asic.liberty import Liberty
from qsnn_hw.targets.asic.saif import Activity
from qsnn_hw.targets.asic.sta import ask, head
from qsnn_hw.targets.asic.synthesis import MappedDesign
from qsnn_hw.targets.asic.synthesis_script import cell_prefix
from qsnn_hw.toolchain.tools import Tool

_CELL = re.compile(r"^  (\w+) (\\\S+ |\w+) \(\n(.*?)\n  \);", re.MULTILINE | re.DOTALL)
_PIN = re.compile(r"\.(\w+)\(([^()]*)\)")
_ROW = re.compile(r"^\s*([\d.e+-]+)\s+([\d.e+-]+)\s+([\d.e+-]+)\s+([\d.e+-]+)\s+(\S+)\s*$", re.MULTILINE)
_CELLS = "qsnn cells"
_TOTAL = re.compile(r"^Total\s+([\d.e+-]+)\s+([\d.e+-]+)\s+([\d.e+-]+)\s+([\d.e+-]+)", re.MULTILINE)


@dataclass(frozen=True)
class PartPower:
    """Power of the cells of one part of the design, watt, as :class:`Power` has it."""

    clock_w: float
    logic_w: float
    leakage_w: float

    @property
    def total_w(self) -> float:
        """Together."""
        return self.clock_w + self.logic_w + self.leakage_w


@dataclass(frozen=True)
class Power:
    """Power of the standard cells while samples come back to back, watt; macros apart.

    Parameters
    ----------
    clock_mhz
        The clock it is for; all but leakage goes with it.
    cycles
        Over which activity was counted.
    clock_w
        What registers, latches and clock gates take from the clock, gated clocks at rest not counted, and the
        pins that the clock itself drives.
    logic_w
        All other cells' switching, and registers' apart from the clock.
    leakage_w
        Of all cells.
    ungated_clock_w
        What the clock would take were no clock gated.
    supply_v
        Of the library's corner; None where it states none.
    parts
        Part of the design -> what its cells take of that.
    """

    clock_mhz: float
    cycles: int
    clock_w: float
    logic_w: float
    leakage_w: float
    ungated_clock_w: float
    supply_v: float | None
    parts: Mapping[str, PartPower]

    @property
    def total_w(self) -> float:
        """Together."""
        return self.clock_w + self.logic_w + self.leakage_w

    def energy_j(self, cycles: float) -> float:
        """Of so many cycles at this clock, joule, leakage included."""
        return self.total_w * cycles / (self.clock_mhz * 1e6)


@dataclass(frozen=True)
class Instance:
    """A cell of the netlist: its type, its name, and pin -> net."""

    kind: str
    name: str
    pins: Mapping[str, str]


def instances(netlist: str) -> list[Instance]:
    """The cells of a flat netlist as yosys writes it."""
    return [
        Instance(kind, name.strip().lstrip("\\"), dict(_PIN.findall(body)))
        for kind, name, body in _CELL.findall(netlist)
    ]


def power_of(
    mapped: MappedDesign,
    liberty: Liberty,
    activity: Activity,
    cycles: int,
    clock_mhz: float,
    tool: Tool,
    folder: Path,
    progress: Progress,
) -> Power | str:
    """Power at ``clock_mhz`` in ``folder``: power.tcl, power.log; or why it is not measured.

    Parameters
    ----------
    activity, cycles
        Of the simulated netlist, and the clock cycles it was counted over.

    Raises
    ------
    ToolError
        OpenSTA failed or did not answer.
    """
    cells = instances(mapped.netlist.read_text(encoding="utf-8"))
    state = [cell for cell in cells if _keeps(liberty, cell.kind)]
    sources = [cell for cell in cells if _keeps(liberty, cell.kind) or cell.kind in mapped.macros]
    unseen = sum(
        not any((cell.name, pin) in activity.toggles for pin in _outputs(cell, liberty)) for cell in state
    )
    if unseen:
        # Taken for still, they would make the power too small.
        return f"power is not measured: simulation saw {len(state) - unseen} of {len(state)} registers"
    gates = _clock_gates(cells, state, liberty)
    clocked = [*state, *gates]
    pulses = _pulses(state, gates, liberty, activity, cycles)
    begin = head(mapped, folder, 1000.0 / clock_mhz)
    # Each in a run of its own: once it has reported, OpenSTA keeps the activity of gates that it worked out.
    rest = ask(
        tool, begin + _at_rest(clocked), folder / "power_clock.tcl", progress, "sta: power of the clock"
    )
    part_of = _parts(mapped, cells)
    script = begin + _at_work(sources, part_of, liberty, activity, cycles)
    answers = ask(tool, script, folder / "power.tcl", progress, "sta: power")
    idle = {row[4]: float(row[0]) + float(row[1]) for row in _ROW.findall(rest.text)}
    whole, _, listed = answers.text.partition(_CELLS)
    total = _TOTAL.search(whole)
    if total is None:
        raise ToolError(f"sta reported no power; see {answers.log}")
    internal, switching, leakage = (float(total[k]) for k in (1, 2, 3))
    work = {row[4]: (float(row[0]) + float(row[1]), float(row[2])) for row in _ROW.findall(listed)}
    for cell in clocked:
        if cell.name not in idle:
            raise ToolError(f"sta reported no power of {cell.name}; see {rest.log}")
    ungated = {cell.name: idle[cell.name] for cell in clocked}
    gated = {cell.name: idle[cell.name] * pulses[cell.name] for cell in clocked}
    pins = {cell.name: _clock_pins([cell], liberty, clock_mhz) for cell in cells}
    parts = {}
    for part in sorted(set(part_of.values())):
        names = [name for name, of in part_of.items() if of == part]
        if any(name not in work for name in names):
            raise ToolError(f"sta reported no power of some cells; see {answers.log}")
        parts[part] = PartPower(
            clock_w=sum(gated.get(name, 0.0) + pins[name] for name in names),
            logic_w=max(0.0, sum(work[name][0] - ungated.get(name, 0.0) for name in names)),
            leakage_w=sum(work[name][1] for name in names),
        )
    return Power(
        clock_mhz=clock_mhz,
        cycles=cycles,
        clock_w=sum(gated.values()) + sum(pins.values()),
        logic_w=max(0.0, internal + switching - sum(ungated.values())),
        leakage_w=leakage,
        ungated_clock_w=sum(ungated.values()) + sum(pins.values()),
        supply_v=liberty.voltage,
        parts=parts,
    )


def _parts(mapped: MappedDesign, cells: Sequence[Instance]) -> dict[str, str]:
    """Cell of the library -> its part, by the name that it has from there; macros are in none.

    Raises
    ------
    ToolError
        They are not those that were counted.
    """
    parts = {
        cell.name: part
        for cell in cells
        if cell.kind in mapped.cells
        for part in mapped.parts
        if cell.name.startswith(cell_prefix(part)) and cell.name[len(cell_prefix(part)) :].isdigit()
    }
    nameless = [cell.name for cell in cells if cell.kind in mapped.cells and cell.name not in parts]
    if nameless:
        raise ToolError(f"{mapped.netlist} has cells of no part: {', '.join(nameless[:5])}")
    counted, named = {part: of.cells for part, of in mapped.parts.items()}, Counter(parts.values())
    # The netlist has fewer where what only crosses a border was left out behind the count.
    if any(named[part] > number for part, number in counted.items()):
        raise ToolError(f"cells by part: {counted} were counted, {mapped.netlist} has {dict(named)}")
    return parts


def _keeps(liberty: Liberty, kind: str) -> bool:
    cell = liberty.cells.get(kind)
    return cell is not None and cell.kind in ("flip-flop", "latch")


def _clock_gates(cells: Iterable[Instance], state: Iterable[Instance], liberty: Liberty) -> list[Instance]:
    """Cells that are no registers and drive the clock of some, buffers in front of it included."""
    clocks = {cell.pins.get(_clock_pin(cell.kind, liberty) or "", "").strip() for cell in state} - {""}
    gates = {cell.name: cell for cell in cells if not _keeps(liberty, cell.kind)}
    found: dict[str, Instance] = {}
    while more := [
        cell for cell in gates.values() if cell.name not in found if _driven(cell, liberty) in clocks
    ]:
        found |= {cell.name: cell for cell in more}
        clocks |= {net for cell in more if (net := _only_input(cell, liberty))}
    return list(found.values())


def _driven(cell: Instance, liberty: Liberty) -> str | None:
    """The net of a cell's first output."""
    outputs = _outputs(cell, liberty)
    return cell.pins.get(outputs[0], "").strip() if outputs else None


def _only_input(cell: Instance, liberty: Liberty) -> str | None:
    """The net of a buffer's or an inverter's input; None of other cells."""
    inputs = liberty.cells[cell.kind].inputs
    return cell.pins.get(inputs[0], "").strip() if len(inputs) == 1 else None


def _pulses(
    state: Iterable[Instance], gates: Iterable[Instance], liberty: Liberty, activity: Activity, cycles: int
) -> dict[str, float]:
    """Register, or cell in front of its clock -> clock pulses that reached or left it in a mean cycle."""
    of_net: dict[str, float] = {}
    found: dict[str, float] = {}
    for cell in state:
        pin = _clock_pin(cell.kind, liberty)
        toggles = None if pin is None else activity.toggles.get((cell.name, pin))
        found[cell.name] = 1.0 if toggles is None else min(1.0, toggles / (2 * cycles))
        if pin is not None:
            of_net[cell.pins.get(pin, "").strip()] = found[cell.name]
    # Those in front of registers come first.
    for cell in gates:
        found[cell.name] = share = of_net.get(_driven(cell, liberty) or "", 1.0)
        net = _only_input(cell, liberty)
        if net is not None:
            of_net.setdefault(net, share)
    return found


def _at_rest(clocked: Iterable[Instance]) -> str:
    """What cells take from the clock alone."""
    names = " ".join(cell.name for cell in clocked)
    return (
        "set_power_activity -global -activity 0 -duty 0\n"
        "set_power_activity -input -activity 0 -duty 0\n"
        f"report_power -instances [get_cells {{{names}}}] -digits 6\n"
    )


def _at_work(
    sources: Iterable[Instance], names: Iterable[str], liberty: Liberty, activity: Activity, cycles: int
) -> str:
    """What all cells, and each of these, take while registers, macros and ports switch as in simulation."""
    ports = [
        n for (where, net), n in activity.toggles.items() if not where and net.startswith(("i__", "o__r"))
    ]
    rate = sum(ports) / len(ports) / cycles if ports else 0.0
    lines = [f"set_power_activity -input -activity {rate:.6g} -duty 0.5"]
    # set_power_activity -pins itself is broken in the build of 2019; this is what it calls.
    for cell in sources:
        for pin in _outputs(cell, liberty):
            key = (cell.name, pin)
            if key not in activity.toggles:
                continue
            rate, high = activity.toggles[key] / cycles, activity.high.get(key, 0.5)
            lines.append(f"sta::set_power_pin_activity [get_pins {cell.name}/{pin}] {rate:.6g} {high:.6g}")
    lines += [
        "report_power -digits 6",
        f'puts "{_CELLS}"',
        f"report_power -instances [get_cells {{{' '.join(names)}}}] -digits 6",
    ]
    return "\n".join(lines) + "\n"


def _outputs(cell: Instance, liberty: Liberty) -> list[str]:
    known = liberty.cells.get(cell.kind)
    return [] if known is None else [pin.name for pin in known.outputs]


def _clock_pin(kind: str, liberty: Liberty) -> str | None:
    """The pin that is a cell's clock or enable; None where that is no pin alone."""
    state = liberty.cells[kind].state
    words = re.findall(r"\w+", state.get("clocked_on", state.get("enable", "")))
    return words[0] if len(words) == 1 else None


def _clock_pins(cells: Iterable[Instance], liberty: Liberty, clock_mhz: float) -> float:
    """What charging the pins takes that hang on the clock's port itself, without any wire."""
    load = 0.0
    for cell in cells:
        known = liberty.cells.get(cell.kind)
        if known is not None:
            load += sum(
                known.pins[pin].capacitance or 0.0
                for pin, net in cell.pins.items()
                if net.strip() == "clk" and pin in known.pins
            )
    return load * (liberty.voltage or 0.0) ** 2 * clock_mhz * 1e6
