"""cocotb test of ``Classifier`` as Verilog: send everything, record all that leaves.

The job file named by ``QSNN_HW_JOB`` says what to send, how many words each sample's answer has, how
roughly to treat the design in each pass (probability of a gap, share of cycles without ``ready``), whether
a sample waits for the answer before it, and where words and times go; they are compared outside.
"""

import json
import os
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import Event, RisingEdge, Timer
from cocotb.utils import get_sim_time

from qsnn_hw.files import read_npz, write_json
from qsnn_hw.verify.layout import StreamLayout
from sim.driver import PERIOD, StreamDriver
from sim.model import input_words
from sim.monitor import StreamMonitor

JOB = json.loads(Path(os.environ["QSNN_HW_JOB"]).read_text(encoding="utf-8"))
_SETTLE = 2000
"""Cycles in which a word too many has time to come out."""


def words_to_send(samples: int) -> list[list[int]]:
    """Of each sample the payloads, pixels or AER words."""
    arrays = read_npz(Path(JOB["stimulus"]))
    if "words" in arrays:
        words, ends = arrays["words"], arrays["ends"].tolist()
        parts = [words[a:b] for a, b in pairwise([0, *ends[:samples]])]
        return [[int(str(word), 16) for word in part] for part in parts]
    layout = StreamLayout(arrays["addresses"], int(arrays["slots"]))
    inputs = arrays["inputs"]
    return [input_words(inputs[:, sample], layout) for sample in range(samples)]


def now() -> int:
    """The number of clock periods since the start of the simulation."""
    return round(get_sim_time("step")) // PERIOD


class Pass:
    """One pass over samples, out of reset.

    Parameters
    ----------
    dut
        The design.
    samples
        How many, from the first on.
    idle, backpressure
        Of the driver and the monitor.
    alone
        A sample is sent when the answer to the one before has left.
    """

    def __init__(self, dut: Any, samples: int, idle: float, backpressure: float, alone: bool) -> None:
        rng = random.Random(f"{JOB['seed']} {idle}")
        self.dut, self.alone = dut, alone
        self.samples = words_to_send(samples)
        # Words that have left when a sample's answer has.
        self.ends: list[int] = JOB["ends"][:samples]
        self.received: list[int] = []
        self.started: list[int] = []
        self.ended: list[int] = []
        self.answered, self.finished = Event(), Event()
        self.driver = StreamDriver(dut, "i", idle, rng)
        self.load: list[int] = read_npz(Path(JOB["stimulus"]))["load"].astype(np.int64).tolist()
        self.loader = StreamDriver(dut, "load", idle, rng) if self.load else None
        self.output = StreamMonitor(dut, "o", backpressure, rng, self.on_word)

    def on_word(self, word: str) -> None:
        """Take one word."""
        self.received.append(int(word, 2))
        if len(self.ended) < len(self.ends) and len(self.received) == self.ends[len(self.ended)]:
            self.ended.append(now())
            self.answered.set()
            if len(self.ended) == len(self.ends):
                self.finished.set()

    async def feed(self) -> None:
        """Send every sample."""
        for words in self.samples:
            self.answered.clear()
            await self.driver.send(words[:1])
            self.started.append(now())
            await self.driver.send(words[1:])
            if self.alone:
                await self.answered.wait()

    async def begin(self) -> None:
        """Fill the synapse memories, where there are any to fill, and send every sample."""
        if self.loader is None:
            await self.feed()
            return
        loading = cocotb.start_soon(self.loader.send(self.load))
        # A sample's time does not begin while weights come in.
        if self.alone:
            await loading
            while str(self.dut.loaded.value) != "1":
                await RisingEdge(self.dut.loaded)
        await self.feed()

    async def watchdog(self) -> None:
        """Give up when nothing has left for far too long; what is missing is seen outside."""
        seen = -1
        while seen != len(self.received):
            seen = len(self.received)
            await Timer(PERIOD * (JOB["hang_cycles"] + 64 * len(self.load)), unit="step")
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
        tasks = [cocotb.start_soon(self.watchdog()), cocotb.start_soon(self.output.watch())]
        tasks += [cocotb.start_soon(self.output.drive_ready())]
        tasks.append(cocotb.start_soon(self.begin()))
        await self.finished.wait()
        await Timer(PERIOD * _SETTLE, unit="step")
        for task in [*tasks, clock]:
            task.cancel()
        return {"words": self.received, "started": self.started, "ended": self.ended}


@cocotb.test()
async def answers(dut: Any) -> None:
    """All passes, one behind the other."""
    found = [await Pass(dut, **chosen).run() for chosen in JOB["passes"]]
    write_json(Path(JOB["result"]), found)
