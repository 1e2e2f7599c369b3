"""The report in a few lines for the terminal."""

from qsnn_hw.report.diagnostics_text import brief
from qsnn_hw.report.record import Report
from qsnn_hw.report.words import NOT_MEASURED, figure, percent, plural, with_unit


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


def verification_text(report: Report) -> str:
    """What was compared, in one line without the verdict."""
    what = report.verification
    parts = [
        plural(value, name)
        for value, name in (
            (what.samples, "sample"),
            (what.spikes_compared, "spike"),
            (what.potentials_compared, "potential"),
            (what.answers, "answer"),
        )
        if value is not None
    ]
    return ", ".join(parts)


def mismatch_text(mismatches: int | None) -> str:
    """The number of mismatches with its noun."""
    return NOT_MEASURED if mismatches is None else plural(mismatches, "mismatch")


def _verification(report: Report) -> str:
    if report.verification.mismatches is None:
        return NOT_MEASURED
    text = f"{verification_text(report)}, {mismatch_text(report.verification.mismatches)}"
    return f"{text} ({report.verification.simulator})" if report.verification.simulator else text


def _timing(report: Report) -> str:
    timing = report.timing
    if timing.fmax_mhz is None:
        return NOT_MEASURED
    text = f"Fmax {with_unit(timing.fmax_mhz, 'MHz')}"
    if timing.met is not None:
        text += f", asked {with_unit(timing.constraint_mhz, 'MHz')}: {'met' if timing.met else 'NOT MET'}"
    return text


def _latency(report: Report) -> str:
    latency, point = report.latency, report.operating_point
    if latency.cycles_per_sample_mean is None:
        return NOT_MEASURED
    text = f"{figure(latency.cycles_per_sample_mean)} cycles per sample"
    if latency.cycles_per_sample_max is not None:
        text += f" (most {figure(latency.cycles_per_sample_max)})"
    if latency.us_per_sample_mean is not None:
        text += f", {with_unit(latency.us_per_sample_mean, 'us')} at Fmax"
    if point.us_per_sample_mean is not None and point.clock_mhz is not None:
        text += f", {with_unit(point.us_per_sample_mean, 'us')} at {with_unit(point.clock_mhz, 'MHz')}"
    return text


def _power(report: Report) -> str:
    power = report.power_mw
    if power.typical is None:
        return NOT_MEASURED
    text = with_unit(power.typical, "mW")
    if power.low is not None and power.high is not None:
        text += f" ({figure(power.low)} to {figure(power.high)})"
    return f"{text} {report.basis.get('power_mw', '')}".rstrip()


def _energy(report: Report) -> str:
    energy = report.energy
    if energy.per_sample_uj is None:
        return NOT_MEASURED
    text = f"{with_unit(energy.per_sample_uj, 'uJ')} per sample"
    if energy.per_spike_nj is not None:
        text += f", {with_unit(energy.per_spike_nj, 'nJ')} per spike"
    return f"{text}, {report.basis.get('energy', '')}".rstrip(", ")


def _resources(report: Report, most: int = 5) -> list[str]:
    used = [(name, cell) for name, cell in report.resources.items() if cell.used]
    # The fullest kinds of cell decide whether a design fits.
    used.sort(key=lambda item: -(item[1].used or 0) / (item[1].available or float("inf")))
    lines = []
    for name, cell in used[:most]:
        share = (
            f" of {cell.available:,} ({100 * (cell.used or 0) / cell.available:.1f} %)"
            if cell.available
            else ""
        )
        lines.append(f"{name} {cell.used:,}{share}")
    return lines


def summary_lines(report: Report) -> list[str]:
    """The report for a terminal: a title and aligned lines, at most 20."""
    bits = f", {report.bits}-bit weights" if report.bits is not None else ""
    board = f", {report.board.title or report.board.name}" if report.board else ""
    rows = [
        ("accuracy", _accuracy(report)),
        ("verification", _verification(report)),
        ("timing", _timing(report)),
        ("latency", _latency(report)),
        ("power", _power(report)),
        ("energy", _energy(report)),
    ]
    resources = _resources(report) or [NOT_MEASURED]
    rows += [("resources" if index == 0 else "", line) for index, line in enumerate(resources)]
    rows += [(name, text) for name, text in (("verilog", report.files.verilog),) if text]
    rows += [("bitstream", report.files.bitstream or "none")]
    if report.files.weights:
        rows += [("weights", f"{report.files.weights}, to be sent before the first sample")]
    health = [] if report.diagnostics is None else brief(report.diagnostics, report.own_clamp)
    rows += [("quantization" if index == 0 else "", line) for index, line in enumerate(health)]
    # Lines that not every report has cost a warning each, so that all fits into 20 lines.
    shown = report.warnings[: 4 - (len(health) > 1) - (report.files.weights is not None)]
    rows += [("warning", line) for line in shown]
    if len(report.warnings) > len(shown):
        rows.append(("warning", f"and {len(report.warnings) - len(shown)} more in the report"))
    return [f"{report.network.name}{bits}{board}", *(f"  {name:<13} {text}" for name, text in rows)]
