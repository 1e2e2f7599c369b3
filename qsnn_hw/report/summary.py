"""The report in a few lines for the terminal."""

from qsnn_hw.report.diagnostics_text import brief
from qsnn_hw.report.parts import Framework
from qsnn_hw.report.parts_energy import Bounds
from qsnn_hw.report.record import Report
from qsnn_hw.report.words import (
    NOT_MEASURED,
    baud_rate,
    between,
    duration,
    figure,
    percent,
    plural,
    rounded,
    with_unit,
)

_MOST_LINES = 20


def _accuracy(report: Report) -> str:
    accuracy = report.accuracy
    text = f"float {percent(accuracy.float_model)}, integer {percent(accuracy.quantized)}"
    if accuracy.change_pp is not None:
        text += f" ({accuracy.change_text()})"
    if report.accuracy_samples is not None:
        text += f" on {report.accuracy_samples:,} samples"
    if accuracy.readout is not None and accuracy.quantized is not None:
        text += f", by {accuracy.readout}"
    if report.calibration is not None:
        text += f"; {report.calibration.text()}"
    return text


def framework_text(report: Report) -> str:
    """How the framework's own output compares with that of the float network, in one line."""
    found = report.verification.framework
    if found is None or found.values is None or found.differ is None:
        return f"its own {'spikes' if found is None else found.what}: {_why(found)}"
    values = f"{found.values:,} values"
    part = "" if found.tolerance is None else f"{found.tolerance:g} of the largest"
    if found.differ:
        beyond = f" by more than {part}" if part else ""
        told = f"{found.differ:,} of {values} differ from the float network's{beyond}"
    else:
        told = f"equal to the float network's{f' within {part}' if part else ''}, {values}"
    if found.greatest_difference is not None and found.largest is not None:
        told += f", greatest difference {figure(found.greatest_difference)} of {figure(found.largest)}"
    return f"its own {found.what}: {told}"


def _why(found: Framework | None) -> str:
    return "not given" if found is None or found.reason is None else found.reason


def verification_text(report: Report) -> str:
    """What was compared, each sample once, in one line without the verdict."""
    what = report.verification
    parts = [
        plural(value, name)
        for value, name in (
            (what.samples if what.distinct_samples is None else what.distinct_samples, "sample"),
            (what.spikes_compared, "spike"),
            (what.potentials_compared, "potential"),
            (what.answers, "answer"),
        )
        if value is not None
    ]
    return ", ".join(parts)


def repeats_text(report: Report) -> str:
    """What was compared again, or nothing."""
    what = report.verification
    if not what.repeated_samples:
        return ""
    parts = [plural(what.repeated_samples, "sample")]
    parts += [
        plural(value, name)
        for value, name in ((what.repeated_spikes, "spike"), (what.repeated_potentials, "potential"))
        if value is not None
    ]
    return f"again, with random gaps and back to back: {', '.join(parts)}"


def matched_text(report: Report) -> str:
    """That what is built is what was simulated, or nothing."""
    what = report.verification
    if not what.matched_registers:
        return ""
    bits = f"{what.matched_registers:,} register bits and {what.matched_memory_bits or 0:,} of memory"
    return f"holds the network that was simulated: {bits} matched by structure"


def mismatch_text(mismatches: int | None) -> str:
    """The number of mismatches with its noun."""
    return NOT_MEASURED if mismatches is None else plural(mismatches, "mismatch")


def _verification(report: Report) -> list[str]:
    if report.verification.mismatches is None:
        return [NOT_MEASURED]
    text = f"{verification_text(report)}, {mismatch_text(report.verification.mismatches)}"
    if report.dead is not None:
        text += ", which shows nothing where nothing comes out"
    if report.verification.simulator:
        text += f" ({report.verification.simulator})"
    again = repeats_text(report)
    return [text, again] if again else [text]


def _speed(report: Report) -> str:
    rate = report.throughput
    baud = "" if report.link.baud is None else f" ({baud_rate(report.link.baud)})"
    parts = []
    if rate.link_per_s is not None:
        limit = "which limits" if rate.limited_by == "link" else "but the core limits"
        parts.append(f"{rounded(rate.link_per_s)} samples/s through the serial link{baud}, {limit}")
    elif report.latency.link_us_mean is not None:
        parts.append(f"{duration(report.latency.link_us_mean)} a sample on the serial link{baud}")
    if rate.on_chip_per_s is not None:
        clock = with_unit(report.clock.board_mhz, "MHz")
        parts.append(f"{rounded(rate.on_chip_per_s)}/s on the chip at {clock}, the bitstream's clock")
    return "; ".join(parts) or NOT_MEASURED


def _latency(report: Report) -> str:
    latency = report.latency
    if latency.cycles_per_sample_mean is None:
        found = NOT_MEASURED
        if latency.network_cycles_mean is not None:
            bare = figure(latency.network_cycles_mean)
            found = f"{NOT_MEASURED} with encoder and readout; the network alone {bare} cycles"
        predicted = report.prediction.cycles_in_words()
        return found if predicted is None else f"{found}; predicted {predicted}"
    cycles = f"{figure(latency.cycles_per_sample_mean)} cycles"
    if latency.cycles_per_sample_max is not None:
        cycles += f", most {figure(latency.cycles_per_sample_max)}"
    parts = []
    if latency.host_us_mean is not None:
        parts.append(f"{duration(latency.host_us_mean)} through the link, first bit sent to last received")
    if latency.us_on_board_mean is not None:
        clock = with_unit(report.clock.board_mhz, "MHz")
        parts.append(f"{duration(latency.us_on_board_mean)} in the core at {clock} ({cycles})")
    if latency.network_cycles_mean is not None:
        parts.append(f"the network alone {figure(latency.network_cycles_mean)} cycles")
    return "; ".join(parts) or cycles


def _core(report: Report) -> str:
    timing, latency = report.timing, report.latency
    if timing.fmax_mhz is None:
        return NOT_MEASURED
    text = f"Fmax {with_unit(timing.fmax_mhz, 'MHz')}"
    if timing.met is not None:
        text += f", asked {with_unit(timing.constraint_mhz, 'MHz')}: {'met' if timing.met else 'NOT MET'}"
    if latency.us_per_sample_mean is not None:
        text += f"; a sample would take {duration(latency.us_per_sample_mean)} there"
    return text


def range_text(found: Bounds, unit: str) -> str:
    """A typical value with its unit and range."""
    if found.typical is None:
        return NOT_MEASURED
    return f"{rounded(found.typical)} {unit} ({between(found.low, found.high)})"


def _power(report: Report) -> str:
    power = report.power_mw
    if power.typical is None:
        return NOT_MEASURED
    text = range_text(Bounds(power.low, power.typical, power.high), "mW")
    basis = report.basis.get("power_mw", "")
    return f"{text} of the FPGA's core supply, {basis}".rstrip(", ")


def _energy(report: Report) -> str:
    energy = report.energy
    if energy.per_sample_uj.typical is None:
        return NOT_MEASURED
    text = f"{range_text(energy.per_sample_uj, 'uJ')} per sample on the chip"
    if basis := report.basis.get("energy"):
        text += f", {basis}"
    if energy.static_share is not None:
        text += f", {100 * energy.static_share:.0f} % static"
    if energy.link_per_sample_uj.typical is not None:
        text += f"; {range_text(energy.link_per_sample_uj, 'uJ')} through the link"
    return text


def _per_spike(report: Report) -> str:
    energy = report.energy
    if energy.per_spike_nj.typical is None:
        return NOT_MEASURED
    text = f"{range_text(energy.per_spike_nj, 'nJ')} on the chip: {energy.per_spike_target}"
    if energy.link_per_spike_nj.typical is not None:
        link = range_text(energy.link_per_spike_nj, "nJ")
        text += f"; {link} through the link: {energy.link_per_spike_target}"
    return f"{text} (target: below 1 uJ)"


def _efficiency(report: Report) -> str:
    found = report.metrics
    if found.spike_efficiency is None:
        return NOT_MEASURED
    return (
        f"{figure(found.spike_efficiency)} synaptic operations per spike; "
        f"{figure(found.synaptic_operations_per_sample)} and {figure(found.spikes_per_sample)} per sample"
    )


def _per_watt(report: Report) -> str:
    rate = report.throughput
    if rate.per_watt.typical is None:
        return NOT_MEASURED
    text = f"{range_text(rate.per_watt, 'inferences/s/W')} on the chip"
    if rate.link_per_watt.typical is not None:
        text += f"; {rounded(rate.link_per_watt.typical)} through the link"
    return text


def _resources(report: Report, most: int = 3) -> str:
    used = [(name, cell) for name, cell in report.resources.items() if cell.used]
    # The fullest kinds of cell decide whether a design fits.
    used.sort(key=lambda item: -(item[1].used or 0) / (item[1].available or float("inf")))
    parts = []
    for name, cell in used[:most]:
        share = (
            f" of {cell.available:,} ({100 * (cell.used or 0) / cell.available:.1f} %)"
            if cell.available
            else ""
        )
        parts.append(f"{name} {cell.used:,}{share}")
    return ", ".join(parts) or NOT_MEASURED


def summary_lines(report: Report) -> list[str]:
    """The report for a terminal: a title and aligned lines, at most 20."""
    bits = f", {report.bits}-bit weights" if report.bits is not None else ""
    board = f", {report.board.title or report.board.name}" if report.board else ""
    rows = [] if report.dead is None else [("NOTHING OUT", report.dead)]
    rows += [
        ("accuracy", _accuracy(report)),
        ("framework", framework_text(report)),
        *_titled("verification", _verification(report)),
        ("speed", _speed(report)),
        ("latency", _latency(report)),
        ("core alone", _core(report)),
        ("power", _power(report)),
        ("energy", _energy(report)),
        ("per spike", _per_spike(report)),
        ("efficiency", _efficiency(report)),
        ("per watt", _per_watt(report)),
        ("resources", _resources(report)),
    ]
    if report.files.verilog:
        rows.append(("verilog", "; ".join(filter(None, (report.files.verilog, matched_text(report))))))
    rows += [("bitstream", report.files.bitstream or "none")]
    if report.files.weights:
        rows += [("weights", f"{report.files.weights}, to be sent before the first sample")]
    health = [] if report.diagnostics is None else brief(report.diagnostics, report.own_clamp)
    rows += _titled("quantization", health)
    # Whatever lines remain go to warnings, the title counted; the last one says how many are left out.
    room = _MOST_LINES - 1 - len(rows)
    warnings = [line for line in report.warnings if line != report.dead]
    shown = warnings if len(warnings) <= room else warnings[: room - 1]
    rows += [("warning", line) for line in shown]
    if len(warnings) > len(shown):
        rows.append(("warning", f"{plural(len(warnings) - len(shown), 'more warning')} in the report"))
    return [f"{report.network.name}{bits}{board}", *(f"  {name:<13} {text}" for name, text in rows)]


def _titled(name: str, lines: list[str]) -> list[tuple[str, str]]:
    return [(name if index == 0 else "", line) for index, line in enumerate(lines)]
