"""The clock that the routed design would allow, and the one that it has."""

from dataclasses import dataclass

from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Card, Line, Objection, Part, Section
from qsnn_hw.report.words import NOT_MEASURED, apart, duration, page_duration, with_unit
from qsnn_hw.support.values import Number, check_numbers
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.targets.fpga.sections.latency import LATENCY


@dataclass(frozen=True)
class Timing:
    """Clock frequencies in MHz: what the tool reached and what it was asked for."""

    fmax_mhz: Number | None = None
    constraint_mhz: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite frequencies."""
        check_numbers(self, "timing", "fmax_mhz", "constraint_mhz")

    @property
    def met(self) -> bool | None:
        """Whether Fmax reaches the constraint; None when either is unknown."""
        if self.fmax_mhz is None or self.constraint_mhz is None:
            return None
        return self.fmax_mhz >= self.constraint_mhz


def _timing(results: Results) -> Timing | None:
    built = results.get(Implementation)
    return None if built is None else Timing(built.fmax_mhz, built.constraint_mhz)


TIMING: Part[Timing] = Part(
    "timing",
    Timing,
    Timing(),
    _timing,
    basis={"": "tool report"},
    definitions={
        "": (
            "Highest clock frequency that the place-and-route tool's static timing analysis allows "
            "(Fmax), and the one asked for, which is the design's clock. The clock is chosen so that Fmax "
            "exceeds it by the PLL's jitter and the clock network's skew of the data sheet at least."
        )
    },
)


def line(report: Report) -> str:
    timing, latency = report[TIMING], report[LATENCY]
    if timing.fmax_mhz is None:
        return NOT_MEASURED
    text = f"Fmax {with_unit(timing.fmax_mhz, 'MHz')}"
    if timing.met is not None:
        text += f", asked {with_unit(timing.constraint_mhz, 'MHz')}: {'met' if timing.met else 'NOT MET'}"
    if latency.us_per_sample_mean is not None:
        text += f"; a sample would take {duration(latency.us_per_sample_mean)} there"
    return text


def card(report: Report) -> Card:
    timing, latency = report[TIMING], report[LATENCY]
    value, unit = apart(with_unit(timing.fmax_mhz, "MHz"))
    lines = [f"the bitstream runs at {with_unit(timing.constraint_mhz, 'MHz')}"]
    if timing.met is not None and timing.fmax_mhz is not None and timing.constraint_mhz:
        margin = 100 * (timing.fmax_mhz / timing.constraint_mhz - 1)
        lines.append(f"met, {margin:.0f} % to spare" if timing.met else f"not met, {-margin:.0f} % short")
    if latency.us_per_sample_mean is not None:
        lines.append(f"core alone at Fmax: {page_duration(latency.us_per_sample_mean)} a sample")
    state = {True: "good", False: "bad", None: ""}[timing.met]
    return Card(
        "timing", "Core alone: Fmax", value, unit, tuple(lines), report.basis.get("timing", ""), state
    )


def _objection(report: Report) -> Objection | None:
    timing = report[TIMING]
    if timing.met is not False:
        return None
    reached, needed = with_unit(timing.fmax_mhz, "MHz"), with_unit(timing.constraint_mhz, "MHz")
    return Objection("bad", f"But timing is not met: {reached} reached, {needed} needed.")


SECTION = Section(
    "timing",
    parts=(TIMING,),
    lines=(Line("core alone", line, after="latency"),),
    card=card,
    objection=_objection,
)
