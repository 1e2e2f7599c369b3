"""The functions whose forward pass is integer arithmetic and whose gradient is made up.

Straight-through estimators pass the gradient of a rounding as if it were the identity (Bengio,
Leonard and Courville, arXiv:1308.3432); a spike gets the derivative of a fast sigmoid (Zenke and
Ganguli, Neural Computation 30, 2018).
"""

from typing import Any

import torch
from torch import Tensor


class Leak(torch.autograd.Function):
    """``v - floor(v * leak)``, with ``leak`` a fraction of a power of two; rounding passes the gradient."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, leak: Tensor) -> Tensor:
        ctx.kept = 1 - leak
        return v - (v * leak).floor_()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.kept, None


class Replace(torch.autograd.Function):
    """``replace(real, rounded)`` is ``rounded``; the gradient goes to ``real``."""

    @staticmethod
    def forward(ctx: Any, real: Tensor, rounded: Tensor) -> Tensor:
        return rounded.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


class Fire(torch.autograd.Function):
    """1 where ``v >= threshold``, both integers.

    Parameters of ``apply``: v, threshold, width, slope. The gradient is that of a fast sigmoid over
    ``(v - threshold + 0.5) / width``; the half sits between the last silent and the first firing
    integer.
    """

    @staticmethod
    def forward(ctx: Any, v: Tensor, threshold: Tensor, width: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(v, threshold, width)
        ctx.slope = slope
        return (v >= threshold).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        v, threshold, width = ctx.saved_tensors
        distance = (v - (threshold - 0.5)).abs_().mul_(ctx.slope / width).add_(1)
        to_v = gradient / distance.square_().mul_(width)
        return to_v, (-to_v.sum(dim=0) if ctx.needs_input_grad[1] else None), None, None


class Count(torch.autograd.Function):
    """``min(floor(v / amount), most)`` where ``fired``, else 0.

    Above the threshold one more amount is one more spike, so the gradient is ``1 / amount`` there;
    the first spike's own gradient comes through ``fired``.
    """

    @staticmethod
    def forward(ctx: Any, v: Tensor, fired: Tensor, amount: Tensor, most: int) -> Tensor:
        ctx.save_for_backward(fired, amount)
        return torch.floor(v / amount).clamp(max=most) * fired

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        fired, amount = ctx.saved_tensors
        return gradient * fired / amount, gradient, None, None


def leaked(v: Tensor, leak: Tensor) -> Tensor:
    """``v - ((v * numerator) >> shift)`` for ``leak = numerator / 2**shift``."""
    return Leak.apply(v, leak)


def replace(real: Tensor, rounded: Tensor) -> Tensor:
    """``rounded`` with the gradient of ``real``."""
    return Replace.apply(real, rounded)
