"""From the analog network and its device to circuits: levels become siemens, decays become resistors."""

from collections.abc import Callable

import numpy as np

from qsnn_hw.targets.analog.conductance import Cells, programmed
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogGroup, AnalogNetwork, Tile
from qsnn_hw.targets.analog.spice.circuit import GroupCircuit, NeuronCircuit, StepTiming, TileCircuit

# A decay to 0: within the leak phase the potential falls by this many time constants.
_MOST_TIME_CONSTANTS = 40.0


def timing_of(device: Device) -> StepTiming:
    """The phases of a step."""
    phases = (device.read_s, device.transfer_s, device.compare_s, device.reset_s, device.leak_s)
    return StepTiming(*phases, read_volts=device.read_v)


def leak_of(decay: np.ndarray, capacitor: float, leak_s: float) -> np.ndarray:
    """S, shape (n,): what makes the potential keep ``decay`` of itself in the leak phase."""
    with np.errstate(divide="ignore"):
        constants = np.minimum(-np.log(decay), _MOST_TIME_CONSTANTS)
    made: np.ndarray = np.abs(constants) * capacitor / leak_s
    return made


def neuron_of(group: AnalogGroup, device: Device) -> NeuronCircuit:
    """The neurons of a group as they are drawn: no offset, no noise."""
    current = None
    if group.current_decay is not None:
        current = leak_of(group.current_decay, group.capacitor, device.leak_s)
    threshold = np.full(group.size, np.inf) if group.readout else group.threshold
    return NeuronCircuit(
        capacitor=group.capacitor,
        leak=leak_of(group.decay, group.capacitor, device.leak_s),
        threshold=threshold,
        reset=group.reset,
        reset_delay=group.reset_delay,
        reset_amount=group.reset_amount,
        reset_to=group.reset_to,
        bias=group.bias,
        start=group.start,
        swing=device.swing_v,
        leakage=device.leakage_now,
        refractory=group.refractory,
        current_leak=current,
        current_bias=group.current_bias,
    )


def group_circuit(
    network: AnalogNetwork,
    device: Device,
    name: str,
    cells: Callable[[Tile], Cells] | None = None,
) -> GroupCircuit:
    """The circuit of a group.

    Parameters
    ----------
    cells
        Tile -> conductances of its plus and minus cells, S; None for the device's levels.
    """
    cells = cells or (lambda tile: programmed(tile, device))
    tiles = []
    for projection in network.into(name):
        own = projection.source == name and network.recurrent(projection)
        for tile in network.tiles_of(projection.name):
            plus, minus = (np.asarray(each, float).reshape(tile.plus.shape) for each in cells(tile))
            tiles.append(
                TileCircuit(
                    name=tile.name,
                    source=projection.source,
                    addresses=np.arange(tile.first_row, tile.first_row + tile.rows),
                    first_neuron=tile.first_neuron,
                    plus=plus,
                    minus=minus,
                    delay=projection.delay + (network.recurrent(projection) and not own),
                    own=own,
                )
            )
    return GroupCircuit(
        name, tuple(tiles), device.wire_ohm, neuron_of(network.group(name), device), timing_of(device)
    )
