"""Figures of one sample: the spike raster and the membrane potentials."""

from collections.abc import Sequence

import numpy as np

from qsnn_hw.report.svg import NARROW, Drawing, Figure, colour, figure, num, ticks
from qsnn_hw.report.traces import GroupTrace, Traces
from qsnn_hw.report.words import plural

_MOST_ROWS = 128
_MOST_MARKS = 36_000
_MOST_POINTS = 600
_LABELLED_ROWS = 16
_NEURONS_SHOWN = 4


def binned(spikes: np.ndarray, most: int) -> tuple[np.ndarray, int, int]:
    """``spikes``, shape (time, n), summed into cells so that a raster stays below ``most`` marks.

    Returns
    -------
    tuple
        The cells, shape (columns, rows), and how many time steps and neurons one cell covers;
        (spikes, 1, 1) when there are few enough.
    """
    counts = np.asarray(spikes, dtype=np.int64)
    steps, neurons = counts.shape
    if np.count_nonzero(counts) <= most:
        return counts, 1, 1
    down = -(-neurons // _MOST_ROWS)
    columns = max(1, most // -(-neurons // down))
    across = -(-steps // columns)
    counts = np.pad(counts, ((0, -steps % across), (0, -neurons % down)))
    return counts.reshape(len(counts) // across, across, -1, down).sum(axis=(1, 3)), across, down


def _panel_height(neurons: int) -> float:
    if neurons <= _LABELLED_ROWS:
        return 16.0 * neurons
    return float(max(120, min(240, 4 * neurons)))


def _marks(
    drawing: Drawing, spikes: np.ndarray, box: tuple[float, float, float, float], style: str, most: int
) -> None:
    """Dots for single spikes, or shaded cells where there are more than ``most`` of them."""
    left, top, width, height = box
    cells, across, down = binned(spikes, most)
    column, row = width * across / len(spikes), height * down / spikes.shape[1]
    if (across, down) == (1, 1):
        thick = max(1.2, min(7.0, 0.75 * row, 0.8 * column))
        # A dash rather than a dot where steps are wide and rows thin, or single spikes would be lost.
        dash = max(0.0, min(10.0, 0.5 * column) - thick)
        commands = [
            f"M{num(left + (step + 0.5) * column - dash / 2)} {num(top + (neuron + 0.5) * row)}h{num(dash)}"
            for step, neuron in np.argwhere(cells)
        ]
        if commands:
            drawing.path("".join(commands), f"dot {style}", thick)
        return
    # Four shades, one path each: a cell is a horizontal dash as thick as its row.
    shade = np.ceil(4 * cells / cells.max()).astype(np.int64)
    for level in range(1, 5):
        commands = []
        for neuron in range(cells.shape[1]):
            on = np.flatnonzero(shade[:, neuron] == level)
            for run in np.split(on, np.flatnonzero(np.diff(on) > 1) + 1):
                if run.size:
                    x, y = left + run[0] * column, top + (neuron + 0.5) * row
                    commands.append(f"M{num(x)} {num(y)}h{num(run.size * column)}")
        if commands:
            drawing.path("".join(commands), f"cell s{level} {style}", max(row, 0.8))


def _time_axis(drawing: Drawing, steps: int, left: float, width: float, top: float, bottom: float) -> None:
    for value in ticks(0, steps - 1, 12 if width > NARROW else 6, least_step=1):
        x = left + (value + 0.5) * width / steps
        drawing.line(x, top, x, bottom, "grid")
        drawing.text(x, bottom + 15, f"{value:g}", "tick", "middle")
    drawing.text(left + width / 2, bottom + 31, "time step", "axis", "middle")


def raster(traces: Traces) -> Figure:
    """Every spike of the sample: the input and each group, one row a neuron."""
    panels = list(traces.spike_arrays())
    # Shared by all panels, so that a network with many groups does not grow the page.
    most = _MOST_MARKS // len(panels)
    merged = any(binned(spikes, most)[1:] != (1, 1) for _, spikes in panels)

    def draw(width: float) -> Drawing:
        drawing = Drawing(width)
        left, right = 38.0, 30.0
        inner = width - left - right
        boxes, y = [], 0.0
        for _, spikes in panels:
            boxes.append((left, y + 20, inner, _panel_height(spikes.shape[1])))
            y += 20 + boxes[-1][3] + 12
        for box in boxes:
            drawing.rect(*box, "panel")
        _time_axis(drawing, traces.steps, left, inner, 20, y - 12)
        for index, ((name, spikes), box) in enumerate(zip(panels, boxes, strict=True)):
            size = plural(spikes.shape[1], "address" if index == 0 else "neuron")
            drawing.text(left, box[1] - 6, name, f"name {colour(index - 1)}")
            total = plural(int(spikes.sum()), "spike")
            drawing.text(left + inner, box[1] - 6, f"{size}, {total}", "note", "end")
            _row_labels(drawing, spikes, box, traces.prediction if index == len(panels) - 1 else None)
            _marks(drawing, spikes, box, colour(index - 1), most)
        drawing.height = y + 26
        return drawing

    caption = "One row per neuron, one mark per spike."
    if merged:
        caption = "One row per neuron or few neurons; where spikes are dense, darker cells hold more of them."
    elif any(spikes.size and spikes.max() > 1 for _, spikes in panels):
        caption = "One row per neuron; several spikes of a neuron in one time step share a mark."
    if panels[-1][1].shape[1] <= _LABELLED_ROWS and len(panels) > 1:
        caption += " Numbers at the right count the output spikes; the highest (marked) is the answer."
    shown = "; ".join(f"{name}: {int(spikes.sum()):,} spikes" for name, spikes in panels)
    return figure(
        "raster",
        f"Spikes of sample {traces.sample}",
        f"Spike raster over {traces.steps} time steps. {shown}.",
        draw,
        caption,
        "measured",
        full=True,
    )


def _row_labels(
    drawing: Drawing, spikes: np.ndarray, box: tuple[float, float, float, float], answer: int | None
) -> None:
    left, top, width, height = box
    neurons = spikes.shape[1]
    row = height / neurons
    few = neurons <= _LABELLED_ROWS
    for neuron in range(neurons) if few else (0, neurons - 1):
        y = top + (neuron + 0.5) * row + 3.5
        if not few:
            y = top + 8 if neuron == 0 else top + height
        emphasis = " chosen" if few and neuron == answer else ""
        drawing.text(left - 6, y, str(neuron), "tick" + emphasis, "end")
        if few:
            mark = "\u25c0" if emphasis else ""
            drawing.text(left + width + 6, y, f"{int(spikes[:, neuron].sum())}{mark}", "tick" + emphasis)


def neurons_to_show(group: GroupTrace, wanted: Sequence[int | None] = ()) -> list[int]:
    """Up to four neurons of a group, in order.

    The wanted ones and then the most active; with none wanted, from the most active to the least,
    and a silent one if there is any.
    """
    total = group.spikes.sum(axis=0)
    order = [int(n) for n in np.argsort(-total.astype(np.int64), kind="stable")]
    first = [n for n in dict.fromkeys(wanted) if n is not None and 0 <= n < len(total)]
    if first:
        shown = first + [n for n in order if n not in first]
    else:
        active = [n for n in order if total[n]]
        silent = [n for n in order if not total[n]]
        spread = np.linspace(0, len(active) - 1, min(len(active), _NEURONS_SHOWN - bool(silent)))
        shown = [active[round(place)] for place in spread] + silent
    return sorted(shown[:_NEURONS_SHOWN])


def _curve(values: np.ndarray, left: float, width: float, bottom: float, scale: float, low: float) -> str:
    """A polyline; long traces keep the smallest and largest value of every half pixel or so."""
    steps = len(values)
    at = np.arange(steps)
    if steps > _MOST_POINTS:
        chunk = -(-steps // (_MOST_POINTS // 2))
        pieces = np.split(at, range(chunk, steps, chunk))
        at = np.concatenate([np.sort(p[[values[p].argmin(), values[p].argmax()]]) for p in pieces])
    x = left + (at + 0.5) * width / steps
    y = bottom - (values[at] - low) * scale
    return "M" + "L".join(f"{num(a)} {num(b)}" for a, b in zip(x, y, strict=True))


def potentials(traces: Traces, index: int) -> Figure | None:
    """Membrane potentials of a few neurons of group ``index``; None when they were not recorded."""
    group = traces.groups[index]
    if group.potentials is None:
        return None
    values = group.potentials.astype(np.float64)
    output = index == len(traces.groups) - 1
    shown = neurons_to_show(group, (traces.prediction, traces.label) if output else ())

    def draw(width: float) -> Drawing:
        drawing = Drawing(width)
        left, right, height, gap = 52.0, 6.0, 62.0, 30.0
        inner = width - left - right
        bottoms = [gap - 8 + height + row * (height + gap) for row in range(len(shown))]
        for bottom in bottoms:
            drawing.rect(left, bottom - height, inner, height, "panel")
        _time_axis(drawing, traces.steps, left, inner, gap - 8, bottoms[-1])
        for neuron, bottom in zip(shown, bottoms, strict=True):
            role = _role(traces, neuron) if output else ""
            _potential_panel(
                drawing, group, values, neuron, (left, bottom, inner, height), colour(index), role
            )
        drawing.height = bottoms[-1] + 38
        return drawing

    legend = [(f"line {colour(index)}", "integer potential"), ("mark spike", "spike")]
    if group.threshold is not None:
        legend.insert(1, ("line threshold", "threshold"))
    if group.float_potentials is not None:
        legend.insert(1, ("line float", "float network, same scale"))
    fired = ", ".join(f"neuron {n} fired {int(group.spikes[:, n].sum())} times" for n in shown)
    return figure(
        f"potentials-{index}",
        f"Membrane potentials: {group.name}",
        f"Membrane potential of {len(shown)} of {group.spikes.shape[1]} neurons over {traces.steps} time "
        f"steps, in potential steps: {fired}.",
        draw,
        "In integer potential steps, at the end of each time step.",
        "measured",
        legend,
    )


def _role(traces: Traces, neuron: int) -> str:
    roles = (("label", traces.label), ("answer", traces.prediction))
    return ", ".join(name for name, which in roles if which == neuron)


def _potential_panel(
    drawing: Drawing,
    group: GroupTrace,
    values: np.ndarray,
    neuron: int,
    box: tuple[float, float, float, float],
    style: str,
    role: str,
) -> None:
    left, bottom, width, height = box
    threshold = None if group.threshold is None else float(group.threshold[neuron])
    shown = [values[:, neuron]]
    if group.float_potentials is not None:
        shown.append(group.float_potentials[:, neuron])
    extremes = [0.0, *(float(v.min()) for v in shown), *(float(v.max()) for v in shown)]
    if threshold is not None:
        extremes.append(threshold)
    low, high = min(extremes), max(extremes)
    pad = 0.08 * (high - low or 1.0)
    low, high = low - pad, high + pad
    scale = height / (high - low)

    name = f"neuron {neuron}" + (f" ({role})" if role else "")
    drawing.text(left, bottom - height - 6, name, "name" + (" chosen" if role else ""))
    drawing.text(
        left + width, bottom - height - 6, plural(int(group.spikes[:, neuron].sum()), "spike"), "note", "end"
    )
    drawing.line(left, bottom + low * scale, left + width, bottom + low * scale, "zero")
    labels = [(0.0, "0")]
    if threshold is not None:
        y = bottom - (threshold - low) * scale
        drawing.line(left, y, left + width, y, "threshold")
        labels.insert(0, (threshold, f"{threshold:,.0f}"))
    lowest = float(values[:, neuron].min())
    labels.append((lowest, f"{lowest:,.0f}"))
    placed: list[float] = []
    for value, label in labels:
        y = bottom - (value - low) * scale
        if all(abs(y - other) >= 12 for other in placed):
            drawing.text(left - 6, y + 3.5, label, "tick", "end")
            placed.append(y)
    if group.float_potentials is not None:
        drawing.path(
            _curve(group.float_potentials[:, neuron], left, width, bottom, scale, low), "curve float"
        )
    drawing.path(_curve(values[:, neuron], left, width, bottom, scale, low), f"curve {style}")
    fired = np.flatnonzero(group.spikes[:, neuron])
    if fired.size:
        x = left + (fired + 0.5) * width / len(values)
        top = bottom - height
        drawing.path(
            "".join(f"M{num(a)} {num(top)}v7" for a in x),
            "spike",
            max(1.0, min(3.0, 0.5 * width / len(values))),
        )
