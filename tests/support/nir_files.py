"""Small NIR files from plain dictionaries."""

import itertools
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

NirWriter = Callable[..., Path]


def write_nir_file(
    folder: Path,
    nodes: dict[str, dict[str, object]],
    edges: list[tuple[str, str]] | None = None,
    name: str = "model.nir",
) -> Path:
    """The path of the file; ``edges`` default to the order of ``nodes``."""
    path = folder / name
    with h5py.File(path, "w") as archive:
        _graph(archive.create_group("node"), nodes, edges)
    return path


def _graph(
    group: h5py.Group, nodes: dict[str, dict[str, object]], edges: list[tuple[str, str]] | None
) -> None:
    group["type"] = "NIRGraph"
    members = group.create_group("nodes")
    for name, parameters in nodes.items():
        member = members.create_group(name)
        if "nodes" in parameters:
            _graph(member, parameters["nodes"], parameters.get("edges"))  # type: ignore[arg-type]
            continue
        for key, value in parameters.items():
            member[key] = value if isinstance(value, str) else np.asarray(value)
    names = list(nodes)
    pairs = list(itertools.pairwise(names)) if edges is None else edges
    kind = h5py.string_dtype()
    group.create_dataset("edges", data=np.array(pairs, dtype=object).reshape(-1, 2), dtype=kind)
