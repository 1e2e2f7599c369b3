"""The network: what was built, group by group, as quantized and as mapped."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Network
from qsnn_hw.plan import GroupPlan, HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions
from qsnn_hw.report.record import WARNINGS, Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import GROUPS, Added, Exhibit, Part, Section, Table
from qsnn_hw.report.words import NOT_MEASURED, counted, figure, with_unit
from qsnn_hw.support.values import Number, check_counts, check_numbers, count, number, put
from qsnn_hw.verify import Verification


@dataclass(frozen=True)
class GroupSummary:
    """One neuron group as quantized and as mapped; anything not known is None.

    Parameters
    ----------
    name, neurons, synapses
        The group, its size, and the non-zero weights that end in it.
    weight_bits, potential_bits
        Signed widths.
    scale_low, scale_high
        Smallest and largest real value of one weight step over the group's neurons.
    threshold_low, threshold_high
        Smallest and largest firing threshold, in integer potential steps; None for a readout.
    dead_neurons
        Neurons that never fired over the test set; None for a readout.
    saturations
        How often a potential was clamped over the test set.
    lanes, folds
        Accumulators, and how many neurons each of them serves.
    update_lanes, event_lanes
        Neurons updated a cycle at the end of a step, and events taken a cycle.
    accumulators
        Where a step's sums are kept: "registers" or "memory".
    potentials_in
        Where the potentials are between two steps.
    rom_bits
        Synapse memory, in bits.
    cycles_per_sample
        Mean clock cycles per sample in which the group works, counted in simulation.
    leak_rounding
        "floor" (the loss is rounded down), "zero" (what is kept, toward zero), or "none" without a leak.
    own_integers
        Whether the trained weights were integers already and were kept.
    """

    name: str
    neurons: int
    synapses: int | None = None
    weight_bits: int | None = None
    potential_bits: int | None = None
    scale_low: Number | None = None
    scale_high: Number | None = None
    threshold_low: int | None = None
    threshold_high: int | None = None
    dead_neurons: int | None = None
    saturations: int | None = None
    lanes: int | None = None
    folds: int | None = None
    rom_bits: int | None = None
    cycles_per_sample: Number | None = None
    update_lanes: int | None = None
    event_lanes: int | None = None
    accumulators: str | None = None
    potentials_in: str | None = None
    leak_rounding: str | None = None
    own_integers: bool | None = None

    def __post_init__(self) -> None:
        """Refuse values that are no counts or no numbers."""
        where = f"group {self.name!r}"
        if self.neurons is None:
            raise ValueError(f"{where}.neurons must be a number, not None")
        check_counts(self, where, "neurons", "synapses", "weight_bits", "potential_bits", "dead_neurons")
        check_counts(self, where, "saturations", "lanes", "folds", "rom_bits", "update_lanes", "event_lanes")
        check_numbers(self, where, "scale_low", "scale_high", "cycles_per_sample")
        # A threshold may be negative, unlike a count.
        for name in ("threshold_low", "threshold_high"):
            put(self, **{name: number(f"{where}.{name}", getattr(self, name))})


@dataclass(frozen=True)
class NetworkSummary:
    """What was built: name, size of the input, time steps per sample, and its neuron groups.

    ``groups`` is written as ``layers``.
    """

    name: str
    inputs: int | None = None
    steps: int | None = None
    groups: tuple[GroupSummary, ...] = field(default=(), metadata={"json": "layers"})

    def __post_init__(self) -> None:
        """Refuse anything but counts."""
        check_counts(self, "network", "inputs", "steps")


def _busy_cycles(run: Verification | None) -> dict[str, float]:
    """Group -> clock cycles of a sample in which it works; empty where nothing was counted."""
    if run is None or not run.activity_cycles:
        return {}
    return {name: did.busy_cycles / run.activity_samples for name, did in run.groups.items()}


def _network(results: Results) -> NetworkSummary:
    network, plan, data = results[Network], results.get(HardwarePlan), results.get(Dataset)
    groups: tuple[GroupSummary, ...] = ()
    if plan is not None:
        quantized, golden = results[Quantization].quantized, results.get(GoldenResult)
        busy = _busy_cycles(results.get(Verification))
        groups = tuple(_group(quantized, g, golden, busy.get(g.group)) for g in plan.groups)
    return NetworkSummary(network.name, network.input_size, None if data is None else data.steps, groups)


def _group(
    quantized: QuantizedNetwork,
    group: GroupPlan,
    golden: GoldenResult | None,
    busy_cycles: Number | None,
) -> GroupSummary:
    integer = quantized.group(group.network_group)
    fired = own = None
    if golden is not None:
        run, members = golden.integer, slice(None) if group.members is None else group.members
        fired = run.spikes[group.network_group][..., members].any(axis=(0, 1))
        own = int(run.saturated[group.network_group][members].sum())
    leaks = bool(np.any(integer.numerator)) or integer.has_current
    return GroupSummary(
        name=group.group,
        neurons=group.neurons,
        synapses=int(np.count_nonzero(group.synapses)),
        weight_bits=group.weight_bits,
        potential_bits=group.neuron.v_bits,
        scale_low=float(integer.scale.min()),
        scale_high=float(integer.scale.max()),
        threshold_low=None if integer.readout else int(integer.threshold.min()),
        threshold_high=None if integer.readout else int(integer.threshold.max()),
        dead_neurons=None if fired is None or integer.readout else int(fired.size - np.count_nonzero(fired)),
        saturations=own,
        lanes=group.lanes,
        folds=group.folds,
        update_lanes=group.update_lanes,
        event_lanes=group.event_lanes,
        accumulators=group.accumulators,
        potentials_in=group.potentials_in,
        rom_bits=group.synapse_bits,
        cycles_per_sample=busy_cycles,
        leak_rounding=integer.leak_rounding if leaks else "none",
        own_integers=integer.own_integers,
    )


def _convention(results: Results) -> Mapping[str, object]:
    """The convention, with the clamp that a network of a live reader has in its groups alone."""
    network = results[Network]
    clamps = [group.v_min for group in network.groups if group.v_min is not None]
    return {"v_min": min(clamps), **network.convention} if clamps else network.convention


NETWORK: Part[NetworkSummary] = Part("network", NetworkSummary, NetworkSummary(""), _network)
"""The network and its groups."""

BITS: Part[int | None] = Part(
    "bits",
    int | None,
    None,
    lambda results: results[QuantizeOptions].weight_bits,
    check=lambda bits: count("report.bits", bits),
)
"""Weight width asked for."""

CONVENTION: Part[Mapping[str, object]] = Part("convention", Mapping[str, object], {}, _convention)
"""Field name -> value of the convention under which the model file was read."""


def own_clamp(report: Report) -> bool:
    """Whether the trained network clamps its potentials itself."""
    return report[CONVENTION].get("v_min") is not None


def _span(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "none"
    return figure(low) if low == high else f"{figure(low)} to {figure(high)}"


_LEAK_WORDS = {"floor": "loss down", "zero": "toward zero", "none": "no leak"}


def quantization(report: Report) -> Table | None:
    """Widths, scales and health of every group; None without groups."""
    groups = report[NETWORK].groups
    if not groups:
        return None

    def row(group: GroupSummary) -> tuple[str, ...]:
        dead = counted(group.dead_neurons)
        if group.dead_neurons is not None and group.neurons:
            dead += f" of {group.neurons:,}"
        return (
            group.name,
            f"{group.neurons:,}",
            counted(group.synapses),
            with_unit(group.weight_bits, "bit") + (", own" if group.own_integers else ""),
            with_unit(group.potential_bits, "bit"),
            _span(group.scale_low, group.scale_high),
            _span(group.threshold_low, group.threshold_high),
            NOT_MEASURED
            if group.leak_rounding is None
            else _LEAK_WORDS.get(group.leak_rounding, group.leak_rounding),
            dead,
            counted(group.saturations),
        )

    return Table(
        "quantization",
        "Quantization",
        "Own weights: integers as they were trained, not rounded. Scale: real value of one weight step. "
        "Threshold: in potential steps. Leak rounded: the loss of a step down, or what is kept toward zero. "
        "Dead: never fired over the test set. Saturations: potentials clamped over the test set.",
        (
            "group",
            "neurons",
            "synapses",
            "weights",
            "potential",
            "scale",
            "threshold",
            "leak rounded",
            "dead neurons",
            "saturations",
        ),
        tuple(row(group) for group in groups),
    )


def _facts(report: Report) -> tuple[str, list[tuple[str, str]]]:
    return "Convention", [(name, _plain(value)) for name, value in report[CONVENTION].items()]


def _plain(value: object) -> str:
    if value is None:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


SECTION = Section(
    "network",
    parts=(NETWORK, BITS, CONVENTION),
    added=(Added(WARNINGS, lambda results: results[Quantization].quantized.warnings),),
    exhibits=(Exhibit("quantization", GROUPS, lambda report, traces: quantization(report)),),
    facts=_facts,
)
