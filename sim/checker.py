"""The checker: what the monitors recorded against what the golden model says, exactly.

Plain NumPy, no simulator: ``tests/verify`` exercises it on its own. Within a time step the order of
output spikes carries no meaning; everything else does.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from qsnn_hw.verify.case import Case
from sim.stream_checker import StreamChecker, characters

# Bits of trace words that are taken apart at a time: a step of a large group is 60 kbit, and NumPy
# needs several bytes for each bit.
CHUNK_BITS = 1 << 22
_CHUNK_ROWS = 1 << 16


@dataclass(frozen=True)
class Difference:
    """The first difference of a run.

    Parameters
    ----------
    kind
        "potential", "spike", "tick", "trace", "stream rule", "extra words" or "hang".
    message
        One line with everything below.
    sample, step, group, neuron, expected, got
        Where and what; None where it does not apply.
    """

    kind: str
    message: str
    sample: int | None = None
    step: int | None = None
    group: str | None = None
    neuron: int | None = None
    expected: int | None = None
    got: int | None = None

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


@dataclass
class Recorder:
    """What the monitors have recorded and the checker has not yet consumed.

    Parameters
    ----------
    outputs
        Payload bit strings of the output stream.
    rows, words
        For each group, the bit strings of its trace port.
    sent
        For each group, the words it sent, as bit strings of one or several words, the oldest first.
    """

    outputs: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    words: list[list[str]] = field(default_factory=list)
    sent: list[list[str]] = field(default_factory=list)


Values = Callable[[int, int], tuple[np.ndarray, np.ndarray]]
"""Trace words ``first`` to ``stop - 1`` of a group to their potentials and whether they are defined, both of
shape (words, lanes)."""


@dataclass(frozen=True)
class Shown:
    """What one group showed of some samples, whatever bench recorded it.

    Parameters
    ----------
    rows
        uint8 characters, shape (trace words, bits): the row that each trace word names, highest bit first;
        0 and 1 are "0" and "1", every other character is an undefined level.
    values
        The potentials.
    sent
        uint8 characters, shape (words, bits): the words it sent.
    """

    rows: np.ndarray
    values: Values
    sent: np.ndarray


class Checker:
    """Compares sample by sample, in the order in which they entered.

    Parameters
    ----------
    case
        The samples of this run.
    first
        Number of the first sample in the whole test set; messages use it.

    Attributes
    ----------
    spikes, potentials : int
        Output spikes and potentials that were equal so far.
    sent, sent_words : list of int
        Of each group, spikes that were equal so far as it sent them, and the words they came in.
    """

    def __init__(self, case: Case, first: int = 0) -> None:
        self._case = case
        self._first = first
        self._output = StreamChecker(case.output_stream, "output", whole_ticks=True)
        # As a group sends a tick, its further slots mean nothing yet (rtl/group/encoder.py).
        self._sent = [StreamChecker(g.trace.sent, "sent", whole_ticks=False) for g in case.groups]
        self._slots = [group.trace.slot_of_neuron() for group in case.groups]
        self.spikes = 0
        self.potentials = 0
        self.sent = [0] * len(case.groups)
        self.sent_words = [0] * len(case.groups)

    def check(self, sample: int, recorder: Recorder) -> Difference | None:
        """Consume one sample; what is not there yet counts as missing.

        Parameters
        ----------
        sample
            Number within the case.
        recorder
            The sample's words stand first in each list; they are removed.
        """
        shown = []
        steps = self._case.steps
        for index, group in enumerate(self._case.groups):
            wanted = steps * group.trace.rows
            rows, words = recorder.rows[index][:wanted], recorder.words[index][:wanted]
            del recorder.rows[index][:wanted], recorder.words[index][:wanted]
            shown.append(
                Shown(
                    characters(rows, len(rows[0]) if rows else 0),
                    _values_of(words, group.trace.lanes, group.trace.v_bits),
                    self._sent[index].take(recorder.sent[index], steps),
                )
            )
        return self.compare(sample, 1, shown, self._output.take(recorder.outputs, steps))

    def compare(
        self, sample: int, samples: int, shown: Sequence[Shown], outputs: np.ndarray
    ) -> Difference | None:
        """Compare some samples; what is not there counts as missing.

        Parameters
        ----------
        sample, samples
            Number of the first within the case, and how many.
        shown
            Of each group, no more than of these samples.
        outputs
            uint8 characters, shape (words, bits): their words of the output stream.
        """
        differences: list[tuple[int, int, Difference]] = []
        for index, (group, seen) in enumerate(zip(self._case.groups, shown, strict=True)):
            late = self._trace(sample, samples, index, seen)
            if late is not None:
                differences.append((late[0], index, late[1]))
            expected = _by_sample(group.spikes, sample, samples)
            late, spikes = self._stream(sample, group.group, self._sent[index], expected, seen.sent)
            self.sent[index] += spikes
            self.sent_words[index] += len(seen.sent)
            if late is not None:
                differences.append((late[0], index, late[1]))
        case = self._case
        expected = _by_sample(case.outputs, sample, samples)
        late, spikes = self._stream(sample, case.output_group, self._output, expected, outputs)
        self.spikes += spikes
        if late is not None:
            differences.append((late[0], len(case.groups), late[1]))
        return min(differences, key=lambda item: item[:2])[2] if differences else None

    def leftover(self, recorder: Recorder) -> Difference | None:
        """Words that came although every sample is done."""
        sent = [
            sum(len(chunk) for chunk in chunks) // checker.width
            for chunks, checker in zip(recorder.sent, self._sent, strict=True)
        ]
        return self.extra(recorder.outputs, [len(words) for words in recorder.words], sent)

    def extra(self, outputs: Sequence[str], updates: Sequence[int], sent: Sequence[int]) -> Difference | None:
        """As :meth:`leftover`: output words, and of each group how many trace words and sent words."""
        if outputs:
            words = ", ".join(outputs[:4])
            return Difference(
                "extra words",
                f"{len(outputs)} output words after the last tick of the last sample: {words}",
                group=self._case.output_group,
            )
        for group, times, count in zip(self._case.groups, updates, sent, strict=True):
            if times:
                text = f"updated its potentials {times} times after its last tick"
            elif count:
                text = f"sent {count} words after its last tick"
            else:
                continue
            return Difference("extra words", f"group {group.group!r} {text}", group=group.group)
        return None

    def _difference(
        self,
        kind: str,
        sample: int,
        late: int,
        group: str,
        text: str,
        neuron: int | None = None,
        **values: int,
    ) -> tuple[int, Difference]:
        """A difference ``late`` steps behind the start of ``sample``, with that number."""
        further, step = divmod(late, self._case.steps)
        number = self._first + sample + further
        place = f"sample {number}, time step {step}, group {group!r}"
        place += "" if neuron is None else f" neuron {neuron}"
        return late, Difference(kind, f"{place}: {text}", number, step, group, neuron, **values)

    def _trace(self, sample: int, samples: int, index: int, seen: Shown) -> tuple[int, Difference] | None:
        """Compare what one group's trace port showed of some samples."""
        group, steps = self._case.groups[index], samples * self._case.steps
        trace = group.trace
        words = len(seen.rows)
        odd = _first_odd_row(seen.rows, trace.rows)
        complete = (words if odd is None else odd) // trace.rows
        at_once = max(1, CHUNK_BITS // (trace.rows * trace.lanes * trace.v_bits))
        expected = _by_sample(group.potentials, sample, samples)
        for first in range(0, complete, at_once):
            stop = min(first + at_once, complete)
            difference = self._potentials(sample, index, first, stop, seen, expected[first:stop])
            if difference is not None:
                return difference
        if odd is not None:
            text = f"trace shows row {seen.rows[odd].tobytes().decode()}, expected row {odd % trace.rows}"
            return self._difference("trace", sample, complete, group.group, text)
        if complete < steps:
            text = f"potentials never came ({words % trace.rows} of {trace.rows} rows seen)"
            return self._difference("hang", sample, complete, group.group, text)
        return None

    def _potentials(
        self, sample: int, index: int, first: int, stop: int, seen: Shown, expected: np.ndarray
    ) -> tuple[int, Difference] | None:
        """Compare the potentials of time steps ``first`` to ``stop - 1``, counted from ``sample`` on."""
        group, slots = self._case.groups[index], self._slots[index]
        trace = group.trace
        values, known = seen.values(first * trace.rows, stop * trace.rows)
        by_step = (-1, trace.rows * trace.lanes)
        got, known = values.reshape(by_step)[:, slots], known.reshape(by_step)[:, slots]
        wrong = (got != expected) | ~known
        if not wrong.any():
            self.potentials += got.size
            return None
        late, neuron = (int(n) for n in np.argwhere(wrong)[0])
        want, step = int(expected[late, neuron]), first + late
        if not known[late, neuron]:
            text = f"potential has undefined bits, golden {want}"
            return self._difference("potential", sample, step, group.group, text, neuron, expected=want)
        have = int(got[late, neuron])
        text = f"potential is {have}, golden {want}"
        return self._difference("potential", sample, step, group.group, text, neuron, expected=want, got=have)

    def _stream(
        self, sample: int, group: str, checker: StreamChecker, expected: np.ndarray, words: np.ndarray
    ) -> tuple[tuple[int, Difference] | None, int]:
        """Compare the words of some samples: first difference, spikes that were equal."""
        fault = checker.first_fault(words, expected, self._case.steps)
        if fault is None:
            # Those of the words, not of golden: the runner holds the one against the other.
            return None, checker.spikes
        kind, late, neuron, message, values = fault
        return self._difference(kind, sample, late, group, message, neuron, **values), 0


def _by_sample(values: np.ndarray, sample: int, samples: int) -> np.ndarray:
    """Shape (time, sample, neuron) to (steps of the samples one behind another, neuron)."""
    part = values[:, sample : sample + samples].transpose(1, 0, 2)
    return part.reshape(-1, values.shape[2])


def _first_odd_row(shown: np.ndarray, rows: int) -> int | None:
    """Number of the first trace word that does not show the row behind the one before."""
    words, width = shown.shape
    for first in range(0, words, _CHUNK_ROWS):
        part = shown[first : first + _CHUNK_ROWS]
        row = (first + np.arange(len(part))) % rows
        wanted = ord("0") + (row[:, None] >> np.arange(width)[::-1] & 1)
        wrong = (part != wanted).any(axis=1)
        if wrong.any():
            return first + int(np.argmax(wrong))
    return None


def _values_of(words: list[str], lanes: int, v_bits: int) -> Values:
    return lambda first, stop: trace_values(words[first:stop], lanes, v_bits)


def trace_values(words: list[str], lanes: int, v_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Potentials in bit strings of ``lanes`` of them, two's complement; lane 0 is the string's end.

    Returns
    -------
    values, known
        int16 or int32 (v_bits at most 32) and bool, shape (words, lanes); a value with undefined bits
        is not known.
    """
    levels = characters(words, lanes * v_bits).reshape(len(words), lanes, v_bits)
    width = 16 if v_bits <= 16 else 32
    bits = np.empty((len(words), lanes, width), dtype=np.uint8)
    bits[:, :, width - v_bits :] = levels & 1
    # The sign fills the bits above.
    bits[:, :, : width - v_bits] = bits[:, :, width - v_bits, None]
    values = np.packbits(bits, axis=-1).view(f">i{width // 8}").reshape(len(words), lanes)
    # "0" and "1" have codes 48 and 49; every other character is an undefined level.
    if levels.min(initial=ord("0")) < ord("0") or levels.max(initial=ord("1")) > ord("1"):
        known = ((levels | 1) == ord("1")).all(axis=2)
    else:
        known = np.ones((len(words), lanes), dtype=bool)
    return values[:, ::-1], known[:, ::-1]
