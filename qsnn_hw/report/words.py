"""Numbers as text for a reader."""

from qsnn_hw.support.values import Number

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


def duration(us: Number | None, micro: str = "us") -> str:
    """Microseconds in the unit that keeps the figure short, or "not measured"; ``micro``: how to write us."""
    if us is None:
        return NOT_MEASURED
    for unit, factor in (("s", 1e6), ("ms", 1e3)):
        if us >= factor:
            return with_unit(us / factor, unit)
    return with_unit(us, micro)


def page_duration(us: Number | None) -> str:
    """:func:`duration` with the sign for micro that a terminal may lack."""
    return duration(us, "\u00b5s")


def rounded(value: Number | None) -> str:
    """An estimate for a reader: three significant digits, whatever its size."""
    if not value:
        return figure(value)
    return figure(float(f"{value:.2e}"))


def between(low: Number | None, high: Number | None) -> str:
    """The range of an estimate in words."""
    return NOT_MEASURED if low is None or high is None else f"{rounded(low)} to {rounded(high)}"


def baud_rate(baud: Number | None) -> str:
    """Bits a second on the line in words."""
    if baud is None:
        return NOT_MEASURED
    return with_unit(baud / 1e6, "Mbaud") if baud >= 1e6 else with_unit(baud / 1e3, "kbaud", 4)


def counted(value: int | None) -> str:
    """A count with its thousands separated, or "not measured"."""
    return NOT_MEASURED if value is None else f"{value:,}"


def apart(text: str) -> tuple[str, str]:
    """A figure and its unit apart; "not measured" has none."""
    value, _, unit = text.partition(" ") if text != NOT_MEASURED else (text, "", "")
    return value, unit
