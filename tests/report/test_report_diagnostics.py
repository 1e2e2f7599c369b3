"""What quantization did: what is refused, what counts as wrong, and how page and terminal show it."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.explore.integers.diagnosis import Diagnostics, GroupDiagnosis, Sensitivity
from qsnn_hw.report import Report, summary_lines, write_page
from qsnn_hw.report.diagnostics_figures import histogram, sensitivity
from qsnn_hw.report.record import WARNINGS
from qsnn_hw.report.sections.diagnostics import (
    COLUMNS,
    DIAGNOSTICS,
    diagnostics_table,
    figures,
    findings,
    table,
)
from qsnn_hw.support.record_tree import decode, encode
from tests.support.report_examples import diagnosis, diagnostics, empty_report, full_report

DEAD = diagnosis(
    "hidden", 32, dead=True, integer_rate=0.0, drift=-1.0, dead_neurons=tuple(n for n in range(32) if n % 4)
)
PARTLY = diagnosis("output", 10, dead_neurons=(1, 2, 3, 4, 5, 6, 7, 8), drift=-0.9988, integer_rate=0.0003)
CLAMPED = diagnosis("hidden", 32, saturating_neurons=(0, 7), saturations=12)
AWAKENED = diagnosis("output", 10, float_rate=0.0, integer_rate=0.5, drift=None)
READOUT = diagnosis("output", 10, float_rate=None, integer_rate=None, drift=None, spikes_differ=None)


def report_of(*groups: GroupDiagnosis, **changes: Any) -> Report:
    return full_report().but(diagnostics=diagnostics(*groups), **changes)


def found_in(report: Report) -> Diagnostics:
    found = report[DIAGNOSTICS]
    assert found is not None
    return found


def html(report: Report, folder: Path) -> str:
    write_page(report, None, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def test_it_is_kept_on_disk_as_it_was_measured() -> None:
    found = Diagnostics(
        200,
        (diagnosis("output", 10, float_rate=np.float64(0.25)),),
        (Sensitivity("output", 4, None),),
        0.9,
        450,
    )
    assert type(found.groups[0].float_rate) is float
    assert decode(Diagnostics, json.loads(json.dumps(encode(found))), "diagnostics") == found


def test_content_with_an_unknown_key_is_refused() -> None:
    content = encode(Diagnostics(200, ()))
    with pytest.raises(ValueError, match=r"^diagnostics has an unknown key 'speed'$"):
        decode(Diagnostics, {**content, "speed": 3}, "diagnostics")
    del content["groups"]
    with pytest.raises(ValueError, match=r"^diagnostics lacks the key 'groups'$"):
        decode(Diagnostics, content, "diagnostics")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: diagnosis("h", 4, float_rate=-1.0),
            "diagnosis of 'h'.float_rate must be at least 0, not -1.0",
        ),
        (lambda: diagnosis("h", 4, drift=-1.5), "diagnosis of 'h'.drift must be at least -1, not -1.5"),
        (lambda: diagnosis("h", 4, drift=np.nan), "diagnosis of 'h'.drift must be finite"),
        (lambda: diagnosis("h", 4, float_rate=None), "float_rate and integer_rate must be given together"),
        (
            lambda: diagnosis("h", 4, decay_error=None),
            "diagnosis of 'h': decay_error must be a number, not None",
        ),
        (
            lambda: diagnosis("h", 4, dead_neurons=(4,)),
            "diagnosis of 'h': dead_neurons must ascend within 0 to 3, not (4,)",
        ),
        (lambda: diagnosis("h", 4, saturating_neurons=(2, 1)), "must ascend within 0 to 3, not (2, 1)"),
        (lambda: diagnosis("h", 4, histogram=(1,)), "1 histogram bins cannot have 5 edges"),
        (lambda: diagnosis("h", 4, histogram=(1, 2, 3, -4)), "histogram must be at least 0, not -4"),
        (lambda: diagnosis("h", 4, histogram_edges=(0, 1, 2, 2, 3)), "histogram_edges must ascend"),
        (lambda: Sensitivity("h", 0, 0.5), "sensitivity of 'h'.bits must be at least 1, not 0"),
        (lambda: Sensitivity("h", 4, 97.5), "sensitivity of 'h'.score must be at most 1, not 97.5"),
        (
            lambda: Diagnostics(9, (DEAD,), (Sensitivity("h", 4, 0.5),)),
            "diagnostics.sensitivity names 'h', which is none of ['hidden']",
        ),
        (lambda: Diagnostics(9, (DEAD, DEAD)), "must have different names, not ['hidden', 'hidden']"),
        (lambda: Diagnostics(9, (), (), 97.5), "diagnostics.float_score must be at most 1, not 97.5"),
    ],
)
def test_refuses(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        make()
    assert message in str(caught.value)


def test_nothing_wrong_says_nothing(tmp_path: Path) -> None:
    assert findings(diagnostics()) == ()
    assert not [line for line in summary_lines(full_report()) if "quantization" in line]
    text = html(full_report(), tmp_path)
    assert "1 warning</h2>" in text
    assert 'class="alert"' not in text


@pytest.mark.parametrize(
    ("groups", "found", "lines"),
    [
        (
            (DEAD,),
            ["quantization silenced group hidden: it fires in the float network and never in integers"],
            ["SILENCED group hidden"],
        ),
        (
            (PARTLY,),
            [
                "spike rate of group output moved by −99.9 % against the float network",
                "quantization silenced 8 of 10 neurons of group output (neuron 1, 2, 3, 4, 5, 6 and 2 more)",
            ],
            ["SILENCED 8 of 10 neurons of group output", "spike rate drifts: group output -99.9 %"],
        ),
        (
            (CLAMPED, AWAKENED),
            [
                "group output fires in integers and never in the float network",
                "potentials or currents of group hidden met a clamp 12 times (neuron 0, 7)",
            ],
            ["spike rate drifts: group output silent in float; saturating: 2 neurons of group hidden"],
        ),
        (
            tuple(diagnosis(f"g{n}", 4, drift=0.5) for n in range(5)),
            [f"spike rate of group g{n} moved by +50 % against the float network" for n in range(5)],
            ["spike rate drifts: group g0 +50 %, group g1 +50 %, group g2 +50 % and 2 more"],
        ),
        ((READOUT,), [], []),
    ],
)
def test_what_is_wrong_is_said(
    groups: tuple[GroupDiagnosis, ...], found: list[str], lines: list[str], tmp_path: Path
) -> None:
    report = report_of(*groups)
    assert list(findings(found_in(report))) == found
    shown = summary_lines(report)
    names = ["quantization", ""]
    assert [f"  {name:<13} {text}" for name, text in zip(names, lines, strict=False)] == [
        line for line in shown if any(line.endswith(text) for text in lines)
    ]
    text = html(report, tmp_path)
    top = text[: text.index('class="cards"')]
    assert all(f"<li>{line}</li>" in top for line in found)
    assert f"{len(found) + 1} warning" in top


@pytest.mark.parametrize(("drift", "wrong"), [(0.2, False), (0.2001, True), (-0.2, False), (-0.2001, True)])
def test_drift_above_a_fifth_is_wrong(drift: float, wrong: bool) -> None:
    assert bool(findings(diagnostics(diagnosis("hidden", 32, drift=drift)))) is wrong


def test_the_networks_own_clamp_is_no_fault(tmp_path: Path) -> None:
    report = report_of(CLAMPED, convention={"v_min": -1.0})
    assert report.all_warnings == report[WARNINGS]
    assert not [line for line in summary_lines(report) if "saturating" in line]
    text = html(report, tmp_path)
    assert "<td>2 of 32, 12 times</td>" in text
    assert '<td class="alert">2 of 32, 12 times ⚠</td>' in html(report_of(CLAMPED), tmp_path)


def test_summary_stays_within_22_lines() -> None:
    warnings = tuple(f"warning {n}" for n in range(30))
    report = report_of(dataclasses.replace(DEAD, saturating_neurons=(3,), saturations=9), warnings=warnings)
    lines = summary_lines(report)
    assert len(lines) <= 22
    assert "  quantization  SILENCED group hidden" in lines
    assert "                saturating: 1 neuron of group hidden" in lines
    assert "  warning       28 more warnings in the report" in lines


def test_table_of_the_page(tmp_path: Path) -> None:
    text = html(report_of(DEAD, PARTLY), tmp_path)
    rows = [re.findall(r"<t[hd][^>]*>([^<]*)</t", row) for row in re.findall(r"<tr>.*?</tr>", text)]
    assert list(COLUMNS) in rows
    assert [
        "hidden",
        "0.25",
        "0",
        "−100 % ⚠",
        "1.25 %",
        "whole group ⚠",
        "none",
        "11 of 13",
        "0.001",
        "0.105",
    ] in rows
    assert ["output", "0.25", "3.00e-04", "−99.9 % ⚠", "1.25 %", "8 of 10 ⚠", "none"] in [r[:7] for r in rows]


def test_absent_figures_are_said() -> None:
    shown = table(report_of(READOUT, dataclasses.replace(DEAD, stuck_below=None, stuck_real=None)))
    assert shown is not None
    assert shown.rows[0][1:5] == ("readout",) * 4
    assert shown.rows[1][-1] == "never leaks"
    assert table(empty_report()) is None
    assert figures(empty_report()) == [None]


def test_histogram_bars_and_threshold() -> None:
    figure = histogram(diagnosis("hidden", 32), 0, "measured")
    bars = re.findall(r'<rect x="(\S+)" y="\S+" width="(\S+)" height="(\S+)" rx="2" class="fill', figure.wide)
    # Counts 3, 40, 0, 5000: none where nothing was, and equal steps for equal factors.
    assert len(bars) == 3
    heights = [float(height) for _, _, height in bars]
    expected = [np.log10(n) + 0.3 for n in (3, 40, 5000)]
    assert [h / heights[0] for h in heights] == pytest.approx([e / expected[0] for e in expected], abs=0.02)
    # The threshold lies where the last bin, from 1 to 2 thresholds, begins.
    line = re.search(r'<path d="M(\S+) \S+" class="threshold"', figure.wide)
    assert line is not None
    assert float(line.group(1)) == pytest.approx(float(bars[2][0]), abs=0.1)
    assert "5,043 potentials, from −2 to 2 times the threshold; 11 of 13 bits used." in figure.description


def test_histogram_holds_a_threshold_that_no_potential_reaches() -> None:
    far = diagnosis("hidden", 32, histogram_edges=(-0.5, -0.4, -0.3, -0.2, -0.1))
    for svg in (figure := histogram(far, 0, "")).wide, figure.narrow:
        line = re.search(r'<path d="M(\S+) \S+" class="threshold"', svg)
        width = re.search(r'viewBox="0 0 (\S+) ', svg)
        assert line is not None
        assert width is not None
        assert 46 < float(line.group(1)) < float(width.group(1)) - 6


def test_readout_has_no_threshold() -> None:
    figure = histogram(READOUT, 0, "")
    assert "threshold" not in figure.wide
    assert "threshold" not in figure.caption


def test_sensitivity_shades_what_is_lost() -> None:
    report = full_report()
    figure = sensitivity(report, found_in(report), "measured")
    assert figure is not None
    # 0.96 and 0.5 against 0.9622 lose, 0.97 does not; "cannot build" has no shade at all.
    shades = re.findall(r'class="fill (c-\S+)" fill-opacity="(\S+)"', figure.wide)
    assert shades == [("c-warn", "0.16"), ("c-warn", "0.75"), ("c-0", "0.15")]
    assert "cannot build" in figure.wide
    # Both layers of the report are built with 8 bits.
    assert figure.wide.count('class="built"') == 2
    assert figure.description == (
        "Score on 450 samples with one group at another weight width, against the float network's 96.22 %. "
        "Lowest: 50.00 % with hidden at 2 bit (−46.22 points)."
    )


def test_sensitivity_without_reference_or_scores() -> None:
    report = full_report()
    found = dataclasses.replace(diagnostics(), float_score=None)
    figure = sensitivity(report, found, "")
    assert figure is not None
    assert "the best cell's 97.00 % (the float network's score was not measured)" in figure.caption
    assert sensitivity(report, dataclasses.replace(found, sensitivity=()), "") is None


def test_many_widths_fit_a_narrow_screen() -> None:
    rows = tuple(Sensitivity("hidden", bits, 0.9) for bits in range(2, 17))
    found = dataclasses.replace(diagnostics(), sensitivity=rows)
    figure = sensitivity(full_report(), found, "")
    assert figure is not None
    assert figure.narrow.count('class="count small" text-anchor="middle">90</text>') == 15


def test_terminal_table() -> None:
    lines = diagnostics_table(diagnostics(DEAD, PARTLY))
    assert lines[0] == "float against integer on 200 samples (! marks what is wrong)"
    assert len({len(line) for line in lines[1:4]}) == 1
    assert lines[2].split()[:5] == ["hidden", "0.25", "0", "-100", "%"]
    assert "whole group !" in lines[2]
    assert lines[4:] == [
        "",
        "score on 450 samples with one group at another width; float network: 96.22 %",
        "weights of group    8 bit         2 bit",
        "hidden            96.00 %       50.00 %",
        "output            97.00 %  cannot build",
    ]
    assert "\u2212" not in "".join(lines)


def test_terminal_table_without_scores() -> None:
    found = dataclasses.replace(diagnostics(), sensitivity=(Sensitivity("hidden", 4, 0.5),), float_score=None)
    assert diagnostics_table(found)[-3:-1] == [
        "score on 450 samples with one group at another width; float network: not measured",
        "weights of group    4 bit",
    ]
    assert len(diagnostics_table(dataclasses.replace(found, sensitivity=()))) == 4


def test_hostile_group_names_are_escaped(tmp_path: Path) -> None:
    evil = "<script>alert('x')</script>"
    found = Diagnostics(9, (dataclasses.replace(DEAD, name=evil),), (Sensitivity(evil, 4, 0.5),))
    text = html(full_report().but(diagnostics=found), tmp_path)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 6
