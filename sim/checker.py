"""The checker: what the monitors recorded against what the golden model says, exactly.

Plain NumPy, no simulator: ``tests/verify`` exercises it on its own. Within a time step the order of
output spikes carries no meaning; everything else does.
"""

from dataclasses import asdict, dataclass, field

import numpy as np

from qsnn_hw.host_protocol import address_bits
from qsnn_hw.verify.case import Case, GroupCase


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
    folds, words
        For each group, the bit strings of its trace port.
    """

    outputs: list[str] = field(default_factory=list)
    folds: list[list[str]] = field(default_factory=list)
    words: list[list[str]] = field(default_factory=list)


class Checker:
    """Compares sample by sample, in the order in which they entered.

    Parameters
    ----------
    case
        The samples of this run.
    first
        Number of the first sample in the whole test set; messages use it.
    """

    def __init__(self, case: Case, first: int = 0) -> None:
        self._case = case
        self._first = first
        self._spikes_bits = address_bits(case.outputs.shape[-1])
        self.spikes = 0
        self.potentials = 0

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
            wanted = self._case.steps * group.folds
            folds, words = recorder.folds[index], recorder.words[index]
            difference = self._potentials(sample, group, folds[:wanted], words[:wanted])
            del folds[:wanted], words[:wanted]
            if difference is not None:
                found.append((difference.step or 0, index, difference))
        taken = self._end_of_sample(recorder.outputs)
        difference = self._outputs(sample, recorder.outputs[:taken])
        del recorder.outputs[:taken]
        if difference is not None:
            found.append((difference.step or 0, len(self._case.groups), difference))
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
        for group, words in zip(self._case.groups, recorder.words, strict=True):
            if words:
                return Difference(
                    "extra words",
                    f"group {group.group!r} updated its potentials {len(words)} times after its last tick",
                    group=group.group,
                )
        return None

    def _end_of_sample(self, outputs: list[str]) -> int:
        ticks = 0
        for index, word in enumerate(outputs):
            ticks += word[0] == "1"
            if ticks == self._case.steps:
                return index + 1
        return len(outputs)

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

    def _potentials(
        self, sample: int, group: GroupCase, folds: list[str], words: list[str]
    ) -> Difference | None:
        for index, fold in enumerate(folds):
            if int(fold, 2) != index % group.folds if fold.isdecimal() else True:
                step = index // group.folds
                text = f"trace shows fold {fold}, expected fold {index % group.folds}"
                return self._difference("trace", sample, step, group.group, text)
        width = group.lanes * group.v_bits
        raw = np.frombuffer("".join(words).encode(), dtype=np.uint8).reshape(len(words), width)
        bits = raw - ord("0")
        # The string's first character is the highest bit of the last lane.
        lanes = bits.reshape(len(words), group.lanes, group.v_bits)[:, ::-1]
        scale = 1 << np.arange(group.v_bits - 1, -1, -1, dtype=np.int64)
        scale[0] = -scale[0]
        values = (lanes * scale).sum(axis=2)
        steps = len(words) // group.folds
        got = values[: steps * group.folds].reshape(steps, group.folds * group.lanes)[:, : group.neurons]
        known = (lanes <= 1).all(axis=2)[: steps * group.folds].reshape(steps, -1)[:, : group.neurons]
        expected = group.potentials[:steps, sample]
        wrong = (got != expected) | ~known
        if wrong.any():
            step, neuron = (int(n) for n in np.argwhere(wrong)[0])
            want = int(expected[step, neuron])
            if not known[step, neuron]:
                text = f"potential has undefined bits, golden {want}"
                return self._difference("potential", sample, step, group.group, text, neuron, expected=want)
            have = int(got[step, neuron])
            text = f"potential is {have}, golden {want}"
            return self._difference(
                "potential", sample, step, group.group, text, neuron, expected=want, got=have
            )
        self.potentials += got.size
        if steps < self._case.steps:
            text = f"potentials never came ({len(words) % group.folds} of {group.folds} folds seen)"
            return self._difference("hang", sample, steps, group.group, text)
        return None

    def _outputs(self, sample: int, words: list[str]) -> Difference | None:
        group = self._case.output_group
        expected = self._case.outputs[:, sample]
        steps, size = expected.shape
        step = 0
        seen = np.zeros(size, dtype=np.uint8)
        for word in words:
            if not word.isdecimal():
                text = f"output word {word} has undefined bits"
                return self._difference("spike", sample, step, group, text)
            address = int(word[1:], 2)
            if word[0] == "0":
                if address >= size:
                    text = f"output spike of neuron {address}, the group has {size}"
                    return self._difference("spike", sample, step, group, text, address)
                if seen[address]:
                    text = "spiked twice in one time step"
                    return self._difference("spike", sample, step, group, text, address, expected=1, got=2)
                seen[address] = 1
                continue
            wrong = np.flatnonzero(seen != expected[step])
            if wrong.size:
                neuron = int(wrong[0])
                want, have = int(expected[step, neuron]), int(seen[neuron])
                text = f"{'spiked' if have else 'did not spike'}, golden {'did' if want else 'did not'}"
                return self._difference("spike", sample, step, group, text, neuron, expected=want, got=have)
            last = int(step == steps - 1)
            if address != last:
                text = f"tick has address {address}, expected {last} ({'' if last else 'not '}the last tick)"
                return self._difference("tick", sample, step, group, text, expected=last, got=address)
            self.spikes += int(seen.sum())
            seen[:] = 0
            step += 1
        if step < steps:
            return self._difference("hang", sample, step, group, "the tick never came")
        return None
