"""How weights of each width are rounded where nobody says otherwise: schemes that need no data."""

from dataclasses import dataclass

from qsnn_hw.support.choices import Clip


@dataclass(frozen=True)
class Scheme:
    """A way to round; fields as in :class:`~qsnn_hw.quantize.options.QuantizeOptions`."""

    clip: Clip
    per_neuron: bool
    fractional_bits: int

    def text(self) -> str:
        """In the words of the tables: mse/neuron F2."""
        return f"{self.clip}/{'neuron' if self.per_neuron else 'group'} F{self.fractional_bits}"


PLAIN = Scheme("max", per_neuron=False, fractional_bits=0)
"""The cheapest in hardware."""

# Measured, see "Default rounding" in docs/quantization.md: in the mean of the networks there, the cheapest
# scheme that float does not beat by more than the standard error; below 6 bits, that the best does not.
_DEFAULTS = {
    2: Scheme("mse", per_neuron=True, fractional_bits=6),
    3: Scheme("mse", per_neuron=True, fractional_bits=4),
    4: Scheme("mse", per_neuron=True, fractional_bits=2),
    5: Scheme("mse", per_neuron=True, fractional_bits=0),
    6: Scheme("mse", per_neuron=False, fractional_bits=4),
    7: Scheme("max", per_neuron=True, fractional_bits=0),
}


def default_scheme(weight_bits: int) -> Scheme:
    """The scheme of a width from 2 to 16 bits."""
    return _DEFAULTS.get(weight_bits, PLAIN)
