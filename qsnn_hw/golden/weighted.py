"""Weighted sums of spikes, exact: floating point only where every partial sum is proved to fit it."""

from collections.abc import Sequence

import numpy as np

from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import Operator
from qsnn_hw.quantize.operators import fan_in_of, weights_of, with_weights
from qsnn_hw.support.errors import UserError

# float32 and float64 hold every integer up to these bounds exactly.
_EXACT_FLOAT32 = 2**24
_EXACT_FLOAT64 = 2**53
# Spikes become floats in parts of about this size, which stay in a cache.
_CHUNK_BYTES = 4 * 2**20


class WeightedSum:
    """The operators of one projection on batches of spikes.

    Parameters
    ----------
    operators
        With integer weights.
    size
        Addresses of the source.
    most
        The most spikes of one address in one step.
    shift
        The sum is multiplied by ``2**shift``.

    Raises
    ------
    UserError
        A sum may exceed 2**53 and with it exact arithmetic.

    Attributes
    ----------
    dtype
        float32 where no partial sum can reach 2**24, else float64.
    """

    def __init__(self, operators: Sequence[Operator], size: int, most: int, shift: int) -> None:
        self.size = size
        bound = most
        absolute: list[Operator] = []
        for operator in operators:
            weights = weights_of(operator)
            # Partial sums are bounded by the sum of magnitudes, whatever the signs and the order.
            absolute.append(
                operator if weights is None else with_weights(operator, np.abs(weights.astype(np.int64)))
            )
            bound = max(bound, int(fan_in_of(absolute, size, most).high.max(initial=0)))
        bound <<= shift
        if bound >= _EXACT_FLOAT64:
            raise UserError(f"a neuron's absolute weights sum to {bound}, past exact arithmetic")
        self.dtype = np.float32 if bound < _EXACT_FLOAT32 else np.float64
        # The weights once in the type of the products; a power of two on the last keeps them exact.
        typed: list[Operator] = []
        last = max(i for i, o in enumerate(operators) if weights_of(o) is not None)
        for index, operator in enumerate(operators):
            weights = weights_of(operator)
            if weights is not None:
                factor = 2**shift if index == last else 1
                operator = with_weights(operator, np.ascontiguousarray(weights.astype(self.dtype) * factor))
            typed.append(operator)
        self._operators = tuple(typed)

    def __call__(self, spikes: np.ndarray) -> np.ndarray:
        """Spikes (rows, addresses) of any type to exact floating sums (rows, post)."""
        rows = max(1, _CHUNK_BYTES // (4 * max(1, self.size)))
        if len(spikes) <= rows:
            return apply_operators(self._operators, spikes.astype(self.dtype))
        first = apply_operators(self._operators, spikes[:rows].astype(self.dtype))
        out = np.empty((len(spikes), first.shape[1]), self.dtype)
        out[:rows] = first
        for start in range(rows, len(spikes), rows):
            part = slice(start, start + rows)
            out[part] = apply_operators(self._operators, spikes[part].astype(self.dtype))
        return out
