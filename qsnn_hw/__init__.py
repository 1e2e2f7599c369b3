"""From a trained spiking network to a bitstream, compared in simulation, with open tools only.

The three functions below are the smallest way in; everything else is in the subpackages, in the
order of a build: ``model``, ``quantize``, ``golden``, ``plan``, ``rtl``, ``verify``,
``targets``, ``report``, and ``build`` for all of it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qsnn_hw.golden import process_spikes_event_driven
    from qsnn_hw.quantize import quantize_membrane, quantize_weights

__version__ = "0.2.0"

__all__ = ["__version__", "process_spikes_event_driven", "quantize_membrane", "quantize_weights"]


def __getattr__(name: str) -> Any:
    """Load the public functions when they are asked for: ``qsnn-hw --help`` should not wait for numpy."""
    if name == "process_spikes_event_driven":
        from qsnn_hw.golden import process_spikes_event_driven

        return process_spikes_event_driven
    if name in ("quantize_membrane", "quantize_weights"):
        from qsnn_hw import quantize

        return getattr(quantize, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
