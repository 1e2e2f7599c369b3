"""A whole network in Amaranth's simulator: every spike, potential and answer against golden's."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qsnn_hw.golden import GoldenRun
from qsnn_hw.golden.encoders import sent_spikes
from qsnn_hw.host.protocol import address_bits
from qsnn_hw.plan import GroupPlan, HardwarePlan
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.verify.answers import pixel_words
from qsnn_hw.verify.drawn_words import as_integers
from tests.support.sample_words import by_step, packed
from tests.support.streams import Pace, exchange

LIMIT = 40_000
"""Cycles after which a small network has hung; a byte of weights has four more, and so has an operation."""


@dataclass(frozen=True)
class Sent:
    """What samples are as events, and as what the host sends.

    Parameters
    ----------
    inputs
        uint8 events, shape (time, sample, ...).
    pixels
        uint8, shape (sample, ...), what an encoder makes ``inputs`` from; None without one.
    """

    inputs: np.ndarray
    pixels: np.ndarray | None = None

    @classmethod
    def of_pixels(cls, plan: HardwarePlan, pixels: np.ndarray) -> "Sent":
        """Pixels, and the events that the plan's encoder makes of them."""
        assert plan.encoder is not None
        return cls(sent_spikes(plan.encoder, pixels.reshape(len(pixels), -1)), pixels)


def potentials(traced: list[tuple[int, int]], plan: GroupPlan) -> np.ndarray:
    """Trace words as potentials, shape (steps, neurons)."""
    assert [row for row, _ in traced] == list(range(plan.update_rows)) * (len(traced) // plan.update_rows)
    mask, sign = (1 << plan.neuron.v_bits) - 1, 1 << (plan.neuron.v_bits - 1)
    values = [
        ((word >> (lane * plan.neuron.v_bits) & mask) ^ sign) - sign
        for _, word in traced
        for lane in range(plan.update_lanes)
    ]
    slots = np.array(values, dtype=np.int64).reshape(-1, plan.slots)
    found = np.zeros((slots.shape[0], plan.neurons), dtype=np.int64)
    used = plan.neuron_of_slot >= 0
    found[:, plan.neuron_of_slot[used]] = slots[:, used]
    return found


def compare_network(plan: HardwarePlan, golden: GoldenRun, inputs: np.ndarray, pace: Pace) -> None:
    """The network alone: output spikes, and the potential of every neuron after every step.

    Parameters
    ----------
    golden
        With the potentials of all groups, of ``inputs``, shape (time, sample, ...).
    """
    steps, samples = inputs.shape[:2]
    dut = SpikingNetwork(plan, trace=True, counters=False)
    traced: dict[str, list[tuple[int, int]]] = {g.name: [] for g in plan.groups}
    ports = [(getattr(dut, f"trace_{g.name}"), traced[g.name]) for g in plan.groups]

    async def watch(ctx: Any) -> None:
        signals = [s for port, _ in ports for s in (port.valid, port.row, port.v)]
        while True:
            _, _, *values = await ctx.tick().sample(*signals)
            for index, (_, into) in enumerate(ports):
                valid, row, word = values[3 * index : 3 * index + 3]
                if valid:
                    into.append((int(row), int(word)))

    # A group that nobody hears may end after the output has.
    puts = _event_words(plan, inputs, pace)
    words = _exchanged(dut, plan, puts, _count(plan, golden), pace, _operations(plan, golden, inputs), watch)
    potentials_of = plan.by_tile(golden.potentials)
    for group in plan.groups:
        expected = potentials_of[group.group].transpose(1, 0, 2).reshape(steps * samples, -1)
        got = potentials(traced[group.name], group)
        assert got.shape == expected.shape, f"{group.group}: {got.shape[0]} of {expected.shape[0]} steps"
        different = np.argwhere(got != expected)
        assert not different.size, (
            f"{group.group}: step {different[0][0]}, neuron {different[0][1]}: "
            f"{got[tuple(different[0])]} instead of {expected[tuple(different[0])]}"
        )
    assert by_step(words, plan) == _wanted_steps(plan, golden)


def compare_answers(plan: HardwarePlan, golden: GoldenRun, sent: Sent, pace: Pace) -> None:
    """The network between encoder and readout: what leaves it for what the host sends."""
    if plan.readout is not None and plan.readout.kind == "membrane":
        # An answer made of potentials cannot wait.
        pace = replace(pace, stall=0.0)
    if plan.encoder is None:
        words = _event_words(plan, sent.inputs, pace)
    else:
        assert sent.pixels is not None
        flat = sent.pixels.reshape(len(sent.pixels), -1)
        limbs, _ = pixel_words(flat, plan.encoder.space.addresses(), plan.encoder.slots, plan.encoder.rows)
        words = as_integers(limbs)
    operations = _operations(plan, golden, sent.inputs)
    if plan.readout is None:
        got = _exchanged(Classifier(plan), plan, words, _count(plan, golden), pace, operations)
        assert by_step(got, plan) == _wanted_steps(plan, golden)
        return
    output = plan.output_group.group
    labels, silent = plan.readout.answers(golden.spikes[output], golden.potentials[output])
    bits = address_bits(plan.readout.classes)
    wanted = [int(s) << bits | int(label) for label, s in zip(labels, silent, strict=True)]
    got = _exchanged(Classifier(plan), plan, words, len(wanted), pace, operations)
    assert got == wanted, f"answers {got} instead of {wanted}"


def _exchanged(
    dut: Any,
    plan: HardwarePlan,
    words: list[int],
    count: int,
    pace: Pace,
    operations: int,
    watch: Any = None,
) -> list[int]:
    weights = list(plan.weight_bytes())
    puts = [(dut.i, words)] + ([(dut.load, weights)] if weights else [])
    limit = LIMIT + 4 * (len(weights) + operations)
    (got,) = exchange(dut, puts, [(dut.o, count)], pace, watch=watch, limit=limit, tail=300)
    return got


def _operations(plan: HardwarePlan, golden: GoldenRun, inputs: np.ndarray) -> int:
    """Synapse operations at most: each event in each fold of each group."""
    events = int(inputs.sum()) + sum(int(spikes.sum()) for spikes in golden.spikes.values())
    return events * sum(group.folds for group in plan.groups)


def _event_words(plan: HardwarePlan, inputs: np.ndarray, pace: Pace) -> list[int]:
    rng = np.random.default_rng(pace.seed)
    steps, samples = inputs.shape[:2]
    flat = inputs.reshape(steps, samples, -1)
    return [
        word
        for sample in range(samples)
        for word in packed(flat[:, sample], plan.input_space, plan.input_lanes, rng)
    ]


def _count(plan: HardwarePlan, golden: GoldenRun) -> int:
    out = golden.spikes[plan.output_group.network_group]
    return int(out.sum(dtype=np.int64)) + out.shape[0] * out.shape[1]


def _wanted_steps(plan: HardwarePlan, golden: GoldenRun) -> list[tuple[Counter[int], int]]:
    out = golden.spikes[plan.output_group.network_group]
    steps, samples = out.shape[:2]
    addresses = plan.output_space.addresses().tolist()
    return [
        (
            Counter({a: int(n) for a, n in zip(addresses, out[step, sample], strict=True) if n}),
            int(step == steps - 1),
        )
        for sample in range(samples)
        for step in range(steps)
    ]
