"""Spikes of a mean test sample, and whether anything comes out at all."""

from collections.abc import Mapping

import numpy as np

from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import INPUT
from qsnn_hw.report.bars import Bar, bars
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import TEST_SET, Exhibit, Line, Part, Section
from qsnn_hw.report.sections.network import NETWORK
from qsnn_hw.report.svg import Figure, colour, figure
from qsnn_hw.report.words import NOT_MEASURED
from qsnn_hw.report.words import figure as amount
from qsnn_hw.support.values import Number, number

Spikes = Mapping[str, Number | None]


def _spikes(results: Results) -> dict[str, Number | None] | None:
    data, golden = results.get(Dataset), results.get(GoldenResult)
    if data is None or golden is None:
        return None
    counts = {INPUT: data.input, **golden.integer.spikes}
    return {name: float(spikes.sum(dtype=np.int64)) / data.samples for name, spikes in counts.items()}


def _dead(results: Results) -> str | None:
    golden = results.get(GoldenResult)
    return None if golden is None else golden.dead


SPIKES_PER_SAMPLE: Part[Spikes] = Part(
    "spikes_per_sample",
    Spikes,
    {},
    _spikes,
    basis={"": "measured"},
    definitions={"": "Mean number of spikes per test sample in the integer network."},
    check=lambda spikes: {key: number(f"spikes_per_sample.{key}", n, 0) for key, n in spikes.items()},
)
"""``input`` or a group's name -> mean spikes per sample."""

DEAD: Part[str | None] = Part("dead", str | None, None, _dead)
"""Why every answer means nothing, as where no neuron ever fires on the samples, in words.

None where something comes out of the network, or nothing was run. Also one of ``warnings``."""


def spikes_per_group(report: Report) -> Figure | None:
    """Mean spikes per sample of the input and each group; None when nothing was counted."""
    counts = report[SPIKES_PER_SAMPLE]
    if not counts:
        return None
    most = max((n for n in counts.values() if n is not None), default=0) or 1
    sizes = {
        "input": report[NETWORK].inputs,
        **{group.name: group.neurons for group in report[NETWORK].groups},
    }
    order = {name: index for index, name in enumerate(group.name for group in report[NETWORK].groups)}
    shown = []
    for name, n in counts.items():
        value = NOT_MEASURED if n is None else amount(n)
        size, steps = sizes.get(name), report[NETWORK].steps
        if n is not None and size and steps:
            value += f" \u00b7 {100 * n / (size * steps):.1f} % active"
        share = None if n is None else n / most
        shown.append(Bar(name, share, value, colour(order.get(name, -1))))
    return figure(
        "spikes-per-group",
        "Spikes per group",
        "Mean spikes per sample. " + "; ".join(f"{bar.name}: {bar.value}" for bar in shown) + ".",
        lambda width: bars(width, shown, track=False),
        "Mean spikes per sample. Active: share of all neurons and time steps with a spike.",
        report.basis.get("spikes_per_sample", ""),
    )


SECTION = Section(
    "spikes",
    parts=(SPIKES_PER_SAMPLE, DEAD),
    lines=(Line("NOTHING OUT", lambda report: report[DEAD], after=""),),
    exhibits=(Exhibit("spikes-per-group", TEST_SET, lambda report, traces: spikes_per_group(report)),),
)
