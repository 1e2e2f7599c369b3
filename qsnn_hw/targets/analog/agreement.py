"""The analog reference model beside the integer golden model on the same samples: nothing hidden.

The chip here is the ideal one: every cell at its level, no wires, no offset, no noise. What still differs is
what an analog neuron does otherwise: its leak is not rounded, and its weights are those that the levels
allow. The two are told apart: the same circuit is run once more with every weight as the integers have it.

A spike that comes a step sooner or later is two places that differ, one without its spike and one with a
spike too many. So those pairs are counted, and the spikes that one model has more of in a whole sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.readouts import answers
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.analog.conductance import programmed, projections
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.mapping import meant_drives
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.reference import AnalogRun, Neurons, drives_of, run_analog

BLOCK_BYTES = 128 << 20
"""Samples run in blocks whose largest array stays below this."""


@dataclass(frozen=True)
class GroupAgreement:
    """One group, over all samples, steps and neurons.

    Parameters
    ----------
    neurons
        Of the group; ``compared`` is their number times samples and steps.
    golden_spikes, analog_spikes
        How many each model has; 0 of a readout group.
    differ
        Places where one has a spike and the other has none.
    moved
        Spikes that are the golden model's a step sooner or later: two of ``differ`` each.
    counted
        Sum over samples and neurons of how far apart the numbers of spikes of a whole sample are.
    exact_differ
        ``differ`` where every weight is the integer and not what the levels make of it: what is left is of
        the neuron's arithmetic, which does not round.
    railed
        Potentials that met the rails of the analog neuron.
    """

    name: str
    neurons: int
    compared: int
    golden_spikes: int
    analog_spikes: int
    differ: int
    moved: int
    counted: int
    exact_differ: int
    railed: int


@dataclass(frozen=True)
class Agreement(StoredRecord, form="analog agreement 2", again="run the build again"):
    """Over all samples.

    Parameters
    ----------
    samples
        How many.
    same_answers
        How many of them both models answer alike.
    golden_right, analog_right
        How many are right; None without labels.
    rounded
        Share of the weights, 0 to 1, that the device's levels do not hold as the integers have them.
    """

    samples: int
    same_answers: int
    golden_right: int | None
    analog_right: int | None
    rounded: float
    groups: tuple[GroupAgreement, ...]

    @property
    def differ(self) -> int:
        """Spikes that differ, in all groups."""
        return sum(group.differ for group in self.groups)

    @property
    def exact_differ(self) -> int:
        """The same with every weight as the integers have it."""
        return sum(group.exact_differ for group in self.groups)

    @property
    def moved(self) -> int:
        """Spikes a step sooner or later, in all groups."""
        return sum(group.moved for group in self.groups)

    @property
    def counted(self) -> int:
        """By how much spikes of whole samples are too many or too few, in all groups."""
        return sum(group.counted for group in self.groups)

    @property
    def golden_spikes(self) -> int:
        """Spikes of the golden model, in all groups."""
        return sum(group.golden_spikes for group in self.groups)


def block_of(network: AnalogNetwork, steps: int, chips: int = 1, itemsize: int = 8) -> int:
    """How many samples run at a time."""
    widest = max(network.input_size, *(group.size for group in network.groups))
    return max(1, BLOCK_BYTES // (steps * widest * itemsize * chips))


def read_answers(
    network: AnalogNetwork,
    device: Device,
    readout: ReadoutKind,
    run: AnalogRun,
    neurons: Neurons | None = None,
) -> np.ndarray:
    """What each chip answers, int64 of shape (chips, samples).

    Parameters
    ----------
    neurons
        Of the output group, which say how its potentials are read; None reads them as they are.
    """
    group = network.group(network.output)
    if readout == "membrane":
        volts = run.potentials[group.name]
        volts = volts if neurons is None else neurons.read(volts, device)
        out = [group.real(one) for one in volts]
    else:
        out = list(run.spikes[group.name])
    return np.stack([answers(readout, one) for one in out])


def ideal_drives(network: AnalogNetwork, ideal: Device) -> dict[str, np.ndarray]:
    """Volts a spike of every projection, cells at their levels; ``ideal`` is the device without effects."""
    return drives_of(network, ideal, projections(network, lambda tile: programmed(tile, ideal)))


def ideal_run(
    network: AnalogNetwork, device: Device, inputs: np.ndarray, record: tuple[str, ...] = ()
) -> AnalogRun:
    """The reference model of the ideal chip, float64; ``inputs`` (time, sample, address) of 0 and 1."""
    ideal = device.ideal()
    return _ideal(network, ideal, ideal_drives(network, ideal), inputs, record)


def _ideal(
    network: AnalogNetwork,
    ideal: Device,
    drives: Mapping[str, np.ndarray],
    inputs: np.ndarray,
    record: tuple[str, ...],
) -> AnalogRun:
    neurons = {group.name: Neurons.nominal(group, ideal) for group in network.groups}
    return run_analog(network, ideal, drives, neurons, inputs, record=record, dtype=np.float64)


def moved_spikes(golden: np.ndarray, analog: np.ndarray) -> int:
    """Spikes of ``analog`` that are one of ``golden`` a step sooner or later, each taken once.

    Parameters
    ----------
    golden, analog
        0 and 1, the same shape, time first.
    """
    missing, extra = (golden != 0) & (analog == 0), (analog != 0) & (golden == 0)
    # Of the step before, those that have found no other yet.
    lone_missing, lone_extra = np.zeros(missing.shape[1:], bool), np.zeros(missing.shape[1:], bool)
    found = 0
    for gone, more in zip(missing, extra, strict=True):
        late, soon = more & lone_missing, gone & lone_extra
        found += int(np.count_nonzero(late)) + int(np.count_nonzero(soon))
        lone_missing, lone_extra = gone & ~soon, more & ~late
    return found


def rounded_weights(meant: Mapping[str, np.ndarray], made: Mapping[str, np.ndarray]) -> float:
    """Share of the weights of all projections that are another value on the cells than in the integers."""
    off = sum(int(np.count_nonzero(~np.isclose(made[p], meant[p], rtol=1e-6, atol=0))) for p in meant)
    return off / max(1, sum(drive.size for drive in meant.values()))


def compare(
    network: AnalogNetwork,
    device: Device,
    data: Dataset,
    golden: GoldenResult,
    integers: QuantizedNetwork,
    progress: Progress = SILENT,
) -> Agreement:
    """Run every sample through the reference model, and compare with the golden model's spikes."""
    inputs = data.input.reshape(*data.input.shape[:2], -1)
    ideal = device.ideal()
    meant, made = meant_drives(integers, network), ideal_drives(network, ideal)
    rounded = rounded_weights(meant, made)
    names = [group.name for group in network.groups]
    sums = {name: np.zeros(7, np.int64) for name in names}
    answered = np.empty(data.samples, np.int64)
    block = block_of(network, data.steps)
    with progress.task(f"analog reference model, {data.samples} samples") as task:
        for start in range(0, data.samples, block):
            part = slice(start, min(start + block, data.samples))
            run = _ideal(network, ideal, made, inputs[:, part], (network.output,))
            # Where levels hold every weight the second run would be the first.
            exact = _ideal(network, ideal, meant, inputs[:, part], ()) if rounded else run
            answered[part] = read_answers(network, device, golden.readout, run)[0]
            for name in names:
                analog, whole = run.spikes[name][0], golden.integer.spikes[name][:, part]
                counts = (each.sum(axis=0, dtype=np.int64) for each in (analog, whole))
                sums[name] += (
                    int(whole.sum(dtype=np.int64)),
                    int(analog.sum(dtype=np.int64)),
                    int(np.count_nonzero(analog != whole)),
                    moved_spikes(whole, analog),
                    int(np.abs(np.subtract(*counts)).sum()),
                    int(np.count_nonzero(exact.spikes[name][0] != whole)),
                    run.railed[name],
                )
            task.update(part.stop, data.samples)
    label = data.label
    return Agreement(
        samples=data.samples,
        same_answers=int(np.count_nonzero(answered == golden.answers)),
        golden_right=None if label is None else int(np.count_nonzero(golden.answers == label)),
        analog_right=None if label is None else int(np.count_nonzero(answered == label)),
        rounded=rounded,
        groups=tuple(
            GroupAgreement(
                group.name,
                group.size,
                group.size * data.samples * data.steps,
                *(int(value) for value in sums[group.name]),
            )
            for group in network.groups
        ),
    )
