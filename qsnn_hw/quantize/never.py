"""Neurons that no input can make fire, in the float network: integers need not do better."""

import numpy as np

from qsnn_hw.model.network import Network, NeuronGroup
from qsnn_hw.quantize.leak import Reach
from qsnn_hw.quantize.operators import drive_of, extreme_sums

# An integrator reaches any threshold in the end; what takes it longer than this is never.
_LONGEST = 1e-6


def heights_in_float(
    network: Network, group: NeuronGroup, gain: np.ndarray, most: dict[str, np.ndarray | int]
) -> np.ndarray:
    """How high the strongest input can take each neuron, in units of its threshold, float64 of shape (n,).

    Parameters
    ----------
    gain
        Of the inputs, shape (n,), that of a synaptic current included.
    most
        The most spikes of each source's addresses in one step.
    """
    assert group.threshold is not None
    strongest, drive = np.zeros(group.size), np.zeros(group.size)
    for p in network.into(group.name):
        size = network.source_size(p.source)
        low, high = extreme_sums(p.operators, size, most[p.source])
        strongest += np.maximum(gain * low, gain * high)
        drive += gain * drive_of(p.operators, size)
    current = group.current_decay is not None
    bias = np.asarray(group.leak, dtype=np.float64) + (0.0 if current else drive)
    reach = Reach(strongest, bias, drive if current else None, group.threshold)
    decays = [None if d is None else np.minimum(d, 1 - _LONGEST) for d in (group.decay, group.current_decay)]
    assert decays[0] is not None
    return reach.heights(decays[0], decays[1])
