"""What was compared: the simulated RTL with the golden model, and the float network with its framework."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qsnn_hw.report.framework import Framework, framework_of, in_words
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import AGAINST_GOLDEN, Added, Card, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.sections.network import NETWORK
from qsnn_hw.report.sections.spikes import DEAD
from qsnn_hw.report.sections.tools import TOOLS
from qsnn_hw.report.words import NOT_MEASURED, apart, figure, plural
from qsnn_hw.support.values import check_counts, count, put
from qsnn_hw.verify import Verification as Run


@dataclass(frozen=True)
class Verification:
    """How much of the RTL was compared with the golden model, and what differed.

    Parameters
    ----------
    samples, distinct_samples
        Samples compared, each counted once however often it was simulated.
    spikes_compared, potentials_compared
        Of these samples, each counted once.
    spikes_by_group
        Group -> how many of the spikes are its own.
    repeated_samples, repeated_spikes, repeated_potentials
        What was compared again, under random gaps and backpressure and back to back; not in the above.
    mismatches
        Differences of any kind in any of it.
    simulator
        Name and version.
    answers
        Samples compared end to end, through encoder and readout on the chip.
    matched_registers, matched_memory_bits
        Bits of the network in the board's design, each with its counterpart in what was simulated.
    framework
        Of the float network, not of the hardware; None where no network was run.
    """

    samples: int | None = None
    spikes_compared: int | None = None
    potentials_compared: int | None = None
    mismatches: int | None = None
    simulator: str | None = None
    answers: int | None = None
    distinct_samples: int | None = None
    spikes_by_group: Mapping[str, int] = field(default_factory=dict)
    repeated_samples: int | None = None
    repeated_spikes: int | None = None
    repeated_potentials: int | None = None
    matched_registers: int | None = None
    matched_memory_bits: int | None = None
    framework: Framework | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts."""
        check_counts(self, "verification", "samples", "spikes_compared", "potentials_compared")
        check_counts(self, "verification", "mismatches", "answers", "distinct_samples")
        check_counts(self, "verification", "repeated_samples", "repeated_spikes", "repeated_potentials")
        check_counts(self, "verification", "matched_registers", "matched_memory_bits")
        spikes = {
            name: count(f"verification.spikes_by_group.{name}", n) for name, n in self.spikes_by_group.items()
        }
        put(self, spikes_by_group=spikes)

    @property
    def passed(self) -> bool | None:
        """True when something was compared and nothing differed; None when nothing was compared."""
        if self.mismatches:
            return False
        compared = (self.spikes_compared or 0) + (self.potentials_compared or 0)
        return True if self.mismatches == 0 and compared else None


def _verification(results: Results) -> Verification:
    run, framework = results.get(Run), framework_of(results)
    if run is None:
        return Verification(framework=framework)
    return Verification(
        samples=run.samples,
        spikes_compared=run.spikes_compared,
        potentials_compared=run.potentials_compared,
        mismatches=run.mismatches,
        simulator=run.simulator,
        answers=run.answers or None,
        distinct_samples=run.distinct_samples,
        spikes_by_group=run.spikes_by_group,
        repeated_samples=run.repeated_samples,
        repeated_spikes=run.repeated_spikes,
        repeated_potentials=run.repeated_potentials,
        matched_registers=run.matched_registers or None,
        matched_memory_bits=run.matched_memory_bits if run.matched_registers else None,
        framework=framework,
    )


def _tools(results: Results) -> dict[str, str]:
    run = results.get(Run)
    if run is None:
        return {}
    name, _, version = run.simulator.partition(" ")
    return {**({} if run.cocotb is None else {"cocotb": run.cocotb}), name: version or "unknown"}


VERIFICATION: Part[Verification] = Part(
    "verification",
    Verification,
    Verification(),
    _verification,
    basis={
        "": "simulated",
        "matched_registers": "proved",
        "matched_memory_bits": "proved",
        "framework": "measured",
    },
    definitions={
        "": (
            "Spikes and membrane potentials of the simulated RTL compared one by one with the "
            "golden model; a mismatch is any difference in value, order or number. Nothing was loaded into a "
            "board."
        ),
        "distinct_samples": (
            "Samples, spikes (also group by group) and potentials count once "
            "each; what was simulated again under random gaps and backpressure stands apart as repeated."
        ),
        "matched_registers": (
            "Bits of registers, and matched_memory_bits of memories, of the network inside the board's "
            "design (06_design.v; without a board 06_network.v): each has its counterpart in the network "
            "that was simulated (06_traced.v), driven by the same logic, so both always give the same words. "
            "The guard against unknown addresses counts as wires: on a board the serial link does its work. "
            "The serial link itself is not simulated in a build."
        ),
        "framework": (
            "Output of the float network compared with what the framework itself put out, where the "
            "data hold it (out): whether the model file was read as it was meant. Spikes are equal or "
            "not; potentials count as equal within tolerance, a part of the framework's largest."
        ),
    },
)


def framework_text(report: Report) -> str:
    """How the framework's own output compares with that of the float network, in one line."""
    return in_words(report[VERIFICATION].framework)


def verification_text(report: Report) -> str:
    """What was compared, each sample once, in one line without the verdict."""
    what = report[VERIFICATION]
    parts = [
        plural(value, name)
        for value, name in (
            (what.samples if what.distinct_samples is None else what.distinct_samples, "sample"),
            (what.spikes_compared, "spike"),
            (what.potentials_compared, "potential"),
            (what.answers, "answer"),
        )
        if value is not None
    ]
    return ", ".join(parts)


def repeats_text(report: Report) -> str:
    """What was compared again, or nothing."""
    what = report[VERIFICATION]
    if not what.repeated_samples:
        return ""
    parts = [plural(what.repeated_samples, "sample")]
    parts += [
        plural(value, name)
        for value, name in ((what.repeated_spikes, "spike"), (what.repeated_potentials, "potential"))
        if value is not None
    ]
    return f"again, with random gaps and back to back: {', '.join(parts)}"


def matched_text(report: Report) -> str:
    """That what is built is what was simulated, or nothing."""
    what = report[VERIFICATION]
    if not what.matched_registers:
        return ""
    bits = f"{what.matched_registers:,} register bits and {what.matched_memory_bits or 0:,} of memory"
    return f"holds the network that was simulated: {bits} matched by structure"


def mismatch_text(mismatches: int | None) -> str:
    """The number of mismatches with its noun."""
    return NOT_MEASURED if mismatches is None else plural(mismatches, "mismatch")


def lines(report: Report) -> list[str]:
    if report[VERIFICATION].mismatches is None:
        return [NOT_MEASURED]
    text = f"{verification_text(report)}, {mismatch_text(report[VERIFICATION].mismatches)}"
    if report[DEAD] is not None:
        text += ", which shows nothing where nothing comes out"
    if report[VERIFICATION].simulator:
        text += f" ({report[VERIFICATION].simulator})"
    again = repeats_text(report)
    return [text, again] if again else [text]


def card(report: Report) -> Card:
    run = report[VERIFICATION]
    value, unit = apart(mismatch_text(run.mismatches))
    lines = [text for text in (verification_text(report),) if text]
    if run.simulator:
        lines.append(f"simulator: {run.simulator}")
    state = {True: "good", False: "bad", None: ""}[run.passed]
    if report[DEAD] is not None and run.passed:
        state = ""
        lines.append("nothing comes out of the network, so this shows nothing")
    return Card(
        "verification",
        "RTL against golden",
        value,
        unit,
        tuple(lines),
        report.basis.get("verification", ""),
        state,
    )


def compared(report: Report) -> Table | None:
    """What simulation compared with the golden model, group by group; None when nothing was."""
    run = report[VERIFICATION]
    if run.mismatches is None:
        return None
    neurons = {group.name: group.neurons for group in report[NETWORK].groups}
    names = list(dict.fromkeys((*neurons, *run.spikes_by_group)))
    rows = [
        (
            name,
            figure(run.distinct_samples),
            figure(run.spikes_by_group.get(name)),
        )
        for name in names
    ]
    rows.append(("together", figure(run.distinct_samples), figure(run.spikes_compared)))
    if run.repeated_samples:
        rows.append(("again, not added", figure(run.repeated_samples), figure(run.repeated_spikes)))
    potentials = "" if run.potentials_compared is None else f"{run.potentials_compared:,} potentials too. "
    return Table(
        "compared",
        "What was compared with the golden model",
        f"Distinct samples, and the spikes of every group, one by one. {potentials}"
        + report.definitions.get("verification.distinct_samples", ""),
        ("group", "samples", "spikes"),
        tuple(rows),
    )


SECTION = Section(
    "verification",
    parts=(VERIFICATION,),
    added=(Added(TOOLS, _tools),),
    lines=(Line("framework", framework_text), Line("verification", lines)),
    card=card,
    exhibits=(Exhibit("compared", AGAINST_GOLDEN, lambda report, traces: compared(report)),),
)
