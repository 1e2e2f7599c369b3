"""The checker on its own: records made by hand, right and wrong."""

from dataclasses import replace

import numpy as np
import pytest

from qsnn_hw.verify.case import Case, GroupCase
from sim.checker import Checker, Difference, Recorder
from sim.model import input_words

STEPS, SAMPLES, NEURONS, LANES, FOLDS, BITS = 3, 2, 5, 2, 3, 6


@pytest.fixture
def case() -> Case:
    rng = np.random.default_rng(1)
    potentials = rng.integers(-32, 32, (STEPS, SAMPLES, NEURONS)).astype(np.int32)
    outputs = rng.integers(0, 2, (STEPS, SAMPLES, NEURONS)).astype(np.uint8)
    outputs[1, 0] = [0, 1, 0, 1, 1]
    group = GroupCase("lif", "trace_lif", NEURONS, LANES, FOLDS, BITS, potentials)
    return Case("top", "lif", np.zeros((STEPS, SAMPLES, 4), np.uint8), outputs, (group,), 1, 0.0, 0.0, 100)


def word(value: int, bits: int) -> str:
    return format(value % (1 << bits), f"0{bits}b")


def record(case: Case) -> Recorder:
    """What monitors would have seen of a correct design."""
    recorder = Recorder(folds=[[]], words=[[]])
    padded = np.pad(case.groups[0].potentials, ((0, 0), (0, 0), (0, LANES * FOLDS - NEURONS)))
    for sample in range(SAMPLES):
        for step in range(STEPS):
            for fold in range(FOLDS):
                lanes = padded[step, sample, fold * LANES : (fold + 1) * LANES]
                recorder.folds[0].append(word(fold, 2))
                recorder.words[0].append("".join(word(int(v), BITS) for v in reversed(lanes)))
            # Descending: the order within a step must not matter.
            recorder.outputs += [word(n, 4) for n in reversed(np.flatnonzero(case.outputs[step, sample]))]
            recorder.outputs.append("1" + word(int(step == STEPS - 1), 3))
    return recorder


def tick_index(recorder: Recorder, number: int) -> int:
    """Position of tick ``number`` in the output words."""
    return [k for k, text in enumerate(recorder.outputs) if text[0] == "1"][number]


def first_difference(case: Case, recorder: Recorder) -> Difference | None:
    checker = Checker(case, first=100)
    found = [checker.check(sample, recorder) for sample in range(SAMPLES)]
    return next((d for d in found if d is not None), checker.leftover(recorder))


def test_a_correct_record_passes_and_is_counted(case: Case) -> None:
    recorder, checker = record(case), Checker(case)
    assert [checker.check(sample, recorder) for sample in range(SAMPLES)] == [None, None]
    assert checker.leftover(recorder) is None
    assert checker.spikes == case.outputs.sum()
    assert checker.potentials == STEPS * SAMPLES * NEURONS


@pytest.mark.parametrize(("sample", "step", "neuron"), [(0, 0, 0), (0, 2, 4), (1, 1, 3)])
def test_every_potential_counts(case: Case, sample: int, step: int, neuron: int) -> None:
    recorder = record(case)
    index = (sample * STEPS + step) * FOLDS + neuron // LANES
    text = recorder.words[0][index]
    lowest = len(text) - 1 - (neuron % LANES) * BITS
    recorder.words[0][index] = text[:lowest] + "10"[int(text[lowest])] + text[lowest + 1 :]
    golden = int(case.groups[0].potentials[step, sample, neuron])
    found = first_difference(case, recorder)
    assert found is not None
    assert found.message == (
        f"sample {100 + sample}, time step {step}, group 'lif' neuron {neuron}: "
        f"potential is {golden ^ 1}, golden {golden}"
    )
    assert (found.sample, found.step, found.neuron) == (100 + sample, step, neuron)
    assert (found.expected, found.got) == (golden, golden ^ 1)


def test_a_difference_in_padding_does_not_count(case: Case) -> None:
    recorder = record(case)
    recorder.words[0][FOLDS - 1] = "111111" + recorder.words[0][FOLDS - 1][BITS:]
    assert first_difference(case, recorder) is None


def change(recorder: Recorder, what: str) -> None:
    start = tick_index(recorder, 0) + 1
    if what == "dropped spike":
        del recorder.outputs[start]
    elif what == "duplicated spike":
        recorder.outputs.insert(start, recorder.outputs[start])
    elif what == "moved spike":
        recorder.outputs[start] = word(0, 4)
    elif what == "address beyond the group":
        recorder.outputs[start] = word(6, 4)
    elif what == "early tick":
        recorder.outputs[start : start + 4] = [
            recorder.outputs[start + 3],
            *recorder.outputs[start : start + 3],
        ]
    elif what == "early last tick":
        recorder.outputs[start + 3] = "1001"
    elif what == "undefined word":
        recorder.outputs[start] = "0x00"
    elif what == "undefined potential":
        recorder.words[0][4] = "x" * (LANES * BITS)
    elif what == "undefined fold":
        recorder.folds[0][4] = "xx"
    elif what == "wrong fold":
        recorder.folds[0][4] = "10"
    elif what == "lost potentials":
        del recorder.words[0][-2:], recorder.folds[0][-2:]
    elif what == "lost tick":
        del recorder.outputs[-1]
    elif what == "stray word":
        recorder.outputs.append("0001")
    elif what == "stray update":
        recorder.words[0].append("0" * (LANES * BITS))
        recorder.folds[0].append("00")


@pytest.mark.parametrize(
    ("what", "kind", "message"),
    [
        (
            "dropped spike",
            "spike",
            "sample 100, time step 1, group 'lif' neuron 4: did not spike, golden did",
        ),
        (
            "duplicated spike",
            "spike",
            "sample 100, time step 1, group 'lif' neuron 4: spiked twice in one time step",
        ),
        ("moved spike", "spike", "sample 100, time step 1, group 'lif' neuron 0: spiked, golden did not"),
        (
            "address beyond the group",
            "spike",
            "sample 100, time step 1, group 'lif' neuron 6: output spike of neuron 6, the group has 5",
        ),
        ("early tick", "spike", "sample 100, time step 1, group 'lif' neuron 1: did not spike, golden did"),
        (
            "early last tick",
            "tick",
            "sample 100, time step 1, group 'lif': tick has address 1, expected 0 (not the last tick)",
        ),
        (
            "undefined word",
            "spike",
            "sample 100, time step 1, group 'lif': output word 0x00 has undefined bits",
        ),
        (
            "undefined fold",
            "trace",
            "sample 100, time step 1, group 'lif': trace shows fold xx, expected fold 1",
        ),
        ("wrong fold", "trace", "sample 100, time step 1, group 'lif': trace shows fold 10, expected fold 1"),
        (
            "lost potentials",
            "hang",
            "sample 101, time step 2, group 'lif': potentials never came (1 of 3 folds seen)",
        ),
        ("lost tick", "hang", "sample 101, time step 2, group 'lif': the tick never came"),
        ("stray word", "extra words", "1 output words after the last tick of the last sample: 0001"),
        ("stray update", "extra words", "group 'lif' updated its potentials 1 times after its last tick"),
    ],
)
def test_every_kind_of_difference(case: Case, what: str, kind: str, message: str) -> None:
    recorder = record(case)
    change(recorder, what)
    found = first_difference(case, recorder)
    assert found is not None
    assert (found.kind, found.message) == (kind, message)


def test_an_undefined_potential_is_a_difference(case: Case) -> None:
    recorder = record(case)
    change(recorder, "undefined potential")
    found = first_difference(case, recorder)
    assert found is not None
    golden = int(case.groups[0].potentials[1, 0, 2])
    assert found.message == (
        f"sample 100, time step 1, group 'lif' neuron 2: potential has undefined bits, golden {golden}"
    )
    assert found.got is None


def test_the_cause_comes_before_what_follows_from_it(case: Case) -> None:
    # A potential differs at step 1 in the second group and at step 2 in the first; a spike at step 1.
    second = replace(case.groups[0], group="second")
    recorder = record(case)
    both = Recorder(
        outputs=recorder.outputs, folds=[recorder.folds[0], list(recorder.folds[0])], words=[[], []]
    )
    both.words = [list(recorder.words[0]), list(recorder.words[0])]
    both.words[0][2 * FOLDS] = "0" * (LANES * BITS)
    both.words[1][1 * FOLDS] = "0" * (LANES * BITS)
    change(both, "dropped spike")
    found = first_difference(replace(case, groups=(case.groups[0], second)), both)
    assert found is not None
    assert (found.step, found.group, found.kind) == (1, "second", "potential")


def test_input_words_end_every_step_with_a_tick() -> None:
    spikes = np.array([[0, 1, 1, 0, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 1]])
    assert input_words(spikes) == [1, 2, 8, 8, 0, 4, 9]
    shuffled = input_words(np.ones((1, 5), dtype=np.uint8), np.random.default_rng(1))
    assert sorted(shuffled[:-1]) == [0, 1, 2, 3, 4]
    assert shuffled[:-1] != [0, 1, 2, 3, 4]
    assert shuffled[-1] == 9
