"""The weights of one neuron group in integers: which grid they are rounded to, and how."""

from dataclasses import asdict, dataclass, replace

import numpy as np

from qsnn_hw.model.network import Network, NeuronGroup, Projection
from qsnn_hw.quantize.compensate import compensated
from qsnn_hw.quantize.integers import split_columns, weight_scale
from qsnn_hw.quantize.operators import (
    BareOperators,
    bare_operators,
    drive_of,
    round_earlier,
    round_last,
    with_integers,
)
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.quantize.own_integers import own_integers
from qsnn_hw.quantize.schemes import PLAIN


@dataclass(frozen=True)
class Grid:
    """The weights of one group in integers, and what one step is worth."""

    paths: tuple[BareOperators, ...]
    shifts: tuple[int, ...]
    scale: np.ndarray
    step: np.ndarray
    own: bool
    whole: bool


class WeightRounding:
    """Rounds the weights of one group.

    Parameters
    ----------
    network, group, sources
        The group, its network, and the projections into it.
    gain
        float64, shape (n,): what an input is multiplied by before it is added to the potential or current.
    moments
        Of the inputs, for compensated rounding; None rounds to nearest.
    """

    def __init__(
        self,
        network: Network,
        group: NeuronGroup,
        sources: tuple[Projection, ...],
        gain: np.ndarray,
        moments: np.ndarray | None,
    ) -> None:
        self._network, self._group, self._sources = network, group, sources
        self._gain, self._moments = gain, moments

    def round(self, options: QuantizeOptions) -> tuple[Grid, QuantizeOptions]:
        """The grid of the weights, and ``options`` with what the integers settle: their bits, or a scheme.

        Raises
        ------
        UserError
            Weights cannot be rounded so.
        """
        group = self._group
        bits = options.weight_bits
        paths, products = [], []
        for projection in self._sources:
            path, product = round_earlier(bare_operators(projection.operators, self._gain), bits)
            paths.append(path)
            products.append(product)
        rows = min(path.rows for path in paths)
        if any(path.rows % rows for path in paths):
            rows = 1
        reals = [c.weights * product for c, product in zip(paths, products, strict=True)]
        shifts = _shifts(products, reals)
        reals = [w / 2.0**shift for w, shift in zip(reals, shifts, strict=True)]
        products = [product / 2.0**shift for product, shift in zip(products, shifts, strict=True)]
        own = None
        if all(product == 1.0 for product in products) and any(w.any() for w in reals):
            # Integers that are kept are not rounded, so the default of their width says nothing of them.
            asked = replace(options, **asdict(PLAIN)) if options.by_default else options.settled()
            own = own_integers(group, reals, self.drive(), rows, asked)
        # Fractional bits and leak bits belong to the integers.
        options = options.settled() if own is None else own.options
        if own is not None:
            scale, bits = own.scale, options.weight_bits
            parts = zip(paths, own.parts, strict=True)
            rounded = tuple(with_integers(path, part, bits) for path, part in parts)
        elif self._moments is not None and not any(shifts) and any(w.any() for w in reals):
            scale, rounded = self._compensated(options, paths, reals, rows)
        else:
            scale, rounded = self._nearest(options, paths, products, reals, rows)
        wide = np.repeat(scale, group.size // rows)
        step = wide / 2.0**options.scheme.fractional_bits
        grid = Grid(rounded, shifts, wide, step, own is not None, own is not None and own.whole)
        return grid, options

    def drive(self) -> np.ndarray:
        """What the biases of the projections add in every step, real, shape (n,)."""
        drive = np.zeros(self._group.size)
        for p in self._sources:
            drive += self._gain * drive_of(p.operators, self._network.source_size(p.source))
        return drive

    def _compensated(
        self, options: QuantizeOptions, paths: list[BareOperators], reals: list[np.ndarray], rows: int
    ) -> tuple[np.ndarray, tuple[BareOperators, ...]]:
        assert self._moments is not None
        bits, per_row = options.weight_bits, options.scheme.per_neuron
        flat = [w.reshape(w.shape[0], -1) for w in reals]
        scale, integers = compensated(
            np.concatenate(flat, axis=1), bits, self._moments, per_row=per_row, rows=rows
        )
        if per_row:
            bare = ~np.concatenate([w.reshape(rows, -1) for w in reals], axis=1).any(axis=1)
            others = weight_scale(self._other_values(rows)[:, np.newaxis], bits, per_neuron=True)
            scale = np.where(bare, others, scale)
        parts = split_columns(integers, reals)
        return scale, tuple(with_integers(c, part, bits) for c, part in zip(paths, parts, strict=True))

    def _nearest(
        self,
        options: QuantizeOptions,
        paths: list[BareOperators],
        products: list[float],
        reals: list[np.ndarray],
        rows: int,
    ) -> tuple[np.ndarray, tuple[BareOperators, ...]]:
        bits = options.weight_bits
        blocks = np.concatenate([w.reshape(rows, -1) for w in reals], axis=1)
        used = blocks != 0
        bare = ~used.any(axis=1) if options.scheme.per_neuron else np.full(rows, not used.any())
        # Without a weight the grid is that of what else there is.
        blocks = np.where(bare[:, np.newaxis], self._other_values(rows)[:, np.newaxis], blocks)
        scale = weight_scale(
            blocks,
            bits,
            clip=options.scheme.clip,
            per_neuron=options.scheme.per_neuron,
            power_of_two=options.power_of_two,
        )
        return scale, tuple(round_last(c, scale / p, bits) for c, p in zip(paths, products, strict=True))

    def _other_values(self, rows: int) -> np.ndarray:
        """The largest threshold or constant drive of each block of neurons, float64 of shape (rows,)."""
        group = self._group
        values = [self.drive(), group.leak, *([] if group.threshold is None else [group.threshold])]
        largest: np.ndarray = np.abs(values).max(axis=0).reshape(rows, -1).max(axis=1)
        return largest


def _shifts(products: list[float], reals: list[np.ndarray]) -> tuple[int, ...]:
    """How much coarser than the finest each projection's grid is, as powers of two.

    Where no projection has several operators with weights, all share one grid.
    """
    if all(product == 1.0 for product in products):
        return (0,) * len(products)
    peaks = np.array([np.abs(w).max(initial=0.0) for w in reals])
    if not peaks.any():
        return (0,) * len(products)
    finest = peaks[peaks > 0].min()
    ratios = np.where(peaks > 0, peaks, finest) / finest
    return tuple(int(shift) for shift in np.floor(np.log2(ratios)))
