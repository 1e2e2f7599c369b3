"""What a whole analog chip takes an inference, part by part, each from low to high.

Low and high have every figure of the device at that end at once: what chips differ in, the file's
``[energy]`` table, and for neurons what transistors were simulated to take. Parts:

crossbar
    Ohmic, ``read_v**2 * read_s`` times the conductance of a row for each spike there (``wires.py``).
columns
    What holds the two columns of a neuron at 0 V while they are read: a bias current at the supply, in every
    step, whatever spikes.
neurons
    The analog model's spikes times the energy a spike of the transistor neuron, corners, mismatch and input
    currents in its range, and its power at rest (``spice/transistor_figures.py``).
converters
    Of a readout group alone: one conversion a neuron and sample.
digital side
    The registers of ``GROUP_aer.v`` (``spice/aer.py``) times the cycles that it runs, a figure a register and
    cycle for both and for the gates between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qsnn_hw.model.network import INPUT
from qsnn_hw.report.bounds import Bounds
from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.spice.transistor_figures import transistor_figures
from qsnn_hw.targets.analog.wires import Wires

CONTROL_REGISTERS = 15
"""Of the digital side, besides a bit for each row and neuron: as in the mapped one of the digits network."""

CONTROL_CYCLES = 2
"""Of a step, besides the phases, a cycle for each event and one for each neuron."""


@dataclass(frozen=True)
class Activity:
    """What a mean sample does.

    Parameters
    ----------
    steps
        Time steps.
    spikes
        Source -> spikes of a sample: of the input and of every group.
    """

    steps: int
    spikes: Mapping[str, float]

    @classmethod
    def of(cls, inputs: np.ndarray, spikes: Mapping[str, np.ndarray]) -> "Activity":
        """Of arrays (time, sample, ...)."""
        samples = max(1, inputs.shape[1])
        counts = {INPUT: inputs, **spikes}
        return cls(len(inputs), {n: float(x.sum(dtype=np.int64)) / samples for n, x in counts.items()})

    @property
    def all_spikes(self) -> float:
        """Input, hidden and output spikes."""
        return sum(self.spikes.values())


@dataclass(frozen=True)
class EnergyPart:
    """One part of the chip, J an inference.

    Parameters
    ----------
    source
        Of what it is the energy, and where its range comes from.
    """

    name: str
    joule: Range
    source: str


def registers(network: AnalogNetwork, group: str) -> int:
    """Of the digital side of a group."""
    # Its own spikes come back inside the netlist.
    rows = sum(p.rows * (1 + p.delay) for p in network.into(group) if p.source != group)
    return rows + network.group(group).size + CONTROL_REGISTERS


def cycles_a_step(network: AnalogNetwork, device: Device, group: str, activity: Activity) -> float:
    """Clock cycles of a mean step of a group's digital side: events, phases, a cycle for each neuron."""
    into = network.into(group)
    events = [activity.spikes[p.source] / activity.steps for p in into if p.source != group]
    # Streams are collected side by side, one event a cycle each.
    phases = device.step_s / device.shortest_s
    return max(events, default=0.0) + phases + network.group(group).size + CONTROL_CYCLES


def energy_parts(
    network: AnalogNetwork, device: Device, wires: Wires, activity: Activity
) -> tuple[EnergyPart, ...]:
    """Every part of the chip; empty where the device file has no ``[energy]``, or there are no samples."""
    ranges = device.energy
    if ranges is None or wires.energy_j is None or wires.energy_low_j is None or wires.energy_high_j is None:
        return ()
    neurons = sum(group.size for group in network.groups)
    read_s = Range(ranges["read_ns"][0] * 1e-9, device.read_s, ranges["read_ns"][1] * 1e-9)
    longer = read_s.times(1 / device.read_s)
    volts = Range(ranges["read_v"][0], device.read_v, ranges["read_v"][1]).times(1 / device.read_v)
    conductance = Range(ranges["conductance_factor"][0], 1.0, ranges["conductance_factor"][1])
    chips = Range(wires.energy_low_j, wires.energy_j, wires.energy_high_j)
    bias_w = Range(*ranges["column_ua"]).times(1e-6).times(Range(*ranges["supply_v"]))
    made = [
        EnergyPart(
            "crossbar",
            chips.times(conductance).times(volts).times(volts).times(longer),
            "ohmic, golden's spikes; chip to chip, conductances, read voltage and read time of "
            "the device file",
        ),
        EnergyPart(
            "columns",
            bias_w.times(read_s).times(2 * neurons * activity.steps),
            "two virtual grounds a neuron while columns are read; bias current, supply and read time of the "
            "device file",
        ),
        _neurons(network, device, activity, neurons, longer),
    ]
    readout = [group for group in network.groups if group.readout]
    if readout and device.adc_bits is not None:
        reads = sum(group.size for group in readout) * 2**device.adc_bits
        made.append(
            EnergyPart(
                "converters",
                Range(*ranges["adc_fj_step"]).times(reads * 1e-15),
                "one conversion of a readout neuron a sample; a figure of merit of the device file",
            )
        )
    edges = sum(
        registers(network, group.name) * cycles_a_step(network, device, group.name, activity) * activity.steps
        for group in network.groups
    )
    made.append(
        EnergyPart(
            "digital side",
            Range(*ranges["flop_fj"]).times(edges * 1e-15),
            "registers of the AER side times its cycles; a figure a register and cycle of the device file",
        )
    )
    return tuple(made)


def _neurons(
    network: AnalogNetwork, device: Device, activity: Activity, neurons: int, longer: Range
) -> EnergyPart:
    figures = transistor_figures()
    spikes = sum(activity.spikes[group.name] for group in network.groups)
    rest = max(0.0, figures.rest_w) * neurons * activity.steps * device.step_s
    return EnergyPart(
        "neurons",
        Range(*figures.energy_range_j).times(spikes).plus(longer.times(rest)),
        f"golden's spikes times a simulated spike, and power at rest: {figures.said}",
    )


def total(parts: tuple[EnergyPart, ...]) -> Bounds:
    """All parts, every one at the same end, J; absent where there are none."""
    if not parts:
        return Bounds()
    return Bounds.of(Range.total(part.joule for part in parts))
