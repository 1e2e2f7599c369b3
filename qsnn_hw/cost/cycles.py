"""How many clock cycles a sample takes, from the plan and the golden run's spikes alone.

The same numbers as the Verilog's at full speed, without simulating values: what moves when depends on
where events go, not on what is added. Two ways lead there: word by word (``cost/word_network.py``), and,
where branches of a network meet, cycle by cycle (``cost/cycle_network.py``).
``tests/cost/test_cost_cycles.py`` holds both against simulations of the hardware.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from qsnn_hw.cost.cycle_network import CycleNetwork, Sender
from qsnn_hw.cost.design_words import DesignWords, design_words
from qsnn_hw.cost.sweep_masks import masks
from qsnn_hw.cost.word_network import WordNetwork, follows
from qsnn_hw.plan.hardware_plan import HardwarePlan

_LONGEST = 50_000_000
FOLLOWED_WORDS = 50_000
"""Words worth following for a printed figure: a fraction of a second."""


def predict_cycles(
    plan: HardwarePlan,
    inputs: np.ndarray,
    spikes: Mapping[str, np.ndarray],
    *,
    pixels: np.ndarray | None = None,
    effort: int | None = None,
) -> np.ndarray:
    """Clock cycles of each sample, sent alone and at full speed: of the design with encoder and readout.

    They are counted from the edge that takes a sample's first word to the one on which its answer leaves:
    a readout's, else the last tick. ``plan.bare`` is the network alone.

    Parameters
    ----------
    plan
        The design.
    inputs
        Events of every input, shape (time, sample, ...).
    spikes
        Group name (in the network) -> spikes, shape (time, sample, neuron).
    pixels
        With an encoder: what it made ``inputs`` of, shape (sample, ...). Where None, pixels that never
        spike count as 0, which are not sent.
    effort
        Words to follow, each some 5 microseconds: fewer samples come back, from the first, but one at
        least. Where branches of the network meet (:func:`follows`), the cycles to count at ten times
        the time each; then perhaps none comes back. None for all samples.

    Returns
    -------
    array
        int64, shape (samples,).
    """
    flat = inputs.reshape(*inputs.shape[:2], -1)
    whole = None if pixels is None else pixels.reshape(len(pixels), -1)
    if not follows(plan):
        most = _LONGEST if effort is None else effort // 10
        return count_cycles(plan, flat, spikes, most, pixels=whole)
    if effort is not None:
        words = np.cumsum(words_per_sample(plan, flat, spikes))
        flat = flat[:, : max(1, int(np.searchsorted(words, effort)))]
    return follow_words(plan, flat, spikes, pixels=whole)


def words_per_sample(plan: HardwarePlan, inputs: np.ndarray, spikes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Events and ticks of each sample, input and all groups; ``inputs`` have shape (time, sample, input)."""
    ticks = len(inputs) * (1 + len(plan.groups))
    words = ticks + inputs.sum(axis=(0, 2), dtype=np.int64)
    for group in plan.groups:
        words = words + spikes[group.group][:, : inputs.shape[1]].sum(axis=(0, 2), dtype=np.int64)
    return words


def follow_words(
    plan: HardwarePlan,
    inputs: np.ndarray,
    spikes: Mapping[str, np.ndarray],
    *,
    pixels: np.ndarray | None = None,
) -> np.ndarray:
    """Cycles of each sample, word by word: close to the truth where :func:`follows` says no, else equal.

    ``inputs`` have shape (time, sample, input), ``pixels`` (sample, input).
    """
    network = WordNetwork(plan)
    per_sample = []
    for sample, words in enumerate(_words(plan, inputs, pixels)):
        network.load({g.name: masks(g, spikes[g.group][:, sample]) for g in plan.groups})
        per_sample.append(network.run(words))
    return np.array(per_sample, dtype=np.int64)


def count_cycles(
    plan: HardwarePlan,
    inputs: np.ndarray,
    spikes: Mapping[str, np.ndarray],
    most_cycles: int = _LONGEST,
    *,
    pixels: np.ndarray | None = None,
) -> np.ndarray:
    """Cycles of each sample, cycle by cycle: some 60 microseconds each.

    ``inputs`` have shape (time, sample, input), ``pixels`` (sample, input). Samples beyond ``most_cycles``
    are left out.
    """
    design = CycleNetwork(plan)
    for _ in range(_LONGEST):
        if not any(group.running for group in design.groups.values()):
            break
        design.step(None)
    counted: list[int] = []
    for sample, words in enumerate(_words(plan, inputs, pixels)):
        for group in plan.groups:
            design.groups[group.name].load(spikes[group.group][:, sample])
        cycles = _run(design, plan, words, most_cycles - sum(counted))
        if cycles is None:
            break
        counted.append(cycles)
    return np.array(counted, dtype=np.int64)


def _words(plan: HardwarePlan, inputs: np.ndarray, pixels: np.ndarray | None) -> Iterator[DesignWords]:
    """Every sample's words."""
    for sample in range(inputs.shape[1]):
        yield design_words(plan, inputs[:, sample], None if pixels is None else pixels[sample])


def _run(design: CycleNetwork, plan: HardwarePlan, words: DesignWords, most: int) -> int | None:
    """Cycles of one sample; None where that is more than ``most``."""
    sender, readout = Sender(words), plan.readout
    answering = design.groups[plan.output_group.name]
    deciding = 0
    answered = most
    for cycle in range(most):
        word = sender.out
        taken, left = design.step(word)
        sender.step(taken and word is not None)
        if readout is not None and readout.potentials:
            decides = answering.shown == readout.rows - 1
        else:
            decides = left is not None and left.tick
        if decides:
            deciding += 1
            if deciding == len(words.steps):
                answered = cycle + (0 if readout is None else readout.latency)
        if cycle == answered:
            return cycle - sender.started
    return None
