"""Samples of fine-tuning: those that train, and those held out to choose the best epoch."""

from dataclasses import replace

import numpy as np

from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.support.errors import UserError


def split(data: Dataset, part: float, seed: int) -> tuple[Dataset, Dataset]:
    """Hold out ``part`` of every class; (rest, held out), each in the order of ``data``.

    Raises
    ------
    UserError
        There are no labels, or too few samples to have both.
    """
    label = labels_of(data)
    rng = np.random.default_rng(seed)
    held = np.zeros(label.size, dtype=bool)
    for value in np.unique(label):
        members = rng.permutation(np.flatnonzero(label == value))
        held[members[: round(part * members.size)]] = True
    if not held.any() or held.all():
        raise UserError(
            f"{data.source}: {label.size} samples are too few to hold out {part:g} of every class; "
            "give more samples or another validation part"
        )
    return _subset(data, ~held), _subset(data, held)


def labels_of(data: Dataset) -> np.ndarray:
    """The labels, shape (sample,); UserError where there are none."""
    if data.label is None:
        raise UserError(f"{data.source} has no labels; fine-tuning needs an array called label")
    return data.label


def _subset(data: Dataset, mask: np.ndarray) -> Dataset:
    out = None if data.out is None else data.out[:, mask]
    return replace(data, input=data.input[:, mask], label=labels_of(data)[mask], out=out)


def check_samples(network: Network, data: Dataset) -> None:
    """Refuse samples that the network cannot be trained on.

    Raises
    ------
    UserError
        There are none, or none with labels; a label has no output neuron; the input has another width.
    """
    label, outputs = labels_of(data), network.group(network.output).size
    if not label.size:
        raise UserError(f"{data.source} has no samples")
    if int(label.max()) >= outputs:
        raise UserError(
            f"{data.source}: label {int(label.max())} has no output neuron; the network has {outputs}"
        )
    width = int(np.prod(data.input.shape[2:], dtype=np.int64))
    if width != network.input_size:
        raise UserError(
            f"{data.source}: input has {width} addresses per step, the network wants {network.input_size}"
        )
