"""The netlist of a build, and SPICE's word on the reference model."""

from pathlib import Path

import numpy as np

from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.inputs import DATA
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import INPUT
from qsnn_hw.rtl.text.export import export_verilog
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import write_text
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.spice.aer import AnalogInterface, phase_cycles, row_blocks
from qsnn_hw.targets.analog.spice.circuit import PHASES
from qsnn_hw.targets.analog.spice.circuits import group_circuit, timing_of
from qsnn_hw.targets.analog.spice.confirm import confirm
from qsnn_hw.targets.analog.spice.names import spice_names
from qsnn_hw.targets.analog.spice.netlist import driven_rows, group_netlist
from qsnn_hw.targets.analog.spice.record import CircuitFile, Circuits, SpiceResult
from qsnn_hw.targets.analog.spice.user_neuron import UserNeuron, read_user_neuron
from qsnn_hw.targets.analog.steps import CROSSBAR, DEVICE, device_values
from qsnn_hw.toolchain.finder import find_tool

RUN_FOLDER = f"{outputs.CIRCUIT_FOLDER}/runs"
# Where nothing is said, about as many cells as SPICE solves in a minute or two, and always a sample.
_CELLS = 25_000
_SAMPLES = 5


def user_neuron(job: Job) -> UserNeuron | None:
    """The user's own neuron; None where none is named."""
    return None if job.options.neuron is None else read_user_neuron(Path(job.options.neuron))


def _neuron_digest(job: Job) -> str | None:
    return None if job.options.neuron is None else job.digest(job.options.neuron)


def _words(network: AnalogNetwork) -> dict[str, str]:
    return spice_names([INPUT, *(group.name for group in network.groups)])


def _names(network: AnalogNetwork) -> dict[str, str]:
    """Group -> its files without their suffixes, relative to the output folder."""
    words = _words(network)
    return {group.name: f"{outputs.CIRCUIT_FOLDER}/{words[group.name]}" for group in network.groups}


def _netlist(job: Job, network: AnalogNetwork, device: Device) -> Circuits:
    user, words, files = user_neuron(job), _words(network), []
    job.path(outputs.CIRCUIT_FOLDER).mkdir(exist_ok=True)
    clock_hz = 1 / min(timing_of(device).length(phase) for phase in PHASES)
    for name, file in _names(network).items():
        circuit = group_circuit(network, device, name)
        write_text(job.path(f"{file}.cir"), group_netlist(circuit, words, user))
        rows = driven_rows(circuit, words)
        interface = AnalogInterface(
            row_blocks(rows), circuit.neuron.size, phase_cycles(circuit.timing, clock_hz)
        )
        export_verilog(interface, f"{words[name]}_aer", job.path(outputs.CIRCUIT_FOLDER), job.progress)
        counts = (len(circuit.tiles), len(rows), circuit.neuron.size)
        files.append(CircuitFile(name, f"{file}.cir", words[name], f"{file}_aer.v", *counts))
    own = None if user is None else user.name
    job.progress.say(
        f"netlist: {len(files)} groups as SPICE, and their digital side as Verilog, in "
        f"{outputs.CIRCUIT_FOLDER}/"
    )
    return Circuits(tuple(files), device.wire_ohm, clock_hz / 1e6, own)


def _netlist_leaves(job: Job, network: AnalogNetwork, device: Device) -> list[str]:
    return [f"{file}{suffix}" for file in _names(network).values() for suffix in (".cir", "_aer.v")]


def _netlist_is_decided_by(job: Job, network: AnalogNetwork, device: Device) -> dict[str, object]:
    yosys = find_tool("yosys").version
    return {"device": device_values(device), "neuron": _neuron_digest(job), "yosys": yosys}


NETLIST: Step[Circuits] = Step(
    "netlist",
    needs=(CROSSBAR, DEVICE),
    make=_netlist,
    record=(Circuits, outputs.CIRCUITS),
    leaves=_netlist_leaves,
    decided_by=_netlist_is_decided_by,
)
"""A SPICE file for every group, its tiles and neurons, and Verilog of its digital side."""


def spice_samples(job: Job, network: AnalogNetwork, data: Dataset | None) -> int:
    """How many samples go through SPICE."""
    if data is None:
        return 0
    asked = job.options.spice_samples
    if asked is None:
        asked = max(1, min(_SAMPLES, _SAMPLES * _CELLS // max(1, network.cells)))
    return min(asked, data.samples)


def _spice(job: Job, network: AnalogNetwork, device: Device, data: Dataset | None) -> SpiceResult:
    samples = spice_samples(job, network, data)
    if data is None or not samples:
        why = "no samples were given" if data is None else "--spice-samples is 0"
        return SpiceResult(None, why, 0, 0, 0, (), 0.0)
    try:
        tool = find_tool("ngspice")
    except UserError as error:
        job.progress.say(f"warning: SPICE did not confirm the netlist: {error}")
        return SpiceResult(None, str(error), 0, 0, 0, (), 0.0)
    user = user_neuron(job)
    inputs = np.asarray(data.input, np.uint8).reshape(*data.input.shape[:2], -1)[:, :samples]
    folder = job.path(RUN_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with job.progress.task(f"ngspice, {samples} samples") as task:
            result = confirm(network, device, inputs, tool, folder, user, task.waiting)
    except UserError as error:
        if job.options.spice_samples is not None:
            raise
        # Nobody asked for it by number: netlist, model and Monte-Carlo are worth having without it.
        job.progress.say(f"warning: SPICE did not confirm the netlist: {error}")
        return SpiceResult(None, str(error), 0, 0, 0, (), 0.0)
    job.progress.say(f"spice: {words_of(result)}")
    return result


def words_of(result: SpiceResult) -> str:
    """What came out, in a line."""
    if result.missing is not None:
        return f"not run: {result.missing}"
    text = (
        f"every spike of {result.same_samples} of {result.samples} samples is the reference model's, "
        f"{result.differ:,} of {result.compared:,} places differ"
    )
    if result.near_ties:
        text += f"; {result.near_ties} samples part at a tie"
    return f"{text}; first: {result.first_difference}" if result.first_difference else text


def _spice_is_decided_by(
    job: Job, network: AnalogNetwork, device: Device, data: Dataset | None
) -> dict[str, object]:
    samples = spice_samples(job, network, data)
    try:
        version: object = find_tool("ngspice").version or "unknown" if samples else None
    except UserError as error:
        version = str(error)
    return {
        "device": device_values(device),
        "samples": samples,
        "neuron": _neuron_digest(job),
        "ngspice": version,
    }


SPICE: Step[SpiceResult] = Step(
    "spice",
    needs=(CROSSBAR, DEVICE, DATA),
    after=(NETLIST,),
    make=_spice,
    record=(SpiceResult, outputs.SPICE),
    decided_by=_spice_is_decided_by,
)
"""Some samples through the ideal chip in ngspice, beside the reference model."""
