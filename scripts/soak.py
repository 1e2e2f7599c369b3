"""One instance of a design under random traffic, with resets in the middle, held against golden tick by tick.

The instance lives in one process from the first tick to the last. Traffic comes in runs: samples of random
length and density, at full speed or with random gaps and stalls. A run goes on in the instance as the one
before it has left it, or begins with a reset; some are cut amid traffic, whatever is under way, and the next
begins with a reset there. Every spike of every group and every potential of a complete sample is compared.
Exit status 1 at the first difference, and where memory grows with the ticks.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from script import EXAMPLES, ROOT, ended, need_in_range, parser
from user_command import qsnn_hw

from qsnn_hw.build.steps import outputs
from qsnn_hw.golden import run_clocked
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.support.errors import MismatchError, ToolError, UserError
from qsnn_hw.support.progress import Progress
from qsnn_hw.verify.case import Case, make_case
from qsnn_hw.verify.native import build_bench
from qsnn_hw.verify.native_run import OneInstance
from qsnn_hw.verify.stimulus import network_stimulus
from sim.checker import Checker
from sim.native import compared

RUN_TICKS = 4000
"""Ticks of a run, or a few more."""

_STEPS = (1, 2, 5, 10, 25, 60)
_PACES = ((0.0, 0.0), (0.2, 0.3), (0.5, 0.0), (0.0, 0.6), (0.4, 0.5))
"""Shares of gaps and of stalls; without either a run is at full speed."""

_GROWTH_KIB = 64 << 10
"""More memory than this, at the end than after a tenth of the ticks, is growth."""

_NONE = np.zeros(0, dtype=np.uint8)


@dataclass
class Soaked:
    """What a soak has done.

    Parameters
    ----------
    ticks
        Time steps that were complete and compared, of every group.
    runs, resets, cut
        Runs; those that began with a reset; those that were ended amid traffic.
    potentials, spikes
        Equal to golden's: potentials of every neuron, spikes as the groups sent them.
    cycles
        Clock cycles up to the last tick of each run.
    early, late
        The most memory in KiB of the instance's process and of this one, after a tenth of the ticks and at
        the end; None where the system does not say.
    """

    ticks: int = 0
    runs: int = 0
    resets: int = 0
    cut: int = 0
    potentials: int = 0
    spikes: int = 0
    cycles: int = 0
    early: tuple[int | None, int] | None = None
    late: tuple[int | None, int] | None = None

    def grown(self) -> int | None:
        """KiB by which the larger of the two grew; None where not measured."""
        if self.early is None or self.late is None:
            return None
        pairs = zip(self.early, self.late, strict=True)
        return max(late - early for early, late in pairs if early is not None and late is not None)

    def text(self) -> str:
        """All of it in a line."""
        held = "memory not measured"
        if self.late is not None:
            bench, own = self.late
            known = "'s memory not measured" if bench is None else f" held {bench / 1024:.0f} MiB"
            held = f"the instance{known}, its checker {own / 1024:.0f} MiB"
            held += f", {(self.grown() or 0) / 1024:.0f} MiB more than after a tenth"
        return (
            f"{self.ticks} ticks in {self.runs} runs, {self.resets} resets, {self.cut} of the runs cut amid "
            f"traffic: {self.potentials} potentials and {self.spikes} spikes equal, {self.cycles} cycles; "
            f"{held}"
        )


def random_case(plan: HardwarePlan, network: QuantizedNetwork, chance: np.random.Generator) -> Case:
    """Samples of one length, with golden's answers, and how they are sent."""
    steps = int(chance.choice(_STEPS))
    samples = -(-RUN_TICKS // steps)
    size = plan.input_space.neurons
    density = chance.random(samples)[None, :, None] ** 2
    counts = chance.integers(1, min(network.input_max, 3) + 1, (steps, samples, size))
    inputs = (counts * (chance.random(counts.shape) < density)).astype(np.uint8)
    golden = run_clocked(network, inputs, record=[group.name for group in network.groups])
    idle, backpressure = _PACES[int(chance.integers(len(_PACES)))]
    seed = int(chance.integers(1 << 31))
    return make_case(plan, inputs, golden, seed=seed, idle=idle, backpressure=backpressure)


def soak(
    plan: HardwarePlan,
    network: QuantizedNetwork,
    verilog: Path,
    folder: Path,
    ticks: int,
    seed: int,
    progress: Progress,
) -> Soaked:
    """Run ``ticks`` time steps, or a few more, through one instance.

    Parameters
    ----------
    verilog
        The traced form of ``plan``.
    folder
        Receives the records of one run after another, each in the place of the one before.

    Raises
    ------
    MismatchError
        A difference, or memory that grows; the message names seed, run and place.
    ToolError
        The model could not be built, or the bench ended.
    """
    bench = build_bench(verilog, plan.name, folder / "model", progress)
    done, rested, cycles_per_tick = Soaked(), False, 0.0
    neurons = sum(group.neurons for group in plan.groups)
    with OneInstance(bench) as instance, progress.task("ticks without a difference") as task:
        while done.ticks < ticks:
            chance = np.random.default_rng([seed, done.runs])
            case = random_case(plan, network, chance)
            everything = case.steps * case.samples
            stress = case.idle > 0 or case.backpressure > 0
            stimulus = network_stimulus(case, "stress" if stress else "stream", done.runs)
            goes_on = bool(rested and chance.random() < 0.7)
            if goes_on:
                stimulus = replace(stimulus, weights=_NONE, weight_gaps=_NONE, weights_first=False)
            cut = int(chance.random() * cycles_per_tick * everything) if chance.random() < 0.3 else None
            traces = [group.trace for group in case.groups]
            record = instance.run(stimulus, folder, traces, goes_on=goes_on, cut=cut or None)
            checker = Checker(case)
            try:
                difference = compared(bench, case, 0, record, checker)
            except AssertionError as error:
                raise MismatchError(f"seed {seed}, run {done.runs}: {error}") from error
            if difference is not None:
                raise MismatchError(f"seed {seed}, run {done.runs}: {difference.message}")
            rested = record.verdict == "finished"
            if rested:
                cycles_per_tick = record.ended[-1] / everything
            done.runs += 1
            done.resets += not goes_on
            done.cut += not rested
            done.ticks += checker.potentials // neurons
            done.potentials += checker.potentials
            done.spikes += sum(checker.sent)
            done.cycles += record.ended[-1] if record.ended else 0
            held = (instance.peak_kib(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
            if done.early is None and done.ticks >= ticks / 10:
                done.early = held
            done.late = held
            task.update(min(done.ticks, ticks), ticks)
    if (done.grown() or 0) > _GROWTH_KIB:
        raise MismatchError(f"memory grows with the ticks: {done.text()}")
    return done


def digits(folder: Path) -> Path:
    """The shipped network's design, by the user's command, in ``folder``."""
    place = EXAMPLES / "digits"
    network = str(place / "digits_64-32-10.nir")
    words = ["generate", network, "--convention", "snntorch", "--bits", "8", "--board", "icebreaker"]
    words += ["--data", str(place / "digits_test.npz"), "--samples", "1", "-o", str(folder), "-q"]
    made = qsnn_hw(words)
    if made.status:
        raise ToolError(f"{made.command} ended with {made.status}: {made.last_line}")
    return folder


def work(given: argparse.Namespace) -> None:
    """Soak what the command line names, and say what came of it."""
    need_in_range(given, ("ticks", 1, 1_000_000_000), ("seed", 0, (1 << 31) - 1))
    if given.design is None:
        given.design = digits(ROOT / "out" / "soak")
    if not (given.design / outputs.TRACED_VERILOG).is_file():
        raise UserError(f"{given.design} holds no {outputs.TRACED_VERILOG}; make it with qsnn-hw generate -o")
    plan = HardwarePlan.load(given.design / outputs.PLAN)
    network = QuantizedNetwork.load(given.design / outputs.QUANTIZED)
    before = time.monotonic()
    verilog = given.design / outputs.TRACED_VERILOG
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        done = soak(plan, network, verilog, Path(folder), given.ticks, given.seed, Progress())
    print(f"{plan.name}, seed {given.seed}: {done.text()}; {time.monotonic() - before:.0f} s")


def main(words: Sequence[str] | None = None) -> int:
    """Build, send, compare."""
    command = parser(__doc__)
    command.add_argument(
        "design",
        nargs="?",
        type=Path,
        help="an output folder of qsnn-hw generate (default: digits, made anew)",
    )
    command.add_argument("--ticks", type=int, default=1_000_000, help="time steps (default 1,000,000)")
    command.add_argument("--seed", type=int, default=1, help="of everything that is drawn (default 1)")
    given = command.parse_args(words)
    return ended(lambda: work(given))


if __name__ == "__main__":
    sys.exit(main())
