"""Random float networks with every feature the front end reads, and the recurrence as a slow loop."""

from fractions import Fraction
from typing import Any, Literal

import numpy as np

from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import (
    INPUT,
    Conv2d,
    Dense,
    Network,
    NeuronGroup,
    Operator,
    Pool2d,
    Projection,
    Scale,
)
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork

FEATURES = (
    *(
        "plain",
        "current",
        "multi_spike",
        "two_spikes",
        "v_min",
        "refractory",
        "late_subtract",
        "late_zero",
        "late_drop",
    ),
    *("retest_subtract", "retest_zero", "retest_drop", "v_reset", "no_reset", "readout", "integrator"),
    *(
        "own_decays",
        "current_v_min",
        "current_retest",
        "kept_current",
        "multi_retest",
        "refractory_retest",
        "late_refractory",
        "end_decays",
        "rest",
        "rest_subtract",
        "late_rest_subtract",
        "begin",
        "multi_begin",
        "late_zero_begin",
        "late_drop_begin",
        "retest_zero_begin",
        "current_min_begin",
    ),
)


def random_group(rng: np.random.Generator, name: str, shape: tuple[int, ...], feature: str) -> NeuronGroup:
    """A float group with one feature and random parameters."""
    size = int(np.prod(shape))
    changes: dict[str, Any] = {}
    words = feature.split("_")
    if "current" in words:
        changes.update(current_decay=np.full(size, 0.6), current_gain=np.full(size, 0.8))
        if rng.random() < 0.5:
            changes["current_decay"] = rng.uniform(0.3, 0.9, size)
        if "kept" in words:
            changes["current_decay"] = rng.choice([0.5, 1.0], size) if rng.random() < 0.5 else np.ones(size)
    if feature == "multi_spike" or "multi" in words:
        changes.update(max_spikes=None, v_min=-1.0 if rng.random() < 0.5 else None)
    if feature == "two_spikes" or "two" in words:
        changes.update(max_spikes=2, v_min=-1.0 if rng.random() < 0.5 else None)
    if "min" in words:
        changes["v_min"] = -0.5
    if "refractory" in words:
        changes["refractory"] = int(rng.integers(1, 4))
    if "late" in words:
        changes["reset_delay"] = True
        if "zero" in words or "drop" in words:
            changes.update(reset="zero", reset_drops_input="drop" in words)
    if "retest" in words:
        changes.update(reset_retest=True)
        if "zero" in words or "drop" in words:
            changes.update(reset="zero", relax="drop" in words)
    if feature == "v_reset":
        changes.update(reset="v_reset", v_reset=rng.uniform(-0.5, 0.3, size))
    if "rest" in words:
        # Counted from a rest that is above some thresholds; reset values may be, too.
        changes.update(threshold=rng.uniform(-1.0, 1.0, size))
        if "subtract" in words:
            changes.update(reset_amount=rng.uniform(0.4, 1.5, size))
        else:
            changes.update(reset="v_reset", v_reset=rng.uniform(-1.5, 0.3, size))
    if "begin" in words:
        # Some begin above their thresholds.
        changes.update(start=rng.uniform(-2.0, 2.0, size))
    if feature == "no_reset":
        changes["reset"] = "none"
    if feature == "readout":
        changes.update(threshold=None, reset="none")
    decay = rng.uniform(0.3, 0.95, size) if feature == "own_decays" else np.full(size, rng.uniform(0.5, 0.95))
    if feature == "integrator":
        decay = np.ones(size)
    if feature == "end_decays":
        decay = rng.choice([0.0, 0.75, 1.0], size)
    made: dict[str, Any] = {
        "name": name,
        "shape": shape,
        "decay": decay,
        "input_gain": np.full(size, 1.0) if rng.random() < 0.5 else rng.uniform(0.5, 1.5, size),
        "leak": rng.normal(0, 0.05, size) if rng.random() < 0.5 else np.zeros(size),
        "threshold": rng.uniform(0.4, 1.5, size),
        "v_reset": np.zeros(size),
        "comparison": ">" if rng.random() < 0.5 else ">=",
    }
    return NeuronGroup(**{**made, **changes})


def _convolution(
    rng: np.random.Generator, space: tuple[int, int, int]
) -> tuple[Conv2d, tuple[int, int, int]]:
    channels = space[0]
    groups = channels if rng.random() < 0.3 else 1
    outputs = groups * int(rng.integers(1, 3))
    kernel = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    stride = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    padding = int(rng.integers(0, 2)) + kernel[0] // 2, int(rng.integers(0, 2)) + kernel[1] // 2
    weight = rng.normal(0, 0.6, (outputs, channels // groups, *kernel))
    bias = rng.normal(0, 0.1, outputs) if rng.random() < 0.5 else None
    out = tuple((space[i + 1] + 2 * padding[i] - kernel[i]) // stride[i] + 1 for i in (0, 1))
    made = Conv2d(weight, bias, space, stride, padding, (1, 1), groups)
    return made, (outputs, out[0], out[1])


def _pool(rng: np.random.Generator, space: tuple[int, int, int]) -> tuple[Pool2d, tuple[int, int, int]]:
    kind: Literal["sum", "average"] = "sum" if rng.random() < 0.5 else "average"
    padding = int(rng.integers(0, 2))
    out = tuple((space[i] + 2 * padding - 2) // 2 + 1 for i in (1, 2))
    return Pool2d(kind, space, (2, 2), (2, 2), (padding, padding)), (space[0], out[0], out[1])


def random_path(
    rng: np.random.Generator, space: tuple[int, int, int]
) -> tuple[tuple[Operator, ...], tuple[int, int, int]]:
    """Zero to three operators on (channels, height, width), and the shape they leave."""
    operators: list[Operator] = []
    for _ in range(int(rng.integers(0, 4))):
        draw = rng.random()
        size = int(np.prod(space))
        if draw < 0.35:
            made, space = _convolution(rng, space)
            operators.append(made)
        elif draw < 0.6 and min(space[1:]) > 1:
            pool, space = _pool(rng, space)
            operators.append(pool)
        elif draw < 0.8:
            each = rng.uniform(0.5, 1.5, (space[0], 1, 1) if rng.random() < 0.5 else space)
            operators.append(Scale(np.broadcast_to(each, space).reshape(-1).copy()))
        else:
            outputs = int(rng.integers(2, 6))
            bias = rng.normal(0, 0.1, outputs) if rng.random() < 0.5 else None
            operators.append(Dense(rng.normal(0, 1 / np.sqrt(size / 3 + 1), (outputs, size)), bias))
            space = (outputs, 1, 1)
    return tuple(operators), space


def random_network(rng: np.random.Generator, features: list[str], loops: bool, delays: bool) -> Network:
    """Groups in a row, one for each feature, with skip connections, loops and delays."""
    space = (int(rng.integers(1, 3)), int(rng.integers(1, 5)), int(rng.integers(2, 5)))
    shapes: dict[str, tuple[int, int, int]] = {INPUT: space}
    groups: list[NeuronGroup] = []
    projections: list[Projection] = []
    before = INPUT

    def wire(source: str, target: str, operators: tuple[Operator, ...]) -> None:
        delay = int(rng.integers(0, 3)) if delays else 0
        projections.append(Projection(f"p{len(projections)}", source, target, operators, delay))

    def dense(source: str, size: int) -> tuple[Operator, ...]:
        pre = int(np.prod(shapes[source]))
        return (Dense(rng.normal(0, 1 / np.sqrt(pre), (size, pre))),)

    for number, feature in enumerate(features):
        name = f"g{number}"
        operators, shapes[name] = random_path(rng, shapes[before])
        group = random_group(rng, name, shapes[name], feature)
        groups.append(group)
        wire(before, name, operators)
        firing = [g.name for g in groups if g.threshold is not None]
        if loops and firing and rng.random() < 0.7:
            source = str(rng.choice(firing))
            wire(source, name, dense(source, group.size))
        if rng.random() < 0.4:
            wire(INPUT, name, dense(INPUT, group.size))
        if loops and number and group.threshold is not None and rng.random() < 0.4:
            wire(name, "g0", dense(name, groups[0].size))
        before = name if group.threshold is not None else before
    return Network("random", space, tuple(groups), tuple(projections), groups[-1].name)


def by_the_book(
    network: QuantizedNetwork, inputs: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The documented recurrence in Python integers, one neuron and one step at a time."""
    steps, samples = inputs.shape[:2]
    flat = inputs.reshape(steps, samples, -1)
    spikes = {g.name: np.zeros((steps, samples, g.size), dtype=np.int64) for g in network.groups}
    traces = {g.name: np.zeros((steps, samples, g.size), dtype=np.int64) for g in network.groups}
    matrices = {}
    for p in network.projections:
        identity = np.eye(network.source_size(p.source))
        matrices[p.name] = np.rint(apply_operators(p.all_operators, identity)).astype(np.int64)
    for sample in range(samples):
        states = {g.name: [neuron_start(g, j) for j in range(g.size)] for g in network.groups}
        for step in range(steps):
            for g in network.groups:
                x = np.zeros(g.size, np.int64)
                for p in network.into(g.name):
                    then = step - p.delay - network.recurrent(p)
                    if then >= 0:
                        source = flat if p.source == INPUT else spikes[p.source]
                        x += (source[then, sample].astype(np.int64) @ matrices[p.name]) * 2**p.shift
                for j in range(g.size):
                    v, count = neuron_step(g, j, int(x[j]) * 2**g.fractional_bits, states[g.name][j])
                    traces[g.name][step, sample, j] = v
                    spikes[g.name][step, sample, j] = count
    return spikes, traces


def neuron_start(g: QuantizedGroup, j: int) -> dict[str, int]:
    current = 0 if g.current_bias is None else int(g.current_bias[j])
    numerator = g.leak_numerator if g.leak_numerators is None else int(g.leak_numerators[j])
    begin = 0 if g.start is None else leaked(g, int(g.start[j]), numerator, g.leak_shift)
    return {"state": begin + int(g.bias[j]), "current": current, "dropped": 0, "over": 0, "silent": 0}


def neuron_step(g: QuantizedGroup, j: int, x: int, s: dict[str, int]) -> tuple[int, int]:
    """(traced potential, spikes) of neuron ``j``; ``s`` moves on by one step."""
    amount, value, threshold = int(g.reset_amount[j]), int(g.reset_value[j]), int(g.threshold[j])
    if g.current_leak_numerator is not None and g.current_bias is not None:
        u = s["current"] + x
        if g.current_low is not None and g.current_high is not None:
            u = min(max(u, g.current_low), g.current_high)
        kept = leaked(g, u, int(g.current_leak_numerator[j]), g.current_leak_shift)
        s["current"] = kept + int(g.current_bias[j])
        x = u
    v = s["state"] + x
    if g.reset_drops_input and s["dropped"]:
        v = 0
    if g.v_low is not None and g.v_high is not None:
        v = min(max(v, g.v_low), g.v_high)
    fired = int(not g.readout and v >= threshold and s["silent"] == 0)
    count = min(v // amount, g.max_spikes) if fired and g.max_spikes > 1 else fired
    s["silent"] = g.refractory if fired else max(s["silent"] - 1, 0)
    if g.reset_retest:
        if g.reset == "subtract":
            v -= (count - s["over"]) * amount
        else:
            v -= (fired - s["over"]) * v
    elif not g.reset_delay:
        if g.reset == "subtract":
            v -= count * amount
        elif g.reset == "value" and fired:
            v = value
    if g.v_min is not None:
        v = max(v, int(g.v_min[j]))
    kept, kick = v, 0
    if g.reset_retest:
        s["over"] = fired if g.refractory else int(v >= threshold)
        kept = 0 if g.reset == "value" and s["over"] else v
        kick = s["over"] * amount if g.reset == "subtract" else 0
        s["dropped"] = s["over"]
    elif g.reset_delay:
        kept = value if g.reset == "value" and fired else v
        kick = fired * amount if g.reset == "subtract" else 0
        s["dropped"] = fired
    numerator = g.leak_numerator if g.leak_numerators is None else int(g.leak_numerators[j])
    s["state"] = leaked(g, kept, numerator, g.leak_shift) + int(g.bias[j]) - kick
    return v, count


def leaked(g: QuantizedGroup, v: int, numerator: int, shift: int) -> int:
    """What a step's leak leaves: the loss rounded down, or what is kept rounded toward 0."""
    if g.leak_rounding == "floor":
        return v - v * numerator // 2**shift
    return int(Fraction(v * (2**shift - numerator), 2**shift))
