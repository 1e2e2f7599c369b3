"""From what the user asked for to integers: as given, calibrated, or as narrow as a drop allows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qsnn_hw.explore.integers.calibrate import RunIntegers, by_golden, calibrate, comparable
from qsnn_hw.explore.integers.drop import Drop, fall
from qsnn_hw.explore.integers.narrowest import narrowest
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import Progress


@dataclass(frozen=True)
class Quantization:
    """The integers, and how they came about.

    Parameters
    ----------
    options
        What leads to them (compensated rounding: on the same samples).
    quantized
        The integers.
    drop
        What they cost on the calibration samples; None without calibration.
    """

    options: QuantizeOptions
    quantized: QuantizedNetwork
    drop: Drop | None = None


def choose(
    network: Network,
    options: QuantizeOptions,
    calibration: Dataset | None,
    max_drop: float | None,
    progress: Progress,
    readout: ReadoutKind,
    run: RunIntegers = by_golden,
) -> Quantization:
    """Quantize ``network``.

    Parameters
    ----------
    calibration
        Samples to choose rounding by; None rounds as ``options`` says.
    max_drop
        Percentage points of accuracy on ``calibration`` that may be given up for narrower weights;
        None keeps the widths of ``options``.
    readout
        What answers. Where it compares potentials, the output group has one weight scale, not one
        for each neuron.
    run
        Runs the integers.

    Raises
    ------
    UserError
        ``max_drop`` without samples or not a number from 0 to 100, or as :func:`quantize`.
    """
    if max_drop is not None and not 0 <= max_drop <= 100:
        raise UserError(f"--max-drop is percentage points from 0 to 100, not {max_drop:g}")
    if calibration is None:
        if max_drop is not None:
            raise UserError("--max-drop measures accuracy on calibration samples: give --calibrate FILE")
        options = comparable(network, options, readout)
        return Quantization(options, quantize(network, options))
    if max_drop is not None:
        narrow = narrowest(network, options, calibration, max_drop, progress, readout, run)
        widths = ", ".join(f"{name} {bits}" for name, bits in narrow.bits.items())
        progress.say(f"narrowest weights within {max_drop:g} pp: {widths} bits")
        progress.say(f"  {narrow.weight_memory_bits} bits of weights")
        return Quantization(narrow.options, narrow.quantized, narrow.drop)
    with progress.task(f"calibrate on {calibration.samples} samples") as task:
        calibrated = calibrate(
            network, options, calibration, task.update, compensate=True, readout=readout, run=run
        )
    for description, score in calibrated.scores:
        progress.say(f"  {description}: {100 * score:.2f} % (float {100 * calibrated.float_score:.2f} %)")
    return Quantization(calibrated.options, calibrated.quantized, calibrated.drop)


def drop_on(label: np.ndarray | None, float_answers: np.ndarray, answers: np.ndarray) -> Drop:
    """What integers cost on samples that chose nothing; by the float network's answers without labels."""
    wanted = float_answers if label is None else label
    return Drop.of(float_answers == wanted, answers == wanted, labelled=label is not None)


def drop_lines(quantization: Quantization, test: Drop) -> Iterator[str]:
    """Calibration's own figure and that of the test data, a line each; nothing without calibration."""
    if quantization.drop is not None:
        yield f"calibration data: {quantization.drop.text()}"
        yield f"test data: {test.text()}"


def fall_warning(
    quantization: Quantization, test: Drop, float_spikes: np.ndarray | None, spikes: np.ndarray | None
) -> str | None:
    """What to say where integers fall far behind float, and what to type; None where they do not.

    Parameters
    ----------
    test
        The drop on the test samples.
    float_spikes, spikes
        Of the output, (time, sample, neuron); None for an output that never fires.
    """
    fallen = fall(test, float_spikes, spikes)
    if fallen is None:
        return None
    bits = sorted({p.weight_bits for p in quantization.quantized.projections})
    said = f"at {'/'.join(str(b) for b in bits)} bits, {fallen}"
    if quantization.drop is not None:
        return f"{said}, calibrated as they are: use more --bits, or --calibrate with more samples"
    names = [group.name for group in quantization.quantized.groups]
    by_hand = not all(quantization.options.of(name).by_default for name in names)
    instead = " in place of --clip, --per-neuron and --fractional-bits" if by_hand else ""
    return (
        f"{said}: give training samples (a file like --data) with --calibrate FILE{instead}, "
        "which chooses how to round by them, or use more --bits"
    )


def overlap_warning(test: Dataset, calibration: Dataset) -> str | None:
    """What to say of test samples that are calibration samples, too; None where there are none.

    Raises
    ------
    UserError
        Every test sample is one.
    """
    shared = test.shared_with(calibration)
    if not shared:
        return None
    said = f"{shared} of {test.samples} test samples are in the calibration data"
    if shared == test.samples:
        raise UserError(
            f"{said} ({calibration.source}), so no accuracy on them would be a test: give others to --data"
        )
    return f"{said}: the accuracy on them is no test"
