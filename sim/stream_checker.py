"""The checker of one AER stream: its words, bit by bit, against the spikes of every time step.

Plain NumPy, no simulator. Within a time step the order of spikes carries no meaning; everything else does.
"""

import numpy as np

from qsnn_hw.verify.layout import StreamLayout

Fault = tuple[str, int, int | None, str, dict[str, int]]
"""Kind of a difference, its time step, its neuron, its text, and what was ``expected`` and ``got``."""


class StreamChecker:
    """The words of one AER stream against the spikes that golden says.

    Parameters
    ----------
    stream
        Its layout.
    name
        What messages call a word of it.
    whole_ticks
        Every bit of a tick counts; otherwise only ``present`` and slot 0.

    Attributes
    ----------
    width : int
        Bits of a word.
    spikes : int
        Spikes of some neuron in the words that :meth:`first_fault` saw last.
    """

    def __init__(self, stream: StreamLayout, name: str, *, whole_ticks: bool) -> None:
        self._stream, self._name, self._whole = stream, name, whole_ticks
        self._owner = stream.neuron_of_address()
        self.width = stream.tick.bit_length()
        self.spikes = 0

    def take(self, chunks: list[str], steps: int) -> np.ndarray:
        """The words up to tick number ``steps``, or all, as characters; they are removed from ``chunks``.

        A chunk of several words is never cut in two: no stream has another word behind a tick in one.
        """
        ticks = 0
        for index, chunk in enumerate(chunks):
            ticks += chunk[:: self.width].count("1")
            if ticks >= steps:
                taken = chunks[: index + 1]
                del chunks[: index + 1]
                return characters(taken, self.width)
        taken = chunks[:]
        chunks.clear()
        return characters(taken, self.width)

    def first_fault(self, words: np.ndarray, expected: np.ndarray, period: int | None = None) -> Fault | None:
        """Compare the words of some samples with the spikes of each step, shape (step, neuron).

        ``words`` are characters, see :func:`characters`; a sample has ``period`` steps, or all there are.
        Within a step a word that says nothing sensible comes before a spike too many or too few, and that
        before a wrong tick.
        """
        steps, neurons = expected.shape
        # "0" and "1" have codes 48 and 49; every other character is an undefined level.
        known = ((words | 1) == ord("1")).all(axis=1)
        levels = words & 1
        tick = (levels[:, 0] == 1) & known
        step = np.cumsum(tick) - tick
        word, address = self._addresses(levels, known & ~tick)
        inside = address < self._owner.size
        neuron = np.where(inside, self._owner[np.where(inside, address, 0)], -1)

        faults: list[tuple[int, int, int, Fault]] = []
        empty = known & ~tick
        empty[word] = False
        for bad, text_of in ((~known, "has undefined bits"), (empty, "is neither event nor tick")):
            for first in np.flatnonzero(bad)[:1].tolist():
                message = f"{self._name} word {words[first].tobytes().decode()} {text_of}"
                faults.append((int(step[first]), 0, first, ("spike", int(step[first]), None, message, {})))
        for first in np.flatnonzero(neuron < 0)[:1].tolist():
            place = int(word[first])
            message = f"{self._name} spike has address {int(address[first])}, which no neuron has"
            faults.append((int(step[place]), 0, place, ("spike", int(step[place]), None, message, {})))

        complete = min(int(tick.sum()), steps)
        of_neuron = neuron >= 0
        flat = step[word[of_neuron]] * neurons + neuron[of_neuron]
        counts = np.bincount(flat, minlength=(steps + 1) * neurons)[: complete * neurons]
        seen = counts.reshape(complete, neurons)
        self.spikes = int(seen.sum())
        for late, who in np.argwhere(seen != expected[:complete])[:1].tolist():
            want, have = int(expected[late, who]), int(seen[late, who])
            values = {"expected": want, "got": have}
            faults.append((late, 1, 0, ("spike", late, who, _spike_text(want, have), values)))
        fault = self._tick_fault(levels[tick][:steps], period or steps)
        if fault is not None:
            faults.append((fault[1], 2, 0, fault))
        if complete < steps:
            faults.append((complete, 3, 0, ("hang", complete, None, "the tick never came", {})))
        return min(faults, key=lambda fault: fault[:3])[3] if faults else None

    def _addresses(self, levels: np.ndarray, events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of every event, slot by slot, the number of its word and its address."""
        stream, bits = self._stream, self._stream.slot_bits
        # Column k is bit k.
        columns = levels[:, ::-1]
        weights = 1 << np.arange(bits, dtype=np.int64)
        if stream.slots == 1:
            word = np.flatnonzero(events)
            return word, columns[word, :bits] @ weights
        present = columns[:, stream.slots * bits : stream.slots * (bits + 1)] & events[:, None]
        word, slot = np.nonzero(present)
        fields = columns[:, : stream.slots * bits].reshape(-1, stream.slots, bits)
        return word, fields[word, slot] @ weights * stream.slots + slot

    def _tick_fault(self, ticks: np.ndarray, period: int) -> Fault | None:
        stream = self._stream
        low = ticks[:, ::-1]
        marks = low[:, :-1] if self._whole else low[:, : stream.slot_bits]
        wanted = np.zeros_like(marks)
        wanted[period - 1 :: period, 0] = 1
        wrong = (marks != wanted).any(axis=1)
        if not self._whole:
            wrong |= low[:, stream.slots * stream.slot_bits : -1].any(axis=1)
        for late in np.flatnonzero(wrong)[:1].tolist():
            mark = int("".join(map(str, marks[late, ::-1].tolist())), 2)
            last = int(late % period == period - 1)
            text = f"tick has address {mark}, expected {last} ({'' if last else 'not '}the last tick)"
            return "tick", late, None, text, {"expected": last, "got": mark}
        return None


def characters(texts: list[str], width: int) -> np.ndarray:
    """Bit strings as uint8 characters, shape (words, width); one string may hold several words."""
    return np.frombuffer("".join(texts).encode(), dtype=np.uint8).reshape(-1, max(width, 1))


def _spike_text(want: int, have: int) -> str:
    if max(want, have) > 1:
        return f"spiked {have} times in one time step, golden {want}"
    return f"{'spiked' if have else 'did not spike'}, golden {'did' if want else 'did not'}"
