"""What comes from outside: the network and the samples; and what of both lies on the chip's edge."""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.golden.encoders import sent_spikes
from qsnn_hw.model.dataset import Dataset, load_dataset, load_pixels
from qsnn_hw.model.network import Network
from qsnn_hw.model.network_file import load_network, save_network
from qsnn_hw.model.readers.reader import convention_for, model_files, network_reader
from qsnn_hw.model.readouts import chosen_readout
from qsnn_hw.model.time_steps import ROCKPOOL_LEAVES_OUT, wrote_rockpool
from qsnn_hw.plan import AddressSpace, EncoderPlan
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.errors import UserError


def _read(job: Job) -> Network:
    options = job.options
    convention = convention_for(options.model, options.convention, options.settings)
    graph, build = network_reader(options.model, convention)
    network = build(convention)
    sizes = "-".join(str(n) for n in (network.input_size, *(g.size for g in network.groups)))
    by = network.convention.get("name", "its own")
    job.progress.say(f"read: {options.model}, {sizes} neurons, convention {by}")
    for warning in network.warnings:
        job.progress.say(f"warning: {warning}")
    if options.data is None and wrote_rockpool(graph):
        # With data it is compared, or the report says that nothing was given to compare with.
        job.progress.say(
            f"warning: {options.model} is Rockpool's, whose {ROCKPOOL_LEAVES_OUT}: give --data with the "
            "module's own output as out to compare with, or build from the live module"
        )
    return network


def _read_is_decided_by(job: Job) -> dict[str, object]:
    options = job.options
    convention = convention_for(options.model, options.convention, options.settings)
    return {
        "model": [job.digest(str(file)) for file in model_files(options.model)],
        "name": Path(options.model).name,
        "convention": None if convention is None else convention.as_dict(),
    }


def _save_network(job: Job, network: Network) -> None:
    save_network(network, job.path(outputs.NETWORK))


def _load_network(job: Job) -> Network:
    return load_network(job.path(outputs.NETWORK))


READ: Step[Network] = Step(
    "read",
    make=_read,
    leaves=[outputs.NETWORK],
    save=_save_network,
    load=_load_network,
    decided_by=_read_is_decided_by,
)
"""Model file and convention -> the network in real numbers."""


def _data(job: Job, network: Network) -> Dataset | None:
    options = job.options
    return None if options.data is None else read_samples(options, options.data, network, options.samples)


DATA: Step[Dataset | None] = Step("data", needs=(READ,), make=_data)
"""The test samples, checked against the network; None without ``--data``."""


def read_samples(options: BuildOptions, file: str, network: Network, samples: int | None = None) -> Dataset:
    """Spikes from a file, or made from its pixels as the encoder on the chip makes them.

    Parameters
    ----------
    samples
        Keep only the first so many; None keeps all.
    """
    encoder = encoder_of(options, network)
    if encoder is not None:
        return load_pixels(file, network=network, encode=partial(sent_spikes, encoder), samples=samples)
    return load_dataset(file, network=network, layout=options.layout, samples=samples)


def samples_digest(data: Dataset) -> str:
    """sha256 of all that samples hold, hexadecimal, where no file of theirs is known."""
    total = hashlib.sha256()
    for name, values in sorted(vars(data).items()):
        if isinstance(values, np.ndarray):
            total.update(f"{name} {values.dtype} {values.shape}\n".encode())
            total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()


def calibration_samples(options: BuildOptions, network: Network) -> Dataset | None:
    """The samples of ``--calibrate``; None without."""
    file = options.calibration_data
    return None if file is None else read_samples(options, file, network)


def io_options(options: BuildOptions, data_steps: int | None = None) -> IoOptions:
    """Encoder and readout as asked for; ``data_steps`` serves where no number of steps is given."""
    readout, steps = _asked_readout(options), options.steps
    if options.encoder is None and steps is not None:
        raise UserError("--steps belongs to --encoder: without one the host decides")
    if options.encoder is None and readout is not None:
        if readout == "count" and data_steps is None:
            raise UserError("--readout count sizes its counters by a sample's steps: give --data FILE")
        # The other readouts serve any number of steps.
        steps = data_steps or 1
    return IoOptions(
        options.encoder,
        readout,
        steps,
        options.encoder_floor,
        options.encoder_shift,
        options.encoder_seed,
        options.encoder_buffers,
        answer=options.readout is None,
    )


def _asked_readout(options: BuildOptions) -> ReadoutKind | None:
    return None if options.readout == "none" else options.readout


def encoder_of(options: BuildOptions, network: Network) -> EncoderPlan | None:
    """The encoder on the chip as asked for; None without."""
    if options.encoder is None:
        return None
    return io_options(options).make_encoder(AddressSpace((network.input_size,)))


def readout_of(options: BuildOptions, network: Network) -> ReadoutKind:
    """What answers: the readout on the chip, or the default of the output group.

    Raises
    ------
    UserError
        The output has no such readout, or potentials that the chip cannot compare.
    """
    output = network.group(network.output)
    kind = chosen_readout(_asked_readout(options), output.name, fires=output.threshold is not None)
    rest = output.rest
    if kind == "membrane" and options.readout != "none" and rest is not None and np.ptp(rest):
        raise UserError(
            f"group {output.name} starts at rests of {rest.min():g} to {rest.max():g}, and the chip counts "
            "each potential from its own, so the highest there may be another neuron's: train it with one "
            "v_leak for all, or give --readout none"
        )
    return kind
