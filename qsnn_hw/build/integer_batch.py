"""Integers on a batch of samples: by the golden model, or through PyTorch and compared with it first."""

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from qsnn_hw.explore.integers.calibrate import RunIntegers, by_golden
from qsnn_hw.golden import GoldenRun, run_clocked
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.support.choices import DeviceName
from qsnn_hw.support.progress import Progress

if TYPE_CHECKING:
    import torch


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
        PyTorch or the device is not there, the input is none of the network's, or the device that was asked
        for cannot run this network; of "auto" the golden model then does.
    MismatchError
        The device differs from the golden model.
    """
    if device is None:
        with progress.task("golden model") as task:
            return run_clocked(network, inputs, record=record, on_progress=task.update)
    from qsnn_hw.targets.gpu.device import find_device

    found, described = find_device(device)
    from qsnn_hw.targets.gpu.sums import BeyondDeviceError

    try:
        return _by_device(network, inputs, record, found, described, progress)
    except BeyondDeviceError as error:
        if device != "auto":
            raise
        progress.say(f"{found.type} does not run this network ({error}): the golden model does")
    return run_integers(network, inputs, record, None, progress)


def _by_device(
    network: QuantizedNetwork,
    inputs: np.ndarray,
    record: Collection[str],
    found: "torch.device",
    described: str,
    progress: Progress,
) -> GoldenRun:
    """As :func:`run_integers`, on the device ``found``."""
    from qsnn_hw.targets.gpu.engine import BatchNetwork
    from qsnn_hw.targets.gpu.exactness import COMPARED, compare_with_golden

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


def runner(device: DeviceName | None) -> RunIntegers:
    """What runs the many integers of a search: the golden model, or the device; the same answers.

    Each network is compared with the golden model on the first samples before the device is believed. One
    whose sums are past the device's exact arithmetic runs in the golden model.

    Raises
    ------
    UserError
        PyTorch or the device is not there.
    """
    if device is None:
        return by_golden
    from qsnn_hw.targets.gpu.device import find_device

    found, _ = find_device(device)
    from qsnn_hw.targets.gpu.engine import BatchNetwork
    from qsnn_hw.targets.gpu.exactness import COMPARED, compare_with_golden
    from qsnn_hw.targets.gpu.sums import BeyondDeviceError

    def run(quantized: QuantizedNetwork, inputs: np.ndarray, record: Collection[str]) -> GoldenRun:
        try:
            batch = BatchNetwork(quantized, found)
        except BeyondDeviceError:
            return by_golden(quantized, inputs, record)
        compare_with_golden(batch, inputs[:, :COMPARED])
        return batch.run(inputs, record=record)

    return run
