"""Power and energy of the design, from what the tools counted and what simulation measured."""

from dataclasses import dataclass

from qsnn_hw.cost.group.neuron_group import group_blocks
from qsnn_hw.cost.group.sweep import parameter_blocks
from qsnn_hw.cost.predict import predict
from qsnn_hw.families.boards import Board
from qsnn_hw.families.power_coefficients import DeviceCoefficients
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.targets.fpga.calibration import Calibration
from qsnn_hw.targets.fpga.energy import Energy, energy
from qsnn_hw.targets.fpga.power import estimate_power, without_coefficients
from qsnn_hw.targets.fpga.power_terms import Activity, PowerEstimate
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.verify import Verification
from qsnn_hw.verify.design_cycles import DesignCycles


@dataclass(frozen=True)
class Accesses:
    """Accesses of one memory block a clock cycle, summed over all blocks in use."""

    block_rams: float
    sprams: float


@dataclass(frozen=True)
class Spending:
    """Estimates of what a design spends, as far as what they need is known; None is not.

    Parameters
    ----------
    power
        Of the core supply while samples come back to back.
    core, link
        Energy of a sample that the core works on without waiting, and of one that comes through the link.
    unknown
        Why there is no estimate for a device, in words.
    """

    power: PowerEstimate | None = None
    core: Energy | None = None
    link: Energy | None = None
    unknown: str | None = None


def spending(
    board: Board,
    plan: HardwarePlan,
    implementation: Implementation | None,
    verification: Verification | None,
    cycles: DesignCycles,
    *,
    us_on_board: float | None,
    link_per_s: float | None,
    spikes: float | None,
    words_per_sample: float | None,
    calibration: Calibration | None = None,
) -> Spending:
    """Estimate power and energy.

    Parameters
    ----------
    us_on_board
        Microseconds of a mean sample in the core at the board's clock.
    link_per_s
        Samples a second through the serial link.
    spikes
        Input, hidden and output spikes of a mean sample.
    words_per_sample
        Words that the host sends for it, which pass the receive buffer.
    calibration
        The user's own coefficients; None: the published ones.
    """
    if implementation is None:
        return Spending()
    unknown = without_coefficients(board)
    if unknown is not None:
        return Spending(unknown=unknown)
    used = {name: resource.used for name, resource in implementation.resources.items()}
    coefficients = None if calibration is None else calibration.of(board)
    power = design_power(board, plan, used, verification, cycles, words_per_sample, coefficients)
    period = cycles.stream if cycles.stream is not None else cycles.alone_mean
    if period is None or us_on_board is None or spikes is None:
        return Spending(power)
    core = energy(power, period, board.clock_mhz, spikes, us_per_sample=us_on_board)
    if not link_per_s:
        return Spending(power, core)
    every = 1e6 / link_per_s
    return Spending(power, core, energy(power, period, board.clock_mhz, spikes, us_per_sample=every))


def design_power(
    board: Board,
    plan: HardwarePlan,
    used: dict[str, int],
    verification: Verification | None,
    cycles: DesignCycles,
    words_per_sample: float | None,
    coefficients: DeviceCoefficients | None = None,
) -> PowerEstimate:
    """The power of a design that works through samples back to back, its activity as counted in simulation.

    Parameters
    ----------
    used
        Units in use by nextpnr's own names.
    words_per_sample
        Words that the host sends for a mean sample.
    coefficients
        Where those of the family are not to be used.
    """
    vco_mhz = None if board.pll is None else float(board.pll.vco_mhz)
    if verification is None or not verification.activity_cycles:
        return estimate_power(
            board,
            used,
            board.clock_mhz,
            vco_mhz=vco_mhz,
            oscillator=board.sleeps,
            coefficients=coefficients,
        )
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
        vco_mhz=vco_mhz,
        oscillator=board.sleeps,
        coefficients=coefficients,
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
    as many blocks as it is wide, one of parameters those of its memory.
    """
    cycles, samples = verification.activity_cycles, verification.activity_samples
    limits = board.limits
    blocks = sprams = 0.0
    of_groups = 0
    widest = 1 if limits.block_ram is None else max(width for _, width in limits.block_ram.shapes)
    for group in plan.groups:
        activity = verification.groups[group.group]
        memories = group_blocks(group, limits)
        reads = activity.synapse_enables / group.event_lanes / cycles
        blocks += memories.synapses * reads
        sprams += memories.synapse_sprams * reads
        parameters = parameter_blocks(group, limits)
        if parameters:
            # Each of these memories is read as often as any other.
            blocks += sum(parameters) * activity.parameter_reads / len(parameters) / cycles
        if memories.state > sum(parameters):
            words = activity.state_reads + activity.state_writes
            bits = activity.state_bits_read + activity.state_bits_written
            blocks += max(words, bits / widest) / cycles
        of_groups += memories.synapses + memories.state
    predicted = predict(plan, limits).usage.block_rams or 0
    # Each word passes the receive buffer: in and out.
    blocks += max(0, predicted - of_groups) * 2 * (words_per_sample or 0) * samples / cycles
    counted = limits.usage(used).block_rams or 0
    return Accesses(blocks * counted / predicted if predicted else 0.0, sprams)
