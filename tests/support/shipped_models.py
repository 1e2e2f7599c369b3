"""The small networks of examples/frameworks: read with the convention that the manifest names."""

from typing import Any

import numpy as np

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset, load_array, load_dataset
from qsnn_hw.model.network import Network
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.support.files import read_json
from tests.support.places import EXAMPLES

FOLDER = EXAMPLES / "frameworks"
MODELS: dict[str, dict[str, Any]] = read_json(FOLDER / "models.json")["models"]
CLASSIFIERS = [name for name, entry in MODELS.items() if entry["accuracy"]]


def convention(name: str, **changes: str) -> Convention:
    """The convention of the manifest, with changes."""
    return Convention.preset(MODELS[name]["preset"]).with_settings({**MODELS[name]["settings"], **changes})


def network(name: str, **changes: str) -> Network:
    """The network, read with :func:`convention`."""
    return read_network(FOLDER / f"{name}.nir", convention(name, **changes))


def dataset(name: str, made: Network, *, samples: int | None = None, out_key: str = "out") -> Dataset:
    """Its data file."""
    return load_dataset(FOLDER / f"{name}.npz", network=made, samples=samples, out_key=out_key)


def stored(name: str, key: str) -> np.ndarray:
    """An array of the data file, time first."""
    array = load_array(FOLDER / f"{name}.npz", key)
    return array.swapaxes(0, 1) if MODELS[name]["layout"] == "sample-time" else array
