"""What quantization did to each group, in words: cells of the page's table and lines for a terminal."""

from collections.abc import Sequence

from qsnn_hw.explore.integers.diagnosis import Diagnostics, GroupDiagnosis
from qsnn_hw.report.words import NOT_MEASURED, figure, percent, plural, signed
from qsnn_hw.support.values import Number

COLUMNS = (
    "group",
    "float rate",
    "integer rate",
    "drift",
    "spikes differ",
    "silenced",
    "saturating",
    "bits used",
    "decay error",
    "no leak below",
)

_MOST_GROUPS = 3


def cells(group: GroupDiagnosis, own_clamp: bool, mark: str) -> tuple[str, ...]:
    """One row under :data:`COLUMNS`; ``mark`` ends a cell that shows something wrong."""
    alert = f" {mark}"
    if group.readout:
        rates = ("readout", "readout", "readout", "readout")
    else:
        drift = "float silent" if group.drift is None else percent_change(group.drift)
        rates = (
            figure(group.float_rate),
            figure(group.integer_rate),
            drift + (alert if group.drifts else ""),
            percent(group.spikes_differ),
        )
    silenced = f"{len(group.dead_neurons):,} of {group.neurons:,}" if group.dead_neurons else "none"
    if group.dead:
        silenced = "whole group"
    saturating = "none"
    if group.saturating_neurons:
        times = plural(group.saturations, "time")
        saturating = f"{len(group.saturating_neurons):,} of {group.neurons:,}, {times}"
    return (
        group.name,
        *rates,
        silenced + (alert if group.dead or group.dead_neurons else ""),
        saturating + (alert if group.saturating_neurons and not own_clamp else ""),
        f"{group.v_bits_used} of {group.v_bits}",
        figure(group.decay_error),
        ("never leaks" if group.stuck_real is None else figure(group.stuck_real))
        + (alert if group.leakless else ""),
    )


def widths(diagnostics: Diagnostics) -> tuple[int, ...]:
    """Every weight width of the sensitivity table, widest first."""
    return tuple(sorted({row.bits for row in diagnostics.sensitivity}, reverse=True))


def scored_groups(diagnostics: Diagnostics) -> tuple[str, ...]:
    """The groups of the sensitivity table, in the network's order."""
    scored = {row.group for row in diagnostics.sensitivity}
    return tuple(group.name for group in diagnostics.groups if group.name in scored)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns two spaces apart: the first flush left, the others flush right."""
    wide = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in rows
    ]


def diagnostics_table(diagnostics: Diagnostics, *, own_clamp: bool = False) -> list[str]:
    """Aligned lines for a terminal: every group, and the sensitivity table where there is one.

    Parameters
    ----------
    own_clamp
        The trained network clamps its potentials itself: saturating neurons are not marked.
    """
    rows = [COLUMNS, *(cells(group, own_clamp, "!") for group in diagnostics.groups)]
    lines = [f"float against integer on {plural(diagnostics.samples, 'sample')} (! marks what is wrong)"]
    lines += _plain(_aligned(rows))
    bits = widths(diagnostics)
    if bits:
        found = {(row.group, row.bits): row.score for row in diagnostics.sensitivity}
        table = [["weights of group", *(f"{n} bit" for n in bits)]]
        for name in scored_groups(diagnostics):
            table.append([name, *(score_text(found, name, n) for n in bits)])
        samples = diagnostics.score_samples
        over = "" if samples is None else f" on {plural(samples, 'sample')}"
        lines += [
            "",
            f"score{over} with one group at another width; float network: {percent(diagnostics.float_score)}",
        ]
        lines += _aligned(table)
    return lines


def score_text(found: dict[tuple[str, int], int | float | None], name: str, bits: int) -> str:
    """A score of the sensitivity table as a percentage, or why there is none."""
    if (name, bits) not in found:
        return NOT_MEASURED
    score = found[name, bits]
    return "cannot build" if score is None else percent(score)


def _plain(lines: list[str]) -> list[str]:
    """Without the true minus, which some terminals lack."""
    return [line.replace("\u2212", "-") for line in lines]


def _few(items: list[str]) -> str:
    more = len(items) - _MOST_GROUPS
    return ", ".join(items[:_MOST_GROUPS]) + (f" and {more:,} more" if more > 0 else "")


def brief(diagnostics: Diagnostics, own_clamp: bool) -> list[str]:
    """At most two lines for the summary: what fell silent, and what drifts or saturates; often none."""
    groups = diagnostics.groups
    silent = [f"group {g.name}" for g in groups if g.dead]
    silent += [
        f"{len(g.dead_neurons):,} of {plural(g.neurons, 'neuron')} of group {g.name}"
        for g in groups
        if g.dead_neurons and not g.dead
    ]
    drifting = [
        f"group {g.name} {'silent in float' if g.drift is None else percent_change(g.drift)}"
        for g in groups
        if g.drifts and not g.dead
    ]
    clamped = [
        f"{plural(len(g.saturating_neurons), 'neuron')} of group {g.name}"
        for g in groups
        if g.saturating_neurons and not own_clamp
    ]
    second = [f"spike rate drifts: {_few(drifting)}"] if drifting else []
    second += [f"saturating: {_few(clamped)}"] if clamped else []
    lines = [f"SILENCED {_few(silent)}"] if silent else []
    return _plain(lines + (["; ".join(second)] if second else []))


def findings(diagnostics: Diagnostics, own_clamp: bool = False) -> tuple[str, ...]:
    """What a reader must know, one line each, worst first; empty when nothing is wrong.

    Parameters
    ----------
    own_clamp
        The trained network clamps its potentials itself, so meeting the clamp is no fault.
    """
    dead = [
        f"quantization silenced group {g.name}: it fires in the float network and never in integers"
        for g in diagnostics.groups
        if g.dead
    ]
    partly = [
        f"quantization silenced {len(g.dead_neurons):,} of {plural(g.neurons, 'neuron')} of group "
        f"{g.name} (neuron {listed(g.dead_neurons)})"
        for g in diagnostics.groups
        if g.dead_neurons and not g.dead
    ]
    drifting = [
        f"group {g.name} fires in integers and never in the float network"
        if g.drift is None
        else f"spike rate of group {g.name} moved by {percent_change(g.drift)} against the float network"
        for g in diagnostics.groups
        if g.drifts and not g.dead
    ]
    clamped = [
        f"potentials or currents of group {g.name} met a clamp {plural(g.saturations, 'time')} "
        f"(neuron {listed(g.saturating_neurons)})"
        for g in diagnostics.groups
        if g.saturating_neurons and not own_clamp
    ]
    return (*dead, *drifting, *partly, *clamped)


def percent_change(drift: Number) -> str:
    """A relative change as a signed percentage; a decimal below 10 %, and near -100 %."""
    percent = 100 * drift
    return f"{signed(percent, 1 if abs(percent) < 10 or -100 < percent < -99 else 0)} %"


def listed(neurons: tuple[int, ...], most: int = 6) -> str:
    """The first few indices, and how many more there are."""
    more = len(neurons) - most
    shown = ", ".join(str(n) for n in neurons[:most])
    return shown + (f" and {more:,} more" if more > 0 else "")
