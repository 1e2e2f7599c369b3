"""The models of matrix.py: the shipped examples and the shared ones, and what a user types for each."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qsnn_hw.support.files import write_npz
from qsnn_hw.support.shipped import resource_folder

BOARDS = ("icebreaker", "tinyfpga-bx", "orangecrab-25f", "ulx3s-25f", "ulx3s-45f", "ulx3s-85f")
"""Boards that long tables are made for where none is typed. Others with the same devices would repeat their
rows; ``scripts/build_all_boards`` builds one network for each board there is."""

_SHIPPED = ("digits/", "tiny_digits/", "mnist_fast/", "mnist_conv/", "frameworks/")


@dataclass(frozen=True)
class Model:
    """A trained network, its samples, and how they are read.

    Parameters
    ----------
    name
        Short, unique.
    file, data
        Under the folder of examples, else under the shared data folder.
    options
        Convention, widths, encoder: whatever is no board and no aim.
    samples
        To simulate; few where a sample takes long.
    weight
        About how many times as long as digits a row takes.
    boards
        The only boards to try; empty for all.
    convert
        Writes a data file that ``--data`` takes from ``data``: (file, written file).
    """

    name: str
    file: str
    data: str
    options: tuple[str, ...]
    samples: int
    weight: float = 1.0
    boards: tuple[str, ...] = ()
    convert: Callable[[Path, Path], None] | None = None

    def files(self, shared: Path) -> tuple[Path, Path]:
        """(model, data); the files may not exist."""
        folder = resource_folder("examples") if self.file.startswith(_SHIPPED) else shared
        return folder / self.file, folder / self.data

    def missing(self, shared: Path) -> list[Path]:
        """Files that are not there."""
        return [path for path in self.files(shared) if not path.exists()]


def saccade(source: Path, written: Path) -> None:
    """The saccade file has its spikes as ``X``, sample first."""
    with np.load(source) as content:
        packed, label = content["X"], content["y"]
    spikes = np.unpackbits(packed, axis=-1).reshape(*packed.shape[:2], 2, 34, 34).swapaxes(0, 1)
    write_npz(
        written,
        {
            "input_packed": np.packbits(spikes, axis=-1),
            "input_shape": np.array(spikes.shape),
            "label": label.astype(np.int64),
        },
    )


def _frameworks() -> tuple[Model, ...]:
    """The shipped network of each framework, with the convention that models.json says."""
    folder = resource_folder("examples") / "frameworks"
    content = json.loads((folder / "models.json").read_text(encoding="utf-8"))
    return tuple(
        Model(
            f"{name}_small",
            f"frameworks/{name}.nir",
            f"frameworks/{name}.npz",
            (
                *("--convention", path["preset"], "--layout", path["layout"]),
                *(word for item in path["settings"].items() for word in ("--set", "=".join(item))),
            ),
            min(20, path["samples"]),
        )
        for name, path in content["models"].items()
    )


_SNNTORCH = ("--convention", "snntorch")
_FAST = ("mnist_fast/mnist_fast.nir", "mnist_fast/mnist_fast_test.npz")
_FAST_OPTIONS = ("--convention", "norse", "--clip", "mse")
_MNIST = ("snntorch_mnist_784-128-10.nir", "snntorch_mnist_784-128-10.npz")
_NORSE_DATA = "norse_digits_64-40-10.npz"
_SINABS = ("sinabs_conv_mnist.nir", "sinabs_conv_mnist.npz")
# The convention of ../shared/data/README.md for SYNtzulA's integers: they are taken as they are.
_EMG_SETTINGS = (
    *("--set", "decay=direct", "--set", "input_gain=r", "--set", "integrator_gain=r"),
    *("--set", "current_gain=w_in", "--set", "comparison=>=", "--set", "reset=zero"),
)
# That chip's own rounding of the leak. Its answers are the output's potentials: of emg_threshold.npz, whose
# output has a threshold that none reaches, nothing would ever come out.
_EMG = ("--convention", "nir", *_EMG_SETTINGS, "--leak-rounding", "zero")
_EMG_FILES = ("syntzula_emg/emg.npz", "syntzula_emg/data_200.npz")

MODELS: tuple[Model, ...] = (
    Model("digits", "digits/digits_64-32-10.nir", "digits/digits_test.npz", _SNNTORCH, 20),
    Model(
        *("tiny_digits", "tiny_digits/tiny_digits.nir", "tiny_digits/tiny_digits_test.npz"),
        *((*_SNNTORCH, "--bits", "3"), 20),
    ),
    Model("digits_s", "snntorch_digits_64-32-10.nir", "snntorch_digits_64-32-10.npz", _SNNTORCH, 20),
    Model(
        *("norse_stock", "norse_digits_64-40-10.stock.nir", _NORSE_DATA),
        # Norse's exporter leaves the time constants too small by a factor dt.
        *(("--convention", "norse", "--set", "tau_fix=divide_by_dt"), 20),
    ),
    Model(
        *("norse_fixed", "norse_digits_64-40-10.tau_fixed.nir", _NORSE_DATA),
        *(("--convention", "norse", "--set", "dt=0.001"), 20),
    ),
    *_frameworks(),
    Model(
        "braille",
        "nir_paper/braille_noDelay_noBias_subtract.nir",
        "nir_paper/braille.npz",
        (*_SNNTORCH, "--set", "reset_delay=false"),
        4,
        weight=1.2,
    ),
    Model("emg", *_EMG_FILES, _EMG, 1, weight=2.0),
    Model("emg_ram", *_EMG_FILES, (*_EMG, "--weights", "ram"), 1, weight=2.0, boards=("icebreaker",)),
    Model("mnist4", *_MNIST, (*_SNNTORCH, "--bits", "4", "--clip", "mse"), 10, weight=4.0),
    Model("mnist_fast", *_FAST, _FAST_OPTIONS, 20, weight=6.0),
    Model(
        *("mnist_fast_io", *_FAST),
        (
            *_FAST_OPTIONS,
            *("--encoder", "latency", "--steps", "4", "--encoder-floor", "128", "--readout", "first"),
        ),
        20,
        weight=6.0,
    ),
    Model(
        "mnist_conv",
        "mnist_conv/mnist_conv.nir",
        "mnist_conv/mnist_conv_test.npz",
        (*_SNNTORCH, "--clip", "mse"),
        5,
        weight=6.0,
    ),
    Model("mnist8", *_MNIST, _SNNTORCH, 10, weight=6.0),
    Model("mnist8_ram", *_MNIST, (*_SNNTORCH, "--weights", "ram"), 4, weight=6.0, boards=("icebreaker",)),
    Model("sinabs_multi", *_SINABS, ("--convention", "sinabs"), 2, weight=10.0),
    Model(
        *("sinabs_single", *_SINABS, ("--convention", "sinabs", "--set", "max_spikes=1"), 2),
        weight=10.0,
    ),
    Model(
        *("cnn_sinabs", "nir_paper/cnn_sinabs.nir", "nir_paper/cnn_sinabs_saccade.npz"),
        *(("--convention", "sinabs"), 1),
        weight=15.0,
        convert=saccade,
    ),
)
"""In the order of their rows, cheap first."""
