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

from qsnn_hw.model.network import Network
from qsnn_hw.support.choices import LAYOUTS, Layout
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import read_npz

INPUT_KEY = "input"
"""The key of the spikes where no other is given."""

_MAX_COUNT = 255


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
    spikes = _array(path, arrays, in_key)
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
    label = _labels(path, arrays, network)
    order = _layout(layout, spikes, label)
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
        spikes, unpacked = _bits(in_key, spikes, wanted)
    spikes = _fitted(path, in_key, _counts(path, in_key, spikes), wanted)
    out = _out(path, arrays, out_key, order, spikes.shape[:2], network)
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
    label = _labels(path, arrays, network)
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
    out, stored = _array(path, arrays, "out"), _array(path, arrays, "input")
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
    return _spikes_or_potentials(path, "out", out[:, :count].reshape(steps, count, -1), network), None


def load_array(path: Path | str, key: str) -> np.ndarray:
    """One array of a data file in its own layout, unpacked where it is stored as ``key_packed``.

    Raises
    ------
    UserError
        The file or the key is missing, or packed data does not fit its shape.
    """
    arrays = read_npz(Path(path))
    array = _array(Path(path), arrays, key)
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
    spikes = _array(path, arrays, in_key)
    if spikes is None or spikes.ndim < 3:
        return {}
    lead = spikes.shape[:2] if data.layout == "time-sample" else spikes.shape[1::-1]
    names = dict.fromkeys(name.removesuffix("_packed") for name in sorted(arrays))
    outs = {}
    for name in names:
        if name not in (key, in_key, INPUT_KEY, "label", "hidden"):
            try:
                out = _out(path, arrays, name, data.layout, lead, network)
            except UserError:
                continue
            if out is not None and out.shape[2] == network.group(network.output).size:
                outs[name] = out[:, : data.samples]
    return outs


def _array(
    path: Path, arrays: dict[str, np.ndarray], key: str, width: int | None = None
) -> np.ndarray | None:
    """An array, unpacked; ``width`` is the last size of a packed one whose shape is not in the file."""
    packed = arrays.get(f"{key}_packed")
    if packed is None:
        return arrays.get(key)
    shape_key = f"{key}_shape"
    if shape_key not in arrays:
        if width is not None and packed.dtype == np.uint8 and packed.shape[-1:] == (-(-width // 8),):
            return np.unpackbits(packed, axis=-1, count=width)
        raise UserError(f"{path} has {key}_packed but no {shape_key}; add the shape before np.packbits")
    sizes = arrays[shape_key]
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or sizes.size == 0 or np.any(sizes < 1):
        raise UserError(f"{path}: {shape_key} is {sizes.tolist()}, not a list of sizes above 0")
    shape = tuple(int(v) for v in sizes)
    if packed.dtype != np.uint8:
        raise UserError(f"{path}: {key}_packed is {packed.dtype}, not uint8 from np.packbits")
    # Everything after the first two axes may have been flattened before packing.
    lead = packed.shape[:-1]
    last = int(np.prod(shape[len(lead) :], dtype=np.int64)) if len(lead) < len(shape) else 0
    if lead != shape[: len(lead)] or not lead or packed.shape[-1] != -(-last // 8):
        raise UserError(
            f"{path}: {key}_packed has shape {packed.shape}, which does not unpack to {shape_key} {shape}; "
            "the file is truncated or the shape is wrong"
        )
    return np.unpackbits(packed, axis=-1, count=last).reshape(shape)


def _labels(path: Path, arrays: dict[str, np.ndarray], network: Network | None) -> np.ndarray | None:
    label = arrays.get("label")
    if label is None:
        return None
    if label.ndim != 1 or label.dtype.kind not in "iufb" or not np.all(np.isfinite(label)):
        raise UserError(
            f"{path}: label has shape {label.shape} and type {label.dtype}, not one integer a sample"
        )
    if np.any(label != np.round(label)) or np.any(label < 0):
        raise UserError(f"{path}: label holds values that are not class numbers from 0")
    outputs = None if network is None else network.group(network.output).size
    if outputs is not None and np.any(label >= outputs):
        raise UserError(
            f"{path}: label {label.max():g} has no output neuron; the network has {outputs}, so labels are 0 "
            f"to {outputs - 1}"
        )
    return label.astype(np.int64)


def _layout(layout: Layout, spikes: np.ndarray, label: np.ndarray | None) -> str:
    if layout != "auto":
        return layout
    if label is not None and spikes.shape[1] != label.size and spikes.shape[0] == label.size:
        return "sample-time"
    return "time-sample"


def _counts(path: Path, key: str, values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "iufb":
        raise UserError(f"{path}: {key} has type {values.dtype}, not spike counts")
    if values.dtype.kind == "f" and not np.all(np.isfinite(values)):
        bad = int(np.count_nonzero(~np.isfinite(values)))
        raise UserError(f"{path}: {key} holds {bad} values that are NaN or infinite, not spikes")
    if np.any((values < 0) | (values > _MAX_COUNT) | (values != np.round(values))):
        raise UserError(
            f"{path}: {key} holds values other than whole spike counts from 0 to {_MAX_COUNT}; "
            "encode analog values as spikes first"
        )
    return values.astype(np.uint8)


def _bits(key: str, spikes: np.ndarray, wanted: tuple[int, ...]) -> tuple[np.ndarray, str | None]:
    """``spikes`` unpacked, and a line that says so, where a step of them fits in no other way."""
    has, needs = (int(np.prod(shape, dtype=np.int64)) for shape in (spikes.shape[2:], wanted))
    if spikes.ndim != 3 or spikes.dtype != np.uint8 or has == needs or has != -(-needs // 8):
        return spikes, None
    text = f"{key}: bytes per step {has}, addresses {needs}, so read as np.packbits packs them"
    return np.unpackbits(spikes, axis=-1, count=needs), text


def _fitted(path: Path, key: str, spikes: np.ndarray, wanted: tuple[int, ...] | None) -> np.ndarray:
    if wanted is None or spikes.shape[2:] == tuple(wanted):
        return np.ascontiguousarray(spikes)
    has = int(np.prod(spikes.shape[2:], dtype=np.int64))
    needs = int(np.prod(wanted, dtype=np.int64))
    if has != needs:
        raise UserError(f"{path}: {key} has {has} addresses per step, the network wants {needs}")
    return np.ascontiguousarray(spikes).reshape(*spikes.shape[:2], *wanted)


def _out(
    path: Path,
    arrays: dict[str, np.ndarray],
    key: str,
    order: str,
    lead: tuple[int, ...],
    network: Network | None,
) -> np.ndarray | None:
    width = None if network is None else network.group(network.output).size
    out = _array(path, arrays, key, width)
    if out is None:
        if key != "out":
            raise UserError(
                f"{path} has neither {key} nor {key}_packed; it holds {', '.join(sorted(arrays))}"
            )
        return None
    if out.ndim < 3:
        raise UserError(f"{path}: {key} has shape {out.shape}, not (time, sample, neuron)")
    if order == "sample-time":
        out = np.swapaxes(out, 0, 1)
    if out.shape[:2] != tuple(lead):
        raise UserError(
            f"{path}: {key} covers {out.shape[0]} steps of {out.shape[1]} samples, "
            f"input {lead[0]} of {lead[1]}"
        )
    return _spikes_or_potentials(path, key, np.ascontiguousarray(out).reshape(*lead, -1), network)


def _spikes_or_potentials(path: Path, key: str, out: np.ndarray, network: Network | None) -> np.ndarray:
    """``out`` as spike counts, or as potentials where the network, or the values, say so."""
    # A readout group has no spikes to store: its potentials are what the framework has, and with integer
    # weights they may all be whole numbers.
    readout = network is not None and network.group(network.output).threshold is None
    if not readout and (out.dtype.kind != "f" or not np.all(np.isfinite(out))):
        return _counts(path, key, out)
    if not readout and np.all((out == np.round(out)) & (out >= 0)):
        return _counts(path, key, out)
    if out.dtype.kind not in "iufb":
        raise UserError(f"{path}: {key} has type {out.dtype}, not potentials")
    bad = int(np.count_nonzero(~np.isfinite(out)))
    if bad:
        raise UserError(f"{path}: {key} holds {bad} values that are NaN or infinite, not potentials")
    return out if out.dtype.kind == "f" else out.astype(np.float64)
