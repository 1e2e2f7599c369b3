"""cocotb test of ``06_axi.v`` by an outside client: cocotbext-axi's sources and sink on its ports.

Not in ``sim/``, which is installed with the package: the client comes with the extra dev alone.

The job file named by ``QSNN_HW_JOB`` holds what to send and where to leave what came; what it means is
compared outside. A frame is what AXI4-Stream ends with ``tlast``, and here a sample.

=============  =========================================================================================
``frames``     of each sample its beats in hexadecimal, the lowest byte of a beat first
``weights``    what goes into ``s_axis_load``, in hexadecimal; nothing where the design has no such port
``idle``       probability that a source pauses in a cycle
``stall``      probability that the sink does
``seed``       of the pauses
``fault``      for the design of ``tests/support/tampered_axi.py``: its port of that name
``patience``   cycles without a beat after which nothing more is waited for
``result``     receives ``frames`` as they came, whether one was ``unfinished``, ``bad_words``, ``broken``:
               rules, in words, the ``cycles`` it took, and ``broken_off``: whether the reset came within
               the first sample
=============  =========================================================================================
"""

import itertools
import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiStreamBus, AxiStreamSink, AxiStreamSource

from qsnn_hw.support.files import write_json
from sim.driver import PERIOD

JOB = json.loads(Path(os.environ["QSNN_HW_JOB"]).read_text(encoding="utf-8"))


def pauses(chance: random.Random, share: float) -> Iterator[bool]:
    """For ever, in this share of the cycles True."""
    while True:
        yield chance.random() < share


class Ports:
    """cocotbext-axi on the ports of a design, and a watch of the rules that its sink does not judge.

    Attributes
    ----------
    beats : int
        How many have moved on any bus.
    taken : int
        How many the design has taken from ``s_axis``.
    cycles : int
        How many clock edges there were.
    broken : list of str
        Rules that the design broke.
    """

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        ends = {"clock": dut.aclk, "reset": dut.aresetn, "reset_active_level": False, "byte_size": 8}
        self.words = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), **ends)
        self.answers = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), **ends)
        self.sources = [self.words]
        self.load: AxiStreamSource | None = None
        if JOB["weights"]:
            self.load = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis_load"), **ends)
            self.sources.append(self.load)
        for end in (*self.sources, self.answers):
            # It prints every frame.
            end.log.setLevel(logging.WARNING)
        seeds = (random.Random(JOB["seed"] + k) for k in itertools.count())
        if JOB["idle"]:
            for source, chance in zip(self.sources, seeds, strict=False):
                source.set_pause_generator(pauses(chance, JOB["idle"]))
        if JOB["stall"]:
            self.answers.set_pause_generator(pauses(next(seeds), JOB["stall"]))
        self.beats = self.taken = self.cycles = 0
        self.broken: list[str] = []

    def break_rule(self, text: str) -> None:
        """Note it, once."""
        if text not in self.broken:
            self.broken.append(text)

    async def watch(self) -> None:
        """Count beats for ever, and hold the design to the rules of AXI4-Stream and of loading."""
        dut, edge = self.dut, RisingEdge(self.dut.aclk)
        buses = ["s_axis", "m_axis", *(["s_axis_load"] if self.load else [])]
        handshakes = [(bus, getattr(dut, f"{bus}_tvalid"), getattr(dut, f"{bus}_tready")) for bus in buses]
        offered: tuple[str, str] | None = None
        while True:
            await edge
            self.cycles += 1
            levels = {bus: (str(valid.value), str(ready.value)) for bus, valid, ready in handshakes}
            for bus, level in levels.items():
                self.beats += level == ("1", "1")
                self.taken += bus == "s_axis" and level == ("1", "1")
                if set(level) - {"0", "1"}:
                    self.break_rule(f"{bus}: neither 0 nor 1")
            if str(dut.aresetn.value) == "0":
                if any("1" in (level[bus != "m_axis"]) for bus, level in levels.items()):
                    self.break_rule("something moves in reset")
                offered = None
                continue
            if self.load and levels["s_axis"] == ("1", "1") and str(dut.loaded.value) != "1":
                self.break_rule("s_axis takes a word before loaded")
            beat = (str(dut.m_axis_tdata.value), str(dut.m_axis_tlast.value))
            valid, ready = levels["m_axis"]
            if offered is not None and (valid != "1" or beat != offered):
                self.break_rule("m_axis does not keep a beat until it is taken")
            offered = beat if valid == "1" and ready != "1" else None

    def send(self, frames: list[bytes]) -> None:
        """Queue weights and samples, all at once."""
        if self.load:
            self.load.send_nowait(bytes.fromhex(JOB["weights"]))
        for frame in frames:
            self.words.send_nowait(frame)

    async def settle(self, there: Callable[[], bool]) -> None:
        """Return when it is there, or nothing has moved for ``patience`` cycles."""
        edge, seen, waited = RisingEdge(self.dut.aclk), -1, 0
        while not there() and waited < JOB["patience"]:
            await edge
            waited = 0 if seen != self.beats else waited + 1
            seen = self.beats

    async def reset(self) -> None:
        """``aresetn`` at 0 for some cycles; whatever was queued is gone."""
        for end in (*self.sources, self.answers):
            end.clear()
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 8)
        self.dut.aresetn.value = 1
        await RisingEdge(self.dut.aclk)


@cocotb.test()
async def samples(dut: Any) -> None:
    """Break off amid the first sample by ``aresetn``, then send everything and take what comes."""
    frames = [bytes.fromhex(frame) for frame in JOB["frames"]]
    dut.aresetn.value = 0
    if "fault" in JOB:
        dut.fault.value = JOB["fault"]
    ports = Ports(dut)
    Clock(dut.aclk, PERIOD, unit="step").start()
    cocotb.start_soon(ports.watch())
    await ports.reset()
    ports.send(frames[:1])
    beats = len(frames[0]) // ports.words.byte_lanes
    await ports.settle(lambda: ports.taken >= beats // 2)
    broken_off = beats // 2 <= ports.taken < beats
    await ports.reset()
    begun = ports.cycles
    ports.send(frames)
    await ports.settle(lambda: ports.answers.count() >= len(frames))
    cycles = ports.cycles - begun
    # Whatever should not come has time to.
    await ClockCycles(dut.aclk, 100)
    came = [bytes(ports.answers.recv_nowait().tdata).hex() for _ in range(ports.answers.count())]
    write_json(
        Path(JOB["result"]),
        {
            "frames": came,
            "unfinished": ports.answers.active,
            "cycles": cycles,
            "broken_off": broken_off,
            "bad_words": int(dut.bad_words.value),
            "broken": ports.broken,
        },
    )
