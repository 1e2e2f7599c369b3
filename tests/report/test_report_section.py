"""A section of the report is one object in one file: here is one more, and nothing else knows of it."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from qsnn_hw.report import Report, Results, summary_lines, write_page
from qsnn_hw.report.record import WARNINGS, parts_of
from qsnn_hw.report.section import (
    BASIS,
    HARDWARE,
    Added,
    Card,
    Chapter,
    Exhibit,
    Line,
    Objection,
    Part,
    Section,
    Table,
    in_place,
)
from qsnn_hw.report.sections.network import NETWORK, NetworkSummary
from qsnn_hw.report.words import with_unit
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.values import Number, check_numbers
from qsnn_hw.targets.fpga.sections import SECTIONS
from tests.support.places import ROOT
from tests.support.report_examples import full_report


@dataclass(frozen=True)
class Thermometer:
    """What a step measured: degrees Celsius."""

    celsius: float


@dataclass(frozen=True)
class Heat:
    """How warm the chip gets."""

    celsius: Number | None = None
    above_room: Number | None = None

    def __post_init__(self) -> None:
        check_numbers(self, "heat", "celsius", "above_room")


def _heat(results: Results) -> Heat | None:
    found = results.get(Thermometer)
    return None if found is None else Heat(found.celsius, found.celsius - 20)


HEAT: Part[Heat] = Part(
    "heat",
    Heat,
    Heat(),
    _heat,
    basis={"": "measured", "above_room": "computed"},
    definitions={"": "Temperature of the package.", "above_room": "Above a room of 20 degrees."},
)


def _shown(report: Report) -> str:
    return with_unit(report[HEAT].celsius, "degrees")


def _card(report: Report) -> Card:
    value = _shown(report).partition(" ")[0]
    return Card("heat", "Heat", value, "\u00b0C", ("of the package",), report.basis.get("heat", ""))


def _table(report: Report) -> Table | None:
    heat = report[HEAT]
    if heat.celsius is None:
        return None
    return Table(
        "heat", "How warm it gets", "At rest.", ("where", "how warm"), (("package", _shown(report)),)
    )


def _hot(report: Report) -> Objection | None:
    celsius = report[HEAT].celsius
    return None if celsius is None or celsius < 85 else Objection("bad", "But it melts.")


IN_THE_HAND = Chapter("In the hand", 55, drawn=False)

SECTION = Section(
    "heat",
    parts=(HEAT,),
    added=(Added(WARNINGS, lambda results: ("the probe is loose",) if results.get(Thermometer) else ()),),
    lines=(Line("heat", _shown, after="per spike"),),
    card=_card,
    card_lines={"power": lambda report: (f"at {_shown(report)}",)},
    exhibits=(
        Exhibit("heat", Chapter("In the hand", 55, drawn=False), lambda report, traces: _table(report)),
    ),
    facts=lambda report: ("Probe", [("kind", "thermocouple")]),
    findings=lambda report: ("hot",) if report[HEAT].celsius == 90.0 else (),
    objection=_hot,
)

WITH_IT = (*SECTIONS, SECTION)


def report_with(celsius: float, **changes: Any) -> Report:
    values = {**full_report().values, "heat": Heat(celsius, celsius - 20), **changes}
    return Report.of(WITH_IT, **values)


def html(report: Report, folder: Path) -> str:
    write_page(report, None, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def test_it_is_in_report_json_with_basis_and_definition_and_comes_back(tmp_path: Path) -> None:
    report = report_with(40.0)
    report.save(tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert content["heat"] == {"celsius": 40.0, "above_room": 20.0}
    assert (content["basis"]["heat"], content["basis"]["heat.above_room"]) == ("measured", "computed")
    assert content["definitions"]["heat"] == "Temperature of the package."
    assert list(content)[-6:] == ["heat", "assumptions", "warnings", "basis", "definitions", "created"]
    assert Report.load(tmp_path / "report.json", WITH_IT) == report
    # Of another target, whose sections have no such key.
    with pytest.raises(UserError, match="report has an unknown key 'heat'"):
        Report.load(tmp_path / "report.json", SECTIONS)


def test_everything_else_of_report_json_is_as_without_it() -> None:
    content, without = report_with(40.0).to_json(), full_report().to_json()
    for key in ("basis", "definitions"):
        assert dict(list(content[key].items())[: len(without[key])]) == without[key]
    same = set(without) - {"basis", "definitions", "created"}
    assert {key: content[key] for key in same} == {key: without[key] for key in same}


def test_it_is_in_the_terminal_behind_the_line_it_names() -> None:
    lines = summary_lines(report_with(40.0))
    names = [line[2:15].strip() for line in lines]
    assert lines[names.index("heat")] == "  heat          40 degrees"
    assert names[names.index("heat") - 1] == "per spike"
    assert [line for line in lines if not line.startswith("  heat ")] == summary_lines(full_report())


def test_it_is_on_the_page_with_its_card_table_heading_and_facts(tmp_path: Path) -> None:
    text = html(report_with(40.0), tmp_path)
    assert '<article class="card " id="card-heat">' in text
    assert "<h2>In the hand</h2>" in text
    assert text.index("<h2>The hardware</h2>") < text.index("<h2>In the hand</h2>")
    assert '<h3 id="table-heat">How warm it gets</h3>' in text
    assert "<dt>heat: above room</dt><dd>Above a room of 20 degrees.</dd>" in text
    assert "<dt>kind</dt><dd>thermocouple</dd>" in text
    power = text[text.index('id="card-power"') :]
    assert '<p class="line">at 40 degrees</p>' in power[: power.index("</article>")]
    cold = html(report_with(40.0, heat=Heat()), tmp_path)
    assert '<h2>In the hand</h2>\n<p class="empty">not measured</p>' in cold


def test_it_can_object_to_a_design_that_is_right_and_say_what_is_wrong(tmp_path: Path) -> None:
    text = html(report_with(90.0), tmp_path)
    assert '<p class="verdict bad">' in text
    assert "no mismatch. But it melts." in text
    assert text.index("<li>hot</li>") < text.index("neuron 17 of hidden never fires")
    assert '<p class="verdict good">' in html(report_with(40.0), tmp_path)


def test_it_is_made_from_what_the_steps_left() -> None:
    only = (Section("network", parts=(NETWORK_ONLY,)), SECTION)
    report = Report.of_results(only, Results(Path(), [Thermometer(30.0), None]))
    assert report[HEAT] == Heat(30.0, 10.0)
    assert report[WARNINGS] == ("the probe is loose",)
    assert report[NETWORK].name == "n"
    without = Report.of_results(only, Results(Path(), []))
    assert without[HEAT] == Heat()
    assert without[WARNINGS] == ()
    # A part of sections that this report has not is absent.
    assert full_report()[HEAT] == Heat()


NETWORK_ONLY: Part[NetworkSummary] = replace(NETWORK, make=lambda results: NetworkSummary("n"))


def test_results_hold_one_value_of_a_type_and_work_out_once_what_sections_share() -> None:
    results = Results(Path("out"), [Thermometer(30.0), None, 5])
    assert results[int] == 5
    assert results.get(str) is None
    with pytest.raises(KeyError, match="this run has no str"):
        results[str]
    with pytest.raises(ValueError, match="results must have one value of a type, not two of Thermometer"):
        Results(Path(), [Thermometer(1.0), Thermometer(2.0)])
    calls = []

    def shared(found: Results) -> float:
        calls.append(found)
        return found[Thermometer].celsius

    assert [results.once(shared), results.once(shared)] == [30.0, 30.0]
    assert calls == [results]


def test_two_sections_with_one_key_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"sections must have different keys of report\.json, not heat twice"
    ):
        parts_of((SECTION, SECTION))


def test_a_basis_is_one_of_the_words() -> None:
    with pytest.raises(ValueError, match=r"basis of heat must be one of measured, .*, not 'guessed'"):
        replace(HEAT, basis={"": "guessed"})


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match="report has an unknown key 'heat'"):
        Report.of(SECTIONS, heat=Heat())


@pytest.mark.parametrize(
    ("items", "placed"),
    [
        ([("a", None), ("b", None), ("c", "a")], "acb"),
        ([("c", "a"), ("d", "a"), ("a", None), ("b", None)], "acdb"),
        ([("d", "c"), ("c", "a"), ("a", None), ("b", "")], "bacd"),
        ([("a", None), ("b", "nobody"), ("c", None)], "acb"),
        ([("a", "b"), ("b", "a"), ("c", None)], "cab"),
    ],
)
def test_items_stand_behind_the_one_they_name(items: list[tuple[str, str | None]], placed: str) -> None:
    lines = [Line(key, lambda report: None, after=after) for key, after in items]
    assert "".join(line.key for line in in_place(lines)) == placed


def test_the_chapters_of_the_page_have_different_places() -> None:
    chapters = {exhibit.chapter for section in SECTIONS for exhibit in section.exhibits}
    assert len({chapter.place for chapter in chapters}) == len(chapters)
    assert HARDWARE in chapters


def test_titles_of_lines_fit_their_column() -> None:
    assert all(len(line.key) <= 13 for section in WITH_IT for line in section.lines)


def test_the_page_explains_every_word_that_says_how_a_figure_is_known() -> None:
    page = (ROOT / "docs" / "report.md").read_text(encoding="utf-8").partition("| word | means |")[2]
    words = re.findall(r"^\| ([a-z ]+?) \|", page.partition("\n\n")[0], re.MULTILINE)
    # A term of the power estimate is marked as assumed in its own row, by no badge.
    assert sorted(words) == sorted((*BASIS, "assumed"))
