"""Looks for the convention under which a file's network gives the framework's own output.

How an output is compared is :mod:`qsnn_hw.model.check`'s business; what is tried next is decided here.
Conventions that read to the same network are run once. A few samples and their first time steps tell
most of them apart; what they leave is run on the samples with differences, and what those leave on all.
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from qsnn_hw.model.convention import PRESETS, Convention
from qsnn_hw.model.graph import Graph
from qsnn_hw.model.network import MAX_SPIKES, Network
from qsnn_hw.model.time_steps import candidates
from qsnn_hw.model.variants import Variants, changed, differences, starts
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import Progress, Task

Wrong = Callable[[Network, np.ndarray, np.ndarray], np.ndarray]
"""Network, input and the framework's own output -> where the network's output differs, bool."""

_GLANCE_SAMPLES = 4
_GLANCE_SPIKES = 24
_GLANCE_STEPS = 8
_GLANCE_S = 0.05
_DOUBTFUL = 2
"""Differences in a glance that rounding may explain."""
_BEAM = 10
_ROUNDS = 4
_LISTED = 5


@dataclass(frozen=True)
class Tried:
    """A convention that was tried.

    Parameters
    ----------
    convention
        Its ``name`` is the preset that the fewest fields have to be changed in.
    mismatches
        Output values that differ, of those of ``samples``.
    samples
        How many were run.
    complete
        These are all samples there are.
    """

    convention: Convention
    mismatches: int
    samples: int
    complete: bool


@dataclass(frozen=True)
class Outcome:
    """What a search came to.

    Parameters
    ----------
    advice
        The convention under which nothing differs, alone; or else those worth a word, the closest first.
    closest
        The closest, worth a word or not.
    tried
        How many different networks were run.
    exhausted
        False when time ran out first.
    """

    advice: tuple[Tried, ...]
    closest: tuple[Tried, ...]
    tried: int
    exhausted: bool


class _OutOfTimeError(Exception):
    pass


@dataclass(frozen=True)
class _Score:
    """The later the first difference, the closer; then the fewer."""

    late: float
    count: int

    def key(self) -> tuple[float, int]:
        return -self.late, self.count


class Search:
    """One search.

    Parameters
    ----------
    read
        Builds the network under a convention; UserError where it cannot.
    checked
        The convention that was asked about.
    graph
        What the file holds, for the choice of what to try; None where that is not known.
    x, out
        Input and the framework's own output of all samples, (time, sample, ...).
    trial
        Positions of the samples to search with.
    wrong
        Compares.
    rounding
        Of a network and the samples (positions) that differ: whether all that hangs on float rounding.
    worst
        Differences, in the trial samples, that something to recommend has at most half of.
    budget_s
        Seconds to search.
    task
        What the search is called while it runs.
    """

    def __init__(
        self,
        read: Callable[[Convention | None], Network],
        checked: Convention,
        graph: Graph | None,
        x: np.ndarray,
        out: np.ndarray,
        trial: np.ndarray,
        wrong: Wrong,
        rounding: Callable[[Network, np.ndarray], bool],
        worst: int,
        budget_s: float,
        task: str = "trying other conventions",
    ) -> None:
        self._name = task
        self._read, self._checked, self._wrong, self._rounding = read, checked, wrong, rounding
        self._x, self._out, self._trial, self._worst = x, out, trial, worst
        self._steps = candidates(graph)
        self._variants = Variants.of(graph, self._steps, _most_spikes(out))
        self._until = time.monotonic() + budget_s
        self._known: dict[tuple[object, ...], bytes | None] = {}
        self._scores: dict[bytes, _Score] = {}
        self._points: dict[bytes, Convention] = {}
        self._glance: tuple[np.ndarray, np.ndarray] | None = None
        self._answer: Tried | None = None
        # The best whose differences all hang on float rounding: an answer where there is no better one.
        self._nearly: Tried | None = None
        self._refuted: set[bytes] = set()
        self._task: Task | None = None
        # What the last key was made of, where it was made anew.
        self._network: Network | None = None

    def run(self, progress: Progress) -> Outcome:
        """Search until a convention leaves no difference, everything is tried or time is out."""
        exhausted = True
        with progress.task(self._name) as task:
            self._task = task
            # A wrong convention may let potentials grow without bound.
            with np.errstate(all="ignore"):
                try:
                    self._explore()
                except _OutOfTimeError:
                    exhausted = self._answer is not None
                answer = self._answer or self._nearly
                closest = (answer,) if answer is not None else self._closest()
                closest = tuple(self._simplest(item) for item in closest)
        near = tuple(item for item in closest if item.complete or 2 * item.mismatches <= self._worst)
        return Outcome(near, closest, len(self._scores), exhausted)

    def _explore(self) -> None:
        """From near to far: one question of the checked convention, the presets, then more at a time."""
        names = tuple(self._variants.variables)
        begin = starts(self._checked, self._steps)
        near = [point for name in names for point in self._variants.near(begin[0], (name,))]
        self._try(point for point in near if len(differences(point, begin[0])) == 1)
        self._try(begin)
        for name in ("tau_fix", "dt"):
            for start in begin[1:]:
                self._try(self._variants.near(start, (name,)) if name in names else ())
        self._try(near)
        self._climb(names)
        for depth in (1, 2, 3):
            for start in sorted(begin, key=lambda point: self._score(point).key()):
                for questions in combinations(names, depth):
                    self._try(self._variants.near(start, questions))
            self._climb(names)
            if self._nearly is not None:
                return

    def _climb(self, names: tuple[str, ...]) -> None:
        """One question more, from the closest so far, while that comes closer."""
        for _ in range(_ROUNDS):
            before = len(self._scores)
            for point in self._best(_BEAM):
                for name in names:
                    self._try(self._variants.near(point, (name,)))
            if len(self._scores) == before:
                return

    def _try(self, points: Iterable[Convention]) -> None:
        if self._answer is not None:
            return
        assert self._task is not None
        for point in points:
            if time.monotonic() > self._until:
                raise _OutOfTimeError
            self._task.waiting(f"{len(self._scores)} tried")
            key = self._key(point)
            if key is None or key in self._scores:
                continue
            network = self._network or self._read(point)
            self._scores[key] = score = self._glanced(network)
            self._points[key] = point
            if score.count <= _DOUBTFUL and self._holds(point, network):
                return

    def _key(self, point: Convention) -> bytes | None:
        """What of a network the convention decides; None where it refuses the file."""
        # All fields but the name, which decides nothing.
        fields = tuple(vars(point).values())[1:]
        self._network = None
        if fields not in self._known:
            try:
                self._network = self._read(point)
                self._known[fields] = _fingerprint(self._network)
            except UserError:
                # Fields that contradict each other or do not suit the file are no alternative.
                self._known[fields] = None
        return self._known[fields]

    def _score(self, point: Convention) -> _Score:
        key = self._key(point)
        return _Score(-1.0, self._out.size) if key is None else self._scores.get(key, _Score(-1.0, 0))

    def _best(self, count: int) -> list[Convention]:
        keys = sorted(self._scores, key=lambda key: self._scores[key].key())
        return [self._points[key] for key in keys[:count]]

    def _glanced(self, network: Network) -> _Score:
        if self._glance is None:
            self._glance = self._short(network)
        x, out = self._glance
        try:
            wrong = self._wrong(network, x, out)
        except UserError:
            # More spikes in a step than there is room for.
            return _Score(0.0, out.size)
        any_wrong = wrong.any(axis=2)
        first = np.where(any_wrong.any(axis=0), any_wrong.argmax(axis=0), len(out))
        return _Score(float(first.mean()), int(np.count_nonzero(wrong)))

    def _short(self, network: Network) -> tuple[np.ndarray, np.ndarray]:
        """A few samples up to where their output has done something, fewer where that takes long."""
        samples = self._trial[:_GLANCE_SAMPLES]
        busy = np.count_nonzero(self._out[:, samples], axis=(1, 2)).cumsum()
        enough = np.flatnonzero(busy >= _GLANCE_SPIKES)
        steps = len(self._out) if not enough.size else max(_GLANCE_STEPS, int(enough[0]) + 1)
        while len(samples) > 1:
            began = time.monotonic()
            try:
                self._wrong(network, self._x[:steps, samples], self._out[:steps, samples])
            except UserError:
                break
            if time.monotonic() - began < _GLANCE_S:
                break
            samples = samples[: len(samples) // 2]
        return self._x[:steps, samples], self._out[:steps, samples]

    def _holds(self, point: Convention, network: Network) -> bool:
        """Whether nothing differs, but for float rounding, in the trial samples and then in all."""
        key = _fingerprint(network)
        if key in self._refuted:
            return False
        try:
            for samples in (self._trial, np.arange(self._x.shape[1])):
                wrong = self._wrong(network, self._x[:, samples], self._out[:, samples])
                count = int(np.count_nonzero(wrong))
                bad = samples[wrong.any(axis=(0, 2))]
                if count and (4 * bad.size > samples.size or not self._rounding(network, bad)):
                    self._refuted.add(key)
                    return False
        except UserError:
            self._refuted.add(key)
            return False
        answer = Tried(point, count, self._x.shape[1], complete=True)
        if count:
            if self._nearly is None or count < self._nearly.mismatches:
                self._nearly = answer
            return False
        self._answer = answer
        return True

    def _closest(self) -> tuple[Tried, ...]:
        """The best of what leaves differences, run on the trial samples."""
        closest = []
        for point in self._best(4 * _LISTED):
            x, out = self._x[:, self._trial], self._out[:, self._trial]
            try:
                count = int(np.count_nonzero(self._wrong(self._read(point), x, out)))
            except UserError:
                continue
            closest.append(Tried(point, count, len(self._trial), complete=False))
            if time.monotonic() > self._until + 5:
                break
        return tuple(sorted(closest, key=lambda item: item.mismatches)[:_LISTED])

    def _simplest(self, item: Tried) -> Tried:
        """The same network from the preset in which the fewest fields change; another preset is a change."""
        wanted = self._key(item.convention)
        order = dict.fromkeys([self._checked.name, *PRESETS])
        spellings: list[tuple[int, Convention]] = []
        for name in order:
            base = PRESETS.get(name)
            if base is None:
                continue
            point = _called(item.convention, name)
            for field in differences(point, base):
                plain = changed(point, {field: getattr(base, field)})
                if plain is not None and self._key(plain) == wanted:
                    point = plain
            spellings.append((len(differences(point, base)) + (name != self._checked.name), point))
        best = min(spellings, key=lambda pair: pair[0])[1]
        return Tried(best, item.mismatches, item.samples, item.complete)


def _most_spikes(out: np.ndarray) -> int:
    """The most spikes of a neuron in a step; 1 where ``out`` holds potentials, which show none."""
    counts = out.dtype.kind in "bui" or bool((out == np.rint(out)).all())
    return int(np.clip(out.max(initial=1), 1, MAX_SPIKES)) if counts else 1


def _called(point: Convention, name: str) -> Convention:
    renamed = changed(point, {"name": name})
    assert renamed is not None
    return renamed


def _fingerprint(network: Network) -> bytes:
    """Equal for networks that compute the same; the convention decides groups and delays."""
    digest = hashlib.blake2b(digest_size=16)
    for group in network.groups:
        for value in vars(group).values():
            digest.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    digest.update(repr([(p.name, p.delay) for p in network.projections]).encode())
    return digest.digest()
