"""What quantization did to each group, float against integer: what is wrong, in words, tables and figures."""

from collections.abc import Sequence

from qsnn_hw.explore.integers.diagnosis import Diagnostics, GroupDiagnosis
from qsnn_hw.report.diagnostics_figures import histogram, score_text, scored_groups, sensitivity, widths
from qsnn_hw.report.record import Report
from qsnn_hw.report.section import QUANTIZATION, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.sections.network import own_clamp
from qsnn_hw.report.svg import Figure
from qsnn_hw.report.words import figure, percent, plural, signed
from qsnn_hw.support.values import Number

DIAGNOSTICS: Part[Diagnostics | None] = Part(
    "diagnostics",
    Diagnostics | None,
    None,
    lambda results: results.get(Diagnostics),
    basis={"": "measured"},
    definitions={
        "": (
            "Each neuron group of the integer network against the same group of the float network, "
            "run on the same samples."
        )
    },
)
"""None when it was not measured."""


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


def cells(group: GroupDiagnosis, clamped: bool, mark: str) -> tuple[str, ...]:
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
        saturating + (alert if group.saturating_neurons and not clamped else ""),
        f"{group.v_bits_used} of {group.v_bits}",
        figure(group.decay_error),
        ("never leaks" if group.stuck_real is None else figure(group.stuck_real))
        + (alert if group.leakless else ""),
    )


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


def diagnostics_table(diagnostics: Diagnostics, *, clamped: bool = False) -> list[str]:
    """Aligned lines for a terminal: every group, and the sensitivity table where there is one.

    Parameters
    ----------
    clamped
        The trained network clamps its potentials itself: saturating neurons are not marked.
    """
    rows = [COLUMNS, *(cells(group, clamped, "!") for group in diagnostics.groups)]
    lines = [f"float against integer on {plural(diagnostics.samples, 'sample')} (! marks what is wrong)"]
    lines += _plain(_aligned(rows))
    bits = widths(diagnostics)
    if bits:
        scores = {(row.group, row.bits): row.score for row in diagnostics.sensitivity}
        table = [["weights of group", *(f"{n} bit" for n in bits)]]
        for name in scored_groups(diagnostics):
            table.append([name, *(score_text(scores, name, n) for n in bits)])
        samples = diagnostics.score_samples
        over = "" if samples is None else f" on {plural(samples, 'sample')}"
        lines += [
            "",
            f"score{over} with one group at another width; float network: {percent(diagnostics.float_score)}",
        ]
        lines += _aligned(table)
    return lines


def _plain(lines: list[str]) -> list[str]:
    """Without the true minus, which some terminals lack."""
    return [line.replace("\u2212", "-") for line in lines]


def _few(items: list[str]) -> str:
    more = len(items) - _MOST_GROUPS
    return ", ".join(items[:_MOST_GROUPS]) + (f" and {more:,} more" if more > 0 else "")


def brief(diagnostics: Diagnostics, clamped: bool) -> list[str]:
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
    saturating = [
        f"{plural(len(g.saturating_neurons), 'neuron')} of group {g.name}"
        for g in groups
        if g.saturating_neurons and not clamped
    ]
    second = [f"spike rate drifts: {_few(drifting)}"] if drifting else []
    second += [f"saturating: {_few(saturating)}"] if saturating else []
    lines = [f"SILENCED {_few(silent)}"] if silent else []
    return _plain(lines + (["; ".join(second)] if second else []))


def findings(diagnostics: Diagnostics, clamped: bool = False) -> tuple[str, ...]:
    """What a reader must know, one line each, worst first; empty when nothing is wrong.

    Parameters
    ----------
    clamped
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
    saturating = [
        f"potentials or currents of group {g.name} met a clamp {plural(g.saturations, 'time')} "
        f"(neuron {listed(g.saturating_neurons)})"
        for g in diagnostics.groups
        if g.saturating_neurons and not clamped
    ]
    return (*dead, *drifting, *partly, *saturating)


def percent_change(drift: Number) -> str:
    """A relative change as a signed percentage; a decimal below 10 %, and near -100 %."""
    percent = 100 * drift
    return f"{signed(percent, 1 if abs(percent) < 10 or -100 < percent < -99 else 0)} %"


def listed(neurons: tuple[int, ...], most: int = 6) -> str:
    """The first few indices, and how many more there are."""
    more = len(neurons) - most
    shown = ", ".join(str(n) for n in neurons[:most])
    return shown + (f" and {more:,} more" if more > 0 else "")


def table(report: Report) -> Table | None:
    """Every group, float against integer; None when it was not measured."""
    measured = report[DIAGNOSTICS]
    if measured is None:
        return None
    return Table(
        "diagnostics",
        f"Float against integer, on {plural(measured.samples, 'sample')}",
        "Rate: spikes per neuron and time step. Drift: how far the integer rate is off. Silenced: neurons "
        "that fire in the float network and never in integers. Saturating: neurons whose potential or "
        "current met its clamp. Bits used: of the potential as built. No leak below: potentials from 0 to "
        "here, in the float network's unit, stay as they are, for their leak rounds to nothing; marked where "
        "that reaches a threshold.",
        COLUMNS,
        tuple(cells(group, own_clamp(report), "\u26a0") for group in measured.groups),
    )


def figures(report: Report) -> list[Figure | None]:
    """The sensitivity of the groups and a histogram for each; [None] when nothing was measured."""
    measured = report[DIAGNOSTICS]
    if measured is None:
        return [None]
    basis = report.basis.get("diagnostics", "")
    histograms = [histogram(group, index, basis) for index, group in enumerate(measured.groups)]
    return [sensitivity(report, measured, basis), *histograms]


def _line(report: Report) -> list[str]:
    measured = report[DIAGNOSTICS]
    return [] if measured is None else brief(measured, own_clamp(report))


def _findings(report: Report) -> tuple[str, ...]:
    measured = report[DIAGNOSTICS]
    return () if measured is None else findings(measured, own_clamp(report))


SECTION = Section(
    "diagnostics",
    parts=(DIAGNOSTICS,),
    lines=(Line("quantization", _line, after="weights"),),
    exhibits=(
        Exhibit("diagnostics", QUANTIZATION, lambda report, traces: table(report)),
        Exhibit("ranges", QUANTIZATION, lambda report, traces: figures(report)),
    ),
    findings=_findings,
)
