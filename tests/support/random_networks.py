"""Random networks by a description of a few words, so that one that fails can be kept in a file.

A :class:`Draw` says everything: two equal ones make the same network, plan, input and stalls. The command
of ``scripts/campaign`` and the property-based tests draw from one table, :data:`CHOICES`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import GoldenRun, run_clocked, run_event_driven
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Network, Operator
from qsnn_hw.model.simulate import FloatRun
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.support.errors import UserError
from qsnn_hw.verify import verify, verify_classifier
from tests.support.float_bound import check_float_bound, run_float
from tests.support.network_bench import Sent, compare_answers, compare_network
from tests.support.places import ROOT
from tests.support.streams import PACES
from tests.support.verify_networks import export
from tests.support.wide_designs import random_lanes
from tests.support.wide_networks import FEATURES, by_the_book, random_network

CHOICES: dict[str, tuple[Any, ...]] = {
    "loops": (False, True),
    "delays": (False, True),
    "weights": ("drawn", "drawn", "extreme"),
    "weight_bits": (4, 2, 3, 5, 6, 8, 12, 16),
    "fractional_bits": (0, 1, 2, 3),
    "leak_bits": (8, 4, 5, 12),
    "leak_rounding": ("floor", "zero"),
    "per_neuron": (False, True),
    "input_max": (1, 1, 2, 3),
    "store": ("rom", "rom", "rom", "ram"),
    "encoder": (None, None, None, "rate", "latency", "direct"),
    "readout": (None, None, None, "count", "first", "membrane"),
    "steps": (4, 8, 8, 3, 1),
    "samples": (2, 1, 3),
    "density": (0.4, 0.7, 0.15, 1.0, 0.0),
    "pace": (0, 1, 2, 3),
}
"""What each field of a draw may be, the simplest first; what stands twice is drawn twice as often."""

KEPT = ROOT / "tests" / "verify" / "random_networks"
"""Draws that tests run again: each that failed once, as small as it failed, and a few that never did."""

MOST_LOADED = 300
"""Bytes of weights that are loaded, a cycle each: Amaranth's simulator has no time for more."""


@dataclass(frozen=True)
class Draw:
    """One random network, how it is laid out, and what is sent to it.

    Parameters
    ----------
    seed
        Of everything that no other field says: operators, sizes, parameters, weights, input, lanes.
    features
        One group each, of ``FEATURES``.
    weights
        "drawn" from a normal distribution; "extreme": every one the largest or the smallest, or 0.
    store
        Of the weights, "rom" or "ram".
    steps, samples, density
        Of the input; ``density`` of events or of lit pixels.
    pace
        Which of ``PACES``.
    """

    seed: int = 0
    features: tuple[str, ...] = ("plain",)
    loops: bool = False
    delays: bool = False
    weights: str = "drawn"
    weight_bits: int = 4
    fractional_bits: int = 0
    leak_bits: int = 8
    leak_rounding: str = "floor"
    per_neuron: bool = False
    input_max: int = 1
    store: str = "rom"
    encoder: str | None = None
    readout: str | None = None
    steps: int = 4
    samples: int = 2
    density: float = 0.4
    pace: int = 0

    def save(self, path: Path) -> None:
        """As JSON, a field a line."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Draw":
        """The inverse of :meth:`save`."""
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**values, "features": tuple(values["features"])})


def random_draw(rng: np.random.Generator) -> Draw:
    """One of all."""
    chosen = {name: values[int(rng.integers(len(values)))] for name, values in CHOICES.items()}
    features = tuple(str(f) for f in rng.choice(FEATURES, int(rng.integers(1, 4))))
    return Draw(seed=int(rng.integers(1 << 31)), features=features, **chosen)


@dataclass(frozen=True)
class Made:
    """What a draw came to: float and integer network, plan, input, golden's answer and that in float."""

    drawn: Network
    network: QuantizedNetwork
    plan: HardwarePlan
    sent: Sent
    golden: GoldenRun
    floats: FloatRun


def make(draw: Draw) -> Made | None:
    """Everything that is compared; None where this is no network or no plan, or loads too much."""
    rng = np.random.default_rng(draw.seed)
    drawn = random_network(rng, list(draw.features), draw.loops, draw.delays)
    if draw.weights == "extreme":
        drawn = extreme(drawn, rng)
    options = QuantizeOptions(
        weight_bits=draw.weight_bits,
        fractional_bits=draw.fractional_bits,
        leak_bits=draw.leak_bits,
        leak_rounding=draw.leak_rounding,  # type: ignore[arg-type]
        per_neuron=draw.per_neuron,
        input_max=255 if draw.encoder == "direct" else 1 if draw.encoder else draw.input_max,
    )
    steps = draw.steps if draw.encoder or draw.readout else None
    try:
        network = quantize(drawn, options)
        io = IoOptions(draw.encoder, draw.readout, steps=steps)  # type: ignore[arg-type]
        lanes = random_lanes(draw.seed, network)
        plan = make_plan(network, replace(lanes, synapse_store=draw.store, io=io))  # type: ignore[arg-type]
        if len(plan.weight_bytes()) > MOST_LOADED:
            return None
        sent = _sent(draw, plan, rng)
        floats = run_float(drawn, sent.inputs)
    except UserError:
        return None
    golden = run_clocked(network, sent.inputs, record=[g.name for g in network.groups])
    return Made(drawn, network, plan, sent, golden, floats)


def _sent(draw: Draw, plan: HardwarePlan, rng: np.random.Generator) -> Sent:
    """Random events, or pixels and the events that they become."""
    shape = (draw.samples, plan.input_space.neurons)
    if draw.encoder is None:
        counts = rng.integers(1, draw.input_max + 1, (draw.steps, *shape))
        return Sent((counts * (rng.random(counts.shape) < draw.density)).astype(np.uint8))
    brightest = 4 if draw.encoder == "direct" else 256
    pixels = rng.integers(0, brightest, shape) * (rng.random(shape) < draw.density)
    return Sent.of_pixels(plan, pixels.astype(np.uint8))


def extreme(network: Network, rng: np.random.Generator) -> Network:
    """Every weight the largest or the smallest of its operator, or 0."""

    def changed(operator: Operator) -> Operator:
        if not isinstance(operator, Dense | Conv2d):
            return operator
        sign = rng.choice([-1.0, 1.0, 1.0, 0.0], operator.weight.shape)
        return replace(operator, weight=sign * max(float(np.abs(operator.weight).max()), 0.1))

    return replace(
        network,
        projections=tuple(
            replace(p, operators=tuple(map(changed, p.operators))) for p in network.projections
        ),
    )


def check(draw: Draw, made: Made) -> None:
    """Float bound, golden clocked and event-driven, the text in plain Python, and the RTL agree.

    Raises
    ------
    AssertionError
        They do not; the message says which.
    """
    network, golden, inputs = made.network, made.golden, made.sent.inputs
    spikes, traces = by_the_book(network, inputs)
    events = run_event_driven(network, inputs)
    for group in network.groups:
        name = group.name
        assert np.array_equal(golden.spikes[name], spikes[name]), f"golden's spikes of {name}"
        assert np.array_equal(golden.potentials[name], traces[name]), f"golden's potentials of {name}"
        assert np.array_equal(events.spikes[name], spikes[name]), f"event-driven spikes of {name}"
        bound = 2 ** (group.v_bits - 1)
        assert -bound <= traces[name].min() <= traces[name].max() < bound, f"proved width of {name}"
    check_float_bound(made.drawn, network, made.floats, golden, inputs)
    pace = PACES[draw.pace]
    if draw.encoder or draw.readout:
        compare_answers(made.plan, golden, made.sent, pace)
    else:
        compare_network(made.plan, golden, inputs, pace)


def covered(draw: Draw, made: Made) -> Counter[str]:
    """What this network had, each named once."""
    simple = {f.name: getattr(draw, f.name) for f in fields(draw) if f.name in CHOICES}
    found = Counter({f"{name} {value}": 1 for name, value in simple.items()})
    for feature in set(draw.features):
        found[f"neuron {feature}"] = 1
    for operator in {type(o).__name__ for p in made.drawn.projections for o in p.operators}:
        found[f"operator {operator}"] = 1
    order = [INPUT, *(g.name for g in made.drawn.groups)]
    for p in made.drawn.projections:
        ahead = order.index(p.target) - order.index(p.source)
        found["topology recurrent" if ahead <= 0 else "topology skip" if ahead > 1 else "topology next"] = 1
        found["topology delayed"] |= p.delay > 0
    for g in made.plan.groups:
        found["hardware folded" if g.folds > 1 else "hardware one fold"] = 1
        found["hardware update lanes" if g.update_lanes > 1 else "hardware one update lane"] = 1
        found["hardware event lanes" if g.event_lanes > 1 else "hardware one event lane"] = 1
        found["hardware registered reads" if g.registered_reads else "hardware reads of one cycle"] = 1
    found[f"hardware buffers of {made.plan.buffer_depth}"] = 1
    fired = {name: bool(s.any()) for name, s in made.golden.spikes.items()}
    found["activity a group fires"] = int(any(fired.values()))
    found["activity the output fires"] = int(fired[made.network.output])
    return +found


def simpler(draw: Draw) -> Iterator[Draw]:
    """Draws that are one step simpler, the boldest first."""
    for k in range(len(draw.features)):
        if len(draw.features) > 1:
            yield replace(draw, features=draw.features[:k] + draw.features[k + 1 :])
        if draw.features[k] != "plain":
            yield replace(draw, features=(*draw.features[:k], "plain", *draw.features[k + 1 :]))
    for name, values in CHOICES.items():
        now = getattr(draw, name)
        for value in dict.fromkeys(values[: values.index(now)]):
            yield replace(draw, **{name: value})
    for seed in range(min(draw.seed, 4)):
        yield replace(draw, seed=seed)


def shrunk(draw: Draw, fails: Callable[[Draw], bool]) -> Draw:
    """The simplest draw that fails on the way from ``draw``, each step simpler than the one before."""
    while True:
        better = next((other for other in simpler(draw) if fails(other)), None)
        if better is None:
            return draw
        draw = better


def check_native(made: Made, folder: Path) -> None:
    """The same network as Verilog, through all passes of ``qsnn-hw simulate``.

    Raises
    ------
    MismatchError
        A difference.
    """
    plan, golden, inputs = made.plan, made.golden, made.sent.inputs
    traced = export(plan, folder / "traced")
    verify(plan, traced, inputs, golden, folder / "work", processes=1)
    if plan.encoder is not None or plan.readout is not None:
        sent = inputs if made.sent.pixels is None else made.sent.pixels
        classifier = export(plan, folder / "classifier", Classifier)
        verify_classifier(plan, classifier, sent, golden, folder / "answers")
