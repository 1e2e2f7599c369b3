"""Netlists in plain SPICE, and ngspice's word on the analog reference model (docs/analog.md)."""
