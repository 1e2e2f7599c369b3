"""Trimming a chip's columns: what every spike pattern adds is measured, and the neuron below is scaled to it.

Patterns of spikes are put on the rows, and the charge that each column gathers is compared with the one that
was meant: ``q = gain * q_meant + shift``, by least squares over the patterns. The neuron's threshold, reset
and bias are multiplied by ``gain``, its bias takes ``shift`` off, and the comparator's offset is taken off
the threshold as far as the trim's step allows. A readout neuron is corrected where its potential is read.
Labels are not used.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from qsnn_hw.model.network import INPUT
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.reference import AnalogRun, Neurons

PATTERNS = 256
"""How many are put on the rows."""

LEAST_GAIN = 0.1
"""A column that gathers less than this of what was meant is left as it is: there is nothing to scale to."""


def patterns(network: AnalogNetwork, inputs: np.ndarray, run: AnalogRun) -> dict[str, np.ndarray]:
    """Source -> spikes at the same moments of all sources, float32 of shape (patterns, addresses).

    Parameters
    ----------
    inputs
        (time, sample, address).
    run
        What the ideal chip made of them.
    """
    rng = np.random.default_rng(0)
    steps, samples = inputs.shape[:2]
    moments = rng.integers(0, steps * samples, PATTERNS)
    spikes = {INPUT: inputs, **{group.name: run.spikes[group.name][0] for group in network.groups}}
    return {
        name: each.reshape(steps * samples, -1)[moments].astype(np.float32) for name, each in spikes.items()
    }


def trimmed(
    network: AnalogNetwork,
    device: Device,
    meant: Mapping[str, np.ndarray],
    drives: Mapping[str, np.ndarray],
    neurons: Mapping[str, Neurons],
    shown: Mapping[str, np.ndarray],
) -> dict[str, Neurons]:
    """The neurons of one chip after calibration.

    Parameters
    ----------
    meant, drives
        Projection -> volts a spike adds, (1, rows, n): of the integer weights, and of this chip.
    shown
        Source -> its spikes in the patterns, see :func:`patterns`.
    """
    done = {}
    for group in network.groups:
        one = neurons[group.name]
        into = network.into(group.name)
        if not into:
            done[group.name] = one
            continue
        wanted = sum(shown[p.source] @ meant[p.name][0] for p in into)
        found = sum(shown[p.source] @ drives[p.name][0] for p in into)
        gain, shift = _fit(np.asarray(wanted, float), np.asarray(found, float))
        offset = np.zeros(group.size) if one.offset is None else one.offset[0]
        threshold = group.threshold * gain + offset - _steps(offset, device.trim_v)
        done[group.name] = replace(
            one,
            threshold=threshold[np.newaxis],
            reset_amount=(group.reset_amount * gain)[np.newaxis],
            reset_to=(group.reset_to * gain)[np.newaxis],
            # Of a group with a synaptic current the shift is the current's, which has no trim.
            bias=(group.bias * gain - (0.0 if group.current_decay is not None else shift))[np.newaxis],
            gain=gain[np.newaxis],
            shift=offset[np.newaxis],
        )
    return done


def _fit(wanted: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gain and shift of each column, shape (n,), by least squares over (patterns, n)."""
    middle, mean = wanted.mean(axis=0), found.mean(axis=0)
    spread = ((wanted - middle) ** 2).sum(axis=0)
    together = ((wanted - middle) * (found - mean)).sum(axis=0)
    gain = np.where(spread > 0, together / np.where(spread > 0, spread, 1.0), 1.0)
    usable = gain > LEAST_GAIN
    gain = np.where(usable, gain, 1.0)
    return gain, np.where(usable, mean - gain * middle, 0.0)


def _steps(values: np.ndarray, step: float) -> np.ndarray:
    """``values`` to whole steps; 0 is a trim without steps."""
    return values if step == 0 else np.rint(values / step) * step
