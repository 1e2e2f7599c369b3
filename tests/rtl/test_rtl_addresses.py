"""A user's way from an array to words and back, through a network in simulation: grids and flat inputs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import run_clocked
from qsnn_hw.host.protocol import sample_spikes, sample_words
from qsnn_hw.host.stream_words import pack_words, unpack_words
from qsnn_hw.host.words import packed as framed
from qsnn_hw.host.words import read_payload, sample
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Network, Operator, Pool2d, Projection
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.rtl.network import SpikingNetwork
from tests.support.float_groups import lif
from tests.support.streams import PACES, exchange
from tests.support.thinned import thinned

STEPS = 5


def conv(shape: tuple[int, int, int], outputs: int, seed: int, **changes: Any) -> Conv2d:
    weight = np.random.default_rng(seed).normal(0.1, 0.5, (outputs, shape[0], 3, 3))
    return Conv2d(weight, None, shape, **changes)


def network(input_shape: tuple[int, ...], layers: list[tuple[tuple[int, ...], Operator]]) -> Network:
    groups, projections, before = [], [], INPUT
    for number, (shape, operator) in enumerate(layers):
        name = f"g{number}"
        groups.append(lif(name, shape))
        projections.append(Projection(f"p{number}", before, name, (operator,)))
        before = name
    return Network("net", input_shape, tuple(groups), tuple(projections), before)


def dense(outputs: int, inputs: int) -> Dense:
    return Dense(np.random.default_rng(outputs).normal(0.05, 0.4, (outputs, inputs)))


CASES: dict[str, Network] = {
    # The kind of a stranger's network on 2 x 9 x 7: in C order 125 of 126 addresses are others.
    "grid in, flat out": network(
        (2, 9, 7),
        [
            ((3, 5, 4), conv((2, 9, 7), 3, 1, stride=(2, 2), padding=(1, 1))),
            ((6,), dense(6, 60)),
        ],
    ),
    "grid in and out": network((2, 9, 7), [((3, 7, 5), conv((2, 9, 7), 3, 2))]),
    "odd channels": network((5, 4, 6), [((2, 2, 4), conv((5, 4, 6), 2, 3))]),
    "one channel": network((1, 7, 5), [((3, 5, 3), conv((1, 7, 5), 3, 4))]),
    "a line": network((3, 1, 11), [((2, 1, 9), Conv2d(np.full((2, 3, 1, 3), 0.3), None, (3, 1, 11)))]),
    # What a Flatten over rows and columns leaves: data with axes of their own, a grid of one row.
    "flattened rows": network((2, 3, 4), [((3, 10), Conv2d(np.full((3, 2, 1, 3), 0.4), None, (2, 1, 12)))]),
    "pool first": network(
        (3, 5, 6), [((3, 2, 3), Pool2d("sum", (3, 5, 6), (2, 2), (2, 2))), ((4,), dense(4, 18))]
    ),
    "flat in, grid shape": network((2, 3, 3), [((7,), dense(7, 18))]),
}


@pytest.mark.parametrize(
    ("case", "lanes"), thinned([*((case, 1) for case in CASES), ("flat in, grid shape", 4)], 2), ids=str
)
def test_words_made_of_arrays_give_the_golden_spikes(case: str, lanes: int, tmp_path: Path) -> None:
    """As docs/host_link.md has it: the plan's own spaces, sample_words in, sample_spikes out."""
    made = quantize(CASES[case], QuantizeOptions(weight_bits=5))
    plan = make_plan(made, PlanOptions(lanes=[2], event_lanes=[lanes]))
    assert plan.input_lanes == lanes
    plan.save(tmp_path / "04_plan.npz")
    plan = HardwarePlan.load(str(tmp_path / "04_plan.npz"))
    x = (np.random.default_rng(5).random((STEPS, 2, *made.input_shape)) < 0.3).astype(np.uint8)
    golden = run_clocked(made, x).spikes[made.output]
    sent = [
        payload
        for sample in range(2)
        for payload in pack_words(
            sample_words(x[:, sample], plan.input_space), plan.input_addresses, plan.input_lanes
        )
    ]
    dut = SpikingNetwork(plan)
    count = int(golden.sum()) + 2 * STEPS
    (received,) = exchange(dut, [(dut.i, sent)], [(dut.o, count)], PACES[0], limit=40_000, tail=300)
    words = unpack_words(received, plan.output_addresses, plan.output_lanes)
    found = sample_spikes(words, plan.output_space).reshape(2, STEPS, -1)
    assert golden.any()
    assert np.array_equal(found, golden.transpose(1, 0, 2))


@pytest.mark.parametrize("case", CASES)
def test_the_serial_line_carries_the_same_words(case: str) -> None:
    plan = make_plan(quantize(CASES[case], QuantizeOptions(weight_bits=5)), PlanOptions(lanes=[1]))
    x = (np.random.default_rng(6).random((STEPS, *CASES[case].input_shape)) < 0.3).astype(np.uint8)
    space = plan.input_space
    payloads = framed(sample(x.reshape(STEPS, -1), space.addresses(), space.size))
    line = [word for payload in payloads for word in read_payload(payload, space.size)]
    assert np.array_equal(sample_spikes(line, plan.input_space).reshape(x.shape), x)
