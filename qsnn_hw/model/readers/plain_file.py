"""Plain model descriptions, .toml or .npz, for people without NIR; docs/model_format.md.

A description is a list of layers in NIR's vocabulary: a layer has a ``type`` as NIR spells it, the
parameters of that type, and optionally a ``name`` and ``after``, the layers it reads. Arrays stand
inline in a .toml, or in an .npz beside it that ``arrays`` names. An .npz alone holds one entry
``<layer>.<parameter>`` per parameter, and ``input_shape``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.model.graph import KNOWN_TYPES, Graph, Node
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import read_npz, read_toml

_KIND = "model description"
_ENTRY, _EXIT = "input", "output"
_LAYER_KEYS = ("name", "type", "after")
_TOP_KEYS = ("name", "input_shape", "output", "arrays", "layer")

PARAMETERS: dict[str, tuple[str, ...]] = {
    "Affine": ("weight", "bias"),
    "Linear": ("weight",),
    "Conv1d": ("weight", "bias", "input_shape", "stride", "padding", "dilation", "groups"),
    "Conv2d": ("weight", "bias", "input_shape", "stride", "padding", "dilation", "groups"),
    "SumPool2d": ("kernel_size", "stride", "padding"),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    "Flatten": ("start_dim", "end_dim"),
    "Identity": (),
    "Scale": ("scale",),
    "Delay": ("delay",),
    "Threshold": ("threshold",),
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "IF": ("r", "v_threshold", "v_reset"),
    "LI": ("tau", "r", "v_leak"),
    "I": ("r",),
    "CubaLIF": ("tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    "CubaLI": ("tau_mem", "tau_syn", "r", "v_leak", "w_in"),
}
"""Layer type -> the parameters it may have; NIR's own names."""

_DEFAULTS = {"r": 1.0, "v_leak": 0.0, "v_threshold": 1.0}


def read_plain(path: Path) -> Graph:
    """Read a .toml or .npz model description.

    Raises
    ------
    UserError
        The file is missing or damaged, or names an unknown type, key or layer.
    """
    return _from_toml(path) if path.suffix.lower() == ".toml" else _from_npz(path)


def arrays_file(path: Path) -> Path | None:
    """The .npz beside a .toml that holds its arrays, if it names one.

    Raises
    ------
    UserError
        The file is missing or damaged.
    """
    if path.suffix.lower() != ".toml":
        return None
    top = read_toml(path, _KIND)
    return path.parent / str(top["arrays"]) if "arrays" in top else None


def _from_toml(path: Path) -> Graph:
    top = read_toml(path, _KIND)
    _only(path, "the description", top, _TOP_KEYS)
    layers = top.get("layer")
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers) or not layers:
        raise UserError(f"{path} has no [[layer]] tables; see docs/model_format.md")
    beside = arrays_file(path)
    arrays: dict[str, np.ndarray] = {} if beside is None else read_npz(beside)
    return _graph(path, top, layers, arrays)


def _from_npz(path: Path) -> Graph:
    arrays = read_npz(path)
    layers: dict[str, dict[str, Any]] = {}
    top: dict[str, Any] = {}
    for key, value in arrays.items():
        if key in ("input_shape", "name", "output"):
            top[key] = value.tolist()
            continue
        layer, dot, parameter = key.rpartition(".")
        if not dot:
            raise UserError(
                f"{path}: entry {key!r} is neither input_shape nor <layer>.<parameter>; "
                "see docs/model_format.md"
            )
        text = value.dtype.kind == "U"
        layers.setdefault(layer, {"name": layer})[parameter] = value.tolist() if text else value
    if not layers:
        raise UserError(f"{path} holds no <layer>.<parameter> entries; see docs/model_format.md")
    return _graph(path, top, list(layers.values()), {})


def _graph(
    path: Path, top: Mapping[str, Any], layers: list[dict[str, Any]], arrays: Mapping[str, np.ndarray]
) -> Graph:
    if "input_shape" not in top:
        raise UserError(f"{path} has no input_shape; give the shape of one time step, such as [64]")
    nodes = {_ENTRY: Node(_ENTRY, "Input", {"shape": top["input_shape"]}), _EXIT: Node(_EXIT, "Output")}
    edges: list[tuple[str, str]] = []
    previous = _ENTRY
    for number, layer in enumerate(layers):
        name = str(layer.get("name", f"layer{number}"))
        if name in nodes:
            raise UserError(f"{path}: two layers are called {name!r} (or it is reserved); rename one")
        nodes[name] = _node(path, name, layer, arrays)
        after = layer.get("after", previous)
        if not isinstance(after, str | list):
            raise UserError(
                f"{path}: after of layer {name!r} must be a layer's name or a list, not {after!r}"
            )
        for source in [after] if isinstance(after, str) else after:
            edges.append((str(source), name))
        previous = name
    for key in arrays:
        owner, _, parameter = key.rpartition(".")
        if owner not in nodes or parameter not in PARAMETERS.get(nodes[owner].type, ()):
            raise UserError(f"{path}: arrays entry {key!r} is no parameter of a layer; drop or rename it")
    output = str(top.get("output", previous))
    edges.append((output, _EXIT))
    for source, name in edges:
        if source not in nodes or source == _EXIT:
            at = f"layer {name!r} comes after" if name != _EXIT else "output is"
            raise UserError(f"{path}: {at} {source!r}, which does not exist; layers are {', '.join(nodes)}")
    return Graph(str(path), str(top.get("name", path.stem)), nodes, tuple(dict.fromkeys(edges)))


def _node(path: Path, name: str, layer: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Node:
    kind = layer.get("type")
    if not isinstance(kind, str) or kind not in PARAMETERS:
        known = ", ".join(item for item in KNOWN_TYPES if item in PARAMETERS)
        raise UserError(f"{path}: layer {name!r} has type {kind!r}; a type is one of {known}")
    allowed = PARAMETERS[kind]
    _only(path, f"layer {name!r} ({kind})", layer, (*_LAYER_KEYS, *allowed))
    parameters: dict[str, Any] = {key: _DEFAULTS[key] for key in allowed if key in _DEFAULTS}
    for key in allowed:
        stored = arrays.get(f"{name}.{key}")
        if stored is not None and key in layer:
            raise UserError(f"{path}: {key} of layer {name!r} is given here and in the arrays file; drop one")
        if stored is not None:
            parameters[key] = stored
        elif key in layer:
            parameters[key] = layer[key]
            try:
                np.asarray(layer[key])
            except ValueError as error:
                raise UserError(f"{path}: {key} of layer {name!r} has rows of different lengths") from error
    return Node(name, kind, parameters)


def _only(path: Path, what: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise UserError(f"{path}: {what} has an unknown key {key!r}; known are {', '.join(known)}")
