"""Does a convention reproduce the framework's own output, and if not, which one would?"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.framework import (
    FrameworkComparison,
    compare_with_framework,
    compares_potentials,
    differing,
)
from qsnn_hw.model.graph import Graph
from qsnn_hw.model.network import Network
from qsnn_hw.model.search import Search, Tried
from qsnn_hw.model.simulate import simulate
from qsnn_hw.model.time_steps import ROCKPOOL_LEAVES_OUT, candidates, wrote_rockpool
from qsnn_hw.model.variants import changed, starts, words
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress

Read = Callable[[Convention | None], Network]
"""Builds the network under a convention; UserError where it cannot."""

SEARCH_S = 60.0
"""How long a search for another convention takes at most, unless told otherwise."""

_TIE = 1e-5
_FEW = 8
"""Rounding decides a sample here and there: beyond so many, and a quarter of all, it is not asked."""


@dataclass(frozen=True)
class Alternative:
    """What to ask for instead, and how many output values differ then.

    Parameters
    ----------
    words
        Command line options, complete: they stand in place of the ``--convention``, ``--set`` and
        ``--out-key`` that were given.
    mismatches
        Of the values of ``samples``.
    samples
        How many were run.
    complete
        These are all samples there are.
    convention
        The one that the words say; None for a saved network.
    """

    words: str
    mismatches: int
    samples: int
    complete: bool
    convention: Convention | None = None


@dataclass(frozen=True)
class ConventionCheck:
    """How a convention compares with the framework's own output.

    Parameters
    ----------
    comparison
        Of all samples: spikes equal or not; of potentials, within a tolerance. None where the convention
        refuses the file.
    refused
        Why it does; None where it does not.
    near_ties
        Differences in samples whose first differing output hangs on less than float rounding (see
        ``_near_ties``): rounding, not convention; 0 where most samples differ. None when nothing does.
    alternatives
        What gives the framework's output, float rounding aside; where nothing does, conventions that at
        least halve the differences, fewest first.
    closest
        The closest conventions that were found, even where they halve nothing.
    tried
        How many other networks were run to find them.
    exhausted
        False when time ran out before everything was tried.
    hints
        One line each: what else may be the cause where nothing agrees.
    """

    comparison: FrameworkComparison | None
    refused: str | None = None
    near_ties: int | None = None
    alternatives: tuple[Alternative, ...] = ()
    closest: tuple[Alternative, ...] = ()
    tried: int = 0
    exhausted: bool = True
    hints: tuple[str, ...] = ()

    @property
    def compared(self) -> int:
        """Number of output values: time steps x samples x neurons."""
        return 0 if self.comparison is None else self.comparison.values or 0

    @property
    def mismatches(self) -> int:
        """How many of them differ."""
        return 0 if self.comparison is None else self.comparison.differ or 0

    @property
    def samples(self) -> int:
        """In how many samples."""
        return 0 if self.comparison is None else self.comparison.samples


def readable(read: Read, convention: Convention | None, graph: Graph | None = None) -> Network:
    """The network under ``convention``, or where that refuses it under the first one that does not.

    Raises
    ------
    UserError
        What ``convention`` said, where every other one refuses the file, too.
    """
    try:
        return read(convention)
    except UserError:
        if convention is None:
            raise
        steps = candidates(graph)
        for start in starts(convention, steps):
            for point in (start, *(changed(start, {"dt": dt}) for dt in steps)):
                try:
                    return read(point)
                except UserError:
                    continue
        raise


def check_convention(
    read: Read,
    convention: Convention | None,
    dataset: Dataset,
    *,
    graph: Graph | None = None,
    out_key: str = "out",
    others: Mapping[str, np.ndarray] | None = None,
    trial_samples: int = 32,
    budget_s: float = SEARCH_S,
    progress: Progress = SILENT,
) -> ConventionCheck:
    """Compare the simulated output with the data's own, and look for a convention that fits.

    Parameters
    ----------
    read
        Builds the network under a convention, such as ``lambda c: read_network(path, c)``.
    convention
        None for a saved network, which has none to choose: no other one is tried.
    dataset
        With ``out``, the framework's own output: spikes, or potentials.
    graph
        What the file holds; it tells which time steps and fields to try.
    out_key
        Under which key ``out`` was in the data.
    others
        Other arrays of the data that may be the output, as ``dataset.out``.
    trial_samples
        Samples with differences used to try conventions; the comparison itself uses all samples, and so
        does the last word on a convention that leaves no difference.
    budget_s
        Seconds after which no further convention is tried.

    Raises
    ------
    UserError
        The data has no ``out``, or its width or its kind of values is not the network's; every
        convention refuses the file.
    """
    network = readable(read, convention, graph)
    group = network.group(network.output)
    if dataset.out is None:
        raise UserError(_no_out(dataset, group.threshold is not None, others or {}))
    if dataset.out.shape[2] != group.size:
        raise UserError(
            f"{dataset.source}: out has {dataset.out.shape[2]} neurons, the network's output has {group.size}"
        )
    own = _Own(compares_potentials(network, dataset), float(np.abs(dataset.out).max(initial=0)))
    first = _first_look(read, convention, dataset, own, others or {}, trial_samples, progress)
    check = first.check
    if not check.mismatches and check.refused is None:
        return check
    # Where rounding seems to decide most samples, a tie is the convention's.
    rounded = check.near_ties == check.mismatches > 0 and 4 * first.bad.size <= dataset.samples
    if convention is None or rounded or budget_s <= 0:
        return check

    def rounding(network: Network, samples: np.ndarray) -> bool:
        x, out = dataset.input[:, samples], dataset.out[:, samples]  # type: ignore[index]
        now = own.of(network, x)
        wrong = own.differs(out, now)
        return _near_ties(network, x, now, wrong, own) == np.count_nonzero(wrong)

    trial = first.bad[:trial_samples]
    search = Search(
        *(read, convention, graph, dataset.input, dataset.out, trial),
        lambda network, x, out: own.differs(out, own.of(network, x)),
        *(rounding, first.worst, budget_s),
    )
    outcome = search.run(progress)
    key = "" if out_key == "out" else f" --out-key {out_key}"
    advice = tuple(_alternative(item, convention, key) for item in outcome.advice)
    exact = tuple(item for item in (*advice, *check.alternatives) if item.complete)
    return replace(
        check,
        # What only comes closer is of no interest beside what agrees.
        alternatives=exact or advice,
        closest=tuple(_alternative(item, convention, key) for item in outcome.closest),
        tried=outcome.tried,
        exhausted=outcome.exhausted,
        hints=() if exact else _hints(graph),
    )


@dataclass(frozen=True)
class _FirstLook:
    """The checked convention's own comparison, the samples that differ, and how many values of the first."""

    check: ConventionCheck
    bad: np.ndarray
    worst: int


def _first_look(
    read: Read,
    convention: Convention | None,
    dataset: Dataset,
    own: "_Own",
    others: Mapping[str, np.ndarray],
    trial_samples: int,
    progress: Progress,
) -> _FirstLook:
    """Run the network as the convention has it; a convention that refuses the file differs everywhere."""
    assert dataset.out is not None
    try:
        # Again: what was read may have been another one.
        network = read(convention)
        got = own.of(network, dataset.input, progress=progress)
    except UserError as error:
        if convention is None:
            raise
        everything = np.arange(dataset.samples)
        check = ConventionCheck(None, str(error), None)
        return _FirstLook(check, everything, int(np.count_nonzero(dataset.out)))
    comparison = compare_with_framework(network, dataset, got)
    if not comparison.differ:
        return _FirstLook(ConventionCheck(comparison), np.arange(0), 0)
    wrong = own.differs(dataset.out, got)
    bad = np.flatnonzero(wrong.any(axis=(0, 2)))
    near = 0
    if bad.size <= max(_FEW, dataset.samples // 4):
        near = _near_ties(network, dataset.input[:, bad], got[:, bad], wrong[:, bad], own)
    fitting = [key for key, array in others.items() if not own.differs(array, got).any()]
    named = "" if convention is None else f"{words(convention, convention)} "
    alternatives = tuple(
        Alternative(f"{named}--out-key {key}", 0, dataset.samples, complete=True) for key in fitting
    )
    check = ConventionCheck(comparison, None, near, alternatives)
    return _FirstLook(check, bad, int(np.count_nonzero(wrong[:, bad[:trial_samples]])))


def _alternative(item: Tried, checked: Convention, key: str) -> Alternative:
    return Alternative(
        words(item.convention, checked) + key,
        item.mismatches,
        item.samples,
        complete=item.complete,
        convention=item.convention,
    )


def _hints(graph: Graph | None) -> tuple[str, ...]:
    """What may be missing from a file with which no convention agrees."""
    if wrote_rockpool(graph):
        return (
            f"the file is Rockpool's, whose {ROCKPOOL_LEAVES_OUT}: with any of them no convention agrees; "
            "qsnn_hw.model.readers.live.read_rockpool reads them from the live module",
        )
    return (
        "docs/frameworks.md lists what each exporter leaves out; a live module that is read with "
        "qsnn_hw.model.readers.live leaves out nothing",
    )


def _no_out(dataset: Dataset, fires: bool, others: Mapping[str, np.ndarray]) -> str:
    what = "spikes" if fires else "potentials"
    if others:
        keys = " or ".join(f"--out-key {key}" for key in others)
        return f"{dataset.source} has no out, but {', '.join(others)}: give {keys}"
    return f"{dataset.source} has no out: store the framework's own output {what}, (time, sample, neuron)"


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

    A sample counts when double precision, or moving thresholds by one part in 100,000, all of them or those
    of one group, changes the same output at the step of its first difference: the order of float
    operations decides that spike, and with it what follows.
    """
    first = wrong.any(axis=2).argmax(axis=0)
    at_first = wrong[first, np.arange(wrong.shape[1])]
    tied = np.zeros(wrong.shape[1], bool)
    for moved, dtype in _moved(network):
        left = np.flatnonzero(~tied)
        if not left.size:
            break
        run = own.of(moved, x[:, left], dtype)
        other = own.differs(got[first[left], left], run[first[left], np.arange(left.size)])
        tied[left] = (at_first[left] & other).any(axis=1)
    return int(np.count_nonzero(wrong[:, tied]))


def _moved(network: Network) -> Iterator[tuple[Network, type[np.floating]]]:
    """What computes the same but for a little less than rounding, and the precision to run it in."""
    yield network, np.float64
    fires = [group.name for group in network.groups if group.threshold is not None]
    for names in (fires, *([name] for name in fires)) if len(fires) > 1 else (fires,):
        for factor in (1 - _TIE, 1 + _TIE):
            groups = tuple(
                replace(g, threshold=g.threshold * factor)
                if g.threshold is not None and g.name in names
                else g
                for g in network.groups
            )
            yield replace(network, groups=groups), np.float32
