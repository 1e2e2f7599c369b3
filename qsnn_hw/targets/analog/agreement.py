"""The analog reference model beside the integer golden model on the same samples: nothing hidden.

The chip here is the ideal one: every cell at its level, no wires, no offset, no noise. What still differs is
what an analog neuron does otherwise: its leak is not rounded, and its weights are those that the levels
allow.
"""

from dataclasses import dataclass

import numpy as np

from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.readouts import answers
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.analog.conductance import programmed, projections
from qsnn_hw.targets.analog.device import Device
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
    railed
        Potentials that met the rails of the analog neuron.
    """

    name: str
    neurons: int
    compared: int
    golden_spikes: int
    analog_spikes: int
    differ: int
    railed: int


@dataclass(frozen=True)
class Agreement(StoredRecord, form="analog agreement 1", again="run the build again"):
    """Over all samples.

    Parameters
    ----------
    samples
        How many.
    same_answers
        How many of them both models answer alike.
    golden_right, analog_right
        How many are right; None without labels.
    """

    samples: int
    same_answers: int
    golden_right: int | None
    analog_right: int | None
    groups: tuple[GroupAgreement, ...]

    @property
    def differ(self) -> int:
        """Spikes that differ, in all groups."""
        return sum(group.differ for group in self.groups)

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


def ideal_run(
    network: AnalogNetwork, device: Device, inputs: np.ndarray, record: tuple[str, ...] = ()
) -> AnalogRun:
    """The reference model of the ideal chip, float64; ``inputs`` (time, sample, address) of 0 and 1."""
    ideal = device.ideal()
    cells = projections(network, lambda tile: programmed(tile, ideal))
    neurons = {group.name: Neurons.nominal(group, ideal) for group in network.groups}
    return run_analog(
        network, ideal, drives_of(network, ideal, cells), neurons, inputs, record=record, dtype=np.float64
    )


def compare(
    network: AnalogNetwork, device: Device, data: Dataset, golden: GoldenResult, progress: Progress = SILENT
) -> Agreement:
    """Run every sample through the reference model, and compare with the golden model's spikes."""
    inputs = data.input.reshape(*data.input.shape[:2], -1)
    names = [group.name for group in network.groups]
    sums = {name: np.zeros(4, np.int64) for name in names}
    answered = np.empty(data.samples, np.int64)
    block = block_of(network, data.steps)
    with progress.task(f"analog reference model, {data.samples} samples") as task:
        for start in range(0, data.samples, block):
            part = slice(start, min(start + block, data.samples))
            run = ideal_run(network, device, inputs[:, part], (network.output,))
            answered[part] = read_answers(network, device, golden.readout, run)[0]
            for name in names:
                analog, whole = run.spikes[name][0], golden.integer.spikes[name][:, part]
                sums[name] += (
                    int(whole.sum(dtype=np.int64)),
                    int(analog.sum(dtype=np.int64)),
                    int(np.count_nonzero(analog != whole)),
                    run.railed[name],
                )
            task.update(part.stop, data.samples)
    label = data.label
    return Agreement(
        samples=data.samples,
        same_answers=int(np.count_nonzero(answered == golden.answers)),
        golden_right=None if label is None else int(np.count_nonzero(golden.answers == label)),
        analog_right=None if label is None else int(np.count_nonzero(answered == label)),
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
