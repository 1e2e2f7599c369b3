"""The tiles of a chip: neurons and synapses of each, and the memory macros that they need."""

from dataclasses import dataclass

from qsnn_hw.build.steps import outputs
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import HARDWARE, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.sections.products import left
from qsnn_hw.report.words import counted
from qsnn_hw.support.values import check_counts
from qsnn_hw.targets.asic.plan import AsicPlan, TilePlan


@dataclass(frozen=True)
class TileSummary:
    """One tile; fields as of :class:`~qsnn_hw.targets.asic.plan.TilePlan`, ``macro_bits`` of all its SRAM."""

    name: str
    group: str
    neurons: int
    synapses: int
    words: int
    word_bits: int
    storage: str
    style: str
    columns_at_a_time: int
    neuron_circuits: int
    macro_bits: int

    def __post_init__(self) -> None:
        """Refuse anything but counts."""
        check_counts(self, "tile", "neurons", "synapses", "words", "word_bits", "columns_at_a_time")
        check_counts(self, "tile", "neuron_circuits", "macro_bits")


@dataclass(frozen=True)
class Chip:
    """The crossbar: the most of an array, its tiles, what memory modules they need, and the file of them."""

    rows: int | None = None
    columns: int | None = None
    neurons: int | None = None
    synapses: int | None = None
    macro_bits: int | None = None
    tiles: tuple[TileSummary, ...] = ()
    macros: tuple[str, ...] = ()
    bodies: str | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts."""
        check_counts(self, "chip", "rows", "columns", "neurons", "synapses", "macro_bits")


def _tile(plan: AsicPlan, tile: TilePlan) -> TileSummary:
    mine = [use for use in plan.macros if use.tile == tile.name and use.kind != "latches"]
    return TileSummary(
        name=tile.name,
        group=tile.group,
        neurons=tile.neurons,
        synapses=tile.synapses,
        words=tile.rows,
        word_bits=tile.lanes * tile.weight_bits,
        storage=tile.storage,
        style=tile.style,
        columns_at_a_time=tile.lanes,
        neuron_circuits=tile.update_lanes,
        macro_bits=sum(use.count * use.depth * use.width for use in mine),
    )


def _chip(results: Results) -> Chip | None:
    plan = results.get(AsicPlan)
    if plan is None:
        return None
    counts: dict[str, int] = {}
    for use in plan.macros:
        counts[use.module] = counts.get(use.module, 0) + use.count
    return Chip(
        rows=plan.rows,
        columns=plan.columns,
        neurons=plan.neurons,
        synapses=plan.synapses,
        macro_bits=plan.macro_bits,
        tiles=tuple(_tile(plan, tile) for tile in plan.tiles),
        macros=tuple(f"{count} x {name}" for name, count in sorted(counts.items())),
        bodies=left(results, outputs.MACROS),
    )


CHIP: Part[Chip] = Part(
    "chip",
    Chip,
    Chip(),
    _chip,
    basis={"": "computed"},
    definitions={
        "": (
            "Crossbar tiles as planned: neurons without padding, stored weights that are not 0, words of "
            "synapse memory; macro_bits are all bits of SRAM, of synapses and of potentials, latch arrays "
            "and constants not among them."
        ),
    },
)


def _line(report: Report) -> str | None:
    chip = report[CHIP]
    if chip.neurons is None:
        return None
    plural = "" if len(chip.tiles) == 1 else "s"
    tiles = f"{len(chip.tiles)} tile{plural} of at most {chip.rows} x {chip.columns}"
    memory = f"{counted(chip.macro_bits)} bits in SRAM macros" if chip.macro_bits else "no SRAM macro"
    return f"{tiles}, {counted(chip.neurons)} neurons, {counted(chip.synapses)} synapses, {memory}"


def _table(report: Report) -> Table | None:
    chip = report[CHIP]
    if not chip.tiles:
        return None
    return Table(
        "tiles",
        "Crossbar tiles",
        "Each event reads words of its row, and every column with a weight in it adds. Shared: columns take "
        "turns at one neuron circuit. Parallel: one for each column. Memory modules: "
        f"{', '.join(chip.macros) or 'none'}.",
        (
            *("tile", "group", "neurons", "synapses", "words", "word", "in", "neurons work"),
            *("columns at a time", "neuron circuits", "SRAM bits"),
        ),
        tuple(
            (
                *(tile.name, tile.group, counted(tile.neurons), counted(tile.synapses), counted(tile.words)),
                *(f"{tile.word_bits} bit", tile.storage, tile.style, counted(tile.columns_at_a_time)),
                *(counted(tile.neuron_circuits), counted(tile.macro_bits)),
            )
            for tile in chip.tiles
        ),
    )


def _bodies(report: Report) -> str | None:
    name = report[CHIP].bodies
    if name is None or not report[CHIP].macros:
        return None
    return f"{name}: bodies of the memory modules, for simulation; a foundry's own take their place"


SECTION = Section(
    "tiles",
    parts=(CHIP,),
    lines=(
        Line("crossbar", _line, after="verification"),
        Line("memories", _bodies, after="verilog"),
    ),
    exhibits=(Exhibit("tiles", HARDWARE, lambda report, traces: _table(report)),),
)
