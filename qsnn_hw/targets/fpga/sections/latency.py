"""How long a sample takes: in the core, on the serial link, and as the host sees both."""

from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.families.boards import Board
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Card, Line, Part, Section
from qsnn_hw.report.words import NOT_MEASURED, apart, duration, figure, page_duration, with_unit
from qsnn_hw.support.values import Number, check_numbers
from qsnn_hw.targets.fpga.per_sample import LinkBytes, host_us, link_us
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.targets.fpga.sections import shared
from qsnn_hw.verify.design_cycles import DesignCycles


@dataclass(frozen=True)
class Clock:
    """``board_mhz``: the clock the bitstream runs at, by its PLL or the board's oscillator; not Fmax."""

    board_mhz: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(self, "clock", "board_mhz")


@dataclass(frozen=True)
class Latency:
    """How long one sample takes.

    Parameters
    ----------
    cycles_per_sample_mean, cycles_per_sample_max
        Clock cycles of a sample alone in the design, with encoder and readout where it has them.
    us_per_sample_mean
        These cycles at Fmax: the core alone, at a clock that the bitstream does not have.
    us_on_board_mean
        These cycles at the board's clock: the core as the bitstream runs it.
    link_us_mean
        What a sample occupies the serial link for: its bytes in or its bytes out, whichever take longer,
        as both directions go at the same time.
    host_us_mean
        From the first bit that the host sends to the last bit of the answer that it receives.
    network_cycles_mean
        Cycles of the network by itself, where the design has an encoder or a readout around it.
    """

    cycles_per_sample_mean: Number | None = None
    cycles_per_sample_max: Number | None = None
    us_per_sample_mean: Number | None = None
    us_on_board_mean: Number | None = None
    link_us_mean: Number | None = None
    host_us_mean: Number | None = None
    network_cycles_mean: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values and a mean above the maximum."""
        check_numbers(self, "latency", "cycles_per_sample_mean", "cycles_per_sample_max")
        check_numbers(self, "latency", "us_per_sample_mean", "us_on_board_mean", "link_us_mean")
        check_numbers(self, "latency", "host_us_mean", "network_cycles_mean")
        mean, most = self.cycles_per_sample_mean, self.cycles_per_sample_max
        if mean is not None and most is not None and mean > most:
            raise ValueError(f"latency.cycles_per_sample_mean must be at most the maximum {most}, not {mean}")

    @classmethod
    def of(cls, cycles: np.ndarray, fmax_mhz: float | None, board_mhz: float | None = None) -> "Latency":
        """The latency of ``cycles``, shape (samples,), at clocks in MHz (None: not known)."""
        values = np.asarray(cycles)
        if values.ndim != 1 or not values.size:
            raise ValueError(f"cycles must have shape (samples,) with samples > 0, not {values.shape!r}")
        mean = float(values.mean())
        return cls(
            mean,
            int(values.max()),
            None if fmax_mhz is None else mean / fmax_mhz,
            None if board_mhz is None else mean / board_mhz,
        )


def latency(
    board: Board | None, cycles: DesignCycles, fmax_mhz: float | None, moved: LinkBytes | None
) -> Latency:
    """Of core and link, each by itself, and of both as a host sees them; cycles alone without a board."""
    times = Latency()
    if cycles.alone is not None:
        times = Latency.of(cycles.alone, fmax_mhz, None if board is None else board.clock_mhz)
    if cycles.network is not None:
        times = replace(times, network_cycles_mean=float(cycles.network.mean()))
    if moved is None or board is None:
        return times
    times = replace(times, link_us_mean=max(link_us(moved, board.byte_us)))
    if times.us_on_board_mean is None:
        return times
    return replace(times, host_us_mean=host_us(moved, board.byte_us, times.us_on_board_mean))


def design_latency(results: Results) -> Latency:
    """The latency of the design that the bitstream holds, as far as it is known."""
    implementation = results.get(Implementation)
    fmax = None if implementation is None else implementation.fmax_mhz
    cycles, moved = results.once(shared.cycles), results.once(shared.moved)
    return latency(results.get(Board), cycles, fmax, moved)


def _clock(results: Results) -> Clock | None:
    board = results.get(Board)
    return None if board is None else Clock(board.clock_mhz)


CLOCK: Part[Clock] = Part(
    "clock",
    Clock,
    Clock(),
    _clock,
    basis={"": "computed"},
    definitions={
        "board_mhz": (
            "Clock that the bitstream runs at: what its PLL makes of the board's oscillator, or the "
            "oscillator's own. Fmax is no clock of this bitstream."
        )
    },
)

LATENCY: Part[Latency] = Part(
    "latency",
    Latency,
    Latency(),
    lambda results: results.once(design_latency),
    basis={
        "": "simulated",
        "us_per_sample_mean": "computed",
        "us_on_board_mean": "computed",
        "link_us_mean": "computed",
        "host_us_mean": "computed",
    },
    definitions={
        "": (
            "Clock cycles from the edge that takes a sample's first input word to the edge on which "
            "its last output word leaves, counted in simulation, with encoder and readout where the "
            "design has them."
        ),
        "us_per_sample_mean": "The core alone, at Fmax: cycles divided by Fmax.",
        "us_on_board_mean": "The core in this bitstream: cycles divided by the board's clock; no link.",
        "link_us_mean": (
            "What a sample occupies the serial line for: its bytes to the board or from it, whichever "
            "take longer, as both directions go at once; 10 bits a byte at the board's baud rate, 8 of SPI. "
            "Computed from the bytes of the test samples, no line was timed."
        ),
        "host_us_mean": (
            "From the first bit sent to the last bit of the answer received: a step's answer waits for "
            "the tick that ends the step, for the core, and for the bytes before it. Computed "
            "likewise; a step takes the core its share of the sample's cycles."
        ),
        "network_cycles_mean": "Cycles of the bare network where encoder or readout stand around it.",
    },
)


def line(report: Report) -> str:
    latency = report[LATENCY]
    if latency.cycles_per_sample_mean is None:
        if latency.network_cycles_mean is None:
            return NOT_MEASURED
        bare = figure(latency.network_cycles_mean)
        return f"{NOT_MEASURED} with encoder and readout; the network alone {bare} cycles"
    cycles = f"{figure(latency.cycles_per_sample_mean)} cycles"
    if latency.cycles_per_sample_max is not None:
        cycles += f", most {figure(latency.cycles_per_sample_max)}"
    parts = []
    if latency.host_us_mean is not None:
        parts.append(f"{duration(latency.host_us_mean)} through the link, first bit sent to last received")
    if latency.us_on_board_mean is not None:
        clock = with_unit(report[CLOCK].board_mhz, "MHz")
        parts.append(f"{duration(latency.us_on_board_mean)} in the core at {clock} ({cycles})")
    if latency.network_cycles_mean is not None:
        parts.append(f"the network alone {figure(latency.network_cycles_mean)} cycles")
    return "; ".join(parts) or cycles


def card(report: Report) -> Card:
    latency = report[LATENCY]
    title, shown = "Latency through the link", latency.host_us_mean
    if shown is None:
        title, shown = "Latency", latency.us_on_board_mean
    value, unit = apart(page_duration(shown))
    lines = []
    if latency.us_on_board_mean is not None:
        clock = with_unit(report[CLOCK].board_mhz, "MHz")
        lines.append(f"{page_duration(latency.us_on_board_mean)} in the core at {clock}")
    if latency.cycles_per_sample_mean is not None:
        most = latency.cycles_per_sample_max
        lines.append(
            f"{figure(latency.cycles_per_sample_mean)} cycles"
            + ("" if most is None else f", at most {figure(most)}")
        )
    if latency.network_cycles_mean is not None:
        lines.append(f"the network alone: {figure(latency.network_cycles_mean)} cycles")
    return Card(
        "latency",
        title,
        value,
        unit,
        tuple(lines),
        report.basis.get("latency.host_us_mean", ""),
        gain=True,
        after="speed",
    )


SECTION = Section("latency", parts=(CLOCK, LATENCY), lines=(Line("latency", line, after="speed"),), card=card)
