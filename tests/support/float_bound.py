"""How far integers may be from the float network that they come from, worked out from what rounding did."""

import numpy as np

from qsnn_hw.golden import GoldenRun
from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import INPUT, Network, NeuronGroup
from qsnn_hw.model.simulate import FloatRun, simulate
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork

_EXACT = 1e-9
"""What float64 itself loses, of a potential of 1."""


def run_float(drawn: Network, inputs: np.ndarray) -> FloatRun:
    """The float network in double precision, spikes and potentials of every group."""
    names = [group.name for group in drawn.groups]
    return simulate(drawn, inputs, dtype=np.float64, record=names, record_potentials=names)


def check_float_bound(
    drawn: Network, network: QuantizedNetwork, run: FloatRun, golden: GoldenRun, inputs: np.ndarray
) -> int:
    """Hold golden against the float network; the number of potentials that were held.

    A sample counts up to the first time step in which a group spikes otherwise in float. Until then each
    potential, in real numbers, is within the bound: the sum of what rounding of weights, biases, decays,
    resets and potentials can have added since the first step. And in that step a neuron that stays silent
    in one of the two alone is within the bound of its threshold there.

    Raises
    ------
    AssertionError
        A potential or a spike is further off than rounding explains.
    """
    if any(golden.saturations.values()):
        return 0
    names = [group.name for group in drawn.groups]
    equal = {name: _decided_alike(drawn.group(name), network.group(name), run, golden) for name in names}
    until = np.logical_and.accumulate(np.logical_and.reduce(list(equal.values())), axis=0)
    # Of a sample the step in which the two part; a group whose sources differ there already says nothing.
    parting = np.concatenate([~until[:1], until[:-1] & ~until[1:]])
    for name in names:
        group, integers = drawn.group(name), network.group(name)
        bound = _bounds(drawn, network, golden, inputs, group)
        real = golden.potentials[name] * _step(integers)
        off = np.abs(run.potentials[name] - real)
        wrong = np.argwhere((off > bound) & until[..., None])
        assert not wrong.size, (
            f"float and golden potentials of {name} are {off[tuple(wrong[0])]} apart at {wrong[0].tolist()} "
            f"(time, sample, neuron); rounding explains {bound[tuple(wrong[0])]}"
        )
        _check_parting(group, run, golden, real, bound + _step(integers), parting)
        parting = parting & equal[name]
    return int(until.sum()) * sum(group.size for group in drawn.groups)


def _step(integers: QuantizedGroup) -> np.ndarray:
    """The real value of one step of a potential, shape (n,)."""
    return np.asarray(integers.scale / 2.0**integers.fractional_bits)


def _decided_alike(
    group: NeuronGroup, integers: QuantizedGroup, run: FloatRun, golden: GoldenRun
) -> np.ndarray:
    """Where every decision of a group is the same, shape (time, sample)."""
    same = run.spikes[group.name] == golden.spikes[group.name]
    if group.threshold is not None and (group.reset_delay or group.reset_retest):
        # The stored potential is compared with the threshold once more.
        v = run.potentials[group.name]
        beyond = v > group.threshold if group.comparison == ">" else v >= group.threshold
        same &= beyond == (golden.potentials[group.name] >= integers.threshold)
    return np.asarray(same.all(axis=2))


def _check_parting(
    group: NeuronGroup,
    run: FloatRun,
    golden: GoldenRun,
    real: np.ndarray,
    bound: np.ndarray,
    parting: np.ndarray,
) -> None:
    """In a step of ``parting``, who fires in one of the two alone is near its threshold in the other."""
    if group.threshold is None or group.reset_retest or group.reset_drops_input:
        # What a silent neuron of these shows is not what was compared.
        return
    float_spikes, spikes = run.spikes[group.name], golden.spikes[group.name]
    sides = (
        ("integers", (float_spikes == 0) & (spikes > 0), run.potentials[group.name]),
        ("float", (float_spikes > 0) & (spikes == 0), real),
    )
    for where, alone, silent in sides:
        missing = group.threshold - silent
        wrong = np.argwhere(alone & parting[..., None] & (missing > bound))
        assert not wrong.size, (
            f"{group.name} fires in {where} alone at {wrong[0].tolist()} (time, sample, neuron), otherwise "
            f"{missing[tuple(wrong[0])]} below its threshold; rounding explains {bound[tuple(wrong[0])]}"
        )


def _bounds(
    drawn: Network, network: QuantizedNetwork, golden: GoldenRun, inputs: np.ndarray, group: NeuronGroup
) -> np.ndarray:
    """The most by which a potential can be off, shape (time, sample, neuron)."""
    g = network.group(group.name)
    one = _step(g)
    wrong_input, largest_input, bias = _inputs(drawn, network, golden, inputs, group)
    current_bias, wrong_bias = np.zeros(group.size), np.abs(bias + group.leak - g.bias * one)
    if g.current_bias is not None:
        current_bias = np.abs(bias) + np.abs(g.current_bias * one)
        wrong_current_bias = np.abs(bias - g.current_bias * one)
        wrong_bias = np.abs(group.leak - g.bias * one)
    decay = 1 - (g.leak_numerator if g.leak_numerators is None else g.leak_numerators) / 2.0**g.leak_shift
    count = golden.spikes[group.name].astype(np.float64)
    value = g.reset_value * one
    # What a reset or the lowest potential is off by.
    wrong_reset = np.zeros(group.size)
    if group.reset == "v_reset":
        wrong_reset = np.abs(group.v_reset - value)
    if group.v_min is not None and g.v_min is not None:
        wrong_reset = wrong_reset + np.abs(group.v_min - g.v_min * one)
    wrong_amount = np.zeros(group.size)
    if group.amount is not None and group.reset == "subtract":
        wrong_amount = np.abs(group.amount - g.reset_amount * one)
    steps, samples = inputs.shape[:2]
    off = np.zeros((samples, group.size))
    kept = np.zeros((samples, group.size))
    if group.start is not None and g.start is not None:
        off += np.abs(group.start - g.start * one)
        kept += np.abs(g.start * one)
    current_off, current = np.zeros_like(off), np.zeros_like(off)
    fired_before = np.zeros_like(off)
    bounds = np.zeros((steps, samples, group.size))
    for step in range(steps):
        x = wrong_input[step]
        if group.current_decay is not None and g.current_leak_numerator is not None:
            current_decay = 1 - g.current_leak_numerator / 2.0**g.current_leak_shift
            current_off = (
                group.current_decay * current_off + np.abs(group.current_decay - current_decay) * current
            )
            current_off = current_off + one + x + wrong_current_bias
            current = np.maximum(group.current_decay, current_decay) * current + largest_input[step]
            current = current + current_bias + one
            x = current_off
        off = group.decay * off + np.abs(group.decay - decay) * kept + one + x + wrong_bias
        if group.reset_retest and group.reset != "subtract":
            # A reset that is taken back adds the potential once more.
            off = 2 * off
        off = off + (count[step] + fired_before) * wrong_amount + wrong_reset
        bounds[step] = off
        kept = np.maximum(np.abs(golden.potentials[group.name][step] * one), np.abs(value))
        fired_before = np.ones_like(off) if group.reset_delay or group.reset_retest else fired_before
    return bounds + _EXACT * (1 + np.abs(golden.potentials[group.name] * one))


def _inputs(
    drawn: Network, network: QuantizedNetwork, golden: GoldenRun, inputs: np.ndarray, group: NeuronGroup
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By how much sums are off, how large they can be, shape (time, sample, neuron), and the float bias."""
    steps, samples = inputs.shape[:2]
    gain = group.input_gain if group.current_gain is None else group.input_gain * group.current_gain
    off, largest = np.zeros((2, steps, samples, group.size))
    bias = np.zeros(group.size)
    scale = network.group(group.name).scale
    for p, q in zip(drawn.into(group.name), network.into(group.name), strict=True):
        pre = network.source_size(p.source)
        at_rest = apply_operators(p.operators, np.zeros((1, pre)))
        real = (apply_operators(p.operators, np.eye(pre)) - at_rest) * gain
        whole = apply_operators(q.all_operators, np.eye(pre)) * 2.0**q.shift * scale
        bias += at_rest[0] * gain
        source = inputs.reshape(steps, samples, -1) if p.source == INPUT else golden.spikes[p.source]
        late = q.delay + int(network.recurrent(q))
        seen = np.zeros((steps, samples, pre))
        seen[late:] = source[: max(0, steps - late)]
        off += seen @ np.abs(real - whole)
        largest += seen @ np.maximum(np.abs(real), np.abs(whole))
    return off, largest, bias
