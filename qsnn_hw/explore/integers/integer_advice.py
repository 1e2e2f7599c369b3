"""Whether it is integers that give the output with which no convention agrees in floating point."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from qsnn_hw.explore.integers.integer_check import check_integers, integer_differences
from qsnn_hw.model.check import Alternative
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.graph import Graph
from qsnn_hw.model.network import Conv2d, Dense, Network
from qsnn_hw.model.search import Search
from qsnn_hw.model.variants import words
from qsnn_hw.quantize import QuantizeOptions
from qsnn_hw.quantize.integers import signed_bits
from qsnn_hw.support.choices import LEAK_ROUNDINGS
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress

_WIDTHS = (8, 16)
_TRIAL_SAMPLES = 32


def whole_bits(network: Network) -> int | None:
    """The width, 8 or 16, that holds a network's weights where all are whole numbers; otherwise None."""
    parts = [
        operator.weight
        for projection in network.projections
        for operator in projection.operators
        if isinstance(operator, Dense | Conv2d)
    ]
    if not parts or any(np.any(part != np.round(part)) for part in parts):
        return None
    needed = max(signed_bits(part.astype(np.int64)) for part in parts)
    return next((width for width in _WIDTHS if needed <= width), None)


def integer_advice(
    read: Callable[[Convention | None], Network],
    checked: Convention,
    graph: Graph | None,
    closest: Sequence[Alternative],
    data: Dataset,
    *,
    bits: int,
    budget_s: float,
    key: str = "",
    progress: Progress = SILENT,
) -> Alternative | None:
    """Options of ``check`` under which a network of whole weights gives ``data.out``; None where none do.

    A float network loses the trail of such output with the first spike that rounding decides, so the
    conventions that are closest in floating point are asked first, and then all are searched again by
    integers.

    Parameters
    ----------
    read
        Builds the network under a convention.
    checked
        The convention that was asked about.
    graph
        What the file holds; it tells which conventions to try.
    closest
        Conventions that come close in floating point.
    bits
        As :func:`whole_bits` says.
    budget_s
        Seconds after which no further convention is tried.
    key
        What the advised options end with beside those of the convention: the ``--out-key`` that was given.
    """
    assert data.out is not None
    until = time.monotonic() + budget_s
    integers = _Integers(data, bits)
    for item in closest:
        if item.convention is not None and time.monotonic() < until:
            option = integers.option(read(item.convention))
            if option is not None:
                return _advice(item.words, data, option, item.convention)
    left = until - time.monotonic()
    if left <= 0:
        return None
    samples = np.arange(data.samples)
    search = Search(
        *(read, checked, graph, data.input, data.out, samples[:_TRIAL_SAMPLES], integers.differs),
        *(lambda network, wrong: False, 0, left, "trying other conventions in integers"),
    )
    for tried in search.run(progress).advice:
        option = integers.option(read(tried.convention)) if tried.complete else None
        if option is not None:
            return _advice(words(tried.convention, checked) + key, data, option, tried.convention)
    return None


def _advice(convention_words: str, data: Dataset, option: str, convention: Convention) -> Alternative:
    return Alternative(f"{convention_words}{option}", 0, data.samples, complete=True, convention=convention)


class _Integers:
    """What networks give as integers of ``bits`` with one rounding of the leak or another."""

    def __init__(self, data: Dataset, bits: int) -> None:
        self._data = data
        self._options = QuantizeOptions(weight_bits=bits, input_max=max(1, int(data.input.max())))

    def differs(self, network: Network, x: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Where the output is not ``out``, by the rounding with which fewer values differ."""
        part = replace(self._data, input=x, out=out, label=None)
        wrong: np.ndarray | None = None
        for rounding in LEAK_ROUNDINGS:
            different = integer_differences(network, replace(self._options, leak_rounding=rounding), part)
            if wrong is None or np.count_nonzero(different) < np.count_nonzero(wrong):
                wrong = different
            if not wrong.any():
                break
        assert wrong is not None
        return wrong

    def option(self, network: Network) -> str | None:
        """The options, ``" --bits N"`` first, that give the output of all samples; None where none do."""
        try:
            check = check_integers(network, self._options, self._data)
        except UserError:
            return None
        exact = [""] if not check.differ else [f" {text}" for text, left in check.others.items() if not left]
        return f" --bits {self._options.weight_bits}{exact[0]}" if exact else None
