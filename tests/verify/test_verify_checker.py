"""The checker on its own: records made by hand, right and wrong."""

from dataclasses import replace

import numpy as np
import pytest

import sim.checker as checker_module
from qsnn_hw.verify import drawn_words
from qsnn_hw.verify.case import Case, GroupCase
from qsnn_hw.verify.layout import StreamLayout, TraceLayout
from sim.checker import Checker, Difference, Recorder, trace_values
from sim.stream_checker import StreamChecker, characters

STEPS, SAMPLES, NEURONS, LANES, ROWS, BITS = 3, 2, 5, 2, 3, 6
WIDTH = 4

# Slots in no order, one of them empty: neuron 0 is slot 4, slot 1 is nobody.
SLOTS = np.array([2, -1, 4, 1, 0, 3])


@pytest.fixture
def case() -> Case:
    rng = np.random.default_rng(1)
    potentials = rng.integers(-32, 32, (STEPS, SAMPLES, NEURONS)).astype(np.int32)
    outputs = rng.integers(0, 2, (STEPS, SAMPLES, NEURONS)).astype(np.uint8)
    outputs[1, 0] = [0, 1, 0, 1, 1]
    streams = (flat(4), flat(NEURONS))
    trace = TraceLayout("trace", "row", ROWS, LANES, BITS, SLOTS, "sent", "activity", streams[1])
    group = GroupCase("lif", trace, potentials, outputs)
    inputs = np.zeros((STEPS, SAMPLES, 4), np.uint8)
    return Case(
        "top", "lif", ("lif",), inputs, *streams, (group,), (), 1, 0.0, 0.0, 100, np.zeros(0, np.uint8)
    )


def input_words(
    spikes: np.ndarray, stream: StreamLayout, chance: np.random.Generator | None = None
) -> list[int]:
    """The payloads of one sample, spikes of shape (time, input)."""
    words, ends = drawn_words.input_words(spikes[None], stream, chance)
    assert ends.tolist() == [len(words)]
    return drawn_words.as_integers(words)


def word(value: int, bits: int) -> str:
    return format(value % (1 << bits), f"0{bits}b")


def record(case: Case) -> Recorder:
    """What monitors would have seen of a correct design."""
    recorder = Recorder(rows=[[]], words=[[]], sent=[[]])
    potentials = case.groups[0].potentials
    for sample in range(SAMPLES):
        for step in range(STEPS):
            for row in range(ROWS):
                held = SLOTS[row * LANES : (row + 1) * LANES]
                lanes = [0 if n < 0 else int(potentials[step, sample, n]) for n in held]
                recorder.rows[0].append(word(row, 2))
                recorder.words[0].append("".join(word(v, BITS) for v in reversed(lanes)))
            # Descending: the order within a step must not matter.
            recorder.outputs += [word(n, 4) for n in reversed(np.flatnonzero(case.outputs[step, sample]))]
            recorder.outputs.append("1" + word(int(step == STEPS - 1), 3))
        sent = "".join(recorder.outputs[len("".join(recorder.sent[0])) // WIDTH :])
        # Two words at a time, and the rest with the last tick.
        recorder.sent[0] += [sent[at : at + 2 * WIDTH] for at in range(0, len(sent), 2 * WIDTH)]
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
    assert checker.sent == [case.outputs.sum()]
    assert checker.sent_words == [case.outputs.sum() + STEPS * SAMPLES]
    assert checker.potentials == STEPS * SAMPLES * NEURONS


@pytest.mark.parametrize(("sample", "step", "neuron"), [(0, 0, 0), (0, 2, 4), (1, 1, 3)])
def test_every_potential_counts(case: Case, sample: int, step: int, neuron: int) -> None:
    recorder = record(case)
    slot = int(np.flatnonzero(neuron == SLOTS)[0])
    index = (sample * STEPS + step) * ROWS + slot // LANES
    text = recorder.words[0][index]
    lowest = len(text) - 1 - (slot % LANES) * BITS
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
    # Slot 1 is the upper lane of row 0.
    recorder.words[0][0] = "111111" + recorder.words[0][0][BITS:]
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
    elif what == "undefined row":
        recorder.rows[0][4] = "xx"
    elif what == "wrong row":
        recorder.rows[0][4] = "10"
    elif what == "lost potentials":
        del recorder.words[0][-2:], recorder.rows[0][-2:]
    elif what == "lost tick":
        del recorder.outputs[-1]
    elif what == "spike not sent":
        sent = [word for chunk in recorder.sent[0] for word in (chunk[:WIDTH], chunk[WIDTH:]) if word]
        del sent[start]
        recorder.sent[0][:] = sent
    elif what == "stray sent word":
        recorder.sent[0].append("00010010")
    elif what == "stray word":
        recorder.outputs.append("0001")
    elif what == "stray update":
        recorder.words[0].append("0" * (LANES * BITS))
        recorder.rows[0].append("00")


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
            "sample 100, time step 1, group 'lif' neuron 4: spiked 2 times in one time step, golden 1",
        ),
        ("moved spike", "spike", "sample 100, time step 1, group 'lif' neuron 0: spiked, golden did not"),
        (
            "address beyond the group",
            "spike",
            "sample 100, time step 1, group 'lif': output spike has address 6, which no neuron has",
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
            "undefined row",
            "trace",
            "sample 100, time step 1, group 'lif': trace shows row xx, expected row 1",
        ),
        ("wrong row", "trace", "sample 100, time step 1, group 'lif': trace shows row 10, expected row 1"),
        (
            "lost potentials",
            "hang",
            "sample 101, time step 2, group 'lif': potentials never came (1 of 3 rows seen)",
        ),
        ("lost tick", "hang", "sample 101, time step 2, group 'lif': the tick never came"),
        (
            "spike not sent",
            "spike",
            "sample 100, time step 1, group 'lif' neuron 4: did not spike, golden did",
        ),
        ("stray sent word", "extra words", "group 'lif' sent 2 words after its last tick"),
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
    golden = int(case.groups[0].potentials[1, 0, 1])
    assert found.message == (
        f"sample 100, time step 1, group 'lif' neuron 1: potential has undefined bits, golden {golden}"
    )
    assert found.got is None


def test_the_cause_comes_before_what_follows_from_it(case: Case) -> None:
    # A potential differs at step 1 in the second group and at step 2 in the first; a spike at step 1.
    second = replace(case.groups[0], group="second")
    recorder = record(case)
    both = Recorder(outputs=recorder.outputs, rows=[recorder.rows[0], list(recorder.rows[0])])
    both.sent = [recorder.sent[0], list(recorder.sent[0])]
    both.words = [list(recorder.words[0]), list(recorder.words[0])]
    both.words[0][2 * ROWS] = "0" * (LANES * BITS)
    both.words[1][1 * ROWS] = "0" * (LANES * BITS)
    change(both, "dropped spike")
    found = first_difference(replace(case, groups=(case.groups[0], second)), both)
    assert found is not None
    assert (found.step, found.group, found.kind) == (1, "second", "potential")


def flat(size: int, slots: int = 1) -> StreamLayout:
    return StreamLayout(np.arange(size), slots)


def test_input_words_end_every_step_with_a_tick() -> None:
    spikes = np.array([[0, 1, 1, 0, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 1]])
    assert input_words(spikes, flat(5)) == [1, 2, 8, 8, 0, 4, 9]
    shuffled = input_words(np.ones((1, 5), dtype=np.uint8), flat(5), np.random.default_rng(1))
    assert sorted(shuffled[:-1]) == [0, 1, 2, 3, 4]
    assert shuffled[:-1] != [0, 1, 2, 3, 4]
    assert shuffled[-1] == 9


def test_input_words_repeat_an_address() -> None:
    assert input_words(np.array([[2, 0, 3]]), flat(3)) == [0, 0, 2, 2, 2, 5]


def test_input_words_use_the_addresses_of_the_space() -> None:
    assert input_words(np.array([[1, 0, 1]]), StreamLayout(np.array([6, 1, 4]), 1)) == [4, 6, 9]


def test_full_words_hold_one_event_of_each_slot() -> None:
    # Two slots of two-bit addresses, then present, then tick: addresses 0, 3 and 3, 4.
    words = input_words(np.array([[1, 0, 0, 2, 1]]), flat(5, 2))
    assert words == [0 | 1 << 2 | 0b11 << 4, 2 | 1 << 2 | 0b11 << 4, 1 | 1 << 6]


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_every_word_comes_apart_again(slots: int, seed: int | None) -> None:
    chance = np.random.default_rng(7)
    stream = StreamLayout(chance.permutation(29)[:17], slots)
    spikes = chance.integers(0, 4, (6, 17))
    words = input_words(spikes, stream, None if seed is None else np.random.default_rng(seed))
    checker = StreamChecker(stream, "sent", whole_ticks=True)
    text = characters([word(number, checker.width) for number in words], checker.width)
    assert checker.first_fault(text, spikes) is None
    assert checker.spikes == spikes.sum()
    wrong = spikes.copy()
    wrong[3, 5] += 1
    assert checker.first_fault(text, wrong)[:3] == ("spike", 3, 5)
    present = {
        (number >> stream.slots * stream.slot_bits & (1 << slots) - 1).bit_count()
        for number in words
        if not number & stream.tick
    }
    # Words of every filling occur.
    assert slots == 1 or present == set(range(1, slots + 1))


def with_spikes(case: Case, spikes: np.ndarray, stream: StreamLayout) -> Case:
    """The case with other spikes of its group, in words of another layout."""
    (group,) = case.groups
    group = replace(group, spikes=spikes, trace=replace(group.trace, sent=stream))
    return replace(case, groups=(group,), output_stream=stream)


def test_output_words_with_several_slots_and_counts(case: Case) -> None:
    stream = StreamLayout(np.array([0, 2, 5, 7, 8]), 4)
    outputs = case.outputs * np.arange(1, 6, dtype=np.uint8)
    wide = with_spikes(case, outputs, stream)
    bits = stream.tick.bit_length()

    def recorded() -> Recorder:
        recorder = record(case)
        recorder.outputs = [
            word(number, bits)
            for sample in range(SAMPLES)
            for number in input_words(outputs[:, sample], stream, np.random.default_rng(sample))
        ]
        recorder.sent[0] = recorder.outputs[:]
        return recorder

    checker, recorder = Checker(wide), recorded()
    assert [checker.check(sample, recorder) for sample in range(SAMPLES)] == [None, None]
    assert checker.leftover(recorder) is None
    assert checker.spikes == outputs.sum()
    recorder = recorded()
    recorder.outputs.insert(0, "0" * bits)
    found = first_difference(wide, recorder)
    assert found is not None
    assert found.message.endswith(f"output word {'0' * bits} is neither event nor tick")
    recorder = recorded()
    # Slot 1 of address 0: address 1, which the space leaves out.
    recorder.outputs.insert(0, word(0b0010 << stream.slots * stream.slot_bits, bits))
    found = first_difference(wide, recorder)
    assert found is not None
    assert found.message.endswith("output spike has address 1, which no neuron has")
    short = with_spikes(case, outputs + (np.arange(5, dtype=np.uint8) == 4), stream)
    found = first_difference(short, recorded())
    assert found is not None
    want = int(short.outputs[0, 0, 4])
    assert found.message.endswith(f"neuron 4: {count_text(want - 1, want)}")


def count_text(have: int, want: int) -> str:
    if want > 1:
        return f"spiked {have} times in one time step, golden {want}"
    return "did not spike, golden did"


@pytest.mark.parametrize(("lanes", "bits"), [(1, 1), (3, 5), (2, 16), (2, 17), (4, 32)])
def test_trace_values(lanes: int, bits: int) -> None:
    chance = np.random.default_rng(bits)
    limit = 1 << (bits - 1)
    wanted = chance.integers(-limit, limit, (20, lanes))
    wanted[0] = -limit
    wanted[1] = limit - 1
    words = ["".join(word(int(v), bits) for v in reversed(row)) for row in wanted]
    values, known = trace_values(words, lanes, bits)
    assert np.array_equal(values, wanted)
    assert known.all()
    for level in "xzXZUWLH-":
        words[3] = level + words[3][1:]
        _, known = trace_values(words, lanes, bits)
        assert np.argwhere(~known).tolist() == [[3, lanes - 1]]


def test_a_long_run_is_compared_in_pieces(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker_module, "CHUNK_BITS", 1)
    checker, recorder = Checker(case), record(case)
    assert [checker.check(sample, recorder) for sample in range(SAMPLES)] == [None, None]
    assert checker.potentials == STEPS * SAMPLES * NEURONS
    recorder = record(case)
    recorder.words[0][2 * ROWS + 2] = "0" * (LANES * BITS)
    found = first_difference(case, recorder)
    assert found is not None
    assert (found.sample, found.step, found.kind) == (100, 2, "potential")


def test_trace_layout_wants_one_slot_for_each_neuron() -> None:
    with pytest.raises(ValueError, match=r"^Every neuron must have exactly one slot, not "):
        TraceLayout("trace", "row", 2, 2, 4, np.array([0, 1, 1, -1]), "sent", "activity", flat(2))
    with pytest.raises(ValueError, match=r"^Slots must be 2 rows of 2, not \(3,\)$"):
        TraceLayout("trace", "row", 2, 2, 4, np.array([0, 1, 2]), "sent", "activity", flat(3))
