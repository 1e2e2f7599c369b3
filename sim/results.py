"""What a pass over some samples measured, in the form in which every bench hands it to the runner."""

from collections.abc import Sequence

from sim.activity import Totals, since
from sim.checker import Checker

Snapshot = tuple[Totals, dict[str, int | None]]
"""The counters of the groups, and those around them."""


def measured(
    first: int,
    started: Sequence[int],
    ended: Sequence[int],
    checker: Checker,
    snapshots: Sequence[Snapshot],
) -> dict[str, object]:
    """The measurements of samples ``first`` and on, as JSON values.

    Parameters
    ----------
    started, ended
        Of each sample the edge that takes its first word, and that on which its last tick leaves.
    checker
        That compared them.
    snapshots
        As the first sample starts, as the last one ends, as the design has come to rest, and at the end.
    """
    (before, around), (after, around_after), (rested, around_rested), (drained, around_drained) = snapshots
    return {
        "first": first,
        "stop": first + len(ended),
        "cycles": ended[-1] - started[0],
        "cycles_per_sample": [end - start for start, end in zip(started, ended, strict=True)],
        "spikes": checker.spikes,
        "sent": dict(zip(before, checker.sent, strict=True)),
        "sent_words": dict(zip(before, checker.sent_words, strict=True)),
        "potentials": checker.potentials,
        "activity": {name: since(before[name], after[name]) for name in before},
        "around": since(around, around_after),
        "rest": {name: since(rested[name], drained[name]) for name in rested},
        "rest_around": since(around_rested, around_drained),
        # From reset to rest: of groups that are behind the output, everything.
        "in_all": drained,
    }
