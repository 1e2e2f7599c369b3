"""Power of the FPGA's core supply, by term: an estimate with a range."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qsnn_hw.report.bounds import Bounds, check_bounds, range_text
from qsnn_hw.report.record import ASSUMPTIONS, WARNINGS, Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Added, Card, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.words import NOT_MEASURED, apart, rounded, with_unit
from qsnn_hw.support.values import Number, check_numbers
from qsnn_hw.targets.fpga.calibration import Calibration
from qsnn_hw.targets.fpga.power_terms import PowerEstimate, Term
from qsnn_hw.targets.fpga.sections import shared
from qsnn_hw.targets.fpga.sections.chapter import ON_BOARD
from qsnn_hw.targets.fpga.sections.speed import OPERATING_POINT


@dataclass(frozen=True)
class PowerTerm:
    """One term of the power estimate in milliwatts.

    Parameters
    ----------
    part
        "static": always; "clock": while the clock runs; "work": only with a sample's work.
    source
        Where the coefficient comes from.
    assumed
        Whether no measurement or data sheet stands behind the coefficient, or the activity it is
        multiplied with was not measured.
    activity
        What is assumed of that activity; None where it was measured or plays no part.
    kind
        What of the chip takes it: "static", "clock", "logic" or "memory".
    amount
        What the coefficient is multiplied by, typically: 1, MHz, cells that switch times MHz, or million
        accesses a second. ``qsnn-hw calibrate`` reads it.
    """

    low: Number | None = None
    typical: Number | None = None
    high: Number | None = None
    part: str | None = None
    source: str | None = None
    assumed: bool | None = None
    activity: str | None = None
    kind: str | None = None
    amount: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values and bounds out of order."""
        check_bounds(self, "power_mw.terms")
        check_numbers(self, "power_mw.terms", "amount")


@dataclass(frozen=True)
class PowerMw:
    """Power of the FPGA's core supply in milliwatts, and the terms that it is the sum of.

    Parameters
    ----------
    kinds
        The same sum by what of the chip takes it: static, clock, logic, memory.
    calibration
        What the coefficients were calibrated by; None: they are the published ones.
    """

    low: Number | None = None
    typical: Number | None = None
    high: Number | None = None
    terms: Mapping[str, PowerTerm] = field(default_factory=dict)
    kinds: Mapping[str, Bounds] = field(default_factory=dict)
    calibration: str | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values and bounds out of order."""
        check_bounds(self, "power_mw")


def power_mw(estimate: PowerEstimate | None, calibration: Calibration | None = None) -> PowerMw:
    """The estimate as the report holds it."""
    if estimate is None:
        return PowerMw()
    return PowerMw(
        estimate.low,
        estimate.typical,
        estimate.high,
        {t.name: _term(t) for t in estimate.terms},
        {kind: Bounds(of.low, of.typical, of.high) for kind, of in estimate.kinds().items()},
        None if calibration is None else calibration.sentence,
    )


def _term(term: Term) -> PowerTerm:
    return PowerTerm(
        term.power.low,
        term.power.typical,
        term.power.high,
        part=term.part,
        source=term.coefficient.source,
        assumed=term.coefficient.assumed or term.assumed is not None,
        activity=term.assumed,
        kind=term.kind,
        amount=None if term.amount is None else term.amount.typical,
    )


def _notes(results: Results) -> tuple[str, ...]:
    power, calibration = results.once(shared.spent).power, results.get(Calibration)
    if power is None:
        return ()
    return (*power.notes, *(() if calibration is None else (calibration.sentence,)))


def _unknown(results: Results) -> tuple[str, ...]:
    unknown = results.once(shared.spent).unknown
    return () if unknown is None else (unknown,)


POWER_MW: Part[PowerMw] = Part(
    "power_mw",
    PowerMw,
    PowerMw(),
    lambda results: power_mw(results.once(shared.spent).power, results.get(Calibration)),
    basis={"": "estimated"},
    definitions={
        "": (
            "Estimate for the FPGA's core supply (VCC) while samples come back to back at the board's "
            "clock. Pins, auxiliary supply, oscillator, flash, USB bridge and regulators of the board "
            "are not in it. Low and high: every coefficient at that end at once."
        ),
        "terms": (
            "The terms that add up to it, each with its source; assumed: no measurement or data "
            "sheet stands behind the coefficient, or the activity is assumed."
        ),
        "kinds": "The same sum by what of the chip takes it; the clock's has PLL and oscillator in it.",
        "calibration": "What the coefficients were calibrated by (--power); null: published ones.",
    },
)


def line(report: Report) -> str:
    power = report[POWER_MW]
    if power.typical is None:
        return NOT_MEASURED
    text = range_text(Bounds(power.low, power.typical, power.high), "mW")
    basis = report.basis.get("power_mw", "")
    mine = "" if power.calibration is None else ", with coefficients of your own (--power)"
    return f"{text} of the FPGA's core supply, {basis}".rstrip(", ") + mine


def card(report: Report) -> Card:
    power, point = report[POWER_MW], report[OPERATING_POINT]
    value, unit = apart(with_unit(power.typical, "mW"))
    lines = []
    if power.low is not None and power.high is not None:
        lines.append(f"between {rounded(power.low)} and {rounded(power.high)} mW")
    if point.clock_mhz is not None and power.typical is not None:
        lines.append(f"core supply of the FPGA at {with_unit(point.clock_mhz, 'MHz')}, back to back")
    if power.calibration is not None:
        lines.append("with coefficients of your own (--power)")
    return Card("power", "Power, typical", value, unit, tuple(lines), report.basis.get("power_mw", ""))


def _by_kind(power: PowerMw) -> str:
    """What each kind of term takes, typically."""
    if not power.kinds:
        return ""
    shares = (f"{kind} {rounded(of.typical)}" for kind, of in power.kinds.items())
    return f"By what takes it, typically: {', '.join(shares)}. "


def table(report: Report) -> Table | None:
    """The terms of the power estimate; None without one."""
    terms = report[POWER_MW].terms
    total = report[POWER_MW].typical
    if not terms or not total:
        return None
    rows = [
        (
            name,
            rounded(term.low),
            rounded(term.typical),
            rounded(term.high),
            f"{100 * (term.typical or 0) / total:.1f} %",
            "assumed" if term.assumed else "no",
            (term.source or "") + (f"; {term.activity}" if term.activity else ""),
        )
        for name, term in terms.items()
    ]
    whole = report[POWER_MW]
    rows.append(
        ("together", rounded(whole.low), rounded(whole.typical), rounded(whole.high), "100 %", "", "")
    )
    return Table(
        "power",
        "Power of the FPGA's core supply, by term",
        "In mW. Assumed: no measurement or data sheet stands behind it, or what simulation would count "
        f"is assumed. {_by_kind(whole)}{report.definitions.get('power_mw', '')}",
        ("term", "low", "typical", "high", "share", "assumed", "source"),
        tuple(rows),
    )


SECTION = Section(
    "power",
    parts=(POWER_MW,),
    added=(Added(ASSUMPTIONS, _notes), Added(WARNINGS, _unknown)),
    lines=(Line("power", line, after="core alone"),),
    card=card,
    exhibits=(Exhibit("power", ON_BOARD, lambda report, traces: table(report), after="energy"),),
)
