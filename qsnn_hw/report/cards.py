"""What stands at the top of the report page: headline, verdict, and the cards with the main figures."""

from dataclasses import dataclass

from qsnn_hw.report.record import Report
from qsnn_hw.report.summary import framework_text, matched_text, mismatch_text, verification_text
from qsnn_hw.report.words import (
    NOT_MEASURED,
    baud_rate,
    between,
    duration,
    figure,
    percent,
    rounded,
    signed,
    with_unit,
)


@dataclass(frozen=True)
class Card:
    """A headline figure: what, how much, a few lines below it, how it is known, and its state."""

    key: str
    title: str
    value: str
    unit: str
    lines: tuple[str, ...]
    basis: str
    state: str = ""

    @property
    def missing(self) -> bool:
        """Whether the figure was not obtained."""
        return self.value == NOT_MEASURED


def headline(report: Report) -> str:
    """The network's shape, width and target in one line."""
    network = report.network
    sizes = [network.inputs, *(layer.neurons for layer in network.layers)]
    parts = []
    if network.layers and network.inputs is not None:
        parts.append(" \u2192 ".join(f"{n:,}" for n in sizes if n is not None) + " neurons")
    if report.bits is not None:
        parts.append(f"{report.bits}-bit weights")
    if network.steps is not None:
        parts.append(f"{network.steps:,} time steps per sample")
    if report.board:
        parts.append(f"for {report.board.title or report.board.name}")
    if report.board and report.board.device:
        parts.append(report.board.device)
    return " \u00b7 ".join(parts)


def verdict(report: Report) -> tuple[str, str]:
    """The state ("good", "bad", "unknown") and one sentence that a reader should take away."""
    compared = verification_text(report)
    mismatches = report.verification.mismatches
    if report.verification.passed is False:
        return "bad", (
            f"The hardware differs from the golden model: {mismatch_text(mismatches)}"
            f"{' in ' + compared if compared else ''}. "
            "Do not use this design."
        )
    if report.dead is not None:
        said = f"Nothing comes out: {report.dead}."
        if report.verification.passed:
            said += f" The hardware equals the golden model ({compared}), which shows nothing here."
        return "unknown" if report.convincing else "bad", said
    if report.verification.passed is None:
        return "unknown", "The hardware has not been compared with the golden model yet."
    sentence = f"The hardware equals the golden model in simulation: {compared} compared, no mismatch."
    if report.timing.met is False:
        return "bad", (
            f"{sentence} But timing is not met: {with_unit(report.timing.fmax_mhz, 'MHz')} reached, "
            f"{with_unit(report.timing.constraint_mhz, 'MHz')} needed."
        )
    # Readouts alone have nothing but potentials to compare.
    could_fire = not report.network.layers or any(g.threshold_low is not None for g in report.network.layers)
    if report.verification.spikes_compared == 0 and could_fire:
        return "unknown", f"{sentence} But no neuron ever fired on these samples, so this shows little."
    return "good", sentence


def framework_note(report: Report) -> tuple[str, str]:
    """The state and one sentence on how the framework's own spikes compare."""
    found = report.verification.framework
    state = "" if found is None or found.differ is None else "warn" if found.differ else "good"
    return state, f"The framework: {framework_text(report)}."


def cards(report: Report) -> tuple[Card, ...]:
    """The eight headline figures: first what a user gets on the board, then how far it can be trusted."""
    return (
        _accuracy(report),
        _speed(report),
        _latency(report),
        _energy(report),
        _verification(report),
        _timing(report),
        _power(report),
        _efficiency(report),
    )


def _split(text: str) -> tuple[str, str]:
    """A figure and its unit apart; "not measured" has none."""
    value, _, unit = text.partition(" ") if text != NOT_MEASURED else (text, "", "")
    return value, unit


def _basis(report: Report, part: str) -> str:
    return report.basis.get(part, "")


def _accuracy(report: Report) -> Card:
    accuracy = report.accuracy
    value, unit = _split(percent(accuracy.quantized))
    lines = [f"float network: {percent(accuracy.float_model)}"]
    if accuracy.change_pp is not None:
        error = accuracy.standard_error_pp
        told = "" if error is None else f", standard error {error:.2f}"
        lines.append(f"change: {signed(accuracy.change_pp)} pp{told}")
    if accuracy.readout is not None:
        samples = "" if report.accuracy_samples is None else f" on {report.accuracy_samples:,} test samples"
        lines.append(f"by {accuracy.readout}{samples}")
    if report.calibration is not None:
        lines.append(f"calibration: {report.calibration.text()}")
    bits = f"Accuracy, {report.bits}-bit" if report.bits is not None else "Accuracy, integer"
    return Card("accuracy", bits, value, unit, tuple(lines), _basis(report, "accuracy"))


def _verification(report: Report) -> Card:
    found = report.verification
    value, unit = _split(mismatch_text(found.mismatches))
    lines = [text for text in (verification_text(report),) if text]
    if found.simulator:
        lines.append(f"simulator: {found.simulator}")
    if matched_text(report):
        lines.append(f"{report.files.verilog or 'the Verilog'} {matched_text(report)}")
    state = {True: "good", False: "bad", None: ""}[found.passed]
    if report.dead is not None and found.passed:
        state = ""
        lines.append("nothing comes out of the network, so this shows nothing")
    return Card(
        "verification", "RTL against golden", value, unit, tuple(lines), _basis(report, "verification"), state
    )


def _speed(report: Report) -> Card:
    rate = report.throughput
    value, unit = rounded(rate.link_per_s), "samples/s"
    lines = []
    if rate.link_per_s is not None and report.link.baud is not None:
        limits = "the link limits" if rate.limited_by == "link" else "the core limits"
        lines.append(f"serial link at {baud_rate(report.link.baud)}: {limits}")
    if rate.on_chip_per_s is not None:
        clock = with_unit(report.clock.board_mhz, "MHz")
        lines.append(f"{rounded(rate.on_chip_per_s)} samples/s on the chip at {clock}")
    title = "Speed on the board"
    basis = _basis(report, "throughput")
    return Card("speed", title, value, unit if rate.link_per_s is not None else "", tuple(lines), basis)


def _latency(report: Report) -> Card:
    latency = report.latency
    title, shown = "Latency through the link", latency.host_us_mean
    if shown is None:
        title, shown = "Latency", latency.us_on_board_mean
    value, unit = _split(_time(shown))
    lines = []
    if latency.us_on_board_mean is not None:
        clock = with_unit(report.clock.board_mhz, "MHz")
        lines.append(f"{_time(latency.us_on_board_mean)} in the core at {clock}")
    if latency.cycles_per_sample_mean is not None:
        most = latency.cycles_per_sample_max
        lines.append(
            f"{figure(latency.cycles_per_sample_mean)} cycles"
            + ("" if most is None else f", at most {figure(most)}")
        )
    if latency.network_cycles_mean is not None:
        lines.append(f"the network alone: {figure(latency.network_cycles_mean)} cycles")
    predicted = report.prediction.cycles_in_words()
    if predicted is not None:
        lines.append(f"predicted: {predicted}")
    return Card("latency", title, value, unit, tuple(lines), _basis(report, "latency.host_us_mean"))


def _timing(report: Report) -> Card:
    timing, latency = report.timing, report.latency
    value, unit = _split(with_unit(timing.fmax_mhz, "MHz"))
    lines = [f"the bitstream runs at {with_unit(timing.constraint_mhz, 'MHz')}"]
    if timing.met is not None and timing.fmax_mhz is not None and timing.constraint_mhz:
        margin = 100 * (timing.fmax_mhz / timing.constraint_mhz - 1)
        lines.append(f"met, {margin:.0f} % to spare" if timing.met else f"not met, {-margin:.0f} % short")
    if latency.us_per_sample_mean is not None:
        lines.append(f"core alone at Fmax: {_time(latency.us_per_sample_mean)} a sample")
    state = {True: "good", False: "bad", None: ""}[timing.met]
    return Card("timing", "Core alone: Fmax", value, unit, tuple(lines), _basis(report, "timing"), state)


def _power(report: Report) -> Card:
    power, point = report.power_mw, report.operating_point
    value, unit = _split(with_unit(power.typical, "mW"))
    lines = []
    if power.low is not None and power.high is not None:
        lines.append(f"between {rounded(power.low)} and {rounded(power.high)} mW")
    if point.clock_mhz is not None and power.typical is not None:
        lines.append(f"core supply of the FPGA at {with_unit(point.clock_mhz, 'MHz')}, back to back")
    return Card("power", "Power, typical", value, unit, tuple(lines), _basis(report, "power_mw"))


_TARGETS = {
    "kept": "target below 1 \u00b5J: kept",
    "not kept": "target below 1 \u00b5J: not kept",
    "depends": "target below 1 \u00b5J: depends on where in the range",
}


def _energy(report: Report) -> Card:
    energy = report.energy
    value, unit = _split(with_unit(energy.per_spike_nj.typical, "nJ"))
    lines = []
    if energy.per_spike_nj.typical is not None:
        spike = energy.per_spike_nj
        lines.append(f"between {rounded(spike.low)} and {rounded(spike.high)} nJ on the chip")
        lines.append(_TARGETS[str(energy.per_spike_target)])
    if energy.link_per_spike_nj.typical is not None:
        link = energy.link_per_spike_nj
        lines.append(
            f"through the link {rounded(link.typical)} nJ ({between(link.low, link.high)}): "
            f"{energy.link_per_spike_target}"
        )
    return Card("energy", "Energy per spike", value, unit, tuple(lines), _basis(report, "energy"))


def _efficiency(report: Report) -> Card:
    found, watt = report.metrics, report.throughput.per_watt
    value, unit = figure(found.spike_efficiency), "ops/spike"
    lines = []
    if found.spikes_per_sample is not None:
        lines.append(
            f"{figure(found.spikes_per_sample)} spikes, {figure(found.synaptic_operations_per_sample)} "
            "synaptic operations per sample"
        )
    if watt.typical is not None:
        lines.append(f"{rounded(watt.typical)} inferences/s/W on the chip, estimated")
    shown = unit if found.spike_efficiency is not None else ""
    return Card("efficiency", "Spike efficiency", value, shown, tuple(lines), _basis(report, "metrics"))


def _time(us: float | None) -> str:
    return duration(us, "\u00b5s")
