"""From a trained spiking network to a verified bitstream, with open tools only."""

__version__ = "0.1.0"
