"""Integers on a batch of samples: by the golden model, or through PyTorch and compared with it first."""

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from qsnn_hw.golden import GoldenRun, run_clocked
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.support.choices import DeviceName
from qsnn_hw.support.errors import MismatchError
from qsnn_hw.support.progress import Progress

if TYPE_CHECKING:
    from qsnn_hw.targets.gpu.engine import BatchNetwork

COMPARED = 16
"""Samples that a device must answer like the golden model before it runs all of them: enough to meet every
operation of a network, and few beside a batch worth a device."""


def run_integers(
    network: QuantizedNetwork,
    inputs: np.ndarray,
    record: Collection[str],
    device: DeviceName | None,
    progress: Progress,
) -> GoldenRun:
    """What the network does with ``inputs``, the same to the bit whatever runs it.

    Parameters
    ----------
    inputs, record
        As :func:`qsnn_hw.golden.run_clocked` takes them.
    device
        Of PyTorch; None for the golden model itself.
    progress
        Says which device, what it sums with and how many samples a second it ran.

    Raises
    ------
    UserError
        PyTorch or the device is not there, a sum of the network is past exact arithmetic, or the input is
        none of the network's.
    MismatchError
        The device differs from the golden model.
    """
    if device is None:
        with progress.task("golden model") as task:
            return run_clocked(network, inputs, record=record, on_progress=task.update)
    from qsnn_hw.targets.gpu.device import find_device

    found, described = find_device(device)
    from qsnn_hw.targets.gpu.engine import BatchNetwork

    batch = BatchNetwork(network, found)
    paths = ", ".join(sorted(set(batch.paths.values())))
    compare_with_golden(batch, inputs[:, :COMPARED])
    begin = time.perf_counter()
    with progress.task(f"integers on {found.type}") as task:
        run = batch.run(inputs, record=record, on_progress=task.update)
    seconds = time.perf_counter() - begin
    samples = inputs.shape[1]
    progress.say(
        f"{described}: {samples:,} samples in {seconds:.3g} s, {samples / seconds:,.0f} samples/s with "
        f"transfers; sums in {paths}; spikes and potentials of the first {min(COMPARED, samples)} equal to "
        "the golden model's"
    )
    return run


def compare_with_golden(batch: "BatchNetwork", inputs: np.ndarray) -> None:
    """MismatchError, with the first step, sample and neuron, where a spike or a potential differs."""
    names = [group.name for group in batch.network.groups]
    golden = run_clocked(batch.network, inputs, record=names)
    run = batch.run(inputs, record=names)
    for what, expected, found in (
        ("potential", golden.potentials, run.potentials),
        ("spikes", golden.spikes, run.spikes),
    ):
        for name in names:
            wrong = np.argwhere(expected[name] != found[name])
            if len(wrong):
                step, sample, neuron = (int(k) for k in wrong[0])
                at = (step, sample, neuron)
                raise MismatchError(
                    f"{batch.device}: {what} of group {name!r} differs first in sample {sample}, "
                    f"step {step}, neuron {neuron}: {found[name][at]}, the golden model has "
                    f"{expected[name][at]}"
                )
