"""Weighted sums of spikes on a PyTorch device: exact, by the fastest arithmetic that is proved to be.

A sum of whole numbers is exact in floating point, in any order, where the magnitudes of all its terms add
up to less than 2**24 (float32) or 2**53 (float64): no partial sum can then need rounding. int8 products
summed in int32 are exact below 2**31. A CPU adds up the weights of the addresses that spiked where few
enough did: the same terms without the zeros. Convolutions are unfolded into products of matrices: the
libraries' own algorithms may go through transforms (Winograd, FFT) whose values are no whole numbers.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from qsnn_hw.model.network import Conv2d, Dense, Operator, Pool2d, Scale
from qsnn_hw.support.errors import UserError

Path = Literal["int8", "float32", "float64"]

EXACT: dict[Path, int] = {"int8": 2**31, "float32": 2**24, "float64": 2**53}
"""What the magnitudes of a sum's terms must stay below."""

_SPARSE = 0.3
"""Where a smaller share of addresses spikes, a CPU gathers rows of weights; products of matrices take as
long at about this density (measured with AVX2)."""
_ROWS, _PANEL = 2048, 256
"""Rows whose weights are gathered at once, and outputs: a panel of the weights of 784 inputs stays in a
cache of a megabyte."""

_INT8_MULTIPLE = 8
"""torch._int_mm wants sizes of matrices that are multiples of this."""
_INT8_ROWS = 17
"""It wants more than 16 rows."""


class BeyondDeviceError(UserError):
    """A network that a device cannot run exactly, or not hold; the golden model can."""


class ExactSum:
    """The operators of one projection as matrix products on a device.

    Parameters
    ----------
    operators
        With integer weights, in order.
    most
        The most spikes of one address in one step.
    shift
        Sums are multiplied by ``2**shift``.
    device
        Where the weights are kept.
    path
        Arithmetic to use; None for the fastest that is exact. Only a single dense operator with weights of 8
        bits goes by "int8", and by itself it is chosen only on a GPU.

    Raises
    ------
    UserError
        Not exact by the arithmetic asked for; names the bound.
    BeyondDeviceError
        No arithmetic is exact for these weights; names the bound.

    Attributes
    ----------
    path, bound
        The arithmetic, and what the magnitudes of a sum's terms add up to at most.
    outputs
        Neurons of the result.
    """

    def __init__(
        self,
        operators: Sequence[Operator],
        most: int,
        shift: int,
        device: torch.device,
        path: Path | None = None,
    ) -> None:
        self.bound = largest_magnitude(operators, most) << shift
        self.path = _chosen_path(operators, most, self.bound, shift, device, path)
        self._factor = 1 << shift
        # Events as such: spikes that are 0 or 1, into one matrix of weights.
        gathers = device.type == "cpu" and most == 1 and _is_dense(operators)
        self.dtype = {"int8": torch.int8, "float32": torch.float32, "float64": torch.float64}[self.path]
        self._operators = [_Operator(operator, device, self.dtype) for operator in operators]
        self._panels: list[torch.Tensor] = []
        if gathers and self.path != "int8":
            pieces = self._operators[0].weight.split(_PANEL, dim=1)
            self._panels = [piece.contiguous() for piece in pieces]

    def __call__(self, spikes: torch.Tensor, out_dtype: torch.dtype) -> torch.Tensor:
        """Sums of ``spikes``, uint8 of shape (rows, addresses): ``out_dtype`` of shape (rows, neurons)."""
        if self._panels and _density(spikes) < _SPARSE:
            sums = gathered_sums(spikes, self._panels)
        elif self.path == "int8":
            sums = _int8_product(spikes, self._operators[0].weight)
        else:
            sums = spikes.to(self.dtype)
            for operator in self._operators:
                sums = operator(sums)
        sums = sums.to(out_dtype)
        return sums if self._factor == 1 else sums.mul_(self._factor)


def largest_magnitude(operators: Sequence[Operator], most: int) -> int:
    """What the magnitudes of all terms of a sum add up to at most, over all neurons and partial operators.

    In whole numbers of any size.
    """
    magnitude = largest = most
    for operator in operators:
        if isinstance(operator, Dense):
            gain = int(np.abs(operator.weight.astype(np.int64)).sum(axis=1).max(initial=0))
        elif isinstance(operator, Scale):
            gain = int(np.abs(operator.factor.astype(np.int64)).max(initial=0))
        elif isinstance(operator, Conv2d):
            gain = int(np.abs(operator.weight.astype(np.int64)).sum(axis=(1, 2, 3)).max(initial=0))
        else:
            gain = operator.kernel[0] * operator.kernel[1]
        # Looser than neuron by neuron, and never too small: each factor is the largest of its operator.
        magnitude *= gain
        largest = max(largest, magnitude)
    return largest


def _chosen_path(
    operators: Sequence[Operator], most: int, bound: int, shift: int, device: torch.device, path: Path | None
) -> Path:
    first = operators[0]
    small = len(operators) == 1 and isinstance(first, Dense) and first.weight.dtype == np.int8 and most < 128
    fits: list[Path] = [p for p in EXACT if bound < EXACT[p] and (p != "int8" or small)]
    if path is not None:
        if path not in fits:
            raise UserError(f"sums of magnitude {bound} are not exact by {path}")
        return path
    if not fits or fits == ["int8"]:
        raise BeyondDeviceError(f"a neuron's absolute weights sum to {bound}, past exact arithmetic")
    if device.type == "cpu":
        # A CPU's int8 products are not faster than its float32 ones without instructions made for them.
        return "float32" if "float32" in fits else "float64"
    return fits[0]


def _is_dense(operators: Sequence[Operator]) -> bool:
    return len(operators) == 1 and isinstance(operators[0], Dense)


def _density(spikes: torch.Tensor) -> float:
    """The share of addresses that spike, of some of the rows; 1 where there are none."""
    some = spikes[:: max(1, len(spikes) // 64)]
    return float(some.count_nonzero()) / some.numel() if some.numel() else 1.0


def gathered_sums(spikes: torch.Tensor, panels: Sequence[torch.Tensor]) -> torch.Tensor:
    """``spikes @ weight`` of spikes that are 0 or 1: the rows of the weights that spiked, added up.

    ``panels``: the weights, (addresses, outputs), cut into pieces side by side.
    """
    width = panels[0].shape[0]
    sums = torch.empty((len(spikes), sum(panel.shape[1] for panel in panels)), dtype=panels[0].dtype)
    for start in range(0, len(spikes), _ROWS):
        part = spikes[start : start + _ROWS].numpy()
        at = np.flatnonzero(part.view(np.bool_))
        begins = np.arange(len(part), dtype=np.int64) * width
        offsets = np.searchsorted(at, begins)
        addresses = torch.from_numpy(at - np.repeat(begins, np.diff(offsets, append=at.size)))
        bags = torch.from_numpy(offsets)
        first = 0
        for panel in panels:
            last = first + panel.shape[1]
            sums[start : start + _ROWS, first:last] = functional.embedding_bag(
                addresses, panel, bags, mode="sum"
            )
            first = last
    return sums


class _Operator:
    """One operator with its weights on the device."""

    def __init__(self, operator: Operator, device: torch.device, dtype: torch.dtype) -> None:
        self._operator = operator
        weight = None
        if isinstance(operator, Dense):
            weight = operator.weight.T
        elif isinstance(operator, Scale):
            weight = operator.factor
        elif isinstance(operator, Conv2d):
            # One matrix for each group of channels: (groups, outputs, inputs * kernel).
            weight = operator.weight.reshape(operator.groups, operator.weight.shape[0] // operator.groups, -1)
        self.weight = torch.empty(0)
        if weight is not None:
            self.weight = torch.from_numpy(np.ascontiguousarray(weight)).to(device=device, dtype=dtype)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        operator = self._operator
        if isinstance(operator, Dense):
            return x @ self.weight
        if isinstance(operator, Scale):
            return x * self.weight
        if isinstance(operator, Conv2d):
            return self._convolve(operator, x)
        return _pool(operator, x)

    def _convolve(self, operator: Conv2d, x: torch.Tensor) -> torch.Tensor:
        rows = x.shape[0]
        kernel = (operator.weight.shape[2], operator.weight.shape[3])
        planes = x.reshape(rows, *operator.input_shape)
        columns = functional.unfold(
            planes, kernel, dilation=operator.dilation, padding=operator.padding, stride=operator.stride
        )
        columns = columns.reshape(rows, operator.groups, -1, columns.shape[2])
        return (self.weight @ columns).reshape(rows, -1)


def _pool(operator: Pool2d, x: torch.Tensor) -> torch.Tensor:
    """Sums of windows; the quantizer leaves no averages, whose division would not be exact."""
    assert operator.kind == "sum"
    rows, channels = x.shape[0], operator.input_shape[0]
    planes = x.reshape(rows * channels, 1, *operator.input_shape[1:])
    columns = functional.unfold(planes, operator.kernel, padding=operator.padding, stride=operator.stride)
    return columns.sum(dim=1).reshape(rows, -1)


def _int8_product(spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """``spikes @ weight`` in int32, with zeros around where the product wants whole multiples."""
    rows, width, outputs = spikes.shape[0], spikes.shape[1], weight.shape[1]
    wide, out = -(-width // _INT8_MULTIPLE) * _INT8_MULTIPLE, -(-outputs // _INT8_MULTIPLE) * _INT8_MULTIPLE
    tall = max(rows, _INT8_ROWS)
    left = functional.pad(spikes.to(torch.int8), (0, wide - width, 0, tall - rows))
    right = functional.pad(weight, (0, out - outputs, 0, wide - width))
    return torch._int_mm(left, right)[:rows, :outputs]
