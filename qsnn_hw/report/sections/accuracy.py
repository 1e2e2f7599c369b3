"""How often the answer is right: float network and integer network on the same samples."""

import math
from dataclasses import dataclass, field

from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.explore.integers.drop import Drop
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.readouts import READOUT_WORDS
from qsnn_hw.report.confusion import confusion
from qsnn_hw.report.record import WARNINGS, Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import TEST_SET, Added, Card, Exhibit, Line, Part, Section
from qsnn_hw.report.sections.network import BITS
from qsnn_hw.report.svg import Drawing, Figure, figure, num, ticks
from qsnn_hw.report.words import apart, percent, signed
from qsnn_hw.support.values import Number, check_counts, count, number, put


@dataclass(frozen=True)
class Accuracy:
    """Fractions from 0 to 1 of correctly classified samples; ``float_model`` is written as ``float``.

    Parameters
    ----------
    float_model, quantized
        The fractions.
    readout
        What answered, in words.
    standard_error_pp
        Of the difference between the two on the same samples, in percentage points.
    """

    float_model: Number | None = field(default=None, metadata={"json": "float"})
    quantized: Number | None = None
    readout: str | None = None
    standard_error_pp: Number | None = None

    def __post_init__(self) -> None:
        """Refuse anything but a fraction."""
        put(
            self,
            float_model=number("accuracy.float", self.float_model, 0, 1),
            quantized=number("accuracy.quantized", self.quantized, 0, 1),
            standard_error_pp=number("accuracy.standard_error_pp", self.standard_error_pp, 0),
        )

    @property
    def change_pp(self) -> float | None:
        """Quantized less float, in percentage points; negative is a loss."""
        if self.float_model is None or self.quantized is None:
            return None
        return 100.0 * (self.quantized - self.float_model)

    def change_text(self) -> str | None:
        """:attr:`change_pp` with its standard error, in words; None where either accuracy is unknown."""
        if self.change_pp is None:
            return None
        error = "" if self.standard_error_pp is None else f", standard error {self.standard_error_pp:.2f}"
        return f"{self.change_pp:+.2f} pp{error}"


@dataclass(frozen=True)
class Calibration:
    """What the integers chosen on calibration samples score there; fractions from 0 to 1.

    Parameters
    ----------
    samples
        How many.
    labelled
        The scores are accuracies; False: how often the float network's own answers were given.
    float_model, quantized, standard_error_pp
        As in :class:`Accuracy`.
    """

    samples: int
    labelled: bool
    float_model: Number | None = field(default=None, metadata={"json": "float"})
    quantized: Number | None = None
    standard_error_pp: Number | None = None

    def __post_init__(self) -> None:
        """Refuse anything but fractions and counts."""
        check_counts(self, "calibration", "samples")
        put(
            self,
            float_model=number("calibration.float", self.float_model, 0, 1),
            quantized=number("calibration.quantized", self.quantized, 0, 1),
            standard_error_pp=number("calibration.standard_error_pp", self.standard_error_pp, 0),
        )

    def text(self) -> str:
        """In words."""
        change = Accuracy(
            self.float_model, self.quantized, standard_error_pp=self.standard_error_pp
        ).change_text()
        what = "" if self.labelled else " agreement with the float network"
        return f"{change}{what} on {self.samples:,} calibration samples"


def _accuracy(results: Results) -> Accuracy | None:
    data, golden = results.get(Dataset), results.get(GoldenResult)
    if data is None or data.label is None or golden is None:
        return None
    drop = golden.drop
    return Accuracy(drop.float_score, drop.integer_score, READOUT_WORDS[golden.readout], _points(drop))


def _samples(results: Results) -> int | None:
    data = results.get(Dataset)
    return None if data is None or data.label is None else data.samples


def _calibration(results: Results) -> Calibration | None:
    drop = results[Quantization].drop
    if drop is None:
        return None
    return Calibration(drop.samples, drop.labelled, drop.float_score, drop.integer_score, _points(drop))


def _points(drop: Drop) -> float | None:
    """The standard error in percentage points."""
    return None if drop.standard_error is None else 100 * drop.standard_error


def _warnings(results: Results) -> tuple[str, ...]:
    """What the golden model's run has to say, that nothing comes out first."""
    golden = results.get(GoldenResult)
    if golden is None:
        return ()
    return golden.warnings if golden.dead is None else (golden.dead, *golden.warnings)


ACCURACY: Part[Accuracy] = Part(
    "accuracy",
    Accuracy,
    Accuracy(),
    _accuracy,
    basis={"": "measured"},
    definitions={
        "": (
            "Fraction of test samples whose answer is the label; accuracy.readout says what answers, the "
            "lowest address among equals. The standard error is that of the difference on the same samples."
        )
    },
)

ACCURACY_SAMPLES: Part[int | None] = Part(
    "accuracy_samples",
    int | None,
    None,
    _samples,
    check=lambda samples: count("report.accuracy_samples", samples),
)
"""The number of test samples behind the accuracies."""

CALIBRATION: Part[Calibration | None] = Part("calibration", Calibration | None, None, _calibration)
"""The same on the samples that chose the rounding; None where none did."""


def line(report: Report) -> str:
    accuracy = report[ACCURACY]
    text = f"float {percent(accuracy.float_model)}, integer {percent(accuracy.quantized)}"
    if accuracy.change_pp is not None:
        text += f" ({accuracy.change_text()})"
    if report[ACCURACY_SAMPLES] is not None:
        text += f" on {report[ACCURACY_SAMPLES]:,} samples"
    if accuracy.readout is not None and accuracy.quantized is not None:
        text += f", by {accuracy.readout}"
    calibration = report[CALIBRATION]
    if calibration is not None:
        text += f"; {calibration.text()}"
    return text


def card(report: Report) -> Card:
    accuracy = report[ACCURACY]
    value, unit = apart(percent(accuracy.quantized))
    lines = [f"float network: {percent(accuracy.float_model)}"]
    if accuracy.change_pp is not None:
        error = accuracy.standard_error_pp
        told = "" if error is None else f", standard error {error:.2f}"
        lines.append(f"change: {signed(accuracy.change_pp)} pp{told}")
    if accuracy.readout is not None:
        samples = "" if report[ACCURACY_SAMPLES] is None else f" on {report[ACCURACY_SAMPLES]:,} test samples"
        lines.append(f"by {accuracy.readout}{samples}")
    calibration = report[CALIBRATION]
    if calibration is not None:
        lines.append(f"calibration: {calibration.text()}")
    bits = f"Accuracy, {report[BITS]}-bit" if report[BITS] is not None else "Accuracy, integer"
    return Card("accuracy", bits, value, unit, tuple(lines), report.basis.get("accuracy", ""), gain=True)


def wilson(fraction: float, samples: int) -> tuple[float, float]:
    """The 95 % confidence interval of a fraction seen over ``samples`` (E. B. Wilson, JASA 1927)."""
    z = 1.959964
    middle = fraction + z * z / (2 * samples)
    half = z * math.sqrt(fraction * (1 - fraction) / samples + z * z / (4 * samples * samples))
    return (middle - half) / (1 + z * z / samples), (middle + half) / (1 + z * z / samples)


def chart(report: Report) -> Figure | None:
    """Float and integer accuracy with their confidence intervals; None when neither is known."""
    pairs = (("float network", report[ACCURACY].float_model), ("integer network", report[ACCURACY].quantized))
    known = [value for _, value in pairs if value is not None]
    if not known:
        return None
    samples = report[ACCURACY_SAMPLES]
    bounds = [wilson(value, samples) for value in known] if samples else [(value, value) for value in known]
    low = max(0.0, min(bound[0] for bound in bounds) - 0.01)
    high = min(1.0, max(bound[1] for bound in bounds) + 0.01)

    def draw(width: float) -> Drawing:
        drawing = Drawing(width, 142)
        scale = width / (high - low)
        marks = ticks(100 * low, 100 * high, 5)
        for mark in marks:
            x = (mark / 100 - low) * scale
            anchor = "end" if x > width - 16 else "start" if x < 16 else "middle"
            drawing.text(x, 119, f"{mark:g} %", "tick", anchor)
        drawing.text(width / 2, 137, "accuracy on the test set", "axis", "middle")
        for row, (name, value) in enumerate(pairs):
            y = 14.0 + 52 * row
            style = "c-input" if row == 0 else "c-0"
            drawing.text(0, y, name, "name")
            drawing.text(width, y, percent(value), "value" if value is not None else "note", "end")
            drawing.rect(0, y + 8, width, 24, "panel")
            for mark in marks:
                x = (mark / 100 - low) * scale
                drawing.line(x, y + 8, x, y + 32, "grid")
            if value is None:
                continue
            if samples:
                one, other = wilson(value, samples)
                a, b = (one - low) * scale, (other - low) * scale
                drawing.path(
                    f"M{num(a)} {num(y + 20)}H{num(b)}M{num(a)} {num(y + 14)}v12M{num(b)} {num(y + 14)}v12",
                    f"whisker {style}",
                )
            drawing.circle((value - low) * scale, y + 20, 6, f"fill {style}")
        return drawing

    change = report[ACCURACY].change_pp
    caption = "" if change is None else f"Integer less float: {signed(change)} percentage points. "
    if samples:
        caption += f"Whiskers: 95 % confidence interval (Wilson) over {samples:,} samples. "
    return figure(
        "accuracy",
        "Accuracy: float against integer",
        "; ".join(f"{name}: {percent(value)}" for name, value in pairs) + ".",
        draw,
        caption + "The axis does not start at zero.",
        report.basis.get("accuracy", ""),
    )


SECTION = Section(
    "accuracy",
    parts=(ACCURACY, ACCURACY_SAMPLES, CALIBRATION),
    added=(Added(WARNINGS, _warnings),),
    lines=(Line("accuracy", line),),
    card=card,
    exhibits=(
        Exhibit("accuracy", TEST_SET, lambda report, traces: chart(report)),
        Exhibit("confusion", TEST_SET, lambda report, traces: None if traces is None else confusion(traces)),
    ),
)
