"""What one sample makes the network do: spikes, and the synaptic operations that they cause."""

from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.golden import GoldenRun
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Operator, Scale
from qsnn_hw.quantize import QuantizedNetwork, QuantizedProjection
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Card, Line, Part, Section
from qsnn_hw.report.words import NOT_MEASURED, figure
from qsnn_hw.support.values import Number, check_numbers

_CHUNK = 1024


@dataclass(frozen=True)
class Metrics:
    """What one sample makes the network do, from the integer network's spikes.

    Parameters
    ----------
    synaptic_operations_per_sample
        Additions of a non-zero weight that a spike causes, over all projections.
    spikes_per_sample
        Input, hidden and output spikes together.
    spike_efficiency
        The first divided by the second: how many synapses a mean spike drives.
    """

    synaptic_operations_per_sample: Number | None = None
    spikes_per_sample: Number | None = None
    spike_efficiency: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(
            self, "metrics", "synaptic_operations_per_sample", "spikes_per_sample", "spike_efficiency"
        )


def metrics(network: QuantizedNetwork, data: Dataset, run: GoldenRun) -> Metrics:
    """Synaptic operations, spikes and their ratio, means of the samples.

    Parameters
    ----------
    run
        Of the same samples; every group's spikes, shape (time, sample, neuron).
    """
    counts = {INPUT: data.input, **run.spikes}
    spikes = sum(int(values.sum(dtype=np.int64)) for values in counts.values()) / data.samples
    operations = 0.0
    for projection in network.projections:
        source = counts[projection.source]
        # A step late, and what the last steps sent arrives never.
        late = projection.delay + network.recurrent(projection)
        arrived = source[: max(0, len(source) - late)]
        sent = arrived.reshape(-1, network.source_size(projection.source)).sum(axis=0, dtype=np.int64)
        operations += float(fan_out(projection, sent.size) @ sent)
    operations /= data.samples
    return Metrics(operations, spikes, operations / spikes if spikes else None)


def fan_out(projection: QuantizedProjection, sources: int) -> np.ndarray:
    """float64, shape (sources,): non-zero weights that a spike of each source address meets.

    Where operators with weights follow one another, as many as there are targets that it changes.
    """
    operators = projection.all_operators
    weighted = sum(isinstance(operator, Dense | Conv2d) for operator in operators)
    masked = operators if weighted > 1 else tuple(_mask(operator) for operator in operators)
    fan_outs = np.empty(sources)
    for first in range(0, sources, _CHUNK):
        units = np.zeros((min(_CHUNK, sources - first), sources))
        units[np.arange(len(units)), first + np.arange(len(units))] = 1
        reached = apply_operators(masked, units)
        fan_outs[first : first + len(units)] = (
            np.count_nonzero(reached, axis=1) if weighted > 1 else reached.sum(axis=1)
        )
    return fan_outs


def _mask(operator: Operator) -> Operator:
    """The operator with 1 for each weight that is not zero."""
    if isinstance(operator, Dense):
        return Dense((operator.weight != 0).astype(np.float64))
    if isinstance(operator, Conv2d):
        kernel = (operator.weight != 0).astype(np.float64)
        return replace(operator, weight=kernel, bias=None)
    if isinstance(operator, Scale):
        return Scale((operator.factor != 0).astype(np.float64))
    return operator


def work(results: Results) -> Metrics:
    """What the integer network does for a mean test sample; nothing known without one."""
    data, golden = results.get(Dataset), results.get(GoldenResult)
    if data is None or golden is None:
        return Metrics()
    return metrics(results[Quantization].quantized, data, golden.integer)


METRICS: Part[Metrics] = Part(
    "metrics",
    Metrics,
    Metrics(),
    lambda results: results.once(work),
    basis={"": "measured"},
    definitions={
        "synaptic_operations_per_sample": (
            "Synapses with a non-zero integer weight that the spikes of a mean sample drive, over all "
            "projections, convolutions included; pooling has no weights and counts none."
        ),
        "spikes_per_sample": "Input, hidden and output spikes of a mean sample together.",
        "spike_efficiency": (
            "Synaptic operations divided by spikes, input spikes included: the mean fan-out of a spike."
        ),
    },
)


def line(report: Report) -> str:
    metrics = report[METRICS]
    if metrics.spike_efficiency is None:
        return NOT_MEASURED
    return (
        f"{figure(metrics.spike_efficiency)} synaptic operations per spike; "
        f"{figure(metrics.synaptic_operations_per_sample)} and {figure(metrics.spikes_per_sample)} per sample"
    )


def card(report: Report) -> Card:
    metrics = report[METRICS]
    value, unit = figure(metrics.spike_efficiency), "ops/spike"
    lines = []
    if metrics.spikes_per_sample is not None:
        lines.append(
            f"{figure(metrics.spikes_per_sample)} spikes, {figure(metrics.synaptic_operations_per_sample)} "
            "synaptic operations per sample"
        )
    shown = unit if metrics.spike_efficiency is not None else ""
    return Card("efficiency", "Spike efficiency", value, shown, tuple(lines), report.basis.get("metrics", ""))


SECTION = Section("work", parts=(METRICS,), lines=(Line("efficiency", line),), card=card)
