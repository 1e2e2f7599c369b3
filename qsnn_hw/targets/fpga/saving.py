"""How much less energy one design takes than another: a range that does not count one unknown twice.

The power estimate's ranges are wide because its coefficients are not known well. Two designs on one
device share them: whatever a block RAM access really costs, it costs that in both. So the ratio is
taken with every coefficient at the same place of its range on both sides, over all places.
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product

from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.fpga.power_terms import PowerEstimate


@dataclass(frozen=True)
class Saving:
    """A fraction of the reference's energy: low, typical and high; negative where more is taken."""

    low: float
    typical: float
    high: float


def energy_saving(
    reference: PowerEstimate,
    reference_us: float,
    other: PowerEstimate,
    other_us: float,
    *,
    without: Collection[str] = (),
) -> Saving:
    """What ``other`` saves of ``reference``'s energy per sample.

    Terms of one name are the same unknown in both: their ends are taken together. The ratio of two
    sums of such terms is monotonic in each, so its extremes lie where every term is at an end.

    Parameters
    ----------
    reference, other
        Estimates for the same device.
    reference_us, other_us
        Microseconds of a sample, measured or simulated.
    without
        Names of terms to leave out of both.

    Raises
    ------
    ValueError
        Nothing is left of the reference.
    """
    of_reference, of_other = _terms(reference, without), _terms(other, without)
    names = sorted(of_reference | of_other)
    nothing = Range.exactly(0.0)

    def at(ends: tuple[str, ...]) -> float:
        places = dict(zip(names, ends, strict=True))
        before = sum(getattr(of_reference.get(name, nothing), end) for name, end in places.items())
        after = sum(getattr(of_other.get(name, nothing), end) for name, end in places.items())
        if before <= 0:
            raise ValueError(f"reference must take energy, not {before!r} mW")
        return float(1 - after * other_us / (before * reference_us))

    corners = [at(ends) for ends in product(("low", "high"), repeat=len(names))]
    return Saving(min(corners), at(("typical",) * len(names)), max(corners))


def _terms(estimate: PowerEstimate, without: Collection[str]) -> dict[str, Range]:
    return {term.name: term.power for term in estimate.terms if term.name not in without}
