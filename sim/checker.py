"""The checker: what the monitors recorded against what the golden model says, exactly.

Plain NumPy, no simulator: ``tests/verify`` exercises it on its own. Within a time step the order of
output spikes carries no meaning; everything else does.
"""

from dataclasses import asdict, dataclass, field

import numpy as np

from qsnn_hw.verify.case import Case
from sim.stream_checker import StreamChecker

# Bits of trace words that are taken apart at a time: a step of a large group is 60 kbit, and NumPy
# needs several bytes for each bit.
_CHUNK_BITS = 1 << 22


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
        # As a group sends a tick, its further slots mean nothing yet (rtl/encoder.py).
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
        found: list[tuple[int, int, Difference]] = []
        for index, group in enumerate(self._case.groups):
            wanted = self._case.steps * group.trace.rows
            rows, words = recorder.rows[index], recorder.words[index]
            difference = self._trace(sample, index, rows[:wanted], words[:wanted])
            del rows[:wanted], words[:wanted]
            if difference is not None:
                found.append((difference.step or 0, index, difference))
            difference, spikes, sent = self._stream(
                sample, group.group, self._sent[index], group.spikes[:, sample], recorder.sent[index]
            )
            self.sent[index] += spikes
            self.sent_words[index] += sent
            if difference is not None:
                found.append((difference.step or 0, index, difference))
        case = self._case
        difference, spikes, _ = self._stream(
            sample, case.output_group, self._output, case.outputs[:, sample], recorder.outputs
        )
        self.spikes += spikes
        if difference is not None:
            found.append((difference.step or 0, len(case.groups), difference))
        return min(found, key=lambda item: item[:2])[2] if found else None

    def leftover(self, recorder: Recorder) -> Difference | None:
        """Words that came although every sample is done."""
        if recorder.outputs:
            words = ", ".join(recorder.outputs[:4])
            return Difference(
                "extra words",
                f"{len(recorder.outputs)} output words after the last tick of the last sample: {words}",
                group=self._case.output_group,
            )
        for index, group in enumerate(self._case.groups):
            if recorder.words[index]:
                times = len(recorder.words[index])
                text = f"updated its potentials {times} times after its last tick"
            elif recorder.sent[index]:
                count = sum(len(chunk) for chunk in recorder.sent[index]) // self._sent[index].width
                text = f"sent {count} words after its last tick"
            else:
                continue
            return Difference("extra words", f"group {group.group!r} {text}", group=group.group)
        return None

    def _place(self, sample: int, step: int, group: str, neuron: int | None = None) -> str:
        place = f"sample {self._first + sample}, time step {step}, group {group!r}"
        return place if neuron is None else f"{place} neuron {neuron}"

    def _difference(
        self,
        kind: str,
        sample: int,
        step: int,
        group: str,
        text: str,
        neuron: int | None = None,
        **values: int,
    ) -> Difference:
        message = f"{self._place(sample, step, group, neuron)}: {text}"
        return Difference(kind, message, self._first + sample, step, group, neuron, **values)

    def _trace(self, sample: int, index: int, rows: list[str], words: list[str]) -> Difference | None:
        """Compare what one group's trace port showed of one sample."""
        group, steps = self._case.groups[index], self._case.steps
        trace = group.trace
        width = len(rows[0]) if rows else 0
        wanted = [format(row, f"0{width}b") for row in range(trace.rows)]
        for number, row in enumerate(rows):
            if row != wanted[number % trace.rows]:
                text = f"trace shows row {row}, expected row {number % trace.rows}"
                return self._difference("trace", sample, number // trace.rows, group.group, text)
        complete = len(words) // trace.rows
        at_once = max(1, _CHUNK_BITS // (trace.rows * trace.lanes * trace.v_bits))
        for first in range(0, complete, at_once):
            stop = min(first + at_once, complete)
            part = words[first * trace.rows : stop * trace.rows]
            difference = self._potentials(sample, index, first, part)
            if difference is not None:
                return difference
        if complete < steps:
            text = f"potentials never came ({len(words) % trace.rows} of {trace.rows} rows seen)"
            return self._difference("hang", sample, complete, group.group, text)
        return None

    def _potentials(self, sample: int, index: int, first: int, words: list[str]) -> Difference | None:
        """Compare the potentials of whole time steps from step ``first`` on."""
        group, slots = self._case.groups[index], self._slots[index]
        trace = group.trace
        values, known = trace_values(words, trace.lanes, trace.v_bits)
        by_step = (-1, trace.rows * trace.lanes)
        got, known = values.reshape(by_step)[:, slots], known.reshape(by_step)[:, slots]
        expected = group.potentials[first : first + len(got), sample]
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
        self, sample: int, group: str, checker: StreamChecker, expected: np.ndarray, chunks: list[str]
    ) -> tuple[Difference | None, int, int]:
        """Take one sample's words off ``chunks``: first difference, spikes that were equal, words."""
        steps = expected.shape[0]
        text = checker.take(chunks, steps)
        fault, words = checker.first_fault(text, expected), len(text) // checker.width
        if fault is None:
            # Those of the words, not of golden: the runner holds the one against the other.
            return None, checker.spikes, words
        kind, step, neuron, message, values = fault
        return self._difference(kind, sample, step, group, message, neuron, **values), 0, words


def trace_values(words: list[str], lanes: int, v_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Potentials in bit strings of ``lanes`` of them, two's complement; lane 0 is the string's end.

    Returns
    -------
    values, known
        int16 or int32 (v_bits at most 32) and bool, shape (words, lanes); a value with undefined bits
        is not known.
    """
    characters = np.frombuffer("".join(words).encode(), dtype=np.uint8).reshape(len(words), lanes, v_bits)
    width = 16 if v_bits <= 16 else 32
    bits = np.empty((len(words), lanes, width), dtype=np.uint8)
    bits[:, :, width - v_bits :] = characters & 1
    # The sign fills the bits above.
    bits[:, :, : width - v_bits] = bits[:, :, width - v_bits, None]
    values = np.packbits(bits, axis=-1).view(f">i{width // 8}").reshape(len(words), lanes)
    # "0" and "1" have codes 48 and 49; every other character is an undefined level.
    if characters.min(initial=ord("0")) < ord("0") or characters.max(initial=ord("1")) > ord("1"):
        known = ((characters | 1) == ord("1")).all(axis=2)
    else:
        known = np.ones((len(words), lanes), dtype=bool)
    return values[:, ::-1], known[:, ::-1]
