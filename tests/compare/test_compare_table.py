"""The table of targets: what a figure must say of itself, which row is best, how rows are shown and kept."""

import dataclasses
from pathlib import Path

import pytest

from qsnn_hw.compare import Comparison, Known, Row, Size, lines, write_page
from qsnn_hw.compare.plot import figures
from qsnn_hw.compare.words import cells
from qsnn_hw.report.words import NOT_MEASURED
from qsnn_hw.support.errors import UserError
from tests.support.pages import Page

FAST = Row(
    "fast",
    "fpga",
    "a fast <board>",
    "Research",
    "By no meter.",
    Known.exactly(0.9, "measured", "on samples"),
    100,
    latency_us=Known.exactly(0.5, "simulated", "cycles"),
    per_s=Known.exactly(2e6, "simulated", "cycles"),
    energy_uj=Known(0.8, 1.0, 2.0, "estimated", "coefficients"),
    sizes={
        "LUT": Size(Known.exactly(1234, "tool report", "place and route"), 5280),
        "um2 of SRAM": Size(Known(1.0, 2.0, 3.0, "estimated", "published macros")),
    },
)
FRUGAL = dataclasses.replace(
    FAST,
    name="frugal",
    title="frugal",
    use="Sensors",
    latency_us=Known.exactly(4000.0, "measured", "clock"),
    per_s=Known.exactly(250, "measured", "clock"),
    energy_uj=Known(0.3, 0.5, 0.9, "estimated", "coefficients"),
)
UNKNOWN = Row(
    "unknown", "fpga", "unknown", "Nothing", "Nobody knows.", energy_uj=Known(0.1, 0.1, 0.1, "cited", "x")
)
TABLE = Comparison(
    *("net", (64, 32, 10), "8", 25, 100, 624.0, False, "2026-01-01T00:00:00+00:00"),
    (FAST, FRUGAL, UNKNOWN),
    {"gpu": "needs PyTorch"},
)


@pytest.mark.parametrize(
    "wrong",
    [
        (1.0, 1.0, 1.0, None, None),
        (1.0, 1.0, 1.0, "guessed", "x"),
        (1.0, 1.0, 1.0, "measured", ""),
        (2.0, 1.0, 3.0, "measured", "x"),
        (None, 1.0, None, "measured", "x"),
        (None, None, None, "measured", None),
        (-1.0, 1.0, 1.0, "measured", "x"),
    ],
)
def test_a_figure_says_how_it_is_known(wrong: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Known(*wrong)  # type: ignore[arg-type]


def test_an_accuracy_is_a_fraction_of_some_samples() -> None:
    with pytest.raises(ValueError, match="go together"):
        dataclasses.replace(FAST, samples=None)
    with pytest.raises(ValueError, match="at most 1"):
        dataclasses.replace(FAST, accuracy=Known.exactly(97.0, "measured", "x"))
    with pytest.raises(ValueError, match="twice"):
        dataclasses.replace(TABLE, rows=(FAST, FAST))


def test_a_row_of_unknown_accuracy_is_not_the_best() -> None:
    best = {what: TABLE.best(what) for what in ("shortest latency", "least energy an inference")}
    assert best == {"shortest latency": FAST, "least energy an inference": FRUGAL}
    alone = dataclasses.replace(TABLE, rows=(UNKNOWN,))
    assert alone.best("least energy an inference") == UNKNOWN
    assert alone.best("shortest latency") is None


def test_the_choice_is_said_in_numbers() -> None:
    assert TABLE.choice(FAST) == (
        "Research: 90.00 % right, 500 ns latency, 2,000,000 inferences/s, 1 uJ (0.8 to 2) an inference. "
        "Shortest latency and most inferences a second of this table; 2 times the energy of frugal, ranges "
        "overlap."
    )
    assert "8,000 times the latency of fast; 0.000125 times the inferences a second of fast" in TABLE.choice(
        FRUGAL
    ).replace("1.25e-04", "0.000125")
    assert TABLE.choice(UNKNOWN).startswith("Nothing: 100 nJ an inference; 0.2 times the energy of frugal")


def test_inverse_turns_the_range_round() -> None:
    watt = FAST.energy_uj.inverse(1e6, "x")
    assert (watt.low, watt.typical, watt.high) == (5e5, 1e6, 1.25e6)
    assert Known().inverse(1e6, "x") == Known()


def test_the_terminal_says_every_figure_and_its_kind() -> None:
    said = "\n".join(lines(TABLE))
    assert "1,234 of 5,280 LUT t" in said
    assert "1 uJ (0.8 to 2) e" in said
    assert "m: measured; s: simulated; e: estimated; t: tool report; l: cited" in said
    assert "left out: gpu: needs PyTorch" in said
    assert said.splitlines()[-2 - 1].startswith("unknown: Nothing")
    assert [part.text for column in cells(UNKNOWN) for part in column if part.by is None] == [
        NOT_MEASURED
    ] * 6


def test_figures_that_are_known_in_different_ways_keep_their_own(tmp_path: Path) -> None:
    assert [(part.by, part.source) for part in cells(FAST)[-1]] == [
        ("tool report", "place and route"),
        ("estimated", "published macros"),
    ]
    assert "1,234 of 5,280 LUT t, 2 (1 to 3) um2 of SRAM e" in "\n".join(lines(TABLE))
    write_page(TABLE, tmp_path / "compare.html")
    text = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert 'title="published macros">2 (1 to 3) um2 of SRAM<br><span class="badge b-estimated">' in text
    assert text.count(f'<td class="said">{FAST.caveat}</td>') == 2


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    TABLE.save(tmp_path / "compare.json")
    assert Comparison.load(tmp_path / "compare.json") == TABLE
    text = (tmp_path / "compare.json").read_text(encoding="utf-8")
    (tmp_path / "compare.json").write_text(text.replace('"measured"', '"felt"'), encoding="utf-8")
    with pytest.raises(UserError, match="run qsnn-hw compare again"):
        Comparison.load(tmp_path / "compare.json")


def test_the_page_is_whole(tmp_path: Path) -> None:
    write_page(TABLE, tmp_path / "compare.html")
    text = (tmp_path / "compare.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "a fast &lt;board&gt;" in text
    assert "<board>" not in text
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "link")]
    absent = sum(part.by is None for row in TABLE.rows for column in cells(row) for part in column)
    assert text.count('class="none"') == absent
    assert [figure.key for figure in figures(TABLE)] == ["latency", "throughput", "energy"]
