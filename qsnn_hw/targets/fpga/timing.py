"""What nextpnr's JSON report says: utilization, Fmax of every clock, the slowest path."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qsnn_hw.support.errors import ToolError


@dataclass(frozen=True)
class Resource:
    """Used and available units of one of the device's resources."""

    used: int
    available: int

    def on_device(self, limit: int | None) -> "Resource":
        """Of a device that is sold with ``limit`` units, though its die has more; None: with all."""
        return self if limit is None else Resource(self.used, min(self.available, limit))


@dataclass(frozen=True)
class Clock:
    """Fmax a clock reached and the frequency it was asked for, both in MHz."""

    achieved_mhz: float
    constraint_mhz: float


@dataclass(frozen=True)
class CriticalPath:
    """The slowest register-to-register path.

    Parameters
    ----------
    clock
        nextpnr's name of its clock.
    start, end
        nextpnr's names of the first and last cell.
    logic_ns, routing_ns
        Delay in cells (setup and clock-to-output included) and in wires.
    steps
        Number of wires on the path.
    """

    clock: str
    start: str
    end: str
    logic_ns: float
    routing_ns: float
    steps: int

    @property
    def total_ns(self) -> float:
        """The whole delay."""
        return self.logic_ns + self.routing_ns


@dataclass(frozen=True)
class TimingReport:
    """The parts of nextpnr's report that matter here.

    Parameters
    ----------
    resources
        Every resource by nextpnr's own name.
    clocks
        Every clock by nextpnr's own name.
    critical_path
        Slowest path within the slowest clock; None when nextpnr reports none.
    """

    resources: Mapping[str, Resource]
    clocks: Mapping[str, Clock]
    critical_path: CriticalPath | None

    @property
    def slowest(self) -> str:
        """Name of the clock with the smallest Fmax."""
        return min(self.clocks, key=lambda name: self.clocks[name].achieved_mhz)


def _critical_path(report: Any, clock: str) -> CriticalPath | None:
    best: CriticalPath | None = None
    for entry in report.get("critical_paths", []):
        # Paths to and from pins are called <async>; they do not bound the clock.
        if not str(entry["from"]).endswith(clock) or not str(entry["to"]).endswith(clock):
            continue
        path = entry["path"]
        if not path:
            continue
        routing = [float(step["delay"]) for step in path if step["type"] == "routing"]
        logic = [float(step["delay"]) for step in path if step["type"] != "routing"]
        longest = CriticalPath(
            clock=clock,
            start=str(path[0]["from"]["cell"]),
            end=str(path[-1]["to"]["cell"]),
            logic_ns=sum(logic),
            routing_ns=sum(routing),
            steps=len(routing),
        )
        if best is None or longest.total_ns > best.total_ns:
            best = longest
    return best


def parse_report(report: Any) -> TimingReport:
    """Read what ``nextpnr --report`` wrote.

    Raises
    ------
    ToolError
        The report lacks utilization or timing: then the design has no clocked path, and what was
        placed is not the design that was meant.
    """
    try:
        resources = {
            str(name): Resource(int(counts["used"]), int(counts["available"]))
            for name, counts in report["utilization"].items()
        }
        clocks = {
            str(name): Clock(float(values["achieved"]), float(values["constraint"]))
            for name, values in report["fmax"].items()
        }
        if not clocks:
            raise ToolError("nextpnr found no clocked path in the design, so there is no Fmax")
        slowest = min(clocks, key=lambda name: clocks[name].achieved_mhz)
        return TimingReport(resources, clocks, _critical_path(report, slowest))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ToolError(f"nextpnr wrote a report of an unknown form: {error!r}") from error


_HOLDS = re.compile(r"(\d+) Hold/min time violations")


def hold_violations(log: str) -> int:
    """How many hold violations nextpnr counts at its end; it goes on all the same."""
    found = _HOLDS.findall(log)
    return int(found[-1]) if found else 0


_UTILIZATION = re.compile(r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%")


def parse_log_utilization(log: str) -> dict[str, Resource]:
    """The utilization nextpnr prints after packing, which is there even when placing then fails."""
    return {
        match[1]: Resource(int(match[2]), int(match[3]))
        for match in map(_UTILIZATION.match, log.splitlines())
        if match
    }
