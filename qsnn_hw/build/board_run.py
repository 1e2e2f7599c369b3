"""``qsnn-hw run`` and ``monitor``: samples through a board, every answer held against golden; its counters.

Nothing heavy is imported before a command needs it.
"""

import argparse
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from qsnn_hw.build.board_options import MonitorOptions, RunBoardOptions
from qsnn_hw.build.option import typed_values
from qsnn_hw.support.errors import MismatchError, UserError
from qsnn_hw.support.terminal import show

if TYPE_CHECKING:
    import numpy as np

    from qsnn_hw.build.built import Built
    from qsnn_hw.host.board import Answer, Board
    from qsnn_hw.host.identity import Counters, Identity
    from qsnn_hw.model.dataset import Dataset
    from qsnn_hw.plan import HardwarePlan


def run(given: argparse.Namespace) -> int:
    """Send samples through the board and compare every answer with golden's."""
    from qsnn_hw.build.built import Built
    from qsnn_hw.host.board import Board

    asked = RunBoardOptions(**typed_values(given, RunBoardOptions))
    built = Built.of(asked.out)
    data, wanted = _samples_and_golden(built, asked)
    inputs = data.input if data.pixels is None else data.pixels
    with Board.open(asked.port, built.folder) as board:
        _load(board, built)
        before, traffic = board.counters(), board.traffic
        outcome = _compared(board, inputs, data, wanted, quiet=asked.quiet)
        traffic = (board.traffic[0] - traffic[0], board.traffic[1] - traffic[1])
        cycles = board.counters().since(before).cycles
        found = board.identity()
        _summary(board, built, outcome, data)
        _speed(built, outcome, data.samples, traffic, cycles / found.clock_hz)
        if any(found.tools) and found.tools != built.tools.digest():
            show(f"note         the board's bitstream was made by {_tools(found, built)}")
        if board.repairs.text():
            show(f"mended       {board.repairs.text()}")
    if outcome.differ:
        raise MismatchError(
            f"{outcome.differ:,} of {data.samples:,} answers differ from golden; the first: {outcome.first}"
        )
    return 0


@dataclass(frozen=True)
class Wanted:
    """Golden's answers.

    Parameters
    ----------
    spikes
        int64, shape (time, sample, neuron); None where the design answers with classes.
    label, silent
        int64 and bool, shape (sample,).
    """

    spikes: "np.ndarray | None"
    label: "np.ndarray"
    silent: "np.ndarray"

    def difference(self, answer: "Answer") -> str | None:
        """Where an answer differs first; None where it is golden's."""
        k = answer.sample
        if self.spikes is None or answer.spikes is None:
            told, known = (answer.label, answer.silent), (int(self.label[k]), bool(self.silent[k]))
            if told == known:
                return None
            return f"sample {k}: the board says {_class(*told)}, golden {_class(*known)}"
        mine, golden = answer.spikes.reshape(len(answer.spikes), -1), self.spikes[:, k]
        if len(mine) != len(golden):
            return f"sample {k}: the board answers {len(mine)} steps, golden {len(golden)}"
        places = (mine != golden).nonzero()
        if not len(places[0]):
            return None
        step, neuron = int(places[0][0]), int(places[1][0])
        return (
            f"sample {k}, step {step}, neuron {neuron}: the board says {mine[step, neuron]} spikes, "
            f"golden {golden[step, neuron]}"
        )


def _class(label: int, silent: bool) -> str:
    return f"class {label}, {'silent' if silent else 'not silent'}"


def golden_answers(plan: "HardwarePlan", spikes: "np.ndarray", potentials: "np.ndarray | None") -> Wanted:
    """What golden's output group, (time, sample, neuron), means as the design answers."""
    from qsnn_hw.model.readouts import count_class

    flat = spikes.reshape(*spikes.shape[:2], -1).astype("int64")
    if plan.readout is None:
        return Wanted(flat, *count_class(flat))
    return Wanted(None, *plan.readout.answers(spikes, potentials))


def _samples_and_golden(built: "Built", asked: RunBoardOptions) -> "tuple[Dataset, Wanted]":
    from qsnn_hw.build.steps.inputs import read_samples
    from qsnn_hw.golden import run_clocked
    from qsnn_hw.support.progress import Progress

    file = built.options.data if asked.data is None else asked.data
    if file is None:
        raise UserError(f"{built.folder} was built without samples: give --data FILE")
    network, quantized = built.network, built.quantized
    data = read_samples(built.options, file, network, asked.samples)
    group = built.plan.output_group.group
    membrane = built.plan.readout is not None and built.plan.readout.potentials
    with Progress(quiet=asked.quiet).task("golden model") as task:
        golden = run_clocked(
            quantized, data.input, record=[group] if membrane else [], on_progress=task.update
        )
    return data, golden_answers(built.plan, golden.spikes[group], golden.potentials.get(group))


def _load(board: "Board", built: "Built") -> None:
    if built.plan.loaded_groups:
        started = time.monotonic()
        board.load()
        count = len(built.plan.weight_bytes())
        show(f"weights      {count:,} bytes loaded in {time.monotonic() - started:.2f} s")


@dataclass
class Outcome:
    """What came of a run.

    Parameters
    ----------
    labels
        Of each sample, as answered.
    seconds
        From the first byte sent to the last answer.
    differ, first
        Answers that are not golden's, and where the one of the lowest sample differs.
    """

    labels: "np.ndarray"
    seconds: float = 0.0
    differ: int = 0
    first: str = ""


def _compared(
    board: "Board", inputs: "np.ndarray", data: "Dataset", wanted: Wanted, *, quiet: bool
) -> Outcome:
    """Run all samples; predictions and a raster go to the terminal meanwhile, or lines into a log."""
    import numpy as np

    from qsnn_hw.build.raster import Raster

    outcome = Outcome(np.zeros(data.samples, dtype=np.int64))
    raster, lowest = Raster(), data.samples
    started = time.monotonic()
    for done, answer in enumerate(board.answers(inputs), 1):
        k = answer.sample
        outcome.labels[k] = answer.label
        difference = wanted.difference(answer)
        if difference is not None:
            outcome.differ += 1
            if k < lowest:
                lowest, outcome.first = k, difference
        outcome.seconds = time.monotonic() - started
        said = f"sample {k}: {answer.label}{_labelled(data, k)}{'' if difference is None else ', not golden'}"
        if quiet:
            continue
        if raster.live:
            flat = None if answer.spikes is None else answer.spikes.reshape(len(answer.spikes), -1)
            raster.show(f"{said}  ({done}/{data.samples}, {done / outcome.seconds:.1f} samples/s)", flat)
        else:
            show(said)
    raster.clear()
    return outcome


def _labelled(data: "Dataset", sample: int) -> str:
    return "" if data.label is None else f", label {data.label[sample]}"


def _summary(board: "Board", built: "Built", outcome: Outcome, data: "Dataset") -> None:
    from qsnn_hw.model.readouts import READOUT_WORDS

    samples, readout = data.samples, built.plan.readout
    by = READOUT_WORDS["count" if readout is None else readout.kind]
    shown = " ".join(map(str, outcome.labels[:40].tolist())) + (" ..." if samples > 40 else "")
    show(f"predictions  {shown}")
    if data.label is None:
        show(f"accuracy     not measured: no labels for these {samples:,} samples")
    else:
        right = 100 * float((outcome.labels == data.label).mean())
        show(f"accuracy     {right:.2f} % on {samples:,} samples, by {by}")
    what = "class" if readout is not None else "spike"
    equal = samples - outcome.differ
    show(f"golden       {equal:,} of {samples:,} answers equal, every {what} of them compared")


def _speed(
    built: "Built", outcome: Outcome, samples: int, traffic: tuple[int, int], board_seconds: float
) -> None:
    """How fast it was, by this machine's clock and by the board's, which a simulation makes slower."""
    to_board, from_board = traffic
    show(
        f"throughput   {samples / outcome.seconds:.1f} samples/s through this link, measured; "
        f"{to_board / samples:.0f} bytes to the board and {from_board / samples:.0f} from it a sample"
    )
    line = 1e-6 * built.board.byte_us * max(to_board, from_board)
    if not board_seconds:
        show("board time   not measured: the board counted no cycles")
        return
    each, rate = 1e3 * board_seconds / samples, samples / board_seconds
    show(
        f"board time   {each:.3f} ms a sample, {rate:.1f} samples/s, by the board's own count of cycles; "
        f"{1e3 * line / samples:.3f} ms is what its bits take at {built.board.rate_words}"
    )


def _tools(found: "Identity", built: "Built | None") -> str:
    """What made the board's bitstream, as far as its digest of versions tells."""
    if not any(found.tools):
        return "no tools that it names"
    if built is None:
        return f"tools of digest {found.tools.hex()}"
    if found.tools == built.tools.digest():
        return built.tools.text()
    return f"other tools than those of {built.folder}, which are {built.tools.text()}"


def monitor(given: argparse.Namespace) -> int:
    """Say which design a board holds, and print its counters again and again."""
    from qsnn_hw.build.built import Built
    from qsnn_hw.host.board import Board

    asked = MonitorOptions(**typed_values(given, MonitorOptions))
    folder = None if asked.out is None else Path(asked.out)
    built = None if folder is None else Built.of(folder)
    with Board.open(asked.port, folder, baud=asked.baud) as board:
        found = board.identity()
        kinds = [name for name in ("encoder", "readout") if getattr(found, name)]
        kinds += ["loaded weights"] * found.loads
        outputs = "classes" if found.readout else "outputs"
        show(
            f"{', '.join([f'{found.inputs} inputs, {found.outputs} {outputs}', *kinds])}; "
            f"{found.clock_hz / 1e6:g} MHz; qsnn-hw {found.version}; design {found.digest.hex()}"
        )
        show(f"made by {_tools(found, built)}")
        counters = board.counters()
        names = [item.name for item in fields(counters)]
        show("  ".join(f"{name:>14}" for name in names))
        left = asked.lines or -1
        try:
            while True:
                show("  ".join(f"{getattr(counters, name):>14,}" for name in names))
                left -= 1
                if left == 0:
                    return 0
                time.sleep(asked.interval)
                counters = _next(board, counters)
        except KeyboardInterrupt:
            # That is how it is meant to end.
            return 0


def _next(board: "Board", before: "Counters") -> "Counters":
    counters = board.counters()
    if counters.periods < before.periods:
        show("the counters began anew: the board was configured again, or they passed 2**32")
    return counters
