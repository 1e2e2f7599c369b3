"""A network of lookup tables beside a spiking one: same data, same yosys and nextpnr, in one run.

A differentiable weightless network (DWN) is trained here on the pixels that the spiking network's samples
were made of, dwn2rtl (PyPI) writes its Verilog, and Icarus runs that on every test image: each answer must be
the network's own. Then the same synthesis and place and route as a build's, for the same board. The spiking
network is built by the user's command, serial link and all. Needs the extra torch, dwn2rtl, Icarus Verilog.

The tables stand behind a shift register at a pin, because their inputs are as many wires as the image has
bits. Its registers are in the counts, one for each bit.
"""

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import script
import tables
from mnist_files import read_part
from train_digits import load_digits_split
from training_files import packed, torch_half
from user_command import report_of

from qsnn_hw.families.boards import load_board
from qsnn_hw.support.errors import MismatchError, UserError
from qsnn_hw.support.files import write_json, write_npz, write_text
from qsnn_hw.support.progress import Progress
from qsnn_hw.targets.fpga.least import Least
from qsnn_hw.targets.fpga.place_route import place_and_route
from qsnn_hw.targets.fpga.synthesis import synthesize

INSTALL = "torch scikit-learn dwn2rtl"
CLASSES = 10
SEED = 1
STEPS = 25
"""Of the spiking MNIST network."""
LONGEST = 1024
"""Bits of a part of the shift register: yosys goes a call deeper for each, and its stack has an end."""
HEADING = (
    *("design", "accuracy (samples)", "logic", "registers", "block RAM", "Fmax MHz", "cycles", "latency"),
    "every",
)
SOURCES = (
    *("lut_node.v", "pipe_reg.v", "popcount.v", "argmax.v"),
    *("thermometer_encoder.v", "dwn_core.v", "dwn_top.v"),
)


@dataclass(frozen=True)
class Task:
    """One data set.

    Parameters
    ----------
    spiking
        What ``qsnn-hw build`` takes for the spiking network, but for its samples.
    samples
        The folder of MNIST, a file to write -> samples of the same images for the spiking network: that file
        or another.
    load
        The folder of MNIST -> training pixels and labels, test pixels and labels, in whole numbers.
    recipe
        Fields of ``lookup_training.Recipe`` without ``tables``.
    pixel_bits
        What dwn2rtl is told of a pixel: thresholds are below 2 to the power of it.
    sizes
        Tables of each network to train.
    """

    spiking: tuple[str, ...]
    samples: Callable[[Path, Path], Path]
    load: Callable[[Path], tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]
    recipe: dict[str, Any]
    pixel_bits: int
    sizes: tuple[int, ...]


def _digits(_: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    data = load_digits_split()
    pixels = np.rint(data.pixels * 16).astype(np.int64)
    train = np.concatenate([data.fit, data.validation])
    return pixels[train], data.label[train], pixels[data.test], data.label[data.test]


def _mnist(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    train, test = read_part(folder, "train"), read_part(folder, "t10k")
    flat = (train[0].reshape(-1, 784).astype(np.int64), test[0].reshape(-1, 784).astype(np.int64))
    return flat[0], train[1], flat[1], test[1]


def _digits_spikes(_: Path, __: Path) -> Path:
    return EXAMPLE / "digits_test.npz"


def _mnist_spikes(folder: Path, file: Path) -> Path:
    """All test images, coded as the network was trained: brightness is the probability of a spike."""
    pixels, label = read_part(folder, "t10k")
    rng = np.random.default_rng(SEED)
    flat = pixels.reshape(-1, 784)
    spikes = np.stack([rng.integers(0, 255, flat.shape) < flat for _ in range(STEPS)])
    write_npz(file, {**packed("input", spikes.astype(np.uint8)), "label": label})
    return file


EXAMPLE = script.EXAMPLES / "digits"
TASKS = {
    "digits": Task(
        (
            *("build", str(EXAMPLE / "digits_64-32-10.nir"), "--convention", "snntorch"),
            *("--bits", "8"),
        ),
        _digits_spikes,
        _digits,
        {
            **{"thresholds": (0, 2, 4, 6, 8, 10, 12, 14), "epochs": 100, "batch": 64},
            **{"learning_rate": 0.02, "temperature": 2.0, "noise": 1.0},
        },
        4,
        (100, 300),
    ),
    "mnist": Task(
        (
            *("build", str(script.SHARED / "snntorch_mnist_784-128-10.nir"), "--convention", "snntorch"),
            *("--bits", "8"),
        ),
        _mnist_spikes,
        _mnist,
        {
            **{"thresholds": (31, 95, 159), "epochs": 8, "batch": 128},
            **{"learning_rate": 0.02, "temperature": 3.0, "noise": 0.0},
        },
        8,
        (300,),
    ),
}


@dataclass(frozen=True)
class Row:
    """One design; latency and the time from one sample to the next at its own Fmax."""

    design: str
    accuracy: float
    samples: int
    logic: int
    registers: int | None
    block_rams: int
    fmax_mhz: float
    cycles: float
    cycles_between: float

    def cells(self) -> tuple[object, ...]:
        """As the table shows it."""
        return (
            *(self.design, f"{100 * self.accuracy:.2f} % ({self.samples:,})", f"{self.logic:,}"),
            "-" if self.registers is None else f"{self.registers:,}",
            *(self.block_rams, f"{self.fmax_mhz:.1f}", f"{self.cycles:,.0f}"),
            *(_ns(self.cycles / self.fmax_mhz), _ns(self.cycles_between / self.fmax_mhz)),
        )


def _ns(us: float) -> str:
    return f"{us:,.3g} us" if us >= 1 else f"{1000 * us:,.3g} ns"


def inlined(folder: Path) -> str:
    """dwn2rtl's files as one text, which the flow reads."""

    def included(match: "re.Match[str]") -> str:
        return (folder / match[1]).read_text(encoding="utf-8")

    texts = ((folder / name).read_text(encoding="utf-8") for name in SOURCES)
    return "\n".join(re.sub(r'^\s*`include\s+"([^"]+)"', included, text, flags=re.M) for text in texts)


def harness(width: int, answer: int) -> str:
    """The tables behind a register of ``width`` bits that is shifted in at a pin, and before one of
    ``answer``.

    Its parts are filled one after the other, each by shifting, with the pin at the beginning of every one.
    """
    count = -(-width // LONGEST)
    size = -(-width // count)
    parts = [(low, min(low + size, width)) for low in range(0, width, size)]
    fill, shifts = "", f"        x <= {{x[{width - 2}:0], rx}};"
    if count > 1:
        fill = f"""        place <= place == {size - 1} ? 0 : place + 1'b1;
        if (place == {size - 1}) part <= part == {count - 1} ? 0 : part + 1'b1;
"""
        shifts = "\n".join(
            f"        if (part == {k}) x[{high - 1}:{low}] <= {{x[{high - 2}:{low}], rx}};"
            for k, (low, high) in enumerate(parts)
        )
    return f"""
module top (input clk, input rx, output reg tx);
    reg [{width - 1}:0] x;
    reg [{(size - 1).bit_length() - 1}:0] place;
    reg [{max(1, (count - 1).bit_length()) - 1}:0] part;
    reg [{answer - 1}:0] y;
    reg [{answer - 1}:0] n;
    wire [{answer - 1}:0] class_idx;
    dwn_top tables (.clk(clk), .x_flat(x), .class_idx(class_idx));
    always @(posedge clk) begin
{fill}{shifts}
        n <= n + 1'b1;
        y <= n == 0 ? class_idx : y >> 1;
        tx <= y[0];
    end
endmodule
"""


def checked_on_images(folder: Path, pixels: np.ndarray, expected: np.ndarray, word_bits: int) -> None:
    """Run the Verilog on its own vectors, then on these images.

    Raises
    ------
    MismatchError
        An answer is not the network's.
    """
    import dwn2rtl
    from dwn2rtl.vectors import words_to_hex

    for what in ("its own vectors", "the test images"):
        found = dwn2rtl.verify(str(folder))
        if not found.ok:
            raise MismatchError(f"{folder}: the Verilog differs from the network on {what}: {found.levels}")
        if what == "the test images":
            top = next(level for level in found.levels if level.level == "top")
            if top.vectors != len(pixels):
                raise MismatchError(f"{folder}: {top.vectors} of {len(pixels)} images were run")
            return
        write_text(folder / "x_quant.hex", "\n".join(words_to_hex(row, word_bits) for row in pixels) + "\n")
        write_text(folder / "expected_top.hex", "\n".join(f"{n:X}" for n in expected) + "\n")
        params = (folder / "top_params.vh").read_text(encoding="utf-8")
        write_text(folder / "top_params.vh", re.sub(r"(`define N_TOP) \d+", rf"\1 {len(pixels)}", params))


def lookup_row(task: Task, size: int, asked: argparse.Namespace, progress: Progress) -> Row:
    """Train, write, check, place and route one network of tables."""
    training = torch_half("lookup_training", INSTALL)
    import torch

    try:
        import dwn2rtl
    except ImportError as error:
        raise UserError(f"dwn2rtl is not installed ({error}): pip install dwn2rtl") from error
    torch.set_num_threads(1)
    train, label, test, truth = task.load(asked.mnist)
    folder = asked.out / f"{asked.task}_{size}"
    folder.mkdir(parents=True, exist_ok=True)
    recipe = training.Recipe(size, **task.recipe)
    kept = folder / f"{recipe.epochs}_{recipe.batch}_{recipe.learning_rate:g}.pt"
    if not kept.exists():
        torch.save(training.train(train, label, recipe, CLASSES, SEED), kept)
    network = torch.load(kept, weights_only=False)
    answered = training.answers(network, test)
    rtl = folder / "rtl"
    scaled = network["thermometer"]["thresholds"] / 2**task.pixel_bits
    made = dwn2rtl.build(
        {**network, "thermometer": {"thresholds": scaled}}, str(rtl), input_bits=task.pixel_bits
    )
    word = made.precision.word_bits
    if word != task.pixel_bits + 1:
        raise MismatchError(f"{folder}: pixels of {task.pixel_bits} bits became words of {word}")
    # A pixel as large as the range is more than every threshold, too.
    checked_on_images(rtl, np.minimum(test, 2**task.pixel_bits - 1), answered, word)
    board, answer = load_board(asked.board), max(1, (CLASSES - 1).bit_length())
    width = train.shape[1] * word
    verilog = folder / "top.v"
    write_text(verilog, inlined(rtl) + harness(width, answer))
    synthesis = synthesize(verilog, "top", board, folder / "synthesis", least=Least(), progress=progress)
    placed = place_and_route(synthesis, board, folder / "route", seed=SEED, freq_mhz=200, progress=progress)
    usage = board.limits.usage({name: one.used for name, one in placed.resources.items()})
    return Row(
        f"{size} tables of six inputs, behind a shift register of {width:,} bits",
        float((answered == truth).mean()),
        len(truth),
        usage.logic_cells or 0,
        usage.registers,
        usage.block_rams or 0,
        placed.fmax_mhz,
        made.latency,
        1,
    )


def spiking_row(task: Task, asked: argparse.Namespace) -> Row:
    """The spiking network by the user's command, whole board design."""
    samples = task.samples(asked.mnist, asked.out / f"{asked.task}_samples.npz")
    words = [*task.spiking, "--data", str(samples), "--board", asked.board, "-q"]
    report = report_of(words, asked.out / f"{asked.task}_spiking")
    names = load_board(asked.board).family.units

    def used(name: str | None) -> int | None:
        return None if name is None else int(report["resources"].get(name, {}).get("used") or 0)

    clock = report["clock"]["board_mhz"]
    return Row(
        f"{report['network']['name']}, {report['bits']}-bit weights, spikes, with its serial link",
        report["accuracy"]["quantized"],
        report["accuracy_samples"],
        used(names.logic_cells) or 0,
        used(names.registers),
        used(names.block_ram) or 0,
        report["timing"]["fmax_mhz"],
        report["latency"]["cycles_per_sample_mean"],
        clock * 1e6 / report["throughput"]["on_chip_per_s"],
    )


def main() -> int:
    """Print, and with -o keep, the table."""
    command = script.parser(__doc__)
    command.add_argument("--task", choices=tuple(TASKS), default="digits")
    command.add_argument("--board", default="ulx3s-85f")
    command.add_argument("--mnist", type=Path, default=script.SHARED / "mnist", help="the IDX files")
    command.add_argument(
        "--tables", nargs="+", type=int, help="how many, a multiple of 10 (default: the task's)"
    )
    command.add_argument(
        "-o", "--out", type=Path, required=True, help="folder, gone on with where it is there"
    )
    return script.ended(lambda: run(command.parse_args()))


def run(asked: argparse.Namespace) -> None:
    """Every network of the task, and its spiking one."""
    task, progress = TASKS[asked.task], Progress()
    sizes = asked.tables or task.sizes
    for size in sizes:
        if size < CLASSES or size % CLASSES:
            raise UserError(f"--tables must be multiples of {CLASSES}, not {size}")
    print(tables.head(*HEADING), flush=True)
    rows = []
    work = [partial(lookup_row, task, size, asked, progress) for size in sizes]
    for made in (*work, partial(spiking_row, task, asked)):
        rows.append(made())
        print(tables.row(*rows[-1].cells()), flush=True)
    write_json(asked.out / "rows.json", [asdict(row) for row in rows])


if __name__ == "__main__":
    sys.exit(main())
