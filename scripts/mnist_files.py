"""The half of the MNIST examples that needs no PyTorch: images, spikes, readouts and files.

Shared by train_mnist_fast.py and train_mnist_conv.py.
"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nir
import numpy as np
from training_files import Distortion, Layer, packed, write_chain

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import write_npz

SIDE = 28
VALIDATION_SAMPLES = 5000
SPLIT_SEED = 1
SHIPPED_SAMPLES = 200


@dataclass(frozen=True)
class Settings:
    """How to train; the defaults of the scripts were chosen by validation accuracy.

    Parameters
    ----------
    steps, floor
        Of the encoding.
    layers
        (post neurons, 0, 0) of a dense layer; (channels, kernel, stride) of a convolution.
    epochs, seed, learning_rate
        Passes over the samples, seed of everything random, and the largest step size.
    single_step_epochs
        So many epochs come first in which an image is one step long, which is that much cheaper.
    surrogate_slope
        Of the fast sigmoid whose derivative stands in for that of a spike.
    margin
        Logits of the loss per unit of output potential.
    silence, count, activity
        Weights in the loss, see ``_Trainer._loss`` in mnist_training.py.
    distortion
        Of every image, afresh in every epoch.
    """

    steps: int
    floor: int
    layers: tuple[tuple[int, int, int], ...]
    epochs: int
    seed: int
    single_step_epochs: int
    learning_rate: float
    surrogate_slope: float
    margin: float
    silence: float
    count: float
    activity: float
    distortion: Distortion


@dataclass(frozen=True)
class Mnist:
    """The data set and who sees which sample.

    Parameters
    ----------
    fit, validation, test
        (pixels, labels): uint8 of shape (sample, 28, 28) and int64 of shape (sample,). The
        validation samples are 5,000 of the training set's 60,000; fit are the others.
    """

    fit: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def load_mnist(folder: Path) -> Mnist:
    """The gzipped IDX files in ``folder``, split with a fixed seed that no option changes.

    Raises
    ------
    UserError
        A file is missing.
    """
    (pixels, label), test = read_part(folder, "train"), read_part(folder, "t10k")
    order = np.random.default_rng(SPLIT_SEED).permutation(label.size)
    held, fit = np.sort(order[:VALIDATION_SAMPLES]), np.sort(order[VALIDATION_SAMPLES:])
    return Mnist((pixels[fit], label[fit]), (pixels[held], label[held]), test)


def read_part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels of ``part``, "train" or "t10k": uint8 (sample, 28, 28) and int64 (sample,).

    Raises
    ------
    UserError
        A file is missing.
    """
    pixels = _idx(folder / f"{part}-images-idx3-ubyte.gz")
    return pixels, _idx(folder / f"{part}-labels-idx1-ubyte.gz").astype(np.int64)


def _idx(path: Path) -> np.ndarray:
    """The bytes behind the header of a gzipped IDX file."""
    try:
        raw = gzip.decompress(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error}; give MNIST's folder with --data") from error
    shape = [int.from_bytes(raw[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def encode(pixels: np.ndarray, steps: int, floor: int) -> np.ndarray:
    """Latency coding: a pixel ``p >= floor`` spikes once, in step ``((255 - p) * steps) >> 8``.

    Parameters
    ----------
    pixels
        uint8, shape (sample, 28, 28).

    Returns
    -------
    numpy.ndarray
        uint8 0 or 1, shape (steps, sample, 28, 28).
    """
    step = ((255 - pixels.astype(np.int32)) * steps) >> 8
    when = np.arange(steps).reshape(-1, 1, 1, 1)
    return ((step == when) & (pixels >= floor)).astype(np.uint8)


def encode_rate(pixels: np.ndarray, steps: int) -> np.ndarray:
    """Rate coding: after step ``t`` (from 1) a pixel ``p`` has spiked ``(p * t + 128) >> 8`` times.

    Parameters
    ----------
    pixels
        uint8, shape (sample, 28, 28).

    Returns
    -------
    numpy.ndarray
        uint8 0 or 1, shape (steps, sample, 28, 28).
    """
    t = np.arange(steps + 1, dtype=np.int32).reshape(-1, 1, 1, 1)
    counted = ((pixels * t + 128) >> 8).astype(np.int16)
    return np.diff(counted, axis=0).astype(np.uint8)


def by_count(out: np.ndarray) -> np.ndarray:
    """Per sample, the output neuron with the most spikes, the lowest address of several."""
    return np.asarray(out.sum(axis=0, dtype=np.int64).argmax(axis=1))


def by_first_spike(out: np.ndarray) -> np.ndarray:
    """Per sample, the output neuron of the earliest spike, the lowest address of several.

    A sample without any output spike is address 0.
    """
    urgency = np.arange(len(out), 0, -1).reshape(-1, 1, 1)
    return np.asarray((out * urgency).max(axis=0).argmax(axis=1))


def write_network(path: Path, layers: Sequence[Layer], shape: tuple[int, ...]) -> None:
    """Write a NIR graph of Affine or Conv2d nodes, each followed by IF neurons.

    Read with the preset ``norse``, a time step is ``v = v + W s + b; s = (v > 1); v = 0 where s``; with
    ``snntorch`` a spike subtracts 1 instead.
    """
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array(shape)})}
    for number, layer in enumerate(layers, start=1):
        if layer.stride:
            size = (shape[1] - layer.weight.shape[2]) // layer.stride + 1
            nodes[f"conv{number}"] = nir.Conv2d(
                input_shape=shape[1:],
                weight=layer.weight,
                stride=layer.stride,
                padding=0,
                dilation=1,
                groups=1,
                bias=layer.bias,
            )
            shape = (layer.bias.size, size, size)
        else:
            if len(shape) > 1:
                nodes["flatten"] = nir.Flatten({"input": np.array(shape)}, start_dim=0, end_dim=-1)
            nodes[f"dense{number}"] = nir.Affine(weight=layer.weight, bias=layer.bias)
            shape = (layer.bias.size,)
        one, zero = np.ones(shape, np.float32), np.zeros(shape, np.float32)
        nodes[f"if{number}"] = nir.IF(r=one, v_threshold=one, v_reset=zero)
    nodes["output"] = nir.Output({"output": np.array(shape)})
    write_chain(path, nodes)


def read_layers(path: Path, settings: Settings) -> list[Layer]:
    """The layers of a file that :func:`write_network` wrote for the same layers.

    Raises
    ------
    UserError
        The file cannot be read, or holds other layers.
    """
    try:
        nodes = nir.read(path).nodes
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}; give a network of this script with --start") from error
    layers = []
    for number, (size, kernel, stride) in enumerate(settings.layers, start=1):
        node = nodes.get(f"conv{number}" if stride else f"dense{number}")
        if node is None or len(node.weight) != size or (stride and node.weight.shape[2:] != (kernel, kernel)):
            raise UserError(f"{path} does not hold this script's layers; give another --start")
        layers.append(Layer(node.weight, node.bias, stride))
    return layers


def write_samples(
    path: Path, spikes: np.ndarray, out: np.ndarray, label: np.ndarray, pixels: np.ndarray | None = None
) -> None:
    """Write samples with the network's own output spikes: at most ``SHIPPED_SAMPLES``, bit-packed.

    ``pixels``: what an encoder on the chip makes ``spikes`` of, uint8 of shape (sample, ...).
    """
    spikes, out, label = spikes[:, :SHIPPED_SAMPLES], out[:, :SHIPPED_SAMPLES], label[:SHIPPED_SAMPLES]
    arrays = {**packed("input", spikes), "out": out, "label": label}
    if pixels is not None:
        arrays["pixels"] = pixels[:SHIPPED_SAMPLES]
    write_npz(path, {**arrays, "index": np.arange(label.size)})


def events(spikes: np.ndarray) -> tuple[str, str]:
    """Mean and maximum of the spikes of one sample; ``spikes`` is (time, sample, ...)."""
    count = spikes.sum(axis=(0, *range(2, spikes.ndim)), dtype=np.int64)
    return f"{count.mean():.1f}", str(count.max())
