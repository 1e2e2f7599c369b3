"""Small analog circuits, and what they do by the equations alone, step by step."""

from typing import Any

import numpy as np

from qsnn_hw.targets.analog.spice.circuit import GroupCircuit, NeuronCircuit, StepTiming, TileCircuit

TIMING = StepTiming(20e-9, 20e-9, 10e-9, 10e-9, 40e-9, read_volts=0.2)
CAPACITOR = 1e-12
STEP_V = 0.2 * 1e-6 * 20e-9 / CAPACITOR
"""What a microsiemens moves a potential by in a step."""


def leak(decay: float) -> float:
    """S, of a neuron that keeps ``decay`` of its potential."""
    return float(-np.log(decay)) * CAPACITOR / TIMING.leak_s


def neurons(size: int, **changes: Any) -> NeuronCircuit:
    """Neurons that subtract 8 steps at a threshold of 7.5, with a decay of 0.9."""
    one = np.ones(size)
    given: dict[str, Any] = {
        "capacitor": CAPACITOR,
        "leak": one * leak(0.9),
        "threshold": one * 7.5 * STEP_V,
        "reset": "subtract",
        "reset_delay": False,
        "reset_amount": one * 8 * STEP_V,
        "reset_to": one * 0.0,
        "bias": one * 0.0,
        "start": one * 0.0,
        "swing": 1.2,
    }
    return NeuronCircuit(**(given | changes))


def tile(weights: np.ndarray, *, name: str = "p_r0_c0", source: str = "input", **changes: Any) -> TileCircuit:
    """Of whole weights, (rows, neurons): a microsiemens each above one that every device has."""
    plus, minus = 1e-6 * (1 + np.maximum(weights, 0)), 1e-6 * (1 + np.maximum(-weights, 0))
    given: dict[str, Any] = {"addresses": np.arange(len(weights)), "first_neuron": 0}
    return TileCircuit(name=name, source=source, plus=plus, minus=minus, **(given | changes))


def group(tiles: tuple[TileCircuit, ...], neuron: NeuronCircuit, wire_ohm: float = 0.0) -> GroupCircuit:
    """A group called hidden."""
    return GroupCircuit("hidden", tiles, wire_ohm, neuron, TIMING)


def expected(circuit: GroupCircuit, events: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Spikes, bool, and potentials behind the reset phase, V, both (time, sample, neuron)."""
    neuron, timing = circuit.neuron, circuit.timing
    steps, samples = next(iter(events.values())).shape[:2]
    fired = np.zeros((steps, samples, neuron.size), bool)
    kept = np.zeros(fired.shape)
    for sample in range(samples):
        v, u, before = neuron.start.copy(), np.zeros(neuron.size), np.zeros(neuron.size, bool)
        silent = np.zeros(neuron.size, int)
        for step in range(steps):
            x = np.zeros(neuron.size)
            for part in circuit.tiles:
                late = part.delay + part.own
                source = fired if part.own else events[part.source]
                spikes = source[step - late, sample, part.addresses] if step >= late else 0 * part.addresses
                here = slice(part.first_neuron, part.first_neuron + part.neurons)
                current = spikes @ (part.plus - part.minus) * timing.read_volts
                x[here] += current * timing.read_s / neuron.capacitor
            if neuron.current_leak is None:
                v = v + x + neuron.bias
            else:
                u = u + x + neuron.current_bias
                v = v + u + neuron.bias
            if neuron.reset == "subtract" and neuron.reset_delay:
                v = v - before * neuron.reset_amount
            v, u = np.clip(v, -neuron.swing, neuron.swing), np.clip(u, -neuron.swing, neuron.swing)
            before = (v >= neuron.threshold) & (silent == 0)
            silent = np.where(before, neuron.refractory, np.maximum(silent - 1, 0))
            if neuron.reset == "subtract" and not neuron.reset_delay:
                v = v - before * neuron.reset_amount
            if neuron.reset == "value":
                v = np.where(before, neuron.reset_to, v)
            fired[step, sample], kept[step, sample] = before, v
            v = v * np.exp(-neuron.leak * timing.leak_s / neuron.capacitor)
            if neuron.current_leak is not None:
                u = u * np.exp(-neuron.current_leak * timing.leak_s / neuron.capacitor)
    return fired, kept
