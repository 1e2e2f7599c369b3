"""The PyTorch half of bench_lookup.py: a network of lookup tables, its gradients and the training loop.

One layer, as in Bacellar et al., "Differentiable Weightless Neural Networks" (ICML 2024): thermometer codes
of the inputs, each table fed by six learned bits of them, and a class's score the number of its tables that
say 1. A table's gradient towards its inputs is the finite difference between the two entries that an input
chooses between; the choice of bits is learned through a softmax whose largest entry counts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

INPUTS = 6
"""Of a table: a LUT6."""


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    tables
        In all, a multiple of the classes.
    thresholds
        Of every pixel: it gives a bit for each that it exceeds.
    epochs, batch, learning_rate
        The usual.
    temperature
        Scores are divided by it before the softmax of the loss.
    noise
        Standard deviation of what is added to pixels in training, in their own unit.
    """

    tables: int
    thresholds: tuple[int, ...]
    epochs: int
    batch: int
    learning_rate: float
    temperature: float
    noise: float


class _Choose(torch.autograd.Function):
    """The bits that the largest weights name; gradients as through a softmax over all bits."""

    @staticmethod
    def forward(ctx: Any, bits: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(bits, weights)
        return bits[:, weights.argmax(0)]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        bits, weights = ctx.saved_tensors
        soft = weights.softmax(0)
        towards = (2 * bits - 1).T @ gradient
        return None, soft * (towards - (soft * towards).sum(0))


class _Look(torch.autograd.Function):
    """What the tables say of their inputs, 0 or 1."""

    @staticmethod
    def forward(ctx: Any, chosen: Tensor, luts: Tensor) -> Tensor:
        address = (chosen.long() << torch.arange(INPUTS)).sum(2)
        ctx.save_for_backward(address, luts)
        return (luts.gather(1, address.T).T > 0).float()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        address, luts = ctx.saved_tensors
        table = torch.zeros_like(luts).scatter_add_(1, address.T, gradient.T)
        towards = []
        for k in range(INPUTS):
            high, low = address | 1 << k, address & ~(1 << k)
            towards.append(luts.gather(1, high.T).T - luts.gather(1, low.T).T)
        return gradient[:, :, None] * torch.stack(towards, 2), table


def train(pixels: np.ndarray, label: np.ndarray, recipe: Recipe, classes: int, seed: int) -> dict[str, Any]:
    """A trained network in the form that dwn2rtl takes.

    Parameters
    ----------
    pixels, label
        Whole numbers (sample, pixel), and int64 (sample,).
    seed
        Of everything random.
    """
    torch.manual_seed(seed)
    x, y = torch.from_numpy(pixels.astype(np.float32)), torch.from_numpy(label)
    thresholds = torch.tensor(recipe.thresholds, dtype=torch.float32).repeat(x.shape[1], 1)
    weights = torch.nn.Parameter(torch.randn(thresholds.numel(), recipe.tables * INPUTS))
    luts = torch.nn.Parameter(torch.rand(recipe.tables, 2**INPUTS) * 2 - 1)
    steps = -(-len(x) // recipe.batch)
    optimizer = torch.optim.Adam([weights, luts], lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * steps)
    for epoch in range(recipe.epochs):
        right = 0
        order = torch.randperm(len(x))
        for part in order.split(recipe.batch):
            noisy = x[part] + recipe.noise * torch.randn(len(part), x.shape[1])
            bits = (noisy[:, :, None] > thresholds).flatten(1).float()
            chosen = _Choose.apply(bits, weights).unflatten(1, (recipe.tables, INPUTS))
            score = _Look.apply(chosen, luts).unflatten(1, (classes, -1)).sum(2)
            loss = functional.cross_entropy(score / recipe.temperature, y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                luts.clamp_(-1, 1)
            right += int((score.argmax(1) == y[part]).sum())
        if (epoch + 1) % max(1, recipe.epochs // 10) == 0:
            print(f"epoch {epoch + 1}: {100 * right / len(x):.2f} % of the training samples", flush=True)
    return {
        "config": {
            "n": INPUTS,
            "num_classes": classes,
            "layers": [recipe.tables],
            "thermometer_bits": len(recipe.thresholds),
        },
        "state_dict": {"0.luts": luts.detach(), "0.mapping.weights": weights.detach()},
        "thermometer": {"thresholds": thresholds},
        "run_name": "bench_lookup",
    }


def answers(network: dict[str, Any], pixels: np.ndarray) -> np.ndarray:
    """The class of each sample, int64: the first one with the most tables that say 1."""
    thresholds = network["thermometer"]["thresholds"]
    luts, weights = network["state_dict"]["0.luts"], network["state_dict"]["0.mapping.weights"]
    classes, given = network["config"]["num_classes"], []
    for part in torch.from_numpy(pixels.astype(np.float32)).split(512):
        bits = (part[:, :, None] > thresholds).flatten(1)
        chosen = bits[:, weights.argmax(0)].unflatten(1, (len(luts), INPUTS)).long()
        address = (chosen << torch.arange(INPUTS)).sum(2)
        said = luts.gather(1, address.T).T > 0
        given.append(said.unflatten(1, (classes, -1)).sum(2).argmax(1))
    return torch.cat(given).numpy()
