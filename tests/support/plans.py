"""Plans of single groups for unit tests, without a planner and without synapses."""

from dataclasses import fields
from typing import Any, Literal

import numpy as np

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import GroupPlan, ProjectionPlan
from qsnn_hw.quantize.network import NeuronDynamics, QuantizedGroup


def group_plan(
    group: QuantizedGroup,
    *,
    accumulators: Literal["registers", "memory"] = "registers",
    lanes: int | None = None,
    update_lanes: int = 1,
    output_lanes: int = 1,
    space: AddressSpace | None = None,
    acc_bits: int = 16,
    **changes: Any,
) -> GroupPlan:
    """``group`` in ``lanes`` times as many folds as it needs; one lane per neuron unless said.

    Parameters
    ----------
    acc_bits
        Of accumulators in registers; those in memory have the width of what they store.
    space
        A grid, or None for a flat space.
    changes
        Fields of the plan.
    """
    space = space or AddressSpace((group.size,))
    slots, lanes, channel_folds = _slots(space, lanes)
    if accumulators == "memory":
        acc_bits = group.current_bits or group.v_bits
    sources = 3
    folds = len(slots) // lanes
    made: dict[str, Any] = {
        "name": group.name,
        "group": group.name,
        "neurons": group.size,
        "space": space,
        "sources": sources,
        "lanes": lanes,
        "folds": folds,
        "update_lanes": update_lanes,
        "event_lanes": 1,
        "output_lanes": output_lanes,
        "accumulators": accumulators,
        "acc_bits": acc_bits,
        "neuron_memory": "auto",
        "synapse_store": "rom",
        "projections": (ProjectionPlan("dense", 0, sources, 0, rows_per_fold=sources),),
        "synapses": np.zeros((1, sources * folds, lanes), np.int64),
        "channel_folds": channel_folds,
        "neuron_of_slot": slots,
        "weight_bits": 4,
        "neuron": by_slot(slots, group),
    }
    return GroupPlan(**{**made, **changes})


def by_slot(slots: np.ndarray, group: QuantizedGroup) -> NeuronDynamics:
    """A group's constants by slot; a slot without a neuron has another one's, and never fires."""
    made = {item.name: getattr(group, item.name) for item in fields(NeuronDynamics)}
    for name, values in made.items():
        if isinstance(values, np.ndarray):
            filler = 0 if name in ("bias", "current_bias", "start") else int(values.max())
            filler = max(filler, 1) if name == "threshold" else filler
            made[name] = np.where(slots >= 0, values[np.maximum(slots, 0)].astype(np.int64), filler)
    return NeuronDynamics(**made)


def _slots(space: AddressSpace, lanes: int | None) -> tuple[np.ndarray, int, int]:
    """Neurons by slot, lanes and folds of a position (of everything in a flat space)."""
    channels = space.shape[0]
    positions = space.neurons // channels
    lanes = lanes or channels
    folds = -(-channels // lanes)
    slots = np.full((positions, lanes * folds), -1, np.int64)
    slots[:, :channels] = np.arange(space.neurons).reshape(channels, positions).T
    return slots.reshape(-1), lanes, folds


def plain_group(size: int = 4, **changes: Any) -> QuantizedGroup:
    """A LIF group of small integers; ``changes`` are fields of it."""
    made: dict[str, Any] = {
        "name": "g",
        "shape": (size,),
        "scale": np.ones(size),
        "fractional_bits": 1,
        "leak_numerator": 3,
        "leak_shift": 4,
        "bias": np.zeros(size, np.int64),
        "threshold": np.full(size, 20, np.int64),
        "reset": "subtract",
        "reset_delay": False,
        "reset_amount": np.full(size, 20, np.int64),
        "reset_value": np.zeros(size, np.int64),
        "v_low": None,
        "v_high": None,
        "v_bits": 12,
    }
    return QuantizedGroup(**{**made, **changes})


RESETS: dict[str, dict[str, Any]] = {
    "subtract": {},
    "value": {"reset": "value"},
    "none": {"reset": "none"},
    "late subtract": {"reset_delay": True},
    "late value": {"reset": "value", "reset_delay": True},
    "late drop": {"reset": "value", "reset_delay": True, "reset_drops_input": True},
    "retest subtract": {"reset_retest": True},
    "retest zero": {"reset": "value", "reset_retest": True},
    "retest drop": {"reset": "value", "reset_retest": True, "reset_drops_input": True},
    "several": {"max_spikes": 255},
    "two": {"max_spikes": 2},
    "two retest": {"max_spikes": 2, "reset_retest": True},
    "several retest": {"max_spikes": 255, "reset_retest": True},
    "readout": {"readout": True, "reset": "none"},
}
"""Everything that a spike can do, as fields of a quantized group."""


def random_group(rng: np.random.Generator, size: int, reset: str, **changes: Any) -> QuantizedGroup:
    """A group with one kind of reset and every other feature drawn; 15 bits hold a dozen steps."""
    each = bool(rng.integers(2))

    def values(low: int, high: int) -> np.ndarray:
        return rng.integers(low, high, size) if each else np.full(size, rng.integers(low, high))

    shift = int(rng.integers(1, 9))
    fields: dict[str, Any] = dict(RESETS[reset])
    threshold = values(8, 60)
    zero = reset.startswith("retest")
    fields.update(
        fractional_bits=int(rng.integers(0, 3)),
        leak_numerator=int(rng.integers(0, (1 << shift) + 1)),
        leak_shift=shift,
        bias=values(-9, 10) if rng.integers(2) else np.zeros(size, np.int64),
        threshold=threshold,
        reset_amount=np.maximum(threshold - values(0, 8), 1),
        reset_value=np.zeros(size, np.int64) if zero or rng.integers(2) else values(-30, 30),
        v_bits=15,
        # Not drawn: what follows stays as it was.
        leak_rounding="zero" if shift % 2 else "floor",
    )
    if fields.get("readout"):
        fields["threshold"] = np.full(size, 1 << 14)
    if rng.integers(2):
        low, high = int(rng.integers(-90, -20)), int(rng.integers(20, 200))
        fields.update(v_low=low, v_high=high)
    if rng.integers(2):
        fields["v_min"] = values(-60, 20)
    if rng.integers(3) == 0:
        fields["refractory"] = int(rng.integers(1, 5))
    if rng.integers(3) == 0:
        fields["leak_numerators"] = rng.integers(0, (1 << shift) + 1, size)
    if rng.integers(2):
        fields.update(
            current_leak_numerator=values(0, (1 << shift) + 1),
            current_leak_shift=shift,
            current_bias=values(-5, 6),
            current_bits=14,
        )
        if shift % 3 == 0:
            fields.update(current_low=-64 if shift == 3 else -71, current_high=63)
    if not fields.get("readout") and rng.integers(3) == 0:
        fields["start"] = values(-90, 90)
    return plain_group(size, **(fields | changes))
