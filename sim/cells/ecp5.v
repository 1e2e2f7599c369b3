// Simulation models of ECP5 cells that yosys has none of, for netlists behind synthesis.
//
// DP16KD by the ports and modes that yosys maps to it; not read beside FPGA-TN-02204, "ECP5 and ECP5-5G Memory
// User Guide", which is what it ought to agree with: 18 kbit in 2,048 units of 9 bits;
// an address names a bit, two, four, a unit, two units or four, and of narrower words than a unit its ninth bit
// is no part. Words of 36 bits are written as DIB above DIA and read as DOB above DOA, with the lowest address
// bits in place of a write enable for each unit; so are the two lowest for words of 18 bits. A reset clears the
// outputs, with the clock (then it stops writing, too) or at once (then it does not). Output registers
// (OUTREG), inverted clocks and decoded chip selects are not modelled: a netlist with one
// of them does not compile. A word that the other port writes in the same cycle is read as it was before.
// tests/verify/test_verify_netlist_model.py holds all widths against a plain memory; the proofs "block" of
// scripts/prove show for every input that a memory with a port that writes and one that reads is one behind synthesis.

module DP16KD (
  input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3,
    DIA2, DIA1, DIA0,
  input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
  output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3,
    DOA2, DOA1, DOA0,
  input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3,
    DIB2, DIB1, DIB0,
  input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
  output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3,
    DOB2, DOB1, DOB0
);
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
  parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG";
  parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC";
  parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000";
  parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
  parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB", GSR = "ENABLED", INIT_DATA = "STATIC";
  parameter [319:0] INITVAL_00 = 320'h0;
  parameter [319:0] INITVAL_01 = 320'h0;
  parameter [319:0] INITVAL_02 = 320'h0;
  parameter [319:0] INITVAL_03 = 320'h0;
  parameter [319:0] INITVAL_04 = 320'h0;
  parameter [319:0] INITVAL_05 = 320'h0;
  parameter [319:0] INITVAL_06 = 320'h0;
  parameter [319:0] INITVAL_07 = 320'h0;
  parameter [319:0] INITVAL_08 = 320'h0;
  parameter [319:0] INITVAL_09 = 320'h0;
  parameter [319:0] INITVAL_0A = 320'h0;
  parameter [319:0] INITVAL_0B = 320'h0;
  parameter [319:0] INITVAL_0C = 320'h0;
  parameter [319:0] INITVAL_0D = 320'h0;
  parameter [319:0] INITVAL_0E = 320'h0;
  parameter [319:0] INITVAL_0F = 320'h0;
  parameter [319:0] INITVAL_10 = 320'h0;
  parameter [319:0] INITVAL_11 = 320'h0;
  parameter [319:0] INITVAL_12 = 320'h0;
  parameter [319:0] INITVAL_13 = 320'h0;
  parameter [319:0] INITVAL_14 = 320'h0;
  parameter [319:0] INITVAL_15 = 320'h0;
  parameter [319:0] INITVAL_16 = 320'h0;
  parameter [319:0] INITVAL_17 = 320'h0;
  parameter [319:0] INITVAL_18 = 320'h0;
  parameter [319:0] INITVAL_19 = 320'h0;
  parameter [319:0] INITVAL_1A = 320'h0;
  parameter [319:0] INITVAL_1B = 320'h0;
  parameter [319:0] INITVAL_1C = 320'h0;
  parameter [319:0] INITVAL_1D = 320'h0;
  parameter [319:0] INITVAL_1E = 320'h0;
  parameter [319:0] INITVAL_1F = 320'h0;
  parameter [319:0] INITVAL_20 = 320'h0;
  parameter [319:0] INITVAL_21 = 320'h0;
  parameter [319:0] INITVAL_22 = 320'h0;
  parameter [319:0] INITVAL_23 = 320'h0;
  parameter [319:0] INITVAL_24 = 320'h0;
  parameter [319:0] INITVAL_25 = 320'h0;
  parameter [319:0] INITVAL_26 = 320'h0;
  parameter [319:0] INITVAL_27 = 320'h0;
  parameter [319:0] INITVAL_28 = 320'h0;
  parameter [319:0] INITVAL_29 = 320'h0;
  parameter [319:0] INITVAL_2A = 320'h0;
  parameter [319:0] INITVAL_2B = 320'h0;
  parameter [319:0] INITVAL_2C = 320'h0;
  parameter [319:0] INITVAL_2D = 320'h0;
  parameter [319:0] INITVAL_2E = 320'h0;
  parameter [319:0] INITVAL_2F = 320'h0;
  parameter [319:0] INITVAL_30 = 320'h0;
  parameter [319:0] INITVAL_31 = 320'h0;
  parameter [319:0] INITVAL_32 = 320'h0;
  parameter [319:0] INITVAL_33 = 320'h0;
  parameter [319:0] INITVAL_34 = 320'h0;
  parameter [319:0] INITVAL_35 = 320'h0;
  parameter [319:0] INITVAL_36 = 320'h0;
  parameter [319:0] INITVAL_37 = 320'h0;
  parameter [319:0] INITVAL_38 = 320'h0;
  parameter [319:0] INITVAL_39 = 320'h0;
  parameter [319:0] INITVAL_3A = 320'h0;
  parameter [319:0] INITVAL_3B = 320'h0;
  parameter [319:0] INITVAL_3C = 320'h0;
  parameter [319:0] INITVAL_3D = 320'h0;
  parameter [319:0] INITVAL_3E = 320'h0;
  parameter [319:0] INITVAL_3F = 320'h0;

  generate
    if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG" || RESETMODE != "SYNC" && RESETMODE != "ASYNC" || CSDECODE_A != "0b000" ||
        CSDECODE_B != "0b000" || CLKAMUX != "CLKA" || CLKBMUX != "CLKB")
      DP16KD_in_a_mode_without_a_model refused ();
  endgenerate

  reg [8:0] unit [0:2047];
  wire [20479:0] contents = {
    INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
    INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
    INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
    INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
    INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
    INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
    INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
    INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
  };
  integer k;
  // A word of 18 bits stands in 20.
  initial
    for (k = 0; k < 2048; k = k + 1) unit[k] = contents[20 * (k / 2) + 9 * (k % 2) +: 9];

  wire [17:0] low = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
  wire [17:0] high = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
  wire [13:0] at_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [13:0] at_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  reg [35:0] out_a = 36'h0, out_b = 36'h0;

  // Of a port's width: its word, and the units with one word changed.
  function [35:0] word;
    input integer width;
    input [13:0] at;
    begin
      word = 36'h0;
      case (width)
        1: word[0] = unit[at[13:3]][at[2:0]];
        2: word[1:0] = unit[at[13:3]][{at[2:1], 1'b0} +: 2];
        4: word[3:0] = unit[at[13:3]][{at[2], 2'b00} +: 4];
        9: word[8:0] = unit[at[13:3]];
        18: word[17:0] = {unit[{at[13:4], 1'b1}], unit[{at[13:4], 1'b0}]};
        default:
          word = {unit[{at[13:5], 2'b11}], unit[{at[13:5], 2'b10}], unit[{at[13:5], 2'b01}], unit[{at[13:5], 2'b00}]};
      endcase
    end
  endfunction

  wire [35:0] data_a = {high, low};
  wire [35:0] mask_a = DATA_WIDTH_A == 36 ? {{9{at_a[3]}}, {9{at_a[2]}}, {9{at_a[1]}}, {9{at_a[0]}}} :
    DATA_WIDTH_A == 18 ? {18'h0, {9{at_a[1]}}, {9{at_a[0]}}} : ~36'h0;
  wire chosen_a = ~(CSA2 | CSA1 | CSA0);
  wire at_once_a;
  assign at_once_a = RESETMODE == "ASYNC" & RSTA;
  wire writes_a = CEA & chosen_a & WEA & (RESETMODE == "ASYNC" | ~RSTA);
  reg [35:0] old_a, new_a;

  // Words are looked up on the edge: a wire would not follow the memory in every simulator.
  always @(posedge CLKA or posedge at_once_a)
    if (at_once_a) out_a <= 36'h0;
    else if (RSTA) out_a <= 36'h0;
    else if (CEA & chosen_a)
      if (~WEA | WRITEMODE_A == "READBEFOREWRITE") out_a <= word(DATA_WIDTH_A, at_a);
      else if (WRITEMODE_A == "WRITETHROUGH")
        out_a <= data_a & mask_a | word(DATA_WIDTH_A, at_a) & ~mask_a;

  always @(posedge CLKA)
    if (writes_a) begin
      old_a = word(DATA_WIDTH_A, at_a);
      new_a = data_a & mask_a | old_a & ~mask_a;
      case (DATA_WIDTH_A)
        1: unit[at_a[13:3]][at_a[2:0]] <= new_a[0];
        2: unit[at_a[13:3]][{at_a[2:1], 1'b0} +: 2] <= new_a[1:0];
        4: unit[at_a[13:3]][{at_a[2], 2'b00} +: 4] <= new_a[3:0];
        9: unit[at_a[13:3]] <= new_a[8:0];
        18: begin
          unit[{at_a[13:4], 1'b0}] <= new_a[8:0];
          unit[{at_a[13:4], 1'b1}] <= new_a[17:9];
        end
        default: begin
          unit[{at_a[13:5], 2'b00}] <= new_a[8:0];
          unit[{at_a[13:5], 2'b01}] <= new_a[17:9];
          unit[{at_a[13:5], 2'b10}] <= new_a[26:18];
          unit[{at_a[13:5], 2'b11}] <= new_a[35:27];
        end
      endcase
    end

  wire [35:0] data_b = {18'h0, high};
  wire [35:0] mask_b = DATA_WIDTH_B == 36 ? {{9{at_b[3]}}, {9{at_b[2]}}, {9{at_b[1]}}, {9{at_b[0]}}} :
    DATA_WIDTH_B == 18 ? {18'h0, {9{at_b[1]}}, {9{at_b[0]}}} : ~36'h0;
  wire chosen_b = ~(CSB2 | CSB1 | CSB0);
  wire at_once_b;
  assign at_once_b = RESETMODE == "ASYNC" & RSTB;
  wire writes_b = CEB & chosen_b & WEB & (RESETMODE == "ASYNC" | ~RSTB);
  reg [35:0] old_b, new_b;

  // Words are looked up on the edge: a wire would not follow the memory in every simulator.
  always @(posedge CLKB or posedge at_once_b)
    if (at_once_b) out_b <= 36'h0;
    else if (RSTB) out_b <= 36'h0;
    else if (CEB & chosen_b)
      if (~WEB | WRITEMODE_B == "READBEFOREWRITE") out_b <= word(DATA_WIDTH_B, at_b);
      else if (WRITEMODE_B == "WRITETHROUGH")
        out_b <= data_b & mask_b | word(DATA_WIDTH_B, at_b) & ~mask_b;

  always @(posedge CLKB)
    if (writes_b) begin
      old_b = word(DATA_WIDTH_B, at_b);
      new_b = data_b & mask_b | old_b & ~mask_b;
      case (DATA_WIDTH_B)
        1: unit[at_b[13:3]][at_b[2:0]] <= new_b[0];
        2: unit[at_b[13:3]][{at_b[2:1], 1'b0} +: 2] <= new_b[1:0];
        4: unit[at_b[13:3]][{at_b[2], 2'b00} +: 4] <= new_b[3:0];
        9: unit[at_b[13:3]] <= new_b[8:0];
        18: begin
          unit[{at_b[13:4], 1'b0}] <= new_b[8:0];
          unit[{at_b[13:4], 1'b1}] <= new_b[17:9];
        end
        default: begin
          unit[{at_b[13:5], 2'b00}] <= new_b[8:0];
          unit[{at_b[13:5], 2'b01}] <= new_b[17:9];
          unit[{at_b[13:5], 2'b10}] <= new_b[26:18];
          unit[{at_b[13:5], 2'b11}] <= new_b[35:27];
        end
      endcase
    end

  // The lower half of a word of 36 bits leaves on the other port's pins.
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0} = DATA_WIDTH_B == 36 ? out_b[17:0] : out_a[17:0];
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0} =
    DATA_WIDTH_B == 36 ? out_b[35:18] : out_b[17:0];
endmodule

// The system clock comes in at the pin, as every simulation has it.
module EHXPLLL (
  input CLKI, CLKFB, PHASESEL1, PHASESEL0, PHASEDIR, PHASESTEP, PHASELOADREG, STDBY, PLLWAKESYNC, RST, ENCLKOP,
    ENCLKOS,
  output CLKOP, CLKOS, CLKOS2, CLKOS3, LOCK, INTLOCK, REFCLK, CLKINTFB
);
  parameter CLKI_DIV = 1, CLKFB_DIV = 1, CLKOP_DIV = 8, CLKOS_DIV = 8, FEEDBK_PATH = "CLKOP";
  parameter CLKOP_ENABLE = "ENABLED", CLKOP_CPHASE = 0, CLKOP_FPHASE = 0;
  parameter CLKOS_ENABLE = "ENABLED", CLKOS_CPHASE = 0, CLKOS_FPHASE = 0;
  parameter CLKOS2_ENABLE = "DISABLED", CLKOS3_ENABLE = "DISABLED", DPHASE_SOURCE = "DISABLED";
  parameter PLLRST_ENA = "DISABLED", INTFB_WAKE = "DISABLED", STDBY_ENABLE = "DISABLED";
  parameter OUTDIVIDER_MUXA = "DIVA", OUTDIVIDER_MUXB = "DIVB", OUTDIVIDER_MUXC = "DIVC", OUTDIVIDER_MUXD = "DIVD";
  assign CLKOP = CLKI, CLKOS = CLKI, LOCK = 1'b1, CLKINTFB = CLKI;
endmodule
