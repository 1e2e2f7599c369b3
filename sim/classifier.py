"""cocotb test of ``Classifier`` as Verilog: send everything, record all that leaves.

The job file named by ``QSNN_HW_JOB`` says which samples each pass takes (see ``AnswerCase``), and where words
and times go; they are compared outside.
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
from qsnn_hw.verify.answers import AnswerCase
from sim.driver import PERIOD, StreamDriver, StreamRuleError
from sim.monitor import StreamMonitor

JOB = json.loads(Path(os.environ["QSNN_HW_JOB"]).read_text(encoding="utf-8"))


def now() -> int:
    """The number of clock periods since the start of the simulation."""
    return round(get_sim_time("step")) // PERIOD


class Pass:
    """One pass over samples, out of reset.

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
        self.dut, self.first, self.stop = dut, first, stop
        self.stimulus = AnswerCase.load(Path(JOB["case"])).stimulus(name, first, stop)
        self.marks: list[int] = self.stimulus.marks.tolist()
        self.received: list[int] = []
        self.started: list[int] = []
        self.ended: list[int] = []
        self.rule = ""
        self.answered, self.finished = Event(), Event()
        self.driver = StreamDriver(dut, "i")
        self.loader = StreamDriver(dut, "load") if self.stimulus.weights.size else None
        self.output = StreamMonitor(dut, "o", self.stimulus.stalls.tolist(), self.on_word)

    def on_word(self, word: str) -> None:
        """Take one word."""
        self.received.append(int(word, 2))
        if len(self.ended) < len(self.marks) and len(self.received) == self.marks[len(self.ended)]:
            self.ended.append(now())
            self.answered.set()
            if len(self.ended) == len(self.marks):
                self.finished.set()

    async def watch(self) -> None:
        """Record what leaves; a broken stream rule ends the pass."""
        try:
            await self.output.watch()
        except StreamRuleError as error:
            self.rule = str(error)
            self.finished.set()

    async def feed(self) -> None:
        """Send every sample."""
        for sample in range(self.stimulus.samples):
            words, gaps = self.stimulus.payloads(sample), self.stimulus.gaps_of(sample)
            self.answered.clear()
            await self.driver.send(words[:1], gaps[:1])
            self.started.append(now())
            await self.driver.send(words[1:], gaps[1:])
            if self.stimulus.alone:
                await self.answered.wait()

    async def begin(self) -> None:
        """Fill the synapse memories, where there are any to fill, and send every sample."""
        if self.loader is None:
            await self.feed()
            return
        data, gaps = self.stimulus.weights.tolist(), self.stimulus.weight_gaps.tolist()
        loading = cocotb.start_soon(self.loader.send(data, gaps))
        # A sample's time does not begin while weights come in.
        if self.stimulus.weights_first:
            await loading
            while str(self.dut.loaded.value) != "1":
                await RisingEdge(self.dut.loaded)
        await self.feed()

    async def watchdog(self) -> None:
        """Give up when nothing has left for far too long; what is missing is seen outside."""
        seen = -1
        while seen != len(self.received):
            seen = len(self.received)
            await Timer(PERIOD * self.stimulus.hang_cycles, unit="step")
        self.finished.set()

    async def run(self) -> dict[str, Any]:
        """Reset, send, wait, drain; returns the words that left, and times."""
        self.driver.rest()
        if self.loader is not None:
            self.loader.rest()
        self.dut.rst.value = 1
        clock = Clock(self.dut.clk, PERIOD, unit="step").start()
        for _ in range(4):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)
        tasks = [cocotb.start_soon(self.watchdog()), cocotb.start_soon(self.watch())]
        tasks += [cocotb.start_soon(self.output.drive_ready())]
        tasks.append(cocotb.start_soon(self.begin()))
        await self.finished.wait()
        await Timer(PERIOD * self.stimulus.after, unit="step")
        for task in [*tasks, clock]:
            task.cancel()
        return {
            "first": self.first,
            "stop": self.stop,
            "rule": self.rule,
            "words": self.received,
            "started": self.started,
            "ended": self.ended,
        }


@cocotb.test()
async def answers(dut: Any) -> None:
    """All passes, one behind the other."""
    for name, parts in JOB["passes"].items():
        measured = []
        for first, stop in parts:
            measured.append(await Pass(dut, name, first, stop).run())
            with open(JOB["progress"], "ab", buffering=0) as stream:
                stream.write(b"." * (stop - first))
        write_json(Path(JOB["results"][name]), measured)
