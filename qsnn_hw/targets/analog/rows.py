"""The analog chip's row in the comparison of targets: accuracy over many chips, time by the device's own."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from qsnn_hw.compare import Known, Row, Size
from qsnn_hw.model.network import INPUT
from qsnn_hw.report.words import rounded
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.sections.chips import CHIPS
from qsnn_hw.targets.analog.steps import CROSSBAR, DEVICE, MODEL
from qsnn_hw.targets.rows import Asked, Contribution, Maker

USE = "Mixed signal: sensors of very little power, once somebody makes the chip"

_CAVEAT = (
    "No chip exists. What the neurons spend is not known, because a behavioural neuron spends nothing; the "
    "cells alone take {cells} nJ an inference, computed, read by read. Neurons are those of the device file."
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
        chips = asked.build("analog", options)[CHIPS]
        if chips.accuracies and chips.golden is not None:
            ends = (min(chips.accuracies), float(np.mean(chips.accuracies)), max(chips.accuracies))
            source = f"Monte-Carlo of {chips.chips} chips of device {device.name}, worst, mean and best"
            accuracy, samples = Known(*ends, "estimated", source), chips.samples
    elif (found := run.get(MODEL)) is not None and found.analog_right is not None:
        source = f"the ideal chip by the analog reference model, {found.samples:,} samples"
        accuracy = Known.exactly(found.analog_right / found.samples, "simulated", source)
        samples = found.samples
    us = step_us(network, device) * asked.data.steps
    timing = f"time steps of device {device.name}, group behind group"
    nj = cell_nj(asked, network, device)
    counted = "cells of the mapping, two a weight"
    return [
        Row(
            "analog",
            "analog",
            f"analog crossbars, device {device.name}",
            USE,
            _CAVEAT.format(cells=rounded(nj)),
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


def cell_nj(asked: Asked, network: AnalogNetwork, device: Device) -> float:
    """Ohmic energy of the cells in a mean sample: ``read_v**2 * G * read_s`` each time a cell's row spikes.

    Wires are left out, which would take current away.
    """
    spikes = {**asked.golden.integer.spikes, INPUT: asked.data.input}
    total = 0.0
    for tile in network.tiles:
        counts = spikes[network.projection(tile.projection).source]
        fired = counts.reshape(-1, counts[0, 0].size).sum(axis=0, dtype=np.int64)
        row = (device.levels[tile.plus] + device.levels[tile.minus]).sum(axis=1)
        total += float(fired[tile.part[0]] @ row)
    return total * device.read_v**2 * device.read_s * 1e9 / asked.data.samples
