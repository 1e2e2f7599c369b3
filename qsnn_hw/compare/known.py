"""A figure with its range, how it is known, and where it comes from."""

from dataclasses import dataclass

from qsnn_hw.report.bounds import Bounds, check_bounds
from qsnn_hw.support.values import Number

HOW = ("measured", "simulated", "tool report", "predicted", "computed", "estimated", "cited")
"""As in the report (``qsnn_hw/report/section.py``), and "cited": of a publication, by other people."""


@dataclass(frozen=True)
class Known:
    """A figure; nothing known of it where ``typical`` is None.

    Parameters
    ----------
    low, typical, high
        The same three times where no range is known.
    by
        One of :data:`HOW`; None with an absent figure.
    source
        Of what, with what, under which assumption; None with an absent figure.
    """

    low: Number | None = None
    typical: Number | None = None
    high: Number | None = None
    by: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        """Refuse a figure of which nobody says how it is known, and bounds out of order.

        Raises
        ------
        ValueError
            Says which.
        """
        check_bounds(self, "figure")
        ends = (self.low, self.typical, self.high)
        if self.typical is None:
            if any(end is not None for end in ends) or self.by is not None or self.source is not None:
                raise ValueError(
                    f"an absent figure has no end, no source and is known by nothing, not {self}"
                )
            return
        if self.low is None or self.high is None:
            raise ValueError(f"a figure has all three ends, not {ends}")
        if self.by not in HOW or not self.source:
            raise ValueError(f"a figure is known by one of {', '.join(HOW)} and has a source, not {self}")

    @classmethod
    def exactly(cls, value: Number | None, by: str, source: str) -> "Known":
        """A value without a range; absent where it is None."""
        return cls() if value is None else cls(value, value, value, by, source)

    @classmethod
    def bounds(cls, bounds: Bounds, by: str, source: str) -> "Known":
        """An estimate of the report; absent where that is."""
        ends = (bounds.low, bounds.typical, bounds.high)
        return cls() if any(end is None for end in ends) else cls(*ends, by, source)

    @property
    def ranged(self) -> bool:
        """Whether its ends differ."""
        return self.low != self.high

    def inverse(self, of: float, source: str) -> "Known":
        """``of`` divided by it, end by end; absent where it is absent or 0."""
        if not self.low or not self.typical or not self.high or self.by is None:
            return Known()
        return Known(of / self.high, of / self.typical, of / self.low, self.by, source)

    def times(self, factor: float) -> "Known":
        """The same in another unit."""
        if self.low is None or self.typical is None or self.high is None:
            return self
        return Known(self.low * factor, self.typical * factor, self.high * factor, self.by, self.source)
