"""A model of two groups and samples for it, in the folder that a command line works in."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

_LAYERS = """
input_shape = [6]
arrays = "w.npz"
[[layer]]
name = "fc1"
type = "Linear"
[[layer]]
name = "hidden"
type = "LIF"
tau = 9.0
[[layer]]
name = "fc2"
type = "Linear"
[[layer]]
name = "last"
type = "LIF"
tau = 9.0
"""

MODEL = ("m.toml", "--convention", "snntorch", "--set", "dt=1")
"""What a command line says of it; its samples are ``d.npz``."""


def write_two_groups(folder: Path, hidden: int) -> None:
    """Of 6 inputs, ``hidden`` neurons and 3: ``m.toml``, ``w.npz``, and 8 samples of 5 steps, ``d.npz``."""
    rng = np.random.default_rng(4)
    (folder / "m.toml").write_text(_LAYERS, encoding="utf-8")
    shapes = ((1, (hidden, 6)), (2, (3, hidden)))
    weights: Mapping[str, np.ndarray] = {f"fc{k}.weight": rng.uniform(-5, 15, shape) for k, shape in shapes}
    np.savez(folder / "w.npz", **weights)
    spikes = (rng.random((5, 8, 6)) < 0.4).astype(np.uint8)
    np.savez(folder / "d.npz", input=spikes, label=rng.integers(0, 3, 8))
