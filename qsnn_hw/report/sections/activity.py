"""What every neuron group does for a sample, counted in the simulated network."""

from collections.abc import Mapping
from dataclasses import dataclass

from qsnn_hw.report.bars import Bar, bars
from qsnn_hw.report.record import ASSUMPTIONS, Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import HARDWARE, Added, Exhibit, Part, Section
from qsnn_hw.report.sections.network import NETWORK
from qsnn_hw.report.svg import Figure, colour, figure
from qsnn_hw.report.words import NOT_MEASURED
from qsnn_hw.report.words import figure as amount
from qsnn_hw.support.values import Number, check_numbers, number, put
from qsnn_hw.verify import Verification


@dataclass(frozen=True)
class ActivityPerSample:
    """What one neuron group does for a sample, counted in the simulated network back to back at full speed.

    Parameters
    ----------
    busy_share
        Share of the clock cycles in which it adds synapses or updates neurons, 0 to 1.
    busy_cycles
        These cycles, of one sample.
    synapse_reads, state_reads, state_writes
        Words of synapse memory and of the memories of potentials, of one sample.
    """

    busy_share: Number | None = None
    busy_cycles: Number | None = None
    synapse_reads: Number | None = None
    state_reads: Number | None = None
    state_writes: Number | None = None

    def __post_init__(self) -> None:
        """Refuse a share outside 0 to 1 and negative or non-finite values."""
        put(self, busy_share=number("activity.busy_share", self.busy_share, 0, 1))
        check_numbers(self, "activity", "busy_cycles", "synapse_reads", "state_reads", "state_writes")


def activity_of(verification: Verification | None) -> dict[str, ActivityPerSample]:
    """What every group did for a sample in simulation; empty where nothing was counted."""
    if verification is None or not verification.activity_cycles:
        return {}
    cycles, samples = verification.activity_cycles, verification.activity_samples
    return {
        name: ActivityPerSample(
            busy_share=counts.busy_cycles / cycles,
            busy_cycles=counts.busy_cycles / samples,
            synapse_reads=counts.synapse_reads / samples,
            state_reads=counts.state_reads / samples,
            state_writes=counts.state_writes / samples,
        )
        for name, counts in verification.groups.items()
    }


def stream_note(results: Results) -> tuple[str, ...]:
    """A line where fewer samples went back to back than were compared; the means beside them are of all."""
    verification = results.get(Verification)
    if verification is None or not 0 < verification.stream_samples < verification.samples:
        return ()
    return (
        "samples a second on the chip, activity, and with it power and the work of a sample are means of "
        f"the first {verification.stream_samples} of {verification.samples} samples, simulated back to back; "
        "latency, time on the link and spikes are means of all",
    )


ACTIVITY: Part[Mapping[str, ActivityPerSample]] = Part(
    "activity",
    Mapping[str, ActivityPerSample],
    {},
    lambda results: activity_of(results.get(Verification)),
    basis={"": "simulated"},
    definitions={
        "": (
            "Counted in the simulated RTL of the network alone, over back-to-back samples at full "
            "speed; an encoder or a readout around it makes the shares smaller. busy_share: share of "
            "the cycles in which a group adds synapses or updates neurons or both, so never above 1."
        )
    },
)
"""Group -> what it did for a sample in simulation; empty where nothing was counted."""


def busy(report: Report) -> Figure | None:
    """Share of the clock cycles in which each group works; None when it was not counted."""
    if not report[ACTIVITY]:
        return None
    shown = []
    for index, group in enumerate(report[NETWORK].groups):
        counted = report[ACTIVITY].get(group.name)
        share = None if counted is None else counted.busy_share
        words = NOT_MEASURED
        if counted is not None and share is not None:
            words = f"{amount(counted.busy_cycles)} cycles \u00b7 {100 * share:.0f} %"
        shown.append(Bar(group.name, share, words, colour(index)))
    return figure(
        "busy",
        "Where the cycles go",
        "Of the cycles of a sample: " + "; ".join(f"{bar.name} {bar.value}" for bar in shown) + ".",
        lambda width: bars(width, shown, track=True),
        "Clock cycles of a sample in which a group adds synapses or updates neurons, counted in the "
        "simulated RTL back to back at full speed. Groups work at the same time, so the shares do not add "
        "up to 100 %.",
        report.basis.get("activity", ""),
    )


SECTION = Section(
    "activity",
    parts=(ACTIVITY,),
    added=(Added(ASSUMPTIONS, stream_note),),
    exhibits=(Exhibit("busy", HARDWARE, lambda report, traces: busy(report)),),
)
