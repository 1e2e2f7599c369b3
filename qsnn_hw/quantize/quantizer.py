"""Network -> QuantizedNetwork: scales, integer weights, thresholds, leak, and proved widths."""

from dataclasses import replace

import numpy as np

from qsnn_hw.model.network import INPUT, MAX_SPIKES, Dense, Network, NeuronGroup, Projection
from qsnn_hw.quantize.compensate import Statistics
from qsnn_hw.quantize.dead_zone import dead_zone_note, finer_steps
from qsnn_hw.quantize.interval_step import Interval
from qsnn_hw.quantize.leak import Reach, leak_fraction
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork, QuantizedProjection, ResetKind
from qsnn_hw.quantize.never import heights_in_float
from qsnn_hw.quantize.operators import (
    fan_in_of,
)
from qsnn_hw.quantize.options import (
    MAX_FRACTIONAL_BITS,
    MAX_LEAK_SHIFT,
    MAX_POTENTIAL_BITS,
    GroupOptions,
    QuantizeOptions,
)
from qsnn_hw.quantize.readout import readout_fraction
from qsnn_hw.quantize.rounding import whole_steps
from qsnn_hw.quantize.thresholds import whole_thresholds
from qsnn_hw.quantize.weight_rounding import WeightRounding
from qsnn_hw.quantize.width import NeverFiresError, prove_current, prove_potential
from qsnn_hw.support.errors import UserError

__all__ = [
    "MAX_FRACTIONAL_BITS",
    "MAX_LEAK_SHIFT",
    "MAX_POTENTIAL_BITS",
    "GroupOptions",
    "QuantizeOptions",
    "quantize",
]


def quantize(
    network: Network, options: QuantizeOptions, statistics: Statistics | None = None
) -> QuantizedNetwork:
    """Turn a float network into integers.

    Parameters
    ----------
    network
        Any network a reader makes.
    options
        Widths and rounding choices.
    statistics
        From :func:`qsnn_hw.quantize.compensate.measure`; used by, and needed for, rounding
        "compensate".

    Returns
    -------
    QuantizedNetwork
        With warnings for anything rounded badly enough to notice.

    Raises
    ------
    UserError
        A group's fields contradict each other, a width is impossible, a group named in the options
        does not exist, or quantization would leave a group that can never fire.
    """
    if options.rounding == "compensate" and statistics is None:
        raise UserError('rounding "compensate" needs calibration samples; give some, or use "nearest"')
    moments = statistics.moments if statistics is not None and options.rounding == "compensate" else {}
    names = [group.name for group in network.groups]
    for name in options.groups:
        if name not in names:
            raise UserError(
                f"options for group {name!r}, which does not exist; groups are {', '.join(names)}"
            )
    groups: list[QuantizedGroup] = []
    projections: list[QuantizedProjection] = []
    warnings = list(network.warnings)
    # The most spikes of each address in one step; loops count on the limit of the neurons, or of the format.
    most: dict[str, np.ndarray | int] = {g.name: g.max_spikes or MAX_SPIKES for g in network.groups}
    most[INPUT] = options.input_max
    for group in network.groups:
        _check(group)
        sources = network.into(group.name)
        if not sources:
            raise UserError(f"group {group.name}: nothing projects to it; remove it or connect it")
        work = _Group(network, group, sources, options.of(group.name), most, moments.get(group.name))
        groups.append(work.quantized())
        projections += work.projections()
        warnings += work.notes
        most[group.name] = work.max_count
    return QuantizedNetwork(
        name=network.name,
        input_shape=network.input_shape,
        groups=tuple(groups),
        projections=tuple(projections),
        output=network.output,
        warnings=tuple(warnings),
        input_max=options.input_max,
    )


def _check(group: NeuronGroup) -> None:
    """Refuse combinations that no framework computes and the recurrence does not define."""
    where = f"group {group.name}"
    if group.multi_spike and (group.reset != "subtract" or group.reset_delay):
        raise UserError(
            f"{where}: several spikes per step need an immediate reset by subtraction; "
            "pass --set reset=subtract and --set reset_delay=false, or --set max_spikes=1"
        )
    if group.reset_retest and group.reset == "v_reset":
        raise UserError(
            f"{where}: reset_retest belongs to snnTorch, which never resets to v_reset; "
            "pass --set reset_retest=false or another reset"
        )


class _Group:
    """One group on its way from floats to integers."""

    def __init__(
        self,
        network: Network,
        group: NeuronGroup,
        sources: tuple[Projection, ...],
        options: QuantizeOptions,
        most: dict[str, np.ndarray | int],
        moments: np.ndarray | None,
    ) -> None:
        self._network = network
        self._group = group
        self._sources = sources
        self._most = most
        self._gain = np.asarray(group.input_gain, dtype=np.float64)
        if group.current_decay is not None and group.current_gain is not None:
            self._gain = self._gain * group.current_gain
        self.notes: list[str] = []
        self.max_count: np.ndarray | int = 1
        # Neurons that cannot fire in float are no fault of the integers.
        self._height = np.full(group.size, np.inf)
        if group.threshold is not None:
            self._height = heights_in_float(network, group, self._gain, most)
        self._never = self._height < 1.0
        self._weights = WeightRounding(network, group, sources, self._gain, moments)
        self._grid, self._options = self._weights.round(options)
        # A slow leak may then ask for finer potentials than the default of the width.
        self._free = options.by_default and group.threshold is not None and not self._grid.own
        readout = group.threshold is None or bool(self._never.all())
        if readout and options.potential_bits is None and not self._grid.whole:
            self._refine_readout()

    def projections(self) -> list[QuantizedProjection]:
        """The projections into the group, in the order of the network."""
        bits = self._options.weight_bits
        projections: list[QuantizedProjection] = []
        for p, path, shift in zip(self._sources, self._grid.paths, self._grid.shifts, strict=True):
            plain = len(path.operators) == 1 and isinstance(path.operators[0], Dense)
            operators = None if plain else path.operators
            projections.append(
                QuantizedProjection(p.name, p.source, p.target, path.weights, bits, p.delay, shift, operators)
            )
        return projections

    def quantized(self) -> QuantizedGroup:
        """The group's integers."""
        quantized = self._quantized()
        finer = min(quantized.fractional_bits + finer_steps(quantized), MAX_FRACTIONAL_BITS)
        if self._free and finer > quantized.fractional_bits:
            coarse = self._options, self._grid, self.notes, self.max_count
            self._set_fraction(finer)
            try:
                return self._quantized()
            except UserError:
                # Finer potentials need more bits than there are.
                self._options, self._grid, self.notes, self.max_count = coarse
        return quantized

    def _set_fraction(self, bits: int) -> None:
        self._options = replace(self._options, fractional_bits=bits)
        self._grid = replace(self._grid, step=self._grid.scale / 2.0**bits)

    def _quantized(self) -> QuantizedGroup:
        self.notes = []
        group, options, step = self._group, self._options, self._grid.step
        bias, current_bias = self._bias()
        threshold, amount = whole_thresholds(group, step, options, own=self._grid.own, never=self._never)
        kind, value = self._reset()
        v_min = None if group.v_min is None else whole_steps(group.v_min / step, group.name, "v_min")
        start = None if group.start is None else whole_steps(group.start / step, group.name, "start")
        fan_in = self._fan_in()
        reach = Reach(fan_in.high, bias, current_bias, threshold)
        asked_bits = options.leak_bits
        leak_bits, current_bits = reach.leak_bits(group) if asked_bits is None else (asked_bits, asked_bits)
        numerator, numerators, shift, notes = leak_fraction(group.name, group.decay, leak_bits)
        self.notes += notes
        quantized = QuantizedGroup(
            name=group.name,
            shape=group.shape,
            scale=self._grid.scale,
            fractional_bits=options.scheme.fractional_bits,
            leak_numerator=numerator,
            leak_shift=shift,
            bias=bias,
            threshold=threshold,
            reset=kind,
            reset_delay=group.reset_delay and kind != "none",
            reset_amount=amount if kind == "subtract" else np.zeros(group.size, dtype=np.int64),
            reset_value=value,
            v_low=None,
            v_high=None,
            v_bits=0,
            readout=group.threshold is None,
            max_spikes=group.max_spikes or MAX_SPIKES,
            v_min=v_min,
            refractory=group.refractory,
            reset_drops_input=self._drops(),
            reset_retest=group.reset_retest and kind != "none",
            leak_numerators=numerators,
            current_bias=current_bias,
            leak_rounding=options.leak_rounding,
            own_integers=self._grid.own,
            rest=group.rest,
            start=start,
        )
        quantized, drive = self._with_current(quantized, fan_in, current_bits)
        try:
            quantized, self.max_count, notes = prove_potential(
                quantized, drive, options, silent=bool(self._never.all())
            )
        except NeverFiresError as error:
            if asked_bits is not None:
                reach.check_leak(group, asked_bits)
            highest = f"(the exact weights take one to {self._height.max():.3g} of it)"
            raise UserError(f"{error} {highest}; use more --bits or another --clip") from error
        # A threshold that nothing reaches was cut to just above what does.
        self.notes += [*notes, *([] if self._never.all() else dead_zone_note(quantized))]
        return quantized

    def _with_current(
        self, quantized: QuantizedGroup, fan_in: Interval, bits: int
    ) -> tuple[QuantizedGroup, Interval]:
        """With the loss of its synaptic current, if any, in ``bits``; and what drives the potential."""
        decay = self._group.current_decay
        if decay is None:
            return quantized, fan_in
        each, loss, shift, notes = leak_fraction(quantized.name, decay, bits, "current_decay")
        losses = np.full(quantized.size, each, dtype=np.int64) if loss is None else loss
        quantized = replace(quantized, current_leak_numerator=losses, current_leak_shift=shift)
        quantized, drive, more = prove_current(quantized, fan_in)
        self.notes += [*notes, *more]
        return quantized, drive

    def _refine_readout(self) -> None:
        """Take the fractional bits that a readout's potentials need, where more were not asked for."""
        group, bits = self._group, self._options.scheme.fractional_bits
        fan_in = self._fan_in()
        coarse = Interval(fan_in.low >> bits, fan_in.high >> bits)
        biased = bool(np.any(group.leak) or self._weights.drive().any())
        needed = readout_fraction(group.decay, group.current_decay, biased, coarse)
        if needed > bits:
            self._set_fraction(needed)

    def _bias(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The drive of the potential, and of the current where there is one, in steps."""
        group, step, drive = self._group, self._grid.step, self._weights.drive()
        steady = np.asarray(group.leak, dtype=np.float64)
        if group.current_decay is None:
            return whole_steps((steady + drive) / step, group.name, "bias"), None
        return (
            whole_steps(steady / step, group.name, "bias"),
            whole_steps(drive / step, group.name, "current bias"),
        )

    def _reset(self) -> tuple[ResetKind, np.ndarray]:
        group = self._group
        value = np.zeros(group.size, dtype=np.int64)
        if group.threshold is None or group.reset == "none":
            return "none", value
        if group.reset == "subtract":
            return "subtract", value
        if group.reset == "v_reset":
            value = whole_steps(group.v_reset / self._grid.step, group.name, "v_reset")
        return "value", value

    def _drops(self) -> bool:
        """A late zero reset takes the input along when asked to, or when the update relaxes."""
        group = self._group
        late = group.reset == "zero" and (group.reset_delay or group.reset_retest)
        relaxes = group.relax and bool(np.all(group.decay < 1))
        return late and (group.reset_drops_input or relaxes)

    def _fan_in(self) -> Interval:
        low, high = np.zeros(self._group.size, np.int64), np.zeros(self._group.size, np.int64)
        for p, path, shift in zip(self._sources, self._grid.paths, self._grid.shifts, strict=True):
            part = fan_in_of(path.operators, self._network.source_size(p.source), self._most[p.source])
            low, high = low + (part.low << shift), high + (part.high << shift)
        finer = self._options.scheme.fractional_bits
        return Interval(low << finer, high << finer)
