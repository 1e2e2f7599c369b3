// Sends samples into 06_axi.v and compares what comes out with the integer model, step by step.
//
// vectors.py writes the three files that this one reads from the folder it runs in: parameters.vh, words_in.hex
// (a word of s_axis a line) and counts.hex (how often each output neuron spikes, step after step). The order of
// the events within a step has no meaning, so they are counted. It ends with a line that begins with PASS or
// FAIL, after random pauses on both sides. Any simulator of Verilog-2005 takes it:
//
//     iverilog -g2005 -o bench axi_bench.v ../out/06_axi.v && vvp bench

`timescale 1ns / 1ps
`include "parameters.vh"

module axi_bench;
    reg aclk = 0, aresetn = 0;
    always #5 aclk = ~aclk;

    reg [`IN_BITS-1:0] s_tdata = 0;
    reg s_tvalid = 0, s_tlast = 0, m_tready = 0;
    wire s_tready, m_tvalid, m_tlast;
    wire [`OUT_BITS-1:0] m_tdata;
    wire [7:0] bad_words;

    `DUT dut (
        .aclk(aclk), .aresetn(aresetn),
        .s_axis_tdata(s_tdata), .s_axis_tvalid(s_tvalid), .s_axis_tready(s_tready), .s_axis_tlast(s_tlast),
        .m_axis_tdata(m_tdata), .m_axis_tvalid(m_tvalid), .m_axis_tready(m_tready), .m_axis_tlast(m_tlast),
        .bad_words(bad_words)
    );

    // The highest bit of a word in is for tlast, which stands beside tdata.
    reg [`IN_BITS:0] words [0:`WORDS-1];
    reg [15:0] wanted [0:`STEPS*`SIZE-1];
    reg [15:0] found [0:`SIZE-1];
    integer sent = 0, steps = 0, events = 0, wrong = 0, idle = 0, seed = 1, k, slot;

    task complain(input integer address, input integer got, input integer expected);
        begin
            wrong = wrong + 1;
            if (wrong < 10)
                $display("step %0d, output address %0d: %0d spikes, not %0d", steps, address, got, expected);
        end
    endtask

    initial begin
        $readmemh("words_in.hex", words);
        $readmemh("counts.hex", wanted);
        for (k = 0; k < `SIZE; k = k + 1) found[k] = 0;
        // Synchronous reset: low for one edge is enough.
        repeat (4) @(posedge aclk);
        aresetn <= 1;
    end

    // A master: what it offers stays until it is taken.
    always @(posedge aclk) if (aresetn) begin
        if (s_tvalid & s_tready) sent = sent + 1;
        if (!s_tvalid | s_tready) begin
            s_tvalid <= sent < `WORDS & ($random(seed) & 3) != 0;
            if (sent < `WORDS) {s_tlast, s_tdata} <= words[sent];
        end
    end

    // What the other side offers must stay, too.
    reg waited = 0;
    reg [`OUT_BITS:0] before = 0;
    always @(posedge aclk) if (aresetn) begin
        if (waited & (!m_tvalid | {m_tlast, m_tdata} !== before)) begin
            wrong = wrong + 1;
            $display("step %0d: m_axis did not hold a beat that was not taken", steps);
        end
        waited <= m_tvalid & !m_tready;
        before <= {m_tlast, m_tdata};
        m_tready <= ($random(seed) & 3) != 0;
        idle = m_tvalid & m_tready | s_tvalid & s_tready ? 0 : idle + 1;
        if (m_tvalid & m_tready) begin
            if (m_tdata[`TICK]) begin
                for (k = 0; k < `SIZE; k = k + 1) begin
                    if (found[k] !== wanted[steps * `SIZE + k]) complain(k, found[k], wanted[steps * `SIZE + k]);
                    found[k] = 0;
                end
                steps = steps + 1;
                // The last tick of a sample, and nothing else, has tlast; bit 0 says it again.
                if (m_tlast !== (steps % `SAMPLE_STEPS == 0) | m_tdata[0] !== m_tlast) begin
                    wrong = wrong + 1;
                    $display("step %0d: tlast is %b", steps - 1, m_tlast);
                end
            end else for (slot = 0; slot < `SLOTS; slot = slot + 1)
                if (`SLOTS == 1 || m_tdata[`SLOTS * `SLOT_BITS + slot]) begin
                    k = m_tdata[slot * `SLOT_BITS +: `SLOT_BITS] * `SLOTS + slot;
                    found[k] = found[k] + 1;
                    events = events + 1;
                end
        end
        if (steps == `STEPS | idle > 1000000) begin
            if (steps != `STEPS) $display("FAIL: nothing moved for %0d cycles, %0d of %0d steps came", idle, steps, `STEPS);
            else if (wrong != 0 | bad_words != 0) $display("FAIL: %0d differences, %0d bad words", wrong, bad_words);
            else $display("PASS: %0d samples, %0d steps, %0d spikes equal", `STEPS / `SAMPLE_STEPS, steps, events);
            $finish;
        end
    end
endmodule
