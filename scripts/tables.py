"""Tables in Markdown, and where they stand on a page."""

from collections.abc import Iterable, Sequence


def row(*cells: object) -> str:
    """One line of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*names: object) -> str:
    """The two lines above the rows, without the last line end."""
    return f"{row(*names)}\n|{'---|' * len(names)}"


def table(names: Sequence[object], rows: Iterable[Iterable[object]]) -> str:
    """A whole table, the last line end included."""
    return "\n".join([head(*names), *(row(*cells) for cells in rows)]) + "\n"


def cells(line: str) -> list[str]:
    """The cells of one line."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def lines_under(page: str, heading: str) -> list[str]:
    """The rows of the table on ``page`` whose first line is ``heading``."""
    lines = page.splitlines()
    first = lines.index(heading) + 2
    last = next((k for k in range(first, len(lines)) if not lines[k].startswith("|")), len(lines))
    return lines[first:last]
