"""Average power against how much there is to do: from a quiet stream to samples back to back."""

import math
from dataclasses import dataclass

from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.fpga.power_terms import PowerEstimate


@dataclass(frozen=True)
class AtRate:
    """Average power of the core supply while so many samples a second come.

    Parameters
    ----------
    samples_per_s, events_per_s
        What comes; events of the input.
    power
        In mW.
    what
        In words: where such a rate comes from.
    """

    samples_per_s: float
    events_per_s: float
    power: Range
    what: str


def at_rates(
    working: PowerEstimate,
    resting: PowerEstimate,
    on_chip_per_s: float,
    link_per_s: float | None,
    events: float,
    awake_s: float | None = None,
) -> list[AtRate]:
    """Rates from none to back to back, decades between them, and that of the link.

    Leakage flows all the time, and the clock, unless the design stops it. Of the rest, a design does its work
    for the share of the time that the rate takes of ``on_chip_per_s``, and rests for the remaining share in
    which its clock runs.

    Parameters
    ----------
    working, resting
        Samples back to back, and nothing to do.
    on_chip_per_s
        Samples a second back to back.
    link_per_s
        Samples a second through the link; None: not known.
    events
        Input events of a mean sample.
    awake_s
        Of a design that stops its clock: seconds for which a mean sample keeps it running, if no other comes
        meanwhile; None: it runs all the time.
    """
    rates = {0.0: "quiet: nothing comes"}
    decade = 1.0
    while decade < on_chip_per_s / 2:
        rates[decade] = ""
        decade *= 10
    if link_per_s is not None and link_per_s < on_chip_per_s:
        rates[link_per_s] = "all that the link carries"
    rates[on_chip_per_s] = "back to back on the chip"
    points = []
    for rate in sorted(rates):
        share = rate / on_chip_per_s
        if not math.isfinite(share):
            raise ValueError(f"rates must be finite, not {rate!r} of {on_chip_per_s!r}")
        busy = working.part("work").times(Range.exactly(share))
        awake = 1.0 if awake_s is None else min(1.0, rate * awake_s)
        clock = working.part("clock").times(Range.exactly(awake))
        idle = resting.part("work").times(Range.exactly(max(0.0, awake - share)))
        power = working.part("static").plus(clock).plus(busy).plus(idle)
        points.append(AtRate(rate, rate * events, power, rates[rate]))
    return points
