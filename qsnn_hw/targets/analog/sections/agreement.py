"""How far the analog model of the ideal chip agrees with the integers: spikes that differ, and answers."""

from dataclasses import dataclass, field

from qsnn_hw.report.record import ASSUMPTIONS, Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import AGAINST_GOLDEN, Added, Card, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.words import NOT_MEASURED, percent
from qsnn_hw.support.values import Number, check_counts, check_numbers
from qsnn_hw.targets.analog.agreement import Agreement, GroupAgreement
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogNetwork


@dataclass(frozen=True)
class Crossbar:
    """What the chip has.

    Parameters
    ----------
    device
        Its name.
    levels
        How many conductances a cell has; ``g_min_us`` and ``g_max_us`` are the ends.
    cells, tiles
        In use; a weight takes two cells.
    tile_rows, tile_columns
        The most of a tile.
    step_ns
        A time step.
    """

    device: str | None = None
    levels: int | None = None
    g_min_us: Number | None = None
    g_max_us: Number | None = None
    cells: int | None = None
    tiles: int | None = None
    tile_rows: int | None = None
    tile_columns: int | None = None
    step_ns: Number | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts and sizes."""
        check_counts(self, "crossbar", "levels", "cells", "tiles", "tile_rows", "tile_columns")
        check_numbers(self, "crossbar", "g_min_us", "g_max_us", "step_ns")


@dataclass(frozen=True)
class AnalogModel:
    """The analog reference model beside the golden model, on the same samples.

    Parameters
    ----------
    samples, same_answers
        How many, and how many of them both answer alike.
    accuracy, golden_accuracy
        Fractions from 0 to 1; None without labels.
    golden_spikes, spikes_differ
        Spikes of the golden model in all groups, and places where one model has a spike and the other none.
    spikes_moved
        Spikes that are golden's a step sooner or later: two of ``spikes_differ`` each.
    count_differs
        By how many spikes a neuron has more or less than golden's in a sample, summed over all of both.
    exact_differ
        ``spikes_differ`` with every weight as the integers have it, whatever the levels are.
    rounded_weights
        Share of the weights, 0 to 1, that the levels do not hold so.
    groups
        The same by group.
    """

    samples: int | None = None
    same_answers: int | None = None
    accuracy: Number | None = None
    golden_accuracy: Number | None = None
    golden_spikes: int | None = None
    spikes_differ: int | None = None
    spikes_moved: int | None = None
    count_differs: int | None = None
    exact_differ: int | None = None
    rounded_weights: Number | None = None
    groups: tuple[GroupAgreement, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse anything but counts and fractions."""
        check_counts(self, "analog_model", "samples", "same_answers", "golden_spikes", "spikes_differ")
        check_counts(self, "analog_model", "spikes_moved", "count_differs", "exact_differ")
        check_numbers(self, "analog_model", "accuracy", "golden_accuracy", "rounded_weights")


def _crossbar(results: Results) -> Crossbar | None:
    network, device = results.get(AnalogNetwork), results.get(Device)
    if network is None or device is None:
        return None
    return Crossbar(
        device=device.name,
        levels=len(device.levels),
        g_min_us=device.g_min * 1e6,
        g_max_us=device.g_max * 1e6,
        cells=network.cells,
        tiles=len(network.tiles),
        tile_rows=network.tile_rows,
        tile_columns=network.tile_columns,
        step_ns=device.step_s * 1e9,
    )


def _model(results: Results) -> AnalogModel | None:
    found = results.get(Agreement)
    if found is None:
        return None
    right = found.analog_right, found.golden_right
    analog, golden = (None if n is None or not found.samples else n / found.samples for n in right)
    return AnalogModel(
        samples=found.samples,
        same_answers=found.same_answers,
        accuracy=analog,
        golden_accuracy=golden,
        golden_spikes=found.golden_spikes,
        spikes_differ=found.differ,
        spikes_moved=found.moved,
        count_differs=found.counted,
        exact_differ=found.exact_differ,
        rounded_weights=found.rounded,
        groups=found.groups,
    )


CROSSBAR: Part[Crossbar] = Part(
    "crossbar",
    Crossbar,
    Crossbar(),
    _crossbar,
    basis={"": "computed"},
    definitions={
        "": "Cells that weights are in, two a weight, in tiles of at most so many rows and columns."
    },
)

ANALOG_MODEL: Part[AnalogModel] = Part(
    "analog_model",
    AnalogModel,
    AnalogModel(),
    _model,
    basis={"": "measured"},
    definitions={
        "": (
            "The analog reference model of the ideal chip (every cell at its level, no wires, "
            "offset or noise) "
            "beside the integer golden model on the same samples. Its leak is real where the integers round."
        ),
        "spikes_differ": "Places (group, neuron, sample, step) where one model has a spike and "
        "the other none. A spike that comes a step late is two of them.",
        "spikes_moved": "Spikes that are golden's a step sooner or later, each taken once.",
        "count_differs": "By how many spikes a neuron has more or less than golden's in a sample, summed.",
        "exact_differ": "spikes_differ with every weight as the integers have it: what is left is the "
        "neuron's real arithmetic. The rest is what the device's levels make of the weights.",
        "rounded_weights": "Share of the weights that the device's levels do not hold as the "
        "integers have them.",
    },
)


def _share(differ: int, spikes: int) -> str:
    return f"{differ:,} of {spikes:,} ({percent(differ / spikes)})" if spikes else f"{differ:,} of 0"


def _line(report: Report) -> str:
    model = report[ANALOG_MODEL]
    if model.samples is None or model.spikes_differ is None or model.golden_spikes is None:
        return f"{NOT_MEASURED}: give --data FILE"
    said = (
        f"{percent(model.accuracy)} (golden {percent(model.golden_accuracy)}); {model.same_answers:,} of "
        f"{model.samples:,} answers the same; spikes that differ: "
        f"{_share(model.spikes_differ, model.golden_spikes)}, of them "
        f"{2 * (model.spikes_moved or 0):,} by a step in "
        f"time; counts of a sample by {_share(model.count_differs or 0, model.golden_spikes)}"
    )
    if not model.rounded_weights:
        return said
    return (
        f"{said}; the levels do not hold {percent(model.rounded_weights)} of the weights: "
        f"{_share(model.exact_differ or 0, model.golden_spikes)} with the integers' own"
    )


def _cells_line(report: Report) -> str | None:
    made = report[CROSSBAR]
    if made.cells is None:
        return None
    return (
        f"{made.cells:,} cells in {made.tiles:,} tiles of at most {made.tile_rows} x "
        f"{made.tile_columns}, device "
        f"{made.device}, {made.levels} levels of {made.g_min_us:g} to {made.g_max_us:g} uS"
    )


def _card(report: Report) -> Card:
    model = report[ANALOG_MODEL]
    lines: tuple[str, ...] = ()
    if model.spikes_differ is not None and model.golden_spikes is not None:
        lines = (
            f"golden {percent(model.golden_accuracy)}, {model.samples:,} samples",
            f"spikes that differ: {_share(model.spikes_differ, model.golden_spikes)}",
        )
    text = percent(model.accuracy)
    value, unit = (text, "") if text == NOT_MEASURED else (text.removesuffix(" %"), "%")
    return Card("analog", "Ideal analog chip", value, unit, lines, report.basis.get("analog_model", ""))


def _table(report: Report) -> Table | None:
    groups = report[ANALOG_MODEL].groups
    if not groups:
        return None
    return Table(
        "analog-groups",
        "Analog model and integers, group by group",
        "Places where one model has a spike and the other has none, over all samples and steps; spikes that "
        "are golden's a step sooner or later, two such places each; how far apart the counts of "
        "whole samples "
        "are; places with the integers' own weights, whatever the levels are; potentials that met the rails "
        "of the analog neuron. The chip is the ideal one.",
        (
            *("group", "neurons", "spikes, golden", "spikes, analog", "differ", "moved by a step"),
            *("counts differ by", "differ, exact weights", "met the rails"),
        ),
        tuple(
            (
                group.name,
                f"{group.neurons:,}",
                f"{group.golden_spikes:,}",
                f"{group.analog_spikes:,}",
                f"{group.differ:,}",
                f"{group.moved:,}",
                f"{group.counted:,}",
                f"{group.exact_differ:,}",
                f"{group.railed:,}",
            )
            for group in groups
        ),
    )


def _verdict(report: Report) -> tuple[str, str] | None:
    model = report[ANALOG_MODEL]
    if model.samples is None or model.same_answers is None:
        return (
            "unknown",
            "The analog model has not been compared with the golden model: no samples were given.",
        )
    share = model.same_answers / model.samples if model.samples else 0.0
    said = (
        f"The ideal analog chip gives the golden model's answer to {model.same_answers:,} of "
        f"{model.samples:,} "
        f"samples; {model.spikes_differ:,} of {model.golden_spikes:,} spikes differ."
    )
    return ("good" if share >= 0.95 else "unknown"), said


def _findings(report: Report) -> tuple[str, ...]:
    model, made = report[ANALOG_MODEL], report[CROSSBAR]
    if not model.rounded_weights:
        return ()
    return (
        f"The {made.levels} levels of device {made.device} do not hold "
        f"{percent(model.rounded_weights)} of the "
        f"weights as the integers have them: {model.spikes_differ:,} spikes differ, with the integers' own "
        f"weights it would be {model.exact_differ:,}. Fewer --bits, or more levels.",
    )


def _assumptions(results: Results) -> tuple[str, ...]:
    device = results.get(Device)
    return () if device is None else tuple(f"device {device.name}: {line}" for line in device.sources)


SECTION = Section(
    "analog model",
    parts=(CROSSBAR, ANALOG_MODEL),
    added=(Added(ASSUMPTIONS, _assumptions),),
    lines=(Line("crossbar", _cells_line), Line("analog model", _line)),
    card=_card,
    exhibits=(Exhibit("analog-groups", AGAINST_GOLDEN, lambda report, traces: _table(report)),),
    verdict=_verdict,
    findings=_findings,
)
