"""The words that a design is to be quick for: some steps of a few samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qsnn_hw.model.network import INPUT
from qsnn_hw.quantize.network import QuantizedNetwork

# Words to follow for one estimate, at a few microseconds each, and samples at most.
_WORDS = 6000
_SAMPLES = 4
# The least stretch of a sample, from its first to its last steps.
_STRETCH = 4
# Without data: the share of a source's addresses that have an event in a step.
_ACTIVITY = 0.1
_ASSUMED_STEPS = 8


@dataclass(frozen=True, eq=False)
class Traffic:
    """Events of the input and of every group.

    Parameters
    ----------
    events
        ``INPUT`` and group names -> how many of every address in the network's order, uint8, shape
        (time, sample, address).
    steps
        Of a whole sample; ``events`` may hold a stretch of it.
    measured
        Counted in the golden model's run, not assumed.
    all_events
        Those of all samples.
    pixels, all_pixels
        What an encoder made the input's events of, uint8, shape (sample, input): of the samples in
        ``events``, and of all; None without.
    """

    events: Mapping[str, np.ndarray]
    steps: int
    measured: bool
    all_events: Mapping[str, np.ndarray]
    pixels: np.ndarray | None = None
    all_pixels: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(steps, samples) that there are events of."""
        steps, samples = self.events[INPUT].shape[:2]
        return steps, samples

    @cached_property
    def words(self) -> int:
        """Events and ticks, about as many words."""
        steps, samples = self.shape
        events = sum(int(masks.sum(dtype=np.int64)) for masks in self.events.values())
        return events + steps * samples * len(self.events)

    @classmethod
    def counted(
        cls,
        inputs: np.ndarray,
        spikes: Mapping[str, np.ndarray],
        words: int = _WORDS,
        *,
        pixels: np.ndarray | None = None,
    ) -> "Traffic":
        """The samples, or of large ones the steps, that are nearest to the mean of all.

        Parameters
        ----------
        inputs
            Events of every input, shape (time, sample, ...).
        spikes
            Group name -> spikes, shape (time, sample, neuron).
        words
            Events to keep, about.
        pixels
            With an encoder: what it made ``inputs`` of, shape (sample, ...).
        """
        whole = {INPUT: inputs.reshape(*inputs.shape[:2], -1), **spikes}
        steps = inputs.shape[0]
        each = np.array([events.sum(axis=2, dtype=np.int64) for events in whole.values()])
        per_sample = each.sum(axis=1)
        sizes = per_sample.sum(axis=0) + steps * len(whole)
        # One by one, whichever brings the mean of those kept nearest to the mean of all.
        middle, picked, total = per_sample.mean(axis=1), list[int](), np.zeros(len(whole))
        for count in range(1, min(_SAMPLES, inputs.shape[1]) + 1):
            distance = _distance((total[:, np.newaxis] + per_sample) / count, middle)
            distance[picked] = np.inf
            nearest = int(np.argmin(distance))
            if picked and sizes[[*picked, nearest]].sum() > words:
                break
            picked.append(nearest)
            total = total + per_sample[:, nearest]
        positions = np.sort(picked)
        first, length = 0, steps
        if sizes[positions[0]] > words and steps > _STRETCH:
            length = min(steps, max(_STRETCH, int(words * steps / sizes[positions[0]])))
            # Of this sample's stretches the one nearest to the mean step.
            sums = np.cumsum(np.pad(each[:, :, positions[0]], [(0, 0), (1, 0)]), axis=1)
            stretches = (sums[:, length:] - sums[:, :-length]) / length
            first = int(np.argmin(_distance(stretches, each.mean(axis=(1, 2)))))
        cut = {name: events[first : first + length, positions] for name, events in whole.items()}
        if pixels is None:
            return cls(cut, steps, True, whole)
        lit = pixels.reshape(len(pixels), -1)
        return cls(cut, steps, True, whole, lit[positions], lit)

    @classmethod
    def assumed(cls, network: QuantizedNetwork) -> "Traffic":
        """One address in ten with an event in every step, more of those that may have several."""
        rng = np.random.default_rng(0)
        events = {}
        for name in (INPUT, *(group.name for group in network.groups)):
            size, most = network.source_size(name), network.most_events(name)
            drawn = np.zeros((_ASSUMED_STEPS, 1, size), dtype=np.uint8)
            for row in drawn[:, 0]:
                for _ in range(max(1, round(most**0.5)) if most else 0):
                    row[rng.choice(size, max(1, round(size * _ACTIVITY)), replace=False)] += 1
            events[name] = np.minimum(drawn, most)
        return cls(events, _ASSUMED_STEPS, False, events)


def _distance(counts: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """How far each column of ``counts``, shape (source, n), is from ``middle``, source by source."""
    apart = np.abs(counts - middle[:, np.newaxis]) / np.maximum(middle, 1)[:, np.newaxis]
    distance: np.ndarray = apart.sum(axis=0)
    return distance
