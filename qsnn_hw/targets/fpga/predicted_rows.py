"""The FPGA's rows before any tool runs: cells, cycles and activity by prediction."""

import math
from collections.abc import Mapping

import numpy as np

from qsnn_hw.build.steps.run import Run
from qsnn_hw.compare import Known, Row, Size
from qsnn_hw.cost.design_cycles import PredictedCycles
from qsnn_hw.cost.group.sweep import parameter_blocks
from qsnn_hw.cost.predict import predict
from qsnn_hw.families.boards import Board
from qsnn_hw.plan import GroupPlan, HardwarePlan
from qsnn_hw.plan.update_stages import update_stages
from qsnn_hw.report.bounds import Bounds
from qsnn_hw.report.words import figure
from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.fpga import comparison
from qsnn_hw.targets.fpga.energy import energy
from qsnn_hw.targets.fpga.per_sample import LinkBytes
from qsnn_hw.targets.fpga.power import without_coefficients
from qsnn_hw.targets.fpga.row_parts import POWER_SOURCE, USE, against, ann_row
from qsnn_hw.targets.fpga.spending import design_power
from qsnn_hw.targets.fpga.steps import CALIBRATION, CLOCK, PLAN
from qsnn_hw.targets.rows import Asked
from qsnn_hw.verify import Verification
from qsnn_hw.verify.design_cycles import DesignCycles
from qsnn_hw.verify.record import GroupActivity
from qsnn_hw.verify.work import synapse_reads


def predicted_rows(asked: Asked, run: Run) -> list[Row]:
    """What the plan of ``run`` is predicted to take and to spend, as rows.

    Switching is assumed, with its range; reads of synapse memory are exact, because they follow from spikes.
    """
    plan, board = run.get(PLAN), run.get(CLOCK)
    data, golden = asked.data, asked.golden
    usage = predict(plan, board.limits).usage
    accuracy, labelled = asked.accuracy
    available = board.limits.available()
    cycles = PredictedCycles.of(plan, data.input, golden.integer.spikes, data.pixels).design
    clock = f"at {figure(float(board.clock_mhz), 4)} MHz, the clock expected of this design"
    about = f"cycles of the first {cycles.size:,} samples alone, by following words, {clock}"
    us = float(cycles.mean()) / board.clock_mhz if cycles.size else None
    spending = None if us is None else _spending(asked, run, cycles)
    found = None if spending is None else spending[1]
    times = Bounds()
    if found is not None and found.ann is not None:
        over = found.ann.over(found.design)
        times = Bounds(over.low, over.typical, over.high)
    assumed = "Nothing was built: cells, cycles, clock and energy are predicted, switching is assumed."
    by = f"{POWER_SOURCE}, cells and activity predicted"
    uj = Known() if spending is None else _known(spending[0], by)
    row = Row(
        board.name,
        "fpga",
        f"{board.name}: {board.family} {board.device}",
        USE,
        f"{assumed}{against(times)}",
        accuracy,
        labelled,
        Known.exactly(us, "predicted", about),
        Known.exactly(None if us is None else 1e6 / us, "predicted", f"one after the other, {about}"),
        uj,
        uj.times(1e3 / asked.spikes) if asked.spikes else Known(),
        uj.inverse(1e6, by),
        {
            unit: Size(Known.exactly(used, "predicted", "by the plan, before synthesis"), available.get(unit))
            for unit, used in board.limits.by_name(usage).items()
        },
    )
    if found is None or found.ann is None:
        return [row]
    spent = found.ann.energy_uj
    return [row, ann_row(board, found.ann.us, Bounds(spent.low, spent.typical, spent.high))]


def _known(found: Range, source: str) -> Known:
    return Known(found.low, found.typical, found.high, "estimated", source)


def _spending(
    asked: Asked, run: Run, cycles: np.ndarray
) -> tuple[Range, comparison.Comparison | None] | None:
    """Energy of a sample in uJ, and the other two ways; None where the device has no coefficients."""
    plan, board, calibration = run.get(PLAN), run.get(CLOCK), run.get(CALIBRATION)
    if without_coefficients(board) is not None and calibration is None:
        return None
    coefficients = board.family.power[board.device] if calibration is None else calibration.of(board)
    counts = predicted_counts(plan, board, asked.data.input, asked.golden.integer.spikes, cycles)
    used = board.limits.by_name(predict(plan, board.limits).usage)
    mean = float(cycles.mean())
    alone = DesignCycles(cycles, mean)
    words = LinkBytes.of(plan, asked.data, asked.golden.integer).words_in_mean
    power = design_power(board, plan, used, counts, alone, words, coefficients)
    found = energy(power, mean, board.clock_mhz, asked.spikes).per_sample_uj
    steps = asked.data.steps
    return found, comparison.compare(board, plan, used, counts, alone, power, steps, coefficients)


def predicted_counts(
    plan: HardwarePlan,
    board: Board,
    inputs: np.ndarray,
    spikes: Mapping[str, np.ndarray],
    cycles: np.ndarray,
) -> Verification:
    """What the counters of simulation would show, as far as events alone decide it.

    Parameters
    ----------
    inputs
        Events of every input, shape (time, sample, ...).
    spikes
        Group -> golden spikes of the same samples, shape (time, sample, neuron).
    cycles
        int64, shape (first samples,): of each, alone; the other samples are left out.

    Returns
    -------
    Verification
        ``synapse_reads``, ``operation_cycles`` and ``sweep_cycles`` are the hardware's; the words of
        potentials are those of these cycles; ``toggles`` is None, and the estimate assumes a range.
    """
    samples = cycles.size
    flat = inputs[:, :samples].reshape(len(inputs), samples, -1)
    fired = {name: masks[:, :samples] for name, masks in spikes.items()}
    reads = synapse_reads(plan, flat, fired)
    total = int(cycles.sum())
    groups = {
        group.group: _activity(group, board, reads[group.group], len(inputs) * samples, total)
        for group in plan.groups
    }
    return Verification(
        simulator="predicted",
        samples=samples,
        spikes_compared=0,
        potentials_compared=0,
        mismatches=0,
        cycles_per_sample=tuple(int(n) for n in cycles),
        stream_samples=samples,
        stream_cycles=total,
        stress_samples=0,
        stress_cycles=0,
        input_events=int(flat.sum(dtype=np.int64)),
        output_events=0,
        seed=0,
        seconds=0.0,
        activity_pass="alone",
        activity_cycles=total,
        activity_samples=samples,
        groups=groups,
    )


def _activity(group: GroupPlan, board: Board, reads: int, ticks: int, total: int) -> GroupActivity:
    operations, rows = math.ceil(reads / group.event_lanes), ticks * group.update_rows
    together = group.accumulators == "registers"
    # A sweep is busy from the cycle in which it starts until its last row is out of the last stage.
    swept = rows + ticks * (len(update_stages(group)) + 2)
    busy = max(operations, swept) if together else operations + swept
    # Of sums in memory each operation reads and writes a word; each row of a sweep one of potentials.
    words = rows + (0 if together or group.folds == 1 else operations)
    bits = words * group.lanes * group.acc_bits
    return GroupActivity(
        busy_cycles=min(busy, total),
        operation_cycles=operations,
        sweep_cycles=swept,
        synapse_reads=reads,
        synapse_enables=reads,
        synapse_bits=group.lanes * group.weight_bits,
        state_reads=words,
        state_writes=words,
        state_bits_read=bits,
        state_bits_written=bits,
        # Beside sums in memory they are read in every cycle of a sweep behind its start, else once a row.
        parameter_reads=(rows if together else swept - ticks) * len(parameter_blocks(group, board.limits)),
        words_in=0,
        words_out=0,
    )
