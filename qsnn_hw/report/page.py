"""``report.html``: one self-contained page that shows what was built, how well it works and why."""

from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from qsnn_hw.report import head
from qsnn_hw.report.record import ASSUMPTIONS, Report, told
from qsnn_hw.report.section import SAMPLE, Card, Chapter, Table, in_place
from qsnn_hw.report.sections.network import NETWORK
from qsnn_hw.report.svg import Figure
from qsnn_hw.report.traces import Traces
from qsnn_hw.report.words import NOT_MEASURED
from qsnn_hw.support import files


@dataclass(frozen=True)
class Shown:
    """A chapter of the page: its heading and what stands under it."""

    chapter: Chapter
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


def chapters(report: Report, traces: Traces | None) -> list[Shown]:
    """What the sections show, under the headings that they name; nothing where nothing is known."""
    exhibits = in_place([exhibit for section in report.sections for exhibit in section.exhibits])
    by_chapter: dict[Chapter, list[Table | Figure]] = {exhibit.chapter: [] for exhibit in exhibits}
    for exhibit in exhibits:
        shown = exhibit.show(report, traces)
        items = [shown] if isinstance(shown, Table | Figure) else shown or ()
        by_chapter[exhibit.chapter] += [item for item in items if item is not None]
    return [
        Shown(
            chapter,
            tuple(item for item in by_chapter[chapter] if isinstance(item, Table)),
            tuple(item for item in by_chapter[chapter] if isinstance(item, Figure)),
        )
        for chapter in sorted(by_chapter, key=lambda chapter: chapter.place)
    ]


def cards(report: Report) -> list[Card]:
    """The headline figures: first what a user gets, then how far it can be trusted."""
    gathered = []
    for section in report.sections:
        if section.card is not None:
            card = section.card(report)
            more = (
                other.card_lines[card.key](report)
                for other in report.sections
                if card.key in other.card_lines
            )
            gathered.append(replace(card, lines=(*card.lines, *(line for lines in more for line in lines))))
    return in_place(sorted(gathered, key=lambda card: not card.gain))


def facts(report: Report) -> list[tuple[str, list[tuple[str, str]]]]:
    """Headed lists of name and value for the end of the page."""
    return [section.facts(report) for section in report.sections if section.facts is not None]


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
    state, sentence = head.verdict(report)
    return template.render(
        name=report[NETWORK].name,
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),
        headline=head.headline(report),
        state=state,
        verdict=sentence,
        framework=head.framework_note(report),
        warnings=report.all_warnings,
        cards=cards(report),
        chapters=chapters(report, traces),
        lead={SAMPLE.title: _sample_line(traces)},
        facts=facts(report),
        assumptions=report[ASSUMPTIONS],
        definitions={**told(report.sections)[1], **report.definitions},
        created=report.created,
        not_measured=NOT_MEASURED,
    )


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
