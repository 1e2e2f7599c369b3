"""What the traffic asks of a group's shape: cycles of a time step, taken by itself.

Means, for a search to begin with; what becomes of them in a whole design,
``explore/designs/balance.py`` finds out by following words.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np

from qsnn_hw.cost.traffic import Traffic
from qsnn_hw.explore.designs.offers import MOST_EVENT_LANES
from qsnn_hw.model.network import INPUT
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.grid import GridProjection, grid_projection
from qsnn_hw.plan.shape import Shape
from qsnn_hw.plan.slots import Slots
from qsnn_hw.quantize.network import QuantizedNetwork, QuantizedProjection

# Cycles of a sweep that are not update rows.
_SWEEP_OVERHEAD = 8


class Demand:
    """What the traffic asks of shapes: mean cycles of a time step.

    Parameters
    ----------
    network, spaces
        The network and its address spaces.
    traffic
        The events.
    """

    def __init__(
        self, network: QuantizedNetwork, spaces: Mapping[str, AddressSpace], traffic: Traffic
    ) -> None:
        self._network, self._spaces, self._traffic = network, spaces, traffic
        self._known: dict[tuple[str, Shape | None, Shape], float] = {}
        self._filled = cache(self._filled_words)
        self._swept: dict[tuple[str, int, int], tuple[float, float]] = {}
        self._grids: dict[str, GridProjection | None] = {
            p.name: grid_projection(p.all_operators) if spaces[p.source].grid else None
            for p in network.projections
        }

    def sweep(self, name: str, shape: Shape) -> tuple[float, float]:
        """Cycles of a sweep whose words, of one event each, leave at once, and the share it waits for.

        A sweep ends when the words of its last row with spikes are in the encoder, not when they have left.
        """
        key = name, shape.lanes, shape.update_lanes
        if key not in self._swept:
            counts = self._by_row(name, shape.lanes, shape.update_lanes)
            at = left = before = waited = np.zeros(len(counts))
            for count in counts.T:
                some = count > 0
                at = np.where(some, np.maximum(at + 1, left), at + 1)
                left, waited = np.where(some, at + count, left), np.where(some, before, waited)
                before = before + count
            share = float(waited.sum() / max(1, counts.sum()))
            self._swept[key] = float(at.mean()) + _SWEEP_OVERHEAD, share
        return self._swept[key]

    def operations(self, projection: QuantizedProjection, source: Shape | None, target: Shape) -> float:
        """Synapse operations; without ``source`` that of an input, or of one that sends events one by one."""
        key = projection.name, source, target
        if key not in self._known:
            self._known[key] = self._operations(projection, source, target)
        return self._known[key]

    def _operations(self, projection: QuantizedProjection, source: Shape | None, target: Shape) -> float:
        grid, name = self._grids[projection.name], projection.source
        slots = Slots(self._spaces[projection.target], target.lanes)
        if grid is None:
            return self._words(name, source, target.event_lanes) * slots.folds
        reach = np.array([len(r) for r in grid.rows])[:, np.newaxis] * [len(c) for c in grid.columns]
        events = self._traffic.events[name].mean(axis=(0, 1)).reshape(grid.source)
        return float((events * reach).sum()) * (slots.folds if grid.dense else slots.channel_folds)

    def least_operations(self, projection: QuantizedProjection, target: Shape) -> float:
        """The same with a source that fills its words as well as it can."""
        size, name = self._spaces[projection.source].neurons, projection.source
        most = MOST_EVENT_LANES
        wide = None if name == INPUT else Shape(-(-size // most) * most, most)
        return self.operations(projection, wide, target)

    def _words(self, name: str, source: Shape | None, event_lanes: int) -> float:
        """Words of ``event_lanes`` events that arrive in a step."""
        if event_lanes > 1 and name == INPUT:
            words = -(-self._spaces[name].neurons // event_lanes)
            return self._filled(name, words * event_lanes, event_lanes)
        wide = 1 if source is None else min(event_lanes, source.update_lanes & -source.update_lanes)
        if wide == event_lanes > 1 and source is not None:
            return self._filled(name, source.update_lanes, event_lanes)
        # One by one, also where the source sends fewer of them in a word.
        return float(self._traffic.events[name].sum(axis=2, dtype=np.int64).mean())

    def _by_row(self, name: str, lanes: int, update: int) -> np.ndarray:
        """Events of every update row, shape (step and sample, row)."""
        events = self._flat(name)
        neurons = Slots(self._spaces[name], lanes).neuron_of_slot()
        by_slot = np.where(neurons >= 0, events[:, np.maximum(neurons, 0)], 0)
        by_row: np.ndarray = by_slot.reshape(len(events), -1, update).sum(axis=2)
        return by_row

    def _flat(self, name: str) -> np.ndarray:
        """Events of a source, shape (step and sample, address)."""
        events = self._traffic.events[name]
        return events.reshape(-1, events.shape[2]).astype(np.int64)

    def _filled_words(self, name: str, width: int, event_lanes: int) -> float:
        """Words of a step that hold events of the same ``width`` addresses, one of each residue."""
        events = self._flat(name)
        events = np.pad(events, [(0, 0), (0, -events.shape[1] % width)])
        each = events.reshape(len(events), -1, width // event_lanes, event_lanes).sum(axis=2).max(axis=2)
        return float(each.sum(axis=1).mean())
