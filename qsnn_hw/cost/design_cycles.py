"""Predicted cycles as a person is told them: of the design as built, with the network alone beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qsnn_hw.cost.cycles import FOLLOWED_WORDS, predict_cycles
from qsnn_hw.plan.hardware_plan import HardwarePlan


@dataclass(frozen=True)
class PredictedCycles:
    """Clock cycles of each sample sent alone, predicted; of the first samples.

    Parameters
    ----------
    design
        int64, shape (samples,): of the design as built, encoder and readout included; empty where to
        follow a sample takes too long.
    network
        As ``design``, of the bare network, where that is not the design.
    """

    design: np.ndarray
    network: np.ndarray | None

    @classmethod
    def of(
        cls,
        plan: HardwarePlan,
        inputs: np.ndarray,
        spikes: Mapping[str, np.ndarray],
        pixels: np.ndarray | None = None,
        most: int | None = None,
    ) -> "PredictedCycles":
        """Of the first samples, ``most`` at most: as many as take a fraction of a second to follow.

        Parameters
        ----------
        plan, inputs, spikes, pixels
            As of :func:`~qsnn_hw.cost.cycles.predict_cycles`; ``pixels`` are left alone without an encoder.
        """
        spikes = {name: masks[:, :most] for name, masks in plan.by_tile(spikes).items()}
        inputs = inputs[:, :most]
        pixels = None if plan.encoder is None or pixels is None else pixels[:most]
        design = predict_cycles(plan, inputs, spikes, pixels=pixels, effort=FOLLOWED_WORDS)
        if plan.encoder is None and plan.readout is None:
            return cls(design, None)
        return cls(design, predict_cycles(plan.bare, inputs, spikes, effort=FOLLOWED_WORDS))

    def text(self) -> str:
        """Both means, for a line of progress."""
        about = f"{self.design.mean():.0f} cycles a sample, mean of the first {self.design.size}"
        if self.network is None or not self.network.size:
            return about
        return f"{about}; the network alone, without encoder and readout, {self.network.mean():.0f}"
