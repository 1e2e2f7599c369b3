"""Simulates the RTL on given samples and compares it with the golden model, exactly."""

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.golden import GoldenRun
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import MismatchError, ToolError, UserError
from qsnn_hw.support.files import read_json
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.verify.activity import check_counters, count_activity
from qsnn_hw.verify.case import Case, make_case
from qsnn_hw.verify.record import Verification
from qsnn_hw.verify.shares import parts_of, share_out
from qsnn_hw.verify.simulation import (
    Model,
    Simulator,
    build_model,
    cocotb_version,
    find_simulator,
    read_difference,
    run_jobs,
    tail,
)
from qsnn_hw.verify.work import is_short

PASSES = ("alone", "stress", "stream")

STREAM_SAMPLES = 20
"""Samples of the throughput measurement: it is a mean, and every sample's values are compared twice
in the other passes already."""


def verify(
    plan: HardwarePlan,
    verilog: Path,
    inputs: np.ndarray,
    golden: GoldenRun,
    work_dir: Path,
    *,
    simulator: str = "verilator",
    samples: int | None = None,
    stress_samples: int | None = None,
    stream_samples: int | None = None,
    passes: Sequence[str] = PASSES,
    seed: int = 1,
    idle: float = 0.2,
    backpressure: float = 0.3,
    processes: int = 2,
    progress: Progress = SILENT,
) -> Verification:
    """Simulate ``verilog`` and compare every spike and every potential with ``golden``.

    Three passes (see ``sim/network.py``): every sample alone at full speed, which also measures its
    latency; again under random idle gaps and backpressure; and some samples back to back at full
    speed, which measures the throughput.

    Parameters
    ----------
    plan
        What ``verilog`` was made from.
    verilog
        ``SpikingNetwork(plan, trace=True)`` with top module ``plan.name``.
    inputs
        uint8 events of each input in each step (mostly 0 or 1), shape (time, sample, ...).
    golden
        Of the same input, with the potentials of every group.
    work_dir
        Receives the simulation model, which later calls reuse, logs and measurements.
    simulator
        "verilator", "cocotb" (Verilator under cocotb) or "icarus" (Icarus under cocotb).
    samples
        Take only this many samples from the start; None takes all.
    stress_samples
        Likewise for the stress pass; None takes the same samples.
    stream_samples
        Likewise for the stream pass; None takes ``STREAM_SAMPLES`` beside other passes, and the
        same samples when it is the only one. Then they are shared out among the processes, too.
    passes
        Which passes to run; without "alone" no latency is measured.
    seed, idle, backpressure
        Of the stress pass: random seed, probability of a gap before a word, share of cycles in
        which the output is not taken.
    processes
        Simulators at a time; each takes a part of the samples.

    Raises
    ------
    MismatchError
        A difference; the message names the first one.
    ToolError
        Building the model failed, or the simulator ended without a verdict.
    UserError
        The simulator is unknown or not installed, or an argument is out of range.
    """
    started = time.monotonic()
    tools = find_simulator(simulator)
    limits = {"samples": samples, "stress_samples": stress_samples, "stream_samples": stream_samples}
    for name, value in {**limits, "processes": processes}.items():
        if value is not None and value < 1:
            raise UserError(f"{name} must be at least 1, not {value}")
    if not passes or len(set(passes)) < len(passes) or set(passes) - set(PASSES):
        raise UserError(
            f"passes must be one or more of {', '.join(PASSES)}, not {', '.join(passes) or 'none'}"
        )
    case = make_case(plan, inputs, golden, seed=seed, idle=idle, backpressure=backpressure)
    everything = min(samples or case.samples, case.samples)
    only = tuple(passes) == ("stream",)
    wanted = {
        "alone": everything,
        "stress": stress_samples or everything,
        "stream": stream_samples or (everything if only else STREAM_SAMPLES),
    }
    counts = {name: min(wanted[name], everything) for name in PASSES if name in passes}
    # Nothing counts as compared that no pass compares.
    case = case.part(0, max(counts.values()))
    quick_build = is_short(plan, case.inputs, sum(counts.values()))
    model = build_model(tools, verilog, plan.name, work_dir, progress, quick_build=quick_build)
    case_path = work_dir / "case.npz"
    case.save(case_path)
    passes_of = share_out(counts, min(processes, case.samples), lambda *part: parts_of(case, *part))
    results = run_passes(
        model,
        "sim.network" if model.bench is None else "sim.native",
        {"case": str(case_path.resolve())},
        passes_of,
        work_dir,
        progress,
        f"{tools.name}: compare with golden",
    )
    return _record(plan, case, tools, results, counts, time.monotonic() - started)


def run_passes(
    model: Model,
    module: str,
    common: dict[str, object],
    passes: Sequence[dict[str, list[list[int]]]],
    work_dir: Path,
    progress: Progress,
    text: str,
) -> dict[str, list[dict]]:
    """Run a bench's module in a process for each of ``passes``; every pass's results in sample order.

    Parameters
    ----------
    common
        What stands in the job of every process.
    passes
        Of each process, see :func:`share_out`.
    text
        What is done, for the user.

    Raises
    ------
    MismatchError
        A process left a difference.
    ToolError
        One ended without a verdict.
    """
    folders = [work_dir / f"run{k}" for k in range(len(passes))]
    names = list(dict.fromkeys(name for share in passes for name in share))
    jobs = []
    for folder, share in zip(folders, passes, strict=True):
        folder.mkdir(parents=True, exist_ok=True)
        job: dict[str, object] = {
            **common,
            "passes": share,
            **({"tests": _starts(share)} if module == "sim.network" else {}),
            "results": {name: str((folder / f"{name}.json").resolve()) for name in PASSES},
            "progress": str((folder / "progress").resolve()),
            "difference": str((folder / "difference.json").resolve()),
        }
        jobs.append(job)
        # A result or a difference of an earlier run must never be taken for this one's.
        for name in (*(f"{n}.json" for n in PASSES), "progress", "difference.json"):
            (folder / name).unlink(missing_ok=True)
    total = sum(stop - first for share in passes for parts in share.values() for first, stop in parts)
    with progress.task(text) as task:

        def poll() -> bool:
            done = sum(_size(folder / "progress") for folder in folders)
            task.update(done, total)
            return any((folder / "difference.json").exists() for folder in folders)

        statuses = run_jobs(model, module, jobs, folders, poll)
        # Inside the task, so that no "done" line is printed for a failure.
        differences = [d for d in (read_difference(f / "difference.json") for f in folders) if d is not None]
        if differences:
            worst = min(differences, key=_place)
            where = f"{model.simulator.name}, pass {worst['pass']}"
            raise MismatchError(f"hardware and golden differ ({where}): {worst['message']}")
        return collect(model, folders, passes, statuses, names)


def _starts(passes: Collection[str]) -> list[list[str]]:
    """Passes for each start of a simulator: what counts activity begins with registers of its own."""
    others = [name for name in passes if name != "stream"]
    return [names for names in (others, ["stream"] if "stream" in passes else []) if names]


def _place(difference: dict[str, Any]) -> tuple[bool, int, int]:
    """Sorts differences by sample and time step; those without a place come last."""
    sample, step = difference["sample"], difference["step"]
    return sample is None, sample or 0, step or 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def collect(
    model: Model,
    folders: Sequence[Path],
    passes: Sequence[dict[str, list[list[int]]]],
    statuses: Sequence[int],
    names: Sequence[str],
) -> dict[str, list[dict]]:
    """Every pass's results; one that is missing is an error, whatever the exit status says."""
    results: dict[str, list[dict]] = {name: [] for name in names}
    for folder, share, status in zip(folders, passes, statuses, strict=True):
        for name in share:
            path = folder / f"{name}.json"
            if status or not path.is_file():
                log = folder / "simulation.log"
                raise ToolError(
                    f"{model.simulator.name} ended with status {status} without a verdict on pass "
                    f"{name}: {tail(log)}; see {log}"
                )
            results[name] += read_json(path)
    return results


def _record(
    plan: HardwarePlan,
    case: Case,
    simulator: Simulator,
    results: dict[str, list[dict]],
    counts: dict[str, int],
    seconds: float,
) -> Verification:
    """What the passes measured, once it is certain that they compared everything."""
    for name in counts:
        _check_compared(case, simulator.name, name, results[name], counts[name])
        check_counters(plan, case, name, results[name], simulator.name)
    cycles = [n for result in results.get("alone", ()) for n in result["cycles_per_sample"]]
    # Of the passes that took the same samples one compares them first, the others again.
    widest = max(counts, key=lambda name: counts[name])
    again = [result for name in counts if name != widest for result in results[name]]
    by_group = _sent(results[widest])
    return Verification(
        simulator=simulator.tool,
        samples=case.samples,
        spikes_compared=sum(by_group.values()),
        potentials_compared=sum(result["potentials"] for result in results[widest]),
        mismatches=0,
        cycles_per_sample=tuple(cycles),
        stream_samples=counts.get("stream", 0),
        stream_cycles=sum(result["cycles"] for result in results.get("stream", ())),
        stress_samples=counts.get("stress", 0),
        stress_cycles=sum(result["cycles"] for result in results.get("stress", ())),
        input_events=int(case.inputs.sum()),
        output_events=int(case.outputs.sum()),
        seed=case.seed,
        seconds=seconds,
        distinct_samples=case.samples,
        spikes_by_group=by_group,
        repeated_samples=sum(count for name, count in counts.items() if name != widest),
        repeated_spikes=sum(_sent(again).values()),
        repeated_potentials=sum(result["potentials"] for result in again),
        cocotb=cocotb_version(simulator.name),
        **vars(count_activity(plan, results, counts)),
    )


def _check_compared(
    case: Case, simulator: str, name: str, results: Sequence[dict[str, Any]], count: int
) -> None:
    """A bench that stopped comparing must not look like a pass.

    Raises
    ------
    ToolError
        The pass did not compare every spike and every potential of its ``count`` samples.
    """
    compared = sum(result["stop"] - result["first"] for result in results)
    potentials = sum(result["potentials"] for result in results)
    spikes = sum(result["spikes"] for result in results)
    expected = count * case.steps * sum(group.neurons for group in case.groups)
    fired = int(case.outputs[:, :count].sum())
    if (compared, potentials, spikes) != (count, expected, fired):
        raise ToolError(
            f"{simulator}: pass {name} compared {compared} samples, {potentials} potentials and "
            f"{spikes} spikes, expected {count}, {expected} and {fired}"
        )
    for group, sent in _sent(results).items():
        fired = int(case.group(group).spikes[:, :count].sum(dtype=np.int64))
        if sent != fired:
            raise ToolError(
                f"{simulator}: pass {name} compared {sent} spikes of group {group!r}, expected {fired}"
            )


def _sent(results: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Of each group, the spikes that were compared as it sent them."""
    total: dict[str, int] = {}
    for result in results:
        for group, spikes in result["sent"].items():
            total[group] = total.get(group, 0) + spikes
    return total
