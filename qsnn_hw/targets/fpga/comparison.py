"""What the same network would take otherwise: clock-driven on this hardware, and as a network without spikes.

Both by the same estimate, coefficients, clock and memory as the design itself, so what is not known of the
device cancels in the ratios (``qsnn_hw/targets/fpga/saving.py``). ``docs/power.md`` has the definitions.
"""

from dataclasses import dataclass, replace

from qsnn_hw.families.boards import Board
from qsnn_hw.families.power_coefficients import DeviceCoefficients
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.fpga.power import scaled_term
from qsnn_hw.targets.fpga.power_terms import PowerEstimate
from qsnn_hw.targets.fpga.saving import energy_saving
from qsnn_hw.targets.fpga.spending import design_power
from qsnn_hw.targets.fpga.workloads import Workload, every_synapse
from qsnn_hw.verify import Verification
from qsnn_hw.verify.design_cycles import DesignCycles

ACTIVATION_BITS = 8
"""Of the network without spikes: inputs and outputs of a layer."""


@dataclass(frozen=True)
class Way:
    """One way to do a sample's work.

    Parameters
    ----------
    power
        While samples follow one another.
    us
        Of a sample.
    reads
        Words of synapse memory that are read for it.
    """

    power: PowerEstimate
    us: float
    reads: float

    @property
    def energy_uj(self) -> Range:
        """Of a sample."""
        return self.power.total.times(Range.exactly(self.us * 1e-3))

    def over(self, design: "Way") -> Range:
        """Its energy over that of ``design``, with every coefficient the same on both sides."""
        saved = energy_saving(design.power, design.us, self.power, self.us)
        return Range(1 - saved.high, 1 - saved.typical, 1 - saved.low)


@dataclass(frozen=True)
class Comparison:
    """The design, and the other two ways; None: not known.

    Parameters
    ----------
    design
        Samples back to back, as simulated.
    clock_driven
        Every synapse in every step.
    ann
        One pass of multiplications; None for a network that has none, because it is recurrent or delayed.
    macs
        Multiplications of that pass that the synapse memory's words hold.
    """

    design: Way
    clock_driven: Way
    ann: Way | None
    macs: float | None


def compare(
    board: Board,
    plan: HardwarePlan,
    used: dict[str, int],
    verification: Verification,
    cycles: DesignCycles,
    power: PowerEstimate,
    steps: int,
    coefficients: DeviceCoefficients,
) -> Comparison | None:
    """All three ways; None where simulation did not count what the design does.

    Parameters
    ----------
    power
        Of the design itself, samples back to back.
    steps
        Time steps of a sample.
    coefficients
        Of the device.
    """
    period = cycles.stream
    if period is None or not verification.activity_cycles:
        return None
    reads = sum(g.synapse_reads for g in verification.groups.values()) / verification.activity_samples
    clock = board.clock_mhz

    def way(work: Workload) -> Way:
        found = design_power(board, plan, used, work.counts, DesignCycles(), work.words, coefficients)
        return Way(found, work.cycles / clock, work.reads)

    design = Way(power, period / clock, reads)
    clocked = way(every_synapse(plan, verification, steps, steps, period))
    if any(route.delay for route in plan.routes):
        return Comparison(design, clocked, None, None)
    work = every_synapse(plan, verification, 1, steps, period)
    return Comparison(design, clocked, *_multiplied(board, plan, way(work), work, coefficients))


def _multiplied(
    board: Board, plan: HardwarePlan, way: Way, work: Workload, coefficients: DeviceCoefficients
) -> tuple[Way, float]:
    """A pass of additions as one of multiplications, activations in memory; and how many these are."""
    samples = work.counts.activity_samples
    macs = sum(work.counts.groups[g.group].synapse_reads * g.lanes for g in plan.groups) / samples
    operations = sum(g.operation_cycles for g in work.counts.groups.values()) / samples
    us, power = way.us, way.power
    if coefficients.dsp is not None and board.limits.dsps:
        us = max(us, macs / board.limits.dsps / board.clock_mhz)
        extra = [("multipliers", coefficients.dsp, macs)]
    else:
        # An array of cells, each of which switches once.
        cells = sum(
            work.counts.groups[g.group].synapse_reads * g.lanes * g.weight_bits * ACTIVATION_BITS
            for g in plan.groups
        )
        extra = [("logic", coefficients.logic, cells / samples)]
    # An activation is read with each word of weights, and one written by each neuron.
    neurons = sum(group.neurons for group in plan.groups)
    extra.append(("block RAM", coefficients.block_ram, operations + neurons))
    # Work that took way.us takes us now: fewer of it a second.
    slower = way.us / us
    terms = {
        term.name: replace(
            term, power=term.power.times(Range.exactly(slower if term.part == "work" else 1.0))
        )
        for term in power.terms
    }
    for name, coefficient, amount in extra:
        added = scaled_term(name, Range.exactly(amount / us), coefficient)
        before = terms.get(name)
        terms[name] = added if before is None else replace(before, power=before.power.plus(added.power))
    total = Range.total(term.power for term in terms.values())
    made = replace(power, low=total.low, typical=total.typical, high=total.high, terms=tuple(terms.values()))
    return Way(made, us, way.reads), macs
