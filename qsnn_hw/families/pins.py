"""A port of a board's design, and the pins of the package that it goes to."""

from dataclasses import dataclass

PULLS = ("none", "up", "down")
LEVELS = ("high", "low")


@dataclass(frozen=True)
class Port:
    """A port of the top module and the package pins it goes to.

    Parameters
    ----------
    name
        The port's name in the top module: ``clk``, ``rst``, ``rx``, ``tx`` or ``led``; of SPI
        ``sck``, ``cs``, ``mosi``, ``miso``.
    pins
        Package pins, least significant bit first.
    direction
        "in" or "out", seen from the device.
    pull
        Resistor of the pin: "none", "up" or "down".
    active
        Level at the pin that means pressed or lit: "high" or "low". The pin is wired straight to
        the port; the top module (``qsnn_hw/rtl/board_top.py``) inverts an active-low one.
    standard
        I/O standard where the pin's bank has another voltage than the board's ``io`` table says; None where
        not.
    """

    name: str
    pins: tuple[str, ...]
    direction: str
    pull: str = "none"
    active: str = "high"
    standard: str | None = None
