"""How the network sits on the hardware, and the designs among which the plan chose."""

from qsnn_hw.plan import DesignOffer, HardwarePlan
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import GROUPS, Exhibit, Part, Section, Table
from qsnn_hw.report.sections.network import NETWORK
from qsnn_hw.report.words import NOT_MEASURED, counted, figure, with_unit


def _notes(results: Results) -> tuple[str, ...] | None:
    plan = results.get(HardwarePlan)
    return None if plan is None else plan.notes


PLAN_NOTES: Part[tuple[str, ...]] = Part("plan_notes", tuple[str, ...], (), _notes)
"""One line for each choice of the plan worth knowing."""


def _designs(results: Results) -> tuple[DesignOffer, ...] | None:
    plan = results.get(HardwarePlan)
    return None if plan is None else plan.designs


DESIGNS: Part[tuple[DesignOffer, ...]] = Part(
    "designs",
    tuple[DesignOffer, ...],
    (),
    _designs,
    basis={"": "predicted"},
    definitions={
        "": "Designs near the one that was built, none of which another that fits beats in both cycles and "
        "LUTs. cycles: mean of a sample, of a time step without samples; luts: of the whole board design, "
        "host link included; shapes: lanes/updated neurons a cycle of every group, and where it keeps its "
        "sums."
    },
)
"""Empty where lanes were given."""


_MAPPING_WORDS = (
    "Lanes: neurons that add an event's weights in parallel. Folds: neurons that share a lane. Events: how "
    "many a cycle. Updates: neurons updated a cycle at the end of a step. Busy: mean clock cycles per sample "
    "in which the group works; groups work at the same time."
)


def mapping(report: Report) -> Table | None:
    """How every group sits on the hardware; None before planning."""
    groups = report[NETWORK].groups
    planned = [group for group in groups if group.lanes is not None or group.rom_bits is not None]
    if not planned:
        return None
    rows = tuple(
        (
            group.name,
            f"{group.neurons:,}",
            counted(group.lanes),
            counted(group.folds),
            counted(group.event_lanes),
            counted(group.update_lanes),
            group.accumulators or NOT_MEASURED,
            group.potentials_in or NOT_MEASURED,
            with_unit(None if group.rom_bits is None else group.rom_bits / 1024, "Kibit"),
            figure(group.cycles_per_sample),
        )
        for group in groups
    )
    return Table(
        "mapping",
        "Mapping",
        " ".join((_MAPPING_WORDS, *report[PLAN_NOTES])),
        (
            "group",
            "neurons",
            "lanes",
            "folds",
            "events",
            "updates",
            "sums in",
            "potentials in",
            "synapse memory",
            "busy cycles",
        ),
        rows,
    )


def designs(report: Report) -> Table | None:
    """The designs among which the plan's was chosen; None where lanes were given."""
    offers = report[DESIGNS]
    if not offers:
        return None
    return Table(
        "designs",
        "Designs to choose from",
        "No other design that fits is both smaller and quicker. LUTs as predicted for the whole board "
        "design, host link included; mean cycles of a sample as predicted, of a time step without data; "
        "every group with lanes/updated neurons a cycle and where it keeps its sums.",
        ("cycles", "LUTs", "groups", "this design"),
        tuple((f"{d.cycles:,.0f}", f"{d.luts:,}", d.shapes, "chosen" if d.chosen else "") for d in offers),
    )


SECTION = Section(
    "mapping",
    parts=(PLAN_NOTES, DESIGNS),
    exhibits=(
        Exhibit("mapping", GROUPS, lambda report, traces: mapping(report)),
        Exhibit("designs", GROUPS, lambda report, traces: designs(report)),
    ),
)
