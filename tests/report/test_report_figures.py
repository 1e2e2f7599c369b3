"""What the figures show: which neurons, which marks, which numbers."""

import re

import numpy as np
import pytest

from qsnn_hw.report import GroupTrace, Traces, figures
from qsnn_hw.report.confusion import confusion, confusion_counts
from qsnn_hw.report.sections.accuracy import wilson
from qsnn_hw.report.svg import Drawing, ticks
from qsnn_hw.targets.fpga.sections.resources import chart
from tests.support.report_examples import full_report, traces


def marks(svg: str, style: str) -> int:
    """Number of separate strokes in the paths of a class."""
    return sum(path.count("M") for path in re.findall(rf'<path d="([^"]*)" class="{style}"', svg))


def test_one_mark_per_spike() -> None:
    shown = traces()
    figure = figures.raster(shown)
    for svg in (figure.wide, figure.narrow):
        assert marks(svg, "dot c-input") == shown.input_spikes.sum()
        assert marks(svg, "dot c-0") == shown.groups[0].spikes.sum()
        assert marks(svg, "dot c-1") == shown.groups[1].spikes.sum()


def test_the_answer_is_marked_with_its_count() -> None:
    shown = traces()
    count = int(shown.groups[1].spikes[:, 7].sum())
    assert f'class="tick chosen">{count}\u25c0</text>' in figures.raster(shown).wide


def test_silent_sample_draws() -> None:
    silent = np.zeros((4, 40), np.uint8)
    svg = figures.raster(Traces(0, 0, 0, silent, (GroupTrace("a", silent),))).wide
    assert "dot" not in svg
    assert "0 spikes" in svg


@pytest.mark.parametrize("shape", [(300, 2312), (7, 5000), (5000, 3)])
def test_binning_keeps_every_spike_and_stays_small(shape: tuple[int, int]) -> None:
    spikes = (np.random.default_rng(1).random(shape) < 0.5).astype(np.uint8)
    cells, across, down = figures.binned(spikes, 2000)
    assert cells.sum() == spikes.sum()
    assert cells.size <= 2000 + 128
    assert cells.shape == (-(-shape[0] // across), -(-shape[1] // down))
    assert figures.binned(spikes, spikes.size)[1:] == (1, 1)


def group(counts: list[int]) -> GroupTrace:
    steps = max(counts) or 1
    return GroupTrace("g", np.array([[step < n for n in counts] for step in range(steps)], np.uint8))


@pytest.mark.parametrize(
    ("counts", "wanted", "chosen"),
    [
        ([9, 0, 5, 3, 7, 1], (), [0, 1, 2, 5]),  # most, middle, least active and a silent one
        ([9, 8, 7, 6, 5, 4], (), [0, 2, 3, 5]),
        ([0, 0, 0, 0, 0], (), [0, 1, 2, 3]),
        ([2, 1], (), [0, 1]),
        ([9, 0, 5, 3, 7, 1], (1, 1), [0, 1, 2, 4]),  # answer and label first, then the most active
        ([9, 8, 7], (None, 5), [0, 1, 2]),
    ],
)
def test_neurons_to_show(counts: list[int], wanted: tuple[int | None, ...], chosen: list[int]) -> None:
    assert figures.neurons_to_show(group(counts), wanted) == chosen


def test_potentials() -> None:
    shown = traces()
    hidden, output = (figures.potentials(shown, index) for index in (0, 1))
    assert hidden is not None
    assert output is not None
    assert marks(hidden.wide, "curve float") == 4
    assert marks(output.wide, "curve float") == 0
    assert marks(hidden.wide, "threshold") == 4
    assert [words for _, words in output.legend] == ["integer potential", "threshold", "spike"]
    assert "neuron 7 (answer)" in output.wide
    assert "neuron 4 (label)" in output.wide
    fired = sum(
        int(shown.groups[1].spikes[:, n].sum()) for n in figures.neurons_to_show(shown.groups[1], (7, 4))
    )
    assert marks(output.wide, "spike") == fired


def test_threshold_lies_where_the_axis_says() -> None:
    # A potential that equals the threshold throughout must lie exactly on the threshold line.
    v = np.full((5, 1), 50)
    shown = Traces(0, None, None, v * 0, (GroupTrace("a", v * 0, v, np.array([50])),))
    figure = figures.potentials(shown, 0)
    assert figure is not None
    line = re.search(r'<path d="M\S+ (\S+)L\S+ (\S+)" class="threshold"', figure.wide)
    curve = re.search(r'<path d="M([^"]+)" class="curve c-0"', figure.wide)
    assert line is not None
    assert curve is not None
    assert {point.split()[1] for point in curve.group(1).split("L")} == set(line.groups())


def test_readout_without_threshold_and_group_without_potentials() -> None:
    spikes = np.zeros((5, 2), np.uint8)
    readout = Traces(0, None, None, spikes, (GroupTrace("r", spikes, spikes - 3),))
    figure = figures.potentials(readout, 0)
    assert figure is not None
    assert "threshold" not in figure.wide
    assert "threshold" not in [words for _, words in figure.legend]
    assert figures.potentials(Traces(0, None, None, spikes, (GroupTrace("r", spikes),)), 0) is None


def test_long_traces_keep_their_extremes() -> None:
    v = np.zeros((20_000, 1), np.int64)
    v[12_345] = 1000
    v[17_000] = -1000
    shown = Traces(0, None, None, v * 0, (GroupTrace("a", v * 0, v),))
    figure = figures.potentials(shown, 0)
    assert figure is not None
    curve = re.search(r'<path d="M([^"]+)" class="curve c-0"', figure.wide)
    assert curve is not None
    heights = [float(point.split()[1]) for point in curve.group(1).split("L")]
    assert len(heights) <= 610
    # 62 units high, less 8 % padding of the span at either end.
    assert max(heights) - min(heights) == pytest.approx(62 / 1.16, abs=0.2)


def test_confusion_counts() -> None:
    labels, predictions = np.array([0, 0, 1, 2, 2], np.uint8), np.array([0, 1, 1, 2, 0], np.uint8)
    expected = [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert confusion_counts(labels, predictions).tolist() == expected
    spikes = np.zeros((2, 2), np.uint8)
    figure = confusion(Traces(0, None, None, spikes, (), labels, predictions))
    assert figure is not None
    assert figure.description == (
        "3 of 5 samples right. Commonest mistakes: 0 taken for 1 (1 sample), 2 taken for 0 (1 sample)."
    )


def test_many_classes_show_the_commonest_mistakes() -> None:
    labels = np.arange(60) % 30
    predictions = labels.copy()
    predictions[labels == 4] = 9
    spikes = np.zeros((2, 2), np.uint8)
    figure = confusion(Traces(0, None, None, spikes, (), labels, predictions))
    assert figure is not None
    assert figure.title == "Commonest mistakes"
    assert "4 taken for 9" in figure.wide
    assert "2 samples" in figure.wide


def test_wilson_interval() -> None:
    # 8 of 10: 0.4902 to 0.9433, the textbook example of the score interval.
    assert wilson(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    low, high = wilson(1.0, 450)
    assert low == pytest.approx(0.99153, abs=1e-4)
    assert high == pytest.approx(1.0)


def test_bar_lengths_are_shares() -> None:
    figure = chart(full_report())
    assert figure is not None
    lengths = [float(n) for n in re.findall(r'width="(\S+)" height="12" rx="2" class="fill', figure.wide)]
    assert lengths == pytest.approx([500 * 200 / 208, 500 * 2312 / 83640], abs=0.1)


@pytest.mark.parametrize(
    ("low", "high", "most", "least", "expected"),
    [
        (0, 24, 12, 1, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24]),
        (0, 2, 12, 1, [0, 1, 2]),
        (0, 0, 12, 1, [0]),
        (93.1, 98.7, 5, 0, [94, 96, 98]),
        (-0.3, 0.3, 3, 0, [-0.2, 0, 0.2]),
    ],
)
def test_ticks(low: float, high: float, most: int, least: float, expected: list[float]) -> None:
    assert ticks(low, high, most, least) == expected


def test_text_is_escaped() -> None:
    drawing = Drawing(10, 10)
    drawing.text(0, 0, "<b>&")
    assert drawing.render("k", "<t>", "<d>") == (
        '<svg viewBox="0 0 10 10" role="img" aria-labelledby="k-t k-d"><title id="k-t">&lt;t&gt;</title>'
        '<desc id="k-d">&lt;d&gt;</desc><text x="0" y="0">&lt;b&gt;&amp;</text></svg>'
    )
