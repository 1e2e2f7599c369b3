"""How fine and how wide the potentials of a readout are: they are its output, and no threshold forgives."""

import numpy as np

from qsnn_hw.quantize.interval_step import Interval
from qsnn_hw.quantize.options import MAX_FRACTIONAL_BITS, MAX_POTENTIAL_BITS

READOUT_STEPS = 1024
"""No sample of fewer time steps reaches the clamp of a readout that never leaks."""


def readout_fraction(
    decay: np.ndarray, current_decay: np.ndarray | None, biased: bool, fan_in: Interval
) -> int:
    """Fractional bits with which rounding a readout's potential costs less than rounding its weights.

    A leak's loss is rounded, and so is a bias, once per step; what that is off by adds up over
    ``1 / (1 - decay)`` steps, to a dead zone of so many steps of the potential. Fractional bits make
    that one step of a weight.

    Parameters
    ----------
    decay, current_decay
        What a step keeps of the potential, and of the synaptic current (None without one), shape (n,).
    biased
        Something is added in every step, which an integrator collects without end.
    fan_in
        The least and greatest sum of a step, in steps of a weight.

    Returns
    -------
    int
        0 to 8, and no more than leave the potential within 32 bits.
    """
    needed, gain = 0, 1.0
    for retained in (decay, current_decay):
        if retained is None:
            continue
        loss = 1.0 - np.asarray(retained, dtype=np.float64)
        slowest = float(loss[loss > 0].min(initial=1.0))
        needed = max(needed, int(np.ceil(np.log2(1 / slowest) - 1e-9)))
        if (loss <= 0).any():
            slowest = 1 / READOUT_STEPS
            needed = MAX_FRACTIONAL_BITS if biased else needed
        gain /= slowest
    largest = gain * max(int(fan_in.high.max(initial=0)), -int(fan_in.low.min(initial=0)), 1)
    # A bit for the sign, one for what the bias adds, and one of reserve.
    spare = MAX_POTENTIAL_BITS - 3 - int(np.ceil(np.log2(largest)))
    return max(0, min(needed, MAX_FRACTIONAL_BITS, spare))


def integrator_clamp(fan_in: Interval, bias: np.ndarray) -> tuple[int, int]:
    """Where the potentials of a readout without leak saturate, least and greatest.

    Beyond what ``READOUT_STEPS`` steps of the strongest input add up to, as far as 32 bits go.
    """
    bits = (READOUT_STEPS * _strongest(fan_in, bias)).bit_length() + 1
    # A bit for what a step adds before it is cut.
    bits = min(bits, MAX_POTENTIAL_BITS - 1)
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def steps_to(clamp: tuple[int, int], fan_in: Interval, bias: np.ndarray) -> int:
    """How many steps of the strongest input take a readout without leak to ``clamp``."""
    return min(clamp[1], -clamp[0]) // _strongest(fan_in, bias)


def _strongest(fan_in: Interval, bias: np.ndarray) -> int:
    return max(int((fan_in.high + bias).max()), -int((fan_in.low + bias).min()), 1)
