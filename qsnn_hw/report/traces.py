"""What the figures of the report page show: one sample's spikes and potentials, in integer units."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError

Array = np.ndarray[Any, Any]

FORMAT = "qsnn-hw report traces 1"


def _shape(name: str, array: Array, wanted: tuple[int, ...]) -> None:
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
    spikes: Array
    potentials: Array | None = None
    threshold: Array | None = None
    float_potentials: Array | None = None

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
class Traces:
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
    input_spikes: Array
    groups: tuple[GroupTrace, ...]
    labels: Array | None = None
    predictions: Array | None = None

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

    def spike_arrays(self) -> Iterator[tuple[str, Array]]:
        """Name and spikes, shape (time, n), of the input and of every group in order."""
        yield "input", self.input_spikes
        for group in self.groups:
            yield group.name, group.spikes

    def save(self, path: Path) -> None:
        """Write the traces as one .npz, whole or not at all."""
        arrays: dict[str, Any] = {
            "format": FORMAT,
            "sample": self.sample,
            "input_spikes": self.input_spikes,
            "names": np.array([group.name for group in self.groups], dtype=np.str_),
        }
        for name in ("label", "prediction", "labels", "predictions"):
            if getattr(self, name) is not None:
                arrays[name] = getattr(self, name)
        for index, group in enumerate(self.groups):
            for name in ("spikes", "potentials", "threshold", "float_potentials"):
                if getattr(group, name) is not None:
                    arrays[f"group{index}.{name}"] = getattr(group, name)
        files.write_npz(path, arrays)

    @classmethod
    def load(cls, path: Path) -> "Traces":
        """Read what :meth:`save` wrote; UserError when it is not such a file."""
        arrays = files.read_npz(path)
        try:
            if str(arrays["format"]) != FORMAT:
                raise ValueError(f"format is {str(arrays['format'])!r}, expected {FORMAT!r}")
            return cls(
                sample=int(arrays["sample"]),
                label=_optional_int(arrays.get("label")),
                prediction=_optional_int(arrays.get("prediction")),
                input_spikes=arrays["input_spikes"],
                groups=tuple(
                    GroupTrace(
                        name=str(name),
                        spikes=arrays[f"group{index}.spikes"],
                        potentials=arrays.get(f"group{index}.potentials"),
                        threshold=arrays.get(f"group{index}.threshold"),
                        float_potentials=arrays.get(f"group{index}.float_potentials"),
                    )
                    for index, name in enumerate(arrays["names"])
                ),
                labels=arrays.get("labels"),
                predictions=arrays.get("predictions"),
            )
        except (KeyError, ValueError, TypeError) as error:
            why = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise UserError(
                f"{path} does not hold the report's traces: {why}; run the build again"
            ) from error


def _optional_int(value: Array | None) -> int | None:
    return None if value is None else int(value)
