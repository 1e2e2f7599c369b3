"""cocotb test of ``Classifier`` as Verilog: send everything, record all that leaves.

The job file named by ``QSNN_HW_JOB`` says what to send, how many words to wait for, how roughly to
treat the design in each pass (probability of a gap, share of cycles without ``ready``), and where
the words go; they are compared outside.
"""

import json
import os
import random
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import Event, RisingEdge, Timer

from qsnn_hw.files import read_npz, write_json
from qsnn_hw.verify.layout import StreamLayout
from sim.driver import PERIOD, StreamDriver
from sim.model import input_words
from sim.monitor import StreamMonitor

JOB = json.loads(Path(os.environ["QSNN_HW_JOB"]).read_text(encoding="utf-8"))
_SETTLE = 2000
"""Cycles in which a word too many has time to come out."""


def words_to_send() -> list[int]:
    """Payloads, pixels or AER words."""
    arrays = read_npz(Path(JOB["stimulus"]))
    if "words" in arrays:
        return [int(str(word), 16) for word in arrays["words"]]
    layout = StreamLayout(arrays["addresses"], int(arrays["slots"]))
    inputs = arrays["inputs"]
    return [word for sample in range(inputs.shape[1]) for word in input_words(inputs[:, sample], layout)]


class Pass:
    """One pass over all samples, out of reset.

    Parameters
    ----------
    dut
        The design.
    idle, backpressure
        Of the driver and the monitor.
    """

    def __init__(self, dut: Any, idle: float, backpressure: float) -> None:
        rng = random.Random(f"{JOB['seed']} {idle}")
        self.dut = dut
        self.received: list[int] = []
        self.finished = Event()
        self.driver = StreamDriver(dut, "i", idle, rng)
        self.load: list[int] = read_npz(Path(JOB["stimulus"]))["load"].astype(np.int64).tolist()
        self.loader = StreamDriver(dut, "load", idle, rng) if self.load else None
        self.output = StreamMonitor(dut, "o", backpressure, rng, self.on_word)

    def on_word(self, word: str) -> None:
        """Take one word."""
        self.received.append(int(word, 2))
        if len(self.received) == JOB["expected"]:
            self.finished.set()

    async def watchdog(self) -> None:
        """Give up when nothing has left for far too long; what is missing is seen outside."""
        seen = -1
        while seen != len(self.received):
            seen = len(self.received)
            await Timer(PERIOD * (JOB["hang_cycles"] + 64 * len(self.load)), unit="step")
        self.finished.set()

    async def run(self) -> list[int]:
        """Reset, send, wait, drain; returns the words that left."""
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
        if self.loader is not None:
            tasks.append(cocotb.start_soon(self.loader.send(self.load)))
        tasks.append(cocotb.start_soon(self.driver.send(words_to_send())))
        await self.finished.wait()
        await Timer(PERIOD * _SETTLE, unit="step")
        for task in [*tasks, clock]:
            task.cancel()
        return self.received


@cocotb.test()
async def answers(dut: Any) -> None:
    """All passes, one behind the other."""
    found = [await Pass(dut, idle, backpressure).run() for idle, backpressure in JOB["passes"]]
    write_json(Path(JOB["result"]), found)
