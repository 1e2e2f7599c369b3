"""Do a network's integers give the output that came with its data, value for value?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from qsnn_hw.explore.integers.calibrate import comparable
from qsnn_hw.golden import run_clocked
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.framework import POTENTIAL_TOLERANCE, compares_potentials, differing
from qsnn_hw.model.network import Network
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.quantize.grid import snapped
from qsnn_hw.support.choices import LEAK_ROUNDINGS
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress

_FINER_LEAKS = (16, 24)
"""Fractional bits of a leak that are tried where fewer of them leave differences."""


@dataclass(frozen=True)
class IntegerCheck:
    """How integers compare with stored output.

    Parameters
    ----------
    quantized
        The integers.
    values, differ, samples
        Output values compared, how many differ, and in how many samples.
    what
        "spikes" or "potentials".
    exact
        Potentials were compared step for step, as the stored ones are whole steps, too; otherwise
        within a part of the largest. True for spikes.
    first
        (time step, sample, neuron) of the first difference in time, then sample; None without one.
    expected, got
        The stored value and the integers' at ``first``, potentials in the network's own unit.
    greatest_steps
        The greatest difference between two potentials in potential steps; None for spikes.
    float_differ
        How many of the values the float network has otherwise; None where the integers agree.
    others
        Options that at least halve the differences -> how many are left; empty where the integers agree.
    """

    quantized: QuantizedNetwork
    values: int
    differ: int
    samples: int
    what: str
    exact: bool
    first: tuple[int, int, int] | None = None
    expected: float | None = None
    got: float | None = None
    greatest_steps: float | None = None
    float_differ: int | None = None
    others: Mapping[str, int] = field(default_factory=dict)


def check_integers(
    network: Network, options: QuantizeOptions, data: Dataset, progress: Progress = SILENT
) -> IntegerCheck:
    """Compare the golden model's output with ``data.out``.

    Parameters
    ----------
    data
        With ``out``: spikes, or potentials as :func:`qsnn_hw.model.check.check_convention` takes them.

    Raises
    ------
    UserError
        The data have no ``out``, or one of another width; or as :func:`qsnn_hw.quantize.quantize`.
    """
    size = network.group(network.output).size
    if data.out is None:
        raise UserError(f"{data.source} has no out to compare with: store spikes or potentials there")
    if data.out.shape[2] != size:
        raise UserError(
            f"{data.source}: out has {data.out.shape[2]} neurons, the network's output has {size}"
        )
    check = _compared(network, options, data)
    if not check.differ:
        return check
    potentials = check.what == "potentials"
    run = simulate(
        network, data.input, record_potentials=[network.output] if potentials else [], progress=progress
    )
    out = run.potentials[network.output] if potentials else run.out
    float_differ = int(np.count_nonzero(differing(data.out, out, fires=not potentials)))
    others = {}
    for words, other in _other_leaks(check.quantized, options):
        differ = _compared(network, other, data).differ
        # A few less are chance, not the other chip's leak.
        if 2 * differ <= check.differ:
            others[words] = differ
        if not differ:
            break
    return replace(check, float_differ=float_differ, others=others)


def _other_leaks(
    quantized: QuantizedNetwork, options: QuantizeOptions
) -> Iterator[tuple[str, QuantizeOptions]]:
    """Other ways to round a leak: as another chip does, and finer; what is typed for each."""
    leaking = [group for group in quantized.groups if np.any(group.numerator) or group.has_current]
    if not leaking:
        return
    for rounding in LEAK_ROUNDINGS:
        if rounding != options.leak_rounding:
            yield f"--leak-rounding {rounding}", replace(options, leak_rounding=rounding)
    used = max(group.leak_shift for group in leaking)
    for bits in _FINER_LEAKS:
        if bits > used:
            yield f"--leak-bits {bits}", replace(options, leak_bits=bits)


def integer_differences(network: Network, options: QuantizeOptions, data: Dataset) -> np.ndarray:
    """Where the golden model's output and ``data.out`` differ, bool of (time, sample, neuron).

    Raises
    ------
    UserError
        As :func:`qsnn_hw.quantize.quantize`.
    """
    return _run(network, options, data).wrong


@dataclass(frozen=True)
class _Run:
    """The integers' output beside the stored one; ``greatest`` in potential steps, None for spikes."""

    quantized: QuantizedNetwork
    got: np.ndarray
    wrong: np.ndarray
    exact: bool = True
    greatest: float | None = None


def _run(network: Network, options: QuantizeOptions, data: Dataset) -> _Run:
    assert data.out is not None
    potentials = compares_potentials(network, data)
    readout = "membrane" if potentials else "count"
    quantized = quantize(network, comparable(network, options, readout))  # type: ignore[arg-type]
    output = quantized.output
    run = run_clocked(quantized, data.input, record=[output] if potentials else [])
    if not potentials:
        got = run.spikes[output]
        return _Run(quantized, got, data.out != got)
    group, whole = quantized.group(output), run.potentials[output]
    counted = data.out.astype(np.float64) - (0.0 if group.rest is None else group.rest)
    stored = snapped(counted / group.step)
    got = group.real(whole)
    exact = bool((stored == np.rint(stored)).all())
    wrong = stored != whole if exact else differing(data.out, got, fires=False)
    return _Run(quantized, got, wrong, exact, float(np.abs(stored - whole).max(initial=0)))


def _compared(network: Network, options: QuantizeOptions, data: Dataset) -> IntegerCheck:
    assert data.out is not None
    run = _run(network, options, data)
    equal = IntegerCheck(
        run.quantized,
        run.wrong.size,
        int(np.count_nonzero(run.wrong)),
        int(run.wrong.any(axis=(0, 2)).sum()),
        "spikes" if run.greatest is None else "potentials",
        run.exact,
        greatest_steps=run.greatest,
    )
    if not equal.differ:
        return equal
    step, sample, neuron = (int(v) for v in np.argwhere(run.wrong)[0])
    at = (step, sample, neuron)
    return replace(equal, first=at, expected=float(data.out[at]), got=float(run.got[at]))


def check_lines(check: IntegerCheck, samples: int) -> list[str]:
    """What the comparison found, for a terminal."""
    bits = "/".join(str(n) for n in sorted({p.weight_bits for p in check.quantized.projections}))
    beyond = "" if check.exact else f" by more than {POTENTIAL_TOLERANCE:g} of the largest"
    what = f"output {check.what}, integers of {bits} bits"
    if not check.differ:
        lines = [f"equal: {check.values} {what}, {samples} samples, 0 differ{beyond}"]
    else:
        where = f"in {check.samples} of {samples} samples"
        lines = [f"different: {check.differ} of {check.values} {what}, differ{beyond}, {where}"]
    if check.greatest_steps is not None and not check.exact:
        lines.append(f"potentials: greatest difference {check.greatest_steps:.3g} integer steps")
    if check.first is not None:
        step, sample, neuron = check.first
        lines.append(
            f"first: time step {step}, sample {sample}, neuron {neuron}: the data have {check.expected:g}, "
            f"the integers give {check.got:g}"
        )
    if check.float_differ is not None:
        line = f"the float network: {check.float_differ} of {check.values} differ"
        if not check.float_differ:
            leak = 0 in check.others.values()
            line += f"; rounding {'of the leak ' if leak else ''}makes the difference"
        elif 0 not in check.others.values():
            line += "; qsnn-hw check without --bits looks for the convention"
        lines.append(line)
    return lines + [f"try {option}: {differ} differ" for option, differ in check.others.items()]
