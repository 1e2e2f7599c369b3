"""Random float networks of every kind that fine-tuning takes."""

import numpy as np

from qsnn_hw.model.network import INPUT, Dense, Network, NeuronGroup, Projection
from qsnn_hw.quantize.network import QuantizedNetwork

KINDS: dict[str, dict[str, object]] = {
    "subtract late": {"reset": "subtract", "reset_delay": True},
    "subtract at once": {"reset": "subtract"},
    "subtract at once, tested again": {"reset": "subtract", "reset_retest": True},
    "zero late": {"reset": "zero", "reset_delay": True},
    "zero late, drops input": {"reset": "zero", "reset_delay": True, "reset_drops_input": True},
    "zero at once": {"reset": "zero"},
    "zero at once, tested again": {"reset": "zero", "reset_retest": True},
    "v_reset": {"reset": "v_reset"},
    "no reset": {"reset": "none"},
    "several spikes": {"reset": "subtract", "max_spikes": None},
    "two spikes at most": {"reset": "subtract", "max_spikes": 2},
    "clamp below, >=": {"reset": "subtract", "v_min": -0.3, "comparison": ">="},
    "refractory": {"reset": "subtract", "refractory": 2},
}


def group(
    rng: np.random.Generator, name: str, size: int, *, cuba: bool = False, **fields: object
) -> NeuronGroup:
    """A group of leaky neurons with thresholds around 1."""
    made: dict[str, object] = {
        "decay": np.full(size, 0.875),
        "input_gain": rng.uniform(0.5, 1.5, size),
        "leak": rng.uniform(-0.05, 0.05, size),
        "threshold": rng.uniform(0.8, 1.2, size),
        "v_reset": rng.uniform(-0.2, 0.2, size),
        "reset": "subtract",
    }
    if cuba:
        made |= {"current_decay": np.full(size, 0.7), "current_gain": rng.uniform(0.8, 1.2, size)}
    return NeuronGroup(name=name, shape=(size,), **(made | fields))  # type: ignore[arg-type]


def dense(rng: np.random.Generator, post: int, pre: int, bias: bool = True) -> tuple[Dense]:
    """Weights that make most neurons fire now and then."""
    weight = rng.normal(0.15, 0.5, (post, pre))
    return (Dense(weight, rng.normal(0, 0.05, post) if bias else None),)


def network(
    rng: np.random.Generator,
    sizes: tuple[int, int, int] = (12, 9, 5),
    *,
    cuba: bool = False,
    recurrent: bool = False,
    skip_delay: int | None = None,
    bias: bool = True,
    readout: bool = False,
    **fields: object,
) -> Network:
    """Two layers; ``recurrent`` closes a loop on the first, ``skip_delay`` joins input and output."""
    pre, mid, post = sizes
    groups = [group(rng, "one", mid, cuba=cuba, **fields), group(rng, "two", post, cuba=cuba, **fields)]
    if readout:
        groups[1] = group(rng, "two", post, threshold=None, reset="none")
    made = [Projection("a", INPUT, "one", dense(rng, mid, pre, bias))]
    if recurrent:
        made.append(Projection("loop", "one", "one", dense(rng, mid, mid, bias)))
    made.append(Projection("b", "one", "two", dense(rng, post, mid, bias)))
    if skip_delay is not None:
        made.append(Projection("skip", INPUT, "two", dense(rng, post, pre, bias), skip_delay))
    return Network("random", (pre,), tuple(groups), tuple(made), "two")


def spikes(
    rng: np.random.Generator, net: Network | QuantizedNetwork, steps: int, samples: int, rate: float = 0.3
) -> np.ndarray:
    """uint8 0 or 1, (time, sample, address)."""
    return (rng.random((steps, samples, net.input_size)) < rate).astype(np.uint8)
