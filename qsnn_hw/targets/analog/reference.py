"""The analog reference model: the equations of ``network.py`` over a batch of samples, in NumPy.

Chips run side by side in the first axis: conductances and neurons of one chip have shape (1, ...), those of
many (chips, ...). Weighted sums are one matrix product over all steps and samples, except in loops.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qsnn_hw.model.network import INPUT
from qsnn_hw.model.simulate import blocks
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogGroup, AnalogNetwork, AnalogProjection

BOLTZMANN = 1.380649e-23


@dataclass(frozen=True, eq=False)
class Neurons:
    """The neurons of a group on some chips; arrays have shape (chips, n) or (1, n), V.

    Parameters
    ----------
    group
        What they are meant to be.
    threshold
        Where a comparator really changes, offset included.
    reset_amount, reset_to, bias
        As trimmed.
    decay, current_decay
        Of a step, leakage included.
    noise
        Standard deviation at each comparison; 0 for none.
    offset
        What the converter adds where potentials are read; None for nothing.
    gain, shift
        The digital part makes ``(V + offset - shift) / gain`` of what is read; None where it is left as it
        is.
    """

    group: AnalogGroup
    threshold: np.ndarray
    reset_amount: np.ndarray
    reset_to: np.ndarray
    bias: np.ndarray
    decay: np.ndarray
    current_decay: np.ndarray | None
    noise: float = 0.0
    offset: np.ndarray | None = None
    gain: np.ndarray | None = None
    shift: np.ndarray | None = None

    @classmethod
    def nominal(cls, group: AnalogGroup, device: Device) -> "Neurons":
        """As they are drawn: the device's leakage, no offset, no noise, nothing trimmed."""
        lost = np.exp(-device.step_s * device.leakage_now / group.capacitor)
        current = None if group.current_decay is None else group.current_decay[np.newaxis] * lost
        return cls(
            group,
            group.threshold[np.newaxis],
            group.reset_amount[np.newaxis],
            group.reset_to[np.newaxis],
            group.bias[np.newaxis],
            group.decay[np.newaxis] * lost,
            current,
        )

    @classmethod
    def stacked(cls, chips: "Sequence[Neurons]") -> "Neurons":
        """The neurons of several chips side by side."""

        def join(name: str) -> Any:
            parts = [getattr(chip, name) for chip in chips]
            return None if parts[0] is None else np.concatenate(parts)

        names = (
            "threshold",
            "reset_amount",
            "reset_to",
            "bias",
            "decay",
            "current_decay",
            "offset",
            "gain",
            "shift",
        )
        return replace(chips[0], **{name: join(name) for name in names})

    def read(self, volts: np.ndarray, device: Device) -> np.ndarray:
        """Potentials of (chips, ..., n), V, as the converter gives them and the digital part corrects
        them."""

        def each(values: np.ndarray) -> np.ndarray:
            return values.reshape(len(values), *(1,) * (volts.ndim - 2), -1).astype(volts.dtype)

        if self.offset is not None:
            volts = volts + each(self.offset)
        if device.adc_bits is not None:
            step = 2 * device.swing_v / 2**device.adc_bits
            most = 2 ** (device.adc_bits - 1)
            volts = (np.clip(np.floor(volts / step), -most, most - 1) + 0.5) * step
        if self.gain is not None and self.shift is not None:
            volts = (volts - each(self.shift)) / each(self.gain)
        return volts


def thermal_noise(device: Device, capacitor: float) -> float:
    """Standard deviation of a comparison, V: the comparator's and, where it counts, sqrt(kT/C)."""
    thermal = BOLTZMANN * device.temperature_k / capacitor if device.thermal else 0.0
    return float(np.sqrt(device.noise_v**2 + thermal))


class GroupState:
    """The state of a group over chips and samples, and its step.

    Attributes
    ----------
    v
        The potential that traces show, (chips, samples, n), V.
    railed
        How many potentials met the rails so far.
    """

    def __init__(
        self,
        neurons: Neurons,
        device: Device,
        shape: tuple[int, int],
        dtype: type[np.floating],
        rng: np.random.Generator | None,
    ) -> None:
        group = neurons.group
        self._group, self._swing, self._rng = group, dtype(device.swing_v), rng

        def each(values: np.ndarray) -> np.ndarray:
            return values[:, np.newaxis].astype(dtype)

        self._threshold = each(neurons.threshold)
        self._amount = each(neurons.reset_amount)
        self._bias = each(neurons.bias)
        self._decay = each(neurons.decay)
        self._to = each(neurons.reset_to)
        self._noise = dtype(neurons.noise)
        whole = (*shape, group.size)
        self.v = np.broadcast_to(group.start.astype(dtype), whole).copy()
        self._left = self.v
        self._before: np.ndarray | None = None
        self._silent = np.zeros(whole, np.int32) if group.refractory else None
        self._current: np.ndarray | None = None
        if group.current_decay is not None and group.current_bias is not None:
            assert neurons.current_decay is not None
            self._current = np.zeros(whole, dtype)
            self._current_decay = each(neurons.current_decay)
            self._current_bias = group.current_bias.astype(dtype)
        self.railed = 0

    def step(self, x: np.ndarray) -> np.ndarray:
        """One time step; ``x`` is ``read_s / C * i`` in V, (chips, samples, n); spikes, bool, same shape."""
        group, v = self._group, self._left
        v = v + self._bias
        if self._before is not None:
            v -= self._before * self._amount
        if self._current is None:
            v += x
        else:
            u = self._current + x + self._current_bias
            v += u
            np.clip(u, -self._swing, self._swing, out=u)
            self._current = u * self._current_decay
        self.railed += int(np.count_nonzero(np.abs(v) > self._swing))
        np.clip(v, -self._swing, self._swing, out=v)
        if group.readout:
            fired = np.zeros(v.shape, bool)
        elif self._noise and self._rng is not None:
            noise = self._rng.standard_normal(v.shape, dtype=np.float32) * self._noise
            fired = v + noise >= self._threshold
        else:
            fired = v >= self._threshold
        if self._silent is not None:
            fired &= self._silent == 0
            self._silent = np.where(fired, group.refractory, np.maximum(self._silent - 1, 0))
        if group.reset == "subtract" and not group.reset_delay:
            v -= fired * self._amount
        elif group.reset == "value":
            np.copyto(v, self._to, where=fired)
        self._before = fired if group.reset_delay else None
        self.v = v
        self._left = v * self._decay
        return fired


@dataclass(eq=False)
class AnalogRun:
    """What the reference model did; spikes are uint8, potentials V, (chips, time, sample, neuron).

    Parameters
    ----------
    railed
        Group -> how many potentials met the rails.
    """

    spikes: dict[str, np.ndarray] = field(default_factory=dict)
    potentials: dict[str, np.ndarray] = field(default_factory=dict)
    railed: dict[str, int] = field(default_factory=dict)


def drives_of(
    network: AnalogNetwork, device: Device, cells: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Projection -> volts that a spike adds, (chips, rows, n), of its conductances ``G_plus - G_minus``."""
    factor = device.read_v * device.read_s
    return {p.name: cells[p.name] * (factor / network.group(p.target).capacitor) for p in network.projections}


def run_analog(
    network: AnalogNetwork,
    device: Device,
    drives: Mapping[str, np.ndarray],
    neurons: Mapping[str, Neurons],
    inputs: np.ndarray,
    *,
    record: Collection[str] = (),
    rng: np.random.Generator | None = None,
    dtype: type[np.floating] = np.float64,
) -> AnalogRun:
    """Run samples on one chip or on many.

    Parameters
    ----------
    drives
        Projection -> V a spike, (chips, rows, n).
    neurons
        Group -> its neurons on the same chips.
    inputs
        uint8 of 0 and 1, (time, sample, address).
    record
        Groups whose potentials are kept; a readout group's always are.
    rng
        Of the comparators' noise; None for none.
    """
    steps, samples = inputs.shape[:2]
    chips = max(len(drive) for drive in drives.values())
    run = AnalogRun()
    known: dict[str, np.ndarray] = {INPUT: inputs[np.newaxis].reshape(1, steps, samples, -1)}
    order = {group.name: k for k, group in enumerate(network.groups)}

    def late(p: AnalogProjection) -> int:
        return p.delay + network.recurrent(p)

    for names in blocks(network):
        states, outside, inner = {}, {}, {}
        for name in names:
            group = network.group(name)
            states[name] = GroupState(neurons[name], device, (chips, samples), dtype, rng)
            known[name] = np.zeros((chips, steps, samples, group.size), np.uint8)
            total: np.ndarray | None = None
            for p in network.into(name):
                if p.source in names:
                    continue
                product = _product(known[p.source], drives[p.name], late(p), dtype)
                total = product if total is None else total + product
            outside[name] = total
            inner[name] = [p for p in network.into(name) if p.source in names]
            if name in record or group.readout:
                run.potentials[name] = np.empty((chips, steps, samples, group.size), dtype)
        for step in range(steps):
            for name in sorted(names, key=order.__getitem__):
                drive = outside[name]
                x = np.zeros((1, 1, 1), dtype) if drive is None else drive[:, step]
                for p in inner[name]:
                    if step >= late(p):
                        before = known[p.source][:, step - late(p)].astype(dtype)
                        x = x + np.matmul(before, drives[p.name].astype(dtype, copy=False))
                known[name][:, step] = states[name].step(x)
                if name in run.potentials:
                    run.potentials[name][:, step] = states[name].v
        for name in names:
            run.spikes[name] = known[name]
            run.railed[name] = states[name].railed
    return run


def _product(spikes: np.ndarray, drive: np.ndarray, late: int, dtype: type[np.floating]) -> np.ndarray:
    """(chips, time, sample, n) of spikes (chips or 1, time, sample, rows), ``late`` steps later."""
    chips, steps, samples, rows = spikes.shape
    moved = max(0, steps - late)
    flat = spikes[:, :moved].astype(dtype).reshape(chips, moved * samples, rows)
    product = np.matmul(flat, drive.astype(dtype, copy=False)).reshape(-1, moved, samples, drive.shape[2])
    if moved == steps:
        return product
    whole = np.zeros((len(product), steps, samples, drive.shape[2]), dtype)
    whole[:, steps - moved :] = product
    return whole
