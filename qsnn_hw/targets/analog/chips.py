"""Monte-Carlo: many chips of one network, what they answer, and what each effect and each remedy is worth.

All figures of a run are of the same chips: chip k has the same stuck cells, programming errors and offsets
in every row (``chip.py``), so that a difference between rows is not one between chips.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.support.choices import REMEDIES, Remedy
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.targets.analog.agreement import block_of, ideal_run, read_answers
from qsnn_hw.targets.analog.calibrate import patterns, trimmed
from qsnn_hw.targets.analog.chip import Draw, draw_cells, draw_neurons
from qsnn_hw.targets.analog.chips_record import Chips, Cost, Gain
from qsnn_hw.targets.analog.conductance import projections
from qsnn_hw.targets.analog.device import EFFECTS, Device
from qsnn_hw.targets.analog.ir_drop import attenuations
from qsnn_hw.targets.analog.mapping import map_network, meant_drives
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.reference import Neurons, drives_of, run_analog

MOST_CHIPS = 20
"""Of the rows that say what one effect or one remedy does; and of samples there:"""
MOST_SAMPLES = 1000

SIDE_BY_SIDE = 4
"""Chips that run at once."""


@dataclass(frozen=True, eq=False)
class Bench:
    """What a Monte-Carlo is of.

    Parameters
    ----------
    integers
        The network, mapped anew for each set of remedies.
    tile, peaks
        As :func:`~qsnn_hw.targets.analog.mapping.map_network` takes them.
    shown
        Samples whose spikes are the calibration's patterns, (time, sample, address).
    """

    integers: QuantizedNetwork
    tile: tuple[int, int]
    peaks: dict[str, float]
    device: Device
    golden: GoldenResult
    data: Dataset
    shown: np.ndarray
    seed: int

    def mapped(self, remedies: Sequence[Remedy]) -> AnalogNetwork:
        """The network on the device's cells."""
        return map_network(
            self.integers,
            self.device,
            self.tile,
            aware="levels" in remedies,
            copies=2 if "redundancy" in remedies else 1,
            peaks=self.peaks,
        )

    def right(
        self,
        device: Device,
        remedies: Sequence[Remedy],
        chips: int,
        samples: int,
        tick: Callable[[int], None] = lambda done: None,
    ) -> np.ndarray:
        """Share of the first samples that each chip answers as the label (or golden) says, float64,
        (chips,)."""
        network = self.mapped(remedies)
        inputs = self.data.input.reshape(*self.data.input.shape[:2], -1)[:, :samples]
        truth = self.golden.answers if self.data.label is None else self.data.label
        wires = attenuations(network, device)
        meant, shown = {}, None
        if "calibrate" in remedies:
            meant = meant_drives(self.integers, network)
            shown = patterns(network, self.shown, ideal_run(network, device, self.shown))
        score = np.empty(chips)
        for first in range(0, chips, SIDE_BY_SIDE):
            some = range(first, min(first + SIDE_BY_SIDE, chips))
            drives, neurons = [], []
            for chip in some:
                draw = Draw(self.seed, chip)
                cells = draw_cells(network, device, draw, "remap" in remedies, wires)
                own = drives_of(network, device, projections(network, lambda tile, c=cells: c[tile.name]))  # type: ignore[misc]
                made = {group.name: draw_neurons(group, device, draw) for group in network.groups}
                if shown is not None:
                    made = trimmed(network, device, meant, own, made, shown)
                drives.append(own)
                neurons.append(made)
            together = {
                p.name: np.concatenate([own[p.name] for own in drives]).astype(np.float32)
                for p in network.projections
            }
            stacked = {
                group.name: Neurons.stacked([made[group.name] for made in neurons])
                for group in network.groups
            }
            answered = self._answered(network, device, together, stacked, inputs, first)
            score[first : first + len(some)] = (answered == truth[:samples]).mean(axis=1)
            tick(len(some))
        return score

    def _answered(
        self,
        network: AnalogNetwork,
        device: Device,
        drives: dict[str, np.ndarray],
        neurons: dict[str, Neurons],
        inputs: np.ndarray,
        first: int,
    ) -> np.ndarray:
        """(chips, samples) of some chips, block by block."""
        samples, chips = inputs.shape[1], max(len(drive) for drive in drives.values())
        block = block_of(network, len(inputs), chips, 4)
        parts = []
        for start in range(0, samples, block):
            run = run_analog(
                network,
                device,
                drives,
                neurons,
                inputs[:, start : start + block],
                record=(network.output,) if self.golden.readout == "membrane" else (),
                rng=np.random.default_rng([self.seed, first, start]),
                dtype=np.float32,
            )
            parts.append(read_answers(network, device, self.golden.readout, run, neurons[network.output]))
        return np.concatenate(parts, axis=1)


def _rows(
    bench: Bench, remedies: Sequence[Remedy], chips: int
) -> Iterator[tuple[str, Device, Sequence[Remedy], int, int]]:
    """Every row of the Monte-Carlo: its key, device, remedies, chips and samples."""
    samples, device = bench.data.samples, bench.device
    few, some = min(chips, MOST_CHIPS), min(samples, MOST_SAMPLES)
    yield "ideal", device.ideal(), remedies, 1, samples
    yield "on", device, remedies, chips, samples
    yield "off", device, (), chips, samples
    yield "ideal, few", device.ideal(), (), 1, some
    for effect in EFFECTS:
        if device.has(effect):
            yield f"effect {effect}", device.only(effect), (), few, some
    yield "none", device, (), few, some
    for remedy in REMEDIES:
        yield f"remedy {remedy}", device, (remedy,), few, some


def monte_carlo(
    bench: Bench, remedies: Sequence[Remedy], chips: int, calibrated_on: str, progress: Progress = SILENT
) -> Chips:
    """Chips with and without remedies, each effect alone, and each remedy alone.

    Parameters
    ----------
    calibrated_on
        Which spikes calibration saw, in words.
    """
    rows = list(_rows(bench, remedies, chips))
    total = sum(row[3] for row in rows)
    done = 0
    scores: dict[str, np.ndarray] = {}
    with progress.task(f"Monte-Carlo, {chips} chips") as task:

        def tick(more: int) -> None:
            nonlocal done
            done += more
            task.update(done, total)

        for key, device, with_them, count, samples in rows:
            if key == "none" and samples == bench.data.samples:
                # The same device and samples without remedies: the first of the chips that were run.
                scores[key] = scores["off"][:count]
                tick(count)
            else:
                scores[key] = bench.right(device, with_them, count, samples, tick)
    samples, some = bench.data.samples, min(bench.data.samples, MOST_SAMPLES)
    truth = bench.golden.answers if bench.data.label is None else bench.data.label
    golden = float(np.mean(bench.golden.answers == truth))
    few = float(np.mean(bench.golden.answers[:some] == truth[:some]))
    ideal = float(scores["ideal, few"][0])
    costs = [Cost("levels", 1, some, 100 * (few - ideal), 0.0, 100 * (few - ideal))]
    for effect in EFFECTS:
        if f"effect {effect}" in scores:
            lost = 100 * (ideal - scores[f"effect {effect}"])
            costs.append(Cost(effect, len(lost), some, _mean(lost), _spread(lost), float(lost.max())))
    none = scores["none"]
    gains = []
    for remedy in REMEDIES:
        gained = 100 * (scores[f"remedy {remedy}"] - none)
        gains.append(
            Gain(
                remedy,
                remedy in remedies,
                len(gained),
                some,
                _mean(gained),
                _spread(gained) / len(gained) ** 0.5,
            )
        )
    return Chips(
        chips=chips,
        samples=samples,
        labelled=bench.data.label is not None,
        seed=bench.seed,
        golden=golden,
        ideal=float(scores["ideal"][0]),
        remedies=tuple(remedies),
        calibrated_on=calibrated_on,
        on=tuple(float(value) for value in scores["on"]),
        off=tuple(float(value) for value in scores["off"]),
        costs=tuple(costs),
        gains=tuple(gains),
    )


def _mean(values: np.ndarray) -> float:
    return float(values.mean())


def _spread(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if values.size > 1 else 0.0


def at_sigma(bench: Bench, sigma: float) -> Bench:
    """The same with another programming error."""
    return replace(bench, device=replace(bench.device, sigma=sigma))
