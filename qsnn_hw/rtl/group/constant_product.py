"""A value times a constant by shifts and additions: synthesis would spend a multiplier on it."""

from amaranth.hdl import Const, Value


def signed_digits(number: int) -> list[tuple[int, int]]:
    """Canonical signed digits of a number from 0: [(sign, shift), ...], fewest terms.

    >>> signed_digits(13)  # 16 - 4 + 1
    [(1, 0), (-1, 2), (1, 4)]
    """
    digits = []
    shift = 0
    while number:
        if number & 1:
            sign = 2 - (number & 3)
            digits.append((sign, shift))
            number -= sign
        number >>= 1
        shift += 1
    return digits


def times(value: Value, number: int) -> Value:
    """``value * number`` for a constant from 0."""
    total: Value | None = None
    # The largest digit is always positive, so the sum starts from it.
    for sign, shift in reversed(signed_digits(number)):
        term = value << shift
        total = term if total is None else total + term if sign > 0 else total - term
    return Const(0) if total is None else total
