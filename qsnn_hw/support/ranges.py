"""An estimate while it is worked out: its low, its typical and its high value, end by end."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """A low, typical and high value."""

    low: float
    typical: float
    high: float

    def __post_init__(self) -> None:
        ends = (self.low, self.typical, self.high)
        if not all(math.isfinite(end) for end in ends) or not 0 <= self.low <= self.typical <= self.high:
            raise ValueError(f"range must be ordered and not negative, not {ends}")

    @classmethod
    def exactly(cls, value: float) -> "Range":
        """A measured value: no range."""
        return cls(value, value, value)

    def times(self, other: "Range | float") -> "Range":
        """The product with a number, or end by end with another range."""
        by = other if isinstance(other, Range) else Range.exactly(other)
        return Range(self.low * by.low, self.typical * by.typical, self.high * by.high)

    def plus(self, other: "Range") -> "Range":
        """The sum, end by end."""
        return Range(self.low + other.low, self.typical + other.typical, self.high + other.high)

    @classmethod
    def total(cls, ranges: Iterable["Range"]) -> "Range":
        """The sum of any number of ranges, end by end."""
        result = cls.exactly(0.0)
        for item in ranges:
            result = result.plus(item)
        return result
