"""Energy of a sample and of a spike, on the chip and through the link: an estimate with a range."""

from dataclasses import dataclass, field

from qsnn_hw.report.bounds import Bounds, range_text
from qsnn_hw.report.record import Report
from qsnn_hw.report.section import Card, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.words import NOT_MEASURED, apart, between, rounded, with_unit
from qsnn_hw.support.values import Number, number, put
from qsnn_hw.targets.fpga.sections import shared
from qsnn_hw.targets.fpga.sections.chapter import ON_BOARD
from qsnn_hw.targets.fpga.sections.speed import THROUGHPUT
from qsnn_hw.targets.fpga.spending import Spending

VERDICTS = ("kept", "not kept", "depends")


@dataclass(frozen=True)
class Energy:
    """Energy of the core supply.

    Parameters
    ----------
    per_sample_uj, per_spike_nj
        Of a sample that the core works on without waiting for the link, and that shared by its spikes.
    static_uj, dynamic_uj
        The two parts of ``per_sample_uj``: leakage in the sample's time, and clock tree and work.
    static_per_spike_nj, dynamic_per_spike_nj
        The same of ``per_spike_nj``.
    static_share
        Of the typical energy, 0 to 1.
    link_per_sample_uj, link_per_spike_nj
        The same for a sample that comes through the link: leakage and clock go on meanwhile.
    per_spike_target, link_per_spike_target
        Whether a spike costs less than 1 uJ: "kept" over the whole range, "not kept" anywhere in it, or
        it "depends" on where in the range the truth lies.
    """

    per_sample_uj: Bounds = field(default_factory=Bounds)
    per_spike_nj: Bounds = field(default_factory=Bounds)
    static_uj: Bounds = field(default_factory=Bounds)
    dynamic_uj: Bounds = field(default_factory=Bounds)
    static_share: Number | None = None
    link_per_sample_uj: Bounds = field(default_factory=Bounds)
    link_per_spike_nj: Bounds = field(default_factory=Bounds)
    per_spike_target: str | None = None
    link_per_spike_target: str | None = None
    static_per_spike_nj: Bounds = field(default_factory=Bounds)
    dynamic_per_spike_nj: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        """Refuse a share outside 0 to 1 and an unknown verdict."""
        put(self, static_share=number("energy.static_share", self.static_share, 0, 1))
        for name in ("per_spike_target", "link_per_spike_target"):
            value = getattr(self, name)
            if value is not None and value not in VERDICTS:
                raise ValueError(f"energy.{name} must be one of {', '.join(VERDICTS)}, not {value!r}")


def energy(spending: Spending) -> Energy:
    """The estimates as the report holds them."""
    core, link = spending.core, spending.link
    if core is None:
        return Energy()
    total = core.per_sample_uj.typical
    return Energy(
        per_sample_uj=Bounds.of(core.per_sample_uj),
        per_spike_nj=Bounds.of(core.per_spike_nj),
        static_uj=Bounds.of(core.static_uj),
        dynamic_uj=Bounds.of(core.dynamic_uj),
        static_share=core.static_uj.typical / total if total else None,
        link_per_sample_uj=Bounds.of(None if link is None else link.per_sample_uj),
        link_per_spike_nj=Bounds.of(None if link is None else link.per_spike_nj),
        per_spike_target=core.verdict,
        link_per_spike_target=None if link is None else link.verdict,
        static_per_spike_nj=Bounds.of(core.static_per_spike_nj),
        dynamic_per_spike_nj=Bounds.of(core.dynamic_per_spike_nj),
    )


ENERGY: Part[Energy] = Part(
    "energy",
    Energy,
    Energy(),
    lambda results: energy(results.once(shared.spent)),
    basis={"": "estimated"},
    definitions={
        "": (
            "E = P_static x T + E_dynamic, of the core supply. T is the sample's latency in the core at "
            "the board's clock; per spike, T_spike is T / spikes. E_dynamic is the clock tree for T and the "
            "work of a sample of the back-to-back simulation."
        ),
        "static_share": "P_static x T as a share of the typical energy of a sample.",
        "link_per_sample_uj": (
            "The same with T the time from one sample to the next through the serial "
            "link: leakage and clock go on while the core waits, the work stays the same."
        ),
        "per_spike_target": (
            "Less than 1 uJ a spike: kept over the whole range, not kept anywhere in "
            "it, or it depends on where in the range the truth lies."
        ),
    },
)


def line(report: Report) -> str:
    figures = report[ENERGY]
    if figures.per_sample_uj.typical is None:
        return NOT_MEASURED
    text = f"{range_text(figures.per_sample_uj, 'uJ')} per sample on the chip"
    if basis := report.basis.get("energy"):
        text += f", {basis}"
    if figures.static_share is not None:
        text += f", {100 * figures.static_share:.0f} % static"
    if figures.link_per_sample_uj.typical is not None:
        text += f"; {range_text(figures.link_per_sample_uj, 'uJ')} through the link"
    return text


def per_spike(report: Report) -> str:
    figures = report[ENERGY]
    if figures.per_spike_nj.typical is None:
        return NOT_MEASURED
    text = f"{range_text(figures.per_spike_nj, 'nJ')} on the chip: {figures.per_spike_target}"
    if figures.link_per_spike_nj.typical is not None:
        link = range_text(figures.link_per_spike_nj, "nJ")
        text += f"; {link} through the link: {figures.link_per_spike_target}"
    return f"{text} (target: below 1 uJ)"


_TARGETS = {
    "kept": "target below 1 \u00b5J: kept",
    "not kept": "target below 1 \u00b5J: not kept",
    "depends": "target below 1 \u00b5J: depends on where in the range",
}


def card(report: Report) -> Card:
    figures = report[ENERGY]
    value, unit = apart(with_unit(figures.per_spike_nj.typical, "nJ"))
    lines = []
    if figures.per_spike_nj.typical is not None:
        spike = figures.per_spike_nj
        lines.append(f"between {rounded(spike.low)} and {rounded(spike.high)} nJ on the chip")
        lines.append(_TARGETS[str(figures.per_spike_target)])
    if figures.link_per_spike_nj.typical is not None:
        link = figures.link_per_spike_nj
        lines.append(
            f"through the link {rounded(link.typical)} nJ ({between(link.low, link.high)}): "
            f"{figures.link_per_spike_target}"
        )
    return Card(
        "energy", "Energy per spike", value, unit, tuple(lines), report.basis.get("energy", ""), gain=True
    )


def table(report: Report) -> Table | None:
    """Energy of a sample and a spike on the chip and through the link; None without an estimate."""
    figures = report[ENERGY]
    if figures.per_sample_uj.typical is None:
        return None

    def row(name: str, bounds: Bounds, unit: str, note: str = "") -> tuple[str, ...]:
        ends = (f"{rounded(end)} {unit}" for end in (bounds.low, bounds.typical, bounds.high))
        return (name, *ends, note)

    rows = [
        row("sample, on the chip", figures.per_sample_uj, "\u00b5J"),
        row("\u2003of it static", figures.static_uj, "\u00b5J", _share(figures.static_share)),
        row("\u2003of it dynamic", figures.dynamic_uj, "\u00b5J"),
        row("spike, on the chip", figures.per_spike_nj, "nJ", _target(figures.per_spike_target)),
        row("\u2003of it static", figures.static_per_spike_nj, "nJ"),
        row("\u2003of it dynamic", figures.dynamic_per_spike_nj, "nJ"),
    ]
    if figures.link_per_sample_uj.typical is not None:
        rows += [
            row("sample, through the link", figures.link_per_sample_uj, "\u00b5J"),
            row(
                "spike, through the link",
                figures.link_per_spike_nj,
                "nJ",
                _target(figures.link_per_spike_target),
            ),
        ]
    for name, watt in (
        ("inferences/s/W, on the chip", report[THROUGHPUT].per_watt),
        ("inferences/s/W, through the link", report[THROUGHPUT].link_per_watt),
    ):
        if watt.typical is not None:
            rows.append((name, rounded(watt.low), rounded(watt.typical), rounded(watt.high), ""))
    return Table(
        "energy",
        "Energy, estimated",
        report.definitions.get("energy", ""),
        ("of", "low", "typical", "high", ""),
        tuple(rows),
    )


def _share(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} % of typical"


def _target(verdict: str | None) -> str:
    return "" if verdict is None else f"below 1 \u00b5J: {verdict}"


SECTION = Section(
    "energy",
    parts=(ENERGY,),
    lines=(Line("energy", line, after="power"), Line("per spike", per_spike, after="energy")),
    card=card,
    exhibits=(Exhibit("energy", ON_BOARD, lambda report, traces: table(report)),),
)
