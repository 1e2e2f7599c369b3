"""Average power against the rate of events, and what the pins take."""

from dataclasses import dataclass

from qsnn_hw.families.boards import Board
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.report.bounds import Bounds, check_bounds, range_text
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Exhibit, Part, Section, Table
from qsnn_hw.report.words import between, figure, rounded
from qsnn_hw.support.ranges import Range
from qsnn_hw.support.values import Number, check_numbers
from qsnn_hw.targets.fpga.at_rate import AtRate, at_rates
from qsnn_hw.targets.fpga.per_sample import Rates, link_us
from qsnn_hw.targets.fpga.power import pins_power
from qsnn_hw.targets.fpga.sections import shared
from qsnn_hw.targets.fpga.sections.chapter import ON_BOARD
from qsnn_hw.targets.fpga.spending import design_power
from qsnn_hw.targets.fpga.workloads import at_rest
from qsnn_hw.verify import Verification
from qsnn_hw.verify.design_cycles import DesignCycles

_SWITCHING_BITS = (0.2, 0.5, 1.0)
"""Transitions of a line for each bit of a byte, of a UART with start and stop bit, low, typical, high."""


@dataclass(frozen=True)
class Point:
    """Average power of the core supply, in mW, at one rate.

    Parameters
    ----------
    samples_per_s, events_per_s
        What comes; input events.
    what
        Where such a rate comes from; "" for one in between.
    """

    samples_per_s: Number
    events_per_s: Number
    low: Number
    typical: Number
    high: Number
    what: str = ""

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values and bounds out of order."""
        check_numbers(self, "power_at_rate", "samples_per_s", "events_per_s")
        check_bounds(self, "power_at_rate")


@dataclass(frozen=True)
class Rest:
    """What the design does while it waits, as simulation counted it.

    Parameters
    ----------
    toggles
        Register bits that switch in a mean cycle.
    memory_reads
        Words that are read in a mean cycle, of synapses, potentials and parameters.
    toggles_working
        As ``toggles``, while samples come back to back.
    """

    toggles: Number | None = None
    memory_reads: Number | None = None
    toggles_working: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(self, "at_rest", "toggles", "memory_reads", "toggles_working")


def points(results: Results) -> tuple[Point, ...]:
    """Power at each rate; empty where something it needs is not known."""
    verification, data = results.get(Verification), results.get(Dataset)
    power, rates = results.once(shared.spent).power, results.once(shared.sample_rates)
    used = results.once(shared.used)
    if verification is None or data is None or power is None or used is None or not rates.on_chip_per_s:
        return ()
    resting = at_rest(verification)
    if resting is None or resting.toggles is None:
        return ()
    board, plan = results[Board], results[HardwarePlan]
    coefficients = results.once(shared.coefficients)
    idle = design_power(board, plan, used, resting, DesignCycles(), 0.0, coefficients)
    events = verification.input_events / max(1, verification.samples)
    awake_s = _awake_s(board, rates)
    found = at_rates(power, idle, rates.on_chip_per_s, rates.link_per_s, events, awake_s)
    return tuple(_point(item) for item in found)


def _awake_s(board: Board, rates: Rates) -> float | None:
    """For how long a sample keeps the clock of a board running that stops it; None of another."""
    on_chip = board.on_chip
    if on_chip is None or not rates.on_chip_per_s:
        return None
    return 1 / (rates.link_per_s or rates.on_chip_per_s) + on_chip.wake_s + on_chip.awake_s[1]


def _point(item: AtRate) -> Point:
    power = item.power
    return Point(item.samples_per_s, item.events_per_s, power.low, power.typical, power.high, item.what)


def rest(results: Results) -> Rest:
    """What was counted of the network at rest."""
    verification = results.get(Verification)
    if verification is None or not verification.rest_cycles:
        return Rest()
    groups = verification.rest_groups.values()
    reads = sum(g.synapse_enables + g.state_reads + g.parameter_reads for g in groups)
    resting, working = verification.rest_toggles, verification.toggles
    return Rest(
        None if resting is None else sum(resting.values()),
        reads / verification.rest_cycles,
        None if working is None else sum(working.values()),
    )


def pins(results: Results) -> Bounds:
    """Power at the pins of the line while it carries all it can."""
    moved, rate = results.once(shared.moved), results.once(shared.sample_rates).link_per_s
    if moved is None or not rate or results.once(shared.spent).power is None:
        return Bounds()
    board = results[Board]
    there, back = (us * 1e-6 * board.baud * rate for us in link_us(moved, board.byte_us))
    # Each bit of SPI is a pulse of its clock.
    clock = 2 * max(there, back) if board.link == "spi" else 0.0
    switching = Range(*(share * (there + back) + clock for share in _SWITCHING_BITS))
    found = pins_power(board, switching).power
    return Bounds(found.low, found.typical, found.high)


POWER_AT_RATE: Part[tuple[Point, ...]] = Part(
    "power_at_rate",
    tuple[Point, ...],
    (),
    points,
    basis={"": "estimated"},
    definitions={
        "": (
            "Average power of the core supply while so many samples, and with them input events, come a "
            "second: leakage and clock all the time, the work of a sample for each, and between them what "
            "simulation counted of the network at rest. A design that stops its clock (--sleep) has it only "
            "from the host's first word to some milliseconds behind the last."
        )
    },
)

AT_REST: Part[Rest] = Part(
    "at_rest",
    Rest,
    Rest(),
    rest,
    basis={"": "simulated"},
    definitions={
        "": (
            "The network alone, behind the last word of the samples that were sent back to back: register "
            "bits that switch in a cycle, and words of memories that are read in one."
        )
    },
)

POWER_IO_MW: Part[Bounds] = Part(
    "power_io_mw",
    Bounds,
    Bounds(),
    pins,
    basis={"": "estimated"},
    definitions={
        "": (
            "The pins of the line between host and board while it carries all it can, from the supply of "
            "the pins and not in power_mw: half of C V2 for each transition. LEDs and the clock's pin are "
            "not in it."
        )
    },
)


def _on_card(report: Report) -> tuple[str, ...]:
    found = report[POWER_AT_RATE]
    if not found:
        return ()
    quiet = found[0]
    ends = f"{rounded(quiet.typical)} mW ({between(quiet.low, quiet.high)})"
    return (f"while nothing comes {ends}",)


def table(report: Report) -> Table | None:
    """Power by rate; None where it is not known."""
    if not report[POWER_AT_RATE]:
        return None
    rows = [
        (
            rounded(point.samples_per_s),
            rounded(point.events_per_s),
            *(rounded(end) for end in (point.low, point.typical, point.high)),
            point.what,
        )
        for point in report[POWER_AT_RATE]
    ]
    io, still = report[POWER_IO_MW], report[AT_REST]
    caption = report.definitions.get("power_at_rate", "")
    if still.toggles is not None:
        caption += (
            f" At rest {figure(still.toggles)} register bits switch in a cycle and "
            f"{figure(still.memory_reads)} "
            f"words are read, at work {figure(still.toggles_working)} bits switch."
        )
    if io.typical is not None:
        caption += f" The line's pins take {range_text(io, 'mW')} more at most, of another supply."
    return Table(
        "power-at-rate",
        "Power against the rate of events",
        caption,
        ("samples/s", "events/s", "low, mW", "typical, mW", "high, mW", ""),
        tuple(rows),
    )


SECTION = Section(
    "rates",
    parts=(POWER_AT_RATE, AT_REST, POWER_IO_MW),
    card_lines={"power": _on_card},
    exhibits=(Exhibit("power-at-rate", ON_BOARD, lambda report, traces: table(report), after="power"),),
)
