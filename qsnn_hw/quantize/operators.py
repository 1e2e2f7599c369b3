"""The operators of one projection, brought into a form that integers can follow.

A projection is linear but for its bias. The bias becomes one drive per post neuron; averages become
sums and a factor; factors move into the nearest weights. What is left ends in one operator whose
weights decide the grid of the sum (pools may follow it); an earlier operator with weights gets a
grid of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import Conv2d, Dense, Operator, Pool2d, Scale
from qsnn_hw.quantize.integers import integer_dtype, round_weights, weight_scale
from qsnn_hw.quantize.interval_step import Interval

if TYPE_CHECKING:
    from qsnn_hw.quantize.network import QuantizedNetwork


def weights_of(operator: Operator) -> np.ndarray | None:
    """The weights of an operator, None for a pool."""
    if isinstance(operator, Pool2d):
        return None
    return operator.factor if isinstance(operator, Scale) else operator.weight


def weight_bits(network: "QuantizedNetwork") -> int:
    """Bits of all weights together, without a gap: those of a kernel once."""
    return sum(
        weights.size * p.weight_bits
        for p in network.projections
        for operator in p.all_operators
        if (weights := weights_of(operator)) is not None
    )


def with_weights(operator: Operator, weights: np.ndarray) -> Operator:
    """The same operator with other weights and no bias."""
    if isinstance(operator, Scale):
        return Scale(weights)
    if isinstance(operator, Dense):
        return Dense(weights)
    assert isinstance(operator, Conv2d)
    return replace(operator, weight=weights, bias=None)


def drive_of(operators: Sequence[Operator], size: int) -> np.ndarray | float:
    """What the biases add to each post neuron per step: float64 of shape (post,), or 0.0.

    ``size`` is the number of addresses of the source.
    """
    if all(getattr(o, "bias", None) is None for o in operators):
        return 0.0
    if len(operators) == 1 and isinstance(operators[0], Dense) and operators[0].bias is not None:
        return np.asarray(operators[0].bias, dtype=np.float64)
    return apply_operators(operators, np.zeros((1, size)))[0]


@dataclass(frozen=True)
class BareOperators:
    """Operators without biases or averages, the gain of the post neurons included.

    Parameters
    ----------
    operators
        At least one has weights.
    last
        Index of the last operator with weights.
    rows
        How many contiguous blocks of post neurons may have a weight scale of their own: the rows
        of a dense operator, the channels of a convolution, or 1.
    """

    operators: tuple[Operator, ...]
    last: int
    rows: int

    @property
    def weights(self) -> np.ndarray:
        """The weights that decide the grid, float64 or integers."""
        weights = weights_of(self.operators[self.last])
        assert weights is not None
        return weights


def bare_operators(operators: Sequence[Operator], gain: np.ndarray) -> BareOperators:
    """Fold ``gain``, shape (post,), averages and scales into as few weights as possible."""
    bare, factor = _without_averages(operators)
    bare = _fold_scales(bare)
    if all(isinstance(o, Pool2d) for o in bare):
        bare.append(Scale(np.ones(gain.size)))
    last = max(i for i, o in enumerate(bare) if not isinstance(o, Pool2d))
    folded = _times(bare[last], factor * gain, bare=last == len(bare) - 1)
    if folded is not None:
        bare[last] = folded
    else:
        bare.append(Scale(factor * gain))
        last = len(bare) - 1
    end = bare[last]
    alone = gain.size if last == len(bare) - 1 else 1
    rows = end.weight.shape[0] if isinstance(end, Conv2d) else alone
    return BareOperators(tuple(bare), last, rows)


def _without_averages(operators: Sequence[Operator]) -> tuple[list[Operator], float]:
    bare: list[Operator] = []
    factor = 1.0
    for operator in operators:
        if isinstance(operator, Pool2d):
            if operator.kind == "average":
                factor /= operator.kernel[0] * operator.kernel[1]
            bare.append(replace(operator, kind="sum"))
        elif isinstance(operator, Scale) and (operator.factor == operator.factor[0]).all():
            factor *= float(operator.factor[0])
        else:
            weights = weights_of(operator)
            assert weights is not None
            bare.append(with_weights(operator, np.asarray(weights, dtype=np.float64)))
    return bare, factor


def _fold_scales(operators: list[Operator]) -> list[Operator]:
    """Move each elementwise factor into the weights before it, or else after it."""
    ready: list[Operator] = []
    for operator in operators:
        if isinstance(operator, Scale) and ready:
            folded = _times(ready[-1], operator.factor, bare=True)
            if folded is not None:
                ready[-1] = folded
                continue
        if ready and isinstance(ready[-1], Scale):
            folded = _of_scaled(operator, ready[-1].factor)
            if folded is not None:
                ready[-1] = folded
                continue
        ready.append(operator)
    return ready


def _times(operator: Operator, gain: np.ndarray, bare: bool) -> Operator | None:
    """``gain * operator(x)`` as one operator; None where its weights cannot take the gain.

    ``bare`` says that the operator's outputs are the gain's own neurons; otherwise pools follow,
    which keep channels but not neurons.
    """
    weights = weights_of(operator)
    if weights is None:
        return None
    if (gain == gain[0]).all():
        return with_weights(operator, weights * gain[0])
    if isinstance(operator, Conv2d):
        channels = gain.reshape(operator.weight.shape[0], -1)
        if (channels != channels[:, :1]).any():
            return None
        return with_weights(operator, weights * channels[:, 0].reshape(-1, 1, 1, 1))
    if not bare:
        return None
    return with_weights(operator, weights * (gain[:, np.newaxis] if isinstance(operator, Dense) else gain))


def _of_scaled(operator: Operator, factor: np.ndarray) -> Operator | None:
    """``operator(factor * x)`` as one operator; None where its weights cannot take the factor."""
    if isinstance(operator, Dense):
        return Dense(operator.weight * factor)
    if isinstance(operator, Conv2d):
        channels = factor.reshape(operator.input_shape[0], -1)
        if (channels != channels[:, :1]).any():
            return None
        each = operator.weight.shape[0] // operator.groups
        first = (np.arange(operator.weight.shape[0]) // each) * operator.weight.shape[1]
        index = first[:, np.newaxis] + np.arange(operator.weight.shape[1])
        return with_weights(operator, operator.weight * channels[index, 0][:, :, np.newaxis, np.newaxis])
    return None


def round_earlier(bare: BareOperators, bits: int) -> tuple[BareOperators, float]:
    """Round every operator with weights but the last to integers, each with one scale of its own.

    Returns them with those integers and the product of their scales.
    """
    operators, product = list(bare.operators), 1.0
    for index, operator in enumerate(operators[: bare.last]):
        weights = weights_of(operator)
        if weights is not None:
            scale = weight_scale(weights.reshape(1, -1), bits)
            rounded = round_weights(weights.reshape(1, -1), scale, bits).reshape(weights.shape)
            operators[index] = with_weights(operator, rounded)
            product *= float(scale[0])
    return replace(bare, operators=tuple(operators)), product


def round_last(bare: BareOperators, scale: np.ndarray, bits: int) -> BareOperators:
    """Round the weights that decide the grid; ``scale`` has one value for each block of rows."""
    weights = bare.weights
    rows = weights.shape[0]
    spread = np.repeat(scale, rows // scale.size) if rows % scale.size == 0 else np.full(rows, scale[0])
    operators = list(bare.operators)
    operators[bare.last] = with_weights(operators[bare.last], round_weights(weights, spread, bits))
    return replace(bare, operators=tuple(operators))


def with_integers(bare: BareOperators, integers: np.ndarray, bits: int) -> BareOperators:
    """The operators with whole numbers for the weights that decide the grid."""
    operators = list(bare.operators)
    operators[bare.last] = with_weights(operators[bare.last], integers.astype(integer_dtype(bits)))
    return replace(bare, operators=tuple(operators))


def fan_in_of(operators: Sequence[Operator], size: int, most: np.ndarray | int) -> Interval:
    """The least and greatest sum when each of ``size`` addresses carries 0 to ``most`` spikes.

    Exact while sums stay below 2**53; int64 arrays of shape (post,).
    """
    low, high = extreme_sums(operators, size, most)
    return Interval(low.astype(np.int64), high.astype(np.int64))


def extreme_sums(
    operators: Sequence[Operator], size: int, most: np.ndarray | int
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`fan_in_of`, of real weights as well: float64 arrays of shape (post,); biases do not count."""
    low = np.zeros((1, size))
    high = np.broadcast_to(np.asarray(most, dtype=np.float64), (1, size))
    for operator in operators:
        weights = weights_of(operator)
        if weights is None:
            low, high = apply_operators((operator,), low), apply_operators((operator,), high)
            continue
        wide = weights.astype(np.float64)
        up, down = with_weights(operator, np.maximum(wide, 0)), with_weights(operator, np.minimum(wide, 0))
        low, high = (
            apply_operators((up,), low) + apply_operators((down,), high),
            apply_operators((up,), high) + apply_operators((down,), low),
        )
    return low[0], high[0]
