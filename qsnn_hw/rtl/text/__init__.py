"""Verilog that a person can read."""
