"""The report in a few lines for the terminal."""

from qsnn_hw.report.head import title
from qsnn_hw.report.record import WARNINGS, Report
from qsnn_hw.report.section import in_place
from qsnn_hw.report.sections.spikes import DEAD
from qsnn_hw.report.words import plural

# A terminal of 24 lines shows them, the command and where the report is.
_MOST_LINES = 22


def summary_lines(report: Report) -> list[str]:
    """The report for a terminal: a title and the sections' lines, aligned, at most 22."""
    rows = []
    for line in in_place([line for section in report.sections for line in section.lines]):
        text = line.text(report) or ()
        told = [text] if isinstance(text, str) else text
        rows += [(line.key if index == 0 else "", words) for index, words in enumerate(told)]
    # Whatever lines remain go to warnings, the title counted; the last one says how many are left out.
    room = _MOST_LINES - 1 - len(rows)
    warnings = [line for line in report[WARNINGS] if line != report[DEAD]]
    shown = warnings if len(warnings) <= room else warnings[: room - 1]
    rows += [("warning", line) for line in shown]
    if len(warnings) > len(shown):
        rows.append(("warning", f"{plural(len(warnings) - len(shown), 'more warning')} in the report"))
    return [title(report), *(f"  {name:<13} {text}" for name, text in rows)]
