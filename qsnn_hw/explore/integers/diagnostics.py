"""What quantization did to each group, measured on samples: dead, saturating, drifting, sensitive."""

from collections.abc import Callable

import numpy as np

from qsnn_hw.explore.integers.calibrate import RunIntegers, Scorer, by_golden
from qsnn_hw.explore.integers.diagnosis import Diagnostics, GroupDiagnosis, Sensitivity
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network, NeuronGroup
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize import QuantizedGroup, QuantizedNetwork, QuantizeOptions
from qsnn_hw.quantize.dead_zone import dead_zone, never_leaks
from qsnn_hw.quantize.integers import MIN_BITS
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress

_BINS = 32


def diagnose(
    network: Network,
    quantized: QuantizedNetwork,
    data: Dataset,
    *,
    samples: int = 200,
    progress: Progress = SILENT,
    run: RunIntegers = by_golden,
) -> Diagnostics:
    """Compare float and integer groups on at most ``samples`` samples."""
    part = data.take(min(samples, data.samples))
    names = [g.name for g in network.groups]
    wanted = simulate(network, part.input, record=names, progress=progress)
    done = run(quantized, part.input, names)
    groups = tuple(
        _diagnose_group(
            group,
            quantized.group(group.name),
            wanted.spikes[group.name],
            done.spikes[group.name],
            done.potentials[group.name],
            done.saturated[group.name],
        )
        for group in network.groups
    )
    return Diagnostics(part.samples, groups)


def _diagnose_group(
    group: NeuronGroup,
    quantized: QuantizedGroup,
    wanted: np.ndarray,
    got: np.ndarray,
    potentials: np.ndarray,
    saturated: np.ndarray,
) -> GroupDiagnosis:
    float_rate, integer_rate = float(wanted.mean()), float(got.mean())
    silenced = wanted.any(axis=(0, 1)) & ~got.any(axis=(0, 1))
    threshold = np.maximum(np.abs(quantized.threshold), 1)
    relative = potentials * quantized.step if quantized.readout else potentials / threshold
    counts, edges = np.histogram(relative, bins=_BINS)
    used = max(int(potentials.max(initial=0)).bit_length(), int(-potentials.min(initial=0)).bit_length()) + 1
    stuck = _stuck(quantized)
    return GroupDiagnosis(
        name=group.name,
        neurons=group.size,
        float_rate=None if quantized.readout else float_rate,
        integer_rate=None if quantized.readout else integer_rate,
        drift=None if quantized.readout or not float_rate else integer_rate / float_rate - 1,
        dead=bool(wanted.any() and not got.any()),
        dead_neurons=tuple(int(n) for n in np.flatnonzero(silenced)),
        saturating_neurons=tuple(int(n) for n in np.flatnonzero(saturated)),
        saturations=int(saturated.sum()),
        spikes_differ=None if quantized.readout else float(np.mean(wanted != got)),
        v_bits=quantized.v_bits,
        v_bits_used=used,
        decay_error=_decay_error(group, quantized),
        stuck_below=stuck,
        stuck_real=None if stuck is None else float(stuck * quantized.step.max()),
        histogram_edges=tuple(float(e) for e in edges),
        histogram=tuple(int(c) for c in counts),
        leakless=bool(never_leaks(quantized).any()),
    )


def _decay_error(group: NeuronGroup, quantized: QuantizedGroup) -> float:
    lost = np.asarray(quantized.numerator) / 2.0**quantized.leak_shift
    error = float(np.abs(1 - lost - group.decay).max())
    if quantized.current_leak_numerator is not None and group.current_decay is not None:
        lost = quantized.current_leak_numerator / 2.0**quantized.current_leak_shift
        error = max(error, float(np.abs(1 - lost - group.current_decay).max()))
    return error


def _stuck(group: QuantizedGroup) -> int | None:
    """The largest potential of any neuron that does not leak; None where one never does."""
    zone = dead_zone(group)
    return None if (zone < 0).any() else int(zone.max())


def sensitivity(
    network: Network,
    options: QuantizeOptions,
    data: Dataset,
    *,
    bits: tuple[int, ...] = (8, 6, 4, 3, 2),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    scorer: Scorer | None = None,
) -> tuple[Sensitivity, ...]:
    """Score each group at each width while the others keep theirs.

    ``scorer`` is one already made of ``network`` and ``data``, whose float run need not be repeated.

    Raises
    ------
    UserError
        A width is out of range.
    """
    if any(b < MIN_BITS for b in bits):
        raise UserError(f"sensitivity widths start at {MIN_BITS}, not {min(bits)}")
    scorer = scorer or Scorer(network, data)
    rows: list[Sensitivity] = []
    total = len(network.groups) * len(bits)
    for group in network.groups:
        for width in bits:
            score: float | None
            try:
                score = scorer.score(scorer.quantize(options.with_group(group.name, weight_bits=width)))
            except UserError:
                score = None
            rows.append(Sensitivity(group.name, width, score))
            on_progress(len(rows), total)
    return tuple(rows)
