"""A group's neurons over time on a PyTorch device, operation by operation: what runs where no kernel does.

Written from the text of ``quantize/network.py`` and sharing no arithmetic with the golden model.
"""

from dataclasses import dataclass

import numpy as np
import torch

from qsnn_hw.quantize.network import NeuronDynamics


def state_dtype(group: NeuronDynamics) -> torch.dtype:
    """int32 where potential, current and what leaks off them fit it, else int64.

    The leak multiplies a value of ``v_bits`` by a numerator and may add the shift's mask; both are within the
    bits of the value and of the numerator together, and one more.
    """
    numerators = [int(np.max(group.numerator))]
    if group.current_leak_numerator is not None:
        numerators.append(int(group.current_leak_numerator.max()))
    widest = max(group.v_bits, group.current_bits) + 1 + max(n.bit_length() for n in numerators)
    return torch.int32 if widest <= 32 else torch.int64


@dataclass
class Constants:
    """A group's numbers on the device: tensors of shape (n,) in the state's type; is any bias not 0?"""

    dtype: torch.dtype
    biased: bool
    bias: torch.Tensor
    threshold: torch.Tensor
    amount: torch.Tensor
    value: torch.Tensor
    numerator: torch.Tensor
    start: torch.Tensor
    v_min: torch.Tensor | None
    current_numerator: torch.Tensor | None
    current_bias: torch.Tensor | None

    @classmethod
    def of(cls, group: NeuronDynamics, size: int, device: torch.device) -> "Constants":
        """Of a group of ``size`` neurons."""
        dtype = state_dtype(group)

        def moved(values: np.ndarray | int) -> torch.Tensor:
            spread = np.ascontiguousarray(np.broadcast_to(np.asarray(values, dtype=np.int64), (size,)))
            return torch.from_numpy(spread.copy()).to(device=device, dtype=dtype)

        def optional(values: np.ndarray | None) -> torch.Tensor | None:
            return None if values is None else moved(values)

        return cls(
            dtype=dtype,
            biased=bool(group.bias.any()),
            bias=moved(group.bias),
            threshold=moved(group.threshold),
            amount=moved(group.reset_amount),
            value=moved(group.reset_value),
            numerator=moved(group.numerator),
            start=moved(0 if group.start is None else group.start),
            v_min=optional(group.v_min),
            current_numerator=optional(group.current_leak_numerator),
            current_bias=optional(group.current_bias),
        )


class States:
    """What a group's neurons carry from step to step, each of shape (samples, n).

    Attributes
    ----------
    state, current
        In the constants' type; ``current`` None without a synaptic current.
    silent
        int32, None without a refractory period.
    over
        bool: ``over`` or ``dropped`` of the specification, None where neither is used.
    saturated
        int32: how often potential or current met their clamps.
    """

    def __init__(self, group: NeuronDynamics, constants: Constants, samples: int) -> None:
        shape = (samples, constants.bias.shape[0])
        device = constants.bias.device
        begin = constants.start - leaked(group, constants.start, constants.numerator, group.leak_shift)
        self.state = (begin + constants.bias).expand(shape).clone()
        self.current: torch.Tensor | None = None
        if constants.current_bias is not None:
            self.current = constants.current_bias.expand(shape).clone()
        self.silent = torch.zeros(shape, dtype=torch.int32, device=device) if group.refractory else None
        held = group.reset_retest or group.reset_drops_input
        self.over = torch.zeros(shape, dtype=torch.bool, device=device) if held else None
        self.saturated = torch.zeros(shape, dtype=torch.int32, device=device)


def leaked(group: NeuronDynamics, v: torch.Tensor, numerator: torch.Tensor, shift: int) -> torch.Tensor:
    """``loss(v, numerator, shift)`` of the specification."""
    product = v * numerator
    if group.leak_rounding == "zero":
        product += (v > 0) * ((1 << shift) - 1)
    product >>= shift
    return product


def advance(
    group: NeuronDynamics, constants: Constants, states: States, x: torch.Tensor, spikes: torch.Tensor
) -> torch.Tensor:
    """One step.

    Parameters
    ----------
    x
        The step's weighted sums, in the constants' type, shape (samples, n).
    spikes
        uint8 of the same shape; counts from 0 to ``max_spikes`` are written here.

    Returns
    -------
    torch.Tensor
        The potential that traces show, in the constants' type.
    """
    if states.current is not None:
        x = _current(group, constants, states, x)
    v = states.state + x
    if group.reset_drops_input and states.over is not None:
        v.masked_fill_(states.over, 0)
    v = _clamped(states, v, group.v_low, group.v_high)
    # A byte of 0 or 1 either way: comparing right into the result saves a copy.
    fired = spikes.view(torch.bool)
    _fire(group, constants, states, v, fired)
    due = None
    if group.multi_spike:
        most = torch.div(v, constants.amount, rounding_mode="floor").clamp_(max=group.max_spikes)
        fired = fired.clone()
        due = torch.where(fired, most, 0)
        spikes.copy_(due)
    v, states.state = _reset(group, constants, states, v, fired, due)
    return v


def _current(group: NeuronDynamics, constants: Constants, states: States, x: torch.Tensor) -> torch.Tensor:
    """The current with this step's sums; what is left of it is kept for the next step."""
    assert states.current is not None
    assert constants.current_bias is not None
    assert constants.current_numerator is not None
    u = _clamped(states, states.current + x, group.current_low, group.current_high)
    lost = leaked(group, u, constants.current_numerator, group.current_leak_shift)
    states.current = u - lost + constants.current_bias
    return u


def _clamped(states: States, values: torch.Tensor, low: int | None, high: int | None) -> torch.Tensor:
    if low is None or high is None:
        return values
    inside = values.clamp(low, high)
    states.saturated += inside != values
    return inside


def _fire(
    group: NeuronDynamics, constants: Constants, states: States, v: torch.Tensor, fired: torch.Tensor
) -> None:
    """Who fires, written to ``fired``."""
    if group.readout:
        fired.zero_()
        return
    torch.ge(v, constants.threshold, out=fired)
    if states.silent is not None:
        fired &= states.silent == 0
        states.silent = torch.where(fired, group.refractory, (states.silent - 1).clamp_(min=0))


def _reset(
    group: NeuronDynamics,
    constants: Constants,
    states: States,
    v: torch.Tensor,
    fired: torch.Tensor,
    count: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(the potential that traces show, the next state); ``count`` None where it is ``fired``."""
    subtracts, replaces = group.reset == "subtract", group.reset == "value"
    if group.reset_retest:
        v = _retested(constants, states, v, fired.to(v.dtype) if count is None else count, subtracts)
    elif not group.reset_delay:
        if subtracts:
            v = v - (torch.where(fired, constants.amount, 0) if count is None else count * constants.amount)
        elif replaces:
            v = torch.where(fired, constants.value, v)
    if constants.v_min is not None:
        v = torch.maximum(v, constants.v_min)
    late = fired
    if group.reset_retest and not group.refractory:
        late = v >= constants.threshold
    deferred = group.reset_retest or group.reset_delay
    left = v
    if deferred and replaces:
        left = torch.where(late, 0 if group.reset_retest else constants.value, v)
    state = left - leaked(group, left, constants.numerator, group.leak_shift)
    if constants.biased:
        state += constants.bias
    if deferred and subtracts:
        state -= torch.where(late, constants.amount, 0)
    if states.over is not None:
        states.over = late
    return v, state


def _retested(
    constants: Constants, states: States, v: torch.Tensor, count: torch.Tensor, subtracts: bool
) -> torch.Tensor:
    """The potential after what fired now, less what fired already in the step before."""
    assert states.over is not None
    due = count - states.over.to(v.dtype)
    return v - due * (constants.amount if subtracts else v)
