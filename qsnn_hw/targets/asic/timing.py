"""The critical path of a mapped design, by OpenSTA: before layout, without wires, with an ideal clock."""

import re
from dataclasses import dataclass
from pathlib import Path

from qsnn_hw.support.progress import Progress
from qsnn_hw.targets.asic.sta import Answers, ask, head
from qsnn_hw.targets.asic.synthesis import MappedDesign
from qsnn_hw.toolchain.tools import Tool

_LONGEST_NS, _SHORTEST_NS = 4096.0, 2.0**-7

_PERIOD = f"""\
set low {_SHORTEST_NS}
set high {_LONGEST_NS}
while {{$high / $low > 1.002}} {{
  set middle [expr sqrt($low * $high)]
  constrain $middle
  if {{[worst_slack] > -0.0005}} {{ set high $middle }} else {{ set low $middle }}
}}
constrain $high
puts "qsnn period $high"
puts "qsnn slack [worst_slack]"
puts "qsnn hold [worst_slack -min]"
# A little faster than that, the path that fails first is the slowest one, and no other is as bad.
constrain [expr 0.98 * $high]
puts "qsnn from paths"
report_checks -path_delay max -digits 4
puts "qsnn until paths"
"""

_STEP = re.compile(r"^\s*([\d.-]+)\s+([\d.-]+)\s+[\^v]\s+(\S+)\s+\((\w+)\)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Timing:
    """How fast a mapped design can be clocked, before layout.

    Parameters
    ----------
    period_ns
        The shortest clock period that every check is met with, to 0.2 %.
    hold_ns
        The worst slack of hold, with an ideal clock.
    start, end
        Where the slowest path begins and ends.
    path
        The cells along it, in order.
    """

    period_ns: float
    hold_ns: float
    start: str
    end: str
    path: tuple[str, ...]

    @property
    def fmax_mhz(self) -> float:
        """The clock of that period."""
        return 1000.0 / self.period_ns


def time_design(mapped: MappedDesign, tool: Tool, folder: Path, progress: Progress) -> Timing | None:
    """Find the shortest period, in ``folder``: timing.tcl, timing.log; None where no period is long enough.

    Raises
    ------
    ToolError
        OpenSTA failed or did not answer.
    """
    script = head(mapped, folder, _LONGEST_NS) + _PERIOD
    return read_timing(ask(tool, script, folder / "timing.tcl", progress, "sta: critical path"))


def read_timing(answers: Answers) -> Timing | None:
    """The timing of what OpenSTA answered to the script above."""
    period = answers.number("period")
    if period >= _LONGEST_NS:
        return None
    paths = answers.text.partition("qsnn from paths")[2].partition("qsnn until paths")[0]
    worst = _worst(paths)
    start = re.search(r"^Startpoint: (\S+)", worst, re.MULTILINE)
    end = re.search(r"^Endpoint: (\S+)", worst, re.MULTILINE)
    steps = _STEP.findall(worst)
    return Timing(
        period_ns=period,
        hold_ns=answers.number("hold"),
        start=start[1] if start else "?",
        end=end[1] if end else "?",
        # The first register has a row for its clock and one for its output.
        path=tuple({pin.rpartition("/")[0]: kind for _, _, pin, kind in steps}.values()),
    )


def _worst(paths: str) -> str:
    """Of one path for each group of checks, the one with the least slack."""
    found = [part for part in paths.split("Startpoint: ") if "slack" in part]

    def slack(part: str) -> float:
        number = re.search(r"([\d.-]+)\s+slack", part)
        return float(number[1]) if number else float("inf")

    return "Startpoint: " + min(found, key=slack) if found else ""
