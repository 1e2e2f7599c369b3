"""Small networks that end in a readout of every kind, as plain files, and each one's loop in plain NumPy.

Conventions as :data:`CONVENTION`: retention per step, inputs times ``r``; hidden neurons fire above 1 and
lose 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

INPUTS, CLASSES, STEPS, SAMPLES = 6, 4, 20, 12
GRID = (2, 5, 5)

CONVENTION = ("--convention", "nir", "--set", "decay=direct", "--set", "input_gain=r")
CONVENTION += ("--set", "integrator_gain=r", "--set", "current_gain=w_in", "--set", "reset=subtract")


@dataclass(frozen=True)
class ReadoutNetwork:
    """A network's layers, what one step of input looks like, and its potentials by a loop.

    ``potentials`` takes spikes, shape (time, sample, *input shape), and gives float64 potentials of the
    output, shape (time, sample, neuron).
    """

    layers: dict[str, Any]
    potentials: Callable[[np.ndarray], np.ndarray]
    input_shape: tuple[int, ...] = (INPUTS,)

    def write(self, path: Path) -> Path:
        """The model as one .npz."""
        np.savez(path, **{"input_shape": list(self.input_shape), **self.layers})
        return path

    def samples(self, path: Path, seed: int = 0, *, steps: int = STEPS, **changes: Any) -> Path:
        """Random input with labels and the loop's own potentials as ``out``; ``changes`` replace entries."""
        rng = np.random.default_rng(seed)
        spikes = (rng.random((steps, SAMPLES, *self.input_shape)) < 0.4).astype(np.uint8)
        out = self.potentials(spikes).astype(np.float32)
        arrays = {"input": spikes, "label": out[-1].argmax(axis=1), "out": out} | changes
        np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
        return path


def _hidden(spikes: np.ndarray, weight: np.ndarray, recurrent: np.ndarray | None = None) -> np.ndarray:
    """Spikes of leaky neurons with retention 0.8, shape (time, sample, neuron)."""
    steps, samples = spikes.shape[:2]
    v = fired = np.zeros((samples, weight.shape[0]))
    made = []
    for step in range(steps):
        drive = spikes[step].reshape(samples, -1) @ weight.T
        if recurrent is not None:
            drive = drive + fired @ recurrent.T
        v = 0.8 * v + drive
        fired = (v > 1).astype(float)
        v = v - fired
        made.append(fired)
    return np.array(made)


def _leaky(drive: np.ndarray, decay: np.ndarray | float, gain: np.ndarray | float = 1.0) -> np.ndarray:
    v = np.zeros(drive.shape[1:])
    made = []
    for x in drive:
        v = decay * v + gain * x
        made.append(v)
    return np.array(made)


def _convolved(spikes: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Every kernel at every place, shape (time, sample, channel * row * column)."""
    kernel = weight.shape[-1]
    places = range(spikes.shape[-1] - kernel + 1)
    sums = [
        [np.einsum("tsixy,oixy->tso", spikes[..., y : y + kernel, x : x + kernel], weight) for x in places]
        for y in places
    ]
    grid = np.array(sums)  # (row, column, time, sample, channel)
    return np.moveaxis(grid, (0, 1), (3, 4)).reshape(*spikes.shape[:2], -1)


def readout_network(kind: str, seed: int = 0) -> ReadoutNetwork:
    """One of :data:`KINDS`, with random weights."""
    rng = np.random.default_rng(seed)
    first = rng.normal(0.3, 0.5, (7, INPUTS))
    second = rng.normal(0, 0.6, (CLASSES, 7))
    bias = rng.normal(0, 0.2, CLASSES)
    hidden: dict[str, Any] = {"fc1.type": "Linear", "fc1.weight": first, "h.type": "LIF", "h.tau": 0.8}
    linear: dict[str, Any] = {"fc2.type": "Linear", "fc2.weight": second}
    affine: dict[str, Any] = {"fc2.type": "Affine", "fc2.weight": second, "fc2.bias": bias}
    if kind == "LI":
        layers = {**hidden, **linear, "out.type": "LI", "out.tau": 0.9}
        return ReadoutNetwork(layers, lambda s: _leaky(_hidden(s, first) @ second.T, 0.9))
    if kind == "LI per neuron":
        tau = np.array([0.95, 0.9, 0.75, 0.5])
        layers = {**hidden, **affine, "out.type": "LI", "out.tau": tau, "out.r": 0.5}
        return ReadoutNetwork(layers, lambda s: _leaky(_hidden(s, first) @ second.T + bias, tau, 0.5))
    if kind == "I":
        layers = {**hidden, **affine, "out.type": "I", "out.r": 1.0}
        return ReadoutNetwork(layers, lambda s: np.cumsum(_hidden(s, first) @ second.T + bias, axis=0))
    if kind == "CubaLI":
        more = {"out.tau_mem": 0.9, "out.tau_syn": 0.7, "out.w_in": 0.4}
        layers = {**hidden, **linear, "out.type": "CubaLI", **more}
        return ReadoutNetwork(layers, lambda s: _leaky(_leaky(_hidden(s, first) @ second.T, 0.7, 0.4), 0.9))
    if kind == "Linear":
        return ReadoutNetwork({**hidden, **affine}, lambda s: _hidden(s, first) @ second.T + bias)
    if kind == "recurrent":
        loop = rng.normal(0, 0.3, (7, 7))
        hidden["h.after"] = ["fc1", "loop"]
        loops = {"loop.type": "Linear", "loop.weight": loop, "loop.after": "h"}
        layers = {**hidden, **loops, **linear, "fc2.after": "h", "out.type": "LI", "out.tau": 0.9}
        return ReadoutNetwork(layers, lambda s: _leaky(_hidden(s, first, loop) @ second.T, 0.9))
    if kind in ("convolution", "one place"):
        kernel = 3 if kind == "convolution" else 5
        weight = rng.normal(0, 0.4, (3, GRID[0], kernel, kernel))
        layers = {"conv.type": "Conv2d", "conv.weight": weight, "out.type": "LI", "out.tau": 0.9}
        return ReadoutNetwork(layers, lambda s: _leaky(_convolved(s, weight), 0.9), GRID)
    raise ValueError(kind)


KINDS = ("LI", "LI per neuron", "I", "CubaLI", "Linear", "recurrent", "convolution", "one place")
"""Every kind of readout, after recurrent neurons, and after a convolution: a grid, or one place of it."""
