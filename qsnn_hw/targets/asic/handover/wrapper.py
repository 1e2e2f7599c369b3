"""Memory modules made of sky130's published macros, in place of their behavioural bodies."""

from collections.abc import Iterable

from qsnn_hw.rtl.macros import Macro
from qsnn_hw.targets.asic.sram import Sized, built_of


def wrapper_verilog(macros: Iterable[Macro]) -> str:
    """Verilog of memory modules in instances of sky130's macros; latch arrays are left out.

    Port 0 of a macro reads and writes, port 1 reads. Words that are missing at the end of the last macro, and
    bits at the end of a word, stay empty.
    """
    wanted = sorted({macro for macro in macros if macro.kind != "latches"})
    return "\n".join(_module(macro, built_of(macro.depth, macro.width)) for macro in wanted)


def _module(macro: Macro, made: Sized) -> str:
    both = macro.kind == "1r1w"
    ports = "clk, re, raddr, rdata, we, waddr, wdata" if both else "clk, ce, we, addr, wdata, rdata"
    a, w = macro.address_bits - 1, macro.width - 1
    padded = made.across * made.macro.width
    bits = (made.macro.depth - 1).bit_length()
    names = ("raddr", "waddr") if both else ("addr",)
    lines = [
        f"/* {made.across} x {made.down} of {made.macro.name} */",
        f"module {macro.name}({ports});",
        "  input clk;",
        *(f"  input {name};" for name in (("re", "we") if both else ("ce", "we"))),
        *(f"  input [{a}:0] {name};" for name in names),
        f"  input [{w}:0] wdata;",
        f"  output [{w}:0] rdata;",
        f"  wire [{padded - 1}:0] padded = {{{padded}'d0}} | wdata;",
        *(
            f"  wire [{max(bits, a + 1)}:0] long_{name} = {{{max(bits, a + 1) + 1}'d0}} | {name};"
            for name in names
        ),
    ]
    read, enable = ("raddr", "re") if both else ("addr", "ce & ~we")
    lines += [f"  wire [{padded - 1}:0] read_{row};" for row in range(made.down)]
    for row in range(made.down):
        lines += _row(macro, made, row, padded, bits, both)
    out = "out" if both else "rdata"
    if both:
        # What was read stays until the next read, which the macro does not promise.
        lines += [
            f"  wire [{w}:0] out;",
            f"  reg [{w}:0] kept;",
            "  reg fresh;",
            "  always @(posedge clk) fresh <= re;",
            "  always @(posedge clk) if (fresh) kept <= out;",
            "  assign rdata = fresh ? out : kept;",
        ]
    if made.down == 1:
        lines.append(f"  assign {out} = read_0[{w}:0];")
    else:
        high = f"long_{read}[{max(bits, a + 1)}:{bits}]"
        lines += [
            f"  reg [{max(bits, a + 1) - bits}:0] row;",
            f"  always @(posedge clk) if ({enable}) row <= {high};",
            f"  assign {out} = "
            + "".join(f"row == {row} ? read_{row}[{w}:0] : " for row in range(made.down - 1))
            + f"read_{made.down - 1}[{w}:0];",
        ]
    return "\n".join([*lines, "endmodule"]) + "\n"


def _row(macro: Macro, made: Sized, row: int, padded: int, bits: int, both: bool) -> list[str]:
    """The macros that hold one range of words."""
    top = max(bits, macro.address_bits)

    def here(name: str) -> str:
        return f"long_{name}[{top}:{bits}] == {row}"

    masks = max(1, made.macro.width // 8)
    lines = []
    for column in range(made.across):
        high, low = (column + 1) * made.macro.width - 1, column * made.macro.width
        share = f"[{high}:{low}]"
        if both:
            zero = (
                f".csb0(~(we & ({here('waddr')}))), .web0(1'b0), .addr0(long_waddr[{bits - 1}:0]), .dout0()"
            )
            one = (
                f".csb1(~(re & ({here('raddr')}))), .addr1(long_raddr[{bits - 1}:0]), "
                f".dout1(read_{row}{share})"
            )
        else:
            zero = (
                f".csb0(~(ce & ({here('addr')}))), .web0(~we), .addr0(long_addr[{bits - 1}:0]), "
                f".dout0(read_{row}{share})"
            )
            one = f".csb1(1'b1), .addr1({bits}'d0), .dout1()"
        lines.append(
            f"  {made.macro.name} words_{row}_{column} (.clk0(clk), .wmask0({{{masks}{{1'b1}}}}), {zero}, "
            f".din0(padded{share}), .clk1(clk), {one});"
        )
    return lines
