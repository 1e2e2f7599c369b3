"""Input spikes, labels and the framework's own output spikes from an .npz file.

Keys: ``input_packed`` with ``input_shape`` (``np.packbits`` along the last axis, then cut) or a plain
``input``, or another name that is given; ``label`` and ``out`` (or ``out_packed`` with ``out_shape``)
optional. Other keys are left alone; :func:`load_array` reads them. A design that makes its own input
spikes takes ``pixels`` instead: uint8, shape (sample, ...).
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qsnn_hw.model.data_arrays import (
    class_labels,
    data_order,
    fitted_steps,
    framework_output,
    spike_counts,
    spikes_or_potentials,
    unpacked_array,
    unpacked_steps,
)
from qsnn_hw.model.network import Network
from qsnn_hw.support.choices import LAYOUTS, Layout
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import read_npz

INPUT_KEY = "input"
"""The key of the spikes where no other is given."""


@dataclass(frozen=True)
class Dataset:
    """Samples for a network, time first.

    Parameters
    ----------
    source
        The file, for messages.
    input
        uint8, shape (time, sample, *input shape): spikes per address and step, mostly 0 and 1.
    label
        int64, shape (sample,), or None.
    out
        The framework's own output, shape (time, sample, neuron): spikes, uint8, or potentials, floating;
        or None.
    layout
        Which axis order the file had: "time-sample" or "sample-time".
    pixels
        What ``input`` was made from, uint8, shape (sample, input); None where the file holds spikes.
    names
        Of all arrays in the file.
    out_missing
        Why there is no ``out`` although the file has one.
    unpacked
        What bits ``input`` was read from where no name in the file says that they are bits; else None.
    """

    source: str
    input: np.ndarray
    label: np.ndarray | None
    out: np.ndarray | None
    layout: str
    pixels: np.ndarray | None = None
    names: tuple[str, ...] = ()
    out_missing: str | None = None
    unpacked: str | None = None

    @property
    def steps(self) -> int:
        """The number of time steps per sample."""
        return int(self.input.shape[0])

    @property
    def samples(self) -> int:
        """The number of samples."""
        return int(self.input.shape[1])

    def take(self, samples: int) -> "Dataset":
        """The first ``samples`` samples.

        Raises
        ------
        UserError
            Not between 1 and the number of samples.
        """
        if not 1 <= samples <= self.samples:
            raise UserError(f"{self.source}: samples is 1 to {self.samples}, not {samples}")
        return replace(
            self,
            input=self.input[:, :samples],
            label=None if self.label is None else self.label[:samples],
            out=None if self.out is None else self.out[:, :samples],
            pixels=None if self.pixels is None else self.pixels[:samples],
        )

    def shared_with(self, other: "Dataset") -> int:
        """How many samples have an input that a sample of ``other`` has, too; silent ones do not count."""
        known = set(other._digests())
        return sum(digest in known for digest in self._digests())

    def _digests(self) -> Iterator[bytes]:
        """One for each sample's input, in order; none for a sample without a spike."""
        for sample in range(self.samples):
            spikes = np.ascontiguousarray(self.input[:, sample])
            if spikes.any():
                yield hashlib.blake2b(spikes.tobytes(), digest_size=16).digest()


def load_dataset(
    path: Path | str,
    *,
    network: Network | None = None,
    input_shape: tuple[int, ...] | None = None,
    layout: Layout = "auto",
    samples: int | None = None,
    in_key: str = INPUT_KEY,
    out_key: str = "out",
) -> Dataset:
    """Read a data file.

    Parameters
    ----------
    network, input_shape
        What one time step must hold; a flat step of the right size is reshaped. Without either,
        the file's own shape stands.
    layout
        The order of the first two axes. "auto" takes the axis whose length is the number of labels
        as samples; where both or neither fit, it takes "time-sample".
    samples
        Keep only the first so many.
    in_key
        The key of the spikes. An array of another key than "input" whose steps fit ``network`` only as the
        bytes of ``np.packbits`` is unpacked.
    out_key
        The key of the framework's own spikes; only a key other than "out" must exist.

    Raises
    ------
    UserError
        Missing file or keys, values that are not spike counts, or shapes that do not fit.
    """
    path = Path(path)
    if layout not in LAYOUTS:
        raise UserError(f"layout is one of {', '.join(LAYOUTS)}, not {layout!r}")
    arrays = read_npz(path)
    spikes = unpacked_array(path, arrays, in_key)
    if spikes is None:
        raise UserError(
            f"{path} has neither {in_key}_packed nor {in_key}; it holds "
            f"{', '.join(sorted(arrays)) or 'nothing'}: store the spikes as input, or for qsnn-hw check give "
            "--in-key KEY, with --layout sample-time where samples come before time steps"
        )
    if spikes.ndim < 3:
        raise UserError(f"{path}: {in_key} has shape {spikes.shape}, not (time, sample, addresses)")
    if 0 in spikes.shape:
        raise UserError(f"{path}: {in_key} has shape {spikes.shape}, so it is empty")
    label = class_labels(path, arrays, network)
    order = data_order(layout, spikes, label)
    if order == "sample-time":
        spikes = np.swapaxes(spikes, 0, 1)
    if label is not None and label.size != spikes.shape[1]:
        raise UserError(
            f"{path}: {label.size} labels for {spikes.shape[1]} samples (input read as {order}); "
            "cut one of them, or give the other layout"
        )
    wanted = network.input_shape if network is not None else input_shape
    unpacked = None
    if in_key != INPUT_KEY and wanted is not None and f"{in_key}_packed" not in arrays:
        spikes, unpacked = unpacked_steps(in_key, spikes, wanted)
    spikes = fitted_steps(path, in_key, spike_counts(path, in_key, spikes), wanted)
    out = framework_output(path, arrays, out_key, order, spikes.shape[:2], network)
    dataset = Dataset(str(path), spikes, label, out, order, names=tuple(sorted(arrays)), unpacked=unpacked)
    return dataset if samples is None else dataset.take(samples)


def load_pixels(
    path: Path | str,
    *,
    network: Network,
    encode: Callable[[np.ndarray], np.ndarray],
    samples: int | None = None,
) -> Dataset:
    """Read a file of pixels and turn them into spikes; ``out`` is read as :func:`load_dataset` does.

    Parameters
    ----------
    network
        What one sample must fit.
    encode
        Pixels, uint8 (sample, input), to spikes, uint8 (time, sample, input).
    samples
        Keep only the first so many.

    Raises
    ------
    UserError
        Missing file or key, values that are not pixels, or shapes that do not fit.
    """
    path = Path(path)
    arrays = read_npz(path)
    pixels = arrays.get("pixels")
    if pixels is None:
        raise UserError(f"{path} has no pixels; it holds {', '.join(sorted(arrays)) or 'nothing'}")
    if pixels.dtype != np.uint8:
        raise UserError(f"{path}: pixels must be uint8 from 0 to 255, not {pixels.dtype}")
    if pixels.ndim < 2 or 0 in pixels.shape or pixels[0].size != network.input_size:
        raise UserError(
            f"{path}: pixels has shape {pixels.shape}, not (sample, ...) with {network.input_size} a sample"
        )
    label = class_labels(path, arrays, network)
    if label is not None and label.size != len(pixels):
        raise UserError(f"{path}: {label.size} labels for {len(pixels)} samples")
    flat = np.ascontiguousarray(pixels).reshape(len(pixels), -1)
    if samples is not None and not 1 <= samples <= len(flat):
        raise UserError(f"{path}: samples is 1 to {len(flat)}, not {samples}")
    spikes = encode(flat if samples is None else flat[:samples])
    shaped = spikes.reshape(*spikes.shape[:2], *network.input_shape)
    if samples is not None:
        label = None if label is None else label[:samples]
    out, missing = _out_beside_pixels(path, arrays, spikes, samples, network)
    names = tuple(sorted(arrays))
    return Dataset(
        str(path), shaped, label, out, "sample-time", flat[: spikes.shape[1]], names, out_missing=missing
    )


def _out_beside_pixels(
    path: Path, arrays: dict[str, np.ndarray], spikes: np.ndarray, samples: int | None, network: Network
) -> tuple[np.ndarray | None, str | None]:
    """``out`` where it belongs to ``spikes``, which an encoder made, or why there is none."""
    out, stored = unpacked_array(path, arrays, "out"), unpacked_array(path, arrays, "input")
    if out is None or out.ndim < 3:
        return None, None
    steps, count = spikes.shape[:2]
    order = "time-sample" if out.shape[0] == steps else "sample-time"
    if order == "sample-time":
        out = np.swapaxes(out, 0, 1)
    if stored is not None and stored.ndim >= 3:
        stored = stored if order == "time-sample" else np.swapaxes(stored, 0, 1)
        same = stored[:, :samples].size == spikes.size and np.array_equal(
            stored[:, :samples].reshape(stored.shape[0], count, -1), spikes
        )
        if not same:
            return None, f"out of {path} belongs to its input, which the encoder does not make"
    if out.shape[0] != steps or out.shape[1] < count:
        return None, f"out of {path} has {out.shape[0]} steps of {out.shape[1]} samples"
    return spikes_or_potentials(path, "out", out[:, :count].reshape(steps, count, -1), network), None


def load_array(path: Path | str, key: str) -> np.ndarray:
    """One array of a data file in its own layout, unpacked where it is stored as ``key_packed``.

    Raises
    ------
    UserError
        The file or the key is missing, or packed data does not fit its shape.
    """
    arrays = read_npz(Path(path))
    array = unpacked_array(Path(path), arrays, key)
    if array is None:
        raise UserError(f"{path} has neither {key} nor {key}_packed; it holds {', '.join(sorted(arrays))}")
    return array


def other_outs(
    path: Path | str, network: Network, data: Dataset, key: str, in_key: str = INPUT_KEY
) -> dict[str, np.ndarray]:
    """Arrays of the file of ``data``, but those of ``key`` and ``in_key``, that fit the network's output.

    Each is what :func:`load_dataset` would give as ``out`` with that key.

    Raises
    ------
    UserError
        The file is missing.
    """
    path = Path(path)
    arrays = read_npz(path)
    spikes = unpacked_array(path, arrays, in_key)
    if spikes is None or spikes.ndim < 3:
        return {}
    lead = spikes.shape[:2] if data.layout == "time-sample" else spikes.shape[1::-1]
    names = dict.fromkeys(name.removesuffix("_packed") for name in sorted(arrays))
    outs = {}
    for name in names:
        if name not in (key, in_key, INPUT_KEY, "label", "hidden"):
            try:
                out = framework_output(path, arrays, name, data.layout, lead, network)
            except UserError:
                continue
            if out is not None and out.shape[2] == network.group(network.output).size:
                outs[name] = out[:, : data.samples]
    return outs
