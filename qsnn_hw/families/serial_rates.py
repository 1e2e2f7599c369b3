"""Which rates a serial line can have: what the clock divides to, near enough for the receiver."""

import functools
from collections.abc import Iterable, Sequence

MIN_DIVISOR = 4
"""Fewest clock cycles per serial bit: the receiver samples mid-bit behind a two-stage synchronizer."""

MIN_HALF_CYCLES = 3
"""Fewest clock cycles that SPI's ``sck`` is high, and low: two of the synchronizer, one to see the edge."""

SCK_CYCLES = 2 * MIN_HALF_CYCLES
"""Fewest clock cycles of a bit of SPI."""

MAX_BAUD_ERROR = 0.02
"""Most that the rate on the line may be off: half of what 8N1 bears, the other half is the host's."""


def serial_divisor(clock_mhz: float, baud: int) -> int:
    """Clock cycles of a serial bit whose rate is nearest to ``baud``; at least ``MIN_DIVISOR``."""
    # Compared as they are: an integer of hundreds of digits has no floating-point number.
    if baud > clock_mhz * 1e6 / MIN_DIVISOR:
        return MIN_DIVISOR
    clock = clock_mhz * 1e6
    below = max(MIN_DIVISOR, int(clock // baud))
    return min((below, below + 1), key=lambda divisor: abs(clock / divisor - baud))


def divided(clock_mhz: float, baud: int) -> int:
    """The rate that the clock makes for ``baud``, in bits a second."""
    return round(clock_mhz * 1e6 / serial_divisor(clock_mhz, baud))


def allowed_error(divisor: int) -> float:
    """How far the clock's rate may be from the line's, as a share, with so many cycles a bit.

    The receiver (``qsnn_hw/rtl/io/uart.py``) samples a bit up to ``1 / divisor`` of it late, because it sees
    a start bit up to a cycle late. A host that is faster by ``x`` ends its stop bit at ``10 * (1 - x)`` bits,
    and it is sampled at ``9.5 + 1 / divisor`` at the latest. Half of that is the clock's share, the other is
    the host's; ``MAX_BAUD_ERROR`` at most.
    """
    return min(MAX_BAUD_ERROR, (0.05 - 0.1 / divisor) / 2)


@functools.lru_cache(maxsize=1 << 16)
def divides(clock_mhz: float, baud: int) -> bool:
    """Whether a clock divides to a rate near enough for the receiver."""
    rate = divided(clock_mhz, baud)
    # In integers: a rate of hundreds of digits has no floating-point number.
    return abs(rate - baud) <= allowed_error(serial_divisor(clock_mhz, baud)) * rate


def fastest_rate(clock_mhz: float, bauds: Iterable[int]) -> int | None:
    """The fastest of these rates that a clock divides to; None where it divides to none."""
    return max((baud for baud in bauds if divides(clock_mhz, baud)), default=None)


def nearest_rate(clocks_mhz: Sequence[float], baud: int, most: int) -> int:
    """The rate nearest to ``baud`` that one of these clocks divides to exactly, rounded to bits; at most
    ``most`` where one is as slow."""
    found = set()
    for clock in clocks_mhz:
        divisor = serial_divisor(clock, min(baud, most))
        found |= {round(clock * 1e6 / other) for other in (divisor, divisor + 1)}
    slow = {rate for rate in found if rate <= most}
    return min(slow or found, key=lambda rate: (abs(rate - baud), rate))
