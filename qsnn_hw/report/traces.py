"""What the figures of the report page show: one sample's spikes and potentials, in integer units."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from qsnn_hw.support.record_types import Array
from qsnn_hw.support.records import StoredRecord

Grid = Annotated[np.ndarray, Array("iu", "time", "n")]
"""Integers, shape (time, n)."""

Labels = Annotated[np.ndarray, Array("iu", "samples")]
"""Integers, shape (samples,)."""


def _shape(name: str, array: np.ndarray, wanted: tuple[int, ...]) -> None:
    if array.shape != wanted:
        raise ValueError(f"{name} must have shape {wanted}, not {array.shape}")


@dataclass(frozen=True)
class GroupTrace:
    """One neuron group during one sample.

    Parameters
    ----------
    name
        The group's name, as in the report.
    spikes
        Integer, shape (time, n): spikes a neuron emitted in a time step.
    potentials
        Integer, shape (time, n): membrane potential at the end of each time step, in potential
        steps; None when it was not recorded.
    threshold
        Integer, shape (n,), in potential steps; None for a readout that never fires.
    float_potentials
        float64, shape (time, n): the float network's potential, already divided by the real value
        of one potential step so that both share an axis; None to leave it out.
    """

    name: str
    spikes: Grid
    potentials: Grid | None = None
    threshold: Annotated[np.ndarray, Array("iu", "n")] | None = None
    float_potentials: Annotated[np.ndarray, Array("f", "time", "n")] | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that are empty or whose shapes disagree.

        Raises
        ------
        ValueError
            Names the array and both shapes.
        """
        where = f"group {self.name!r}"
        if self.spikes.ndim != 2 or not self.spikes.size:
            raise ValueError(f"{where}: spikes must have shape (time, n), none 0, not {self.spikes.shape}")
        for name in ("potentials", "float_potentials"):
            array = getattr(self, name)
            if array is not None:
                _shape(f"{where}: {name}", array, self.spikes.shape)
        if self.threshold is not None:
            _shape(f"{where}: threshold", self.threshold, self.spikes.shape[1:])


@dataclass(frozen=True)
class Traces(StoredRecord, form="sample of a report 2", again="run the build again"):
    """One sample in full, and every sample's label and prediction.

    Parameters
    ----------
    sample, label, prediction
        Index in the test set, its class, and the integer network's answer; the latter two None
        when unknown.
    input_spikes
        Integer, shape (time, n).
    groups
        In the network's order; the output group comes last.
    labels, predictions
        Integer, shape (samples,), for the confusion matrix; both or neither.
    """

    sample: int
    label: int | None
    prediction: int | None
    input_spikes: Grid
    groups: tuple[GroupTrace, ...]
    labels: Labels | None = None
    predictions: Labels | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that are empty or whose shapes disagree.

        Raises
        ------
        ValueError
            Names the array and both shapes.
        """
        if self.input_spikes.ndim != 2 or not self.input_spikes.size:
            raise ValueError(f"input spikes must have shape (time, n), none 0, not {self.input_spikes.shape}")
        for group in self.groups:
            if len(group.spikes) != self.steps:
                raise ValueError(
                    f"group {group.name!r}: spikes must have {self.steps} time steps, not {len(group.spikes)}"
                )
        if (self.labels is None) != (self.predictions is None):
            raise ValueError("labels and predictions must be given together")
        if self.labels is not None and self.predictions is not None:
            _shape("predictions", self.predictions, self.labels.shape[:1])
            if self.labels.size and min(self.labels.min(), self.predictions.min()) < 0:
                raise ValueError("labels and predictions must be at least 0")

    @property
    def steps(self) -> int:
        """Number of time steps."""
        return len(self.input_spikes)

    def spike_arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Name and spikes, shape (time, n), of the input and of every group in order."""
        yield "input", self.input_spikes
        for group in self.groups:
            yield group.name, group.spikes
