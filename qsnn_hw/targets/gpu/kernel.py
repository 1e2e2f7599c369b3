"""One GPU kernel for a group's neurons over time: leak, integrate, fire, reset, the state in registers.

Each program takes a stretch of (sample, neuron) pairs through all steps, so that only sums are read and only
spikes, and potentials where asked for, are written. Triton compiles it for the group's convention: what the
convention has not is not in the code. Written from the text of ``quantize/network.py``.
"""

from typing import Any

import torch
import triton
import triton.language as tl

from qsnn_hw.quantize.network import NeuronDynamics
from qsnn_hw.targets.gpu.update import Constants, States

BLOCK = 256
"""(sample, neuron) pairs of one program."""


@triton.jit
def _loss(v, numerator, shift: tl.constexpr, toward_zero: tl.constexpr):  # type: ignore[no-untyped-def]
    product = v * numerator
    if toward_zero:
        product += tl.where(v > 0, (1 << shift) - 1, 0).to(v.dtype)
    return product >> shift


@triton.jit
def _clamp(v, low: tl.constexpr, high: tl.constexpr):  # type: ignore[no-untyped-def]
    return tl.minimum(tl.maximum(v, low), high)


@triton.jit
def _group_kernel(  # type: ignore[no-untyped-def]
    drive,
    spikes,
    potentials,
    states,
    currents,
    silents,
    overs,
    saturations,
    biases,
    thresholds,
    amounts,
    values,
    numerators,
    minima,
    current_numerators,
    current_biases,
    steps,
    pairs,
    neurons,
    shown: tl.constexpr,
    has_current: tl.constexpr,
    current_shift: tl.constexpr,
    clamps_current: tl.constexpr,
    current_low: tl.constexpr,
    current_high: tl.constexpr,
    clamps: tl.constexpr,
    low: tl.constexpr,
    high: tl.constexpr,
    fires: tl.constexpr,
    refractory: tl.constexpr,
    max_spikes: tl.constexpr,
    subtract: tl.constexpr,
    replace: tl.constexpr,
    delayed: tl.constexpr,
    retest: tl.constexpr,
    drops: tl.constexpr,
    has_minimum: tl.constexpr,
    shift: tl.constexpr,
    toward_zero: tl.constexpr,
    block: tl.constexpr,
):
    pair = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    inside = pair < pairs
    neuron = pair % neurons
    state = tl.load(states + pair, mask=inside, other=0)
    bias = tl.load(biases + neuron)
    threshold = tl.load(thresholds + neuron)
    amount = tl.load(amounts + neuron)
    value = tl.load(values + neuron)
    numerator = tl.load(numerators + neuron)
    zero = tl.zeros_like(state)
    one = zero + 1
    met = tl.zeros([block], dtype=tl.int32)
    if has_minimum:
        least = tl.load(minima + neuron)
    if has_current:
        current = tl.load(currents + pair, mask=inside, other=0)
        current_numerator = tl.load(current_numerators + neuron)
        current_bias = tl.load(current_biases + neuron)
    if refractory > 0:
        silent = tl.load(silents + pair, mask=inside, other=0)
    if retest or drops:
        over = tl.load(overs + pair, mask=inside, other=0).to(tl.int1)
    at = pair
    for _ in range(steps):
        x = tl.load(drive + at, mask=inside, other=0)
        if has_current:
            u = current + x
            if clamps_current:
                free = u
                u = _clamp(u, current_low, current_high)
                met += (free != u).to(tl.int32)
            current = u - _loss(u, current_numerator, current_shift, toward_zero) + current_bias
            x = u
        v = state + x
        if drops:
            v = tl.where(over, zero, v)
        if clamps:
            free = v
            v = _clamp(v, low, high)
            met += (free != v).to(tl.int32)
        fired = v >= threshold
        if not fires:
            fired = fired & (v != v)
        if refractory > 0:
            fired = fired & (silent == 0)
            silent = tl.where(fired, refractory, tl.maximum(silent - 1, 0))
        count = tl.where(fired, one, zero)
        if max_spikes > 1:
            # The GPU's division rounds toward 0, the specification's down.
            whole = v // amount
            whole -= (v - whole * amount < 0).to(whole.dtype)
            count = tl.where(fired, tl.minimum(whole, max_spikes), zero)
        if retest:
            due = count - tl.where(over, one, zero)
            v = v - due * (amount if subtract else v)
        elif not delayed:
            if subtract:
                v = v - count * amount
            elif replace:
                v = tl.where(fired, value, v)
        if has_minimum:
            v = tl.maximum(v, least)
        late = fired
        if retest and refractory == 0:
            late = v >= threshold
        kept = v
        if replace and retest:
            kept = tl.where(late, zero, v)
        elif replace and delayed:
            kept = tl.where(late, value, v)
        state = kept - _loss(kept, numerator, shift, toward_zero) + bias
        if subtract and (retest or delayed):
            state = state - tl.where(late, amount, zero)
        if retest or drops:
            over = late
        tl.store(spikes + at, count.to(tl.uint8), mask=inside)
        if shown:
            tl.store(potentials + at, v.to(tl.int32), mask=inside)
        at += pairs
    tl.store(states + pair, state, mask=inside)
    if has_current:
        tl.store(currents + pair, current, mask=inside)
    if refractory > 0:
        tl.store(silents + pair, silent, mask=inside)
    if retest or drops:
        tl.store(overs + pair, over.to(tl.uint8), mask=inside)
    if clamps or clamps_current:
        before = tl.load(saturations + pair, mask=inside, other=0)
        tl.store(saturations + pair, before + met, mask=inside)


def run_kernel(
    group: NeuronDynamics,
    constants: Constants,
    states: States,
    drive: torch.Tensor,
    spikes: torch.Tensor,
    potentials: torch.Tensor | None,
) -> None:
    """Advance a group by as many steps as ``drive`` has; ``states`` is left as it is behind the last.

    Parameters
    ----------
    drive
        Sums in the constants' type, (time, sample, n).
    spikes
        uint8 of the same shape, written.
    potentials
        int32 of the same shape, written; None where nobody looks.
    """
    drive = drive.contiguous()
    steps, samples, neurons = drive.shape
    pairs = samples * neurons
    # What a convention has not is never read: any tensor stands for it.
    none = states.state
    over = none if states.over is None else states.over.view(torch.uint8)
    values: tuple[Any, ...] = (
        *(drive, spikes, none if potentials is None else potentials, states.state),
        none if states.current is None else states.current,
        none if states.silent is None else states.silent,
        *(over, states.saturated),
        *(constants.bias, constants.threshold, constants.amount, constants.value, constants.numerator),
        none if constants.v_min is None else constants.v_min,
        none if constants.current_numerator is None else constants.current_numerator,
        none if constants.current_bias is None else constants.current_bias,
        *(steps, pairs, neurons),
    )
    grid = (triton.cdiv(pairs, BLOCK),)
    _group_kernel[grid](*values, **compiled_for(group, potentials is not None), block=BLOCK)


def compiled_for(group: NeuronDynamics, shown: bool) -> dict[str, int | bool]:
    """What the kernel is compiled for."""
    clamp = group.v_low is not None and group.v_high is not None
    current_clamp = group.current_low is not None and group.current_high is not None
    return {
        "shown": shown,
        "has_current": group.has_current,
        "current_shift": group.current_leak_shift,
        "clamps_current": group.has_current and current_clamp,
        "current_low": group.current_low or 0,
        "current_high": group.current_high or 0,
        "clamps": clamp,
        "low": group.v_low or 0,
        "high": group.v_high or 0,
        "fires": not group.readout,
        "refractory": group.refractory,
        "max_spikes": group.max_spikes,
        "subtract": group.reset == "subtract",
        "replace": group.reset == "value",
        "delayed": group.reset_delay,
        "retest": group.reset_retest,
        "drops": group.reset_drops_input,
        "has_minimum": group.v_min is not None,
        "shift": group.leak_shift,
        "toward_zero": group.leak_rounding == "zero",
    }
