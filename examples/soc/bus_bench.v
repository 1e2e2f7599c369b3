// Plays the processor beside peripheral.v: sends samples over its bus, and compares every step of the answer.
//
// It reads the three files that vectors.py writes, as axi_bench.v does, and ends with PASS or FAIL:
//
//     iverilog -g2005 -o bus bus_bench.v peripheral.v ../out/06_axi.v && vvp bus

`timescale 1ns / 1ps
`include "parameters.vh"

module bus_bench;
    localparam DATA = 0, WAITING = 1, ROOM = 2, FAULTS = 3;

    reg clk = 0, rst = 1, we = 0, stb = 0;
    reg [1:0] adr = 0;
    reg [31:0] dat_w = 0, got = 0;
    wire [31:0] dat_r;
    wire ack, irq;
    always #5 clk = ~clk;

    peripheral dut (
        .clk(clk), .rst(rst), .adr(adr), .dat_w(dat_w), .we(we), .cyc(stb), .stb(stb),
        .dat_r(dat_r), .ack(ack), .irq(irq)
    );

    // The highest bit of a word is for tlast, which this bus does without.
    reg [`IN_BITS:0] words [0:`WORDS-1];
    reg [15:0] wanted [0:`STEPS*`SIZE-1];
    reg [15:0] found [0:`SIZE-1];
    integer sent = 0, steps = 0, events = 0, wrong = 0, idle = 0, left, k, slot;

    task access(input [1:0] address, input write, input [31:0] data);
        begin
            adr <= address; dat_w <= data; we <= write; stb <= 1;
            @(posedge clk);
            while (!ack) @(posedge clk);
            got = dat_r;
            stb <= 0;
            @(posedge clk);
        end
    endtask

    task take(input [31:0] word);
        if (word[`TICK]) begin
            for (k = 0; k < `SIZE; k = k + 1) begin
                if (found[k] !== wanted[steps * `SIZE + k]) begin
                    wrong = wrong + 1;
                    if (wrong < 10)
                        $display("step %0d, output address %0d: %0d spikes, not %0d",
                                 steps, k, found[k], wanted[steps * `SIZE + k]);
                end
                found[k] = 0;
            end
            steps = steps + 1;
        end else for (slot = 0; slot < `SLOTS; slot = slot + 1)
            if (`SLOTS == 1 || word[`SLOTS * `SLOT_BITS + slot]) begin
                k = word[slot * `SLOT_BITS +: `SLOT_BITS] * `SLOTS + slot;
                found[k] = found[k] + 1;
                events = events + 1;
            end
    endtask

    initial begin
        $readmemh("words_in.hex", words);
        $readmemh("counts.hex", wanted);
        for (k = 0; k < `SIZE; k = k + 1) found[k] = 0;
        repeat (4) @(posedge clk);
        rst <= 0;
        while (steps != `STEPS & idle < 100000) begin
            idle = idle + 1;
            access(ROOM, 0, 0);
            for (left = got; left > 0 & sent < `WORDS; left = left - 1) begin
                access(DATA, 1, words[sent][`IN_BITS-1:0]);
                sent = sent + 1;
            end
            access(WAITING, 0, 0);
            for (left = got; left > 0; left = left - 1) begin
                access(DATA, 0, 0);
                take(got);
                idle = 0;
            end
        end
        access(FAULTS, 0, 0);
        if (steps != `STEPS) $display("FAIL: no answer, %0d of %0d steps came", steps, `STEPS);
        else if (wrong != 0 | got != 0) $display("FAIL: %0d differences, faults %h", wrong, got);
        else $display("PASS: %0d samples, %0d steps, %0d spikes equal", `STEPS / `SAMPLE_STEPS, steps, events);
        $finish;
    end
endmodule
