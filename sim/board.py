"""cocotb test of a whole board design, ``BoardTop`` as Verilog, through its serial pins alone.

The job file named by ``QSNN_HW_JOB`` holds the bytes to send, the fewest bytes to wait for, and
where the received ones go; what they mean is compared outside.
"""

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Event, FallingEdge, Timer

from qsnn_hw.support.files import write_json
from sim.driver import PERIOD

JOB = json.loads(Path(os.environ["QSNN_HW_JOB"]).read_text(encoding="utf-8"))
BIT = PERIOD * JOB["divisor"]

# Reset after configuration, and some line time at rest.
_POWER_ON = 600 * PERIOD


async def send(rx: Any, data: bytes) -> None:
    """Bytes onto the serial line, back to back: start bit, eight bits lowest first, stop bit."""
    for byte in data:
        line = [0, *((byte >> k) & 1 for k in range(8)), 1]
        for bit in line:
            rx.value = bit
            await Timer(BIT, unit="step")


class Receiver:
    """Collects bytes from the serial line.

    Parameters
    ----------
    tx
        The design's pin.
    count
        Bytes after which ``done`` is set.
    """

    def __init__(self, tx: Any, count: int) -> None:
        self._tx, self._count = tx, count
        self.data = bytearray()
        self.done = Event()

    async def watch(self) -> None:
        """Receive for ever; AssertionError on a bad stop bit."""
        falls = FallingEdge(self._tx)
        half, whole = Timer(BIT // 2, unit="step"), Timer(BIT, unit="step")
        while True:
            await falls
            await half
            byte = 0
            for position in range(8):
                await whole
                byte |= (str(self._tx.value) == "1") << position
            await whole
            if str(self._tx.value) != "1":
                raise AssertionError(f"byte {len(self.data)}: stop bit is {self._tx.value}, not 1")
            self.data.append(byte)
            if len(self.data) >= self._count:
                self.done.set()


@cocotb.test()
async def serial(dut: Any) -> None:
    """Send everything, wait for everything, and then some for what should not come."""
    dut.rx.value = 1
    Clock(dut.clk, PERIOD, unit="step").start()
    await Timer(_POWER_ON, unit="step")
    receiver = Receiver(dut.tx, JOB["expected_bytes"])
    cocotb.start_soon(receiver.watch())
    data = bytes.fromhex(JOB["data"])
    await send(dut.rx, data)
    # The network is far faster than the line, so the answer is at most its own length away. Frames that
    # acknowledge come on top of the bytes that are expected.
    patience = Timer(BIT * 10 * (len(data) + JOB["expected_bytes"] + 100), unit="step")
    if not receiver.done.is_set():
        await cocotb.triggers.First(receiver.done.wait(), patience)
    # Acknowledgements may have made up the count while an answer is still to come.
    received = -1
    while received < len(receiver.data):
        received = len(receiver.data)
        await Timer(BIT * 10 * 80, unit="step")
    write_json(Path(JOB["result"]), {"data": receiver.data.hex(), "lit": str(dut.led.value) == "1"})
