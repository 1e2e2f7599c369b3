"""The designs that resource prediction is fitted on and held against: random networks of varied shape."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qsnn_hw.boards import Board, load_board
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Network, NeuronGroup, Pool2d, Projection
from qsnn_hw.plan import HardwarePlan, IoOptions, PlanOptions, make_plan
from qsnn_hw.plan.group_plan import SynapseStore
from qsnn_hw.plan.io_plan import PIXEL_MAX
from qsnn_hw.quantize import QuantizeOptions, quantize

BOARDS = {"ice40": "icebreaker", "ecp5": "ulx3s-85f"}


@dataclass(frozen=True)
class Example:
    """One synthesized design.

    Parameters
    ----------
    name
        Unique.
    family
        "ice40" or "ecp5".
    sizes
        Neurons of the input and of every group; "conv" for a small convolutional network.
    options
        Shapes.
    bits
        Of a weight.
    features
        Changes of every group, see :func:`group`.
    fractional_bits
        Of a potential.
    loop
        Every group but the last also hears itself.
    delay
        Of the projections from the input, in time steps.
    unseen
        Not used by the fit: what the prediction is judged by.
    board
        With the board's serial link around it; without, the network alone.
    registered_reads
        Of every group's plan.
    io
        Encoder and readout on the chip.
    store
        Weights in "rom" or "ram".
    """

    name: str
    family: str
    sizes: tuple[int, ...] | str
    options: PlanOptions
    bits: int = 8
    features: dict[str, Any] = field(default_factory=dict)
    fractional_bits: int = 2
    loop: bool = False
    delay: int = 0
    unseen: bool = False
    board: bool = False
    registered_reads: bool = False
    io: IoOptions = field(default_factory=IoOptions)
    store: SynapseStore = "rom"


def group(
    rng: np.random.Generator, name: str, shape: tuple[int, ...], changes: dict[str, Any]
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
    made: dict[str, Any] = {
        "name": name,
        "shape": shape,
        "decay": decay,
        "input_gain": np.ones(size),
        "leak": np.zeros(size),
        "threshold": threshold,
        "v_reset": np.zeros(size),
    }
    return NeuronGroup(**{**made, **changes})


def network(example: Example) -> Network:
    """The float network of an example; the same every time."""
    rng = np.random.default_rng([*example.name.encode()])
    if isinstance(example.sizes, str):
        return _convolutional(rng, example)
    groups: list[NeuronGroup] = []
    projections: list[Projection] = []
    before, size = INPUT, example.sizes[0]

    def dense(source: str, target: str, pre: int, post: int, delay: int = 0) -> None:
        weight = rng.normal(0, 1 / np.sqrt(pre), (post, pre))
        projections.append(Projection(f"p{len(projections)}", source, target, (Dense(weight),), delay))

    for number, count in enumerate(example.sizes[1:]):
        name = f"g{number}"
        groups.append(group(rng, name, (count,), example.features))
        dense(before, name, size, count, example.delay if before == INPUT else 0)
        if example.loop and number < len(example.sizes) - 2:
            dense(name, name, count, count)
        before, size = name, count
    return Network(example.name, (example.sizes[0],), tuple(groups), tuple(projections), before)


def _convolutional(rng: np.random.Generator, example: Example) -> Network:
    first = Conv2d(rng.normal(0, 0.4, (8, 1, 3, 3)), None, (1, 10, 10), (1, 1), (1, 1))
    pool = Pool2d("sum", (8, 10, 10), (2, 2), (2, 2))
    second = Conv2d(rng.normal(0, 0.2, (12, 8, 3, 3)), None, (8, 5, 5), (2, 2), (1, 1))
    shapes = [(8, 10, 10), (12, 3, 3), (10,)]
    groups = [group(rng, f"g{k}", shape, example.features) for k, shape in enumerate(shapes)]
    projections = (
        Projection("p0", INPUT, "g0", (first,)),
        Projection("p1", "g0", "g1", (pool, second)),
        Projection("p2", "g1", "g2", (Dense(rng.normal(0, 0.1, (10, 108))),)),
    )
    return Network(example.name, (1, 10, 10), tuple(groups), projections, "g2")


def make(example: Example) -> tuple[HardwarePlan, Board]:
    """The plan of an example and the board it is for."""
    board = load_board(BOARDS[example.family])
    options = QuantizeOptions(
        weight_bits=example.bits,
        fractional_bits=example.fractional_bits,
        # A pixel may stand for as many events as its value says.
        input_max=PIXEL_MAX if example.io.encoder == "direct" else 1,
    )
    quantized = quantize(network(example), options)
    changes = {
        "limits": board.limits,
        "io": example.io,
        "synapse_store": example.store,
    }
    plan = make_plan(quantized, PlanOptions(**{**vars(example.options), **changes}))
    # What the planner would choose for clock rate may change; a measured design may not.
    groups = tuple(replace(group, registered_reads=example.registered_reads) for group in plan.groups)
    return replace(plan, groups=groups), board


def shapes(
    lanes: Sequence[int],
    update: Sequence[int],
    events: Sequence[int] | None = None,
    registers: Sequence[bool] | None = None,
) -> PlanOptions:
    """Plan options from bare numbers."""
    events = [1] * len(lanes) if events is None else events
    registers = [False] * len(lanes) if registers is None else registers
    return PlanOptions(
        list(lanes), list(update), list(events), ["registers" if r else "memory" for r in registers]
    )


def with_io(name: str, encoder: Any, readout: Any, options: PlanOptions, **changes: Any) -> Example:
    """An example with encoder and readout around a small network; the family is in its name."""
    family = {"i": "ice40", "e": "ecp5"}[name[0]]
    given: dict[str, Any] = {"sizes": (64, 32, 10), "bits": 6, **changes}
    return Example(name, family, options=options, io=IoOptions(encoder, readout, steps=25), **given)


R, M = True, False
EXAMPLES: tuple[Example, ...] = (
    Example("e_reg32", "ecp5", (64, 32, 10), shapes([32, 10], [8, 1], None, [R, M])),
    Example("i_small", "ice40", (64, 32, 10), shapes([2, 1], [1, 1])),
    Example("e_reg64e4", "ecp5", (128, 64, 10), shapes([64, 10], [4, 1], [4, 1], [R, M])),
    Example("i_mem8", "ice40", (64, 32, 10), shapes([8, 2], [4, 1])),
    Example("e_reg48", "ecp5", (100, 48, 10), shapes([48, 10], [16, 10], None, [R, M]), 4),
    Example("i_reg32", "ice40", (64, 32, 10), shapes([32, 10], [4, 1], None, [R, M]), 4),
    Example("e_small", "ecp5", (128, 64, 10), shapes([2, 1], [1, 1])),
    Example("i_own", "ice40", (64, 32, 10), shapes([4, 1], [2, 1]), 8, {"own": True}),
    Example("e_mem16", "ecp5", (128, 64, 10), shapes([16, 5], [4, 1]), 6),
    Example("i_mem16", "ice40", (100, 48, 10), shapes([16, 10], [2, 10]), 6),
    Example("e_mem8", "ecp5", (128, 64, 10), shapes([8, 2], [8, 2]), 8, {"own": True}),
    Example("i_e2", "ice40", (64, 32, 10), shapes([8, 2], [4, 1], [2, 1])),
    Example("e_three", "ecp5", (64, 40, 24, 10), shapes([40, 6, 2], [8, 3, 1], [2, 1, 1], [R, M, M])),
    Example("i_conv", "ice40", "conv", shapes([4, 4, 2], [2, 2, 1]), 4),
    Example("e_conv", "ecp5", "conv", shapes([8, 12, 5], [4, 6, 1]), 6),
    Example("i_current", "ice40", (48, 24, 10), shapes([4, 2], [2, 1]), 8, {"current": True}),
    Example(
        *("e_current", "ecp5", (48, 24, 10), shapes([24, 2], [4, 1], None, [R, M]), 8, {"current": True})
    ),
    Example(
        "i_refractory", "ice40", (48, 24, 10), shapes([4, 2], [2, 1]), 8, {"refractory": 3, "v_min": -1.0}
    ),
    Example(
        "e_refractory",
        "ecp5",
        (48, 24, 10),
        shapes([24, 5], [4, 5], None, [R, M]),
        features={"refractory": 3, "v_min": -1.0},
    ),
    Example("i_loop", "ice40", (48, 24, 10), shapes([4, 2], [2, 1]), 8, {}, 2, True, 1),
    Example("e_loop", "ecp5", (48, 24, 10), shapes([24, 2], [4, 1], None, [R, M]), 8, {}, 2, True, 1),
    Example("i_multi", "ice40", (48, 24, 10), shapes([4, 2], [2, 1]), 8, {"multi_spike": True}),
    Example("e_multi", "ecp5", (48, 24, 10), shapes([24, 2], [4, 1], None, [R, M]), 8, {"multi_spike": True}),
    Example("i_own_decay", "ice40", (48, 24, 10), shapes([4, 2], [1, 1]), 8, {"own_decay": True}),
    Example(
        "e_own_decay", "ecp5", (48, 24, 10), shapes([24, 2], [2, 1], None, [R, M]), 8, {"own_decay": True}
    ),
    Example("i_board", "ice40", (64, 32, 10), shapes([2, 1], [1, 1]), board=True),
    Example("e_board", "ecp5", (64, 32, 10), shapes([32, 10], [8, 1], None, [R, M]), board=True),
    Example("e_reg128", "ecp5", (200, 128, 10), shapes([128, 2], [2, 1], None, [R, M]), 6),
    Example("i_one", "ice40", (100, 16, 10), shapes([16, 10], [16, 10]), 4),
    Example("e_reads", "ecp5", (128, 64, 10), shapes([16, 5], [4, 1]), 6, registered_reads=True),
    Example("e_reads8", "ecp5", (128, 64, 10), shapes([8, 2], [8, 1]), registered_reads=True),
    Example("e_deep", "ecp5", (784, 128, 10), shapes([2, 1], [1, 1]), 4, registered_reads=True),
    Example(
        "e_unseen4",
        "ecp5",
        (400, 160, 10),
        shapes([4, 1], [1, 1]),
        bits=4,
        unseen=True,
        registered_reads=True,
    ),
    Example(
        "e_unseen1",
        "ecp5",
        (150, 80, 10),
        shapes([80, 10], [8, 2], [2, 1], [R, M]),
        bits=5,
        unseen=True,
    ),
    Example("i_unseen1", "ice40", (80, 40, 10), shapes([10, 5], [5, 1]), 6, unseen=True),
    Example("e_unseen2", "ecp5", (90, 60, 30, 12), shapes([15, 10, 4], [5, 2, 2]), 7, unseen=True),
    Example("i_unseen2", "ice40", (80, 24, 12), shapes([24, 3], [3, 1], None, [R, M]), 8, unseen=True),
    Example("i_unseen3", "ice40", (60, 30, 10), shapes([6, 2], [3, 2]), 5, unseen=True, board=True),
    Example(
        "e_unseen3",
        "ecp5",
        (60, 30, 10),
        shapes([30, 2], [2, 1], None, [R, M]),
        features={"own": True, "reset_delay": True},
        unseen=True,
        board=True,
        registered_reads=True,
    ),
    with_io("i_rate", "rate", "count", shapes([2, 1], [1, 1])),
    with_io("e_rate", "rate", "count", shapes([2, 1], [1, 1]), registered_reads=True),
    with_io("i_latency", "latency", "first", shapes([2, 1], [1, 1])),
    with_io("e_latency", "latency", "first", shapes([32, 10], [4, 10], [4, 1], [R, R])),
    with_io("i_direct", "direct", "membrane", shapes([2, 1], [1, 1])),
    with_io("e_direct", "direct", "membrane", shapes([2, 5], [1, 5]), registered_reads=True),
    with_io("i_load", None, None, shapes([2, 1], [1, 1]), store="ram", board=True),
    with_io("e_load", None, None, shapes([32, 5], [2, 1], None, [R, M]), store="ram", board=True),
    with_io(
        "i_unseen4",
        "latency",
        "count",
        shapes([4, 2], [2, 1]),
        sizes=(100, 24, 6),
        unseen=True,
        board=True,
        store="ram",
    ),
    with_io(
        "e_unseen5",
        "rate",
        "first",
        shapes([40, 2], [4, 1], None, [R, M]),
        sizes=(300, 40, 8),
        unseen=True,
        board=True,
        bits=8,
    ),
    with_io(
        "e_unseen6",
        "direct",
        "membrane",
        shapes([12, 7], [4, 7], [2, 1]),
        sizes=(120, 48, 7),
        unseen=True,
        registered_reads=True,
    ),
)
