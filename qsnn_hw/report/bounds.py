"""An estimate as the report holds it: a low, a typical and a high end."""

from dataclasses import dataclass

from qsnn_hw.report.words import NOT_MEASURED, between, rounded
from qsnn_hw.support.ranges import Range
from qsnn_hw.support.values import Number, check_numbers


@dataclass(frozen=True)
class Bounds:
    """A low, a typical and a high end."""

    low: Number | None = None
    typical: Number | None = None
    high: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values and bounds out of order."""
        check_bounds(self, "estimate")

    @classmethod
    def of(cls, ends: Range | None) -> "Bounds":
        """A range as the report holds it; absent where there is none."""
        return cls() if ends is None else cls(ends.low, ends.typical, ends.high)

    def times(self, factor: float) -> "Bounds":
        """The same in another unit, or of so many; absent where it is absent."""
        return Bounds(*(None if end is None else end * factor for end in (self.low, self.typical, self.high)))


def check_bounds(record: object, where: str) -> None:
    """Refuse negative or non-finite values, and bounds out of order.

    Raises
    ------
    ValueError
        ``where`` is in the message.
    """
    check_numbers(record, where, "low", "typical", "high")
    ends = [getattr(record, name) for name in ("low", "typical", "high")]
    known = [value for value in ends if value is not None]
    if known != sorted(known):
        raise ValueError(f"{where} must have low <= typical <= high, not {tuple(known)!r}")


def range_text(bounds: Bounds, unit: str) -> str:
    """A typical value with its unit and range."""
    if bounds.typical is None:
        return NOT_MEASURED
    return f"{rounded(bounds.typical)} {unit} ({between(bounds.low, bounds.high)})"
