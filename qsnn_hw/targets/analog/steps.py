"""From integers to an analog chip: the steps that only this target has."""

from typing import Any

import numpy as np

from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA, READ, calibration_samples
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.steps.step import Job, Step, lacks_any
from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.support.choices import Remedy
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.agreement import Agreement, compare
from qsnn_hw.targets.analog.chips import Bench, monte_carlo
from qsnn_hw.targets.analog.chips_record import Chips
from qsnn_hw.targets.analog.device import Device, changed_device
from qsnn_hw.targets.analog.device_file import load_device
from qsnn_hw.targets.analog.mapping import map_network
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.wires import Wires, measure

TILE = (64, 64)
CHIPS = 100
CALIBRATION_SAMPLES = 64
REMEDIES: tuple[Remedy, ...] = ("levels", "remap", "calibrate")
"""Where nothing is said: those that take no more cells."""


def remedies_of(job: Job) -> tuple[Remedy, ...]:
    """Those that are on."""
    return REMEDIES if job.options.remedies is None else job.options.remedies


def tile_of(job: Job) -> tuple[int, int]:
    """Most rows and columns of a crossbar; UserError where no pair of columns fits."""
    rows, columns = job.options.tile or TILE
    if columns % 2:
        raise UserError(
            f"--tile {rows}x{columns}: a neuron takes two columns, plus and minus; give an even number"
        )
    return rows, columns


def _device(job: Job) -> Device:
    options = job.options
    tile_of(job)
    return changed_device(load_device(options.device), options.levels, options.sigma)


DEVICE: Step[Device] = Step("device", make=_device)
"""Cells, wires and neurons, as the user names and changes them."""


def device_values(device: Device) -> dict[str, Any]:
    """All that decides a step through the device, as JSON takes it; what energy ranges over decides none."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(device).items()
        if name != "energy"
    }


def _crossbar(
    job: Job, quantization: Quantization, golden: GoldenResult | None, device: Device
) -> AnalogNetwork:
    network, remedies = quantization.quantized, remedies_of(job)
    tile = tile_of(job)
    made = map_network(
        network,
        device,
        tile,
        aware="levels" in remedies,
        copies=2 if "redundancy" in remedies else 1,
        peaks=_peaks(quantization, golden),
    )
    job.progress.say(
        f"crossbar: {len(made.tiles):,} tiles of at most {tile[0]} x {tile[1]}, {made.cells:,} cells, device "
        f"{device.name}, {len(device.levels)} levels of {device.g_min * 1e6:g} to {device.g_max * 1e6:g} uS"
    )
    return made


def _peaks(quantization: Quantization, golden: GoldenResult | None) -> dict[str, float]:
    if golden is None:
        return {}
    potentials = golden.integer.potentials
    return {
        group.name: float(np.abs(potentials[group.name]).max(initial=0))
        for group in quantization.quantized.groups
        if group.readout
    }


def _crossbar_is_decided_by(
    job: Job, quantization: Quantization, golden: GoldenResult | None, device: Device
) -> dict[str, object]:
    return {
        "device": device_values(device),
        "tile": list(tile_of(job)),
        "remedies": sorted(remedies_of(job)),
    }


CROSSBAR: Step[AnalogNetwork] = Step(
    "crossbar",
    needs=(QUANTIZE, GOLDEN, DEVICE),
    make=_crossbar,
    record=(AnalogNetwork, outputs.CROSSBAR),
    decided_by=_crossbar_is_decided_by,
)
"""Weights on pairs of conductances, those in tiles, and neurons in volts and farads."""


def _model(
    job: Job,
    network: AnalogNetwork,
    device: Device,
    data: Dataset | None,
    golden: GoldenResult | None,
    quantization: Quantization,
) -> Agreement | None:
    if data is None or golden is None:
        return None
    agreement = compare(network, device, data, golden, quantization.quantized, job.progress)
    job.progress.say(
        f"analog model: {agreement.differ:,} of {agreement.golden_spikes:,} golden spikes differ, "
        f"{agreement.same_answers:,} of {agreement.samples:,} answers are the same"
    )
    if agreement.rounded:
        job.progress.say(
            f"warning: {levels_said(agreement.rounded, agreement.differ, agreement.exact_differ, device)}"
        )
    return agreement


def levels_said(rounded: float, differ: int, exact: int, device: Device) -> str:
    """What it comes to that a device's levels do not hold the integers' weights, and what else there is.

    Parameters
    ----------
    rounded, differ, exact
        Of :class:`~qsnn_hw.targets.analog.agreement.Agreement`.
    """
    said = (
        f"{len(device.levels)} levels do not hold {100 * rounded:.0f} % of the weights as the "
        "integers have them: "
        f"{differ:,} spikes differ, with the integers' own weights it would be {exact:,}"
    )
    bits = bits_held(device)
    return said if bits is None else f"{said}; --bits {bits} or less fits these levels"


def bits_held(device: Device) -> int | None:
    """The widest signed weights whose every magnitude has a level; None where levels are not evenly apart."""
    steps = np.diff(device.levels)
    if not np.allclose(steps, steps[0], rtol=1e-6, atol=0):
        return None
    # Magnitudes go up to 2**(bits - 1) - 1, and lie that many levels above the lowest.
    return len(device.levels).bit_length()


MODEL: Step[Agreement | None] = Step(
    "analog model",
    needs=(CROSSBAR, DEVICE, DATA, GOLDEN, QUANTIZE),
    make=_model,
    record=(Agreement, outputs.AGREEMENT),
    absent=lacks_any,
)
"""The reference model of the ideal chip beside golden; None without samples."""


def _calibration_spikes(job: Job, network: Network, data: Dataset) -> tuple[np.ndarray, str]:
    """Spikes that calibration puts on the rows, (time, sample, address), and whose they are."""
    own = calibration_samples(job.options, network)
    chosen = data if own is None else own
    spikes = chosen.input[:, :CALIBRATION_SAMPLES]
    whose = "the test samples, without their labels" if own is None else "the samples of --calibrate"
    return spikes.reshape(*spikes.shape[:2], -1), f"spikes of the first {spikes.shape[1]} of {whose}"


def _chips(
    job: Job,
    network: AnalogNetwork,
    device: Device,
    data: Dataset | None,
    golden: GoldenResult | None,
    quantization: Quantization,
    trained: Network,
) -> Chips | None:
    if data is None or golden is None:
        return None
    shown, whose = _calibration_spikes(job, trained, data)
    bench = Bench(
        integers=quantization.quantized,
        tile=(network.tile_rows, network.tile_columns),
        peaks=_peaks(quantization, golden),
        device=device,
        golden=golden,
        data=data,
        shown=shown,
        seed=job.options.seed,
    )
    count = CHIPS if job.options.chips is None else job.options.chips
    found = monte_carlo(bench, remedies_of(job), count, whose, job.progress)
    job.progress.say(f"Monte-Carlo: mean loss {found.lost_pp('on').mean():.2f} pp over {count} chips")
    return found


def _chips_are_decided_by(
    job: Job, network: AnalogNetwork, device: Device, data: Dataset | None, *_: object
) -> dict[str, object]:
    options = job.options
    return {
        "device": device_values(device),
        "chips": CHIPS if options.chips is None else options.chips,
        "remedies": sorted(remedies_of(job)),
        "seed": options.seed,
        "calibration": None if options.calibration_data is None else job.digest(options.calibration_data),
    }


MONTE_CARLO: Step[Chips | None] = Step(
    "chips",
    needs=(CROSSBAR, DEVICE, DATA, GOLDEN, QUANTIZE, READ),
    make=_chips,
    record=(Chips, outputs.CHIPS),
    absent=lacks_any,
    decided_by=_chips_are_decided_by,
)
"""Many chips by chance, with remedies and without; None without samples."""


def _wires(
    job: Job, network: AnalogNetwork, device: Device, data: Dataset | None, golden: GoldenResult | None
) -> Wires:
    inputs = None if data is None else data.input.reshape(*data.input.shape[:2], -1)
    spikes = {} if golden is None else dict(golden.integer.spikes)
    return measure(network, device, inputs, spikes, job.options.seed, job.progress)


def _wires_are_decided_by(job: Job, network: AnalogNetwork, device: Device, *_: object) -> dict[str, object]:
    return {"device": device_values(device), "seed": job.options.seed}


WIRES: Step[Wires] = Step(
    "wires",
    needs=(CROSSBAR, DEVICE, DATA, GOLDEN),
    make=_wires,
    record=(Wires, outputs.WIRES),
    decided_by=_wires_are_decided_by,
)
"""IR drop of every tile, settling, and what reading costs."""
