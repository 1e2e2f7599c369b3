"""The golden model, clocked form: every neuron every time step, batched over samples.

This and :mod:`qsnn_hw.quantize.network` are the specification the hardware must equal, spike for
spike and potential for potential. Weighted sums are one matrix product over all samples and time
steps; float32 products are used only where every partial sum is proved below 2**24, where float32
holds integers exactly.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qsnn_hw import files
from qsnn_hw.errors import UserError
from qsnn_hw.model.network import INPUT
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork

FORMAT = "qsnn-hw golden run 1"

# float32 and float64 hold every integer up to these bounds exactly.
_EXACT_FLOAT32 = 2**24
_EXACT_FLOAT64 = 2**53
# Samples are processed in blocks so that the weighted sums of one block stay in this many bytes.
_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class GoldenRun:
    """What the golden model did with a batch of samples.

    Parameters
    ----------
    spikes
        Group name -> uint8 of shape (time, sample, neuron).
    potentials
        Group name -> int32 of the same shape: the potential each tick's trace shows. Only the
        groups asked for.
    saturations
        Group name -> how many potentials met the group's clamp, over all neurons and steps.
    """

    spikes: dict[str, np.ndarray]
    potentials: dict[str, np.ndarray] = field(default_factory=dict)
    saturations: dict[str, int] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write spikes (bit-packed) and potentials as one .npz, whole or not at all."""
        arrays: dict[str, np.ndarray | str] = {"format": FORMAT, "groups": np.array(list(self.spikes))}
        for index, (name, spikes) in enumerate(self.spikes.items()):
            arrays[f"spikes{index}_packed"] = np.packbits(spikes, axis=-1)
            arrays[f"spikes{index}_shape"] = np.array(spikes.shape)
            arrays[f"saturations{index}"] = np.array(self.saturations.get(name, 0))
            if name in self.potentials:
                arrays[f"potentials{index}"] = self.potentials[name]
        files.write_npz(path, arrays)

    @classmethod
    def load(cls, path: Path) -> "GoldenRun":
        """Read what :meth:`save` wrote; UserError when it is not such a file."""
        arrays = files.read_npz(path)
        try:
            if str(arrays["format"]) != FORMAT:
                raise UserError(f"{path}: format is {arrays['format']}, this version reads {FORMAT}")
            run = cls({}, {}, {})
            for index, raw in enumerate(arrays["groups"]):
                name = str(raw)
                shape = tuple(int(n) for n in arrays[f"spikes{index}_shape"])
                run.spikes[name] = np.unpackbits(arrays[f"spikes{index}_packed"], axis=-1, count=shape[-1])
                run.saturations[name] = int(arrays[f"saturations{index}"])
                if f"potentials{index}" in arrays:
                    run.potentials[name] = arrays[f"potentials{index}"]
            return run
        except (KeyError, ValueError) as error:
            raise UserError(f"{path} is not a golden run of this version: {error!r}") from error


def checked_input(network: QuantizedNetwork, inputs: np.ndarray) -> np.ndarray:
    """Return ``inputs`` as uint8 (time, sample, address) when they are spikes for ``network``.

    Raises
    ------
    UserError
        The shape is not (time, sample, ...), the width is not the network's, or a value is neither
        0 nor 1.
    """
    if inputs.ndim < 3:
        raise UserError(f"input must have the shape (time, sample, address), not {inputs.shape}")
    # Not reshape(..., -1): NumPy cannot infer an axis of an array without elements.
    flat = inputs.reshape(*inputs.shape[:2], int(np.prod(inputs.shape[2:], dtype=np.int64)))
    if flat.shape[2] != network.input_size:
        raise UserError(
            f"input has {flat.shape[2]} addresses per time step, the network wants {network.input_size}"
        )
    # Written so that NaN, which equals nothing, is bad too.
    bad = flat > 1 if flat.dtype == np.uint8 else ~((flat == 0) | (flat == 1))
    if bad.any():
        worst = flat[bad].ravel()[0]
        raise UserError(
            f"input must be spikes (0 or 1), not {worst}; the hardware takes one event per address"
        )
    return flat.astype(np.uint8, copy=False)


def run_clocked(
    network: QuantizedNetwork,
    inputs: np.ndarray,
    *,
    record: Collection[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> GoldenRun:
    """Run every sample from the initial state.

    Parameters
    ----------
    network
        The integer network.
    inputs
        0/1 of any dtype, shape (time, sample, ...) with the network's input shape flattened or not.
    record
        Names of the groups whose potentials are kept.
    on_progress
        Called with (samples done, samples).

    Raises
    ------
    UserError
        The input's width is not the network's, or its values are not 0 and 1.
    """
    flat = checked_input(network, inputs)
    steps, samples = flat.shape[:2]
    widest = max(g.size for g in network.groups)
    block = max(1, _BLOCK_BYTES // (8 * max(1, steps) * widest))
    run = GoldenRun(
        spikes={g.name: np.empty((steps, samples, g.size), dtype=np.uint8) for g in network.groups},
        potentials={
            g.name: np.empty((steps, samples, g.size), dtype=np.int32)
            for g in network.groups
            if g.name in record
        },
        saturations={g.name: 0 for g in network.groups},
    )
    for start in range(0, samples, block):
        part = slice(start, min(start + block, samples))
        spikes = {INPUT: flat[:, part]}
        for group in network.groups:
            weighted = sum(
                (
                    _weighted(spikes[p.source], p.weight) << group.fractional_bits
                    for p in network.into(group.name)
                ),
                start=np.int64(0),
            )
            trace = run.potentials[group.name][:, part] if group.name in run.potentials else None
            fired, saturated = _run_group(group, np.asarray(weighted), trace)
            spikes[group.name] = fired
            run.spikes[group.name][:, part] = fired
            run.saturations[group.name] += saturated
        on_progress(part.stop, samples)
    return run


def _weighted(spikes: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Integer matrix product over the last axis: (time, sample, pre) x (post, pre)."""
    bound = int(np.abs(weight.astype(np.int64)).sum(axis=1).max(initial=0))
    if bound < _EXACT_FLOAT32:
        dtype: type = np.float32
    elif bound < _EXACT_FLOAT64:
        dtype = np.float64
    else:  # pragma: no cover - 2**53 / 2**15 inputs do not fit any memory
        raise UserError(f"a neuron's absolute weights sum to {bound}, past exact arithmetic")
    rows: np.ndarray = spikes.reshape(-1, spikes.shape[-1]).astype(dtype)
    product = rows @ weight.T.astype(dtype)
    return product.reshape(*spikes.shape[:-1], weight.shape[0]).astype(np.int64)


def _run_group(
    group: QuantizedGroup, weighted: np.ndarray, trace: np.ndarray | None
) -> tuple[np.ndarray, int]:
    """One group over all steps; ``weighted`` is int64 (time, sample, neuron) in potential steps."""
    fired_all = np.empty(weighted.shape, dtype=np.uint8)
    state = np.broadcast_to(group.bias, weighted.shape[1:]).copy()
    saturated = 0
    for step in range(weighted.shape[0]):
        v = state + weighted[step]
        v, fired, state, clamped = tick(group, v)
        saturated += clamped
        fired_all[step] = fired
        if trace is not None:
            trace[step] = v
    return fired_all, saturated


def tick(group: QuantizedGroup, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """End one time step: clamp, fire, reset, leak, bias (see ``quantize/network.py``).

    Parameters
    ----------
    group
        The neuron parameters; ``v`` may be any (..., n) or a subset given a matching group.
    v
        int64: the stored state plus this step's weighted events.

    Returns
    -------
    v, fired, state, saturated
        The traced potential, the spikes (bool), the next stored state, and how many met the clamp.
    """
    saturated = 0
    if group.v_low is not None and group.v_high is not None:
        clamped = np.clip(v, group.v_low, group.v_high)
        saturated = int(np.count_nonzero(clamped != v))
        v = clamped
    fired = v >= group.threshold
    if not group.reset_delay:
        if group.reset == "subtract":
            v = v - fired * group.reset_amount
        elif group.reset == "value":
            v = np.where(fired, group.reset_value, v)
    kept = np.where(fired, group.reset_value, v) if group.reset == "value" else v
    state = kept - ((kept * group.leak_numerator) >> group.leak_shift) + group.bias
    if group.reset_delay and group.reset == "subtract":
        state = state - fired * group.reset_amount
    return v, fired, state, saturated
