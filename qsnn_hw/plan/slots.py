"""Where the neurons of a group live: slots, folds and update rows."""

from dataclasses import dataclass, fields

import numpy as np

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.quantize.network import NeuronDynamics


@dataclass(frozen=True)
class Slots:
    """The arrangement of a group's neurons in ``lanes * folds`` slots.

    A flat group fills slots in the order of its neurons. A grid group puts all channels of one
    position side by side, padded to whole folds, positions row by row.

    Parameters
    ----------
    space
        Addresses of the group.
    lanes
        Accumulators, at most the channels (of a flat group, the neurons).
    """

    space: AddressSpace
    lanes: int

    @property
    def channel_folds(self) -> int:
        """Folds of one position."""
        return -(-self.space.shape[0] // self.lanes)

    @property
    def positions(self) -> int:
        """Height times width; 1 in a flat group."""
        return self.space.neurons // self.space.shape[0]

    @property
    def folds(self) -> int:
        """Folds of the whole group."""
        return self.channel_folds * self.positions

    def neuron_of_slot(self) -> np.ndarray:
        """int64, shape (lanes * folds,): the neuron of every slot in C order, -1 for padding."""
        channels = self.space.shape[0]
        width = self.channel_folds * self.lanes
        neurons = np.full((self.positions, width), -1, dtype=np.int64)
        position = np.arange(self.positions, dtype=np.int64)[:, np.newaxis]
        neurons[:, :channels] = np.arange(channels, dtype=np.int64) * self.positions + position
        return neurons.reshape(-1)

    def by_slot(self, values: np.ndarray, filler: int) -> np.ndarray:
        """A parameter of shape (neurons,) as int64 by slot."""
        neurons = self.neuron_of_slot()
        return np.where(neurons < 0, filler, np.asarray(values, dtype=np.int64)[np.maximum(neurons, 0)])

    def dynamics(self, group: NeuronDynamics) -> NeuronDynamics:
        """The constants of ``group``, every array of shape (neurons,) as int64 by slot.

        A slot without a neuron has those of the first neuron, so that what is equal stays equal; but no
        bias, no start, and a threshold above 0: its potential stays 0 and it never fires.
        """
        filler = {name: int(values[0]) for name, values in group.arrays.items()}
        filler |= {"bias": 0, "current_bias": 0, "start": 0, "threshold": max(1, filler["threshold"])}
        constants = {item.name: getattr(group, item.name) for item in fields(NeuronDynamics)}
        by_slot = {name: self.by_slot(values, filler[name]) for name, values in group.arrays.items()}
        return NeuronDynamics(**(constants | by_slot))
