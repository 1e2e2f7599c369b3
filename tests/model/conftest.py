"""Where the published and trained models live, and helpers to write small NIR files."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The shared data folder: QSNN_DATA, or ../shared/data beside the project."""
    given = os.environ.get("QSNN_DATA")
    folder = Path(given) if given else _ROOT.parent / "shared" / "data"
    if not (folder / "README.md").exists():
        pytest.skip(f"no model data in {folder}; set QSNN_DATA to the folder that holds it")
    return folder


NirWriter = Callable[..., Path]


@pytest.fixture
def write_nir(tmp_path: Path) -> NirWriter:
    """Write a NIR file from plain dictionaries; ``edges`` default to the order of ``nodes``."""

    def write(
        nodes: dict[str, dict[str, object]],
        edges: list[tuple[str, str]] | None = None,
        name: str = "model.nir",
    ) -> Path:
        path = tmp_path / name
        with h5py.File(path, "w") as archive:
            root = archive.create_group("node")
            _graph(root, nodes, edges)
        return path

    return write


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
