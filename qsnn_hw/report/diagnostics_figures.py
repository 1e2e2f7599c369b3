"""Figures of what quantization did: range histograms, and the sensitivity of each group to its width."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

from qsnn_hw.explore.integers.diagnosis import Diagnostics, GroupDiagnosis
from qsnn_hw.report.record import Report
from qsnn_hw.report.sections.network import NETWORK
from qsnn_hw.report.svg import NARROW, Drawing, Figure, colour, figure, num, ticks
from qsnn_hw.report.words import NOT_MEASURED, percent, plural, signed
from qsnn_hw.report.words import figure as amount
from qsnn_hw.support.values import Number

# Points below the reference at which a cell has its full shade: the same in every report, so that
# two reports compare.
_FULL_SHADE = 0.2


def widths(diagnostics: Diagnostics) -> tuple[int, ...]:
    """Every weight width of the sensitivity table, widest first."""
    return tuple(sorted({row.bits for row in diagnostics.sensitivity}, reverse=True))


def scored_groups(diagnostics: Diagnostics) -> tuple[str, ...]:
    """The groups of the sensitivity table, in the network's order."""
    scored = {row.group for row in diagnostics.sensitivity}
    return tuple(group.name for group in diagnostics.groups if group.name in scored)


def score_text(scores: Mapping[tuple[str, int], Number | None], name: str, bits: int) -> str:
    """A score of the sensitivity table as a percentage, or why there is none."""
    if (name, bits) not in scores:
        return NOT_MEASURED
    score = scores[name, bits]
    return "cannot build" if score is None else percent(score)


def histogram(group: GroupDiagnosis, index: int, basis: str) -> Figure:
    """How often the potentials of a group took which values, on a logarithmic scale."""
    edges, counts = group.histogram_edges, group.histogram
    total, most = sum(counts), max(counts)
    # Zero and the threshold belong on the axis even where no potential comes near them.
    low, high = min(edges[0], 0.0), max(edges[-1], 0.0 if group.readout else 1.0)
    pad = 0.02 * (high - low)
    low, high = low - pad, high + pad
    decades = max(1, math.ceil(math.log10(max(most, 2))))

    def draw(width: float) -> Drawing:
        drawing = Drawing(width)
        left, top, height = 46.0, 20.0, 150.0
        bottom, scale = top + height, (width - left - 6) / (high - low)
        drawing.rect(left, top, width - left - 6, height, "panel")
        # Half a step below 1, or a bin with a single potential would have no height.
        rise = height / (decades + 0.3)
        for power in range(0, decades + 1, 1 if decades < 5 else 2):
            y = bottom - (power + 0.3) * rise
            drawing.line(left, y, width - 6, y, "grid")
            drawing.text(left - 6, y + 3.5, _power(power), "tick", "end")
        for count, start, end in zip(counts, edges[:-1], edges[1:], strict=True):
            if count:
                tall = (math.log10(count) + 0.3) * rise
                across = max((end - start) * scale - 0.6, 1.0)
                drawing.rect(
                    left + (start - low) * scale, bottom - tall, across, tall, f"fill {colour(index)}"
                )
        for mark in ticks(low, high, 7 if width > NARROW else 5):
            drawing.text(left + (mark - low) * scale, bottom + 15, f"{mark:g}", "tick", "middle")
        zero = left - low * scale
        drawing.line(zero, top, zero, bottom, "zero")
        if not group.readout:
            x = left + (1 - low) * scale
            upright = f"M{num(x)} {num(top)}V{num(bottom)}"
            # Bars of any colour may lie behind it.
            drawing.path(upright, "halo")
            drawing.path(upright, "threshold")
            anchor = "end" if x > width / 2 else "start"
            drawing.text(x, top - 6, "threshold", "note", anchor)
        axis = "potential" if group.readout else "potential / threshold"
        drawing.text(left + (width - left) / 2, bottom + 31, axis, "axis", "middle")
        drawing.height = bottom + 36
        return drawing

    unit = "" if group.readout else " times the threshold"
    span = f"{amount(edges[0])} to {amount(edges[-1])}{unit}".replace("-", "\u2212")
    used = f"{group.v_bits_used} of {group.v_bits} bits used"
    return figure(
        f"histogram-{index}",
        f"Range of the potentials: {group.name}",
        f"{total:,} potentials, from {span}; {used}.",
        draw,
        f"How many of {total:,} potentials (time step, sample, neuron) lie in which range; the vertical "
        f"scale is logarithmic. From {span}; {used}.",
        basis,
    )


def _power(power: int) -> str:
    return ("1", "10", "100", "1k", "10k", "100k", "1M", "10M", "100M")[power] if power < 9 else f"1e{power}"


def sensitivity(report: Report, measured: Diagnostics, basis: str) -> Figure | None:
    """The score with one group at each width, shaded by what it lost; None when it was not asked for."""
    names, bits = scored_groups(measured), widths(measured)
    scores = {(row.group, row.bits): row.score for row in measured.sensitivity}
    known = [score for score in scores.values() if score is not None]
    if not names or not known:
        return None
    reference = max(known) if measured.float_score is None else measured.float_score
    built = {group.name: group.weight_bits for group in report[NETWORK].groups}

    worst = min(
        (row for row in measured.sensitivity if row.score is not None), key=lambda row: row.score or 0.0
    )
    lost = signed(100 * ((worst.score or 0.0) - reference))
    if measured.float_score is not None:
        against = f"the float network's {percent(measured.float_score)}"
    else:
        against = f"the best cell's {percent(reference)} (the float network's score was not measured)"
    samples = "" if measured.score_samples is None else f" on {plural(measured.score_samples, 'sample')}"
    legend = [("built", "as built")] if any(built.get(name) in bits for name in names) else []
    return figure(
        "sensitivity",
        "Which group needs its bits",
        f"Score{samples} with one group at another weight width, against {against}. Lowest: "
        f"{percent(worst.score)} with {worst.group} at {worst.bits} bit ({lost} points).",
        partial(_sensitivity_grid, names, bits, scores, built, reference),
        f"Score{samples} with one group's weights at another width and the others as built, against "
        f"{against}. The stronger the orange, the more points are lost (full at "
        f"{100 * _FULL_SHADE:.0f}); blue loses none. Score: share of samples answered as labelled, or as the "
        "float network answers where there are no labels. A dash: no score.",
        basis,
        legend,
        full=True,
    )


def _sensitivity_grid(
    names: Sequence[str],
    bits: Sequence[int],
    scores: Mapping[tuple[str, int], Number | None],
    built: Mapping[str, int | None],
    reference: Number,
    width: float,
) -> Drawing:
    """A row for each group, a cell for each width: its score, shaded by what is lost of ``reference``."""
    drawing = Drawing(width)
    cell, height, pitch = width / len(bits), 30.0, 60.0
    for column, n in enumerate(bits):
        drawing.text((column + 0.5) * cell, 12, f"{n} bit", "tick", "middle")
    for row, name in enumerate(names):
        y = 36 + row * pitch
        drawing.text(0, y, name, "name")
        for column, n in enumerate(bits):
            box = (column * cell + 1, y + 7, cell - 2, height)
            drawing.rect(*box, "panel")
            score = scores.get((name, n))
            if score is not None:
                lost = reference - score
                shade = min(0.75, 0.15 + 0.6 * max(0.0, lost) / _FULL_SHADE)
                drawing.rect(*box, "fill c-0" if lost <= 0 else "fill c-warn", shade)
            if built.get(name) == n:
                drawing.rect(box[0] + 0.75, box[1] + 0.75, box[2] - 1.5, height - 1.5, "built")
            style = ("count" if score is not None else "note") + (" small" if cell < 50 else "")
            words = _cell(scores, name, n, cell)
            drawing.text((column + 0.5) * cell, y + 26, words, style, "middle")
    drawing.height = 36 + pitch * len(names) - 20
    return drawing


def _cell(scores: Mapping[tuple[str, int], Number | None], name: str, bits: int, width: float) -> str:
    """A score in percent; without unit and decimals where the cell is narrow."""
    score = scores.get((name, bits))
    text = score_text(scores, name, bits)
    if score is None:
        return text if width > 90 else "\u2013"
    if width < 36:
        return f"{100 * score:.0f}"
    return text if width > 60 else text.removesuffix(" %")
