"""Neuron groups before quantization."""

from typing import Any

import numpy as np

from qsnn_hw.model.network import NeuronGroup

PER_NEURON = {"decay": 0.9, "input_gain": 1.0, "leak": 0.0, "threshold": 1.0, "v_reset": 0.0}
"""What every group has one number a neuron of, and the number of :func:`lif`."""


def lif(name: str = "lif", shape: int | tuple[int, ...] = 3, **fields: Any) -> NeuronGroup:
    """A group of leaky neurons of threshold 1.

    Parameters
    ----------
    fields
        What differs; one number for a field of ``PER_NEURON`` holds for every neuron.
    """
    shape = (shape,) if isinstance(shape, int) else shape
    values = PER_NEURON | fields
    for field in PER_NEURON:
        if isinstance(values[field], float):
            values[field] = np.full(int(np.prod(shape)), values[field])
    return NeuronGroup(name, shape, **values)
