"""From a trained spiking network to a bitstream, compared in simulation, with open tools only.

``load`` is the way in from Python, step by step what the command ``qsnn-hw`` does; three functions for arrays
stand beside it. Everything else is in the subpackages, in the order of a build: ``model``, ``quantize``,
``golden``, ``plan``, ``rtl``, ``verify``, ``targets``, ``report``, and ``build`` for all of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qsnn_hw.build.api import Design, IntegerNetwork, Outcome, TrainedNetwork, load
    from qsnn_hw.golden import process_spikes_event_driven
    from qsnn_hw.quantize import quantize_membrane, quantize_weights
    from qsnn_hw.support.errors import MismatchError, ToolError, UserError

__version__ = "0.2.0"

__all__ = [
    "Design",
    "IntegerNetwork",
    "MismatchError",
    "Outcome",
    "ToolError",
    "TrainedNetwork",
    "UserError",
    "__version__",
    "load",
    "process_spikes_event_driven",
    "quantize_membrane",
    "quantize_weights",
]

_HOME = {
    **dict.fromkeys(("Design", "IntegerNetwork", "Outcome", "TrainedNetwork", "load"), "qsnn_hw.build.api"),
    **dict.fromkeys(("MismatchError", "ToolError", "UserError"), "qsnn_hw.support.errors"),
    "process_spikes_event_driven": "qsnn_hw.golden",
    "quantize_membrane": "qsnn_hw.quantize",
    "quantize_weights": "qsnn_hw.quantize",
}

if not TYPE_CHECKING:  # A checker knows the names from above, and that there are no others.

    def __getattr__(name: str) -> Any:
        """Load the public names when they are asked for: ``qsnn-hw --help`` should not wait for numpy."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOME[name]), name)

    def __dir__() -> list[str]:
        """With the public names that are not loaded yet, for completion."""
        return sorted({*globals(), *__all__})
