"""Does a convention reproduce the framework's own output, and if not, which one would?"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from qsnn_hw.errors import UserError
from qsnn_hw.model.convention import CHOICES, PRESETS, SWITCHES, Convention
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.framework import (
    FrameworkComparison,
    compare_with_framework,
    compares_potentials,
    differing,
)
from qsnn_hw.model.network import Network
from qsnn_hw.model.simulate import simulate
from qsnn_hw.progress import SILENT, Progress

# Fields whose value the data can tell; dt and tau_fix are tried with other frameworks' steps.
_TRIED = ("decay", "comparison", "reset", "reset_drops_input", "input_gain", "integrator_gain")
_TRIED_TOO = ("current_gain", "update", "tau_fix", "delay_unit")
_TIME_STEPS = (1.0, 1e-3, 1e-4)
_TIE = 1e-5
_CLAMPS = (None, 0.0, -1.0)


@dataclass(frozen=True)
class Alternative:
    """A convention to try, and how many output values of the tried samples differ with it.

    Parameters
    ----------
    changes
        Field -> value, on top of the checked convention or of ``preset``.
    mismatches
        Of the tried samples.
    preset
        Another preset to start from; None for the checked convention itself.
    """

    changes: dict[str, object]
    mismatches: int
    preset: str | None = None

    def settings(self) -> str:
        """The change as command line options."""
        if self.preset is not None:
            return f"--convention {self.preset}"
        return " ".join(f"--set {name}={_text(value)}" for name, value in self.changes.items())


@dataclass(frozen=True)
class ConventionCheck:
    """How a convention compares with the framework's own output.

    Parameters
    ----------
    comparison
        Of all samples: spikes equal or not; of a readout group, potentials within a tolerance.
    near_ties
        Differences in samples whose first differing output hangs on less than float rounding (see
        ``_near_ties``): rounding, not convention. None when nothing differs.
    alternatives
        Other presets, or changes of one or two fields, that at least halve the differences, fewest
        first; empty when nothing differs or nothing helps.
    exhausted
        False when time ran out before every alternative was tried.
    """

    comparison: FrameworkComparison
    near_ties: int | None
    alternatives: tuple[Alternative, ...]
    exhausted: bool

    @property
    def compared(self) -> int:
        """Number of output values: time steps x samples x neurons."""
        return self.comparison.values or 0

    @property
    def mismatches(self) -> int:
        """How many of them differ."""
        return self.comparison.differ or 0


def check_convention(
    read: Callable[[Convention | None], Network],
    convention: Convention | None,
    dataset: Dataset,
    *,
    trial_samples: int = 32,
    budget_s: float = 60.0,
    progress: Progress = SILENT,
) -> ConventionCheck:
    """Compare the simulated output with the data's own, and look for a convention that fits.

    Parameters
    ----------
    read
        Builds the network under a convention, such as ``lambda c: read_network(path, c)``.
    convention
        None for a saved network, which has none to choose: no alternative is tried.
    dataset
        With ``out``, the framework's own output: spikes, or the potentials of a readout group.
    trial_samples
        Samples with differences used to try alternatives; the comparison itself uses all samples.
    budget_s
        Seconds after which no further alternative is tried.

    Raises
    ------
    UserError
        The data has no ``out``, or its width or its kind of values is not the network's.
    """
    network = read(convention)
    group = network.group(network.output)
    if dataset.out is None:
        what = "spikes" if group.threshold is not None else "potentials"
        raise UserError(
            f"{dataset.source} has no out: store the framework's own output {what}, (time, sample, neuron)"
        )
    if dataset.out.shape[2] != group.size:
        raise UserError(
            f"{dataset.source}: out has {dataset.out.shape[2]} neurons, the network's output has {group.size}"
        )
    own = _Own(compares_potentials(network, dataset), float(np.abs(dataset.out).max(initial=0)))
    got = own.of(network, dataset.input, progress=progress)
    comparison = compare_with_framework(network, dataset, got)
    if not comparison.differ:
        return ConventionCheck(comparison, None, (), True)
    wrong = own.differs(dataset.out, got)
    bad = np.flatnonzero(wrong.any(axis=(0, 2)))
    ties = _near_ties(network, dataset.input[:, bad], got[:, bad], wrong[:, bad], own)
    if convention is None:
        return ConventionCheck(comparison, ties, (), True)
    chosen = bad[:trial_samples]
    now = int(np.count_nonzero(wrong[:, chosen]))
    x, out = dataset.input[:, chosen], dataset.out[:, chosen]
    search = _Search(read, convention, x, out, own, now, budget_s)
    search.run(network, progress)
    return ConventionCheck(comparison, ties, search.best(), search.exhausted)


@dataclass(frozen=True)
class _Own:
    """The kind of the framework's own output: spikes, or potentials of which one is ``largest``."""

    potentials: bool
    largest: float

    def of(
        self,
        network: Network,
        x: np.ndarray,
        dtype: type[np.floating] = np.float32,
        progress: Progress = SILENT,
    ) -> np.ndarray:
        """A network's output of that kind."""
        record = [network.output] if self.potentials else []
        run = simulate(network, x, dtype=dtype, record_potentials=record, progress=progress)
        return run.potentials[network.output] if self.potentials else run.out

    def differs(self, own: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Where two outputs differ; potentials by more than a part of ``largest``."""
        return differing(own, out, fires=not self.potentials, largest=self.largest)


def _near_ties(network: Network, x: np.ndarray, got: np.ndarray, wrong: np.ndarray, own: _Own) -> int:
    """Differences in samples whose first difference hangs on less than rounding.

    A sample counts when moving every threshold by one part in 100,000, or computing in double
    precision, changes the same output at the step of its first difference: the order of float
    operations decides that spike, and with it what follows.
    """
    runs = [own.of(network, x, np.float64)]
    for factor in (1 - _TIE, 1 + _TIE):
        groups = tuple(
            g if g.threshold is None else replace(g, threshold=g.threshold * factor) for g in network.groups
        )
        runs.append(own.of(replace(network, groups=groups), x))
    first = wrong.any(axis=2).argmax(axis=0)
    sample = np.arange(wrong.shape[1])
    at_first = wrong[first, sample]
    moved = np.any([own.differs(got[first, sample], run[first, sample]) for run in runs], axis=0)
    tied = (at_first & moved).any(axis=1)
    return int(np.count_nonzero(wrong[:, tied]))


class _Search:
    """Other presets, then single changes, then pairs, until one leaves no difference."""

    def __init__(
        self,
        read: Callable[[Convention | None], Network],
        convention: Convention,
        x: np.ndarray,
        out: np.ndarray,
        own: _Own,
        now: int,
        budget_s: float,
    ) -> None:
        self._read = read
        self._convention = convention
        self._x = x
        self._out = out
        self._own = own
        self._now = now
        self._until = time.monotonic() + budget_s
        self._seen: set[bytes] = set()
        self._found: list[Alternative] = []
        self.exhausted = True

    def run(self, network: Network, progress: Progress) -> None:
        """Try everything, starting from ``network`` as read under the checked convention."""
        self._seen.add(_fingerprint(network))
        singles = list(_changes(self._convention))
        pairs = [{**a, **b} for a, b in combinations(singles, 2) if not a.keys() & b.keys()]
        presets = [name for name in PRESETS if name != self._convention.name]
        with progress.task("trying other conventions") as task:
            for name in presets:
                preset = PRESETS[name]
                self._try(preset if preset.dt else replace(preset, dt=self._convention.dt), {}, name)
            for tries in (singles, pairs):
                for i, changes in enumerate(tries):
                    if any(item.mismatches == 0 for item in self._found):
                        return
                    if time.monotonic() > self._until:
                        self.exhausted = False
                        return
                    task.update(i, len(tries))
                    self._try(self._convention, changes, None)

    def best(self) -> tuple[Alternative, ...]:
        """The exact alternatives, or else the best five."""
        found = sorted(self._found, key=lambda item: (item.mismatches, len(item.changes)))
        return tuple([item for item in found if item.mismatches == 0] or found[:5])

    def _try(self, start: Convention, changes: dict[str, object], preset: str | None) -> None:
        try:
            network = self._read(replace(start, **changes))  # type: ignore[arg-type]
            key = _fingerprint(network)
            if key in self._seen:
                return
            self._seen.add(key)
            count = int(np.count_nonzero(self._own.differs(self._out, self._own.of(network, self._x))))
        except UserError:
            # Fields that contradict each other or do not suit the file are no alternative.
            return
        if 2 * count <= self._now:
            self._found.append(Alternative(changes, count, preset))


def _fingerprint(network: Network) -> bytes:
    """What of a network the convention decides; equal networks need one simulation only."""
    return repr([[_plain(value) for value in vars(group).values()] for group in network.groups]).encode()


def _plain(value: object) -> object:
    return value.tobytes() if isinstance(value, np.ndarray) else value


def _changes(convention: Convention) -> Iterator[dict[str, object]]:
    """Every change of one field, most telling first."""
    for name in SWITCHES:
        yield {name: not getattr(convention, name)}
    for name in (*_TRIED, *_TRIED_TOO):
        for value in CHOICES[name]:
            if value != getattr(convention, name):
                yield {name: value}
    for dt in _TIME_STEPS:
        if dt != convention.dt:
            yield {"dt": dt}
    for clamp in _CLAMPS:
        if clamp != convention.v_min:
            yield {"v_min": clamp}


def _text(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
