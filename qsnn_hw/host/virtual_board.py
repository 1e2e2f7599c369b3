"""A board without a board: its design, compiled by Verilator, behind a pseudo-terminal.

What runs is the Verilog that the bitstream is made from, with every pin: a host that opens the port cannot
tell it from a USB adapter but by its speed. The port's rate is the rate of the bits, so that a wrong one is
as useless as on a board, and a break reaches it (``sim/virtual_board.cpp`` says how). Of a design with SPI,
the program is a bridge to it: the port gives a byte for each one that it takes, and its rate is ``sck``'s.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from qsnn_hw.families.boards import Board
from qsnn_hw.families.on_chip import stand_ins
from qsnn_hw.families.pll import stand_in
from qsnn_hw.host.byte_mode import byte_mode
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.files import write_text
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.support.shipped import resource_folder
from qsnn_hw.support.stopping import deferred
from qsnn_hw.toolchain.tools import end_groups
from qsnn_hw.verify.native import build_bench

TOP = "top"
"""The module of a board's design."""

_GRACE_S = 3.0


class VirtualBoard:
    """A simulated board that runs until it is closed; a context manager.

    Parameters
    ----------
    verilog
        The board's design, ``06_design.v``.
    board
        Its clock, its link, and the level of its reset button. Of a PLL there is a stand-in: the clock is
        the system's. Of the oscillators of a design that stops its clock, too: they stop it.
    work_dir
        For the logs of Verilator and the compiler; the program itself is kept in the user's cache folder.
    bytes_only
        Byte mode, see :mod:`qsnn_hw.host.byte_mode`: some times faster, and without the bits.
    progress
        Told what is being built.

    Attributes
    ----------
    port
        Path of the pseudo-terminal, as a serial port's; of a design with SPI behind ``spi:``.

    Raises
    ------
    UserError
        There is no such file, a tool is missing, the system has no pseudo-terminals, or byte mode is
        asked for of a design with SPI.
    ToolError
        Verilator or the compiler failed, or the design has another serial port than byte mode knows.
    """

    def __init__(
        self,
        verilog: Path,
        board: Board,
        work_dir: Path,
        *,
        bytes_only: bool = False,
        progress: Progress = SILENT,
    ) -> None:
        if not sys.platform.startswith("linux"):
            raise UserError(f"the virtual board needs Linux's pseudo-terminals; this is {sys.platform}")
        if not verilog.is_file():
            raise UserError(f"no such file: {verilog}; qsnn-hw build makes it")
        if bytes_only and board.link == "spi":
            raise UserError(
                "--byte-mode stands in place of the Verilog of a UART, and this design has SPI: leave it out"
            )
        text = design = verilog.read_text(encoding="utf-8")
        if board.pll_cell is not None:
            # No simulator here knows the cell; the clock that the program drives is the one that it makes.
            text += stand_in(board.pll_cell)
        own, on_chip = board.own_oscillators, board.on_chip
        if own is not None and on_chip is not None:
            # The slow one keeps its rate beside the other.
            half = max(1, round(board.clock_mhz * 1e3 / on_chip.slow_khz / 2))
            text += stand_ins(*own, f"{TOP}.clk", half)
        if bytes_only:
            text = byte_mode(text, TOP)
        if text != design:
            work_dir.mkdir(parents=True, exist_ok=True)
            verilog = work_dir / "virtual_board.v"
            write_text(verilog, text)
        source = resource_folder("sim") / "virtual_board.cpp"
        program = build_bench(verilog, TOP, work_dir, progress, source).program
        button = board.ports.get("rst")
        released = int(button is not None and button.active == "low")
        path, self._open = _pseudo_terminal(board.baud)
        self.port = f"spi:{path}" if board.link == "spi" else path
        master, self._slave = self._open
        words = (str(master), f"{board.clock_mhz * 1e6:.0f}", str(released), str(int(bytes_only)))
        with deferred():
            self._process = subprocess.Popen(
                [str(program), *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=[master],
                # Ctrl-C is for this process, which ends the simulation in its own time.
                process_group=0,
            )
        # Nobody else has it now: when the simulation ends, so does the port.
        os.close(master)

    def __enter__(self) -> "VirtualBoard":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the simulation."""
        return self._process.pid

    def press(self) -> None:
        """Press the reset button and let it go; nothing where the board has none."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._process.stdin.write("p")
            self._process.stdin.flush()

    def wait(self) -> None:
        """Run until the simulation ends.

        Raises
        ------
        ToolError
            It has ended: nothing but :meth:`close` makes it.
        """
        status = self._process.wait()
        raise ToolError(f"the simulation of the board ended by itself, with status {status}")

    def close(self) -> str:
        """End the simulation, and with it the port.

        Returns
        -------
        str
            One line: cycles, bytes both ways. The same again when called again.
        """
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            try:
                self._process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                end_groups([self._process], _GRACE_S)
            assert self._process.stdout is not None
            self._told = self._process.stdout.read().split()
            self._process.stdout.close()
            os.close(self._slave)
        return _in_words(self._told)


def _pseudo_terminal(baud: int) -> tuple[str, tuple[int, int]]:
    """Path of a new one, and its master and slave, raw and at this rate."""
    import termios
    import tty

    try:
        master, slave = os.openpty()
    except OSError as error:
        raise UserError(
            f"no pseudo-terminal: {error.strerror or error}; does the system have /dev/ptmx?"
        ) from error
    tty.setraw(slave)
    rate = getattr(termios, f"B{baud}", None)
    if rate is not None:
        settings = termios.tcgetattr(slave)
        settings[4] = settings[5] = rate
        termios.tcsetattr(slave, termios.TCSANOW, settings)
    return os.ttyname(slave), (master, slave)


def _in_words(told: list[str]) -> str:
    counts = dict(zip(told[::2], told[1::2], strict=False))
    if "cycles" not in counts:
        return "the simulation was ended before it could say what it did"
    lost = int(counts["lost"])
    more = f", {lost:,} lost because nobody read the port" if lost else ""
    return (
        f"{int(counts['cycles']):,} cycles, {int(counts['in']):,} bytes to the board, "
        f"{int(counts['out']):,} from it{more}"
    )
