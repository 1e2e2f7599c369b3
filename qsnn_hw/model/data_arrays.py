"""Arrays of a data file: unpacked, of the right type and shape, or refused in one line."""

from pathlib import Path

import numpy as np

from qsnn_hw.model.network import Network
from qsnn_hw.support.choices import Layout
from qsnn_hw.support.errors import UserError

_MAX_COUNT = 255


def unpacked_array(
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


def class_labels(path: Path, arrays: dict[str, np.ndarray], network: Network | None) -> np.ndarray | None:
    """Class numbers, int64, one a sample; None where the file has none; UserError for anything else."""
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


def spike_counts(path: Path, key: str, values: np.ndarray) -> np.ndarray:
    """Spike counts, uint8; UserError where an array holds anything but whole numbers from 0 to 255."""
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


def unpacked_steps(key: str, spikes: np.ndarray, wanted: tuple[int, ...]) -> tuple[np.ndarray, str | None]:
    """``spikes`` unpacked, and a line that says so, where a step of them fits in no other way."""
    has, needs = (int(np.prod(shape, dtype=np.int64)) for shape in (spikes.shape[2:], wanted))
    if spikes.ndim != 3 or spikes.dtype != np.uint8 or has == needs or has != -(-needs // 8):
        return spikes, None
    text = f"{key}: bytes per step {has}, addresses {needs}, so read as np.packbits packs them"
    return np.unpackbits(spikes, axis=-1, count=needs), text


def fitted_steps(path: Path, key: str, spikes: np.ndarray, wanted: tuple[int, ...] | None) -> np.ndarray:
    """Every step in the shape that the network wants; UserError where it has another number of addresses."""
    if wanted is None or spikes.shape[2:] == tuple(wanted):
        return np.ascontiguousarray(spikes)
    has = int(np.prod(spikes.shape[2:], dtype=np.int64))
    needs = int(np.prod(wanted, dtype=np.int64))
    if has != needs:
        raise UserError(f"{path}: {key} has {has} addresses per step, the network wants {needs}")
    return np.ascontiguousarray(spikes).reshape(*spikes.shape[:2], *wanted)


def spikes_or_potentials(path: Path, key: str, out: np.ndarray, network: Network | None) -> np.ndarray:
    """``out`` as spike counts, or as potentials where the network, or the values, say so."""
    # A readout group has no spikes to store: its potentials are what the framework has, and with integer
    # weights they may all be whole numbers.
    readout = network is not None and network.group(network.output).threshold is None
    if not readout and (out.dtype.kind != "f" or not np.all(np.isfinite(out))):
        return spike_counts(path, key, out)
    if not readout and np.all((out == np.round(out)) & (out >= 0)):
        return spike_counts(path, key, out)
    if out.dtype.kind not in "iufb":
        raise UserError(f"{path}: {key} has type {out.dtype}, not potentials")
    bad = int(np.count_nonzero(~np.isfinite(out)))
    if bad:
        raise UserError(f"{path}: {key} holds {bad} values that are NaN or infinite, not potentials")
    return out if out.dtype.kind == "f" else out.astype(np.float64)


def data_order(layout: Layout, spikes: np.ndarray, label: np.ndarray | None) -> str:
    """ "time-sample" or "sample-time": as asked for, else by the number of labels."""
    if layout != "auto":
        return layout
    if label is not None and spikes.shape[1] != label.size and spikes.shape[0] == label.size:
        return "sample-time"
    return "time-sample"


def framework_output(
    path: Path,
    arrays: dict[str, np.ndarray],
    key: str,
    order: str,
    lead: tuple[int, ...],
    network: Network | None,
) -> np.ndarray | None:
    """The framework's own output, (time, sample, neuron); None where the file has no ``out``."""
    width = None if network is None else network.group(network.output).size
    out = unpacked_array(path, arrays, key, width)
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
    return spikes_or_potentials(path, key, np.ascontiguousarray(out).reshape(*lead, -1), network)
