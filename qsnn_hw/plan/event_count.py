"""How many events an address can have in one time step."""

from qsnn_hw.model.network import INPUT
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork


def max_count(group: QuantizedGroup) -> int:
    """The most spikes of one neuron in one step, from the width of the potential."""
    if group.readout:
        return 0
    if not group.multi_spike:
        return 1
    high = (1 << (group.v_bits - 1)) - 1 if group.v_high is None else group.v_high
    return int(min(group.max_spikes, max(1, high // int(group.reset_amount.min()))))


def most_of(network: QuantizedNetwork, source: str) -> int:
    """The most events of one address of ``source`` in one step."""
    return network.input_max if source == INPUT else max_count(network.group(source))
