"""How long a design takes for some traffic."""

from collections.abc import Hashable

import numpy as np

from qsnn_hw.cost.cycles import FOLLOWED_WORDS, predict_cycles
from qsnn_hw.cost.design_words import DesignWords, design_words
from qsnn_hw.cost.sweep_masks import Mask, masks
from qsnn_hw.cost.traffic import Traffic
from qsnn_hw.cost.word_network import WordNetwork
from qsnn_hw.cost.word_timing import Walk
from qsnn_hw.model.network import INPUT
from qsnn_hw.plan.hardware_plan import HardwarePlan


class TrafficCycles:
    """Cycles of one design after another; what depends on few of a plan's numbers is worked out once.

    Parameters
    ----------
    traffic
        The events.
    """

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._masks: dict[Hashable, list[list[Mask]]] = {}
        self._walks: dict[Hashable, list[Walk | None]] = {}
        self._words: dict[Hashable, DesignWords] = {}

    def mean(self, plan: HardwarePlan) -> float:
        """Mean cycles of a sample; of a time step where the traffic is assumed."""
        steps, samples = self._traffic.shape
        network = WordNetwork(plan, self._walks)
        total = 0.0
        for sample in range(samples):
            network.load({group.name: self._masks_of(plan, group.name, sample) for group in plan.groups})
            cycles, ticks = network.run(self._sent(plan, sample)), network.ticks
            pace = (ticks[-1] - ticks[0]) / (len(ticks) - 1) if len(ticks) > 1 else cycles
            if not self._traffic.measured:
                total += pace
            else:
                total += cycles + (self._traffic.steps - steps) * pace
        return total / samples

    def whole(self, plan: HardwarePlan) -> float | None:
        """Mean cycles of more samples, as ``predict_cycles`` has them; None where that takes too long."""
        events = self._traffic.all_events
        spikes = {group.group: events[group.group] for group in plan.groups}
        pixels = self._traffic.all_pixels
        predicted = predict_cycles(plan, events[INPUT], spikes, pixels=pixels, effort=FOLLOWED_WORDS)
        return float(np.mean(predicted)) if predicted.size else None

    def _masks_of(self, plan: HardwarePlan, name: str, sample: int) -> list[list[Mask]]:
        group = plan.group(name)
        key = group.group, group.lanes, group.update_lanes, group.output_lanes, sample
        if key not in self._masks:
            self._masks[key] = masks(group, self._traffic.events[group.group][:, sample])
        return self._masks[key]

    def _sent(self, plan: HardwarePlan, sample: int) -> DesignWords:
        key = plan.input_lanes, sample
        if key not in self._words:
            pixels = self._traffic.pixels
            events = self._traffic.events[INPUT][:, sample]
            self._words[key] = design_words(plan, events, None if pixels is None else pixels[sample])
        return self._words[key]
