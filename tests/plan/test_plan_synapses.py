"""Every event reaches the neurons its operators say, with their weights, by the plan's own rules."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Operator, Pool2d, Scale
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.slots import Slots
from qsnn_hw.quantize.network import QuantizedNetwork, QuantizedProjection
from tests.support.networks import random_network
from tests.support.operations import operations
from tests.support.record_pairs import copied, same_records


def reached(plan: GroupPlan, events: dict[int, np.ndarray]) -> np.ndarray:
    """What every neuron of the group gets from spikes, by offset of their range: shape (neurons,)."""
    slots = np.zeros((plan.folds, plan.lanes), dtype=np.int64)
    for projection in plan.projections:
        for address in range(projection.offset, projection.offset + projection.size):
            count = int(events.get(address, 0))
            for bank, row, fold in operations(plan, projection, address) if count else ():
                slots[fold] += count * plan.synapses[bank, row]
    flat = slots.reshape(-1)
    assert not flat[plan.neuron_of_slot < 0].any()
    found = np.zeros(plan.neurons, dtype=np.int64)
    used = plan.neuron_of_slot >= 0
    found[plan.neuron_of_slot[used]] = flat[used]
    return found


def check(network: QuantizedNetwork, options: PlanOptions, seed: int) -> None:
    """Random events into every group against the operators themselves."""
    rng = np.random.default_rng(seed)
    plan = make_plan(network, options)
    for group, planned in zip(network.groups, plan.groups, strict=True):
        routes = [route for route in plan.routes if route.destination == planned.name]
        events: dict[int, np.ndarray] = {}
        wanted = np.zeros(group.size, dtype=np.int64)
        for projection, route in zip(network.into(group.name), routes, strict=True):
            size = network.source_size(projection.source)
            spikes = rng.integers(0, 3, size) * (rng.random(size) < 0.4)
            space = plan.input_space if route.source == "host" else plan.group(route.source).space
            events |= dict(zip((space.addresses() + route.offset).tolist(), spikes, strict=True))
            sums = apply_operators(projection.all_operators, spikes[np.newaxis].astype(np.float64))[0]
            wanted += np.rint(sums).astype(np.int64) << projection.shift
        assert (reached(planned, events) == wanted).all()
        for projection_plan in planned.projections:
            ends = projection_plan.offset + projection_plan.size
            assert ends <= planned.sources
    assert same_records(copied(plan), plan)


def with_operators(
    operators: tuple[Operator, ...], inputs: int, post_shape: tuple[int, ...]
) -> QuantizedNetwork:
    """One group of neurons behind ``operators``."""
    post = int(np.prod(post_shape))
    plain = random_network(np.random.default_rng(5), [inputs, post])
    weights = next(o for o in reversed(operators) if not isinstance(o, Pool2d))
    integers = weights.factor if isinstance(weights, Scale) else weights.weight
    projection = QuantizedProjection("p", INPUT, plain.groups[0].name, integers, 6, 0, 0, operators)
    group = replace(plain.groups[0], shape=post_shape)
    return replace(plain, groups=(group,), projections=(projection,))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**31), lanes=st.integers(1, 9))
def test_convolutions_and_pools(data: st.DataObject, seed: int, lanes: int) -> None:
    rng = np.random.default_rng(seed)
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    shape: Any = (draw(1, 3), draw(1, 8), draw(1, 8))
    inputs = int(np.prod(shape))
    operators: list[Operator] = []

    def pool() -> None:
        nonlocal shape
        kernel = (draw(1, min(3, shape[1])), draw(1, min(3, shape[2])))
        stride = (draw(1, 3), draw(1, 3))
        padding = (draw(0, kernel[0] // 2), draw(0, kernel[1] // 2))
        operators.append(Pool2d("sum", shape, kernel, stride, padding))
        shape = (
            shape[0],
            *(
                (n + 2 * p - k) // s + 1
                for n, k, s, p in zip(shape[1:], kernel, stride, padding, strict=True)
            ),
        )

    for _ in range(draw(0, 2)):
        pool()
    kind = data.draw(st.sampled_from(["conv", "grouped", "dense", "scale"]))
    if kind == "dense":
        post = draw(1, 7)
        operators.append(Dense(rng.integers(-20, 20, (post, int(np.prod(shape))))))
        shape = (post,)
    elif kind == "scale":
        operators.append(Scale(rng.integers(-20, 20, int(np.prod(shape)))))
    else:
        groups = shape[0] if kind == "grouped" else 1
        out = groups * draw(1, 3)
        kernel = (draw(1, 3), draw(1, 3))
        dilation = (draw(1, 2), draw(1, 2))
        padding: Any = tuple(
            max(draw(0, 2), (d * (k - 1) + 2 - n) // 2)
            for k, d, n in zip(kernel, dilation, shape[1:], strict=True)
        )
        stride = (draw(1, 3), draw(1, 3))
        weight = rng.integers(-20, 20, (out, shape[0] // groups, *kernel))
        operators.append(Conv2d(weight, None, shape, stride, padding, dilation, groups))
        shape = (
            out,
            *(
                (n + 2 * p - d * (k - 1) - 1) // s + 1
                for n, k, s, p, d in zip(shape[1:], kernel, stride, padding, dilation, strict=True)
            ),
        )
        if draw(0, 1) and min(shape[1:]) > 1:
            pool()
    network = with_operators(tuple(operators), inputs, shape)
    check(network, PlanOptions(lanes=[lanes]), seed)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    sources=st.integers(1, 20),
    neurons=st.integers(1, 12),
    lanes=st.integers(1, 12),
    event_lanes=st.sampled_from([1, 2, 4]),
    update_lanes=st.integers(1, 12),
    density=st.sampled_from([0.05, 0.5, 1.0]),
)
def test_dense(
    seed: int, sources: int, neurons: int, lanes: int, event_lanes: int, update_lanes: int, density: float
) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, [sources, neurons])
    weight = network.projections[0].weight * (rng.random((neurons, sources)) < density)
    network = replace(network, projections=(replace(network.projections[0], weight=weight),))
    options = PlanOptions(lanes=[lanes], event_lanes=[event_lanes], update_lanes=[update_lanes])
    check(network, options, seed)


def test_several_sources_and_kinds() -> None:
    rng = np.random.default_rng(3)
    network = random_network(rng, [3, 4, 2, 5], skips=[(0, 2), (0, 3), (1, 3)])
    check(network, PlanOptions(lanes=[2]), 1)
    image = (2, 4, 4)
    conv = Conv2d(rng.integers(-9, 9, (3, 2, 3, 3)), None, image, (1, 1), (1, 1))
    mixed = random_network(rng, [32, 48, 48], skips=[(0, 1)])
    first, second = mixed.projections[0], mixed.projections[1]
    third = next(p for p in mixed.projections if p not in (first, second))
    projections = (
        replace(first, weight=conv.weight, operators=(conv,)),
        replace(second, weight=second.weight),
        third,
    )
    groups = (replace(mixed.groups[0], shape=(3, 4, 4)), mixed.groups[1])
    check(replace(mixed, groups=groups, projections=projections), PlanOptions(lanes=[5]), 2)
    # A projection of few weights behind one of another kind: its rows do not begin at 0.
    mixed = random_network(rng, [32, 20, 48], skips=[(0, 2)])
    (first,) = mixed.into(mixed.groups[0].name)
    second = next(p for p in mixed.projections if p.source != INPUT)
    third = next(p for p in mixed.projections if p not in (first, second))
    few = replace(second, weight=second.weight * (rng.random(second.weight.shape) < 0.03))
    groups = (mixed.groups[0], replace(mixed.groups[1], shape=(3, 4, 4)))
    projections = (replace(third, weight=conv.weight, operators=(conv,)), first, few)
    sparse = replace(mixed, groups=groups, projections=projections)
    plan = make_plan(sparse, PlanOptions(lanes=[5])).groups[1]
    assert [p.kind for p in plan.projections] == ["grid", "sparse"]
    check(sparse, PlanOptions(lanes=[5]), 4)


@pytest.mark.parametrize(("channels", "groups", "out"), [(2, 2, 4), (3, 3, 6), (4, 2, 6)])
def test_grouped_convolutions_of_several_outputs(channels: int, groups: int, out: int) -> None:
    rng = np.random.default_rng(out)
    weight = rng.integers(-20, 20, (out, channels // groups, 3, 2))
    operator = Conv2d(weight, None, (channels, 4, 5), (1, 1), (1, 1), (1, 1), groups)
    check(with_operators((operator,), channels * 20, (out, 4, 6)), PlanOptions(lanes=[3]), 5)


def test_a_slot_without_a_neuron_never_fires() -> None:
    """Whatever the threshold of the first neuron, whose constants it has."""
    group = random_network(np.random.default_rng(7), [2, 3]).groups[0]
    group = replace(group, threshold=np.array([-4, 3, 5], dtype=np.int64))
    slots = Slots(AddressSpace((3,)), 2)
    dynamics = slots.dynamics(group)
    assert dynamics.threshold.tolist() == [-4, 3, 5, 1]
    assert dynamics.bias[3] == 0


def test_a_chain_of_two_dense_operators_is_expanded_and_said_so() -> None:
    rng = np.random.default_rng(4)
    operators = (Dense(rng.integers(-3, 3, (5, 6))), Dense(rng.integers(-3, 3, (4, 5))))
    network = with_operators(operators, 6, (4,))
    assert any("expanded" in note for note in make_plan(network, PlanOptions(lanes=[2])).notes)
    check(network, PlanOptions(lanes=[2]), 3)


@pytest.mark.parametrize("shape", [(5,), (1, 1, 1), (3, 4, 5), (4, 4, 4), (1, 7, 9)])
def test_addresses_are_fields(shape: tuple[int, ...]) -> None:
    space = AddressSpace(shape)
    addresses = space.addresses()
    assert len(set(addresses.tolist())) == space.neurons
    assert addresses.max() == space.size - 1
    if space.grid:
        channel, row, column = np.indices(shape).reshape(3, -1)
        mask = (1 << space.channel_bits) - 1
        assert (addresses & mask == channel).all()
        assert (addresses >> space.channel_bits & ((1 << space.column_bits) - 1) == column).all()
        assert (addresses >> (space.channel_bits + space.column_bits) == row).all()


def test_rows_are_left_out_only_where_that_saves_memory_too() -> None:
    rng = np.random.default_rng(6)
    network = random_network(rng, [40, 32], weight_bits=4)

    def kind(lanes: int, density: float) -> str:
        weight = network.projections[0].weight * (rng.random((32, 40)) < density)
        sparse = replace(network, projections=(replace(network.projections[0], weight=weight),))
        return make_plan(sparse, PlanOptions(lanes=[lanes])).groups[0].projections[0].kind

    assert kind(4, 0.05) == "sparse"
    assert kind(4, 1.0) == "dense"
    # Half the rows of one weight are empty, but saying which costs more bits than they have.
    assert kind(1, 0.7) == "dense"
    assert kind(1, 0.05) == "sparse"
