"""Where a board takes SPI: four pins of a header, which a user wires to a controller."""

from dataclasses import dataclass

from qsnn_hw.families import board_words as words
from qsnn_hw.families.pins import Port
from qsnn_hw.support.fields import Fields

_MHZ_RANGE = (0.1, 100.0)


@dataclass(frozen=True)
class SpiHeader:
    """The table ``[spi]`` of a board file.

    Parameters
    ----------
    ports
        ``sck``, ``cs``, ``mosi``, ``miso``; the board is the peripheral.
    most_hz
        Of ``sck``: what the wires carry safely, whatever the design's clock allows.
    source
        Where the pins and this rate come from.
    notes
        What a user must know: which pins of which header these are.
    """

    ports: tuple[Port, ...]
    most_hz: int
    source: str
    notes: tuple[str, ...]


def spi_header(fields: Fields | None) -> SpiHeader | None:
    """The header that a table of a board file describes; None without one.

    Raises
    ------
    UserError
        A field is missing, unknown or has a wrong value; the message names it.
    """
    if fields is None:
        return None
    standard = words.optional_text(fields, "standard", words.WORD)

    def port(name: str, direction: str, pull: str = "none") -> Port:
        pin = words.text(fields, name, words.WORD)
        return Port(name, (pin,), direction, pull=pull, standard=standard)

    # Without a cable nobody selects the board.
    ports = port("sck", "in"), port("cs", "in", "up"), port("mosi", "in"), port("miso", "out")
    mhz = fields.positive_float("most_mhz")
    low, high = _MHZ_RANGE
    if not low <= mhz <= high:
        fields.fail("most_mhz", f"must be from {low:g} to {high:g}, not {mhz:g}")
    header = SpiHeader(
        ports,
        round(mhz * 1e6),
        words.text(fields, "source", words.LINE),
        words.texts(fields, "notes", words.LINE),
    )
    fields.close()
    return header
