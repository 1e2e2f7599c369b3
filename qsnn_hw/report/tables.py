"""The words and tables of the report page: verdict, headline cards, and what lies under them."""

from collections.abc import Sequence
from dataclasses import dataclass

from qsnn_hw.plan.balance import DESIGN_NOTE
from qsnn_hw.report.record import Layer, Report
from qsnn_hw.report.summary import mismatch_text, verification_text
from qsnn_hw.report.words import NOT_MEASURED, figure, percent, signed, with_unit


@dataclass(frozen=True)
class Card:
    """A headline figure: what, how much, one or two lines below it, how it is known, and its state."""

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


@dataclass(frozen=True)
class Table:
    """A table with its heading, what it says, and rows as wide as its columns."""

    key: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


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
    if report.verification.passed is None:
        return "unknown", "The hardware has not been compared with the golden model yet."
    sentence = f"The hardware equals the golden model: {compared} compared, no mismatch."
    if report.timing.met is False:
        return "bad", (
            f"{sentence} But timing is not met: {with_unit(report.timing.fmax_mhz, 'MHz')} reached, "
            f"{with_unit(report.timing.constraint_mhz, 'MHz')} needed."
        )
    return "good", sentence


def cards(report: Report) -> tuple[Card, ...]:
    """The six headline figures."""
    return (
        _accuracy(report),
        _verification(report),
        _timing(report),
        _latency(report),
        _power(report),
        _energy(report),
    )


def _split(text: str) -> tuple[str, str]:
    """A figure and its unit apart; "not measured" has none."""
    value, _, unit = text.partition(" ") if text != NOT_MEASURED else (text, "", "")
    return value, unit


def _accuracy(report: Report) -> Card:
    accuracy = report.accuracy
    value, unit = _split(percent(accuracy.quantized))
    lines = [f"float network: {percent(accuracy.float_model)}"]
    if accuracy.change_pp is not None:
        error = accuracy.standard_error_pp
        lines.append(f"change: {signed(accuracy.change_pp)} pp")
        if error is not None:
            lines.append(f"standard error of the change: {error:.2f} pp")
    if accuracy.readout is not None:
        samples = "" if report.accuracy_samples is None else f" on {report.accuracy_samples:,} samples"
        lines.append(f"by {accuracy.readout}{samples}")
    if report.calibration is not None:
        lines.append(f"calibration: {report.calibration.text()}")
    bits = f"Accuracy, {report.bits}-bit" if report.bits is not None else "Accuracy, integer"
    return Card("accuracy", bits, value, unit, tuple(lines), report.basis.get("accuracy", ""))


def _verification(report: Report) -> Card:
    found = report.verification
    value = NOT_MEASURED if found.mismatches is None else f"{found.mismatches:,}"
    unit = "" if found.mismatches is None else mismatch_text(found.mismatches).split(" ")[1]
    lines = [verification_text(report)] if found.mismatches is not None else []
    if found.simulator:
        lines.append(f"simulator: {found.simulator}")
    state = {True: "good", False: "bad", None: ""}[found.passed]
    return Card(
        "verification", "RTL against golden", value, unit, tuple(lines), _basis(report, "verification"), state
    )


def _basis(report: Report, part: str) -> str:
    return report.basis.get(part, "")


def _timing(report: Report) -> Card:
    timing = report.timing
    value, unit = _split(with_unit(timing.fmax_mhz, "MHz"))
    lines = [f"constraint: {with_unit(timing.constraint_mhz, 'MHz')}"]
    if timing.met is not None and timing.fmax_mhz is not None and timing.constraint_mhz:
        margin = 100 * (timing.fmax_mhz / timing.constraint_mhz - 1)
        lines.append(f"met, {margin:.0f} % to spare" if timing.met else f"not met, {-margin:.0f} % short")
    state = {True: "good", False: "bad", None: ""}[timing.met]
    return Card("timing", "Fmax", value, unit, tuple(lines), _basis(report, "timing"), state)


def _latency(report: Report) -> Card:
    latency, point = report.latency, report.operating_point
    us = latency.us_per_sample_mean
    value, unit = _split(with_unit(us, "\u00b5s"))
    if us is None and latency.cycles_per_sample_mean is not None:
        value, unit = figure(latency.cycles_per_sample_mean), "cycles"
    lines = []
    if latency.cycles_per_sample_mean is not None:
        most = latency.cycles_per_sample_max
        lines.append(
            f"{figure(latency.cycles_per_sample_mean)} cycles"
            + ("" if most is None else f", at most {figure(most)}")
        )
    if point.us_per_sample_mean is not None:
        time, clock = with_unit(point.us_per_sample_mean, "\u00b5s"), with_unit(point.clock_mhz, "MHz")
        lines.append(f"{time} at {clock}, the board's clock")
    title = "Latency per sample, at Fmax" if us is not None else "Latency per sample"
    return Card("latency", title, value, unit, tuple(lines), _basis(report, "latency"))


def _power(report: Report) -> Card:
    power, point = report.power_mw, report.operating_point
    value, unit = _split(with_unit(power.typical, "mW"))
    lines = []
    if power.low is not None and power.high is not None:
        lines.append(f"between {figure(power.low)} and {figure(power.high)} mW")
    if point.clock_mhz is not None and power.typical is not None:
        lines.append(f"whole device at {with_unit(point.clock_mhz, 'MHz')}")
    return Card("power", "Power, typical", value, unit, tuple(lines), _basis(report, "power_mw"))


def _energy(report: Report) -> Card:
    energy = report.energy
    value, unit = _split(with_unit(energy.per_sample_uj, "\u00b5J"))
    lines = []
    if energy.per_sample_uj is not None:
        lines.append(f"{with_unit(energy.per_spike_nj, 'nJ')} per spike")
    return Card("energy", "Energy per sample", value, unit, tuple(lines), _basis(report, "energy"))


def _span(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "none"
    return figure(low) if low == high else f"{figure(low)} to {figure(high)}"


def _count(value: int | None) -> str:
    return NOT_MEASURED if value is None else f"{value:,}"


def quantization(report: Report) -> Table | None:
    """Widths, scales and health of every layer; None without layers."""
    layers = report.network.layers
    if not layers:
        return None

    def row(layer: Layer) -> tuple[str, ...]:
        dead = _count(layer.dead_neurons)
        if layer.dead_neurons is not None and layer.neurons:
            dead += f" of {layer.neurons:,}"
        return (
            layer.name,
            f"{layer.neurons:,}",
            _count(layer.synapses),
            with_unit(layer.weight_bits, "bit"),
            with_unit(layer.potential_bits, "bit"),
            _span(layer.scale_low, layer.scale_high),
            _span(layer.threshold_low, layer.threshold_high),
            dead,
            _count(layer.saturations),
        )

    return Table(
        "quantization",
        "Quantization",
        "Scale: real value of one weight step. Threshold: in potential steps. Dead: never fired over the "
        "test set. Saturations: potentials clamped over the test set.",
        (
            "layer",
            "neurons",
            "synapses",
            "weights",
            "potential",
            "scale",
            "threshold",
            "dead neurons",
            "saturations",
        ),
        tuple(row(layer) for layer in layers),
    )


_MAPPING_WORDS = (
    "Lanes: neurons that add an event's weights in parallel. Folds: neurons that share a lane. Events: how "
    "many a cycle. Updates: neurons updated a cycle at the end of a step. Busy: mean clock cycles per sample "
    "in which the layer works; layers work at the same time."
)


def mapping(report: Report) -> Table | None:
    """How every layer sits on the hardware; None before planning."""
    layers = report.network.layers
    planned = [layer for layer in layers if layer.lanes is not None or layer.rom_bits is not None]
    if not planned:
        return None
    rows = tuple(
        (
            layer.name,
            f"{layer.neurons:,}",
            _count(layer.lanes),
            _count(layer.folds),
            _count(layer.event_lanes),
            _count(layer.update_lanes),
            layer.accumulators or NOT_MEASURED,
            layer.potentials_in or NOT_MEASURED,
            with_unit(None if layer.rom_bits is None else layer.rom_bits / 1024, "Kibit"),
            figure(layer.cycles_per_sample),
        )
        for layer in layers
    )
    return Table(
        "mapping",
        "Mapping",
        f"{_MAPPING_WORDS} {' '.join(n for n in report.plan_notes if not n.startswith(DESIGN_NOTE))}".strip(),
        (
            "layer",
            "neurons",
            "lanes",
            "folds",
            "events",
            "updates",
            "sums in",
            "potentials in",
            "synapse memory",
            "busy cycles",
        ),
        rows,
    )


def designs(report: Report) -> Table | None:
    """The designs among which the plan's was chosen; None where lanes were given."""
    notes = [note.removeprefix(DESIGN_NOTE) for note in report.plan_notes if note.startswith(DESIGN_NOTE)]
    if not notes:
        return None
    rows = []
    for note in notes:
        mark, luts, cycles, shapes = note.split("|", 3)
        rows.append((f"{int(cycles):,}", f"{int(luts):,}", shapes, mark))
    return Table(
        "designs",
        "Designs to choose from",
        "No other design is both smaller and quicker. LUTs of all layers as predicted, mean cycles of a time "
        "step as estimated; every layer with lanes/updated neurons a cycle and where it keeps its sums.",
        ("cycles a step", "LUTs", "layers", "this design"),
        tuple(rows),
    )


def facts(report: Report) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    """Headed lists of name and value for the end of the page."""
    products = [("Verilog", report.files.verilog), ("bitstream", report.files.bitstream)]
    if report.files.weights:
        products.append(("Weights to load", report.files.weights))
    return (
        ("Convention", [(name, _plain(value)) for name, value in report.convention.items()]),
        ("Tools", list(report.tools.items())),
        ("Files", [(name, value or "not made") for name, value in products]),
    )


def _plain(value: object) -> str:
    if value is None:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


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
