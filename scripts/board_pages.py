"""The tables of docs/boards.md: what every board file says, and what a build for every board came to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import tables

from qsnn_hw.families.boards import Board, list_boards

NEVER = "never"
"""How often a bitstream of this project was tried on a board, until a person reports it."""


@dataclass(frozen=True)
class Built:
    """How one build ended.

    Parameters
    ----------
    board
        Its name.
    status
        Exit status of the command.
    ended
        "built", or "generated only: " and why.
    bitstream_bytes
        None where none was made.
    used, predicted, limits
        Units by the family's names that place and route counted (synthesis, where there is no place and
        route), that were predicted, and that the board has.
    fmax_mhz, clock_mhz
        None where nothing was placed and routed; the design's clock.
    seconds, peak_mib
        Of the command.
    tools
        Version by name.
    """

    board: str
    status: int
    ended: str
    bitstream_bytes: int | None
    used: dict[str, int]
    predicted: dict[str, int]
    limits: dict[str, int]
    fmax_mhz: float | None
    clock_mhz: float | None
    seconds: float
    peak_mib: float
    tools: dict[str, str | None]


def _port(board: Board, name: str) -> str:
    port = board.ports.get(name)
    # Of several lights the design has one.
    return "none" if port is None else f"{port.pins[0]}, active {port.active}"


def boards() -> str:
    """One row a board, from its file alone."""
    rows = []
    for board in list_boards():
        serial = "adapter" if board.adapter else "USB bridge"
        rx, tx = board.ports["rx"].pins[0], board.ports["tx"].pins[0]
        rows.append(
            (
                f"`{board.name}`",
                board.chip,
                f"{board.clock_mhz:g} MHz",
                f"{serial}: rx {rx}, tx {tx}, {board.bauds[0]:,}",
                _port(board, "led"),
                _port(board, "rst"),
                " or ".join(f"`{loader}`" for loader in board.loaders),
            )
        )
    heads = ("board", "FPGA", "clock", "serial port, most baud", "light", "button", "load with")
    notes = [f"- `{board.name}`: {'; '.join(board.notes)}." for board in list_boards() if board.notes]
    return tables.table(heads, rows) + "\n" + "\n".join(notes) + "\n"


def spi() -> str:
    """One row a board whose file has pins for SPI."""
    rows = []
    for board in list_boards():
        header = board.spi
        if header is not None:
            pins = [port.pins[0] for port in header.ports]
            most = f"{header.most_hz / 1e6:g} MHz"
            rows.append((f"`{board.name}`", *pins, most, "; ".join(header.notes), header.source))
    return tables.table(("board", "sck", "cs", "mosi", "miso", "most", "where", "by"), rows)


def _counts(built: Built) -> str:
    return ", ".join(
        f"{used:,} of {built.limits[name]:,} {name} ({built.predicted.get(name, 0):,} predicted)"
        for name, used in built.used.items()
        if name in built.limits and (used or built.predicted.get(name))
    )


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "not measured" if value is None else f"{value:{form}}{unit}"


def built(rows: Iterable[Built], missing: Sequence[str] = ()) -> str:
    """One row a build; below it the tools, and the boards that no row was made of."""
    found = list(rows)
    heads = (
        *("board", "ended", "bitstream", "resources", "Fmax", "clock", "seconds", "peak memory"),
        "on hardware",
    )
    lines = [
        (
            f"`{row.board}`",
            row.ended,
            "none" if row.bitstream_bytes is None else f"{row.bitstream_bytes:,} bytes",
            _counts(row) or "not measured",
            _number(row.fmax_mhz, ".1f", " MHz"),
            _number(row.clock_mhz, "g", " MHz"),
            f"{row.seconds:.0f}",
            f"{row.peak_mib:,.0f} MiB",
            NEVER,
        )
        for row in found
    ]
    versions = sorted({f"{name} {version}" for row in found for name, version in row.tools.items()})
    rest = f" Not built since the board was added: {', '.join(missing)}." if missing else ""
    return tables.table(heads, lines) + f"\nTools: {', '.join(versions)}.{rest}\n"
