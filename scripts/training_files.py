"""The half that the training scripts share and that needs no PyTorch: networks, README, messages."""

import importlib
import itertools
import platform
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from importlib.metadata import version
from pathlib import Path
from string import Template
from types import ModuleType

import nir
import numpy as np

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import replacing, write_text


@dataclass(frozen=True)
class Layer:
    """A trained layer: weights, then neurons with threshold 1.

    Parameters
    ----------
    weight
        float32, (post, pre) of a dense layer or (out, in, height, width) of a convolution.
    bias
        float32, one per post neuron or output channel; added in every step.
    stride
        Of a convolution; 0 for a dense layer.
    """

    weight: np.ndarray
    bias: np.ndarray
    stride: int = 0


@dataclass(frozen=True)
class Distortion:
    """Affine augmentation, each drawn evenly from plus or minus this.

    Parameters
    ----------
    shear
        None where nothing is drawn for it.
    """

    shift_pixels: float
    rotation_degrees: float
    scaling: float
    shear: float | None = None

    @property
    def is_any(self) -> bool:
        """Whether it changes an image."""
        return any(astuple(self))

    def times(self, factor: float) -> "Distortion":
        """All of it times ``factor``."""
        return Distortion(
            self.shift_pixels * factor,
            self.rotation_degrees * factor,
            self.scaling * factor,
            None if self.shear is None else self.shear * factor,
        )


def torch_half(name: str, install: str = "torch") -> ModuleType:
    """The module ``name`` of scripts/, which imports PyTorch.

    Raises
    ------
    UserError
        PyTorch or scikit-learn is missing; ``install`` is what to install.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise missing(error, install) from error


def missing(error: ModuleNotFoundError, install: str) -> Exception:
    """What to say of a package that cannot be imported.

    A broken installation is not a missing one: that traceback should be seen.
    """
    package = {"torch": "PyTorch", "sklearn": "scikit-learn"}.get(error.name or "")
    if package is None:
        return error
    return UserError(f"training needs {package}, not installed here: pip install {install}")


def make_folder(folder: Path) -> None:
    """Make an output folder.

    Raises
    ------
    UserError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make folder {folder}: {error.strerror}; choose another --out") from error


def write_chain(path: Path, nodes: Mapping[str, nir.NIRNode]) -> None:
    """Write a NIR graph of nodes each of which feeds the next."""
    write_graph(path, nir.NIRGraph(nodes=dict(nodes), edges=list(itertools.pairwise(nodes))))


def write_graph(path: Path, graph: nir.NIRGraph) -> None:
    """Write a NIR file, whole or not at all."""
    with replacing(path) as temporary:
        nir.write(temporary, graph)


def packed(name: str, spikes: np.ndarray) -> dict[str, np.ndarray]:
    """The two arrays that hold 0/1 ``spikes`` in a data file: eight to a byte, and the shape."""
    return {f"{name}_packed": np.packbits(spikes, axis=-1), f"{name}_shape": np.array(spikes.shape)}


def made_with(*packages: str) -> dict[str, str]:
    """Versions of Python and of packages, scikit-learn as ``sklearn``."""
    versions = {name.replace("scikit-learn", "sklearn"): version(name) for name in packages}
    return {"python": platform.python_version(), **versions}


def write_readme(path: Path, template: Path, figures: Mapping[str, str]) -> None:
    """Fill a template."""
    write_text(path, Template(template.read_text(encoding="utf-8")).substitute(figures))


def print_figures(figures: Mapping[str, str], names: tuple[str, ...]) -> None:
    """A line for each of ``names``."""
    width = max(len(name) for name in names) + 1
    for name in names:
        print(f"{name.replace('_', ' '):{width}s} {figures[name]}")
