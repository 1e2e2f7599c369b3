"""What a sample makes network and hardware do: synaptic operations, and what simulation counted."""

import numpy as np

from qsnn_hw.golden import GoldenRun
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Operator, Scale
from qsnn_hw.quantize import QuantizedNetwork, QuantizedProjection
from qsnn_hw.report import GroupActivity, Metrics
from qsnn_hw.verify import Verification

_CHUNK = 1024


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
    weighted = sum(isinstance(made, Dense | Conv2d) for made in projection.chain)
    masked = projection.chain if weighted > 1 else tuple(_mask(made) for made in projection.chain)
    found = np.empty(sources)
    for first in range(0, sources, _CHUNK):
        units = np.zeros((min(_CHUNK, sources - first), sources))
        units[np.arange(len(units)), first + np.arange(len(units))] = 1
        reached = apply_operators(masked, units)
        found[first : first + len(units)] = (
            np.count_nonzero(reached, axis=1) if weighted > 1 else reached.sum(axis=1)
        )
    return found


def _mask(made: Operator) -> Operator:
    """The operator with 1 for each weight that is not zero."""
    if isinstance(made, Dense):
        return Dense((made.weight != 0).astype(np.float64))
    if isinstance(made, Conv2d):
        kernel = (made.weight != 0).astype(np.float64)
        return Conv2d(kernel, None, made.input_shape, made.stride, made.padding, made.dilation, made.groups)
    if isinstance(made, Scale):
        return Scale((made.factor != 0).astype(np.float64))
    return made


def activity(verification: Verification | None) -> dict[str, GroupActivity]:
    """What every group did for a sample in simulation; empty where nothing was counted."""
    if verification is None or not verification.activity_cycles:
        return {}
    cycles, samples = verification.activity_cycles, verification.activity_samples
    return {
        name: GroupActivity(
            busy_share=found.busy_cycles / cycles,
            busy_cycles=found.busy_cycles / samples,
            synapse_reads=found.synapse_reads / samples,
            state_reads=found.state_reads / samples,
            state_writes=found.state_writes / samples,
        )
        for name, found in verification.groups.items()
    }
