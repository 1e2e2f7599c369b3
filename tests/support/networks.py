"""Random integer networks, made the way the quantizer makes them: every width is proved."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qsnn_hw.model.network import INPUT
from qsnn_hw.quantize.bounds import state_interval
from qsnn_hw.quantize.integers import integer_dtype
from qsnn_hw.quantize.interval_step import Interval
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork, QuantizedProjection, ResetKind
from qsnn_hw.support.choices import LeakRounding

RESETS: tuple[tuple[ResetKind, bool], ...] = (
    ("subtract", False),
    ("subtract", True),
    ("value", False),
    ("value", True),
    ("none", False),
)


def fan_in(weights: Sequence[np.ndarray], fractional_bits: int) -> Interval:
    """The least and the greatest sum that one step's events can add to each neuron."""
    joined = np.concatenate([w.astype(np.int64) for w in weights], axis=1) << fractional_bits
    return Interval(np.where(joined < 0, joined, 0).sum(axis=1), np.where(joined > 0, joined, 0).sum(axis=1))


def proved(group: QuantizedGroup, weights: Sequence[np.ndarray]) -> Interval | None:
    """The interval of a finished group."""
    clamp = None if group.v_low is None or group.v_high is None else (group.v_low, group.v_high)
    return state_interval(
        fan_in(weights, group.fractional_bits),
        leak_numerator=group.leak_numerator,
        leak_shift=group.leak_shift,
        leak_rounding=group.leak_rounding,
        bias=group.bias,
        threshold=group.threshold,
        reset=group.reset,
        reset_delay=group.reset_delay,
        reset_amount=group.reset_amount,
        reset_value=group.reset_value,
        clamp=clamp,
    )


def random_group(
    rng: np.random.Generator,
    name: str,
    weights: Sequence[np.ndarray],
    *,
    reset: ResetKind = "subtract",
    reset_delay: bool = False,
    leak: tuple[int, int] | None = (3, 4),
    clamped: bool = False,
    fractional_bits: int = 0,
    bias_span: int = 3,
    threshold_span: int = 12,
    uniform: bool = False,
    leak_rounding: LeakRounding = "floor",
) -> QuantizedGroup:
    """A group whose width is proved for ``weights``; without a leak it always gets a clamp."""
    size = weights[0].shape[0]
    numerator, shift = leak if leak is not None else (0, 0)

    def integers(low: int, high: int) -> np.ndarray:
        drawn = rng.integers(low, high + 1, size=size).astype(np.int64) << fractional_bits
        return np.full_like(drawn, drawn[0]) if uniform else drawn

    threshold = integers(1, threshold_span)
    zeros = np.zeros(size, dtype=np.int64)
    group = QuantizedGroup(
        name=name,
        shape=(size,),
        scale=np.ones(size),
        fractional_bits=fractional_bits,
        leak_numerator=numerator,
        leak_shift=shift,
        bias=integers(-bias_span, bias_span),
        threshold=threshold,
        reset=reset,
        reset_delay=reset_delay,
        # As the quantizer rounds: never more than the threshold itself.
        reset_amount=np.maximum(threshold - rng.integers(0, 2, size=size), 1)
        if reset == "subtract"
        else zeros,
        reset_value=integers(-4, 4) if reset == "value" else zeros,
        v_low=None,
        v_high=None,
        v_bits=0,
        leak_rounding=leak_rounding,
    )
    interval = None if clamped else proved(group, weights)
    if interval is None:
        # Narrow enough that random runs really meet it.
        bits = int(threshold.max()).bit_length() + 2
        group = replace(group, v_low=-(2 ** (bits - 1)), v_high=2 ** (bits - 1) - 1)
        interval = proved(group, weights)
    assert interval is not None
    # Above 0, so that a padding neuron with the same threshold stays silent.
    reachable = np.minimum(group.threshold, np.maximum(interval.high, 0) + 1)
    widest = Interval(interval.low, np.maximum(interval.high, reachable))
    return replace(group, threshold=reachable, v_bits=widest.bits())


def random_weights(
    rng: np.random.Generator, post: int, pre: int, bits: int, *, full: bool = False
) -> np.ndarray:
    """Integers of ``bits`` bits, about a quarter of them zero; none where the matrix is ``full``."""
    largest = 2 ** (bits - 1) - 1
    drawn = rng.integers(-largest, largest + 1, size=(post, pre))
    made = (drawn * (rng.random((post, pre)) < 0.75)).astype(integer_dtype(bits))
    return np.where(made == 0, np.ones_like(made), made) if full else made


def random_network(
    rng: np.random.Generator,
    sizes: Sequence[int],
    *,
    weight_bits: int = 4,
    skips: Sequence[tuple[int, int]] = (),
    full: bool = False,
    **group_options: object,
) -> QuantizedNetwork:
    """Layers of ``sizes`` (the first is the input), each fed by the one before.

    ``skips`` adds projections (source layer, target layer), layer 0 being the input. ``full``: no weight
    is 0, so that no synapse row can be left out.
    """
    names = [INPUT, *(f"g{k}" for k in range(1, len(sizes)))]
    groups = []
    projections = []
    for k in range(1, len(sizes)):
        sources = [k - 1, *(s for s, target in skips if target == k)]
        weights = [random_weights(rng, sizes[k], sizes[s], weight_bits, full=full) for s in sources]
        groups.append(random_group(rng, names[k], weights, **group_options))  # type: ignore[arg-type]
        projections += [
            QuantizedProjection(f"{names[s]}_{names[k]}_{i}", names[s], names[k], w, weight_bits)
            for i, (s, w) in enumerate(zip(sources, weights, strict=True))
        ]
    return QuantizedNetwork("random", (sizes[0],), tuple(groups), tuple(projections), names[-1])


def random_input(
    rng: np.random.Generator, network: QuantizedNetwork, steps: int, samples: int, rate: float = 0.3
) -> np.ndarray:
    """uint8 0/1 of shape (time, sample, address)."""
    return (rng.random((steps, samples, network.input_size)) < rate).astype(np.uint8)
