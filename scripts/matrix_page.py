"""The rows of matrix.py as a table, and docs/matrix.md around it."""

from collections.abc import Sequence

import tables
from matrix_rows import Row

SHORT = 12
"""Characters of a digest that a reader gets."""

_HEAD = (
    *(
        "model",
        "board",
        "aim",
        "plan",
        "cycles: plan / predicted / simulated",
        "logic: predicted / counted",
    ),
    *("block RAM", "clock / Fmax, MHz", "s", "source", "made", "verdict"),
)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _cells(row: Row) -> list[str]:
    if row.verdict == "does not fit":
        return [row.model, row.board, row.aim, *["-"] * 5, *_last(row)]
    return [
        *(row.model, row.board, row.aim, row.plan or "-"),
        " / ".join(map(_number, (row.planned, row.predicted, row.simulated))),
        " / ".join(map(_number, row.logic)),
        " / ".join(map(_number, row.blocks)),
        " / ".join("-" if rate is None else f"{rate:.1f}" for rate in (row.clock_mhz, row.fmax_mhz)),
        *_last(row),
    ]


def _last(row: Row) -> list[str]:
    words = row.verdict if not row.reasons else f"{row.verdict}: {'; '.join(row.reasons)}"
    return [_number(row.seconds), row.source[:SHORT], row.made, words.replace("|", "/")]


def table(rows: Sequence[Row]) -> str:
    """One Markdown table."""
    return tables.table(_HEAD, map(_cells, rows)).rstrip()


_PAGE = """# The matrix: every model on every board

`scripts/matrix --docs` writes this page: each row is one `qsnn-hw build`, the user's command (the models' own
options are in `scripts/matrix_models.py`), {samples}.
It has {made} of {wanted} rows: {rest}. They took {hours:.1f} hours one after the other, so they
come over many days; {present} are of the present source, of the others a column says of which.

A row is ok when the command ends well, nothing differs in simulation, the cycles predicted from the samples'
spikes equal the simulated ones, the cycles that the plan was chosen by are within 5 % of their mean,
predicted logic is within 10 % of what place and route counts, and block RAMs are predicted exactly.

Columns: **plan**: of each group lanes/update lanes, event lanes where there are several (e4), sums in
registers or memory. **cycles**: mean of a sample in the network alone, to which encoder and readout add; what
the plan was chosen by, counted from the samples' spikes, simulated. **clock**: of the bitstream. **s**: wall
time of the command, on a machine that also did other things; what another board's row has made in the same
folder is not made again. **source**: digest of qsnn_hw, sim and boards when the row was **made**.

{table}

{summary}.

Tools: {tools}. Present source: `{source}`.
"""


def page(rows: Sequence[Row], wanted: int, source: str) -> str:
    """docs/matrix.md; ``wanted`` rows were asked for, ``source`` is the digest of what they were made of."""
    samples = sorted({row.samples for row in rows})
    tools: dict[str, str] = {}
    for row in rows:
        tools |= row.tools
    verdicts = [row.verdict for row in rows]
    counted = [f"{verdicts.count(kind)} rows {words}" for kind, words in _KINDS.items() if kind in verdicts]
    return _PAGE.format(
        samples=f"over the first {samples[0]} to {samples[-1]} samples, as the model allows",
        made=len(rows),
        wanted=wanted,
        rest="the whole of it" if len(rows) == wanted else "the others were not made",
        source=source[:SHORT],
        present=sum(row.source == source for row in rows),
        hours=sum(row.seconds for row in rows) / 3600,
        table=table(rows),
        summary=", ".join(counted),
        tools=", ".join(f"{name} {version}" for name, version in sorted(tools.items())),
    )


_KINDS = {
    "ok": "are ok",
    "does not fit": "are of a network that the board cannot hold",
    "failed": "fail",
}
