"""The functions whose forward pass is integer arithmetic and whose gradient is made up.

Straight-through estimators pass the gradient of a rounding as if it were the identity (Bengio,
Leonard and Courville, arXiv:1308.3432); a spike gets the derivative of a fast sigmoid (Zenke and
Ganguli, Neural Computation 30, 2018).
"""

from typing import Any

import torch
from torch import Tensor


class Floor(torch.autograd.Function):
    """Round down; the gradient passes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.floor(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class Replace(torch.autograd.Function):
    """``replace(real, rounded)`` is ``rounded``; the gradient goes to ``real``."""

    @staticmethod
    def forward(ctx: Any, real: Tensor, rounded: Tensor) -> Tensor:
        return rounded.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


class Fire(torch.autograd.Function):
    """1 where ``over`` (v - threshold, in integers) is 0 or more.

    Parameters of ``apply``: over, width, slope. The gradient is that of a fast sigmoid over
    ``(over + 0.5) / width``; the half sits between the last silent and the first firing integer.
    """

    @staticmethod
    def forward(ctx: Any, over: Tensor, width: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(over, width)
        ctx.slope = slope
        return (over >= 0).to(over.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        over, width = ctx.saved_tensors
        distance = (over + 0.5).abs_().div_(width)
        return gradient / (distance.mul_(ctx.slope).add_(1).square_().mul_(width)), None, None


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


def floor(x: Tensor) -> Tensor:
    """Round down, straight through."""
    return Floor.apply(x)


def replace(real: Tensor, rounded: Tensor) -> Tensor:
    """``rounded`` with the gradient of ``real``."""
    return Replace.apply(real, rounded)
