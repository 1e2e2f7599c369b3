"""Pin constraint files for nextpnr, from the board's data and the ports a design really has."""

from collections.abc import Mapping

from qsnn_hw.families.boards import Board
from qsnn_hw.families.pins import Port
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
    """The constraint file, in the form of the board's family."""
    lines = [f"{board.family.flow.comment} Pins of {board.name} ({board.description})"]
    for bit, pin, home in assign_pins(ports, board):
        lines += board.family.flow.pin_lines(
            bit, pin, home, home.standard or board.io_standard, board.io_drive_ma
        )
    return "\n".join(lines) + "\n"
