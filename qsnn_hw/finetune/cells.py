"""Weights as an analog chip has them, for training: pairs of conductances, each off by chance.

A weight ``w`` is ``(floor + max(w, 0)) - (floor + max(-w, 0))`` in weight steps, two cells of which one sits
at the lowest level, ``floor``. Programming multiplies each by ``exp(sigma * n)`` with ``n`` standard normal.
The gradient of a disturbed weight is that of the cell that holds it: what training sees is the analog chip,
and what it changes is the integer. Held-out samples are judged on a few such chips, too, or the start, which
no chip disturbed, would win.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

FLOOR = 1.0 / 15.0
"""The lowest level as a fraction of the range above it: 1 uS below 16 uS, as the device rram has it."""


@dataclass
class Cells:
    """Draws a chip for each batch.

    Parameters
    ----------
    sigma
        Of the logarithm of a conductance.
    generator
        Where chance comes from.
    """

    sigma: float
    generator: torch.Generator

    def __call__(self, weight: Tensor, largest: int) -> Tensor:
        """Weights as a chip has them.

        Parameters
        ----------
        weight
            Integers as float32, shape (post, pre), with gradients.
        largest
            The largest integer of their width.
        """
        floor = FLOOR * largest
        plus, minus = self._factor(weight), self._factor(weight)
        return (floor + weight.clamp(min=0)) * plus - (floor - weight.clamp(max=0)) * minus

    def _factor(self, like: Tensor) -> Tensor:
        drawn = torch.empty(like.shape, dtype=like.dtype, device=like.device)
        return drawn.normal_(0.0, self.sigma, generator=self.generator).exp_()
