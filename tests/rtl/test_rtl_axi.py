# amaranth: UnusedElaboratable=no
"""AXI4-Stream ports around AER streams: the same words, tlast on last ticks, reset as the standard says."""

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from qsnn_hw.rtl.axi_stream import AxiStreamNetwork, data_bits
from qsnn_hw.rtl.stream.aer import AerLayout, aer_signature
from qsnn_hw.rtl.stream.router import ElasticBuffer
from qsnn_hw.rtl.text.export import write_rtlil, write_verilog
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import Progress
from qsnn_hw.toolchain.tools import find_tool, run_tool, verilator_environment
from tests.support.streams import PACES, Pace

Beat = tuple[int, int]
"""(tdata, tlast)"""

paces = pytest.mark.parametrize("pace", PACES, ids=["full", "idle", "stall", "both"])


class Passage(wiring.Component):
    """A network that gives back what it takes, through a buffer."""

    def __init__(self, size: int, slots: int, depth: int = 2) -> None:
        self._layout, self._depth = AerLayout(size, slots), depth
        super().__init__({"i": In(aer_signature(size, slots)), "o": Out(aer_signature(size, slots))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = buffer = ElasticBuffer(self._layout, self._depth)
        wiring.connect(m, wiring.flipped(self.i), buffer.i)
        wiring.connect(m, buffer.o, wiring.flipped(self.o))
        return m


def run(dut: Any, beats: Sequence[Beat], count: int, pace: Pace, *, reset: int = 0) -> list[Beat]:
    """Send and receive beats; ``reset`` cycles with aresetn at 0 stand in front."""
    got: list[Beat] = []
    simulator = Simulator(dut)
    chance = random.Random(pace.seed)

    async def send(ctx: Any) -> None:
        for data, last in beats:
            while chance.random() < pace.idle:
                await ctx.delay(1e-6)
            ctx.set(dut.s_axis_tvalid, 1)
            ctx.set(dut.s_axis_tdata, data)
            ctx.set(dut.s_axis_tlast, last)
            moved = False
            while not moved:
                await ctx.delay(0.4e-6)
                moved = bool(ctx.get(dut.s_axis_tready))
                await ctx.delay(0.6e-6)
            ctx.set(dut.s_axis_tvalid, 0)

    async def receive(ctx: Any) -> None:
        offered: Beat | None = None
        for _ in range(3000):
            ready = chance.random() >= pace.stall
            ctx.set(dut.m_axis_tready, ready)
            await ctx.delay(0.4e-6)
            beat = (int(ctx.get(dut.m_axis_tdata)), int(ctx.get(dut.m_axis_tlast)))
            valid = bool(ctx.get(dut.m_axis_tvalid))
            assert offered is None or (valid and beat == offered)
            offered = beat if valid and not ready else None
            got.extend([beat] if valid and ready else [])
            await ctx.delay(0.6e-6)
            if len(got) == count:
                return
        raise TimeoutError(f"{len(got)} of {count} beats")

    async def clock(ctx: Any) -> None:
        # Edges half a microsecond behind every change of the inputs.
        cycle = 0
        while True:
            ctx.set(dut.aresetn, cycle >= reset)
            await ctx.delay(0.45e-6)
            if cycle < reset:
                assert not ctx.get(dut.m_axis_tvalid)
                assert not ctx.get(dut.s_axis_tready)
            ctx.set(dut.aclk, 1)
            await ctx.delay(0.5e-6)
            ctx.set(dut.aclk, 0)
            await ctx.delay(0.05e-6)
            cycle += 1

    simulator.add_testbench(clock, background=True)
    simulator.add_testbench(send)
    simulator.add_testbench(receive)
    simulator.run()
    return got


def sample_beats(
    size: int, slots: int, seed: int, *, mark: bool, tlast: bool
) -> tuple[list[Beat], list[Beat]]:
    """Two samples as sent, with the last mark in the data, in tlast or in both, and as they come back."""
    layout = AerLayout(size, slots)
    chance = random.Random(seed)
    sent: list[Beat] = []
    wanted: list[Beat] = []
    for step in range(6):
        for _ in range(chance.randrange(4)):
            if slots == 1:
                word = {"address": chance.randrange(size)}
            else:
                word = {f"address{k}": chance.randrange(-(-size // slots)) for k in range(slots)}
                word["present"] = chance.randrange(1, 1 << slots)
            bits = layout.const(word).as_bits()
            # An event's tlast means nothing.
            sent.append((bits, chance.randrange(2)))
            wanted.append((bits, 0))
        last = int(step in (2, 5))
        name = "address" if slots == 1 else "address0"
        bits = layout.const({"tick": 1, name: last}).as_bits()
        sent.append((bits if mark else layout.const({"tick": 1}).as_bits(), last if tlast else 0))
        wanted.append((bits, last))
    return sent, wanted


@paces
@pytest.mark.parametrize(("mark", "tlast"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize(("size", "slots"), [(1, 1), (300, 1), (784, 4)])
def test_words_pass(size: int, slots: int, mark: bool, tlast: bool, pace: Pace) -> None:
    sent, wanted = sample_beats(size, slots, 1, mark=mark, tlast=tlast)
    dut = AxiStreamNetwork(Passage(size, slots))
    assert run(dut, sent, len(wanted), pace) == wanted


def test_nothing_moves_in_reset() -> None:
    sent, wanted = sample_beats(10, 1, 2, mark=True, tlast=True)
    assert run(AxiStreamNetwork(Passage(10, 1)), sent, len(wanted), Pace(), reset=4) == wanted


def test_reset_empties_the_network() -> None:
    dut: Any = AxiStreamNetwork(Passage(4, 1))
    simulator = Simulator(dut)

    async def bench(ctx: Any) -> None:
        async def edge() -> None:
            await ctx.delay(1e-7)
            ctx.set(dut.aclk, 1)
            await ctx.delay(1e-7)
            ctx.set(dut.aclk, 0)

        ctx.set(dut.aresetn, 1)
        ctx.set(dut.s_axis_tvalid, 1)
        ctx.set(dut.s_axis_tdata, 3)
        await edge()
        ctx.set(dut.s_axis_tvalid, 0)
        assert ctx.get(dut.m_axis_tvalid)
        ctx.set(dut.aresetn, 0)
        # Low within the cycle already, and empty behind the edge.
        assert not ctx.get(dut.m_axis_tvalid)
        await edge()
        ctx.set(dut.aresetn, 1)
        assert not ctx.get(dut.m_axis_tvalid)

    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(("size", "slots", "bits"), [(64, 1, 8), (128, 1, 8), (129, 1, 16), (784, 4, 40)])
def test_data_is_whole_bytes(size: int, slots: int, bits: int) -> None:
    network: Any = Passage(size, slots)
    assert len(Value.cast(network.i.payload)) <= bits
    assert data_bits(network.i.payload) == bits


def test_a_component_without_streams_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Network must have an AER stream i, not "):
        AxiStreamNetwork(wiring.Component({"x": In(1)}))


@pytest.mark.slow
def test_verilog_names_the_interfaces_and_lints(tmp_path: Path) -> None:
    try:
        find_tool("yosys")
        verilator, variables = find_tool("verilator"), verilator_environment()
    except UserError as error:
        pytest.skip(str(error))
    progress = Progress(quiet=True)
    dut = AxiStreamNetwork(Passage(784, 4, depth=16))
    rtlil, verilog = tmp_path / "axi.il", tmp_path / "axi.v"
    write_rtlil(dut, "axi_top", rtlil)
    write_verilog(rtlil, verilog, log=tmp_path / "yosys.log", progress=progress)
    text = verilog.read_text(encoding="utf-8")
    for bus in ("s_axis", "m_axis"):
        for signal in ("tdata", "tvalid", "tready", "tlast"):
            assert f"xilinx.com:interface:axis:1.0 {bus} {signal.upper()}" in text
    assert "ASSOCIATED_BUSIF s_axis:m_axis, ASSOCIATED_RESET aresetn" in text
    ports = re.search(r"module axi_top\((.*?)\);", text, re.DOTALL)
    assert ports is not None
    streams = [
        f"{bus}_{name}" for bus in ("s_axis", "m_axis") for name in ("tdata", "tvalid", "tready", "tlast")
    ]
    assert sorted(name.strip() for name in ports[1].split(",")) == sorted(["aclk", "aresetn", *streams])
    # Every warning is an error but those about file names, unused bits, start values and widths.
    quiet = [f"-Wno-{name}" for name in ("DECLFILENAME", "UNUSEDSIGNAL", "PROCASSINIT", "WIDTH")]
    run_tool(
        verilator,
        ["--lint-only", "-Wall", *quiet, "--top-module", "axi_top", verilog],
        log=tmp_path / "lint.log",
        cwd=tmp_path,
        env=variables,
        progress=progress,
        name="lint",
    )
