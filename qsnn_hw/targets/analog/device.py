"""What a memory cell, its wires and the neurons below them are like, all in SI units."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qsnn_hw.support.errors import UserError

EFFECTS: Mapping[str, Mapping[str, Any]] = {
    "sigma": {"sigma": 0.0},
    "stuck cells": {"stuck_low": 0.0, "stuck_high": 0.0},
    "drift": {"drift_nu": 0.0, "drift_nu_sigma": 0.0},
    "wires": {"wire_ohm": 0.0},
    "offset": {"offset_v": 0.0},
    "noise": {"noise_v": 0.0, "thermal": False},
    "leakage": {"leakage": 0.0},
    "time constants": {"tau_sigma": 0.0},
    "ADC": {"adc_bits": None},
    "temperature": {"temperature_k": None},
}
"""What makes chips differ from the ideal one -> the fields without it; a temperature of None is the
nominal."""


@dataclass(frozen=True, eq=False)
class Device:
    """Cells, wires and neurons.

    Parameters
    ----------
    name, sources
        The file's stem, and where its figures come from, a line each.
    levels
        float64, shape (L,): conductances that a cell can be programmed to, rising, S.
    sigma
        Of the logarithm of a programmed conductance; its median is the level.
    stuck_low, stuck_high
        Share of cells that sit at the lowest and at the highest level whatever is programmed.
    drift_nu, drift_nu_sigma
        Mean and spread of the exponent: ``G(t) = G * (t / t0)**-nu``, one exponent a cell.
    drift_s, drift_from_s
        ``t`` and ``t0``: time since programming, and when the programmed conductance was read.
    wire_ohm, wire_f
        Resistance and capacitance of a wire's segment between two cells.
    read_v
        Voltage of a row that has a spike; the others are at 0 V.
    conductance_per_k
        Relative change of every conductance a kelvin.
    temperature_k, nominal_k
        Of the chip, and of the figures of this file.
    threshold_v
        What the median threshold of a group becomes; the capacitor follows.
    swing_v
        Potentials stay within this much of 0 V, either way.
    offset_v, noise_v
        Standard deviation of a comparator's offset, and of its noise at each comparison.
    thermal
        Whether the capacitor's own noise, ``k T / C``, is added to the comparator's.
    leakage
        Parasitic conductance from the capacitor to 0 V, S.
    leakage_doubling_k
        Kelvins in which it doubles.
    tau_sigma
        Of the logarithm of a neuron's time constants.
    trim_v
        Step of the trim of thresholds, V; 0 is a trim without steps.
    adc_bits
        Of the converter that reads potentials where they are the output; None reads them as they are.
    read_s, transfer_s, compare_s, reset_s, leak_s
        The parts of a time step.
    energy
        Field of ``[energy]`` in the file -> what figures of energy range over; None where it says nothing.
    """

    name: str
    sources: tuple[str, ...]
    levels: np.ndarray
    sigma: float
    stuck_low: float
    stuck_high: float
    drift_nu: float
    drift_nu_sigma: float
    drift_s: float
    drift_from_s: float
    wire_ohm: float
    wire_f: float
    read_v: float
    conductance_per_k: float
    temperature_k: float
    nominal_k: float
    threshold_v: float
    swing_v: float
    offset_v: float
    noise_v: float
    leakage: float
    leakage_doubling_k: float
    tau_sigma: float
    trim_v: float
    adc_bits: int | None
    read_s: float
    transfer_s: float
    compare_s: float
    reset_s: float
    leak_s: float
    thermal: bool = True
    energy: Mapping[str, tuple[float, ...]] | None = None

    @property
    def g_min(self) -> float:
        """The lowest level, S."""
        return float(self.levels[0])

    @property
    def g_max(self) -> float:
        """The highest level, S."""
        return float(self.levels[-1])

    @property
    def step_s(self) -> float:
        """A time step, s."""
        return self.read_s + self.transfer_s + self.compare_s + self.reset_s + self.leak_s

    @property
    def shortest_s(self) -> float:
        """The shortest part of a time step: a clock cycle of the digital side."""
        return min(self.read_s, self.transfer_s, self.compare_s, self.reset_s, self.leak_s)

    @property
    def temperature_factor(self) -> float:
        """What the chip's temperature makes of every conductance."""
        return 1.0 + self.conductance_per_k * (self.temperature_k - self.nominal_k)

    @property
    def leakage_now(self) -> float:
        """The parasitic conductance at the chip's temperature, S."""
        return self.leakage * 2.0 ** ((self.temperature_k - self.nominal_k) / self.leakage_doubling_k)

    def without(self, *effects: str) -> "Device":
        """The same device but for these of :data:`EFFECTS`."""
        changes: dict[str, Any] = {}
        for effect in effects:
            changes |= EFFECTS[effect]
        if "temperature_k" in changes:
            changes["temperature_k"] = self.nominal_k
        return replace(self, **changes)

    def only(self, effect: str) -> "Device":
        """The same device with this one of :data:`EFFECTS` alone."""
        return self.without(*(name for name in EFFECTS if name != effect))

    def ideal(self) -> "Device":
        """The same levels and timing, and nothing else of :data:`EFFECTS`."""
        return self.without(*EFFECTS)

    def has(self, effect: str) -> bool:
        """Whether the device has this one of :data:`EFFECTS` at all."""
        if effect == "temperature":
            return self.temperature_k != self.nominal_k
        return any(getattr(self, name) != value for name, value in EFFECTS[effect].items())


def changed_device(device: Device, levels: int | None, sigma: float | None) -> Device:
    """``device`` with so many levels, evenly apart between its lowest and highest, and another sigma.

    Parameters
    ----------
    levels, sigma
        None keeps the device's own.
    """
    if levels is not None:
        device = replace(device, levels=np.linspace(device.g_min, device.g_max, levels))
    if sigma is not None:
        if not (math.isfinite(sigma) and 0 <= sigma <= 2):
            raise UserError(f"--sigma is a fraction from 0 to 2, not {sigma:g}")
        device = replace(device, sigma=float(sigma))
    return device
