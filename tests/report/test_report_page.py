"""report.html: well formed, self-contained, honest about what is missing, safe with hostile names."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.report import GroupTrace, Report, Traces, write_page
from qsnn_hw.report.sections.accuracy import Accuracy
from qsnn_hw.report.sections.activity import ActivityPerSample
from qsnn_hw.report.sections.network import GroupSummary, NetworkSummary
from qsnn_hw.report.sections.verification import Verification
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.fpga.sections.latency import Latency
from qsnn_hw.targets.fpga.sections.power import PowerMw, PowerTerm
from qsnn_hw.targets.fpga.sections.resources import Resource
from qsnn_hw.targets.fpga.sections.speed import Throughput
from qsnn_hw.targets.fpga.sections.speed import table as speed_table
from qsnn_hw.targets.fpga.sections.timing import Timing
from tests.support.pages import Page
from tests.support.report_examples import empty_report, full_report, report_of, traces


def page(report: Report, shown: Traces | None, folder: Path) -> tuple[str, Page]:
    path = folder / "report.html"
    write_page(report, shown, path)
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def many_classes() -> Traces:
    return dataclasses.replace(
        traces(300, 2312, 4096, 100), labels=np.arange(200) % 100, predictions=np.arange(200) // 2
    )


CASES = [
    pytest.param(full_report(), traces(), id="full"),
    pytest.param(full_report(), None, id="no-traces"),
    pytest.param(empty_report(), None, id="empty"),
    pytest.param(empty_report(), traces(1, 1, 1, 1), id="one-of-everything"),
    pytest.param(full_report(), many_classes(), id="large"),
]


@pytest.mark.parametrize(("report", "shown"), CASES)
def test_well_formed_and_self_contained(report: Report, shown: Traces | None, tmp_path: Path) -> None:
    text, parsed = page(report, shown, tmp_path)
    assert len(text) < 1_500_000
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    assert "@import" not in text
    for tag, attributes in parsed.tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "image", "use"}
        assert not {"src", "href", "srcset", "xlink:href", "style"} & set(attributes), tag
        assert not any(name.startswith("on") for name in attributes), tag
    policy = [a["content"] for tag, a in parsed.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


@pytest.mark.parametrize(("report", "shown"), CASES)
def test_every_figure_has_title_and_description(report: Report, shown: Traces | None, tmp_path: Path) -> None:
    text, parsed = page(report, shown, tmp_path)
    ids = [a["id"] for _, a in parsed.tags if "id" in a]
    assert len(ids) == len(set(ids))
    drawings = re.findall(r"<svg.*?</svg>", text, re.S)
    figures = [a for tag, a in parsed.tags if tag == "figure"]
    # Each figure is there for wide and for narrow screens.
    assert len(drawings) == 2 * len(figures)
    for drawing in drawings:
        assert re.search(r"<title id=\"[^\"]+\">[^<]+</title>", drawing)
        assert re.search(r"<desc id=\"[^\"]+\">[^<]+</desc>", drawing)
        assert not re.search(r"\b(nan|inf)\b", drawing)
    for tag, attributes in parsed.tags:
        if tag == "svg":
            assert attributes["role"] == "img"
            assert set((attributes["aria-labelledby"] or "").split()) <= set(ids)


def test_full_page_shows_every_figure(tmp_path: Path) -> None:
    text, parsed = page(full_report(), traces(), tmp_path)
    keys = {a["id"] for tag, a in parsed.tags if tag == "figure"}
    assert keys == {
        f"figure-{key}"
        for key in (
            "raster",
            "potentials-0",
            "potentials-1",
            "accuracy",
            "confusion",
            "spikes-per-group",
            "sensitivity",
            "histogram-0",
            "histogram-1",
            "resources",
            "busy",
        )
    }
    words = parsed.words()
    assert "not measured" not in words
    # How the leak rounds, and whose integers the weights are, group by group.
    assert re.search(
        r"hidden 32 2,048 8.bit 13.bit .*loss down.*output 10 320 8.bit, own .*toward zero", words
    )
    compared = "450 samples, 22,866 spikes, 472,500 potentials"
    assert f"The hardware equals the golden model in simulation: {compared} compared, no mismatch." in words
    assert "The framework: its own spikes: equal to the float network's, 112,500 values." in words
    assert "Sample 3: label 4, answer 7 (wrong)." in words
    assert "between 98 and 301 mW" in words
    assert "core supply of the FPGA at 25 MHz" in words
    assert "Speed on the board 194 samples/s serial link at 1 Mbaud: the link limits" in words
    assert "Latency through the link 5.17 ms 42 µs in the core at 25 MHz" in words
    assert "through the link 1,060 nJ (637 to 1,910): depends" in words
    assert "core alone at Fmax, 91.4 MHz: not this bitstream 11.5 µs" in words
    assert "static 90 150 270 92.0 % no a data sheet" in words
    assert "logic 8 13 31 8.0 % assumed a fit; share of cells assumed" in words
    assert "hidden 450 14,000 output 450 8,866 together 450 22,866 again, not added 470 23,900" in words
    assert "412 cycles · 75 %" in text
    assert "whole device" not in words
    assert "200 of 208 · 96.2 % ⚠ nearly full" in words
    assert "Not used: MULT18X18D." in words
    assert "neuron 17 of hidden never fires" in words
    assert "static power is assumed" in words
    assert text.count('<span class="badge b-estimated">estimated</span>') >= 3


def test_empty_page_says_not_measured(tmp_path: Path) -> None:
    _, parsed = page(empty_report(), None, tmp_path)
    words = parsed.words()
    for title in (
        "Accuracy, integer",
        "RTL against golden",
        "Speed on the board",
        "Latency",
        "Core alone: Fmax",
        "Power, typical",
        "Energy per spike",
        "Spike efficiency",
        "On the board: speed, energy, power",
        "Against the golden model",
        "One sample, spike by spike",
        "Over the whole test set",
        "What quantization did",
        "The hardware",
        "Group by group",
    ):
        assert f"{title} not measured" in words
    assert "The hardware has not been compared with the golden model yet." in words
    assert not re.search(r"\b0\b", words.split("What the figures mean")[0])


def test_golden_only_page_shows_what_is_known(tmp_path: Path) -> None:
    report = report_of(
        NetworkSummary("digits", 64, 25, (GroupSummary("hidden", 32, weight_bits=8),)),
        accuracy=Accuracy(0.9, 0.8),
    )
    words = page(report, traces(), tmp_path)[1].words()
    assert "80.00 %" in words
    assert "change: −10.00 pp" in words
    assert "hidden 32 not measured 8 bit not measured none none not measured not measured" in words
    assert "Mapping" not in words


def test_failures_are_prominent(tmp_path: Path) -> None:
    report = full_report().but(verification=Verification(450, 10, 20, 3))
    text, parsed = page(report, None, tmp_path)
    assert '<p class="verdict bad">' in text
    assert (
        "The hardware differs from the golden model: 3 mismatches in 450 samples, 10 spikes, 20 potentials. "
        "Do not use this design." in parsed.words()
    )
    slow = full_report().but(timing=Timing(20.0, 25.0))
    text, parsed = page(slow, None, tmp_path)
    assert '<p class="verdict bad">' in text
    assert "timing is not met: 20 MHz reached, 25 MHz needed." in parsed.words()
    assert "not met, 20 % short" in parsed.words()
    full = full_report().but(resources={"ICESTORM_LC": Resource(6000, 5280)})
    assert "6,000 of 5,280 · 113.6 % ⚠ too many" in page(full, None, tmp_path)[1].words()


def test_a_network_that_never_fires_gets_no_good_verdict(tmp_path: Path) -> None:
    text, _ = page(full_report().but(verification=Verification(450, 0, 472500, 0)), None, tmp_path)
    assert '<p class="verdict unknown">' in text
    assert "But no neuron ever fired on these samples" in text


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    evil = "<script>alert('x')</script>\"&"
    spikes = np.ones((3, 2), np.uint8)
    report = report_of(
        NetworkSummary(evil, 2, 3, (GroupSummary(evil, 2, lanes=1, cycles_per_sample=3.0),)),
        convention={evil: evil},
        latency=Latency(9.0, 9),
        activity={evil: ActivityPerSample(0.5, 4.0)},
        power_mw=PowerMw(1.0, 2.0, 3.0, {evil: PowerTerm(1.0, 2.0, 3.0, "work", evil, True, evil)}),
        resources={evil: Resource(1, 2)},
        spikes_per_sample={evil: 2.0},
        tools={evil: evil},
        warnings=(evil,),
        assumptions=(evil,),
        basis={"accuracy": evil, "activity": evil, "resources": evil},
        created=evil,
    )
    shown = Traces(0, None, None, spikes, (GroupTrace(evil, spikes, spikes, spikes[0]),))
    text, parsed = page(report, shown, tmp_path)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 15
    assert "script" not in {tag for tag, _ in parsed.tags}
    assert evil in parsed.words()


def test_name_that_is_not_utf8(tmp_path: Path) -> None:
    assert "digits?" in page(empty_report("digits\udcff"), None, tmp_path)[0]


def test_nothing_computed_wears_the_badge_of_simulation(tmp_path: Path) -> None:
    """Simulated is what was counted in the RTL: the comparison and the busy cycles, nothing else."""
    text, _ = page(full_report(), traces(), tmp_path)
    badge = '<span class="badge b-simulated">simulated</span>'
    pieces = re.findall(r'<(?:article|figure)[^>]* id="([^"]+)".*?</(?:article|figure)>', text, re.S)
    blocks = re.findall(r"<(article|figure)([^>]*)>(.*?)</\1>", text, re.S)
    assert len(pieces) == len(blocks)
    named = {key for key, (_, _, body) in zip(pieces, blocks, strict=True) if badge in body}
    assert named == {"card-verification", "figure-busy"}
    computed = '<span class="badge b-computed">computed</span>'
    assert {key for key, (_, _, body) in zip(pieces, blocks, strict=True) if computed in body} == {
        *("card-speed", "card-latency")
    }


def test_from_one_sample_to_the_next_takes_the_slower_of_link_and_core() -> None:
    """The bytes of a sample take 5.14 ms on that line."""
    full = full_report()
    for rate, every in ((194.5, "5.14 ms"), (100.0, "10 ms"), (None, "5.14 ms")):
        table = speed_table(full.but(throughput=Throughput(25_000.0, rate)))
        assert table is not None
        assert table.rows[0][2] == every


def test_the_cards_prediction_says_of_which_samples_it_is(tmp_path: Path) -> None:
    """Beside a mean of all samples; where it is of all of them nothing has to be said."""
    report = full_report()
    assert "predicted: 1,050 cycles, mean of the first 20 samples" in page(report, None, tmp_path)[1].words()
    of_all = report.but(verification=Verification(20, 10, 10, 0, distinct_samples=20))
    words = page(of_all, None, tmp_path)[1].words()
    assert "predicted: 1,050 cycles" in words
    assert "mean of the first 20 samples" not in words


def test_without_counted_activity_there_is_no_chart_of_it(tmp_path: Path) -> None:
    report = full_report().but(activity={})
    text, parsed = page(report, None, tmp_path)
    assert 'id="figure-busy"' not in text
    assert "Where the cycles go" not in parsed.words()


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="cannot write"):
        write_page(empty_report(), None, tmp_path / "file" / "report.html")
