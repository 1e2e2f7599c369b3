"""``compare.html``: the table, its figures, and what stands behind each number, in one page."""

from importlib import resources
from pathlib import Path

from qsnn_hw.compare.plot import figures
from qsnn_hw.compare.table import Comparison
from qsnn_hw.compare.words import COLUMNS, cells
from qsnn_hw.report.words import NOT_MEASURED
from qsnn_hw.support import files


def render(comparison: Comparison) -> str:
    """The page as text: no script, and nothing that a browser would fetch."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["drawing"] = Markup
    here, report = resources.files("qsnn_hw.compare"), resources.files("qsnn_hw.report")
    template = environment.from_string((here / "page.html").read_text(encoding="utf-8"))
    return template.render(
        comparison=comparison,
        style=Markup((report / "page.css").read_text(encoding="utf-8")),
        columns=COLUMNS,
        rows=[(row, cells(row), comparison.choice(row)) for row in comparison.rows],
        figures=figures(comparison),
        not_measured=NOT_MEASURED,
    )


def write_page(comparison: Comparison, path: Path) -> None:
    """Write the page, whole or not at all; UserError where it cannot be written."""
    text = render(comparison).encode("utf-8", "replace").decode("utf-8")
    files.write_text(path, text)
