"""The network as Verilog, for a design of the user's own: for no board and no device in particular."""
