"""What chips differ in: accuracy over many of them, yield, what each effect costs and each remedy gains."""

from dataclasses import dataclass, field

import numpy as np

from qsnn_hw.report.record import ASSUMPTIONS, Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Added, Card, Chapter, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.svg import Drawing, Figure, figure, ticks
from qsnn_hw.report.words import NOT_MEASURED, percent, plural, signed
from qsnn_hw.support.values import Number, check_counts, number, put
from qsnn_hw.targets.analog.chips import MOST_CHIPS, MOST_SAMPLES
from qsnn_hw.targets.analog.chips_record import DROPS_PP, Chips, Cost, Gain

CHIPS_CHAPTER = Chapter("From chip to chip", 35)

_BINS = 24


@dataclass(frozen=True)
class ChipFigures:
    """Accuracy over many chips; fractions from 0 to 1, losses in percentage points against golden.

    Parameters
    ----------
    chips, samples, seed
        How many, and of which random numbers.
    golden, ideal
        Accuracy of the golden model and of the ideal chip on the same samples.
    mean_loss_pp, spread_pp, worst_loss_pp
        With the remedies that are on; the spread is a standard deviation.
    mean_loss_off_pp, spread_off_pp, worst_loss_off_pp
        Of the same chips with none.
    drops_pp, yields, yields_off
        Share of chips that lose at most each drop, with the remedies and with none.
    accuracies, accuracies_off
        Of each chip.
    costs, gains
        What each effect alone costs, and each remedy alone gains.
    """

    chips: int | None = None
    samples: int | None = None
    seed: int | None = None
    golden: Number | None = None
    ideal: Number | None = None
    remedies: tuple[str, ...] = ()
    mean_loss_pp: Number | None = None
    spread_pp: Number | None = None
    worst_loss_pp: Number | None = None
    mean_loss_off_pp: Number | None = None
    spread_off_pp: Number | None = None
    worst_loss_off_pp: Number | None = None
    drops_pp: tuple[float, ...] = DROPS_PP
    yields: tuple[float, ...] = ()
    yields_off: tuple[float, ...] = ()
    accuracies: tuple[float, ...] = ()
    accuracies_off: tuple[float, ...] = ()
    costs: tuple[Cost, ...] = field(default=())
    gains: tuple[Gain, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse anything but counts, fractions and finite losses."""
        check_counts(self, "chips", "chips", "samples", "seed")
        put(
            self,
            golden=number("chips.golden", self.golden, 0, 1),
            ideal=number("chips.ideal", self.ideal, 0, 1),
        )
        for name in ("mean_loss_pp", "worst_loss_pp", "mean_loss_off_pp", "worst_loss_off_pp"):
            put(self, **{name: number(f"chips.{name}", getattr(self, name))})
        for name in ("spread_pp", "spread_off_pp"):
            put(self, **{name: number(f"chips.{name}", getattr(self, name), 0)})


def _figures(results: Results) -> ChipFigures | None:
    found = results.get(Chips)
    if found is None:
        return None
    on, off = found.lost_pp("on"), found.lost_pp("off")

    def spread(lost: np.ndarray) -> float | None:
        return float(lost.std(ddof=1)) if lost.size > 1 else None

    return ChipFigures(
        chips=found.chips,
        samples=found.samples,
        seed=found.seed,
        golden=found.golden,
        ideal=found.ideal,
        remedies=found.remedies,
        mean_loss_pp=float(on.mean()),
        spread_pp=spread(on),
        worst_loss_pp=float(on.max()),
        mean_loss_off_pp=float(off.mean()),
        spread_off_pp=spread(off),
        worst_loss_off_pp=float(off.max()),
        yields=found.yields("on"),
        yields_off=found.yields("off"),
        accuracies=found.on,
        accuracies_off=found.off,
        costs=found.costs,
        gains=found.gains,
    )


CHIPS: Part[ChipFigures] = Part(
    "chips",
    ChipFigures,
    ChipFigures(),
    _figures,
    basis={"": "estimated"},
    definitions={
        "": (
            "Monte-Carlo: chips drawn by chance from the device file's figures, each run on all "
            "samples by the analog "
            "reference model. Losses are against the integer golden model on the same samples."
        ),
        "yields": "Share of chips that lose at most each of drops_pp.",
        "costs": "One effect alone, without remedies; levels: the ideal chip against golden.",
        "gains": "All effects, one remedy alone against none, on the same chips.",
    },
)


def _loss(mean: Number | None, spread: Number | None, worst: Number | None) -> str:
    if mean is None or worst is None:
        return NOT_MEASURED
    give = "" if spread is None else f", standard deviation {spread:.2f}"
    return f"{mean:.2f} pp{give}, worst {worst:.2f}"


def _line(report: Report) -> tuple[str, ...]:
    chips = report[CHIPS]
    if chips.chips is None:
        return (f"{NOT_MEASURED}: give --data FILE",)
    on = ", ".join(chips.remedies) or "no remedies"
    at = DROPS_PP.index(1.0)
    return (
        f"mean loss {_loss(chips.mean_loss_pp, chips.spread_pp, chips.worst_loss_pp)} ({on}), "
        f"{chips.chips} chips",
        f"without remedies {_loss(chips.mean_loss_off_pp, chips.spread_off_pp, chips.worst_loss_off_pp)}",
        f"yield at 1 pp {percent(chips.yields[at])}, without remedies {percent(chips.yields_off[at])}",
    )


def _card(report: Report) -> Card:
    chips = report[CHIPS]
    if chips.mean_loss_pp is None:
        return Card("chips", "Mean loss of a chip", NOT_MEASURED, "", (), "")
    lines = (
        f"{chips.chips} chips, {', '.join(chips.remedies) or 'no remedies'}",
        f"without remedies {chips.mean_loss_off_pp:.2f} pp",
        f"yield at 1 pp: {percent(chips.yields[DROPS_PP.index(1.0)])}",
    )
    return Card(
        "chips", "Mean loss of a chip", f"{chips.mean_loss_pp:.2f}", "pp", lines, "estimated", gain=True
    )


def _costs(report: Report) -> Table | None:
    chips = report[CHIPS]
    if not chips.costs:
        return None
    first = chips.costs[-1]
    return Table(
        "chips-costs",
        "What each effect costs",
        "Each effect of the device alone, without remedies, against the ideal chip: "
        f"{plural(first.chips, 'chip')} "
        f"(at most {MOST_CHIPS}), {plural(first.samples, 'sample')} (at most {MOST_SAMPLES:,}). "
        "Levels: the ideal chip "
        "against the integers. Effects that the device has not are left out.",
        ("effect", "mean loss, pp", "standard deviation", "worst chip"),
        tuple(
            (cost.effect, f"{cost.mean_pp:.2f}", f"{cost.spread_pp:.2f}", f"{cost.worst_pp:.2f}")
            for cost in chips.costs
        ),
    )


def _gains(report: Report) -> Table | None:
    chips = report[CHIPS]
    if not chips.gains:
        return None
    return Table(
        "chips-gains",
        "What each remedy gains",
        "All effects on, each remedy alone against none, on the same chips.",
        ("remedy", "on", "mean gain, pp", "standard error"),
        tuple(
            (gain.remedy, "yes" if gain.on else "no", signed(gain.mean_pp), f"{gain.error_pp:.2f}")
            for gain in chips.gains
        ),
    )


def _yields(report: Report) -> Table | None:
    chips = report[CHIPS]
    if not chips.yields:
        return None
    return Table(
        "chips-yield",
        "Yield",
        f"Share of {plural(chips.chips or 0, 'chip')} that lose at most so much accuracy against "
        "the golden model.",
        ("at most", "with remedies", "without"),
        tuple(
            (f"{drop:g} pp", percent(on), percent(off))
            for drop, on, off in zip(chips.drops_pp, chips.yields, chips.yields_off, strict=True)
        ),
    )


def _distribution(report: Report) -> Figure | None:
    chips = report[CHIPS]
    if len(chips.accuracies) < 2:
        return None
    rows = [
        ("with remedies", np.array(chips.accuracies), "c-0"),
        ("without", np.array(chips.accuracies_off), "c-1"),
    ]
    every = np.concatenate([values for _, values, _ in rows])
    marks = [value for value in (chips.golden, chips.ideal) if value is not None]
    low, high = min(every.min(), *marks), max(every.max(), *marks)
    pad = 0.04 * (high - low) or 0.005
    edges = np.linspace(low - pad, high + pad, _BINS + 1)
    counts = [np.histogram(values, edges)[0] for _, values, _ in rows]
    most = max(int(count.max()) for count in counts)

    def draw(width: float) -> Drawing:
        drawing = Drawing(width)
        left, inner, height = 34.0, width - 44.0, 90.0

        def across(value: float) -> float:
            return left + inner * (value - edges[0]) / (edges[-1] - edges[0])

        for row, ((name, values, style), count) in enumerate(zip(rows, counts, strict=True)):
            bottom = 20 + height + row * (height + 26)
            drawing.rect(left, bottom - height, inner, height, "panel")
            drawing.text(left, bottom - height - 6, name, f"name {style}")
            drawing.text(left + inner, bottom - height - 6, f"mean {percent(values.mean())}", "note", "end")
            for k in np.flatnonzero(count):
                tall = height * count[k] / most
                x, wide = across(edges[k]), inner / _BINS
                drawing.rect(x + 0.5, bottom - tall, wide - 1, tall, f"fill {style}")
            drawing.text(left - 6, bottom - height + 8, str(most), "tick", "end")
            if chips.golden is not None:
                drawing.line(across(chips.golden), bottom - height, across(chips.golden), bottom, "threshold")
        base = 20 + height + (height + 26)
        for value in ticks(100 * edges[0], 100 * edges[-1], 6):
            drawing.text(across(value / 100), base + 15, f"{value:g}", "tick", "middle")
        drawing.text(left + inner / 2, base + 31, "accuracy, %", "axis", "middle")
        drawing.height = base + 38
        return drawing

    return figure(
        "chips",
        "Accuracy from chip to chip",
        f"Histograms of the accuracy of {chips.chips} chips: with remedies mean loss "
        f"{_loss(chips.mean_loss_pp, chips.spread_pp, chips.worst_loss_pp)}; without "
        f"{_loss(chips.mean_loss_off_pp, chips.spread_off_pp, chips.worst_loss_off_pp)}.",
        draw,
        "Chips by their accuracy on all samples; the dashed line is the integer golden model.",
        "estimated",
        [("line threshold", "golden model")],
    )


def _assumptions(results: Results) -> tuple[str, ...]:
    found = results.get(Chips)
    if found is None:
        return ()
    lines = [f"chips differ by the figures of the device file alone, drawn with seed {found.seed}"]
    if "calibrate" in found.remedies:
        lines.append(
            f"thresholds are calibrated on {found.calibrated_on}, on each chip at its temperature and age"
        )
    return tuple(lines)


SECTION = Section(
    "chips",
    parts=(CHIPS,),
    added=(Added(ASSUMPTIONS, _assumptions),),
    lines=(Line("chips", _line),),
    card=_card,
    exhibits=(
        Exhibit("chips-distribution", CHIPS_CHAPTER, lambda report, traces: _distribution(report)),
        Exhibit("chips-yield", CHIPS_CHAPTER, lambda report, traces: _yields(report)),
        Exhibit("chips-costs", CHIPS_CHAPTER, lambda report, traces: _costs(report)),
        Exhibit("chips-gains", CHIPS_CHAPTER, lambda report, traces: _gains(report)),
    ),
)
