"""Random float networks of varied shape, and any float network as the file a user would give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.model.network import INPUT, Conv2d, Dense, Network, NeuronGroup, Pool2d, Projection


@dataclass(frozen=True)
class Model:
    """A random network, the same every time.

    Parameters
    ----------
    name
        Unique; the random numbers depend on it.
    sizes
        Neurons of the input and of every group; "conv" for a small convolutional network.
    features
        Changes of every group, see :func:`group`.
    loop
        Every group but the last also hears itself.
    delay
        Of the projections from the input, in time steps.
    """

    name: str
    sizes: tuple[int, ...] | str
    features: Mapping[str, Any] = field(default_factory=dict)
    loop: bool = False
    delay: int = 0


def group(
    rng: np.random.Generator, name: str, shape: tuple[int, ...], changes: Mapping[str, Any]
) -> NeuronGroup:
    """A float group; "own" gives every neuron a threshold of its own, "own_decay" a leak of its own."""
    size = int(np.prod(shape))
    changes = dict(changes)
    decay = np.full(size, 0.9)
    threshold = np.ones(size)
    if changes.pop("own", False):
        threshold = rng.uniform(0.5, 1.5, size)
    if changes.pop("own_decay", False):
        decay = rng.uniform(0.5, 0.95, size)
    if changes.pop("current", False):
        changes |= {"current_decay": np.full(size, 0.6), "current_gain": np.full(size, 0.8)}
    fields: dict[str, Any] = {
        "name": name,
        "shape": shape,
        "decay": decay,
        "input_gain": np.ones(size),
        "leak": np.zeros(size),
        "threshold": threshold,
        "v_reset": np.zeros(size),
    }
    return NeuronGroup(**{**fields, **changes})


def random_network(model: Model) -> Network:
    """The float network; the same every time."""
    rng = np.random.default_rng([*model.name.encode()])
    if isinstance(model.sizes, str):
        return _convolutional(rng, model)
    groups: list[NeuronGroup] = []
    projections: list[Projection] = []
    before, size = INPUT, model.sizes[0]

    def dense(source: str, target: str, pre: int, post: int, delay: int = 0) -> None:
        weight = rng.normal(0, 1 / np.sqrt(pre), (post, pre))
        projections.append(Projection(f"p{len(projections)}", source, target, (Dense(weight),), delay))

    for number, count in enumerate(model.sizes[1:]):
        name = f"g{number}"
        groups.append(group(rng, name, (count,), model.features))
        dense(before, name, size, count, model.delay if before == INPUT else 0)
        if model.loop and number < len(model.sizes) - 2:
            dense(name, name, count, count)
        before, size = name, count
    return Network(model.name, (model.sizes[0],), tuple(groups), tuple(projections), before)


def _convolutional(rng: np.random.Generator, model: Model) -> Network:
    first = Conv2d(rng.normal(0, 0.4, (8, 1, 3, 3)), None, (1, 10, 10), (1, 1), (1, 1))
    pool = Pool2d("sum", (8, 10, 10), (2, 2), (2, 2))
    second = Conv2d(rng.normal(0, 0.2, (12, 8, 3, 3)), None, (8, 5, 5), (2, 2), (1, 1))
    shapes = [(8, 10, 10), (12, 3, 3), (10,)]
    groups = [group(rng, f"g{k}", shape, model.features) for k, shape in enumerate(shapes)]
    projections = (
        Projection("p0", INPUT, "g0", (first,)),
        Projection("p1", "g0", "g1", (pool, second)),
        Projection("p2", "g1", "g2", (Dense(rng.normal(0, 0.1, (10, 108))),)),
    )
    return Network(model.name, (1, 10, 10), tuple(groups), projections, "g2")


def write_model(network: Network, path: Path) -> dict[str, str]:
    """Write ``network`` as a plain description (docs/model_format.md).

    Returns
    -------
    dict
        What ``--convention nir`` needs beside it, as ``--set`` takes it.
    """
    layers: dict[str, Any] = {"input_shape": np.array(network.input_shape), "name": network.name}
    for group in network.groups:
        ends = []
        for projection in network.into(group.name):
            source = projection.source
            if projection.delay:
                layers |= _layer(f"{projection.name}d", "Delay", source, delay=projection.delay)
                source = f"{projection.name}d"
            for number, operator in enumerate(projection.operators):
                name = f"{projection.name}o{number}"
                if isinstance(operator, Dense) and len(_shape(network, projection.source)) > 1:
                    layers |= _layer(f"{name}f", "Flatten", source)
                    source = f"{name}f"
                layers |= _operator(name, source, operator)
                source = name
            ends.append(source)
        cuba = group.current_decay is not None
        rates = {"tau_mem": group.decay, "tau_syn": group.current_decay, "w_in": group.current_gain}
        layers |= _layer(
            group.name,
            "CubaLIF" if cuba else "LIF",
            *ends,
            **(rates if cuba else {"tau": group.decay}),
            r=group.input_gain,
            v_threshold=group.threshold,
            v_reset=group.v_reset,
            v_leak=group.leak,
        )
    layers["output"] = network.output
    np.savez(path, **layers)
    first = network.groups[0]
    words = {
        "comparison": first.comparison,
        "reset": first.reset,
        "reset_delay": first.reset_delay,
        "reset_retest": first.reset_retest,
        "max_spikes": first.max_spikes or "unlimited",
        "v_min": "none" if first.v_min is None else first.v_min,
        "refractory": first.refractory,
    }
    fixed = {"decay": "direct", "input_gain": "r", "current_gain": "w_in", "delay_unit": "steps", "snap": "0"}
    return fixed | {name: str(value).lower() for name, value in words.items()}


def _shape(network: Network, source: str) -> tuple[int, ...]:
    return network.input_shape if source == INPUT else network.group(source).shape


def _layer(name: str, kind: str, *after: str, **parameters: Any) -> dict[str, Any]:
    sources = ["input" if source == INPUT else source for source in after]
    return {f"{name}.{key}": value for key, value in {"type": kind, "after": sources, **parameters}.items()}


def _operator(name: str, source: str, operator: Any) -> dict[str, Any]:
    if isinstance(operator, Dense):
        return _layer(name, "Linear", source, weight=operator.weight)
    if isinstance(operator, Conv2d):
        bias = np.zeros(len(operator.weight)) if operator.bias is None else operator.bias
        padding, stride = np.array(operator.padding), np.array(operator.stride)
        return _layer(
            name, "Conv2d", source, weight=operator.weight, bias=bias, padding=padding, stride=stride
        )
    assert isinstance(operator, Pool2d)
    assert operator.kind == "sum"
    size = np.array(operator.kernel)
    return _layer(name, "SumPool2d", source, kernel_size=size, stride=np.array(operator.stride))
