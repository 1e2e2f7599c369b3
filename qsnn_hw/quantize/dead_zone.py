"""Where a leak rounds to nothing: small potentials that stay as they are from step to step."""

import numpy as np

from qsnn_hw.quantize.network import QuantizedGroup


def dead_zone(group: QuantizedGroup) -> np.ndarray:
    """The largest potential of each neuron that loses nothing in a step, in potential steps.

    int64, shape (n,); -1 for a neuron without leak, 0 where every potential leaks. With the loss rounded
    down, ``(v * numerator) >> shift`` is 0 up to ``ceil(2**shift / numerator) - 1``.
    """
    numerator = np.broadcast_to(np.asarray(group.numerator, dtype=np.int64), (group.size,))
    if group.leak_rounding == "zero":
        return np.where(numerator > 0, 0, -1)
    return np.where(numerator > 0, -(-(1 << group.leak_shift) // np.maximum(numerator, 1)) - 1, -1)


def never_leaks(group: QuantizedGroup) -> np.ndarray:
    """Which neurons leak in theory and never below their threshold, bool, shape (n,)."""
    if group.readout:
        return np.zeros(group.size, dtype=bool)
    zone = dead_zone(group)
    # What fires at rest has its potentials below 0, where all of them leak.
    stuck: np.ndarray = (zone > 0) & (group.threshold > 0) & (zone >= group.threshold - 1)
    return stuck


def dead_zone_note(group: QuantizedGroup) -> list[str]:
    """A line where the leak does nothing below the threshold."""
    bad = never_leaks(group)
    if not bad.any():
        return []
    zone = int(dead_zone(group)[bad].max())
    least, most = int(group.threshold[bad].min()), int(group.threshold[bad].max())
    beside = f"a threshold of {least}" if least == most else f"thresholds of {least} to {most}"
    return [
        f"group {group.name}: no leak below {zone} steps, beside {beside}: nothing leaks before it fires; "
        "more --fractional-bits come closer to float, --leak-rounding zero lets every potential leak, as "
        "Loihi, Lava and SYNtzulA do"
    ]


def finer_steps(group: QuantizedGroup) -> int:
    """Fractional bits to add so that the leak acts on at least the upper half of what is below a threshold.

    0 where it does already; a fraction of a step is lost per step of time, whatever the potential.
    """
    if group.readout:
        return 0
    zone, threshold = dead_zone(group), np.maximum(group.threshold, 1)
    stuck = zone > 0
    if not stuck.any():
        return 0
    return max(0, int(np.ceil(np.log2(2 * zone[stuck] / threshold[stuck])).max()))
