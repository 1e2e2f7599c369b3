"""Which neurons an analog one can be, and what its integers become in volts."""

import numpy as np

from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogGroup

SPARE_SWING = 0.8
"""How much of the swing the potentials of a readout group may take on the samples that are known."""


def check_neurons(network: QuantizedNetwork) -> None:
    """Refuse what the circuit has no part for.

    Raises
    ------
    UserError
        Names the group and the behaviour.
    """
    if network.input_max > 1:
        raise UserError(
            f"{network.name} takes up to {network.input_max} spikes of an input address in one "
            "step, and a row of "
            "the crossbar has one pulse a step: give spikes of 0 and 1"
        )
    for group in network.groups:
        for refused, what in (
            (group.multi_spike, "several spikes in one step (max_spikes above 1); try --set max_spikes=1"),
            (group.v_min is not None, "a lower limit of the potential (v_min)"),
            (group.reset_retest, "snnTorch's reset_delay=False, which tests the stored potential again"),
            (group.reset_drops_input, "a reset that drops the next step's input (snnTorch Synaptic, zero)"),
        ):
            if refused:
                raise UserError(f"group {group.name!r} has {what}: the analog neuron has no such part")
        numerators = np.atleast_1d(group.numerator)
        if (numerators < 0).any() or (numerators > 1 << group.leak_shift).any():
            raise UserError(
                f"group {group.name!r} has a decay outside 0 to 1: a capacitor's voltage only falls toward 0"
            )
        if not group.readout and (group.threshold < 1).any():
            raise UserError(
                f"group {group.name!r} has a threshold that is not above 0: the analog neuron rests at 0 V"
            )


def _decay(numerator: "int | np.ndarray", shift: int, size: int) -> np.ndarray:
    kept: np.ndarray = 1.0 - np.broadcast_to(np.asarray(numerator, float), (size,)) / 2.0**shift
    return kept


def mean_kept(numerator: "int | np.ndarray", shift: int, rounding: str, size: int) -> np.ndarray:
    """What rounding a loss down keeps in the mean, in integer steps a time step, shape (n,).

    The bits that are cut off are as good as random where potentials are large: their mean is half of what
    they can be. A loss that is rounded toward zero keeps as much above 0 as it takes below, and gets nothing.
    """
    if rounding != "floor":
        return np.zeros(size)
    numerators = np.broadcast_to(np.asarray(numerator, np.int64), (size,))
    least = np.gcd(numerators, 1 << shift) / 2.0**shift
    kept: np.ndarray = np.where(numerators == 0, 0.0, (1.0 - least) / 2.0)
    return kept


def analog_group(
    group: QuantizedGroup, device: Device, g_step: np.ndarray, peak: float | None
) -> AnalogGroup:
    """The circuit of a group.

    Parameters
    ----------
    g_step
        float64, shape (n,): the conductance of one weight step, S.
    peak
        Of a readout group: the largest potential that is known, in integer steps; None for what its width
        holds.
    """
    if group.readout:
        most = peak if peak else float(1 << (group.v_bits - 1))
        wanted = SPARE_SWING * device.swing_v / most
    else:
        wanted = device.threshold_v / float(np.median(group.threshold - 0.5))
    middle = float(np.median(g_step)) / 2.0**group.fractional_bits
    capacitor = device.read_v * middle * device.read_s / wanted
    v_step = device.read_v * g_step * device.read_s / capacitor / 2.0**group.fractional_bits
    decay = _decay(group.numerator, group.leak_shift, group.size)
    start = np.zeros(group.size) if group.start is None else group.start * decay * v_step
    current_decay = current_bias = None
    if group.current_leak_numerator is not None and group.current_bias is not None:
        current_decay = _decay(group.current_leak_numerator, group.current_leak_shift, group.size)
        kept = mean_kept(
            group.current_leak_numerator, group.current_leak_shift, group.leak_rounding, group.size
        )
        current_bias = (group.current_bias + kept) * v_step
    threshold = np.zeros(group.size) if group.readout else (group.threshold - 0.5) * v_step
    if (threshold >= device.swing_v).any():
        raise UserError(
            f"group {group.name!r} has thresholds of {threshold.min():.3g} to "
            f"{threshold.max():.3g} V where the "
            f"median is the device's threshold_v, and potentials stay within swing_v = {device.swing_v:g} V: "
            "lower threshold_v in the device file"
        )
    return AnalogGroup(
        name=group.name,
        size=group.size,
        capacitor=capacitor,
        v_step=v_step,
        threshold=threshold,
        readout=group.readout,
        reset=group.reset if group.resets else "none",
        reset_delay=group.resets and group.reset_delay and group.reset == "subtract",
        reset_amount=group.reset_amount * v_step,
        reset_to=group.reset_value * v_step,
        bias=(group.bias + mean_kept(group.numerator, group.leak_shift, group.leak_rounding, group.size))
        * v_step,
        decay=decay,
        start=start,
        real_step=np.asarray(group.step, float),
        current_decay=current_decay,
        current_bias=current_bias,
        rest=group.rest,
        refractory=0 if group.readout else group.refractory,
    )
