"""The crossbar itself: conductances and IR drop as heat maps, settling, and the energy of reading it."""

from dataclasses import dataclass

import numpy as np

from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import HARDWARE, Card, Exhibit, Line, Part, Section
from qsnn_hw.report.svg import Drawing, Figure, figure, num
from qsnn_hw.report.words import NOT_MEASURED, percent, rounded
from qsnn_hw.support.values import Number, check_numbers
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.wires import Wires

_SHADES = 4
_MOST_SIDE = 64
"""Cells of a heat map along either side; larger tiles are averaged."""


@dataclass(frozen=True)
class CrossbarFigures:
    """Losses are fractions of a column's current with all rows at once; energies in J, times in s.

    Parameters
    ----------
    mean_loss, worst_loss
        By the wires, over all columns of all tiles.
    split_loss
        The mean where every tile is four of half the rows and columns.
    quick_error
        Of the Monte-Carlo's attenuations, on one chip, in the worst column.
    settle_ns, read_ns
        How long a column takes to settle, and how long it is read.
    energy_nj, energy_low_nj, energy_high_nj
        Of the crossbar, an inference.
    spike_pj
        Of one spike, the mean.
    tile
        The one that is shown: rows of conductances in uS, and what the wires leave of each.
    """

    mean_loss: Number | None = None
    worst_loss: Number | None = None
    split_loss: Number | None = None
    quick_error: Number | None = None
    settle_ns: Number | None = None
    read_ns: Number | None = None
    energy_nj: Number | None = None
    energy_low_nj: Number | None = None
    energy_high_nj: Number | None = None
    spike_pj: Number | None = None
    tile: str | None = None
    conductance_us: tuple[tuple[float, ...], ...] = ()
    left: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(self, "wires", "mean_loss", "worst_loss", "split_loss", "quick_error", "settle_ns")
        check_numbers(self, "wires", "read_ns", "energy_nj", "energy_low_nj", "energy_high_nj", "spike_pj")


def _smaller(values: np.ndarray) -> np.ndarray:
    """At most ``_MOST_SIDE`` cells along either side, means of neighbours."""
    for axis in (0, 1):
        side = values.shape[axis]
        if side > _MOST_SIDE:
            starts = np.arange(_MOST_SIDE) * side // _MOST_SIDE
            counts = np.diff(np.append(starts, side))
            sums = np.add.reduceat(values, starts, axis=axis)
            values = sums / (counts[:, np.newaxis] if axis == 0 else counts)
    return values


def _rows(values: np.ndarray, digits: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(value), digits) for value in row) for row in _smaller(values))


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _figures(results: Results) -> CrossbarFigures | None:
    found, device = results.get(Wires), results.get(Device)
    if found is None or device is None:
        return None
    return CrossbarFigures(
        mean_loss=max(0.0, found.mean_loss),
        worst_loss=max(0.0, found.worst_loss),
        split_loss=max(0.0, found.split_loss),
        quick_error=found.quick_error,
        settle_ns=_scaled(found.settle_s, 1e9),
        read_ns=device.read_s * 1e9,
        energy_nj=_scaled(found.energy_j, 1e9),
        energy_low_nj=_scaled(found.energy_low_j, 1e9),
        energy_high_nj=_scaled(found.energy_high_j, 1e9),
        spike_pj=_scaled(found.spike_j, 1e12),
        tile=found.shown.name,
        conductance_us=_rows(found.shown.conductance * 1e6, 3),
        left=_rows(found.shown.left, 4),
    )


WIRES: Part[CrossbarFigures] = Part(
    "wires",
    CrossbarFigures,
    CrossbarFigures(),
    _figures,
    basis={
        "": "computed",
        "energy_nj": "estimated",
        "energy_low_nj": "estimated",
        "energy_high_nj": "estimated",
    },
    definitions={
        "mean_loss": "What the wires' resistance takes of a column's current, all rows at once, "
        "by a nodal solver.",
        "energy_nj": (
            "Of the drivers of rows, ohmic, with the golden model's spikes: read_v squared times "
            "the read time times "
            "all conductance on the row. Low and high are the least and most of eight drawn "
            "chips. Neurons, converters "
            "and the digital part are not in it."
        ),
        "settle_ns": "Until a column is within half a level of its end, by Elmore's delay of the "
        "largest tile.",
    },
)


def _energy_line(report: Report) -> str:
    wires = report[WIRES]
    if wires.energy_nj is None:
        return f"{NOT_MEASURED}: give --data FILE"
    return (
        f"{rounded(wires.energy_nj)} nJ an inference ({rounded(wires.energy_low_nj)} to "
        f"{rounded(wires.energy_high_nj)}), {rounded(wires.spike_pj)} pJ a spike: the crossbar "
        "alone, estimated"
    )


def _wires_line(report: Report) -> str | None:
    wires = report[WIRES]
    if wires.mean_loss is None:
        return None
    settle = ""
    if wires.settle_ns is not None:
        settle = f"; settles in {rounded(wires.settle_ns)} of {rounded(wires.read_ns)} ns"
    return (
        f"take {percent(wires.mean_loss)} of a column's current, {percent(wires.worst_loss)} of the worst "
        f"({percent(wires.split_loss)} in tiles of half the side){settle}"
    )


def _card(report: Report) -> Card:
    wires = report[WIRES]
    if wires.energy_nj is None:
        return Card("crossbar-energy", "Crossbar energy", NOT_MEASURED, "", (), "")
    return Card(
        "crossbar-energy",
        "Crossbar energy",
        rounded(wires.energy_nj),
        "nJ an inference",
        (
            f"{rounded(wires.energy_low_nj)} to {rounded(wires.energy_high_nj)} nJ",
            "without neurons, converters and digital part",
        ),
        "estimated",
        gain=True,
    )


def _heat(values: np.ndarray, style: str, width: float) -> Drawing:
    rows, columns = values.shape
    drawing = Drawing(width)
    left, top = 34.0, 6.0
    cell = min((width - left - 4) / columns, 6.0 if width > 400 else 5.0)
    tall = min(cell, 320.0 / rows)
    low, high = float(values.min()), float(values.max())
    shade = np.ceil(_SHADES * (values - low) / (high - low)) if high > low else np.zeros(values.shape)
    drawing.rect(left, top, cell * columns, tall * rows, "panel")
    for level in range(1, _SHADES + 1):
        commands = []
        for row in range(rows):
            on = np.flatnonzero(shade[row] == level)
            for run in np.split(on, np.flatnonzero(np.diff(on) > 1) + 1):
                if run.size:
                    x, y = left + run[0] * cell, top + (row + 0.5) * tall
                    commands.append(f"M{num(x)} {num(y)}h{num(run.size * cell)}")
        if commands:
            drawing.path("".join(commands), f"cell s{level} {style}", max(tall, 0.8))
    bottom = top + tall * rows
    drawing.text(left - 6, top + 8, "0", "tick", "end")
    drawing.text(left - 6, bottom, str(rows - 1), "tick", "end")
    drawing.text(left, bottom + 14, "0", "tick")
    drawing.text(left + cell * columns, bottom + 14, str(columns - 1), "tick", "end")
    drawing.text(left + cell * columns / 2, bottom + 28, "column", "axis", "middle")
    drawing.height = bottom + 36
    return drawing


def _maps(report: Report) -> list[Figure | None]:
    wires = report[WIRES]
    if not wires.conductance_us:
        return []
    conductance, lost = np.array(wires.conductance_us), 100 * (1 - np.array(wires.left))
    shown = [
        figure(
            "conductance",
            f"Conductances of tile {wires.tile}",
            f"Heat map of {conductance.shape[0]} rows and {conductance.shape[1]} columns from "
            f"{conductance.min():g} to "
            f"{conductance.max():g} uS.",
            lambda width: _heat(conductance, "c-0", width),
            f"Darker is more, in four shades from {conductance.min():g} to {conductance.max():g} "
            "uS. Rows are spikes' "
            "addresses, driven from the left; columns are plus and minus of one neuron after another.",
            "computed",
        )
    ]
    if lost.max() > 0:
        shown.append(
            figure(
                "ir-drop",
                f"IR drop in tile {wires.tile}",
                f"Heat map of what the wires take of each cell, {lost.min():.3g} to "
                f"{lost.max():.3g} percent.",
                lambda width: _heat(lost, "c-warn", width),
                f"Darker is more, in four shades from {lost.min():.3g} to {lost.max():.3g} % of "
                "the cell's current; "
                "columns are read at the bottom.",
                "computed",
            )
        )
    return [*shown]


SECTION = Section(
    "wires",
    parts=(WIRES,),
    lines=(Line("wires", _wires_line), Line("energy", _energy_line)),
    card=_card,
    exhibits=(Exhibit("crossbar-maps", HARDWARE, lambda report, traces: _maps(report)),),
)
