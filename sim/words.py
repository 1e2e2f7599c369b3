"""cocotb test of a network's two streams: payloads in, payloads out, and the count of what it ignored.

The job file named by ``QSNN_HW_JOB`` holds the payloads to send, the ticks to wait for, the shares of
idle and refused cycles, and where the result goes; what it means is compared outside.
"""

import json
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import Event, First, RisingEdge, Timer

from qsnn_hw.support.files import write_json
from qsnn_hw.verify.drawn_words import draw_gaps, draw_stalls
from sim.driver import PERIOD, StreamDriver
from sim.monitor import StreamMonitor

JOB = json.loads(Path(os.environ["QSNN_HW_JOB"]).read_text(encoding="utf-8"))


@cocotb.test()
async def words(dut: Any) -> None:
    """Send everything; what has not come after ``patience`` cycles is missing from the result."""
    chance = np.random.default_rng(JOB["seed"])
    driver = StreamDriver(dut, "i")
    gaps = draw_gaps(chance, len(JOB["payloads"]), JOB["idle"]).tolist()
    received: list[str] = []
    done = Event()

    def take(word: str) -> None:
        received.append(word)
        if sum(w[0] == "1" for w in received) == JOB["ticks"]:
            done.set()

    monitor = StreamMonitor(dut, "o", draw_stalls(chance, JOB["backpressure"]).tolist(), take)
    driver.rest()
    dut.rst.value = 1
    Clock(dut.clk, PERIOD, unit="step").start()
    for _ in range(4):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    for part in (monitor.watch(), monitor.drive_ready(), driver.send(JOB["payloads"], gaps)):
        cocotb.start_soon(part)
    await First(done.wait(), Timer(PERIOD * JOB["patience"], unit="step"))
    await Timer(PERIOD * 100, unit="step")
    write_json(Path(JOB["result"]), {"payloads": received, "bad_words": str(dut.bad_words.value)})
