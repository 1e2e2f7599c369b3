"""Rockpool's LIFTorch as a plain loop, for tests that must run without it."""

import numpy as np


def lif_torch(
    weights: list[np.ndarray], x: np.ndarray, most: int | None, *, dt: float, tau: float
) -> list[np.ndarray]:
    """Spikes of each layer, (time, sample, neuron), as Rockpool 3.1.0 computes them with threshold 1.

    Parameters
    ----------
    weights
        Of each layer, (post, pre).
    x
        Input spikes, (time, sample, input).
    most
        ``max_spikes_per_dt``; None for no limit.
    dt, tau
        The step, and the time constant of potentials and currents, in seconds.
    """
    kept = np.exp(-dt / tau)
    made, source = [], x
    for weight in weights:
        current = v = np.zeros((x.shape[1], weight.shape[0]))
        out = []
        for step in source:
            current = (current + step @ weight.T) * kept
            v = v * kept + current
            spikes = np.where(v >= 1, np.floor(v), 0.0)
            if most is not None:
                spikes = np.minimum(spikes, most)
            v = v - spikes
            out.append(spikes)
        source = np.array(out)
        made.append(source.astype(np.uint8))
    return made
