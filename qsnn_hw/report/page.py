"""``report.html``: one self-contained page that shows what was built, how well it works and why."""

from importlib import resources
from pathlib import Path

from qsnn_hw.report import cards, charts, diagnostics_page, figures, spending_tables, tables
from qsnn_hw.report.meaning import DEFINITIONS
from qsnn_hw.report.record import Report
from qsnn_hw.report.svg import Figure
from qsnn_hw.report.traces import Traces
from qsnn_hw.report.words import NOT_MEASURED
from qsnn_hw.support import files


def sections(report: Report, traces: Traces | None) -> list[tuple[str, list[Figure | None]]]:
    """The page's figures under their headings; None where a figure has nothing to show."""
    sample: list[Figure | None] = [None]
    matrix = None
    if traces is not None:
        sample = [figures.raster(traces)]
        sample += [figures.potentials(traces, index) for index in range(len(traces.groups))]
        matrix = charts.confusion(traces)
    return [
        ("One sample, spike by spike", sample),
        ("Over the whole test set", [charts.accuracy(report), matrix, charts.spikes_per_layer(report)]),
        (diagnostics_page.TITLE, diagnostics_page.figures(report)),
        ("On the device", [charts.resources(report), charts.busy(report)]),
    ]


def render(report: Report, traces: Traces | None) -> str:
    """The page as text: no script, and nothing that a browser would fetch."""
    # Only the page needs the template engine; a build that stops earlier never loads it.
    import jinja2
    from markupsafe import Markup

    folder = resources.files("qsnn_hw.report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["drawing"] = Markup
    template = environment.from_string((folder / "page.html").read_text(encoding="utf-8"))
    state, sentence = cards.verdict(report)
    return template.render(
        report=report,
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),
        headline=cards.headline(report),
        state=state,
        verdict=sentence,
        framework=cards.framework_note(report),
        cards=cards.cards(report),
        spending=_present(
            spending_tables.speed(report),
            spending_tables.energy(report),
            spending_tables.power(report),
            spending_tables.compared(report),
        ),
        sections=sections(report, traces),
        sample=_sample_line(traces),
        health_title=diagnostics_page.TITLE,
        health=diagnostics_page.table(report),
        tables=_present(tables.quantization(report), tables.mapping(report), tables.designs(report)),
        facts=tables.facts(report),
        definitions={**DEFINITIONS, **report.definitions},
        not_measured=NOT_MEASURED,
    )


def _present(*found: tables.Table | None) -> list[tables.Table]:
    return [table for table in found if table is not None]


def write_page(report: Report, traces: Traces | None, path: Path) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    report
        Absent figures show as "not measured".
    traces
        One sample's spikes and potentials; None before anything was simulated.
    path
        Usually ``report.html``.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    # A file name that is not UTF-8 reaches Python as lone surrogates, which no page can hold.
    text = render(report, traces).encode("utf-8", "replace").decode("utf-8")
    files.write_text(path, text)


def _sample_line(traces: Traces | None) -> str:
    if traces is None:
        return ""
    label = "unknown" if traces.label is None else str(traces.label)
    answer = "unknown" if traces.prediction is None else str(traces.prediction)
    right = ""
    if traces.label is not None and traces.prediction is not None:
        right = " (right)" if traces.label == traces.prediction else " (wrong)"
    return f"Sample {traces.sample}: label {label}, answer {answer}{right}."
