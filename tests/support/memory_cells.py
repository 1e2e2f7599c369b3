"""Block RAM cells beside plain memories of the same words: Verilog of both, and a program that drives them.

The cell is wired as yosys wires it (``lattice/brams_map_16kd.v``); the memory beside it is written here, as
Amaranth and yosys mean one: a word is read as it was before a write of the same cycle, the register behind it
keeps its value while the port is not enabled, and is 0 after a reset.
"""

import numpy as np

WIDTHS = (1, 2, 4, 9, 18, 36)
PORTS = {"clk": 1, "wa": 14, "ra": 14, "wd": 36, "be": 4, "we": 1, "re": 1, "rst": 1}

SOURCE = """
#include <cstdint>
#include <cstdio>
#include <random>
#include "Vbench.h"

int main() {
    VerilatedContext context;
    Vbench model{&context};
    std::mt19937_64 chance(1);
    for (int cycle = 0; cycle < 100000; ++cycle) {
        const uint64_t r = chance();
        // Half of the addresses are few, so that words are met again, and in the same cycle.
        const unsigned mask = r & 1 ? 0x3fff : 0x1087;
        model.wa = chance() & mask;
        model.ra = chance() & mask;
        model.wd = chance() & 0xfffffffffULL;
        model.be = r >> 8 & 15;
        model.we = r >> 1 & 1;
        model.re = r >> 2 & 3;
        model.rst = (r >> 16 & 31) == 0;
        for (int level = 0; level < 2; ++level) {
            model.clk = level;
            model.eval();
            if (model.differs) {
                std::printf("cycle %d differs %x\\n", cycle, static_cast<unsigned>(model.differs));
                return 1;
            }
        }
    }
    std::puts("equal");
}
"""


def contents(seed: int = 1) -> np.ndarray:
    """Random bits of one block, uint8 of shape (2048 units, 9)."""
    return np.random.default_rng(seed).integers(0, 2, (2048, 9)).astype(np.uint8)


def _number(bits: np.ndarray) -> int:
    """Bits as a number, the first lowest."""
    return int("".join(map(str, bits[::-1].tolist())), 2)


def _slices(bits: np.ndarray) -> str:
    """The INITVAL parameters: words of 18 bits, in 20 each."""
    words = np.zeros((1024, 20), np.uint8)
    words[:, :18] = bits.reshape(1024, 18)
    rows = words.reshape(64, 320)
    return ", ".join(f".INITVAL_{k:02X}(320'h{_number(row):x})" for k, row in enumerate(rows))


def _words(bits: np.ndarray, width: int) -> np.ndarray:
    """The words of a memory of this width, shape (words, width)."""
    return (bits if width >= 9 else bits[:, :8]).reshape(-1, width)


def _pair(width: int, bits: np.ndarray, mode: str) -> str:
    """A cell and a memory of words of ``width`` bits, and whether they differ."""
    low = {1: 0, 2: 1, 4: 2, 9: 3, 18: 4, 36: 5}[width]
    words = _words(bits, width)
    units = max(1, width // 9)
    enables = width >= 18
    # The lowest address bits of the writing port are enables of units there.
    own = units if enables else 0
    address = ", ".join(f".ADA{k}({'be' if k < own else 'wa'}[{k}]), .ADB{k}(ra[{k}])" for k in range(14))
    data = ", ".join(f".DIA{k}(wd[{k}])" for k in range(min(width, 18)))
    if width == 36:
        data += ", " + ", ".join(f".DIB{k}(wd[{k + 18}])" for k in range(18))
        out = ", ".join(f".DOA{k}(q{width}[{k}]), .DOB{k}(q{width}[{k + 18}])" for k in range(18))
    else:
        out = ", ".join(f".DOB{k}(q{width}[{k}])" for k in range(width))
    mask = "{" + ", ".join(f"{{{min(width, 9)}{{be[{k}]}}}}" for k in reversed(range(units))) + "}"
    mask = mask if enables else f"{{{width}{{1'b1}}}}"
    total = words.size
    return f"""
  wire [{width - 1}:0] q{width};
  DP16KD #(.DATA_WIDTH_A({width}), .DATA_WIDTH_B({width}), .RESETMODE("{mode}"),
    {_slices(bits)}) cell{width} (
    .CLKA(clk), .CLKB(clk), .CEA(we), .WEA(1'b1), .CEB(re), .WEB(1'b0), .RSTA(1'b0), .RSTB(rst), .OCEA(1'b1),
    .OCEB(1'b1), .CSA0(1'b0), .CSA1(1'b0), .CSA2(1'b0), .CSB0(1'b0), .CSB1(1'b0), .CSB2(1'b0),
    {address}, {data}, {out});
  reg [{width - 1}:0] memory{width} [0:{len(words) - 1}];
  reg [{width - 1}:0] r{width} = 0;
  wire [{total - 1}:0] start{width} = {total}'h{_number(words.reshape(-1)):x};
  integer k{width};
  initial for (k{width} = 0; k{width} < {len(words)}; k{width} = k{width} + 1)
    memory{width}[k{width}] = start{width}[{width} * k{width} +: {width}];
  wire [{width - 1}:0] m{width} = {mask};
  always @(posedge clk)
    if (we)
      memory{width}[wa[13:{low}]] <= wd[{width - 1}:0] & m{width} | memory{width}[wa[13:{low}]] & ~m{width};
  always @(posedge clk{" or posedge rst" if mode == "ASYNC" else ""})
    if (rst) r{width} <= 0; else if (re) r{width} <= memory{width}[ra[13:{low}]];
"""


def bench(bits: np.ndarray, mode: str = "SYNC") -> str:
    """Module ``top`` with a pair of every width; bit k of ``differs`` belongs to ``WIDTHS[k]``.

    Parameters
    ----------
    mode
        Of the reset: "SYNC", or "ASYNC", which acts at once.
    """
    ports = "".join(f"  input [{bits_ - 1}:0] {name};\n" for name, bits_ in PORTS.items())
    pairs = "".join(_pair(width, bits, mode) for width in WIDTHS)
    differ = ", ".join(f"q{width} != r{width}" for width in reversed(WIDTHS))
    names = ", ".join((*PORTS, "differs"))
    return (
        f"module top({names});\n{ports}  output [5:0] differs;\n{pairs}"
        f"  assign differs = {{{differ}}};\nendmodule\n"
    )
