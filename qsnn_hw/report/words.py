"""Numbers as text for a reader."""

from qsnn_hw.report.values import Number

NOT_MEASURED = "not measured"


def figure(value: Number | None, digits: int = 3) -> str:
    """``value`` for a reader: thousands separated, ``digits`` significant digits below 1000."""
    if value is None:
        return NOT_MEASURED
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if value and abs(value) < 10.0**-digits:
        return f"{value:.{digits - 1}e}"
    text = f"{value:.{digits}g}"
    # A value such as 999.7 rounds up into scientific notation.
    return f"{value:,.0f}" if "e" in text else text


def with_unit(value: Number | None, unit: str, digits: int = 3) -> str:
    """``value`` and its unit, or "not measured" alone."""
    return NOT_MEASURED if value is None else f"{figure(value, digits)} {unit}"


def percent(fraction: Number | None) -> str:
    """A fraction as a percentage with two decimals."""
    return NOT_MEASURED if fraction is None else f"{100 * fraction:.2f} %"


def plural(n: int, noun: str) -> str:
    """A count and its noun."""
    ending = "" if n == 1 else "es" if noun.endswith(("s", "ch")) else "s"
    return f"{n:,} {noun}{ending}"


def signed(value: Number, decimals: int = 2) -> str:
    """A difference with its sign, a true minus, and ``decimals`` decimals."""
    return f"{value:+.{decimals}f}".replace("-", "\u2212")
