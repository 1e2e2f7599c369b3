"""What the golden model made of the test samples, beside the float network."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qsnn_hw.explore.integers.drop import Drop
from qsnn_hw.golden import GoldenRun
from qsnn_hw.model.framework import FrameworkComparison
from qsnn_hw.support.choices import ReadoutKind


@dataclass(frozen=True)
class GoldenResult:
    """The integer run beside the float network's.

    Parameters
    ----------
    integer
        Spikes and potentials of the golden model.
    readout
        What makes the answers: the readout on the chip, or the default of the output group.
    answers, float_answers
        Class of each sample, int64 of shape (sample,), of the integer and of the float network.
    drop
        What integers cost on these samples, by ``readout``.
    framework
        The float network's output against the source framework's own.
    traced
        Index of the sample the report shows.
    float_potentials
        Group name -> float potentials of the traced sample, shape (time, 1, neuron).
    float_out
        The float network's output as its framework gives it, shape (time, sample, neuron): spikes, uint8, or
        floating potentials.
    float_read
        What ``readout`` reads of it: the same, or the output's floating potentials after each step.
    warnings
        What is odd about the spikes, one line each.
    dead
        Why every answer means nothing, in words; None where something comes out of the network.
    """

    integer: GoldenRun
    readout: ReadoutKind
    answers: np.ndarray
    float_answers: np.ndarray
    drop: Drop
    framework: FrameworkComparison
    traced: int
    float_potentials: Mapping[str, np.ndarray]
    float_out: np.ndarray
    float_read: np.ndarray
    warnings: tuple[str, ...] = ()
    dead: str | None = None
