"""What a memory cell, its wires and the neurons below them are like: one TOML file, all in SI units.

The files that ship lie in ``devices/``; a path to a file of the same form names a device of one's own.
Nothing in a file is believed: a field that is missing, unknown or out of range is refused by its name.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.fields import Fields
from qsnn_hw.support.files import read_toml

DEVICES = Path(__file__).parent / "devices"

DEFAULT = "rram"

MAX_LEVELS = 4096

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


ENERGY: Mapping[str, tuple[float, float, float]] = {
    "conductance_factor": (2, 0, 1e3),
    "read_v": (2, 0, 10),
    "read_ns": (2, 0, 1e9),
    "column_ua": (3, 0, 1e6),
    "supply_v": (3, 0, 100),
    "adc_fj_step": (3, 0, 1e9),
    "flop_fj": (3, 0, 1e9),
}
"""Fields of ``[energy]`` -> how many ends each has, and bounds; of two, the middle is the cell's own."""


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
        Field of :data:`ENERGY` -> what the figures of energy range over; None where the file says nothing.
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


def _number(fields: Fields, name: str, low: float, high: float, *, above: bool = False) -> float:
    """A finite number from ``low`` (without it where ``above``) to ``high``."""
    value = fields.number(name)
    if not low <= value <= high or (above and value == low):
        least = f"above {low:g}" if above else f"from {low:g}"
        fields.fail(name, f"must be a number {least} to {high:g}, not {value:g}")
    return value


def _levels(cell: Fields) -> np.ndarray:
    values = np.array(cell.numbers("levels_us"))
    if not 2 <= len(values) <= MAX_LEVELS:
        cell.fail("levels_us", f"must be 2 to {MAX_LEVELS} conductances, not {len(values)}")
    if not (values > 0).all() or values.max() > 1e6:
        cell.fail("levels_us", "must be above 0 and at most 1e6 uS each")
    for k in np.flatnonzero(np.diff(values) <= 0)[:1]:
        cell.fail("levels_us", f"must rise, and {values[k + 1]:g} follows {values[k]:g}; put them in order")
    return values * 1e-6


def _energy(table: Fields, read_v: float, read_ns: float) -> dict[str, tuple[float, ...]]:
    """Low and high, or low, typical and high, of what the figures of energy are made of."""
    ranges = {}
    for name, (ends, least, most) in ENERGY.items():
        values = table.numbers(name)
        if len(values) != ends or list(values) != sorted(values):
            table.fail(name, f"must be {'low and high' if ends == 2 else 'low, typical and high'}, rising")
        if not least <= values[0] <= values[-1] <= most:
            table.fail(name, f"must be from {least:g} to {most:g}")
        ranges[name] = values
    for name, own in (("conductance_factor", 1.0), ("read_v", read_v), ("read_ns", read_ns)):
        if not ranges[name][0] <= own * (1 + 1e-9) or not own <= ranges[name][1] * (1 + 1e-9):
            table.fail(name, f"must have the device's own {own:g} in it")
    table.close()
    return ranges


def parse_device(table: Mapping[str, Any], where: str, name: str) -> Device:
    """The device that a parsed TOML file describes.

    Raises
    ------
    UserError
        A field is missing, unknown or out of range; the message names field and file.
    """
    fields = Fields(table, where)
    cell, drift, wires = fields.table("cell"), fields.table("drift"), fields.table("wires")
    neuron, timing, heat = fields.table("neuron"), fields.table("timing"), fields.table("temperature")
    nominal, spent = _number(heat, "nominal_k", 1, 1000), fields.optional_table("energy")
    device = Device(
        name=name,
        sources=fields.texts("sources"),
        levels=_levels(cell),
        sigma=_number(cell, "sigma", 0, 2),
        stuck_low=_number(cell, "stuck_low", 0, 0.5),
        stuck_high=_number(cell, "stuck_high", 0, 0.5),
        read_v=_number(cell, "read_v", 0, 10, above=True),
        drift_nu=_number(drift, "nu", 0, 1),
        drift_nu_sigma=_number(drift, "nu_sigma", 0, 1),
        drift_from_s=_number(drift, "from_s", 0, 1e12, above=True),
        drift_s=_number(drift, "time_s", 0, 1e12, above=True),
        wire_ohm=_number(wires, "segment_ohm", 0, 1e6),
        wire_f=_number(wires, "segment_ff", 0, 1e6) * 1e-15,
        threshold_v=_number(neuron, "threshold_v", 0, 10, above=True),
        swing_v=_number(neuron, "swing_v", 0, 100, above=True),
        offset_v=_number(neuron, "offset_v", 0, 10),
        noise_v=_number(neuron, "noise_v", 0, 10),
        leakage=_number(neuron, "leakage_ps", 0, 1e9) * 1e-12,
        tau_sigma=_number(neuron, "tau_sigma", 0, 2),
        trim_v=_number(neuron, "trim_v", 0, 10),
        adc_bits=neuron.natural("adc_bits") or None,
        read_s=_number(timing, "read_ns", 0, 1e9, above=True) * 1e-9,
        transfer_s=_number(timing, "transfer_ns", 0, 1e9, above=True) * 1e-9,
        compare_s=_number(timing, "compare_ns", 0, 1e9, above=True) * 1e-9,
        reset_s=_number(timing, "reset_ns", 0, 1e9, above=True) * 1e-9,
        leak_s=_number(timing, "leak_ns", 0, 1e9, above=True) * 1e-9,
        conductance_per_k=_number(heat, "conductance_per_k", -0.1, 0.1),
        leakage_doubling_k=_number(heat, "leakage_doubling_k", 1, 1000),
        temperature_k=_number(heat, "chip_k", 1, 1000),
        nominal_k=nominal,
    )
    for inner in (cell, drift, wires, neuron, timing, heat, fields):
        inner.close()
    if spent is not None:
        device = replace(device, energy=_energy(spent, device.read_v, device.read_s * 1e9))
    if device.adc_bits is not None and device.adc_bits > 24:
        neuron.fail("adc_bits", f"must be at most 24 (0: none), not {device.adc_bits}")
    if device.stuck_low + device.stuck_high > 0.5:
        cell.fail("stuck_high", "and stuck_low together must be at most 0.5")
    if device.swing_v <= device.threshold_v:
        neuron.fail("swing_v", f"must be above threshold_v, {device.threshold_v:g}, or nothing ever fires")
    if device.drift_s < device.drift_from_s:
        drift.fail("time_s", f"must be at least from_s, {device.drift_from_s:g}")
    if device.temperature_factor <= 0:
        heat.fail("chip_k", "makes conductances fall to 0 with this conductance_per_k")
    return device


def device_names() -> list[str]:
    """The names of the devices that ship, sorted."""
    return sorted(path.stem for path in DEVICES.glob("*.toml"))


def load_device(name_or_path: str | None = None) -> Device:
    """The device of that name, or the one that a TOML file describes; None for the default.

    Raises
    ------
    UserError
        There is no such device or file, or the file is not a device.
    """
    text = DEFAULT if name_or_path is None else name_or_path
    path = Path(text)
    if path.suffix != ".toml":
        if text not in device_names():
            known = ", ".join(device_names())
            raise UserError(
                f"unknown device {text!r}; known devices: {known}; or give a path to a .toml file"
            )
        path = DEVICES / f"{text}.toml"
    where = path.name if path.parent == DEVICES else str(path)
    return parse_device(read_toml(path, "device file"), where, path.stem)


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
