"""Does a convention reproduce the framework's own output, and if not, which one would?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.framework import (
    FrameworkComparison,
    compare_with_framework,
    compares_potentials,
)
from qsnn_hw.model.graph import Graph
from qsnn_hw.model.near_ties import OwnOutput, near_ties
from qsnn_hw.model.network import Network
from qsnn_hw.model.search import Search, Tried
from qsnn_hw.model.time_steps import ROCKPOOL_LEAVES_OUT, candidates, wrote_rockpool
from qsnn_hw.model.variants import changed, starts, words
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress

Read = Callable[[Convention | None], Network]
"""Builds the network under a convention; UserError where it cannot."""

SEARCH_S = 60.0
"""How long a search for another convention takes at most, unless told otherwise."""

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
        ``model/near_ties.py``): rounding, not convention; 0 where most samples differ. None when nothing
        does.
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
    own = OwnOutput(compares_potentials(network, dataset), float(np.abs(dataset.out).max(initial=0)))
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
        return near_ties(network, x, now, wrong, own) == np.count_nonzero(wrong)

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
    own: OwnOutput,
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
        near = near_ties(network, dataset.input[:, bad], got[:, bad], wrong[:, bad], own)
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
