"""Runs the bench without Python on stimulus, and reads what it recorded."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from qsnn_hw.support.errors import ToolError
from qsnn_hw.support.files import write_text
from qsnn_hw.verify.drawn_words import limbs_of
from qsnn_hw.verify.layout import TraceLayout
from qsnn_hw.verify.native import Bench
from qsnn_hw.verify.stimulus import Stimulus


@dataclass(frozen=True)
class GroupRecord:
    """What one group showed, oldest first.

    Parameters
    ----------
    rows
        uint32, shape (trace words,): which row each was.
    potentials
        uint32, shape (trace words, limbs): the bits of a row's potentials, lowest first.
    sent
        uint32, shape (words, limbs): the words given to the router.
    """

    rows: np.ndarray
    potentials: np.ndarray
    sent: np.ndarray


@dataclass(frozen=True)
class RunRecord:
    """What one run of a bench left.

    Parameters
    ----------
    verdict
        "finished"; "hangs" when something never came; "broke", a rule of streams; or "cut" amid traffic, as
        the run was told to end.
    rule
        Which, in words.
    output
        uint32, shape (words, limbs): what left the design.
    groups
        One for each group of the run.
    started, ended
        Of each sample the edge that takes its first word, and that on which its last mark leaves, counted
        from the start; as many as there were.
    marks
        How many marks left.
    counts
        Of each snapshot port -> value: as the first sample starts, as the last one ends, halfway
        through the cycles after it, and at the end.
    """

    verdict: str
    rule: str
    output: np.ndarray
    groups: list[GroupRecord]
    started: list[int]
    ended: list[int]
    marks: int
    counts: list[dict[str, int]] = field(default_factory=list)


def run_bench(
    bench: Bench,
    stimulus: Stimulus,
    folder: Path,
    traces: Sequence[TraceLayout] = (),
    counters: Sequence[str] = (),
    saif: Path | None = None,
) -> RunRecord:
    """Run ``bench`` on ``stimulus`` in a folder of its own and read what it recorded.

    Parameters
    ----------
    traces
        The groups to record, with words of theirs to wait for at every mark.
    counters
        Ports whose values go into every snapshot.
    saif
        Receives how often every net switched between the first sample's start and the last one's end; the
        bench must be one that counts nets.

    Raises
    ------
    ToolError
        The bench failed, or lacks a port.
    """
    more = () if saif is None else (f"saif {saif}",)
    job = _write_job(stimulus, folder, traces, counters, *more)
    ended = subprocess.run(
        [str(bench.program), str(job)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if ended.returncode:
        raise ToolError(_told(ended.returncode, ended.stderr or ended.stdout))
    return _read_record(bench, folder, traces)


def _told(status: int, said: str) -> str:
    last = (said.strip().splitlines() or ["it printed nothing"])[-1]
    return f"the bench ended with status {status}: {last}"


class OneInstance:
    """One instance of a design, held between runs; a context, behind which its process has ended.

    Parameters
    ----------
    bench
        The design's.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._process = subprocess.Popen(
            [str(bench.program), "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(
        self,
        stimulus: Stimulus,
        folder: Path,
        traces: Sequence[TraceLayout] = (),
        counters: Sequence[str] = (),
        *,
        goes_on: bool = False,
        cut: int | None = None,
    ) -> RunRecord:
        """As :func:`run_bench`, in the instance as the run before has left it.

        Parameters
        ----------
        goes_on
            Without a reset: only behind a run that has finished, and without weights.
        cut
            Cycles after the first offer at which the run ends, whatever is under way.

        Raises
        ------
        ToolError
            The bench failed, or lacks a port.
        """
        more = (["goes_on"] if goes_on else []) + ([] if cut is None else [f"cut {cut}"])
        job = _write_job(stimulus, folder, traces, counters, *more)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{job}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # It has ended, and says why.
        said = self._process.stdout.readline()
        if said != "done\n":
            raise ToolError(_told(self._process.wait(), said))
        return _read_record(self._bench, folder, traces)

    def peak_kib(self) -> int | None:
        """The most memory that its process has held, in KiB; None where the system does not say."""
        try:
            lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)


def _write_job(
    stimulus: Stimulus, folder: Path, traces: Sequence[TraceLayout], counters: Sequence[str], *more: str
) -> Path:
    """What the program reads, in ``folder``; nothing of an earlier run counts."""
    folder.mkdir(parents=True, exist_ok=True)
    stimulus.save(folder / "stimulus")
    lines = [f"stimulus {folder / 'stimulus'}", f"records {folder}"]
    ticks = int(stimulus.marks[-1])
    for trace in traces:
        bits = trace.sent.tick.bit_length()
        ports = f"{trace.port} {trace.row_port} {trace.sent_port}"
        lines.append(f"group {ports} {bits} {ticks * trace.rows} {ticks}")
    lines += [f"counter {name}" for name in counters]
    write_text(folder / "bench.job", "\n".join([*lines, *more]) + "\n")
    (folder / "result").unlink(missing_ok=True)
    return folder / "bench.job"


def _read_record(bench: Bench, folder: Path, traces: Sequence[TraceLayout]) -> RunRecord:
    values: dict[str, str] = {}
    counts: list[dict[str, int]] = []
    for line in (folder / "result").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(" ")
        if key != "count":
            values[key] = value
            continue
        number, name, count = value.split()
        counts += [{} for _ in range(int(number) + 1 - len(counts))]
        counts[int(number)][name] = int(count)
    times = np.fromfile(folder / "times", dtype="<i8")
    started = int(values["started"])
    groups = []
    for index, trace in enumerate(traces):
        words = _words(folder / f"trace{index}", 1 + limbs_of(bench.ports[f"{trace.port}__v"]))
        sent = _words(folder / f"sent{index}", limbs_of(trace.sent.tick.bit_length()))
        groups.append(GroupRecord(words[:, 0], words[:, 1:], sent))
    return RunRecord(
        values["verdict"],
        values.get("rule", ""),
        _words(folder / "output", limbs_of(bench.ports["o__payload"])),
        groups,
        [int(n) for n in times[:started]],
        [int(n) for n in times[started:]],
        int(values["marks"]),
        counts,
    )


def _words(path: Path, limbs: int) -> np.ndarray:
    """uint32, shape (words, limbs), left in the file until looked at."""
    if not path.stat().st_size:
        return np.zeros((0, limbs), dtype=np.uint32)
    return np.memmap(path, dtype="<u4", mode="r").reshape(-1, limbs)
