"""Memories that a chip has as macros: one module each, which a foundry's own takes the place of.

On a chip there is no block RAM with initial contents. A memory is a macro of the foundry or of a memory
compiler, so that the design only names a module, ``sram_<words>x<bits>`` and the like, and stands for
any of them by a rule that all of them keep: what was read is there in the next cycle. A memory of two ports
shows it until its next read; of one port nothing is promised behind that cycle. For simulation each module
has a body in Verilog (:func:`verilog_of`), and in Amaranth's simulator each component is a memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from amaranth.hdl import ClockSignal, Instance, Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

MacroKind = Literal["1rw", "1r1w", "latches"]
"""One port for reads and writes; a read and a write port; standard-cell latches with one port."""


@dataclass(frozen=True)
class ChipPlatform:
    """Handed to ``elaborate``: memories become instances of macro modules."""


CHIP = ChipPlatform()
"""What the Verilog of a chip is elaborated for."""


@dataclass(frozen=True, order=True)
class Macro:
    """A memory module.

    Parameters
    ----------
    kind
        Its ports.
    depth, width
        Words, and bits of each.
    """

    kind: MacroKind
    depth: int
    width: int

    def __post_init__(self) -> None:
        for name, value in (("Depth", self.depth), ("Width", self.width)):
            if value < 1:
                raise ValueError(f"{name} of a macro must be at least 1, not {value!r}")

    @property
    def name(self) -> str:
        """Of its Verilog module."""
        size = f"{self.depth}x{self.width}"
        return {"1rw": f"sram_{size}", "1r1w": f"sram_{size}_1r1w", "latches": f"latches_{size}"}[self.kind]

    @property
    def address_bits(self) -> int:
        """Width of its address ports, at least 1."""
        return max(1, ceil_log2(self.depth))


class OnePortMacro(wiring.Component):
    """A memory with one port: it reads a word, or writes one, or rests.

    Latency: ``rdata`` is the word at ``addr`` in the cycle after ``ce & ~we``, and means nothing later.
    Throughput: one word a cycle; no handshake.

    Parameters
    ----------
    depth, width
        Words, and bits of each.
    kind
        "1rw" for a macro, "latches" for standard cells.

    Members
    -------
    ce, we : In(1)
    addr : In(range(depth))
    wdata : In(width)
    rdata : Out(width)
    """

    def __init__(self, depth: int, width: int, kind: Literal["1rw", "latches"] = "1rw") -> None:
        self.macro = Macro(kind, depth, width)
        super().__init__(
            {
                "ce": In(1),
                "we": In(1),
                "addr": In(self.macro.address_bits),
                "wdata": In(width),
                "rdata": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        macro = self.macro
        if isinstance(platform, ChipPlatform):
            inputs = {f"i_{name}": getattr(self, name) for name in ("ce", "we", "addr", "wdata")}
            m.submodules.macro = Instance(macro.name, i_clk=ClockSignal(), o_rdata=self.rdata, **inputs)
            return m
        m.submodules.words = words = memory.Memory(shape=macro.width, depth=macro.depth, init=[])
        read, write = words.read_port(), words.write_port()
        m.d.comb += [
            read.en.eq(self.ce & ~self.we),
            write.en.eq(self.ce & self.we),
            read.addr.eq(self.addr),
            write.addr.eq(self.addr),
            write.data.eq(self.wdata),
        ]
        _show(m, self.rdata, read.data, read.en)
        return m


class TwoPortMacro(wiring.Component):
    """A memory with a read and a write port, never both at one word in a cycle.

    Latency: ``rdata`` is the word at ``raddr`` in the cycle after ``re``, and until the next ``re``.
    Throughput: one word read and one written a cycle; no handshake.

    Parameters
    ----------
    depth, width
        Words, and bits of each.

    Members
    -------
    re, we : In(1)
    raddr, waddr : In(range(depth))
    wdata : In(width)
    rdata : Out(width)
    """

    def __init__(self, depth: int, width: int) -> None:
        self.macro = Macro("1r1w", depth, width)
        address = self.macro.address_bits
        super().__init__(
            {
                "re": In(1),
                "raddr": In(address),
                "rdata": Out(width),
                "we": In(1),
                "waddr": In(address),
                "wdata": In(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        macro = self.macro
        if isinstance(platform, ChipPlatform):
            names = ("re", "raddr", "we", "waddr", "wdata")
            inputs = {f"i_{name}": getattr(self, name) for name in names}
            m.submodules.macro = Instance(macro.name, i_clk=ClockSignal(), o_rdata=self.rdata, **inputs)
            return m
        m.submodules.words = words = memory.Memory(shape=macro.width, depth=macro.depth, init=[])
        read, write = words.read_port(), words.write_port()
        m.d.comb += [
            read.en.eq(self.re),
            read.addr.eq(self.raddr),
            write.en.eq(self.we),
            write.addr.eq(self.waddr),
            write.data.eq(self.wdata),
            self.rdata.eq(read.data),
        ]
        return m


def _show(m: Module, shown: Signal, data: Signal, en: Signal) -> None:
    """In Amaranth's simulator: the word behind a read, and its complement where nothing may rely on it."""
    fresh = Signal()
    m.d.sync += fresh.eq(en)
    m.d.comb += shown.eq(data ^ (~fresh).replicate(len(data)))


def verilog_of(macros: Iterable[Macro]) -> str:
    """The bodies of these modules in Verilog, each once, sorted.

    SRAM is a behavioural model that keeps the word it read; where ``QSNN_STRICT_MACROS`` is defined, one of
    one port shows its complement where nothing is promised. Latches are what is synthesized: a row's latches
    open in the high half of the clock behind the cycle that writes it, by a clock gate of their own.
    """
    bodies = {"1rw": _ONE_PORT, "1r1w": _TWO_PORT, "latches": _LATCHES}
    return "".join(
        bodies[macro.kind].format(
            name=macro.name,
            depth=macro.depth,
            last=macro.depth - 1,
            a=macro.address_bits - 1,
            w=macro.width - 1,
        )
        for macro in sorted(set(macros))
    )


_ONE_PORT = """
/* Behavioural model: a macro of the foundry takes its place. */
module {name}(clk, ce, we, addr, wdata, rdata);
  input clk;
  input ce;
  input we;
  input [{a}:0] addr;
  input [{w}:0] wdata;
  output reg [{w}:0] rdata;
  reg [{w}:0] words [{last}:0];
  always @(posedge clk) begin
    if (ce & we) words[addr] <= wdata;
    if (ce & ~we) rdata <= words[addr];
`ifdef QSNN_STRICT_MACROS
    else rdata <= ~rdata;
`endif
  end
endmodule
"""

_TWO_PORT = """
/* Behavioural model: a macro of the foundry takes its place. */
module {name}(clk, re, raddr, rdata, we, waddr, wdata);
  input clk;
  input re;
  input [{a}:0] raddr;
  output reg [{w}:0] rdata;
  input we;
  input [{a}:0] waddr;
  input [{w}:0] wdata;
  reg [{w}:0] words [{last}:0];
  always @(posedge clk) begin
    if (we) words[waddr] <= wdata;
    if (re) rdata <= words[raddr];
  end
endmodule
"""

_LATCHES = """
/* Standard-cell memory: a latch for each bit, a clock gate for each row. */
module {name}(clk, ce, we, addr, wdata, rdata);
  input clk;
  input ce;
  input we;
  input [{a}:0] addr;
  input [{w}:0] wdata;
  output [{w}:0] rdata;
  reg [{a}:0] row;
  reg [{w}:0] held;
  wire [{w}:0] shown [{last}:0];
  always @(posedge clk) begin
    if (ce) row <= addr;
    if (ce & we) held <= wdata;
  end
  assign rdata = shown[row];
  genvar k;
  generate
    for (k = 0; k < {depth}; k = k + 1) begin : words
      /* verilator lint_off LATCH */
      /* verilator lint_off COMBDLY */
      reg selected;
      reg [{w}:0] word;
      always @* if (~clk) selected = ce & we & (addr == k);
      wire open = clk & selected;
      always @* if (open) word = held;
      assign shown[k] = word;
    end
  endgenerate
endmodule
"""
