"""What an output folder holds for a board: options, board, plan, Verilog, bitstream."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qsnn_hw.build.options import OPTIONS, BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.families.board_clock import recorded
from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.model.network import Network
from qsnn_hw.model.network_file import load_network
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.identity import DesignTools
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.output_folder import check_output_folder


@dataclass(frozen=True)
class Built:
    """An output folder of a board's design.

    Parameters
    ----------
    folder
        Where ``qsnn-hw build`` has been.
    options
        Of its last run.

    Raises
    ------
    UserError
        What is asked for is not there; the line says which command makes it.
    """

    folder: Path
    options: BuildOptions

    @classmethod
    def of(cls, folder: Path | str) -> "Built":
        """The design in ``folder``; UserError where no build for a board has been there."""
        folder = Path(folder)
        if not (folder / OPTIONS).is_file():
            raise UserError(
                f"{folder} holds no build ({OPTIONS} is missing); qsnn-hw build ... -o {folder} makes one"
            )
        check_output_folder(folder)
        options = BuildOptions.load(folder / OPTIONS)
        if options.board is None:
            raise UserError(
                f"{folder} holds a build for --target {options.target}, and no board's design; "
                "build with --board NAME"
            )
        return cls(folder, options)

    @cached_property
    def board(self) -> Board:
        """The board of the last run, with the clock of its design as far as there is one."""
        assert self.options.board is not None
        board = load_board(self.options.board).linked(self.options.link).sleeping(self.options.sleep)
        clock = self.folder / outputs.CLOCK
        return recorded(board, clock) if clock.is_file() else board

    @property
    def baud(self) -> int:
        """Of the board's link."""
        return self.board.baud

    @cached_property
    def plan(self) -> HardwarePlan:
        """What was built."""
        return HardwarePlan.load(self._file(outputs.PLAN, "generate"))

    @cached_property
    def network(self) -> Network:
        """In real numbers: what samples must fit."""
        return load_network(self._file(outputs.NETWORK, "generate"))

    @cached_property
    def quantized(self) -> QuantizedNetwork:
        """Its integers, which golden runs."""
        return QuantizedNetwork.load(self._file(outputs.QUANTIZED, "generate"))

    @property
    def verilog(self) -> Path:
        """The board's design."""
        return self._file(outputs.BOARD_VERILOG, "generate")

    @cached_property
    def tools(self) -> DesignTools:
        """Of the bitstream; it is told their digest."""
        return DesignTools.load(self._file(outputs.DESIGN_TOOLS, "generate"))

    @property
    def netlist(self) -> Path:
        """What place and route read."""
        return self._file(outputs.NETLIST, "synth")

    @property
    def bitstream(self) -> Path:
        """For the board of the last run."""
        plan, board = self.plan, self.board
        return self._file(f"{plan.name}_{board.name}{board.bitstream_suffix}", "synth")

    def _file(self, name: str, command: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise UserError(f"{path} is missing; qsnn-hw {command} -o {self.folder} makes it")
        return path
