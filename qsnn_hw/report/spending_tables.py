"""The tables of the report page about speed, power and energy on the board, and what was compared."""

from qsnn_hw.report.parts_energy import Bounds
from qsnn_hw.report.record import Report
from qsnn_hw.report.tables import Table
from qsnn_hw.report.words import baud_rate, duration, figure, rounded, with_unit


def speed(report: Report) -> Table | None:
    """Time of a sample and samples a second, by where one looks; None when nothing is known."""
    latency, rate, line = report.latency, report.throughput, report.link
    if latency.link_us_mean is None and latency.cycles_per_sample_mean is None:
        return None
    clock, fmax = report.clock.board_mhz, report.timing.fmax_mhz
    at_fmax = None
    if rate.on_chip_per_s is not None and clock and fmax is not None:
        at_fmax = rate.on_chip_per_s * fmax / clock
    rows = (
        (
            f"through the serial link, {baud_rate(line.baud)}",
            _time(latency.host_us_mean),
            _time(latency.link_us_mean),
            rounded(rate.link_per_s),
            "computed",
        ),
        (
            f"on the chip, {with_unit(clock, 'MHz')}, the bitstream's clock",
            _time(latency.us_on_board_mean),
            _time(None if not rate.on_chip_per_s else 1e6 / rate.on_chip_per_s),
            rounded(rate.on_chip_per_s),
            "simulated cycles",
        ),
        (
            f"core alone at Fmax, {with_unit(fmax, 'MHz')}: not this bitstream",
            _time(latency.us_per_sample_mean),
            _time(None if not at_fmax else 1e6 / at_fmax),
            rounded(at_fmax),
            "simulated cycles, tool's Fmax",
        ),
    )
    bytes_ = ""
    if line.bytes_in_mean is not None:
        bytes_ = (
            f" A mean sample is {figure(line.bytes_in_mean)} bytes to the board and "
            f"{figure(line.bytes_out_mean)} back, 10 bits each, both ways at once."
        )
    return Table(
        "speed",
        "Speed",
        "Latency: first bit or word in to last one out. Every: from one sample to the next, back to back."
        + bytes_,
        ("where", "latency", "every", "samples/s", "known by"),
        rows,
    )


def power(report: Report) -> Table | None:
    """The terms of the power estimate; None without one."""
    terms = report.power_mw.terms
    total = report.power_mw.typical
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
    whole = report.power_mw
    rows.append(
        ("together", rounded(whole.low), rounded(whole.typical), rounded(whole.high), "100 %", "", "")
    )
    return Table(
        "power",
        "Power of the FPGA's core supply, by term",
        "In mW. Assumed: no measurement or data sheet stands behind it, or what simulation would count "
        "is assumed. " + report.definitions.get("power_mw", ""),
        ("term", "low", "typical", "high", "share", "assumed", "source"),
        tuple(rows),
    )


def energy(report: Report) -> Table | None:
    """Energy of a sample and a spike on the chip and through the link; None without an estimate."""
    found = report.energy
    if found.per_sample_uj.typical is None:
        return None

    def row(name: str, bounds: Bounds, unit: str, note: str = "") -> tuple[str, ...]:
        ends = (f"{rounded(end)} {unit}" for end in (bounds.low, bounds.typical, bounds.high))
        return (name, *ends, note)

    rows = [
        row("sample, on the chip", found.per_sample_uj, "\u00b5J"),
        row("\u2003of it static", found.static_uj, "\u00b5J", _share(found.static_share)),
        row("\u2003of it dynamic", found.dynamic_uj, "\u00b5J"),
        row("spike, on the chip", found.per_spike_nj, "nJ", _target(found.per_spike_target)),
        row("\u2003of it static", found.static_per_spike_nj, "nJ"),
        row("\u2003of it dynamic", found.dynamic_per_spike_nj, "nJ"),
    ]
    if found.link_per_sample_uj.typical is not None:
        rows += [
            row("sample, through the link", found.link_per_sample_uj, "\u00b5J"),
            row(
                "spike, through the link", found.link_per_spike_nj, "nJ", _target(found.link_per_spike_target)
            ),
        ]
    for name, watt in (
        ("inferences/s/W, on the chip", report.throughput.per_watt),
        ("inferences/s/W, through the link", report.throughput.link_per_watt),
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


def compared(report: Report) -> Table | None:
    """What simulation compared with the golden model, group by group; None when nothing was."""
    found = report.verification
    if found.mismatches is None:
        return None
    neurons = {layer.name: layer.neurons for layer in report.network.layers}
    names = list(dict.fromkeys((*neurons, *found.spikes_by_group)))
    rows = [
        (
            name,
            figure(found.distinct_samples),
            figure(found.spikes_by_group.get(name)),
        )
        for name in names
    ]
    rows.append(("together", figure(found.distinct_samples), figure(found.spikes_compared)))
    if found.repeated_samples:
        rows.append(("again, not added", figure(found.repeated_samples), figure(found.repeated_spikes)))
    potentials = (
        "" if found.potentials_compared is None else f"{found.potentials_compared:,} potentials too. "
    )
    return Table(
        "compared",
        "What was compared with the golden model",
        f"Distinct samples, and the spikes of every group, one by one. {potentials}"
        + report.definitions.get("verification.distinct_samples", ""),
        ("group", "samples", "spikes"),
        tuple(rows),
    )


def _time(us: float | None) -> str:
    return duration(us, "\u00b5s")
