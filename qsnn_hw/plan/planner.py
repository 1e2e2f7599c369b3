"""QuantizedNetwork -> HardwarePlan: folding, address map and ROM images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from qsnn_hw.errors import UserError
from qsnn_hw.model.network import INPUT
from qsnn_hw.plan.hardware_plan import HOST, GroupPlan, HardwarePlan, Route, identifier
from qsnn_hw.plan.supported import refuse_unsupported
from qsnn_hw.quantize.integers import integer_dtype
from qsnn_hw.quantize.network import QuantizedGroup, QuantizedNetwork

DEFAULT_BUFFER_DEPTH = 2

# A lane costs about this many 4-input LUTs per bit of its potential: accumulate, compare, leak,
# bias and reset adders plus their multiplexers. Measured on the digits network, yosys 0.70.
_LUT_PER_LANE_BIT = 6.0
# The share of a device's LUTs that all lanes together may take when lanes are chosen here: small,
# so that the default is a compact design; a user who wants speed names the lanes.
_LANE_SHARE = 0.12
# Fewer folds than this leave the potentials in registers, which cost more than the lanes save.
_LEAST_FOLDS = 4


@dataclass(frozen=True)
class PlanOptions:
    """How the network is folded.

    Parameters
    ----------
    lanes
        LIF datapaths per group, one number for all groups or one for each; None chooses them
        from the device's size.
    buffer_depth
        Words each router destination can hold, at least 1.
    lut_limit
        4-input LUTs of the device, for the automatic choice; None: no limit known.
    neuron_memory
        Where folded potentials go: "block" RAM on devices without distributed RAM, else "auto".
    """

    lanes: Sequence[int] | None = None
    buffer_depth: int = DEFAULT_BUFFER_DEPTH
    lut_limit: int | None = None
    neuron_memory: Literal["auto", "block"] = "auto"

    def __post_init__(self) -> None:
        if self.buffer_depth < 1:
            raise UserError(f"buffer depth must be at least 1, not {self.buffer_depth}")
        for lanes in self.lanes or ():
            if lanes < 1:
                raise UserError(f"lanes must be at least 1, not {lanes}")


def make_plan(network: QuantizedNetwork, options: PlanOptions) -> HardwarePlan:
    """Fold every group and lay out addresses and weight ROMs.

    Raises
    ------
    UserError
        The number of lane counts is neither one nor the number of groups, or the network has a
        feature the hardware does not have yet.
    """
    refuse_unsupported(network)
    lanes = _lanes(network, options)
    names = _unique_names(network)
    groups = []
    routes = []
    for group in network.groups:
        offset = 0
        blocks = []
        for projection in network.into(group.name):
            source = HOST if projection.source == INPUT else names[projection.source]
            routes.append(Route(source, names[group.name], offset))
            offset += projection.weight.shape[1]
            blocks.append(projection.weight)
        bits = max(p.weight_bits for p in network.into(group.name))
        weight = np.concatenate(blocks, axis=1)
        planned = _plan_group(
            group, names[group.name], weight, bits, lanes[group.name], options.neuron_memory
        )
        groups.append(planned)
    routes.append(Route(names[network.output], HOST, 0))
    return HardwarePlan(
        name=identifier(network.name, "network"),
        input_size=network.input_size,
        output_size=network.group(network.output).size,
        groups=tuple(groups),
        routes=tuple(routes),
        buffer_depth=options.buffer_depth,
    )


def _plan_group(
    group: QuantizedGroup, name: str, weight: np.ndarray, bits: int, lanes: int, neuron_memory: str
) -> GroupPlan:
    folds = -(-group.size // lanes)
    padding = folds * lanes - group.size
    sources = weight.shape[1]
    padded = np.pad(weight.astype(integer_dtype(max(16, bits))), ((0, padding), (0, 0)))
    # (fold, lane, source) -> (fold, source, lane): one ROM row holds all lanes' weights of a source.
    synapses = np.ascontiguousarray(padded.reshape(folds, lanes, sources).transpose(0, 2, 1))

    def pad(values: np.ndarray, filler: int) -> np.ndarray:
        return np.pad(values.astype(np.int64), (0, padding), constant_values=filler)

    return GroupPlan(
        name=name,
        group=group.name,
        neurons=group.size,
        sources=sources,
        lanes=lanes,
        folds=folds,
        neuron_memory="registers" if folds == 1 else neuron_memory,
        weight_bits=bits,
        fractional_bits=group.fractional_bits,
        v_bits=group.v_bits,
        leak_numerator=group.leak_numerator,
        leak_shift=group.leak_shift,
        reset=group.reset,
        reset_delay=group.reset_delay,
        v_low=group.v_low,
        v_high=group.v_high,
        bias=pad(group.bias, 0),
        # Copies of neuron 0 keep a uniform threshold uniform; with v = 0 they never fire.
        threshold=pad(group.threshold, int(group.threshold[0])),
        reset_amount=pad(group.reset_amount, int(group.reset_amount[0])),
        reset_value=pad(group.reset_value, int(group.reset_value[0])),
        synapses=synapses,
    )


def _lanes(network: QuantizedNetwork, options: PlanOptions) -> Mapping[str, int]:
    groups = network.groups
    if options.lanes is not None:
        given = list(options.lanes)
        if len(given) == 1:
            given *= len(groups)
        if len(given) != len(groups):
            names = ", ".join(g.name for g in groups)
            raise UserError(
                f"--lanes wants one number or {len(groups)} (for groups {names}), not {len(given)}"
            )
        return {g.name: min(n, g.size) for g, n in zip(groups, given, strict=True)}
    # Work per input event is one row per fold, so lanes go first to the group with most folds.
    chosen = {g.name: 1 for g in groups}
    budget = float("inf") if options.lut_limit is None else options.lut_limit * _LANE_SHARE
    spent = sum(_LUT_PER_LANE_BIT * g.v_bits for g in groups)
    growing = {g.name: g for g in groups}
    while growing:
        name = max(growing, key=lambda n: growing[n].size / chosen[n])
        group = growing[name]
        larger = min(2 * chosen[name], max(1, group.size // _LEAST_FOLDS))
        cost = (larger - chosen[name]) * _LUT_PER_LANE_BIT * group.v_bits
        if larger == chosen[name] or spent + cost > budget:
            del growing[name]
            continue
        chosen[name], spent = larger, spent + cost
    # The same number of folds with fewer lanes is free area.
    return {g.name: -(-g.size // -(-g.size // chosen[g.name])) for g in groups}


def _unique_names(network: QuantizedNetwork) -> dict[str, str]:
    names: dict[str, str] = {}
    for group in network.groups:
        base = name = identifier(group.name)
        number = 2
        while name in names.values():
            name, number = f"{base}_{number}", number + 1
        names[group.name] = name
    return names
