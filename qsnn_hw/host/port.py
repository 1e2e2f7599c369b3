"""What the driver needs of a line to the board."""

from typing import Protocol


class Port(Protocol):
    """Bytes both ways; ``SerialPort`` and ``SpiPort`` are two, ``spi_controllers.link_of`` says which.

    Attributes
    ----------
    path, baud
        For messages.
    bytes_out, bytes_in
        Since it was opened.
    """

    path: str
    baud: int
    bytes_out: int
    bytes_in: int

    def read(self, wait_s: float) -> bytes:
        """What has come, or what comes first within ``wait_s`` seconds."""

    def write(self, data: bytes) -> None:
        """Send ``data``."""

    def send_break(self) -> None:
        """Reset the board, where the line can."""

    def reopen(self, patience_s: float) -> None:
        """Open it again, waiting so many seconds for it to come back."""

    def close(self) -> None:
        """Give it back; may be called again."""
