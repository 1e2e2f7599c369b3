"""The report of a run, written: ``report.json``, ``report.html`` and the traces that the page shows."""

import datetime
from collections.abc import Sequence

from qsnn_hw.report.page import write_page
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Section
from qsnn_hw.report.sections.sample import traces_of

REPORT = "report.json"
PAGE = "report.html"
TRACES = "10_traces.npz"


def make_report(sections: Sequence[Section], results: Results) -> Report:
    """Write report.json, report.html and the page's traces into the run's folder; return the report.

    Parameters
    ----------
    sections
        What the target reports.
    results
        What the steps left.

    Raises
    ------
    UserError
        A file cannot be written.
    """
    folder, created = results.folder, datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    report = Report.of_results(sections, results, created)
    report.save(folder / REPORT)
    traces = traces_of(results)
    if traces is not None:
        traces.save(folder / TRACES)
    write_page(report, traces, folder / PAGE)
    return report
