"""The table for a terminal."""

from qsnn_hw.compare.table import Comparison
from qsnn_hw.compare.words import COLUMNS, LETTERS, cells


def lines(comparison: Comparison) -> list[str]:
    """Heading, one line a row, what the letters mean, and when each row is right."""
    table: list[tuple[str, ...]] = [("", *COLUMNS)]
    used: dict[str, str] = {}
    for row in comparison.rows:
        texts = []
        for figures in cells(row):
            used |= {part.by: LETTERS[part.by] for part in figures if part.by is not None}
            texts.append(
                ", ".join(
                    part.text if part.by is None else f"{part.text} {LETTERS[part.by]}" for part in figures
                )
            )
        table.append((row.name, *texts))
    widths = [max(len(line[k]) for line in table) for k in range(len(table[0]))]
    said = [comparison.heading()]
    said += [
        "  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip() for line in table
    ]
    said.append("; ".join(f"{letter}: {by}" for by, letter in used.items()))
    for row in comparison.rows:
        said += [f"{row.name}: {comparison.choice(row)}", f"  {row.caveat}"]
    said += [f"left out: {name}: {why}" for name, why in comparison.left_out.items()]
    return said
