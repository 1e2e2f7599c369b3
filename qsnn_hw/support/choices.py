"""Words that a person chooses among, as types: one definition for command line, saved options and use.

The part that acts on a word takes its type from here and says there what each word does. They stand below
every part because ``qsnn-hw --help`` lists them and loads nothing else.
"""

from typing import Literal, TypeAlias, get_args

Layout: TypeAlias = Literal["auto", "time-sample", "sample-time"]
"""Order of the first two axes of samples: ``model/dataset.py``."""
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

ReadoutKind: TypeAlias = Literal["count", "first", "membrane"]
"""What answers: ``model/readouts.py``."""
READOUTS: tuple[ReadoutKind, ...] = get_args(ReadoutKind)

Clip: TypeAlias = Literal["max", "mse", "percentile"]
"""Where weights saturate: ``quantize/integers.py``."""
CLIPS: tuple[Clip, ...] = get_args(Clip)

LeakRounding: TypeAlias = Literal["floor", "zero"]
"""How a leak is rounded: ``quantize/network.py``."""
LEAK_ROUNDINGS: tuple[LeakRounding, ...] = get_args(LeakRounding)

KeepIntegers: TypeAlias = Literal["rows", "group", "none"]
"""Which weights keep integers that they have already: ``quantize/own_integers.py``."""
KEEP_INTEGERS: tuple[KeepIntegers, ...] = get_args(KeepIntegers)

Aim: TypeAlias = Literal["balanced", "latency", "area", "energy"]
"""What a design is chosen for: ``explore/designs/balance.py``."""
AIMS: tuple[Aim, ...] = get_args(Aim)

Accumulators: TypeAlias = Literal["registers", "memory"]
"""Where the sums of a step are: ``plan/group_plan.py``."""
ACCUMULATORS: tuple[Accumulators, ...] = get_args(Accumulators)

SynapseStore: TypeAlias = Literal["rom", "ram"]
"""Where weights are: ``plan/group_plan.py``."""

LinkName: TypeAlias = Literal["uart", "spi"]
"""What is between a board and its host: ``families/boards.py``."""
LINKS: tuple[LinkName, ...] = get_args(LinkName)

EncoderKind: TypeAlias = Literal["rate", "latency", "direct"]
"""How pixels become spikes on the chip: ``plan/io_plan.py``."""
ENCODERS: tuple[EncoderKind, ...] = get_args(EncoderKind)

SimulatorName: TypeAlias = Literal["verilator", "cocotb", "icarus"]
"""What drives the simulated design, see ``verify/simulation.py``: a program of its own made by Verilator;
Verilator under cocotb; Icarus under cocotb."""
SIMULATORS: tuple[SimulatorName, ...] = get_args(SimulatorName)

DeviceName: TypeAlias = Literal["auto", "cpu", "cuda"]
"""Where PyTorch runs a batch: ``targets/gpu/device.py``."""
DEVICES: tuple[DeviceName, ...] = get_args(DeviceName)

SynapseStorage: TypeAlias = Literal["sram", "latches", "constants"]
"""Where the synapses of a crossbar tile are: ``rtl/crossbar/synapses.py``."""

NeuronSharing: TypeAlias = Literal["auto", "shared", "parallel"]
"""One neuron circuit for all columns of a tile, or one for each: ``targets/asic/sharing.py``."""

Remedy: TypeAlias = Literal["levels", "remap", "calibrate", "redundancy"]
"""What makes an analog chip more like its model: ``targets/analog/chips.py``."""
REMEDIES: tuple[Remedy, ...] = get_args(Remedy)

PdkName: TypeAlias = Literal["osu018", "osu035", "sky130"]
"""Standard cells that are found by name: ``targets/asic/pdk.py``."""
