"""What a report of Verilog for a design of the user's own says beside the sections of any target."""
