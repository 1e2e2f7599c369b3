"""Quantized network -> hardware plan: folding, address map, ROM images, names, files."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.cost.network import network_counts
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import load_board
from qsnn_hw.model.network import INPUT, Dense, Network, Projection
from qsnn_hw.plan import HOST, AddressSpace, HardwarePlan, Route
from qsnn_hw.plan.hardware_plan import identifier
from qsnn_hw.plan.shape import Shape, fitted
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.quantize.network import NeuronDynamics, QuantizedNetwork
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from tests.support.float_groups import lif
from tests.support.networks import random_network
from tests.support.record_pairs import same_records


def renamed(network: QuantizedNetwork, names: list[str]) -> QuantizedNetwork:
    """The network with its groups called ``names``."""
    new = dict(zip((g.name for g in network.groups), names, strict=True))
    return replace(
        network,
        groups=tuple(replace(g, name=new[g.name]) for g in network.groups),
        projections=tuple(
            replace(p, source=new.get(p.source, p.source), target=new[p.target]) for p in network.projections
        ),
        output=new[network.output],
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    neurons=st.integers(1, 9),
    sources=st.integers(1, 6),
    lanes=st.integers(1, 10),
    bits=st.integers(2, 16),
)
def test_every_weight_is_where_the_layout_says(
    seed: int, neurons: int, sources: int, lanes: int, bits: int
) -> None:
    network = random_network(np.random.default_rng(seed), [sources, neurons], weight_bits=bits, full=True)
    group = make_plan(network, PlanOptions(lanes=[lanes])).groups[0]
    weight = network.projections[0].weight
    assert group.folds == -(-neurons // min(lanes, neurons))
    # The fewest lanes of that number of folds.
    assert group.lanes == -(-neurons // group.folds)
    assert group.synapses.dtype == np.int16
    assert group.synapse_rows == group.folds * sources
    assert group.synapse_bits == group.synapse_rows * group.lanes * bits
    words = group.synapse_words(0)
    assert len(words) == group.synapse_rows
    for fold in range(group.folds):
        for address in range(sources):
            word = words[fold * sources + address]
            assert 0 <= word < 2 ** (group.lanes * bits)
            for lane in range(group.lanes):
                neuron = fold * group.lanes + lane
                field = word >> (lane * bits) & (2**bits - 1)
                value = field - 2**bits if field >> (bits - 1) else field
                assert value == (weight[neuron, address] if neuron < neurons else 0)


def test_padding_never_fires() -> None:
    network = random_network(np.random.default_rng(1), [3, 5], reset="value")
    group = make_plan(network, PlanOptions(lanes=[4])).groups[0]
    original = network.groups[0]
    assert (group.neurons, group.folds, group.lanes) == (5, 2, 3)
    assert group.neuron_of_slot.tolist() == [0, 1, 2, 3, 4, -1]
    for name in ("bias", "threshold", "reset_amount", "reset_value"):
        values = getattr(group.neuron, name)
        assert values.dtype == np.int64
        assert values.shape == (6,)
        assert (values[:5] == getattr(original, name)).all()
    assert not group.neuron.bias[5:].any()
    assert not group.synapses[0, 3:, 2].any()
    assert (group.neuron.threshold[5:] > 0).all()


def test_fields_are_carried_over() -> None:
    network = random_network(
        np.random.default_rng(2), [3, 4], weight_bits=7, reset_delay=True, clamped=True, fractional_bits=2
    )
    plan = make_plan(network, PlanOptions(buffer_depth=5))
    group, original = plan.groups[0], network.groups[0]
    for item in fields(NeuronDynamics):
        assert np.array_equal(getattr(group.neuron, item.name), getattr(original, item.name)), item.name
    assert group.weight_bits == 7
    assert plan.buffer_depth == 5
    assert plan.group("g1") is group
    with pytest.raises(KeyError):
        plan.group("g2")


def test_sources_of_a_group_stand_side_by_side() -> None:
    network = random_network(np.random.default_rng(3), [3, 4, 2, 5], skips=[(0, 2), (0, 3), (1, 3)])
    plan = make_plan(network, PlanOptions(lanes=[2]))
    assert plan.routes == (
        Route(HOST, "g1", 0),
        Route("g1", "g2", 0),
        Route(HOST, "g2", 4),
        Route("g2", "g3", 0),
        Route(HOST, "g3", 2),
        Route("g1", "g3", 5),
        Route("g3", HOST, 0),
    )
    assert [g.sources for g in plan.groups] == [3, 7, 9]
    joined = np.concatenate([p.weight for p in network.into("g3")], axis=1)
    synapses = plan.group("g3").synapses[0].reshape(3, 9, 2)
    for neuron in range(5):
        assert (synapses[neuron // 2, :, neuron % 2] == joined[neuron]).all()
    assert (plan.input_addresses, plan.output_addresses) == (3, 5)
    assert plan.synapse_bits == sum(g.synapse_bits for g in plan.groups)


def test_weights_of_different_widths_share_the_wider() -> None:
    network = random_network(np.random.default_rng(4), [3, 4], skips=[(0, 1)], weight_bits=4)
    wide = replace(network.projections[1], weight_bits=9, weight=np.full((4, 3), -200, dtype=np.int16))
    group = make_plan(
        replace(network, projections=(network.projections[0], wide)), PlanOptions(lanes=[4])
    ).groups[0]
    assert group.weight_bits == 9
    assert group.synapses[0, 3:, 0].tolist() == [-200] * 3


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("lif1", "lif1"),
        ("lif1.lif", "lif1_lif"),
        ("3", "group_3"),
        ("_hidden_", "hidden"),
        ("output", "group_output"),
        ("Reg", "group_Reg"),
        ("host", "group_host"),
        ("around", "group_around"),
        ("sent_lif1", "group_sent_lif1"),
        ("", "group"),
        ("µ", "group"),
        ("a b/c", "a_b_c"),
    ],
)
def test_identifier(name: str, wanted: str) -> None:
    assert identifier(name) == wanted


@settings(deadline=None)
@given(st.lists(st.text(max_size=6), min_size=3, max_size=3, unique=True))
def test_names_are_unique_verilog_identifiers(names: list[str]) -> None:
    network = renamed(random_network(np.random.default_rng(5), [2, 2, 2, 2]), names)
    plan = make_plan(replace(network, name=names[0]), PlanOptions(lanes=[1]))
    found = [g.name for g in plan.groups]
    assert [g.group for g in plan.groups] == names
    assert len(set(found)) == 3
    for name in (*found, plan.name):
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name)
    assert {r.source for r in plan.routes} | {r.destination for r in plan.routes} == {HOST, *found}


def test_lanes_as_given() -> None:
    network = random_network(np.random.default_rng(6), [2, 6, 3])
    assert [g.lanes for g in make_plan(network, PlanOptions(lanes=[4])).groups] == [3, 3]
    assert [g.lanes for g in make_plan(network, PlanOptions(lanes=[1, 2])).groups] == [1, 2]
    for lanes in ([1, 2, 3], []):
        with pytest.raises(
            UserError, match=rf"^--lanes wants one value or 2 \(for groups g1, g2\), not {len(lanes)}$"
        ):
            make_plan(network, PlanOptions(lanes=lanes))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"buffer_depth": 0}, "buffer depth must be from 1 to 65536, not 0"),
        ({"lanes": [2, 0]}, "lanes must be at least 1, not 0"),
    ],
)
def test_option_errors(options: dict, text: str) -> None:
    with pytest.raises(UserError, match=f"^{text}$"):
        PlanOptions(**options)


@pytest.mark.parametrize(
    ("lanes", "update", "events", "style", "wanted"),
    [
        (40, None, 1, None, Shape(40, 8, 1, "registers")),
        (10, None, 1, None, Shape(10, 10, 1, "memory")),
        (14, None, 2, None, Shape(14, 14, 2, "memory")),
        (40, 16, 4, "registers", Shape(48, 16, 4, "registers")),
        (40, 3, 1, "memory", Shape(40, 2, 1, "memory")),
    ],
)
def test_fitted(lanes: int, update: int | None, events: int, style: Any, wanted: Shape) -> None:
    assert fitted(AddressSpace((40,)), lanes, update, events, style) == wanted


def test_shapes_that_cannot_be() -> None:
    for call, text in (
        (lambda: fitted(AddressSpace((40,)), 0), "lanes must be at least 1, not 0"),
        (lambda: fitted(AddressSpace((40,)), 4, 1, 3), "event lanes must be a power of two up to 16, not 3"),
        (
            lambda: fitted(AddressSpace((40,)), 4, 1, 1, "registers"),
            "accumulators in registers need one fold: lanes must be 40 for this group, not 4",
        ),
    ):
        with pytest.raises(UserError, match=f"^{text}$"):
            call()
    network = random_network(np.random.default_rng(7), [40, 40, 10])
    with pytest.raises(UserError, match=r"^event lanes need lanes beside them: give --lanes too$"):
        make_plan(network, PlanOptions(event_lanes=[2]))


def test_parameters_are_in_blocks_that_nothing_else_wants() -> None:
    network = random_network(np.random.default_rng(9), [6, 40, 24])
    limits = load_board("icebreaker").limits
    assert limits.block_ram is not None

    def placed(optimize: Any, blocks: int) -> tuple[list[str], int]:
        device = replace(limits, block_ram=replace(limits.block_ram, count=blocks))
        plan = make_plan(network, PlanOptions(limits=device, optimize=optimize))
        return [g.parameters_in for g in plan.groups], network_counts(plan, device, board=True).blocks

    for fast in ("latency", "energy"):
        assert set(placed(fast, 30)[0]) == {"auto"}
    assert placed("balanced", 30)[0] == ["block", "block"]
    groups, used = placed("area", 30)
    assert groups == ["block", "block"]
    fewer, left = placed("area", used - 1)
    assert sorted(fewer) == ["auto", "block"]
    assert left < used
    assert set(placed("area", left - 1)[0]) == {"auto"}


def test_delays_and_loops_hold_every_spike() -> None:
    network = random_network(np.random.default_rng(8), [3, 5, 2], skips=[(0, 2)])
    late = replace(network.projections[-1], delay=3)
    loop = replace(network.projections[1], name="loop", source="g1", target="g1", weight=np.ones((5, 5), int))
    network = replace(network, projections=(network.projections[0], loop, *network.projections[1:-1], late))
    plan = make_plan(network, PlanOptions())
    routes = {(r.source, r.destination): r for r in plan.routes}
    assert routes[("g1", "g1")] == Route("g1", "g1", 3, 1, True, 5)
    delayed = routes[(HOST if late.source == "input" else late.source, late.target)]
    size = network.source_size(late.source)
    assert (delayed.delay, delayed.ahead, delayed.words) == (3, False, 4 * size)


def test_save_and_load(tmp_path: Path) -> None:
    for clamped in (False, True):
        network = random_network(np.random.default_rng(8), [3, 5, 2], skips=[(0, 2)], clamped=clamped)
        plan = make_plan(network, PlanOptions(lanes=[2], buffer_depth=3))
        path = tmp_path / "plan.npz"
        plan.save(path)
        again = HardwarePlan.load(path)
        assert replace(again, groups=()) == replace(plan, groups=())
        assert same_records(again, plan)


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "plan.npz"
    make_plan(random_network(np.random.default_rng(9), [3, 2]), PlanOptions()).save(path)
    whole = files.read_npz(path)
    for name, value in (
        ("groups.0.synapses", None),
        ("groups.0.synapses", whole["groups.0.synapses"][:, :, :1]),
        ("groups.0.neuron.threshold", whole["groups.0.neuron.threshold"].astype(float)),
        ("groups.0.neuron_of_slot", whole["groups.0.neuron_of_slot"][:-1]),
        ("groups.0.other", np.zeros(3)),
    ):
        changed = {**whole, name: value}
        files.write_npz(path, {key: item for key, item in changed.items() if item is not None})
        with pytest.raises(UserError, match="holds no hardware plan of this version: ") as caught:
            HardwarePlan.load(path)
        assert name in str(caught.value).replace("[0]", ".0")
        assert "\n" not in str(caught.value)
    files.write_npz(path, {**whole, "format": "qsnn-hw hardware plan 4"})
    with pytest.raises(
        UserError, match="format is 'qsnn-hw hardware plan 4', this version reads 'qsnn-hw hardware plan 6'"
    ):
        HardwarePlan.load(path)
    with pytest.raises(UserError, match=r"^no such file: "):
        HardwarePlan.load(tmp_path / "none.npz")


def test_slots_without_a_neuron_stay_silent_beside_neurons_that_fire_at_rest() -> None:
    group = lif("a", 3, threshold=np.array([-0.5, 1.0, 0.0]), reset="zero")
    weights = Dense(np.random.default_rng(2).normal(0, 1, (3, 4)))
    network = Network("net", (4,), (group,), (Projection("p", INPUT, "a", (weights,)),), "a")
    (plan,) = make_plan(quantize(network, QuantizeOptions()), PlanOptions(lanes=[2])).groups
    empty = plan.neuron_of_slot < 0
    assert empty.any()
    assert (plan.neuron.threshold[empty] > 0).all()
    assert (plan.neuron.threshold[~empty] <= 0).any()
