"""Network -> QuantizedNetwork: scales, integer weights, thresholds, leak, and proved widths."""

from dataclasses import dataclass

import numpy as np

from qsnn_hw.errors import UserError
from qsnn_hw.model.network import Dense, Network, NeuronGroup, Projection
from qsnn_hw.quantize.bounds import Interval, state_interval
from qsnn_hw.quantize.integers import CLIPS, Clip, check_bits, round_weights, weight_scale
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork, QuantizedProjection, ResetKind

MAX_FRACTIONAL_BITS = 8
MAX_LEAK_SHIFT = 12
# Potentials wider than this need more than one DSP or a very long carry chain; nothing seen in
# practice comes near (16-bit weights with 4 fractional bits: 25 bits).
MAX_POTENTIAL_BITS = 32

# An integrator without leak has no proved bound: its potential saturates at this many times the
# larger of its threshold and one step's greatest input, once per step.
_INTEGRATOR_HEADROOM = 8


@dataclass(frozen=True)
class QuantizeOptions:
    """How floats become integers.

    Parameters
    ----------
    weight_bits
        Signed weight width, 2 to 16.
    clip
        Where weights saturate: "max", "mse" or "percentile" (see ``weight_scale``).
    per_neuron
        One weight scale for each post neuron; becomes that neuron's own integer threshold.
    fractional_bits
        Extra low bits of the potential, 0 to 8.
    leak_bits
        Fractional bits of the leak, 1 to 12: the decay is rounded to a multiple of 2**-leak_bits.
    potential_bits
        None proves the width from worst-case fan-in. A number makes the potential saturate to
        that signed width once per step.
    """

    weight_bits: int = 8
    clip: Clip = "max"
    per_neuron: bool = False
    fractional_bits: int = 0
    leak_bits: int = 8
    potential_bits: int | None = None

    def __post_init__(self) -> None:
        check_bits(self.weight_bits, "weight bits")
        if self.clip not in CLIPS:
            raise UserError(f"clip must be one of {', '.join(CLIPS)}, not {self.clip!r}")
        _check_range(self.fractional_bits, 0, MAX_FRACTIONAL_BITS, "fractional bits")
        _check_range(self.leak_bits, 1, MAX_LEAK_SHIFT, "leak bits")
        if self.potential_bits is not None:
            _check_range(self.potential_bits, 4, MAX_POTENTIAL_BITS, "potential bits")


def _check_range(value: int, low: int, high: int, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"{what} must be a whole number from {low} to {high}, not {value!r}")


def quantize(network: Network, options: QuantizeOptions) -> QuantizedNetwork:
    """Turn a float network into integers.

    Parameters
    ----------
    network
        Dense, feed-forward groups of LIF or IF neurons.
    options
        Widths and rounding choices.

    Returns
    -------
    QuantizedNetwork
        With warnings for anything rounded badly enough to notice.

    Raises
    ------
    UserError
        A group or projection has dynamics the integer semantics do not cover, a width is
        impossible, or quantization would leave a group that can never fire.
    """
    groups: list[QuantizedGroup] = []
    projections: list[QuantizedProjection] = []
    warnings = list(network.warnings)
    seen = {"input"}
    for group in network.groups:
        _check_supported(group)
        sources = network.into(group.name)
        if not sources:
            raise UserError(f"group {group.name}: nothing projects to it; remove it or connect it")
        for projection in sources:
            _check_projection(projection, seen)
        quantized, weights, notes = _quantize_group(group, sources, options)
        groups.append(quantized)
        warnings += notes
        projections += [
            QuantizedProjection(p.name, p.source, p.target, w, options.weight_bits)
            for p, w in zip(sources, weights, strict=True)
        ]
        seen.add(group.name)
    return QuantizedNetwork(
        name=network.name,
        input_shape=network.input_shape,
        groups=tuple(groups),
        projections=tuple(projections),
        output=network.output,
        warnings=tuple(warnings),
    )


def _check_supported(group: NeuronGroup) -> None:
    def refuse(what: str, cure: str) -> None:
        raise UserError(f"group {group.name}: {what} not supported in integers yet; {cure}")

    if group.threshold is None:
        refuse("a readout without a threshold is", "give it a spiking output layer")
    if group.current_decay is not None:
        refuse("a synaptic current (CubaLIF) is", "use LIF or IF neurons")
    if group.multi_spike:
        refuse("several spikes per step are", "pass --set multi_spike=false if the model allows it")
    if group.refractory:
        refuse("a refractory period is", "train without it")
    if group.reset_retest:
        refuse("snnTorch's reset_delay=False retest is", "train with reset_delay=True")
    if group.reset_drops_input:
        refuse("a delayed zero reset that drops input is", 'train with reset_mechanism="subtract"')
    if group.v_min is not None:
        refuse("a lower clamp of the potential (v_min) is", "pass --set v_min=none if the model allows it")


def _check_projection(projection: Projection, seen: set[str]) -> None:
    if projection.source not in seen:
        raise UserError(
            f"projection {projection.name}: recurrent connections ({projection.source} -> "
            f"{projection.target}) are not supported in integers yet; use a feed-forward network"
        )
    if len(projection.operators) != 1 or not isinstance(projection.operators[0], Dense):
        names = " -> ".join(type(o).__name__ for o in projection.operators) or "a direct connection"
        raise UserError(
            f"projection {projection.name}: {names} is not supported in integers yet; "
            "use one Linear or Affine node between neuron groups"
        )
    if projection.delay:
        raise UserError(
            f"projection {projection.name}: delays are not supported in integers yet; remove the delay"
        )


def _leak_fraction(group: NeuronGroup, leak_bits: int) -> tuple[int, int, list[str]]:
    """Round 1 - decay to ``numerator / 2**shift`` in lowest terms."""
    decay = np.asarray(group.decay, dtype=np.float64)
    if not np.allclose(decay, decay[0], rtol=0, atol=2.0 ** -(leak_bits + 4)):
        raise UserError(
            f"group {group.name}: neurons with different decays ({decay.min():.6g} to {decay.max():.6g}) "
            "are not supported in integers yet; train with one decay per group"
        )
    value = float(decay[0])
    if not 0.0 <= value <= 1.0:
        raise UserError(
            f"group {group.name}: decay must be from 0 to 1, not {value:.6g}; check the convention's dt"
        )
    numerator = round((1.0 - value) * 2**leak_bits)
    if numerator == 0 and value < 1.0:
        raise UserError(
            f"group {group.name}: decay {value:.8g} rounds to 1 (no leak) with {leak_bits} leak bits; "
            f"raise --leak-bits (at most {MAX_LEAK_SHIFT})"
        )
    notes = []
    rounded = 1.0 - numerator / 2**leak_bits
    # Half a step of 1/256 is the coarsest rounding of the default; anything near it is worth a line.
    if value < 1.0 and abs(rounded - value) > 0.1 * (1.0 - value):
        notes.append(
            f"group {group.name}: decay {value:.6g} became {rounded:.6g}; raise --leak-bits to come closer"
        )
    shift = leak_bits
    while shift and numerator % 2 == 0:
        numerator //= 2
        shift -= 1
    return numerator, shift, notes


def _quantize_group(
    group: NeuronGroup, sources: tuple[Projection, ...], options: QuantizeOptions
) -> tuple[QuantizedGroup, list[np.ndarray], list[str]]:
    size, bits = group.size, options.weight_bits
    dense = [p.operators[0] for p in sources]
    reals = [np.asarray(group.input_gain)[:, None] * d.weight for d in dense if isinstance(d, Dense)]
    joined = np.concatenate(reals, axis=1)
    scale = weight_scale(joined, bits, clip=options.clip, per_neuron=options.per_neuron)
    weights = [round_weights(w, scale, bits) for w in reals]

    step = scale / 2.0**options.fractional_bits
    drive = np.asarray(group.leak, dtype=np.float64).copy()
    for operator in dense:
        if isinstance(operator, Dense) and operator.bias is not None:
            drive += group.input_gain * operator.bias
    bias = _integers(drive / step, group.name, "bias")
    assert group.threshold is not None  # _check_supported refused it
    real_threshold = group.threshold / step
    amount = _integers(real_threshold, group.name, "threshold")
    above = np.floor(real_threshold) + 1 if group.comparison == ">" else np.ceil(real_threshold)
    threshold = _integers(above, group.name, "threshold")
    if (amount < 1).any():
        neuron = int(np.argmax(amount < 1))
        raise UserError(
            f"group {group.name}, neuron {neuron}: threshold is {real_threshold[neuron]:.3g} integer steps at "
            f"{bits} bits, too coarse to fire by; use more --bits or --fractional-bits"
        )
    kind, value = _reset(group, step)
    numerator, shift, notes = _leak_fraction(group, options.leak_bits)

    fan_in = _fan_in(weights, options.fractional_bits)
    clamp = None
    if options.potential_bits is not None:
        clamp = (-(2 ** (options.potential_bits - 1)), 2 ** (options.potential_bits - 1) - 1)
        if int(threshold.max()) > clamp[1]:
            raise UserError(
                f"group {group.name}: threshold {int(threshold.max())} does not fit {options.potential_bits} "
                f"potential bits; use at least {int(threshold.max()).bit_length() + 1}"
            )
    interval = None
    for attempt in (clamp, _integrator_clamp(threshold, fan_in)):
        clamp = attempt
        interval = state_interval(
            fan_in,
            leak_numerator=numerator,
            leak_shift=shift,
            bias=bias,
            threshold=threshold,
            reset=kind,
            reset_delay=group.reset_delay,
            reset_amount=amount,
            reset_value=value,
            clamp=attempt,
        )
        if interval is not None:
            break
        notes.append(
            f"group {group.name}: no leak, so no width can be proved; potentials saturate once per step at "
            f"{_integrator_clamp(threshold, fan_in)[1]} (pass --potential-bits to choose)"
        )
    if interval is None or interval.bits() > MAX_POTENTIAL_BITS:
        needed = "an unbounded" if interval is None else f"a {interval.bits()}-bit"
        raise UserError(
            f"group {group.name}: worst-case fan-in needs {needed} potential, more than {MAX_POTENTIAL_BITS}; "
            "use fewer --bits or --fractional-bits, or set --potential-bits"
        )
    if (interval.high < threshold).all():
        raise UserError(
            f"group {group.name}: at {bits} bits no input can make any neuron reach its threshold; "
            "use more --bits or another --clip"
        )
    # A threshold that no spike train reaches may be far wider than the potential (tiny weights with
    # a scale of their own); just out of reach is the same, and fits the register.
    threshold = np.minimum(threshold, np.maximum(interval.high, 0) + 1)
    width = Interval(interval.low, np.maximum(interval.high, threshold)).bits()
    quantized = QuantizedGroup(
        name=group.name,
        shape=group.shape,
        scale=scale,
        fractional_bits=options.fractional_bits,
        leak_numerator=numerator,
        leak_shift=shift,
        bias=bias,
        threshold=threshold,
        reset=kind,
        reset_delay=group.reset_delay and kind != "none",
        reset_amount=np.minimum(amount, threshold) if kind == "subtract" else np.zeros(size, dtype=np.int64),
        reset_value=value,
        v_low=None if clamp is None else clamp[0],
        v_high=None if clamp is None else clamp[1],
        v_bits=width,
    )
    return quantized, weights, notes


def _integers(values: np.ndarray, group: str, what: str) -> np.ndarray:
    rounded = np.rint(values)
    if np.abs(rounded).max(initial=0.0) >= 2.0**MAX_POTENTIAL_BITS:
        neuron = int(np.argmax(np.abs(rounded)))
        raise UserError(
            f"group {group}, neuron {neuron}: {what} is {rounded[neuron]:.3g} integer steps, more than "
            f"{MAX_POTENTIAL_BITS} bits hold; its weights are tiny beside it, use fewer --bits or --clip percentile"
        )
    return rounded.astype(np.int64)


def _reset(group: NeuronGroup, step: np.ndarray) -> tuple[ResetKind, np.ndarray]:
    value = np.zeros(group.size, dtype=np.int64)
    if group.reset == "subtract":
        return "subtract", value
    if group.reset == "none":
        return "none", value
    if group.reset == "v_reset":
        value = _integers(group.v_reset / step, group.name, "v_reset")
    return "value", value


def _fan_in(weights: list[np.ndarray], fractional_bits: int) -> Interval:
    joined = np.concatenate([w.astype(np.int64) for w in weights], axis=1) << fractional_bits
    return Interval(np.minimum(joined, 0).sum(axis=1), np.maximum(joined, 0).sum(axis=1))


def _integrator_clamp(threshold: np.ndarray, fan_in: Interval) -> tuple[int, int]:
    largest = max(int(threshold.max()), int(fan_in.high.max()), -int(fan_in.low.min()))
    bits = (_INTEGRATOR_HEADROOM * largest).bit_length() + 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
