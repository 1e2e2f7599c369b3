"""The tables of the report page about the network and how it is mapped, and the lists at its end."""

from collections.abc import Sequence
from dataclasses import dataclass

from qsnn_hw.explore.designs.balance import DESIGN_NOTE
from qsnn_hw.report.record import Layer, Report
from qsnn_hw.report.words import NOT_MEASURED, figure, with_unit


@dataclass(frozen=True)
class Table:
    """A table with its heading, what it says, and rows as wide as its columns."""

    key: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def _span(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "none"
    return figure(low) if low == high else f"{figure(low)} to {figure(high)}"


def _count(value: int | None) -> str:
    return NOT_MEASURED if value is None else f"{value:,}"


_LEAK_WORDS = {"floor": "loss down", "zero": "toward zero", "none": "no leak"}


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
            with_unit(layer.weight_bits, "bit") + (", own" if layer.own_integers else ""),
            with_unit(layer.potential_bits, "bit"),
            _span(layer.scale_low, layer.scale_high),
            _span(layer.threshold_low, layer.threshold_high),
            NOT_MEASURED
            if layer.leak_rounding is None
            else _LEAK_WORDS.get(layer.leak_rounding, layer.leak_rounding),
            dead,
            _count(layer.saturations),
        )

    return Table(
        "quantization",
        "Quantization",
        "Own weights: integers as they were trained, not rounded. Scale: real value of one weight step. "
        "Threshold: in potential steps. Leak rounded: the loss of a step down, or what is kept toward zero. "
        "Dead: never fired over the test set. Saturations: potentials clamped over the test set.",
        (
            "layer",
            "neurons",
            "synapses",
            "weights",
            "potential",
            "scale",
            "threshold",
            "leak rounded",
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
        "No other design that fits is both smaller and quicker. LUTs as predicted for the whole board "
        "design, host link included; mean cycles of a sample as predicted, of a time step without data; "
        "every layer with lanes/updated neurons a cycle and where it keeps its sums.",
        ("cycles", "LUTs", "layers", "this design"),
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
