"""What must hold of a cell of block RAM: behind synthesis it is the memory that was written."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from amaranth.hdl import Assert, Assume, ClockDomain, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.families.boards import load_board
from qsnn_hw.rtl.text.export import export_verilog
from qsnn_hw.rtl.text.memory_style import memory_attributes
from qsnn_hw.support.progress import SILENT
from qsnn_hw.support.shipped import resource_folder
from qsnn_hw.verify.formal.properties import Harness

Reset = Literal["none", "clock", "at once"]

_BOARD = "ulx3s-85f"
_ADDRESS = 14
"""Bits of the cell's address, which names a bit of a unit of 9."""

_CONTENTS = re.compile(r"^  initial\n    for [^\n]*\n", re.MULTILINE)

# The cell with a view of the four units that a word of any width lies in, which its ports do not give.
_VIEW_PORTS = "  input [13:0] WATCHED, output [35:0] SEEN,\n"
_VIEW = """\
  assign SEEN = {unit[{WATCHED[13:5], 2'b11}], unit[{WATCHED[13:5], 2'b10}],
    unit[{WATCHED[13:5], 2'b01}], unit[{WATCHED[13:5], 2'b00}]};
endmodule
"""

_SCRIPT = """\
read_verilog memory.v
{synth} -top memory
cd memory
add -input watched {address}
add -output seen 36
connect -port words.0.0 WATCHED watched
connect -port words.0.0 SEEN seen
cd
delete =A:blackbox
read_verilog -D NO_INCLUDES -defer +/{models}
read_verilog -defer cells.v
"""


@dataclass(frozen=True)
class CellModels:
    """Verilog models of cells, which stand as a proof's module.

    Parameters
    ----------
    file
        Its name from the root of the repository.
    text
        What it says.
    """

    file: str
    text: str

    @property
    def __name__(self) -> str:
        return self.file


def cell_models() -> CellModels:
    """The models of ECP5's cells that are this project's own."""
    name = f"cells/{load_board(_BOARD).family.name}.v"
    return CellModels(f"sim/{name}", (resource_folder("sim") / name).read_text(encoding="utf-8"))


class BlockMemory(wiring.Component):
    """A memory as large as a cell of block RAM, with a port that reads and, or not, one that writes.

    Parameters
    ----------
    width
        Bits of a word.
    writes
        Whether it is written: with an enable for every 9 bits of a word of 18 or 36. Where it is not, its
        words are random.
    reset
        What sets the word that was read to 0: nothing, ``clear`` with the clock, or ``clear`` at once.
    watched
        Whether a word is shown besides, ``seen`` of ``watched``.

    Members
    -------
    re : In(1)
    ra : In(address)
    rd : Out(width)
        One cycle behind ``ra``; it stays where ``re`` is low.
    we, wa, wd : In(enables), In(address), In(width)
    clear : In(1)
    """

    def __init__(self, width: int, *, writes: bool, reset: Reset, watched: bool) -> None:
        self.width, self.writes, self.reset, self._watched = width, writes, reset, watched
        # Of narrower words than a unit its ninth bit is no part.
        self.depth = 2048 * (8 if width < 9 else 9) // width
        self._unit = 9 if width > 9 else None
        address = ceil_log2(self.depth)
        members: dict[str, wiring.Member] = {"re": In(1), "ra": In(address), "rd": Out(width)}
        if writes:
            members |= {"we": In(max(1, width // 9)), "wa": In(address), "wd": In(width)}
        if reset != "none":
            members["clear"] = In(1)
        if watched:
            members |= {"watched": In(address), "seen": Out(width)}
        super().__init__(members)

    @property
    def inputs(self) -> list[str]:
        """Names of what the solver chooses."""
        reads = ["re", "ra", *(["clear"] if self.reset != "none" else [])]
        return reads + (["we", "wa", "wd"] if self.writes else [])

    def elaborate(self, platform: object) -> Module:
        m = Module()
        chance = np.random.default_rng(self.width)
        random = [int.from_bytes(chance.bytes(5), "little") % (1 << self.width) for _ in range(self.depth)]
        attributes = memory_attributes("ram" if self.writes else "rom", "block")
        m.submodules.words = words = memory.Memory(
            shape=self.width, depth=self.depth, init=[] if self.writes else random, attrs=attributes
        )
        read = words.read_port(domain="sync" if self.reset == "none" else "comb")
        m.d.comb += read.addr.eq(self.ra)
        if self.reset == "none":
            m.d.comb += [read.en.eq(self.re), self.rd.eq(read.data)]
        else:
            m.domains.read = domain = ClockDomain("read", local=True, async_reset=self.reset == "at once")
            m.d.comb += [domain.clk.eq(ClockSignal()), domain.rst.eq(self.clear)]
            with m.If(self.re):
                m.d.read += self.rd.eq(read.data)
        if self.writes:
            write = words.write_port(granularity=self._unit)
            m.d.comb += [write.en.eq(self.we), write.addr.eq(self.wa), write.data.eq(self.wd)]
        if self._watched:
            seen = words.read_port(domain="comb")
            m.d.comb += [seen.addr.eq(self.watched), self.seen.eq(seen.data)]
        return m


class BlockExact(Harness):
    """What synthesis makes of a memory, with the model of the cell, reads as the memory does.

    For one address of the solver's choice, so for every one: its word is the same in both, always, and so is
    what both have read, where that was this word or a reset came. A memory that is written begins with any
    contents, the same in both; one that is not begins with its own. There is no reset at the begin.

    Parameters
    ----------
    models
        The model of the cell.
    """

    def __init__(self, models: CellModels, width: int, *, writes: bool = True, reset: Reset = "none") -> None:
        dut = BlockMemory(width, writes=writes, reset=reset, watched=True)
        super().__init__(dut, [], [])
        self._domain = ClockDomain("sync", reset_less=True)
        self._watched = Signal(_ADDRESS)
        self.ports = [self._domain.clk, self._watched, *(getattr(dut, name) for name in dut.inputs)]
        with tempfile.TemporaryDirectory() as folder:
            plain = BlockMemory(width, writes=writes, reset=reset, watched=False)
            verilog = export_verilog(plain, "memory", Path(folder), SILENT).read_text(encoding="utf-8")
        self.sources = {"memory.v": verilog, "cells.v": _with_a_view(models.text, contents=not writes)}
        board = load_board(_BOARD)
        flow = board.family.flow
        synth = " ".join([flow.synth, *board.synth_args])
        self.script = _SCRIPT.format(synth=synth, address=_ADDRESS, models=flow.cell_models)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = self._domain
        m.submodules.dut = dut = self._dut
        first, was = Signal(init=1), Signal(_ADDRESS)
        m.d.sync += [first.eq(0), was.eq(self._watched)]
        with m.If(~first):
            m.d.comb += Assume(self._watched == was)
        units, read = Signal(36), Signal(dut.width)
        ports: dict[str, Any] = {f"i_{name}": getattr(dut, name) for name in dut.inputs}
        m.submodules.mapped = Instance(
            "memory",
            i_clk=ClockSignal(),
            i_rst=Const(0),
            i_watched=self._watched,
            o_seen=units,
            o_rd=read,
            **ports,
        )
        low = _ADDRESS - len(dut.ra)
        here = self._watched[low:]
        m.d.comb += dut.watched.eq(here)
        if dut.width < 9:
            word = units.word_select(self._watched[3:5], 9).word_select(self._watched[low:3], dut.width)
        else:
            word = units.word_select(self._watched[low:5], dut.width) if low < 5 else units
        same = word == dut.seen
        if dut.writes:
            with m.If(first):
                m.d.comb += Assume(same)
        m.d.comb += Assert(same)
        # Whether what was read last is known.
        known = Signal()
        with m.If(dut.re):
            m.d.sync += known.eq(dut.ra == here)
        if dut.reset != "none":
            with m.If(dut.clear):
                m.d.sync += known.eq(1)
        with m.If(known | (dut.clear if dut.reset == "at once" else 0)):
            m.d.comb += Assert(read == dut.rd)
        return m


def _with_a_view(text: str, *, contents: bool) -> str:
    """Models in which the cell shows its units, with its contents or with any."""
    head = f"module {load_board(_BOARD).family.units.block_ram} (\n"
    cell = re.findall(rf"^{re.escape(head)}.*?^endmodule\n", text, re.MULTILINE | re.DOTALL)[0]
    shown = cell.replace(head, head + _VIEW_PORTS).replace("endmodule\n", _VIEW)
    if not contents:
        shown, count = _CONTENTS.subn("", shown)
        assert count == 1
    return shown
