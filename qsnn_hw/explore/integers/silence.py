"""Groups and networks that never fire on the samples given: in float as well, or only once quantized."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qsnn_hw.golden import GoldenRun, run_clocked
from qsnn_hw.model.framework import FrameworkComparison
from qsnn_hw.model.network import Network
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.quantize.width import never_note
from qsnn_hw.support.choices import ReadoutKind
from qsnn_hw.support.errors import UserError

_TRIED_SAMPLES = 32
_FLOAT_TOO = "in the float network as little as in integers"


def silent_groups(quantized: QuantizedNetwork, run: GoldenRun) -> list[str]:
    """Groups that could fire and never do; a readout group cannot."""
    return [g.name for g in quantized.groups if not g.readout and not run.spikes[g.name].any()]


def dead(quantized: QuantizedNetwork, run: GoldenRun, readout: ReadoutKind) -> str | None:
    """What makes every answer of the network mean nothing, in words; None where something comes out.

    No neuron fires at all, or no output neuron, or every potential that answers stays 0. An output group
    that never fires may still answer by its potentials: those must be in ``run`` for "membrane".
    """
    samples = next(iter(run.spikes.values())).shape[1]
    output, silent = quantized.output, silent_groups(quantized, run)
    could = {g.name for g in quantized.groups if not g.readout}
    could -= {output} if readout == "membrane" else set()
    if could and could <= set(silent):
        where = (
            "" if output in silent or quantized.group(output).readout else f" before output group {output}"
        )
        return f"no neuron{where} ever fires on these {samples} samples"
    if readout == "membrane":
        if run.potentials[output].any():
            return None
        return f"every potential of the output, group {output}, stays 0 on these {samples} samples"
    return f"no output neuron ever fires on these {samples} samples" if output in silent else None


def dead_text(dead: str, framework: FrameworkComparison, readout: ReadoutKind) -> str:
    """:func:`dead` with what to make of it, where the float network is as silent."""
    if framework.differ == 0:
        return f"{dead}, {_FLOAT_TOO}, and the framework says the same: look at the data"
    also = "" if readout == "membrane" else "; a network that answers by its potentials: --readout membrane"
    return f"{dead}, {_FLOAT_TOO}: look at the convention (qsnn-hw check) and at the data{also}"


@dataclass(frozen=True)
class Silence:
    """Of groups that never fire in integers.

    Parameters
    ----------
    warnings
        A line for each one that is silent in the float network, too, or that no option wakes.
    faults
        The first one that fires in the float network and, with other options, in integers: which.
    """

    warnings: tuple[str, ...]
    faults: tuple[str, ...]


def silence(
    network: Network,
    options: QuantizeOptions,
    quantized: QuantizedNetwork,
    run: GoldenRun,
    float_spikes: Mapping[str, np.ndarray],
    inputs: np.ndarray,
    calibrated: bool,
) -> Silence:
    """What to say of groups that never fire.

    Parameters
    ----------
    options
        What led to ``quantized``.
    float_spikes
        Of the float network, of at least the groups that are silent in integers.
    inputs
        The samples of both runs, shape (time, sample, ...).
    calibrated
        Calibration chose the rounding, so that only widths are left to the user.
    """
    silent = silent_groups(quantized, run)
    samples = inputs.shape[1]
    lines: list[str] = []
    faults: list[str] = []
    for name in silent:
        fired = int(float_spikes[name].sum(dtype=np.int64))
        if not fired and any(line.startswith(never_note(name)) for line in quantized.warnings):
            continue
        if not fired:
            lines.append(f"group {name} never fires on these {samples} samples, {_FLOAT_TOO}")
            continue
        told = (
            f"group {name} never fires once quantized, on {samples} samples, and fires {fired} times in the "
            "float network"
        )
        if faults:
            # What comes after a silenced group may be silent because of it.
            continue
        awake = float_spikes[name].any(axis=(0, 2))
        way = _way_out(network, options, name, inputs[:, awake][:, :_TRIED_SAMPLES], calibrated)
        if way is None:
            lines.append(f"{told}; no other width or rounding of those tried wakes it")
        else:
            faults.append(f"{told}; it fires with {way}")
    return Silence(tuple(lines), tuple(faults))


def _way_out(
    network: Network, options: QuantizeOptions, name: str, inputs: np.ndarray, calibrated: bool
) -> str | None:
    """The first change of the options with which the group fires, as it is typed."""
    for text, tried in _ways(options, name, calibrated):
        if tried.rounding != "nearest":
            tried = replace(tried, rounding="nearest")
        try:
            quantized = quantize(network, tried)
        except UserError:
            continue
        if run_clocked(quantized, inputs).spikes[name].any():
            return text
    return None


def _ways(options: QuantizeOptions, name: str, calibrated: bool) -> Iterator[tuple[str, QuantizeOptions]]:
    """What else can be typed, cheapest hardware first."""
    own = options.of(name)
    if own.leak_bits is not None:
        yield "--leak-bits left out", replace(options, leak_bits=None)
    if own.potential_bits is not None:
        yield "--potential-bits left out", replace(options, potential_bits=None)
    if not calibrated:
        clips: Sequence[Any] = [clip for clip in ("max", "mse") if clip != own.scheme.clip]
        for clip in clips:
            yield f"--clip {clip}", replace(options, clip=clip)
        for bits in (2, 4, 8):
            if bits > own.scheme.fractional_bits:
                yield f"--fractional-bits {bits}", replace(options, fractional_bits=bits)
        if not own.scheme.per_neuron:
            yield "--per-neuron", replace(options, per_neuron=True)
    for bits in (4, 6, 8, 12, 16):
        if bits <= own.weight_bits:
            continue
        if name in options.groups and options.groups[name].weight_bits is not None:
            yield f"--group-bits {name}={bits}", options.with_group(name, weight_bits=bits)
        else:
            yield f"--bits {bits}", replace(options, weight_bits=bits)
    if not calibrated:
        text = "--bits 16 --fractional-bits 8"
        yield text, replace(options, weight_bits=16, fractional_bits=8, groups={})
