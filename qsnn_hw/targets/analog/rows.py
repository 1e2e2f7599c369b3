"""The analog chip's row in the comparison of targets: accuracy over many chips, time by the device's own."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from qsnn_hw.compare import Known, Row, Size
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.energy import Activity, cycles_a_step, energy_parts, total
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.sections.agreement import ANALOG_MODEL
from qsnn_hw.targets.analog.sections.chips import CHIPS
from qsnn_hw.targets.analog.sections.energy import SPENT
from qsnn_hw.targets.analog.steps import CROSSBAR, DEVICE, MODEL, WIRES, levels_said
from qsnn_hw.targets.rows import Asked, Contribution, Maker

USE = "Mixed signal: sensors of very little power, once somebody makes the chip"

_CAVEAT = (
    "No chip exists: energy and time are the device file's, and most of its figures are assumed. Neurons are "
    "counted as the transistor circuit that was simulated, which is not the one of the netlist."
)


_SPENT = "all parts of the chip, each figure of the device file at one end; neurons simulated in sky130"


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
        chips, model = report[CHIPS], report[ANALOG_MODEL]
        joule, per_spike = report[SPENT].nj_per_sample, report[SPENT].pj_per_spike
        uj = Known.bounds(joule, "estimated", _SPENT).times(1e-3)
        spike = Known.bounds(per_spike, "estimated", _SPENT).times(1e-3)
        if chips.accuracies:
            ends = (min(chips.accuracies), float(np.mean(chips.accuracies)), max(chips.accuracies))
            source = f"Monte-Carlo of {chips.chips} chips of device {device.name}: worst, mean and best"
            accuracy, samples = Known(*ends, "estimated", source), chips.samples
        rounded, differ, exact = model.rounded_weights, model.spikes_differ, model.exact_differ
    else:
        found = run.get(MODEL)
        activity = Activity.of(asked.data.input, asked.golden.integer.spikes)
        whole = total(energy_parts(network, device, run.get(WIRES), activity))
        uj = Known.bounds(whole, "estimated", _SPENT).times(1e6)
        spike = uj.times(1e3 / activity.all_spikes) if activity.all_spikes else Known()
        if found is not None and found.analog_right is not None:
            source = f"the ideal chip by the analog reference model, {found.samples:,} samples"
            accuracy = Known.exactly(found.analog_right / found.samples, "simulated", source)
            samples = found.samples
        rounded, differ, exact = (
            (None, None, None) if found is None else (found.rounded, found.differ, found.exact_differ)
        )
    caveat = _CAVEAT
    if rounded and differ is not None and exact is not None:
        caveat += f" {levels_said(rounded, differ, exact, device)}."
    us = sample_us(network, device, Activity.of(asked.data.input, asked.golden.integer.spikes))
    timing = f"phases of device {device.name}, cycles of the digital side, mean sample, group behind group"
    counted = "cells of the mapping, two a weight"
    return [
        Row(
            "analog",
            "analog",
            f"analog crossbars, device {device.name}",
            USE,
            caveat,
            accuracy,
            samples,
            Known.exactly(us, "computed", timing),
            Known.exactly(1e6 / us, "computed", f"one after the other, {timing}"),
            uj,
            spike,
            uj.inverse(1e6, _SPENT),
            sizes={
                "cells": Size(Known.exactly(network.cells, "computed", counted)),
                "tiles": Size(Known.exactly(len(network.tiles), "computed", counted)),
            },
        )
    ]


def sample_us(network: AnalogNetwork, device: Device, activity: Activity) -> float:
    """Of a mean sample: a group collects its events when the one before it has sent them."""
    cycles = sum(cycles_a_step(network, device, group.name, activity) for group in network.groups)
    return cycles * activity.steps * device.shortest_s * 1e6
