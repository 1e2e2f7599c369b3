"""Power and energy of the design, from what the tools counted and what simulation measured."""

from dataclasses import dataclass, replace

from qsnn_hw.build.report_maker.speed import DesignCycles
from qsnn_hw.cost.group_parts import group_blocks
from qsnn_hw.cost.predict import predict
from qsnn_hw.families.boards import Board
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.report import Bounds, Energy, Latency, PowerMw, PowerTerm, Throughput
from qsnn_hw.targets.fpga.energy import Energy as EnergyEstimate
from qsnn_hw.targets.fpga.energy import energy as estimate_energy
from qsnn_hw.targets.fpga.power import (
    Activity,
    PowerEstimate,
    Range,
    Term,
    estimate_power,
    without_coefficients,
)
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.verify import Verification


@dataclass(frozen=True)
class Accesses:
    """Accesses of one memory block a clock cycle, summed over all blocks in use."""

    block_rams: float
    sprams: float


@dataclass(frozen=True)
class Spending:
    """What the report says of power and energy, what it assumes, and why there may be nothing of it."""

    power: PowerMw
    energy: Energy
    throughput: Throughput
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def spending(
    board: Board,
    plan: HardwarePlan,
    implementation: Implementation | None,
    verification: Verification | None,
    cycles: DesignCycles,
    latency: Latency,
    throughput: Throughput,
    *,
    spikes: float | None,
    words_per_sample: float | None,
) -> Spending:
    """Estimate power, energy and inferences a second and watt, as far as what they need is known.

    Parameters
    ----------
    spikes
        Input, hidden and output spikes of a mean sample.
    words_per_sample
        Words that the host sends for it, which pass the receive buffer.
    """
    if implementation is None:
        return Spending(PowerMw(), Energy(), throughput)
    unknown = without_coefficients(board)
    if unknown is not None:
        return Spending(PowerMw(), Energy(), throughput, warnings=(unknown,))
    used = {name: resource.used for name, resource in implementation.resources.items()}
    power = design_power(board, plan, used, verification, cycles, words_per_sample)
    shown = PowerMw(power.low, power.typical, power.high, {t.name: _term(t) for t in power.terms})
    spent = Energy()
    period = cycles.stream if cycles.stream is not None else cycles.alone_mean
    if period is not None and latency.us_on_board_mean is not None and spikes is not None:
        core = estimate_energy(power, period, board.clock_mhz, spikes, us_per_sample=latency.us_on_board_mean)
        spent = _energy(core)
        if throughput.link_per_s:
            every = 1e6 / throughput.link_per_s
            line = estimate_energy(power, period, board.clock_mhz, spikes, us_per_sample=every)
            spent = replace(
                spent,
                link_per_sample_uj=_bounds(line.per_sample_uj),
                link_per_spike_nj=_bounds(line.per_spike_nj),
                link_per_spike_target=line.verdict,
            )
            throughput = replace(throughput, link_per_watt=_inverse(line.per_sample_uj))
    if throughput.on_chip_per_s is not None:
        per_s = throughput.on_chip_per_s
        throughput = replace(throughput, per_watt=_inverse(power.total.times(Range.exactly(1e3 / per_s))))
    return Spending(shown, spent, throughput, power.notes)


def design_power(
    board: Board,
    plan: HardwarePlan,
    used: dict[str, int],
    verification: Verification | None,
    cycles: DesignCycles,
    words_per_sample: float | None,
) -> PowerEstimate:
    """The power of a design that works through samples back to back, its activity as counted in simulation.

    Parameters
    ----------
    used
        Units in use by nextpnr's own names.
    words_per_sample
        Words that the host sends for a mean sample.
    """
    if verification is None or not verification.activity_cycles:
        return estimate_power(board, used, board.clock_mhz)
    counted = verification.activity_cycles
    # An encoder or a readout around the network makes a sample longer, and each cycle less busy.
    share = 1.0
    if cycles.network is not None and cycles.stream is not None:
        share = min(1.0, counted / verification.activity_samples / cycles.stream)
    busy = share * max((g.busy_cycles for g in verification.groups.values()), default=0) / counted
    switching = None
    if verification.toggles is not None and verification.toggle_bits:
        switching = share * sum(verification.toggles.values()) / verification.toggle_bits
    accesses = _accesses(board, plan, used, verification, words_per_sample)
    per_s = share * board.clock_mhz * 1e6
    return estimate_power(
        board,
        used,
        board.clock_mhz,
        activity=Activity(busy=busy, switching=switching),
        memory_accesses_per_s=accesses.block_rams * per_s,
        spram_accesses_per_s=accesses.sprams * per_s,
    )


def _accesses(
    board: Board,
    plan: HardwarePlan,
    used: dict[str, int],
    verification: Verification,
    words_per_sample: float | None,
) -> Accesses:
    """How often memory blocks are accessed in a cycle of the simulation.

    A read of a bank touches every block that the bank is made of, however deep. A word of potentials touches
    as many blocks as it is wide.
    """
    cycles, samples = verification.activity_cycles, verification.activity_samples
    limits = board.limits
    blocks = sprams = 0.0
    of_groups = 0
    widest = 1 if limits.block_ram is None else max(width for _, width in limits.block_ram.shapes)
    for group in plan.groups:
        found = verification.groups[group.group]
        memories = group_blocks(group, limits)
        reads = found.synapse_enables / group.event_lanes / cycles
        blocks += memories.synapses * reads
        sprams += memories.synapse_sprams * reads
        if memories.state:
            words = found.state_reads + found.state_writes
            bits = found.state_bits_read + found.state_bits_written
            blocks += max(words, bits / widest) / cycles
        of_groups += memories.synapses + memories.state
    predicted = predict(plan, limits).usage.block_rams or 0
    # Each word passes the receive buffer: in and out.
    blocks += max(0, predicted - of_groups) * 2 * (words_per_sample or 0) * samples / cycles
    counted = limits.usage(used).block_rams or 0
    return Accesses(blocks * counted / predicted if predicted else 0.0, sprams)


def _term(term: Term) -> PowerTerm:
    return PowerTerm(
        term.power.low,
        term.power.typical,
        term.power.high,
        part=term.part,
        source=term.coefficient.source,
        assumed=term.coefficient.assumed or term.assumed is not None,
        activity=term.assumed,
    )


def _energy(found: EnergyEstimate) -> Energy:
    total = found.per_sample_uj.typical
    return Energy(
        per_sample_uj=_bounds(found.per_sample_uj),
        per_spike_nj=_bounds(found.per_spike_nj),
        static_uj=_bounds(found.static_uj),
        dynamic_uj=_bounds(found.dynamic_uj),
        static_per_spike_nj=_bounds(found.static_per_spike_nj),
        dynamic_per_spike_nj=_bounds(found.dynamic_per_spike_nj),
        static_share=found.static_uj.typical / total if total else None,
        per_spike_target=found.verdict,
    )


def _bounds(found: Range | None) -> Bounds:
    return Bounds() if found is None else Bounds(found.low, found.typical, found.high)


def _inverse(per_sample_uj: Range) -> Bounds:
    """Inferences a second and watt: samples a joule."""
    ends = (per_sample_uj.high, per_sample_uj.typical, per_sample_uj.low)
    return Bounds(*(1e6 / end for end in ends)) if per_sample_uj.low else Bounds()
