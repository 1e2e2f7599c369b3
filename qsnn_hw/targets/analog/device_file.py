"""A device from one TOML file.

The files that ship lie in ``devices/``; a path to a file of the same form names a device of one's own.
Nothing in a file is believed: a field that is missing, unknown or out of range is refused by its name.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.fields import Fields
from qsnn_hw.support.files import read_toml
from qsnn_hw.targets.analog.device import Device

DEVICES = Path(__file__).parent / "devices"

DEFAULT = "rram"

MAX_LEVELS = 4096

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
