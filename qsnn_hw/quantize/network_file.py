"""A quantized network as one .npz file: a key for each field, operators as keys of their own."""

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.model.network import MAX_SPIKES, Conv2d, Dense, Operator, Pool2d, Scale
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork, QuantizedProjection
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError

FORMAT = "qsnn-hw quantized network 1"

_OPERATORS: dict[str, type] = {kind.__name__: kind for kind in (Dense, Conv2d, Pool2d, Scale)}
# Fields whose array is a tuple of whole numbers in the dataclass.
_TUPLES = frozenset({"shape", "input_shape", "stride", "padding", "dilation", "kernel"})
# Required fields that may hold None, which is not stored.
_OPTIONAL = frozenset({"v_low", "v_high", "bias"})


def save(network: QuantizedNetwork, path: Path) -> None:
    """Write ``network``, whole or not at all."""
    arrays: dict[str, Any] = {
        "format": FORMAT,
        "name": network.name,
        "input_shape": np.array(network.input_shape, dtype=np.int64),
        "output": network.output,
        "warnings": np.array(network.warnings, dtype=np.str_),
        "counts": np.array([len(network.groups), len(network.projections)], dtype=np.int64),
        "input_max": network.input_max,
    }
    for index, group in enumerate(network.groups):
        arrays.update(_stored(group, f"group{index}."))
    for index, projection in enumerate(network.projections):
        arrays.update(_stored(projection, f"projection{index}."))
        if projection.operators is None:
            continue
        arrays[f"projection{index}.operators"] = np.array([type(o).__name__ for o in projection.operators])
        for number, operator in enumerate(projection.operators):
            arrays.update(_stored(operator, f"projection{index}.operator{number}."))
    files.write_npz(path, arrays)


def load(path: Path) -> QuantizedNetwork:
    """Read what :func:`save` wrote; UserError when it is not such a file."""
    arrays = files.read_npz(path)
    try:
        if str(arrays["format"]) != FORMAT:
            raise UserError(f"{path}: format is {arrays['format']}, this version reads {FORMAT}")
        groups, projections = (int(n) for n in arrays["counts"])
        return QuantizedNetwork(
            name=str(arrays["name"]),
            input_shape=tuple(int(n) for n in arrays["input_shape"]),
            groups=tuple(_read(QuantizedGroup, arrays, f"group{i}.") for i in range(groups)),
            projections=tuple(_projection(arrays, f"projection{i}.") for i in range(projections)),
            output=str(arrays["output"]),
            warnings=tuple(str(w) for w in arrays["warnings"]),
            input_max=int(arrays.get("input_max", 1)),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} is not a quantized network of this version: {error!r}") from error


def _stored(item: Any, prefix: str) -> dict[str, Any]:
    values = {f.name: getattr(item, f.name) for f in fields(item) if f.name != "operators"}
    return {prefix + name: value for name, value in values.items() if value is not None}


def _projection(arrays: dict[str, np.ndarray], prefix: str) -> QuantizedProjection:
    kinds = arrays.get(f"{prefix}operators")
    operators: tuple[Operator, ...] | None = None
    if kinds is not None:
        operators = tuple(
            _read(_OPERATORS[str(kind)], arrays, f"{prefix}operator{number}.")
            for number, kind in enumerate(kinds)
        )
    made: QuantizedProjection = _read(QuantizedProjection, arrays, prefix, operators=operators)
    return made


def _read(kind: type, arrays: dict[str, np.ndarray], prefix: str, **given: Any) -> Any:
    values: dict[str, Any] = dict(given)
    several = arrays.get(f"{prefix}multi_spike")
    if several is not None:
        # Files of before several spikes a step had a limit.
        values["max_spikes"] = MAX_SPIKES if several else 1
    for item in fields(kind):
        if item.name in values:
            continue
        value = arrays.get(prefix + item.name)
        if value is None:
            if item.default is not MISSING:
                continue
            if item.name not in _OPTIONAL or (kind is QuantizedGroup and item.name == "bias"):
                raise KeyError(prefix + item.name)
            values[item.name] = None
        elif item.name in _TUPLES:
            values[item.name] = tuple(int(n) for n in value)
        elif value.ndim == 0:
            values[item.name] = value.item()
        else:
            values[item.name] = value
    return kind(**values)
