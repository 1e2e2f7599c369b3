"""How many clock cycles a sample takes, from the plan and the golden run's spikes alone.

The same numbers as the Verilog's at full speed, without simulating values: what moves when depends on
where events go, not on what is added. Two ways lead there: word by word (``cost/word_network.py``), and,
where branches of a network meet, cycle by cycle (``cost/cycle_network.py``).
``tests/plan/test_plan_cycles.py`` holds both against simulations of the hardware.
"""

from collections.abc import Mapping

import numpy as np

from qsnn_hw.cost.cycle_group import Word
from qsnn_hw.cost.cycle_network import CycleNetwork
from qsnn_hw.cost.word_network import WordNetwork, follows, input_words
from qsnn_hw.cost.word_timing import masks
from qsnn_hw.plan.hardware_plan import HardwarePlan

_LONGEST = 50_000_000
FOLLOWED_WORDS = 50_000
"""Words worth following for a printed figure: a fraction of a second."""


def predict_cycles(
    plan: HardwarePlan, inputs: np.ndarray, spikes: Mapping[str, np.ndarray], *, effort: int | None = None
) -> np.ndarray:
    """Clock cycles of each sample, sent alone and at full speed, from its first word to its last tick.

    Parameters
    ----------
    inputs
        Events of every input, shape (time, sample, ...).
    spikes
        Group name (in the network) -> spikes, shape (time, sample, neuron).
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
    if not follows(plan):
        return count_cycles(plan, flat, spikes, _LONGEST if effort is None else effort // 10)
    if effort is not None:
        words = np.cumsum(words_per_sample(plan, flat, spikes))
        flat = flat[:, : max(1, int(np.searchsorted(words, effort)))]
    return follow_words(plan, flat, spikes)


def words_per_sample(plan: HardwarePlan, inputs: np.ndarray, spikes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Events and ticks of each sample, input and all groups; ``inputs`` have shape (time, sample, input)."""
    ticks = len(inputs) * (1 + len(plan.groups))
    found = ticks + inputs.sum(axis=(0, 2), dtype=np.int64)
    for group in plan.groups:
        found = found + spikes[group.group][:, : inputs.shape[1]].sum(axis=(0, 2), dtype=np.int64)
    return found


def follow_words(plan: HardwarePlan, inputs: np.ndarray, spikes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Cycles of each sample, word by word: close to the truth where :func:`follows` says no, else equal.

    ``inputs`` have shape (time, sample, input).
    """
    network = WordNetwork(plan)
    addresses = plan.input_space.addresses()
    found = []
    for sample in range(inputs.shape[1]):
        network.load({g.name: masks(g, spikes[g.group][:, sample]) for g in plan.groups})
        found.append(network.run(input_words(inputs[:, sample], addresses, plan.input_lanes)))
    return np.array(found, dtype=np.int64)


def count_cycles(
    plan: HardwarePlan, inputs: np.ndarray, spikes: Mapping[str, np.ndarray], most_cycles: int = _LONGEST
) -> np.ndarray:
    """Cycles of each sample, cycle by cycle: some 60 microseconds each.

    ``inputs`` have shape (time, sample, input). Samples beyond ``most_cycles`` are left out.
    """
    design = CycleNetwork(plan)
    addresses = plan.input_space.addresses()
    for _ in range(_LONGEST):
        if not any(group.running for group in design.groups.values()):
            break
        design.step(None)
    found: list[int] = []
    for sample in range(inputs.shape[1]):
        for group in plan.groups:
            design.groups[group.name].load(spikes[group.group][:, sample])
        words = _words(inputs[:, sample], addresses, plan.input_lanes)
        cycles = _run(design, words, len(inputs), most_cycles - sum(found))
        if cycles is None:
            break
        found.append(cycles)
    return np.array(found, dtype=np.int64)


def _run(design: CycleNetwork, words: list[Word], steps: int, most: int) -> int | None:
    """Cycles of one sample; None where that is more than ``most``."""
    sent = ticks = 0
    started = 0
    for cycle in range(most):
        taken, left = design.step(words[sent] if sent < len(words) else None)
        if taken and sent < len(words):
            started = cycle if sent == 0 else started
            sent += 1
        if left is not None and left.tick:
            ticks += 1
            if ticks == steps:
                return cycle - started
    return None


def _words(events: np.ndarray, addresses: np.ndarray, lanes: int) -> list[Word]:
    """A sample's words."""
    words = []
    for step, sent in enumerate(input_words(events, addresses, lanes)):
        words += [Word(False, False, word) for word in sent]
        words.append(Word(True, step == len(events) - 1))
    return words
