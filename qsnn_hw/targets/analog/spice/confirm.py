"""Whether SPICE says the same as the reference model, spike for spike."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from qsnn_hw.model.network import INPUT
from qsnn_hw.targets.analog.agreement import ideal_run
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.reference import AnalogRun
from qsnn_hw.targets.analog.spice.circuits import group_circuit
from qsnn_hw.targets.analog.spice.record import GroupSpice, SpiceResult
from qsnn_hw.targets.analog.spice.simulate import GroupTrace, Simulator
from qsnn_hw.targets.analog.spice.user_neuron import UserNeuron
from qsnn_hw.toolchain.finder import Tool

NEAR_STEPS = 0.05
"""Of an integer potential step: what counts as a tie. Thresholds lie half a step from every integer."""


def confirm(
    network: AnalogNetwork,
    device: Device,
    inputs: np.ndarray,
    tool: Tool,
    folder: Path,
    user: UserNeuron | None = None,
    on_deck: Callable[[str], None] = lambda text: None,
) -> SpiceResult:
    """Run samples in ngspice and in the reference model, the chip the ideal one in both.

    Parameters
    ----------
    inputs
        uint8 0 or 1, shape (time, sample, address).
    folder
        For decks and what they gave.
    user
        A neuron of the user's own; its spikes are counted against the model's, and may differ.

    Raises
    ------
    UserError
        The network has a loop between groups.
    ToolError
        ngspice failed.
    """
    ideal = device.ideal()
    names = tuple(group.name for group in network.groups)
    model = ideal_run(network, device, inputs, names)
    simulator = Simulator(tool, folder, user)
    known = {INPUT: inputs}
    traces: dict[str, GroupTrace] = {}
    groups = []
    for name in names:
        before = simulator.decks
        trace = simulator.run(group_circuit(network, ideal, name), known, on_deck)
        known[name], traces[name] = trace.spikes, trace
        groups.append(_compared(network, model, name, trace, simulator.decks - before))
    samples = inputs.shape[1]
    first = [_first_difference(network, model, traces, sample) for sample in range(samples)]
    real = [text for near, text in first if text and not near]
    return SpiceResult(
        version=tool.version,
        missing=None,
        samples=samples,
        same_samples=sum(not text for _, text in first),
        near_ties=sum(near for near, _ in first),
        groups=tuple(groups),
        seconds=simulator.seconds,
        own_neuron=None if user is None else user.name,
        first_difference=next(iter(real or [text for _, text in first if text]), None),
    )


def _compared(
    network: AnalogNetwork, model: AnalogRun, name: str, trace: GroupTrace, decks: int
) -> GroupSpice:
    expected = model.spikes[name][0]
    error = None
    if trace.kept is not None:
        # Up to a spike that differs potentials are the same; behind it they are not meant to be.
        alike = np.logical_and.accumulate(trace.spikes == expected, axis=0)
        off = np.abs(trace.kept - model.potentials[name][0]) / network.group(name).v_step
        error = float(off[alike].max(initial=0.0))
    return GroupSpice(
        name=name,
        neurons=network.group(name).size,
        compared=int(expected.size),
        spice_spikes=int(trace.spikes.sum(dtype=np.int64)),
        model_spikes=int(expected.sum(dtype=np.int64)),
        differ=int(np.count_nonzero(trace.spikes != expected)),
        potential_error=error,
        decks=decks,
    )


def _first_difference(
    network: AnalogNetwork, model: AnalogRun, traces: dict[str, GroupTrace], sample: int
) -> tuple[bool, str]:
    """Of a sample: whether its first spike that differs is a near tie, and which it is; "" for none."""
    found: list[tuple[int, int, str, int]] = []
    for place, (name, trace) in enumerate(traces.items()):
        for step, neuron in np.argwhere(trace.spikes[:, sample] != model.spikes[name][0, :, sample])[:1]:
            found.append((int(step), place, name, int(neuron)))
    if not found:
        return False, ""
    step, _, name, neuron = min(found)
    trace, group = traces[name], network.group(name)
    at = f"sample {sample}, step {step}, group {name}, neuron {neuron}"
    said, meant = trace.spikes[step, sample, neuron], model.spikes[name][0, step, sample, neuron]
    has = f"{at}: {said} in SPICE, {meant} in the model"
    if trace.compared is None:
        return False, has
    over = (trace.compared[step, sample, neuron] - group.threshold[neuron]) / group.v_step[neuron]
    return abs(over) < NEAR_STEPS, f"{has}; the potential is {over:.2g} steps from the threshold"
