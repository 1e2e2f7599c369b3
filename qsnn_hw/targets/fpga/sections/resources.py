"""Cells of the device that the placed and routed design takes."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from qsnn_hw.build.steps import outputs
from qsnn_hw.families.registry import families
from qsnn_hw.report.bars import Bar, bars
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import HARDWARE, Added, Exhibit, Line, Part, Section
from qsnn_hw.report.sections.board import BOARD
from qsnn_hw.report.sections.products import FILES, left
from qsnn_hw.report.sections.tools import TOOLS
from qsnn_hw.report.svg import Figure, figure
from qsnn_hw.report.words import NOT_MEASURED
from qsnn_hw.support.values import check_counts
from qsnn_hw.targets.fpga.record import Implementation

_NEARLY_FULL = 0.9


@dataclass(frozen=True)
class Resource:
    """Cells of one kind: used by the design and available on the device."""

    used: int | None = None
    available: int | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts."""
        check_counts(self, "resource", "used", "available")


def _resources(results: Results) -> dict[str, Resource] | None:
    built = results.get(Implementation)
    if built is None:
        return None
    return {name: Resource(r.used, r.available) for name, r in built.resources.items() if r.available}


def _tools(results: Results) -> dict[str, str]:
    built = results.get(Implementation)
    return {} if built is None else {name: version or "unknown" for name, version in built.tools.items()}


def _files(results: Results) -> dict[str, str | None]:
    built = results.get(Implementation)
    bitstream = None if built is None else built.files.get("bitstream")
    return {
        "verilog": left(results, outputs.BOARD_VERILOG),
        "weights": left(results, outputs.WEIGHTS),
        "bitstream": None if bitstream is None else Path(bitstream).name,
    }


RESOURCES: Part[Mapping[str, Resource]] = Part(
    "resources",
    Mapping[str, Resource],
    {},
    _resources,
    basis={"": "tool report"},
    definitions={
        "": "Cells used and available on the device, under the names the place-and-route tool reports."
    },
)
"""The place-and-route tool's own cell name -> used and available."""


def line(report: Report, most: int = 3) -> str:
    used = [(name, cell) for name, cell in report[RESOURCES].items() if cell.used]
    # The fullest kinds of cell decide whether a design fits; clocks and pins are the same for every network.
    of_network = {name for family in families().values() for name in astuple(family.units)}

    def place(item: tuple[str, Resource]) -> tuple[bool, float]:
        name, cell = item
        return name not in of_network, -(cell.used or 0) / (cell.available or float("inf"))

    used.sort(key=place)
    parts = []
    for name, cell in used[:most]:
        share = (
            f" of {cell.available:,} ({100 * (cell.used or 0) / cell.available:.1f} %)"
            if cell.available
            else ""
        )
        parts.append(f"{name} {cell.used:,}{share}")
    return ", ".join(parts) or NOT_MEASURED


def chart(report: Report) -> Figure | None:
    """Used cells against the device, fullest first; None before place and route."""
    if not report[RESOURCES]:
        return None
    shown, unused = [], []
    for name, cell in report[RESOURCES].items():
        if cell.used == 0:
            unused.append(name)
            continue
        if cell.used is None:
            shown.append(Bar(name, None, NOT_MEASURED, "c-0"))
        elif not cell.available:
            shown.append(Bar(name, 0.0, f"{cell.used:,} used", "c-0"))
        else:
            share = cell.used / cell.available
            note = " \u26a0 too many" if share > 1 else " \u26a0 nearly full" if share > _NEARLY_FULL else ""
            value = f"{cell.used:,} of {cell.available:,} \u00b7 {_share(share)}{note}"
            shown.append(Bar(name, share, value, "c-warn" if note else "c-0"))
    shown.sort(key=lambda bar: -(bar.share if bar.share is not None else -1.0))
    board = report[BOARD]
    device = f" of {board.device}" if board is not None and board.device else ""
    return figure(
        "resources",
        "Resources against the device",
        "Used cells" + device + ". " + "; ".join(f"{bar.name}: {bar.value}" for bar in shown) + ".",
        lambda width: bars(width, shown, track=True),
        f"Cells{device}, named as the place-and-route tool names them."
        + (f" Not used: {', '.join(unused)}." if unused else ""),
        report.basis.get("resources", ""),
    )


def _share(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "< 0.1 %"


SECTION = Section(
    "resources",
    parts=(RESOURCES,),
    added=(Added(TOOLS, _tools), Added(FILES, _files)),
    lines=(Line("resources", line, after="per watt"),),
    exhibits=(Exhibit("resources", HARDWARE, lambda report, traces: chart(report)),),
)
