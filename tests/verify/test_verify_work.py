"""The work of a run, on planned networks with grids, loops, delays and several events per word."""

import numpy as np
import pytest

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.golden import GoldenRun, run_clocked
from qsnn_hw.plan import HOST, HardwarePlan
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.verify import Case, make_case
from qsnn_hw.verify.layout import stream_layouts, trace_layout
from qsnn_hw.verify.work import event_operations, step_cycles, synapse_reads
from tests.support.operations import operations
from tests.support.verify_networks import chain_network
from tests.support.wide_networks import random_network

Run = tuple[HardwarePlan, np.ndarray, GoldenRun]


def planned(seed: int, *, event_lanes: int = 1) -> Run:
    """A random network with every kind of projection and address, its input and what golden makes of it."""
    rng = np.random.default_rng(seed)
    if event_lanes > 1:
        network = chain_network(seed, (9, 8, 6))
        most = 1
    else:
        most = 2
        network = quantize(
            random_network(rng, ["plain", "multi_spike", "plain"], loops=True, delays=True),
            QuantizeOptions(weight_bits=5, input_max=most),
        )
    plan = make_plan(network, PlanOptions(lanes=(1 + seed % 3,), event_lanes=(event_lanes,)))
    inputs = rng.integers(0, most + 1, (7, 3, network.input_size)).astype(np.uint8)
    return plan, inputs, run_clocked(network, inputs, record=[g.name for g in network.groups])


def arrived(run: Run, group: str, sample: int, step: int) -> list[np.ndarray]:
    """For each route into a group, the addresses of the events of one time step."""
    plan, inputs, golden = run
    found = []
    for route in plan.routes:
        if route.destination == group and step >= route.delay:
            source = None if route.source == HOST else plan.group(route.source)
            spikes = inputs if source is None else golden.spikes[source.group]
            space = plan.input_space if source is None else source.space
            found.append(np.repeat(space.addresses(), spikes[step - route.delay, sample]) + route.offset)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_operations_are_those_the_plan_lists(seed: int) -> None:
    plan, _, _ = planned(seed)
    for group in plan.groups:
        counted = event_operations(group)
        for route in plan.routes:
            if route.destination != group.name:
                continue
            space = plan.input_space if route.source == HOST else plan.group(route.source).space
            for address in (space.addresses() + route.offset).tolist():
                # Routes side by side may share a projection.
                (projection,) = (p for p in group.projections if 0 <= address - p.offset < p.size)
                assert counted[address] == len(operations(group, projection, address))


@pytest.mark.parametrize(("seed", "event_lanes"), [*((seed, 1) for seed in range(6)), (0, 4), (1, 4)])
def test_synapse_reads_count_every_event_once(seed: int, event_lanes: int) -> None:
    run = planned(seed, event_lanes=event_lanes)
    plan, inputs, golden = run
    assert plan.groups[0].event_lanes == plan.input_lanes == event_lanes
    needed = synapse_reads(plan, inputs, golden.spikes)
    steps, samples = inputs.shape[:2]
    most = 0
    for group in plan.groups:
        cost = event_operations(group)
        work = [
            sum(int(cost[a].sum()) for a in arrived(run, group.name, sample, step))
            for step in range(steps)
            for sample in range(samples)
        ]
        assert needed[group.group] == sum(work)
        most = max(most, *work)
    # The bound holds for all groups one behind the other.
    assert step_cycles(plan, int(inputs.max())) > most * len(plan.groups)


@pytest.mark.parametrize("seed", [0, 3])
def test_a_case_of_such_a_plan(seed: int) -> None:
    plan, inputs, golden = planned(seed)
    case = make_case(plan, inputs, golden)
    assert isinstance(case, Case)
    inward, outward = stream_layouts(plan)
    assert np.array_equal(inward.addresses, plan.input_space.addresses())
    assert np.array_equal(outward.addresses, plan.output_space.addresses())
    for group, item in zip(plan.groups, case.groups, strict=True):
        trace = trace_layout(group)
        assert (trace.port, trace.row_port) == (f"trace_{group.name}", "row")
        assert trace.rows * trace.lanes == group.slots
        assert np.array_equal(group.neuron_of_slot[trace.slot_of_neuron()], np.arange(group.neurons))
        assert np.array_equal(item.potentials, golden.potentials[group.group])
