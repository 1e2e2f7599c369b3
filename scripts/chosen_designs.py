"""The table of docs/resources.md of designs that the search for shapes takes, by ``qsnn-hw generate``."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tables
from script import EXAMPLES, SHARED
from user_command import qsnn_hw

from qsnn_hw.families.boards import load_board
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import ToolError

_CYCLES = re.compile(r"plan: predicted ([\d.]+) cycles a sample")


@dataclass(frozen=True)
class Row:
    """A network of the table.

    Parameters
    ----------
    name, board
        As listed, and the board's name.
    model, data
        Files.
    convention
        Its name, and further arguments.
    samples
        That it is planned for.
    """

    name: str
    model: Path
    data: Path
    convention: tuple[str, ...]
    samples: int
    board: str = "ulx3s-85f"

    def figures(self, *wish: str) -> str:
        """Cycles, LUTs and the depth of buffers of the design that is chosen."""
        with tempfile.TemporaryDirectory() as folder:
            arguments: list[str | Path] = ["generate", self.model, "--convention", *self.convention]
            arguments += ["--data", self.data, "--samples", str(self.samples), "--board", self.board]
            ended = qsnn_hw([*arguments, *wish, "-o", folder])
            unit = load_board(self.board).family.units.logic_cells
            luts = re.search(rf"plan: predicted (\d+) {unit}", ended.output)
            cycles = _CYCLES.search(ended.output)
            if ended.status or cycles is None or luts is None:
                raise ToolError(f"{ended.command} predicts nothing: {ended.last_line}")
            depth = HardwarePlan.load(Path(folder) / "04_plan.npz").buffer_depth
        return f"{round(float(cycles[1])):,}, {int(luts[1]):,}, {depth} words"


_DIGITS = (EXAMPLES / "digits/digits_64-32-10.nir", EXAMPLES / "digits/digits_test.npz", ("snntorch",), 10)
QUICK = (
    Row("digits", *_DIGITS),
    Row("digits, iCEBreaker", *_DIGITS, board="icebreaker"),
)
LARGE = (
    Row(
        "mnist_fast",
        EXAMPLES / "mnist_fast/mnist_fast.nir",
        EXAMPLES / "mnist_fast/mnist_fast_test.npz",
        ("norse",),
        10,
    ),
    Row(
        "MNIST 784-128-10",
        SHARED / "snntorch_mnist_784-128-10.nir",
        SHARED / "snntorch_mnist_784-128-10.npz",
        ("snntorch",),
        5,
    ),
    Row(
        "mnist_conv",
        EXAMPLES / "mnist_conv/mnist_conv.nir",
        EXAMPLES / "mnist_conv/mnist_conv_test.npz",
        ("snntorch",),
        4,
    ),
    Row(
        "braille",
        SHARED / "nir_paper/braille_noDelay_noBias_subtract.nir",
        SHARED / "nir_paper/braille.npz",
        ("snntorch", "--set", "reset_delay=false"),
        2,
    ),
    Row("sinabs conv", SHARED / "sinabs_conv_mnist.nir", SHARED / "sinabs_conv_mnist.npz", ("sinabs",), 1),
)
"""Those that take a minute or more."""


def table(rows: tuple[Row, ...]) -> str:
    """The rows, with the header."""
    names = ("network", "samples", "cycles a sample, LUTs, buffers", "with `--optimize latency`")
    wishes = ((), ("--optimize", "latency"))
    return tables.table(
        names, ((row.name, row.samples, *(row.figures(*wish) for wish in wishes)) for row in rows)
    )
