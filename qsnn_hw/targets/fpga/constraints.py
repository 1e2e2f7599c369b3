"""Pin constraint files for nextpnr, from the board's data and the ports a design really has."""

from collections.abc import Mapping

from qsnn_hw.families.boards import Board, Port
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.fpga.synthesis import TopPort


def assign_pins(ports: Mapping[str, TopPort], board: Board) -> list[tuple[str, str, Port]]:
    """(port bit, package pin, board port) for every bit of every port of the top module.

    Raises
    ------
    UserError
        The board has no such port, too few pins for it, or the direction is the other way round.
    """
    assigned: list[tuple[str, str, Port]] = []
    for name, port in ports.items():
        if name not in board.ports:
            raise UserError(
                f"{board.name} has no pins for port {name} of the design; it has {', '.join(board.ports)}"
            )
        home = board.ports[name]
        if port.direction != home.direction:
            raise UserError(f"port {name} is {home.direction} on {board.name}, not {port.direction}")
        if port.width > len(home.pins):
            raise UserError(
                f"port {name} of the design has {port.width} bits, {board.name} has {len(home.pins)} pins"
            )
        for bit, pin in zip(range(port.width), home.pins, strict=False):
            assigned.append((name if port.width == 1 else f"{name}[{bit}]", pin, home))
    return assigned


def constraint_text(ports: Mapping[str, TopPort], board: Board) -> str:
    """The constraint file: .pcf for iCE40, .lpf for ECP5."""
    lines = [f"# Pins of {board.name} ({board.description})"]
    for bit, pin, home in assign_pins(ports, board):
        if board.family == "ice40":
            pull = "-pullup yes " if home.pull == "up" else ""
            lines.append(f"set_io {pull}{bit} {pin}")
        else:
            drive = f" DRIVE={board.io_drive_ma}" if home.direction == "out" else ""
            lines.append(f'LOCATE COMP "{bit}" SITE "{pin}";')
            lines.append(
                f'IOBUF PORT "{bit}" IO_TYPE={board.io_standard} PULLMODE={home.pull.upper()}{drive};'
            )
    return "\n".join(lines) + "\n"


def constraint_suffix(board: Board) -> str:
    """ ".pcf" or ".lpf"."""
    return ".pcf" if board.family == "ice40" else ".lpf"
