"""A small spiking layer on a UART, as Verilog text: something real for yosys and nextpnr to chew on.

Run as a script it writes the design, for scripts/compare_flags.py:
``python tests/support/lif_design.py --lanes 16 --inputs 256 > lif.v``.
"""

import argparse
import random

_TEMPLATE = """\
// A received byte below 255 is an input address: its row of the weight memory is added to all lanes.
// Byte 255 ends the time step: every lane leaks, fires and resets; the spikes go out as bytes.
module lif_uart (
    input  wire clk,
    input  wire rx,
    output reg  tx,
    output reg  led
);
    localparam LANES = @LANES@, INPUTS = @INPUTS@, WIDTH = @WIDTH@, DIVISOR = 12, THRESHOLD = 200;
    localparam ROW = LANES * 8;
    (* rom_style = "block" *)
    reg [ROW-1:0] weights [0:INPUTS-1];
    initial begin
@WEIGHTS@
    end

    reg [1:0] sync = 3;
    reg [7:0] rx_shift = 0, rx_count = 0;
    reg [3:0] rx_bit = 0;
    reg rx_valid = 0;
    always @(posedge clk) begin
        sync <= {sync[0], rx};
        rx_valid <= 0;
        if (rx_bit == 0) begin
            if (!sync[1]) begin rx_bit <= 10; rx_count <= DIVISOR / 2; end
        end else if (rx_count != 0) rx_count <= rx_count - 1;
        else begin
            rx_count <= DIVISOR - 1;
            rx_shift <= {sync[1], rx_shift[7:1]};
            rx_bit <= rx_bit == 2 ? 0 : rx_bit - 1;
            rx_valid <= rx_bit == 2;
        end
    end

    // Weight fetch, then accumulate; a tick passes through the same stages.
    reg event_1 = 0, event_2 = 0, tick_1 = 0, tick_2 = 0;
    reg [ROW-1:0] row, row_2;
    always @(posedge clk) begin
        event_1 <= rx_valid && rx_shift != 8'hff;
        tick_1 <= rx_valid && rx_shift == 8'hff;
        if (rx_valid) row <= weights[rx_shift[$clog2(INPUTS)-1:0]];
        {event_2, tick_2, row_2} <= {event_1, tick_1, row};
    end

    wire [LANES-1:0] fired;
    genvar g;
    generate for (g = 0; g < LANES; g = g + 1) begin : lane
        reg signed [WIDTH-1:0] v = 0;
        wire signed [7:0] w = row_2[8*g +: 8];
        wire signed [WIDTH-1:0] leaked = v - (v >>> 4);
        assign fired[g] = leaked > THRESHOLD;
        always @(posedge clk)
            if (event_2) v <= v + w;
            else if (tick_2) v <= fired[g] ? leaked - THRESHOLD : leaked;
    end endgenerate

    localparam BYTES = (LANES + 7) / 8;
    reg [8*BYTES-1:0] out = 0;
    reg [7:0] out_left = 0, tx_count = 0;
    reg [9:0] tx_shift = 10'h3ff;
    reg [3:0] tx_bit = 0;
    always @(posedge clk) begin
        tx <= tx_shift[0];
        led <= out_left != 0;
        if (tick_2) begin out <= fired; out_left <= BYTES; end
        else if (tx_bit == 0) begin
            if (out_left != 0) begin
                tx_shift <= {1'b1, out[7:0], 1'b0};
                out <= out >> 8;
                out_left <= out_left - 1;
                tx_bit <= 10;
                tx_count <= DIVISOR - 1;
            end
        end else if (tx_count != 0) tx_count <= tx_count - 1;
        else begin
            tx_count <= DIVISOR - 1;
            tx_shift <= {1'b1, tx_shift[9:1]};
            tx_bit <= tx_bit - 1;
        end
    end
endmodule
"""


def lif_verilog(lanes: int = 4, inputs: int = 64, width: int = 18, seed: int = 0) -> str:
    """Verilog of module ``lif_uart``: ``inputs`` rows of ``lanes`` weights, ``width``-bit state."""
    draw = random.Random(seed)
    rows = [f"        weights[{i}] = {8 * lanes}'h{draw.getrandbits(8 * lanes):x};" for i in range(inputs)]
    fields = {"LANES": lanes, "INPUTS": inputs, "WIDTH": width, "WEIGHTS": "\n".join(rows)}
    text = _TEMPLATE
    for name, value in fields.items():
        text = text.replace(f"@{name}@", str(value))
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--inputs", type=int, default=64)
    parser.add_argument("--width", type=int, default=18)
    given = parser.parse_args()
    print(lif_verilog(given.lanes, given.inputs, given.width))
