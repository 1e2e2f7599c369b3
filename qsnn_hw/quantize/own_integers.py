"""Whether a group keeps the integers its weights lie on, and the options that belong to them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qsnn_hw.model.network import NeuronGroup
from qsnn_hw.quantize.grid import KeptIntegers, exact_leak_bits, keep_integers, on_grid
from qsnn_hw.quantize.integers import signed_bits, split_columns
from qsnn_hw.quantize.network import QuantizedNetwork
from qsnn_hw.quantize.options import MAX_FRACTIONAL_BITS, QuantizeOptions


@dataclass(frozen=True)
class OwnIntegers:
    """What a group keeps.

    Parameters
    ----------
    scale
        float64, shape (rows,): the step of each block of rows.
    parts
        int64: the integers of each projection, in the shape of its weights.
    options
        Those of the group: with fractional bits that keep potentials as fine as plain rounding would,
        or as asked for where everything is whole; with leak bits that hold leaks exactly.
    whole
        Everything else of the group lies on the grid, too: nothing may be made finer.
    """

    scale: np.ndarray
    parts: tuple[np.ndarray, ...]
    options: QuantizeOptions
    whole: bool


def own_integers(
    group: NeuronGroup, weights: Sequence[np.ndarray], drive: np.ndarray, rows: int, options: QuantizeOptions
) -> OwnIntegers | None:
    """The integers that the weights of ``group`` are; None where they are to be rounded.

    Where thresholds, biases and resets are whole steps, too, and every decay is a whole number of 4096ths,
    the group is integer arithmetic as it stands and nothing is made finer. Otherwise potentials get
    the fractional bits that the integers leave free.

    Parameters
    ----------
    weights
        Real weights of each projection, their first axis in ``rows`` blocks.
    drive
        What biases add per step, shape (n,).
    options
        Of the group. Clipping at a percentile, compensated rounding, and scales that must be powers of
        two and are not, leave nothing to keep.
    """
    if (
        options.keep_integers == "none"
        or options.rounding != "nearest"
        or options.scheme.clip == "percentile"
    ):
        return None
    blocks = np.concatenate([w.reshape(rows, -1) for w in weights], axis=1)
    # A readout's potentials are compared, so its neurons share a step unless asked otherwise.
    by_row = options.scheme.per_neuron or (options.keep_integers == "rows" and group.threshold is not None)
    own = keep_integers(blocks, options.weight_bits, by_row=by_row)
    if own is None or (options.power_of_two and (np.frexp(own.scale)[0] != 0.5).any()):
        return None
    leak = _exact_leaks(group)
    whole = leak is not None and _whole(group, drive, np.repeat(own.scale, group.size // rows))
    # Two or three weights lie on some grid by chance; whole numbers all over are no chance.
    if not own.certain and not (whole and (own.scale == np.rint(own.scale)).all()):
        return None
    changes: dict[str, Any] = {}
    if not whole:
        changes["fractional_bits"] = _fractional_bits(own, blocks, options)
    elif options.leak_bits is None:
        changes["leak_bits"] = leak
    parts = split_columns(own.integers, weights)
    return OwnIntegers(own.scale, parts, replace(options, **changes), whole)


def _whole(group: NeuronGroup, drive: np.ndarray, step: np.ndarray) -> bool:
    value = group.v_reset if group.reset == "v_reset" else None
    return on_grid((group.threshold, group.leak, drive, value, group.v_min), step)


def _exact_leaks(group: NeuronGroup) -> int | None:
    """Leak bits that hold the decays of potential and current exactly, or None."""
    bits = exact_leak_bits(group.decay)
    if bits is None or group.current_decay is None:
        return bits
    current = exact_leak_bits(group.current_decay)
    return None if current is None else max(bits, current)


def _fractional_bits(own: KeptIntegers, blocks: np.ndarray, options: QuantizeOptions) -> int:
    """Fractional bits for steps of the potential no coarser than rounding's, as far as there are any."""
    plain = np.abs(blocks).max() / (2 ** (options.weight_bits - 1) - 1)
    # A fifth coarser is as fine: 8-bit integers in 16 bits want 8 more bits, not 9.
    missing = max(0, int(np.ceil(np.log2(own.scale.max() / plain) - 0.25)))
    return min(options.scheme.fractional_bits + missing, MAX_FRACTIONAL_BITS)


def own_integers_notes(network: QuantizedNetwork) -> list[str]:
    """A line for each group that kept its integers, as plan and commands say it."""
    notes = []
    for group in network.groups:
        if group.own_integers:
            steps = np.unique(group.scale)
            step = f"one step is {steps[0]:.6g}" if steps.size == 1 else "a step for each neuron or channel"
            bits = max(2, *(signed_bits(p.weight) for p in network.into(group.name)))
            notes.append(
                f"{group.name}: its weights lie on a grid already and keep their integers: {step}, "
                f"{bits} bits hold them"
            )
    return notes
