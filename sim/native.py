"""The bench without Python at work: its records against the golden model, part by part.

Started by ``qsnn_hw.verify.worker`` with the job that the tests of cocotb take (``sim/network.py``), and
leaves the same results. A part of the samples is one run of ``sim/bench.cpp`` out of reset; what one part
sends and leaves is all that is held at a time.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.support.files import write_json
from qsnn_hw.verify.case import Case
from qsnn_hw.verify.layout import TraceLayout
from qsnn_hw.verify.native import Bench
from qsnn_hw.verify.native_run import GroupRecord, RunRecord, run_bench
from qsnn_hw.verify.stimulus import network_stimulus
from sim.activity import AROUND
from sim.checker import Checker, Difference, Shown, Values
from sim.results import Snapshot, measured


def run(job: Mapping[str, Any]) -> int:
    """Run all passes of the job; returns the exit status, 1 with a difference left where the job says."""
    case = Case.load(Path(job["case"]))
    bench = Bench.of_dict(job["bench"])
    folder = Path(job["test_dir"])
    for name, parts in job["passes"].items():
        results = []
        for first, stop in parts:
            outcome = run_part(bench, case.part(first, stop), name, first, folder)
            if isinstance(outcome, Difference):
                write_json(Path(job["difference"]), {"pass": name, **outcome.as_dict()})
                return 1
            results.append(outcome)
            with open(job["progress"], "ab", buffering=0) as stream:
                stream.write(b"." * (stop - first))
        write_json(Path(job["results"][name]), results)
    return 0


def run_part(bench: Bench, case: Case, name: str, first: int, folder: Path) -> dict[str, object] | Difference:
    """Send the samples of ``case``, number ``first`` and on, and compare what comes: measurements or why not.

    Raises
    ------
    AssertionError
        Everything came and was right, and the bench waited for more.
    """
    traces = [group.trace for group in case.groups]
    record = run_bench(bench, network_stimulus(case, name, first), folder, traces, _counter_ports(case))
    checker = Checker(case, first)
    difference = compared(bench, case, first, record, checker)
    if difference is not None:
        return difference
    snapshots = [_snapshot(case, counts) for counts in record.counts]
    return measured(first, record.started, record.ended, checker, snapshots)


def compared(bench: Bench, case: Case, first: int, record: RunRecord, checker: Checker) -> Difference | None:
    """Hold what a run recorded against ``case``; of one that was cut, the samples that were complete.

    Parameters
    ----------
    first
        Number of the case's first sample in the whole test set.
    checker
        A new one; it knows afterwards how much was equal.

    Raises
    ------
    AssertionError
        Everything came and was right, and the bench waited for more.
    """
    groups = case.groups
    # What a broken rule interrupted is not there to be compared.
    whole = record.verdict not in ("broke", "cut")
    samples = case.samples if whole else _complete(case, record)
    ticks = samples * case.steps
    outputs = word_characters(record.output, case.output_stream.tick.bit_length())
    pairs = list(zip(record.groups, groups, strict=True))
    sent = [word_characters(seen.sent, group.trace.sent.tick.bit_length()) for seen, group in pairs]
    ends = [_end_of_tick(words, ticks) for words in (outputs, *sent)]
    if samples:
        shown = [
            Shown(
                word_characters(
                    seen.rows[: ticks * group.trace.rows, None],
                    bench.ports[f"{group.trace.port}__{group.trace.row_port}"],
                ),
                _values_of(seen, group.trace),
                words[:end],
            )
            for (seen, group), words, end in zip(pairs, sent, ends[1:], strict=True)
        ]
        difference = checker.compare(0, samples, shown, outputs[: ends[0]])
        if difference is not None:
            return difference
    if record.verdict == "broke":
        sample, step = divmod(record.marks, case.steps)
        place = f"sample {first + sample}, time step {step}"
        return Difference("stream rule", f"{place}: {record.rule}", first + sample, step)
    if record.verdict == "cut":
        return None
    if record.verdict != "finished":
        raise AssertionError(f"the bench {record.verdict} although every expected word came")
    return checker.extra(
        [word.tobytes().decode() for word in outputs[ends[0] :]],
        [len(seen.rows) - ticks * group.trace.rows for seen, group in pairs],
        [len(words) - end for words, end in zip(sent, ends[1:], strict=True)],
    )


def word_characters(words: np.ndarray, bits: int) -> np.ndarray:
    """Words of 32-bit limbs as the checker takes them: uint8 characters, shape (words, bits)."""
    levels = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1, bitorder="little", count=bits)
    return levels[:, ::-1] + np.uint8(ord("0"))


def potentials(words: np.ndarray, lanes: int, v_bits: int) -> np.ndarray:
    """int32, shape (words, lanes): the two's complement fields of words of 32-bit limbs, lane 0 lowest."""
    low = np.arange(lanes) * v_bits
    limb, shift = low // 32, (low % 32).astype(np.uint64)
    padded = np.zeros((len(words), words.shape[1] + 1), dtype=np.uint64)
    padded[:, :-1] = words
    both = (padded[:, limb] | padded[:, limb + 1] << np.uint64(32)) >> shift
    # The field's sign bit becomes the sign.
    moved = (both << np.uint64(64 - v_bits)).view(np.int64) >> np.int64(64 - v_bits)
    return moved.astype(np.int32)


def _values_of(seen: GroupRecord, trace: TraceLayout) -> Values:
    def values(first: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        stored = potentials(seen.potentials[first:stop], trace.lanes, trace.v_bits)
        # Two levels: nothing is undefined.
        return stored, np.ones(stored.shape, dtype=bool)

    return values


def _end_of_tick(words: np.ndarray, ticks: int) -> int:
    """Words up to tick number ``ticks``; all where there are fewer."""
    at = np.flatnonzero(words[:, 0] == ord("1"))
    return int(at[ticks - 1]) + 1 if 0 < ticks <= at.size else len(words) if ticks else 0


def _complete(case: Case, record: RunRecord) -> int:
    """How many samples are there to their end, from every group and from the output."""
    counts = [len(record.ended) * case.steps]
    for seen, group in zip(record.groups, case.groups, strict=True):
        bits = group.trace.sent.tick.bit_length()
        counts.append(len(seen.rows) // group.trace.rows)
        counts.append(int((word_characters(seen.sent, bits)[:, 0] == ord("1")).sum()))
    return min(counts) // case.steps


def _counter_ports(case: Case) -> list[str]:
    names = (*case.counters, "toggle_bits")
    ports = [f"{group.trace.activity_port}__{name}" for group in case.groups for name in names]
    return [*ports, *(f"around__{name}" for name in AROUND)]


def _snapshot(case: Case, counts: Mapping[str, int]) -> Snapshot:
    names = (*case.counters, "toggle_bits")
    groups: dict[str, dict[str, int | None]] = {
        group.group: {name: counts[f"{group.trace.activity_port}__{name}"] for name in names}
        for group in case.groups
    }
    return groups, {name: counts[f"around__{name}"] for name in AROUND}
