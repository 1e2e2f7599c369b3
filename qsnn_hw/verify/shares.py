"""How the samples of a verification are shared out among simulators, and cut into parts."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from qsnn_hw.verify.case import Case

PART_BYTES = 32 << 20
"""Of what one run sends and shows: samples are cut into parts that stay near it, and memory with them."""


def shards(count: int, processes: int) -> list[tuple[int, int]]:
    """Cut ``count`` samples into at most ``processes`` parts of nearly equal size."""
    parts = min(processes, count)
    edges = [count * k // parts for k in range(parts + 1)]
    return list(pairwise(edges))


def parts_of(case: Case, first: int, stop: int) -> list[list[int]]:
    """Cut samples ``first`` to ``stop - 1`` into parts for one run each."""
    neurons = sum(group.neurons for group in case.groups)
    # An event in takes about four bytes, a potential out four, and both a few more on the way.
    some = case.inputs[:, first : min(first + 16, stop)]
    bytes_each = 8 * (case.steps * (neurons + 1) + int(some.sum(dtype=np.int64)) // some.shape[1])
    return cut(first, stop, max(1, PART_BYTES // bytes_each))


def cut(first: int, stop: int, count: int) -> list[list[int]]:
    """Samples ``first`` to ``stop - 1`` in parts of ``count``."""
    return [[start, min(start + count, stop)] for start in range(first, stop, count)]


def share_out(
    counts: dict[str, int], processes: int, parts: Callable[[int, int], list[list[int]]]
) -> list[dict[str, list[list[int]]]]:
    """Of each process pass -> its parts of the samples, each first and stop."""
    shared: list[dict[str, list[list[int]]]] = [{} for _ in range(processes)]
    for name, count in counts.items():
        # A mean over back-to-back samples wants one unbroken stream: one part, in the last process.
        if name == "stream" and len(counts) > 1:
            shared[-1][name] = [[0, count]]
            continue
        for share, (first, stop) in zip(shared, shards(count, processes), strict=False):
            share[name] = parts(first, stop)
    return shared
