"""Float network -> integer network."""

from qsnn_hw.quantize.arrays import membrane_scale, quantize_membrane, quantize_weights
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork, QuantizedProjection
from qsnn_hw.quantize.options import GroupOptions, QuantizeOptions
from qsnn_hw.quantize.quantizer import quantize

__all__ = [
    "GroupOptions",
    "QuantizeOptions",
    "QuantizedGroup",
    "QuantizedNetwork",
    "QuantizedProjection",
    "membrane_scale",
    "quantize",
    "quantize_membrane",
    "quantize_weights",
]
