"""What SPICE says of the reference model, and which netlists there are."""

from dataclasses import dataclass, field

from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import AGAINST_GOLDEN, Added, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.sections.tools import TOOLS
from qsnn_hw.report.words import NOT_MEASURED, figure
from qsnn_hw.support.values import Number, check_counts, check_numbers
from qsnn_hw.targets.analog.spice.record import Circuits, GroupSpice, SpiceResult


@dataclass(frozen=True)
class Spice:
    """ngspice beside the analog reference model, the ideal chip in both.

    Parameters
    ----------
    netlists
        Files with the netlists, relative to the folder of the report.
    wire_ohm
        Of a wire segment in them.
    own_neuron
        The user's subcircuit; None for the behavioural one.
    missing
        Why SPICE did not confirm them; None where it did.
    samples, same_samples
        Run, and with every spike the reference model's.
    near_ties
        Samples that part where a potential is as good as at the threshold.
    compared, differ
        Places (group, neuron, sample, step), and those where one has a spike and the other none.
    groups
        The same by group.
    """

    netlists: tuple[str, ...] = field(default=())
    wire_ohm: Number | None = None
    own_neuron: str | None = None
    missing: str | None = None
    samples: int | None = None
    same_samples: int | None = None
    near_ties: int | None = None
    compared: int | None = None
    differ: int | None = None
    first_difference: str | None = None
    groups: tuple[GroupSpice, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse anything but counts and sizes."""
        check_counts(self, "spice", "samples", "same_samples", "near_ties", "compared", "differ")
        check_numbers(self, "spice", "wire_ohm")


def _spice(results: Results) -> Spice:
    made, found = results.get(Circuits), results.get(SpiceResult)
    named = () if made is None else tuple(each.file for each in made.files)
    wire = None if made is None else made.wire_ohm
    own = None if made is None else made.own_neuron
    if found is None:
        return Spice(named, wire, own, "this command does not run it")
    if found.missing is not None:
        return Spice(named, wire, own, found.missing)
    return Spice(
        netlists=named,
        wire_ohm=wire,
        own_neuron=own,
        samples=found.samples,
        same_samples=found.same_samples,
        near_ties=found.near_ties,
        compared=found.compared,
        differ=found.differ,
        first_difference=found.first_difference,
        groups=found.groups,
    )


SPICE: Part[Spice] = Part(
    "spice",
    Spice,
    Spice(),
    _spice,
    basis={"": "simulated"},
    definitions={
        "": (
            "ngspice on the netlist of the ideal chip (no wires, no leakage), beside the reference "
            "model on the "
            "same samples. Layer by layer: each is fed with the spikes that SPICE gave of the layers before."
        ),
        "differ": "Places (group, neuron, sample, step) where one has a spike and the other none.",
        "wire_ohm": "Of a wire segment in the netlists that are handed out.",
        "near_ties": "Samples whose first spike that differs has its potential within a twentieth of an "
        "integer "
        "step of the threshold.",
    },
)


def _line(report: Report) -> str:
    spice = report[SPICE]
    if spice.missing is not None or spice.samples is None or spice.compared is None:
        return f"{NOT_MEASURED}: SPICE did not confirm the netlist ({spice.missing or 'it was not run'})"
    said = (
        f"{spice.same_samples} of {spice.samples} samples spike for spike the reference model; "
        f"{spice.differ:,} of {spice.compared:,} places differ"
    )
    return f"{said}; {spice.near_ties} part at a tie" if spice.near_ties else said


def _netlists(report: Report) -> str | None:
    spice = report[SPICE]
    if not spice.netlists:
        return None
    of = "behavioural neurons" if spice.own_neuron is None else f"your neuron {spice.own_neuron}"
    return f"{', '.join(spice.netlists)} ({of}, wires of {spice.wire_ohm:g} ohm a segment)"


def _table(report: Report) -> Table | None:
    groups = report[SPICE].groups
    if not groups:
        return None
    return Table(
        "spice-groups",
        "SPICE and the reference model, group by group",
        "Places where one has a spike and the other has none, and the largest difference of two "
        "potentials up to "
        "there, in steps of the integer potential.",
        (
            "group",
            "neurons",
            "runs",
            "places",
            "spikes, SPICE",
            "spikes, model",
            "differ",
            "potentials differ by",
        ),
        tuple(
            (
                group.name,
                f"{group.neurons:,}",
                f"{group.decks:,}",
                f"{group.compared:,}",
                f"{group.spice_spikes:,}",
                f"{group.model_spikes:,}",
                f"{group.differ:,}",
                NOT_MEASURED if group.potential_error is None else figure(group.potential_error),
            )
            for group in groups
        ),
    )


def _findings(report: Report) -> tuple[str, ...]:
    spice = report[SPICE]
    if not spice.differ or spice.first_difference is None or spice.near_ties == 0:
        of = "SPICE and the reference model differ" if spice.differ else ""
        return (f"{of}: {spice.first_difference}.",) if of else ()
    return ()


def _tools(results: Results) -> dict[str, str]:
    found = results.get(SpiceResult)
    return {"ngspice": found.version} if found is not None and found.version else {}


SECTION = Section(
    "spice",
    parts=(SPICE,),
    added=(Added(TOOLS, _tools),),
    lines=(Line("spice", _line, after="analog model"), Line("netlist", _netlists, after="spice")),
    exhibits=(
        Exhibit("spice-groups", AGAINST_GOLDEN, lambda report, traces: _table(report), after="analog-groups"),
    ),
    findings=_findings,
)
