"""A :class:`Network` as one .npz file: what live readers leave, and what a run resumes from."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.model.network import Conv2d, Dense, Network, NeuronGroup, Operator, Pool2d, Projection, Scale
from qsnn_hw.model.network_check import check_network
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError

FORMAT = "qsnn-hw network 1"
_FAMILY = "qsnn-hw network "

_OPERATORS: dict[str, type] = {kind.__name__: kind for kind in (Dense, Conv2d, Pool2d, Scale)}
_ARRAY = "@"
"""Key that marks, in the JSON description, an array kept beside it."""


def save_network(network: Network, path: Path | str) -> None:
    """Write ``network``: a JSON description, and its arrays beside it; whole or not at all."""
    arrays: dict[str, Any] = {}

    def pack(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            arrays[f"a{len(arrays)}"] = value
            return {_ARRAY: f"a{len(arrays) - 1}"}
        if isinstance(value, dict):
            return {key: pack(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [pack(item) for item in value]
        return value.item() if isinstance(value, np.generic) else value

    described = asdict(network)
    for saved, projection in zip(described["projections"], network.projections, strict=True):
        for item, operator in zip(saved["operators"], projection.operators, strict=True):
            item["operator"] = type(operator).__name__
    text = json.dumps(pack(described))
    files.write_npz(Path(path), {"format": FORMAT, "description": text, **arrays})


def is_saved_network(path: Path) -> bool:
    """Whether :func:`save_network` of this or another version wrote the file."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    arrays = files.read_npz(path)
    return "format" in arrays and str(arrays["format"]).startswith(_FAMILY)


def load_network(path: Path | str) -> Network:
    """Read what :func:`save_network` wrote.

    Raises
    ------
    UserError
        It is not such a file, or what it holds is no network; names the group or projection.
    """
    arrays = files.read_npz(Path(path))
    try:
        if str(arrays["format"]) != FORMAT:
            raise UserError(f"{path}: format is {arrays['format']}, this version reads {FORMAT}")
        described = _unpack(json.loads(str(arrays["description"])), arrays)
        described["groups"] = tuple(_group(g) for g in described["groups"])
        described["projections"] = tuple(_projection(p) for p in described["projections"])
        network = Network(**_tuples(Network, described))
    # A description that someone changed may have anything where a table is due.
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is not a network of this version: {error!r}") from error
    return check_network(str(path), network)


def _unpack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            return arrays[value[_ARRAY]]
        return {key: _unpack(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    return value


def _group(described: dict[str, Any]) -> NeuronGroup:
    # Files of before several spikes a step had a limit.
    several = described.pop("multi_spike", None)
    if several is not None:
        if not isinstance(several, bool):
            raise ValueError("multi_spike is not true or false")
        described["max_spikes"] = None if several else 1
    return NeuronGroup(**_tuples(NeuronGroup, described))


def _projection(described: dict[str, Any]) -> Projection:
    operators: list[Operator] = []
    for item in described["operators"]:
        kind = _OPERATORS[item.pop("operator")]
        operators.append(kind(**_tuples(kind, item)))
    return Projection(**{**described, "operators": tuple(operators)})


def _tuples(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    """JSON made lists of the tuples; every list among a record's fields was one."""
    known = {item.name for item in fields(kind)}
    if set(values) - known:
        raise KeyError(f"unknown fields {sorted(set(values) - known)}")
    return {key: tuple(item) if isinstance(item, list) else item for key, item in values.items()}
