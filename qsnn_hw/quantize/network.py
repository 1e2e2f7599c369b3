"""The quantized network: everything the golden model and the hardware need, in integers.

The integer membrane update of one group and time step is, with ``x`` the weighted sum of this
step's source spikes in weight units and every name a field of :class:`QuantizedGroup`::

    v = state + (x << fractional_bits)           # accumulated, in any order
    v = clamp(v, v_low, v_high)                  # only where the group has a clamp
    fired = v >= threshold
    v = v - fired * reset_amount                 # reset "subtract", not delayed
    v = reset_value where fired                  # reset "value", not delayed
    # v is now the potential that traces show
    kept = reset_value where fired               # reset "value", delayed; otherwise kept = v
    state = kept - ((kept * leak_numerator) >> leak_shift) + bias
    state = state - fired * reset_amount         # reset "subtract", delayed

``>>`` is the arithmetic shift (floor). Before the first step of a sample ``state = bias``.
Putting decay and bias behind the comparison is the same recurrence as decaying first; it lets a
hardware event add straight onto the stored state.
"""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from qsnn_hw import files
from qsnn_hw.errors import UserError
from qsnn_hw.model.network import INPUT

FORMAT = "qsnn-hw quantized network 1"

ResetKind = Literal["subtract", "value", "none"]


@dataclass(frozen=True)
class QuantizedGroup:
    """One neuron group in integers; arrays have shape (n,) and dtype int64 unless said.

    Parameters
    ----------
    name, shape
        As in the float network.
    scale
        float64: the real value of one weight step. One step of the potential is worth
        ``scale / 2**fractional_bits``.
    fractional_bits
        Extra low bits of the potential below one weight step.
    leak_numerator, leak_shift
        Per step the potential loses ``(v * leak_numerator) >> leak_shift``; both plain ints.
    bias
        Added every step, in potential steps.
    threshold
        Fires when ``v >= threshold``; a float ``v > t`` has become ``floor(t) + 1``.
    reset, reset_delay
        What a spike does to the potential, and whether it does so one step later.
    reset_amount
        Subtracted by reset "subtract".
    reset_value
        Potential after reset "value".
    v_low, v_high
        Saturation applied once per step, ints, or None where the width is proved without.
    v_bits
        Signed width that holds the state and every partial sum, proved from the fan-in.
    """

    name: str
    shape: tuple[int, ...]
    scale: np.ndarray
    fractional_bits: int
    leak_numerator: int
    leak_shift: int
    bias: np.ndarray
    threshold: np.ndarray
    reset: ResetKind
    reset_delay: bool
    reset_amount: np.ndarray
    reset_value: np.ndarray
    v_low: int | None
    v_high: int | None
    v_bits: int

    @property
    def size(self) -> int:
        """The number of neurons."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class QuantizedProjection:
    """Integer weights from a source to a group.

    Parameters
    ----------
    name, source, target
        As in the float network.
    weight
        int8 or int16, shape (post, pre).
    weight_bits
        Signed width, 2 to 16.
    """

    name: str
    source: str
    target: str
    weight: np.ndarray
    weight_bits: int


@dataclass(frozen=True)
class QuantizedNetwork:
    """A network in integers; groups in topological order."""

    name: str
    input_shape: tuple[int, ...]
    groups: tuple[QuantizedGroup, ...]
    projections: tuple[QuantizedProjection, ...]
    output: str
    warnings: tuple[str, ...] = field(default=())

    @property
    def input_size(self) -> int:
        """The number of input addresses."""
        return int(np.prod(self.input_shape, dtype=np.int64))

    def group(self, name: str) -> QuantizedGroup:
        """The group called ``name``; KeyError when there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)

    def into(self, target: str) -> tuple[QuantizedProjection, ...]:
        """The projections that end in group ``target``."""
        return tuple(p for p in self.projections if p.target == target)

    def source_size(self, source: str) -> int:
        """The number of addresses of a group or of the input."""
        return self.input_size if source == INPUT else self.group(source).size

    def save(self, path: Path) -> None:
        """Write the network as one .npz, whole or not at all."""
        arrays: dict[str, Any] = {
            "format": FORMAT,
            "name": self.name,
            "input_shape": np.array(self.input_shape, dtype=np.int64),
            "output": self.output,
            "warnings": np.array(self.warnings, dtype=np.str_),
            "counts": np.array([len(self.groups), len(self.projections)], dtype=np.int64),
        }
        parts: tuple[tuple[str, tuple[Any, ...]], ...] = (("group", self.groups), ("projection", self.projections))
        for kind, items in parts:
            for index, item in enumerate(items):
                for key, value in asdict(item).items():
                    if value is not None:
                        arrays[f"{kind}{index}.{key}"] = value
        files.write_npz(path, arrays)

    @classmethod
    def load(cls, path: Path) -> "QuantizedNetwork":
        """Read what :meth:`save` wrote; UserError when it is not such a file."""
        arrays = files.read_npz(path)
        try:
            if str(arrays["format"]) != FORMAT:
                raise UserError(f"{path}: format is {arrays['format']}, this version reads {FORMAT}")
            groups, projections = (int(n) for n in arrays["counts"])
            return cls(
                name=str(arrays["name"]),
                input_shape=tuple(int(n) for n in arrays["input_shape"]),
                groups=tuple(_read(QuantizedGroup, arrays, f"group{i}.") for i in range(groups)),
                projections=tuple(_read(QuantizedProjection, arrays, f"projection{i}.") for i in range(projections)),
                output=str(arrays["output"]),
                warnings=tuple(str(w) for w in arrays["warnings"]),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise UserError(f"{path} is not a quantized network of this version: {error!r}") from error


def _read(kind: type, arrays: dict[str, np.ndarray], prefix: str) -> Any:
    values: dict[str, Any] = {}
    for item in fields(kind):
        value = arrays.get(prefix + item.name)
        if value is None:
            if item.name not in ("v_low", "v_high"):
                raise KeyError(prefix + item.name)
            values[item.name] = None
        elif item.name == "shape":
            values[item.name] = tuple(int(n) for n in value)
        elif value.ndim == 0:
            values[item.name] = value.item()
        else:
            values[item.name] = value
    return kind(**values)
