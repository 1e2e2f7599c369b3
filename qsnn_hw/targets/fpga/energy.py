"""Energy of a sample and of a spike, from the power estimate and the time a sample takes.

``E = P_static * T + E_dynamic``: what leaks flows all the time, the clock tree as long as the clock runs,
and the rest only with a sample's work. So a sample that waits for the serial line costs more than one that
does not, but not in proportion.
"""

import math
from dataclasses import dataclass
from typing import Literal

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.fpga.power_terms import LABEL, PowerEstimate

TARGET_PER_SPIKE_NJ = 1000.0
"""The aim for one spike, everything included: below 1 uJ."""

Verdict = Literal["kept", "not kept", "depends"]


@dataclass(frozen=True)
class Energy:
    """Estimated energy of one sample, in uJ.

    Parameters
    ----------
    static_uj, dynamic_uj
        What leaks, and the rest: clock tree and work. Together, end by end, ``per_sample_uj``.
    spikes_per_sample
        What a spike's energy is shared by.
    label
        Always "estimated".
    """

    static_uj: Range
    dynamic_uj: Range
    spikes_per_sample: float
    label: str = LABEL

    @property
    def per_sample_uj(self) -> Range:
        """All of it."""
        return self.static_uj.plus(self.dynamic_uj)

    @property
    def per_spike_nj(self) -> Range | None:
        """All of it shared by the sample's spikes; None when there are none."""
        return self._per_spike(self.per_sample_uj)

    @property
    def static_per_spike_nj(self) -> Range | None:
        """``P_static * T_spike``, with ``T_spike`` the sample's time shared by its spikes."""
        return self._per_spike(self.static_uj)

    @property
    def dynamic_per_spike_nj(self) -> Range | None:
        """The rest of a spike's energy."""
        return self._per_spike(self.dynamic_uj)

    @property
    def verdict(self) -> Verdict | None:
        """Whether a spike stays below the target over the whole range, nowhere in it, or in part of it."""
        spike = self.per_spike_nj
        if spike is None:
            return None
        if spike.high < TARGET_PER_SPIKE_NJ:
            return "kept"
        return "not kept" if spike.low >= TARGET_PER_SPIKE_NJ else "depends"

    def _per_spike(self, energy: Range) -> Range | None:
        return energy.times(Range.exactly(1e3 / self.spikes_per_sample)) if self.spikes_per_sample else None


def energy(
    power: PowerEstimate,
    cycles_per_sample: float,
    clock_mhz: float,
    spikes_per_sample: float,
    *,
    us_per_sample: float | None = None,
) -> Energy:
    """Energy of one sample.

    Parameters
    ----------
    cycles_per_sample
        Clock cycles in which the design works on a sample, measured in simulation.
    clock_mhz
        The clock ``power`` was estimated for.
    spikes_per_sample
        Input, hidden and output spikes together, mean over the samples.
    us_per_sample
        The time from one sample to the next where that is not those cycles, but the serial line's
        time: leakage and clock go on meanwhile.

    Raises
    ------
    UserError
        A figure is not positive, or the clock is not the one of the estimate.
    """
    if not 0 < cycles_per_sample < math.inf:
        raise UserError(f"cycles per sample must be > 0, not {cycles_per_sample}")
    if not 0 <= spikes_per_sample < math.inf:
        raise UserError(f"spikes per sample must be >= 0, not {spikes_per_sample}")
    if clock_mhz != power.clock_mhz:
        raise UserError(f"power was estimated at {power.clock_mhz:g} MHz, not {clock_mhz:g} MHz")
    working = cycles_per_sample / clock_mhz
    elapsed = working if us_per_sample is None else us_per_sample
    if not 0 < elapsed < math.inf:
        raise UserError(f"us per sample must be > 0, not {elapsed}")
    # mW times us is nJ.
    for_elapsed, for_work = Range.exactly(elapsed * 1e-3), Range.exactly(working * 1e-3)
    clocked = power.part("clock").times(for_elapsed)
    return Energy(
        power.part("static").times(for_elapsed),
        clocked.plus(power.part("work").times(for_work)),
        spikes_per_sample,
    )
