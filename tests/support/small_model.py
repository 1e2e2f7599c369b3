"""A model of a few neurons and data for it, as the files that a command line takes."""

from pathlib import Path

import numpy as np


def write_model(folder: Path, gain: float = 1.0) -> Path:
    """A network of 6-4-3 neurons that fires; with ``dt=1`` by a ``gain`` of 9, the time constant."""
    path = folder / "m.toml"
    rng = np.random.default_rng(4)
    weights = {f"fc{k}.weight": gain * rng.uniform(-0.5, 1, shape) for k, shape in ((1, (4, 6)), (2, (3, 4)))}
    np.savez(folder / "w.npz", **weights)
    layers = [
        f'[[layer]]\nname = "fc{k}"\ntype = "Linear"\n[[layer]]\nname = "lif{k}"\ntype = "LIF"\ntau = 9.0\n'
        for k in (1, 2)
    ]
    path.write_text('input_shape = [6]\narrays = "w.npz"\n' + "".join(layers), encoding="utf-8")
    return path


def write_data(path: Path, seed: int = 1) -> Path:
    rng = np.random.default_rng(seed)
    np.savez(path, input=(rng.random((5, 8, 6)) < 0.4).astype(np.uint8), label=rng.integers(0, 3, 8))
    return path
