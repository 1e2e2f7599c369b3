// Simulation models of iCE40 cells that yosys has none of, for netlists behind synthesis.
//
// The system clock comes in at the pin, as every simulation has it.

module SB_PLL40_CORE (
  input REFERENCECLK, RESETB, BYPASS,
  output PLLOUTCORE, PLLOUTGLOBAL, LOCK
);
  parameter FEEDBACK_PATH = "SIMPLE", PLLOUT_SELECT = "GENCLK", DIVR = 4'h0, DIVF = 7'h0, DIVQ = 3'h1, FILTER_RANGE = 3'h0;
  assign PLLOUTCORE = REFERENCECLK, PLLOUTGLOBAL = REFERENCECLK, LOCK = 1'b1;
endmodule

module SB_PLL40_PAD (
  input PACKAGEPIN, RESETB, BYPASS,
  output PLLOUTCORE, PLLOUTGLOBAL, LOCK
);
  parameter FEEDBACK_PATH = "SIMPLE", PLLOUT_SELECT = "GENCLK", DIVR = 4'h0, DIVF = 7'h0, DIVQ = 3'h1, FILTER_RANGE = 3'h0;
  assign PLLOUTCORE = PACKAGEPIN, PLLOUTGLOBAL = PACKAGEPIN, LOCK = 1'b1;
endmodule
