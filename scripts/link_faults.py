"""Faults on the serial line between the driver and a virtual board: answers that were wrong, or were mended.

A build runs on a virtual board in byte mode, through a line that spoils what it carries, one kind of fault
after the other: bits flipped, bytes lost, added and exchanged, bursts cut off, and the board reset by its
button. Digits run until so many bytes have gone to the board, then a network of long answers until as many
have come from it; the build of --folder until both have. Every answer that the driver hands on is compared
with golden's. One table; exit status 1 where a wrong answer was taken for right, or one never came.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import link_designs
import numpy as np
import script
import tables
from link_proxy import FROM_BOARD, KINDS, TO_BOARD, Faults, FaultyLine

from qsnn_hw.build.board_run import Wanted, golden_answers
from qsnn_hw.build.built import Built
from qsnn_hw.build.steps.inputs import read_samples
from qsnn_hw.golden import run_clocked
from qsnn_hw.host.board import Board
from qsnn_hw.host.repairs import Patience
from qsnn_hw.host.spi_controllers import link_of
from qsnn_hw.host.virtual_board import VirtualBoard
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress

_MOST_SILENCE_S = 10.0

RESET = "reset"
ALL = (*KINDS, RESET)
HEADINGS = (
    *("network", "fault", "bytes to the board", "bytes from it", "faults", "answers", "wrong", "sent again"),
    *("time-outs", "new sessions", "longest pause"),
)


@dataclass(frozen=True)
class Bench:
    """What is sent, and what must come back."""

    built: Built
    inputs: np.ndarray
    wanted: Wanted
    baud: int


def bench_of(folder: Path) -> Bench:
    """The samples of a build, with golden's answers."""
    built = Built.of(folder)
    if built.options.data is None:
        raise UserError(f"{folder} was built without samples: build it with --data FILE")
    data = read_samples(built.options, built.options.data, built.network, built.options.samples)
    group = built.plan.output_group.group
    golden = run_clocked(built.quantized, data.input, record=[group])
    inputs = data.input if data.pixels is None else data.pixels
    wanted = golden_answers(built.plan, golden.spikes[group], golden.potentials.get(group))
    return Bench(built, inputs, wanted, built.baud)


@dataclass
class Tally:
    """What came of a campaign of one kind."""

    kind: str
    to_board: int = 0
    from_board: int = 0
    faults: int = 0
    answers: int = 0
    wrong: int = 0
    repeated: int = 0
    timeouts: int = 0
    sessions: int = 0
    pause_s: float = 0.0

    def cells(self, network: str) -> tuple[str, ...]:
        """For the table."""
        numbers = (self.to_board, self.from_board, self.faults, self.answers, self.wrong, self.repeated)
        more = (self.timeouts, self.sessions)
        return (network, self.kind, *(f"{n:,}" for n in (*numbers, *more)), f"{self.pause_s:.2f} s")


def campaign(
    bench: Bench,
    port: str,
    press: Callable[[], None],
    kind: str,
    *,
    count: int,
    every: int,
    seed: int,
    counted: Sequence[int] = (TO_BOARD, FROM_BOARD),
    patience: Patience | None = None,
    progress: Progress = SILENT,
) -> Tally:
    """Run samples over and over, until ``count`` bytes have passed each way of ``counted``.

    ``press`` resets the board.
    """
    rates = {} if kind == RESET else {kind: 1 / every}
    filled = link_of(port) == "spi"
    ways = [Faults(rates, 2 * seed + way, filled=filled) for way in (TO_BOARD, FROM_BOARD)]
    tally = Tally(kind)
    line = FaultyLine(
        port,
        bench.baud,
        *ways,
        every=4 * every if kind == RESET else 0,
        event=press,
    )
    with (
        line,
        Board.open(line.port, bench.built.folder, patience=patience) as board,
        progress.task(kind) as task,
    ):
        if bench.built.plan.loaded_groups:
            board.load()
        last = time.monotonic()
        while min(ways[way].passed for way in counted) < count:
            for wrong in differences(board, bench):
                now = time.monotonic()
                tally.answers += 1
                tally.wrong += wrong
                tally.pause_s, last = max(tally.pause_s, now - last), now
                task.update(min(count, *(ways[way].passed for way in counted)), count)
        tally.to_board, tally.from_board = (way.passed for way in ways)
        tally.faults = line.events + sum(sum(way.counts.values()) for way in ways)
        repairs = board.repairs
        tally.repeated, tally.timeouts, tally.sessions = repairs.repeated, repairs.timeouts, repairs.sessions
    return tally


def differences(board: Board, bench: Bench) -> Iterator[bool]:
    """Of each answer to all samples, whether it is not golden's; one that is missing or came twice raises."""
    seen: set[int] = set()
    for answer in board.answers(bench.inputs):
        if answer.sample in seen:
            raise AssertionError(f"sample {answer.sample} was answered twice")
        seen.add(answer.sample)
        yield bench.wanted.difference(answer) is not None
    if len(seen) != len(bench.wanted.label):
        raise AssertionError(f"{len(bench.wanted.label) - len(seen)} samples were never answered")


def main(arguments: Sequence[str] | None = None) -> int:
    """All kinds, or those that are named."""
    parser = script.parser(__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(ALL)} (default: all)")
    parser.add_argument("--folder", type=Path, help="a build for a board (default: two, made meanwhile)")
    parser.add_argument(
        "--bytes", type=int, default=1_000_000, help="of each kind, each way (default: 1000000)"
    )
    parser.add_argument("--every", type=int, default=1000, help="mean bytes between faults (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the faults (default: 1)")
    usual = Patience().silence_s
    parser.add_argument(
        "--silence",
        type=float,
        default=usual,
        help=f"seconds until the driver asks again, which most of a run is spent in (default: {usual:g})",
    )
    given = parser.parse_args(arguments)
    if unknown := set(given.kinds) - set(ALL):
        parser.error(f"no such kind: {', '.join(sorted(unknown))}; known: {', '.join(ALL)}")
    if given.bytes < 1 or given.every < 1:
        parser.error("--bytes and --every must be at least 1")
    if not 0 < given.silence <= _MOST_SILENCE_S:
        parser.error(f"--silence must be above 0 and at most {_MOST_SILENCE_S:g}, not {given.silence:g}")
    patience = Patience(silence_s=given.silence)
    return script.ended(
        lambda: run(given.folder, given.kinds or ALL, given.bytes, given.every, given.seed, patience)
    )


def _builds(folder: Path | None, made: Path, progress: Progress) -> Iterator[tuple[Path, Sequence[int]]]:
    """(output folder, ways whose bytes count) of each that runs."""
    if folder is not None:
        yield folder, (TO_BOARD, FROM_BOARD)
        return
    yield link_designs.digits(made / "digits", progress), (TO_BOARD,)
    yield link_designs.long_answers(made / "long", progress), (FROM_BOARD,)


def run(
    folder: Path | None,
    kinds: Sequence[str],
    count: int,
    every: int,
    seed: int,
    patience: Patience | None = None,
) -> int:
    """Print the table; 1 where an answer was wrong."""
    progress = Progress()
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="qsnn-hw-") as made:
        print(f"Seed {seed}, a fault in {every:,} bytes on average; a UART in byte mode.\n")
        print(tables.head(*HEADINGS), flush=True)
        for built, counted in _builds(folder, Path(made), progress):
            bench = bench_of(built)
            work = Path(made) / f"work_{bench.built.plan.name}"
            board = bench.built.board
            with VirtualBoard(
                bench.built.verilog, board, work, bytes_only=board.link == "uart", progress=progress
            ) as virtual:
                for kind in kinds:
                    tally = campaign(
                        *(bench, virtual.port, virtual.press, kind),
                        count=count,
                        every=every,
                        seed=seed,
                        counted=counted,
                        patience=patience,
                        progress=progress,
                    )
                    print(tables.row(*tally.cells(bench.built.plan.name)), flush=True)
                    wrong += tally.wrong
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
