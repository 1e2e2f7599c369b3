"""cocotb tests of the whole network, ``SpikingNetwork(plan, trace=True)`` as Verilog.

Three passes, each out of reset:

- ``alone``: full speed, each sample sent when the one before has left. Gives each sample's latency.
- ``stress``: random idle gaps, random backpressure, events of a step in random order and
  random words, samples back to back. Gives nothing but trouble.
- ``stream``: full speed, samples back to back. Gives the throughput.

A design whose synapse memories are loaded gets its weights at the start of every pass.
Every pass compares every potential and every spike of every group of its samples, and reads the
activity counters at its two ends.
The job file named by ``QSNN_HW_JOB`` says which samples, which passes and where results go.
"""

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Event, RisingEdge, Timer
from cocotb.utils import get_sim_time

from qsnn_hw.support.files import write_json
from qsnn_hw.verify.case import Case
from qsnn_hw.verify.stimulus import network_stimulus
from sim.activity import ActivityReader
from sim.checker import Checker, Difference, Recorder
from sim.driver import PERIOD, StreamDriver, StreamRuleError
from sim.monitor import SentMonitor, StreamMonitor, TraceMonitor
from sim.results import Snapshot, measured

JOB = json.loads(Path(os.environ["QSNN_HW_JOB"]).read_text(encoding="utf-8"))

_LOAD_CHUNK = 64
"""Bytes of weights that count as progress."""


class MismatchFoundError(AssertionError):
    """The design differs from golden; the message is the difference's."""


def now() -> int:
    """The number of clock periods since the start of the simulation."""
    return round(get_sim_time("step")) // PERIOD


class Pass:
    """One pass over a part of a job's samples, out of reset.

    Parameters
    ----------
    dut
        The design.
    name
        "alone", "stress" or "stream".
    first, stop
        The samples.
    """

    def __init__(self, dut: Any, name: str, first: int, stop: int) -> None:
        self.dut, self.name, self.first = dut, name, first
        self.case = Case.load(Path(JOB["case"])).part(first, stop)
        self.stimulus = network_stimulus(self.case, name, first)
        self.driver = StreamDriver(dut, "i")
        # A design of ROMs has no such port.
        self.loader = StreamDriver(dut, "load") if self.case.weights.size else None
        self.output = StreamMonitor(dut, "o", self.stimulus.stalls.tolist(), self.on_output)
        self.traces = [
            TraceMonitor(dut, group.trace.port, group.trace.row_port, self.on_row)
            for group in self.case.groups
        ]
        self.sent = [
            SentMonitor(dut, g.trace.sent_port, g.trace.sent.tick.bit_length(), self.on_row)
            for g in self.case.groups
        ]
        self.recorder = Recorder(
            rows=[trace.rows for trace in self.traces],
            words=[trace.words for trace in self.traces],
            sent=[sent.chunks for sent in self.sent],
        )
        self.activity = ActivityReader(dut, self.case)
        self.totals: list[Snapshot] = []
        self.checker = Checker(self.case, self.first)
        self.loads = self.ticks = 0
        self.checked = 0
        self.started: list[int] = []
        self.ended: list[int] = []
        self.left, self.finished = Event(), Event()

    def on_output(self, word: str) -> None:
        """Take one output word; at the end of a sample, compare it."""
        self.recorder.outputs.append(word)
        if word[0] != "1":
            return
        self.ticks += 1
        if self.ticks % self.case.steps == 0:
            self.ended.append(now())
            if len(self.ended) == self.case.samples:
                self.snapshot()
            self.left.set()
            self.compare()

    def snapshot(self) -> None:
        """Read all counters."""
        self.totals.append((self.activity.groups(), self.activity.around()))

    def on_row(self) -> None:
        """Compare a sample whose last tick was ahead of its last potentials or words."""
        if self.checked < len(self.ended):
            self.compare()

    def compare(self) -> None:
        """Check every sample that all monitors have seen to its end."""
        while self.checked < len(self.ended) and all(
            len(words) >= self.case.steps * group.trace.rows
            and sent.ticks >= (self.checked + 1) * self.case.steps
            for words, sent, group in zip(self.recorder.words, self.sent, self.case.groups, strict=True)
        ):
            self.judge(self.checker.check(self.checked, self.recorder))
            self.checked += 1
            with open(JOB["progress"], "ab", buffering=0) as stream:
                stream.write(b".")
        if self.checked == self.case.samples:
            self.finished.set()

    def judge(self, difference: Difference | None) -> None:
        """Leave a difference where the runner finds it, and fail."""
        if difference is not None and not Path(JOB["difference"]).exists():
            write_json(Path(JOB["difference"]), {"pass": self.name, **difference.as_dict()})
        if difference is not None:
            raise MismatchFoundError(difference.message)

    async def guard(self, watch: Any) -> None:
        """Run a driver or monitor; a broken stream rule becomes a difference with its place."""
        try:
            await watch
        except StreamRuleError as error:
            sample, step = divmod(self.ticks, self.case.steps)
            place = f"sample {self.first + sample}, time step {step}"
            self.judge(Difference("stream rule", f"{place}: {error}", self.first + sample, step))

    async def feed(self) -> None:
        """Send every sample."""
        for sample in range(self.case.samples):
            words, gaps = self.stimulus.payloads(sample), self.stimulus.gaps_of(sample)
            self.left.clear()
            await self.driver.send(words[:1], gaps[:1])
            self.started.append(now())
            if not sample:
                self.snapshot()
            await self.driver.send(words[1:], gaps[1:])
            if self.stimulus.alone:
                await self.left.wait()

    async def load(self, loader: StreamDriver) -> None:
        """Fill the synapse memories."""
        data, gaps = self.stimulus.weights.tolist(), self.stimulus.weight_gaps.tolist()
        for start in range(0, len(data), _LOAD_CHUNK):
            part = slice(start, start + _LOAD_CHUNK)
            await loader.send(data[part], gaps[part])
            self.loads += 1
        loaded = self.dut.loaded
        while str(loaded.value) != "1":
            await RisingEdge(loaded)

    async def watchdog(self) -> None:
        """Fail when nothing has moved for ``hang_cycles``; says what never came."""
        seen = None
        while True:
            progress = (self.loads, self.ticks, self.checked, *(len(words) for words in self.recorder.words))
            if progress == seen:
                for sent in self.sent:
                    sent.take()
                self.judge(self.checker.check(self.checked, self.recorder))
                # Every sample was complete: only a monitor or this bench can be at fault.
                raise MismatchFoundError(f"pass {self.name} hangs although every expected word came")
            seen = progress
            await Timer(PERIOD * self.case.hang_cycles, unit="step")

    async def run(self) -> dict[str, object]:
        """Reset, send, compare, drain; returns the measurements."""
        self.driver.rest()
        if self.loader is not None:
            self.loader.rest()
        self.dut.rst.value = 1
        tasks = [Clock(self.dut.clk, PERIOD, unit="step").start()]
        for _ in range(4):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        for _ in range(self.stimulus.before):
            await RisingEdge(self.dut.clk)
        tasks.append(cocotb.start_soon(self.watchdog()))
        if self.loader is not None:
            loading = cocotb.start_soon(self.guard(self.load(self.loader)))
            if self.stimulus.weights_first:
                await loading
        monitors: list[Any] = [self.output, *self.traces, *self.sent]
        for watch in (*(monitor.watch() for monitor in monitors), self.feed()):
            tasks.append(cocotb.start_soon(self.guard(watch)))
        tasks.append(cocotb.start_soon(self.output.drive_ready()))
        await self.finished.wait()
        # Whatever still moves inside has time to come out.
        rest = self.stimulus.after // 2
        await Timer(PERIOD * (self.stimulus.after - rest), unit="step")
        # And then the design is at rest.
        self.snapshot()
        await Timer(PERIOD * rest, unit="step")
        for task in tasks:
            task.cancel()
        for sent in self.sent:
            sent.take()
        self.judge(self.checker.leftover(self.recorder))
        self.snapshot()
        return measured(self.first, self.started, self.ended, self.checker, self.totals)


async def run_pass(dut: Any, name: str) -> None:
    """Run one pass and write its measurements; none after a pass that found a difference."""
    if Path(JOB["difference"]).exists():
        raise MismatchFoundError("an earlier pass found a difference")
    parts = [await Pass(dut, name, first, stop).run() for first, stop in JOB["passes"][name]]
    write_json(Path(JOB["results"][name]), parts)


@cocotb.test(skip="alone" not in JOB["passes"])
async def alone(dut: Any) -> None:
    """Every sample on its own, at full speed."""
    await run_pass(dut, "alone")


@cocotb.test(skip="stress" not in JOB["passes"])
async def stress(dut: Any) -> None:
    """Idle gaps, backpressure, shuffled events."""
    await run_pass(dut, "stress")


@cocotb.test(skip="stream" not in JOB["passes"])
async def stream(dut: Any) -> None:
    """Samples back to back, at full speed."""
    await run_pass(dut, "stream")
