"""The analog chip's row in the comparison of targets: accuracy over many chips, time by the device's own."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from qsnn_hw.compare import Known, Row, Size
from qsnn_hw.report.bounds import Bounds, range_text
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.sections.chips import CHIPS
from qsnn_hw.targets.analog.sections.wires import WIRES as WIRES_PART
from qsnn_hw.targets.analog.steps import CROSSBAR, DEVICE, MODEL, WIRES, levels_said
from qsnn_hw.targets.rows import Asked, Contribution, Maker

USE = "Mixed signal: sensors of very little power, once somebody makes the chip"

_CAVEAT = (
    "No chip exists. What neurons, converters and the digital part spend is not known, so there is no "
    "energy: reading the cells alone takes {cells} an inference, estimated. Neurons are those of the device "
    "file."
)


def makers(asked: Asked) -> Sequence[Maker]:
    """One, with the default device."""
    return [Maker("analog", partial(rows, asked))]


ANALOG_ROWS = Contribution("analog", makers)


def rows(asked: Asked) -> list[Row]:
    """Of the network on crossbars: built with its Monte-Carlo, or by the ideal chip alone."""
    options = replace(asked.options, target="analog")
    run = asked.in_memory(options)
    network, device = run.get(CROSSBAR), run.get(DEVICE)
    accuracy, samples = Known(), None
    if not asked.predict:
        report = asked.build("analog", options)
        chips, wires = report[CHIPS], report[WIRES_PART]
        energy = Bounds(wires.energy_low_nj, wires.energy_nj, wires.energy_high_nj)
        if chips.accuracies:
            ends = (min(chips.accuracies), float(np.mean(chips.accuracies)), max(chips.accuracies))
            source = f"Monte-Carlo of {chips.chips} chips of device {device.name}: worst, mean and best"
            accuracy, samples = Known(*ends, "estimated", source), chips.samples
    else:
        found, model = run.get(WIRES), run.get(MODEL)
        ends_nj = (found.energy_low_j, found.energy_j, found.energy_high_j)
        energy = Bounds(*(None if end is None else end * 1e9 for end in ends_nj))
        if model is not None and model.analog_right is not None:
            source = f"the ideal chip by the analog reference model, {model.samples:,} samples"
            accuracy = Known.exactly(model.analog_right / model.samples, "simulated", source)
            samples = model.samples
    us = step_us(network, device) * asked.data.steps
    timing = f"time steps of device {device.name}, group behind group"
    counted = "cells of the mapping, two a weight"
    return [
        Row(
            "analog",
            "analog",
            f"analog crossbars, device {device.name}",
            USE,
            _CAVEAT.format(cells=range_text(energy, "nJ")),
            accuracy,
            samples,
            Known.exactly(us, "computed", timing),
            Known.exactly(1e6 / us, "computed", f"one after the other, {timing}"),
            sizes={
                "cells": Size(Known.exactly(network.cells, "computed", counted)),
                "tiles": Size(Known.exactly(len(network.tiles), "computed", counted)),
            },
        )
    ]


def step_us(network: AnalogNetwork, device: Device) -> float:
    """Of a time step: a group reads when the one before it has fired."""
    return len(network.groups) * device.step_s * 1e6
