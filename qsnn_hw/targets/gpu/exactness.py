"""Whether a device answers as the golden model does, to the bit."""

import numpy as np

from qsnn_hw.golden import run_clocked
from qsnn_hw.support.errors import MismatchError
from qsnn_hw.targets.gpu.engine import BatchNetwork

COMPARED = 16
"""Samples that a device must answer like the golden model before it runs all of them: enough to meet every
operation of a network, and few beside a batch worth a device."""


def compare_with_golden(batch: BatchNetwork, inputs: np.ndarray) -> None:
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
