"""Whether it is integers that give the output with which no convention agrees in floating point."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from qsnn_hw.errors import UserError
from qsnn_hw.explore.integer_check import check_integers
from qsnn_hw.model.check import Alternative
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Conv2d, Dense, Network
from qsnn_hw.quantize import QuantizeOptions

_WIDTHS = (8, 16)


def integer_advice(
    read: Callable[[Convention | None], Network], closer: Sequence[Alternative], data: Dataset
) -> Alternative | None:
    """Options of ``check`` under which a network of whole weights gives ``data.out``; None where none do.

    Parameters
    ----------
    read
        Builds the network under a convention.
    closer
        Conventions that come close in floating point.
    """
    for item in closer:
        if item.convention is None:
            continue
        network = read(item.convention)
        largest = _largest_whole(network)
        if largest is None:
            return None
        bits = next((width for width in _WIDTHS if largest < 1 << (width - 1)), None)
        if bits is None:
            return None
        options = QuantizeOptions(weight_bits=bits, input_max=max(1, int(data.input.max())))
        try:
            found = check_integers(network, options, data)
        except UserError:
            continue
        exact = [""] if not found.differ else [f" {text}" for text, left in found.others.items() if not left]
        if exact:
            words = f"{item.words} --bits {bits}{exact[0]}"
            return replace(item, words=words, mismatches=0, samples=data.samples, complete=True)
    return None


def _largest_whole(network: Network) -> int | None:
    """The largest absolute weight where all are whole numbers."""
    parts = [
        operator.weight
        for projection in network.projections
        for operator in projection.operators
        if isinstance(operator, Dense | Conv2d)
    ]
    if not parts or any(np.any(part != np.round(part)) for part in parts):
        return None
    return int(max(np.abs(part).max(initial=0) for part in parts))
