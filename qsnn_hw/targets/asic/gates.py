"""The netlist of cells against the golden model, by simulation, and how often its nets switch meanwhile.

Twice: the netlist of the design with trace ports, under gaps and backpressure, where every spike and every
potential is compared; and the very netlist that area, timing and power are of, whose output spikes are.
"""

import importlib
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.golden import GoldenRun
from qsnn_hw.host.stream_words import unpack_words
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import MismatchError, ToolError
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.asic.models import gate_verilog
from qsnn_hw.targets.asic.synthesis import MappedDesign
from qsnn_hw.verify.case import Case, make_case
from qsnn_hw.verify.drawn_words import as_integers
from qsnn_hw.verify.native import build_bench
from qsnn_hw.verify.native_run import RunRecord, run_bench
from qsnn_hw.verify.simulation import find_simulator
from qsnn_hw.verify.stimulus import network_stimulus

GATE_SAMPLES = 10
"""Samples where no number is asked for: of gates they take long."""


@dataclass(frozen=True)
class GateSimulation(StoredRecord, form="gate simulation 1", again="delete it to simulate again"):
    """The netlist equals the golden model on these samples.

    Parameters
    ----------
    simulator
        Name and version.
    samples, spikes, potentials
        What was compared of the netlist with trace ports, each spike and potential of every neuron once.
    netlist_samples, netlist_spikes
        What was compared of the netlist without: the spikes that leave it.
    cycles
        Clock cycles of these, from the edge that takes the first word to that on which the last tick leaves.
    saif
        How often each pin of a register, and each port, switched in these cycles, by Verilator: without
        delay, so without glitches.
    seconds
        Wall time, building included.
    """

    simulator: str
    samples: int
    spikes: int
    potentials: int
    netlist_samples: int
    netlist_spikes: int
    cycles: int
    saif: Path
    seconds: float


def simulate_gates(
    plan: HardwarePlan,
    mapped: MappedDesign,
    traced: MappedDesign,
    macros: str,
    registers: Collection[str],
    inputs: np.ndarray,
    golden: GoldenRun,
    folder: Path,
    *,
    samples: int = GATE_SAMPLES,
    seed: int = 1,
    progress: Progress,
) -> GateSimulation:
    """Simulate both netlists in ``folder`` and compare them with golden.

    Parameters
    ----------
    plan
        What both were made from.
    mapped, traced
        The netlist, and that of the design with trace ports.
    macros
        Verilog of the memory macros, bodies and all.
    registers
        Cells that keep a state: how often their pins switch is counted.
    inputs
        uint8 events, shape (time, sample, input).
    golden
        Of the same input, with the potentials of every group.
    samples
        The first so many.

    Raises
    ------
    MismatchError
        A netlist and golden differ; the message names the first difference.
    """
    started = time.monotonic()
    case = make_case(plan, inputs, golden, seed=seed).part(0, min(samples, inputs.shape[1]))
    seen = _traced(
        case, gate_verilog(traced, macros, folder / "traced", progress), folder / "traced", progress
    )
    path = gate_verilog(mapped, macros, folder / "netlist", progress, counted=registers)
    bench = build_bench(path, plan.name, folder / "netlist", progress, counts_nets=True, quick_build=True)
    saif = folder / "netlist" / "activity.saif"
    saif.unlink(missing_ok=True)
    with progress.task("gates: compare with golden"):
        # Back to back: how a design works that has something to do.
        record = run_bench(bench, network_stimulus(case, "stream", 0), folder / "netlist" / "run", saif=saif)
        spikes = _compared(plan, case, record)
    if not saif.is_file() or not record.started or not record.ended:
        raise ToolError(f"the simulation of {path} left no activity; see {folder / 'netlist'}")
    return GateSimulation(
        simulator=find_simulator("verilator").tool,
        samples=case.samples,
        spikes=sum(seen.sent),
        potentials=seen.potentials,
        netlist_samples=case.samples,
        netlist_spikes=spikes,
        cycles=record.ended[-1] - record.started[0],
        saif=saif,
        seconds=time.monotonic() - started,
    )


def _traced(case: Case, verilog: Path, folder: Path, progress: Progress) -> Any:
    """The checker of the simulators, which found every spike and potential of these samples equal."""
    bench = build_bench(verilog, case.top, folder, progress, quick_build=True)
    native, checkers = (importlib.import_module(name) for name in ("sim.native", "sim.checker"))
    checker = checkers.Checker(case, 0)
    with progress.task("gates: compare spikes and potentials with golden"):
        stimulus, traces = network_stimulus(case, "stress", 0), [group.trace for group in case.groups]
        record = run_bench(bench, stimulus, folder / "run", traces)
        try:
            difference = native.compared(bench, case, 0, record, checker)
        except AssertionError as error:
            raise MismatchError(f"the netlist and golden differ: {error}") from error
    if difference is not None:
        raise MismatchError(f"the netlist and golden differ: {difference.message}")
    wanted = case.steps * case.samples * sum(group.neurons for group in case.groups)
    # A bench that stopped comparing must not look like a pass.
    if checker.potentials != wanted:
        raise ToolError(f"{checker.potentials} potentials of the netlist were compared, expected {wanted}")
    return checker


def _compared(plan: HardwarePlan, case: Case, record: RunRecord) -> int:
    """How many spikes left the design, each where golden has it; MismatchError at the first that is not."""
    if record.verdict != "finished":
        why = f": {record.rule}" if record.rule else ""
        raise MismatchError(f"the netlist and golden differ: the simulation {record.verdict}{why}")
    size = case.output_stream.size
    owner = case.output_stream.neuron_of_address()
    wanted = case.outputs
    seen, at = np.zeros_like(wanted), 0
    for word in unpack_words(as_integers(record.output), size, plan.output_lanes):
        if at == case.steps * case.samples:
            raise MismatchError("the netlist and golden differ: a word behind the last sample")
        sample, step = divmod(at, case.steps)
        if word.tick:
            differ = np.flatnonzero(seen[step, sample] != wanted[step, sample])
            if differ.size:
                neuron = int(differ[0])
                raise MismatchError(
                    f"the netlist and golden differ: sample {sample}, time step {step}, neuron {neuron}: "
                    f"{seen[step, sample, neuron]} spikes, golden has {wanted[step, sample, neuron]}"
                )
            at += 1
        elif owner[word.address] < 0:
            raise MismatchError(f"the netlist sent address {word.address}, which is nobody's")
        else:
            seen[step, sample, owner[word.address]] += 1
    if at < case.steps * case.samples:
        raise MismatchError(f"the netlist sent {at} ticks, golden has {case.steps * case.samples}")
    return int(wanted.sum(dtype=np.int64))
