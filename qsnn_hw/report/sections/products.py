"""What a user takes away, by file names relative to the folder of the report."""

from dataclasses import dataclass

from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Line, Part, Section
from qsnn_hw.report.sections.board import BOARD
from qsnn_hw.report.sections.verification import matched_text


@dataclass(frozen=True)
class Files:
    """Names of what a user takes away, relative to the folder of the report.

    ``weights``: the bytes that the host sends before the first sample, where weights are loaded.
    """

    verilog: str | None = None
    bitstream: str | None = None
    weights: str | None = None


def left(results: Results, name: str) -> str | None:
    """``name`` where the run's folder has such a file."""
    return name if (results.folder / name).exists() else None


FILES: Part[Files] = Part("files", Files, Files(), lambda results: None)
"""A target adds the names of what it makes."""


def _facts(report: Report) -> tuple[str, list[tuple[str, str]]]:
    files = report[FILES]
    products = [("Verilog", files.verilog or "not made")]
    if files.bitstream is not None or report[BOARD] is not None:
        products.append(("bitstream", files.bitstream or "not made"))
    if files.weights:
        products.append(("Weights to load", files.weights))
    return "Files", products


def _verilog(report: Report) -> str | None:
    name = report[FILES].verilog
    return "; ".join(filter(None, (name, matched_text(report)))) if name else None


def _on_card(report: Report) -> tuple[str, ...]:
    matched = matched_text(report)
    return (f"{report[FILES].verilog or 'the Verilog'} {matched}",) if matched else ()


def _bitstream(report: Report) -> str | None:
    """Only what a board can load has one."""
    return report[FILES].bitstream or (None if report[BOARD] is None else "none")


def _weights(report: Report) -> str | None:
    weights = report[FILES].weights
    return f"{weights}, to be sent before the first sample" if weights else None


SECTION = Section(
    "products",
    parts=(FILES,),
    lines=(
        Line("verilog", _verilog),
        Line("bitstream", _bitstream),
        Line("weights", _weights),
    ),
    card_lines={"verification": _on_card},
    facts=_facts,
)
