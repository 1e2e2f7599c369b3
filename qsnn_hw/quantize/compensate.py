"""Rounding that makes up for itself: each weight's error is spread over weights not yet rounded.

What a neuron sees is not its weights but their sum over correlated inputs, filtered by its own
decay. With ``H`` the second moments of those filtered inputs on calibration samples, the error that
matters is ``(w - q) H (w - q)``. Columns are rounded one after another, and what each one got wrong is
corrected, as far as ``H`` allows, in the columns that follow (optimal brain quantization: Frantar and
Alistarh 2022; the column order and Cholesky form of GPTQ, Frantar et al. 2023).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qsnn_hw.model.linear import apply_operators, windows
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Network, NeuronGroup, Operator, Projection
from qsnn_hw.model.simulate import simulate
from qsnn_hw.quantize.operators import bare_operators
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress

# Ranges tried, as fractions of max|w|, when the scale is chosen together with the rounding.
_FRACTIONS = np.linspace(0.2, 1.0, 17)
# A part of the mean variance added to every input, so that silent inputs neither make H singular
# nor take corrections without limit.
_DAMPING = 0.01
# An integrator remembers everything; its reset forgets. About twenty steps stand for both.
_LONGEST_DECAY = 0.95
_BATCH_BYTES = 64 << 20
_MOST_ROWS = 100_000
_COLUMNS = 32


@dataclass(frozen=True)
class Statistics:
    """Second moments of what each group's weights multiply, measured on calibration samples.

    Parameters
    ----------
    moments
        Group name -> float64 of shape (columns, columns); the columns of all dense projections
        into the group side by side, or of its only convolution's kernel. Groups wired in another
        way are left out, and are rounded to nearest.
    samples
        How many samples were used.
    """

    moments: Mapping[str, np.ndarray]
    samples: int


def measure(
    network: Network, inputs: np.ndarray, *, samples: int = 400, progress: Progress = SILENT
) -> Statistics:
    """Run the float network on evenly spaced samples and collect :class:`Statistics`.

    Parameters
    ----------
    inputs
        Spikes, shape (time, sample, ...).
    samples
        At most this many are used.
    """
    positions = np.unique(np.linspace(0, inputs.shape[1] - 1, min(samples, inputs.shape[1])).astype(int))
    steps = inputs.shape[0]
    widest = max(network.input_size, *(g.size for g in network.groups))
    batch = max(1, _BATCH_BYTES // (4 * steps * widest))
    names = [g.name for g in network.groups]
    moments: dict[str, np.ndarray] = {}
    with progress.task("input statistics") as task:
        for start in range(0, positions.size, batch):
            part = inputs[:, positions[start : start + batch]]
            known = dict(simulate(network, part, record=names).spikes)
            known[INPUT] = part.reshape(steps, part.shape[1], -1)
            for group in network.groups:
                rows = _columns(network, group, known)
                if rows is not None:
                    product = (rows.T @ rows).astype(np.float64)
                    moments[group.name] = moments.get(group.name, 0.0) + product
            task.update(min(start + batch, positions.size), positions.size)
    return Statistics(moments, int(positions.size))


def _columns(network: Network, group: NeuronGroup, known: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Filtered inputs of the weights, float32 (rows, columns); None for a wiring not covered."""
    sources = network.into(group.name)
    gain = np.ones(group.size)
    paths = [bare_operators(p.operators, gain) for p in sources]
    kinds = [path.operators[path.last] for path in paths]
    if not sources or not covered(kinds):
        return None
    parts = []
    for projection, path, kind in zip(sources, paths, kinds, strict=True):
        spikes = _filtered(_late(network, projection, known[projection.source]), group)
        if isinstance(kind, Conv2d):
            # Every place of the kernel is a row, far more than the moments need.
            places = group.size // kind.weight.shape[0] * spikes.shape[0] * spikes.shape[1]
            spikes = spikes[:: -(-places // _MOST_ROWS)]
        rows = apply_operators(path.operators[: path.last], spikes.reshape(-1, spikes.shape[2]))
        if isinstance(kind, Conv2d):
            view = windows(
                rows.reshape(-1, *kind.input_shape),
                kind.weight.shape[2:],
                kind.stride,
                kind.padding,
                kind.dilation,
            )
            rows = view.transpose(0, 2, 3, 1, 4, 5).reshape(-1, kind.weight[0].size)
        parts.append(rows)
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def covered(kinds: Sequence[Operator]) -> bool:
    """Whether one matrix of moments describes these operators with weights."""
    if all(isinstance(kind, Dense) for kind in kinds):
        return True
    return len(kinds) == 1 and isinstance(kinds[0], Conv2d) and kinds[0].groups == 1


def _late(network: Network, projection: Projection, spikes: np.ndarray) -> np.ndarray:
    order = [g.name for g in network.groups]
    loop = projection.source != INPUT and order.index(projection.source) >= order.index(projection.target)
    late = projection.delay + loop
    moved = np.zeros(spikes.shape, np.float32)
    moved[late:] = spikes[: spikes.shape[0] - late]
    return moved


def _filtered(x: np.ndarray, group: NeuronGroup) -> np.ndarray:
    """``x`` through the group's decays, in place; shape (time, sample, n)."""
    for decay in (group.current_decay, group.decay):
        if decay is None:
            continue
        retained = np.float32(min(float(np.mean(decay)), _LONGEST_DECAY))
        for step in range(1, x.shape[0]):
            x[step] += retained * x[step - 1]
    return x


def compensated(
    weights: np.ndarray, bits: int, moments: np.ndarray, *, per_row: bool, rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose scales and integers for ``weights`` together.

    Parameters
    ----------
    weights
        float64, shape (post, columns).
    bits
        Signed width.
    moments
        Shape (columns, columns).
    per_row
        One scale for each of ``rows`` contiguous blocks of rows, or one for all.
    rows
        Number of blocks; divides the number of rows.

    Returns
    -------
    scale
        float64, shape (rows,).
    integers
        float64 whole numbers, shape (post, columns).

    Raises
    ------
    UserError
        The moments are not those of these weights.
    """
    if moments.shape != (weights.shape[1], weights.shape[1]):
        raise UserError(
            f"statistics have {moments.shape[0]} columns, the weights {weights.shape[1]}; "
            "measure them on the network that is quantized"
        )
    largest = 2 ** (bits - 1) - 1
    blocks = np.abs(weights).reshape(rows, -1)
    peak = blocks.max(axis=1) if per_row else np.full(rows, blocks.max(initial=0.0))
    peak = np.where(peak > 0, peak, largest)
    post, columns = weights.shape
    # All ranges at once: (range, block of rows).
    tried = _FRACTIONS[:, np.newaxis] * peak / largest
    spread = np.repeat(tried, post // rows, axis=1).reshape(-1)
    integers_of_all = _spread_errors(np.tile(weights, (len(_FRACTIONS), 1)), spread, largest, moments)
    error = (integers_of_all * spread[:, np.newaxis]).reshape(-1, post, columns) - weights
    cost = np.einsum("tij,tij->ti", error @ moments, error).reshape(len(_FRACTIONS), rows, -1).sum(axis=2)
    if not per_row:
        cost = np.broadcast_to(cost.sum(axis=1, keepdims=True), cost.shape)
    # The widest range among equals, as rounding to nearest does.
    best = len(_FRACTIONS) - 1 - np.argmin(cost[::-1], axis=0)
    row = np.arange(post)
    integers = integers_of_all.reshape(-1, post, columns)[np.repeat(best, post // rows), row]
    return tried[best, np.arange(rows)], integers


def _factor(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of columns, busiest first, and the upper Cholesky factor of the inverse moments."""
    size = moments.shape[0]
    mean = float(np.trace(moments)) / max(1, size)
    damped = moments + max(_DAMPING * mean, 1e-12) * np.eye(size)
    order = np.argsort(-np.diag(damped), kind="stable")
    inverse = np.linalg.inv(damped[np.ix_(order, order)])
    return order, np.linalg.cholesky((inverse + inverse.T) / 2).T


def _spread_errors(weights: np.ndarray, scale: np.ndarray, largest: int, moments: np.ndarray) -> np.ndarray:
    """Whole numbers for each row of ``weights`` at its ``scale``; both float64, rows side by side."""
    order, upper = _factor(moments)
    rest = weights[:, order]
    rounded = np.empty_like(rest)
    for start in range(0, rest.shape[1], _COLUMNS):
        # Corrections reach the far columns once a part, as one product.
        end = min(start + _COLUMNS, rest.shape[1])
        errors = np.empty((rest.shape[0], end - start))
        for column in range(start, end):
            whole = np.clip(np.rint(rest[:, column] / scale), -largest, largest)
            error = (rest[:, column] - whole * scale) / upper[column, column]
            rest[:, column + 1 : end] -= error[:, np.newaxis] * upper[column, column + 1 : end]
            rounded[:, column], errors[:, column - start] = whole, error
        rest[:, end:] -= errors @ upper[start:end, end:]
    out = np.empty_like(rounded)
    out[:, order] = rounded
    return out
