"""How many samples a second: on the chip, and through the link."""

from dataclasses import dataclass, field, replace

from qsnn_hw.families.boards import BYTE_BITS, Board
from qsnn_hw.report.bounds import Bounds, range_text
from qsnn_hw.report.record import Report
from qsnn_hw.report.section import Card, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.words import NOT_MEASURED, baud_rate, duration, figure, page_duration, rounded, with_unit
from qsnn_hw.support.choices import LinkName
from qsnn_hw.support.ranges import Range
from qsnn_hw.support.values import Number, check_numbers
from qsnn_hw.targets.fpga.per_sample import LinkBytes, Rates, link_us
from qsnn_hw.targets.fpga.sections import latency, shared
from qsnn_hw.targets.fpga.sections.chapter import ON_BOARD
from qsnn_hw.targets.fpga.sections.latency import CLOCK, LATENCY
from qsnn_hw.targets.fpga.sections.timing import TIMING
from qsnn_hw.targets.fpga.spending import Spending

LIMITS = ("link", "core")


@dataclass(frozen=True)
class OperatingPoint:
    """The clock the board really runs at, and the latency there; ``clock`` and ``latency`` say the same."""

    clock_mhz: Number | None = None
    us_per_sample_mean: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(self, "operating_point", "clock_mhz", "us_per_sample_mean")


@dataclass(frozen=True)
class Link:
    """The line between host and board, computed from the bytes of the test samples.

    Parameters
    ----------
    name
        "uart" or "spi".
    baud
        Bits a second, each way; a byte is ten of them (8N1), of SPI eight.
    bytes_in_mean, bytes_out_mean
        Of one sample: events and ticks, or pixels, to the board; events and ticks, or the class, back.
    us_in_mean, us_out_mean
        What these take.
    """

    baud: Number | None = None
    bytes_in_mean: Number | None = None
    bytes_out_mean: Number | None = None
    us_in_mean: Number | None = None
    us_out_mean: Number | None = None
    name: LinkName | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(self, "link", "baud", "bytes_in_mean", "bytes_out_mean", "us_in_mean", "us_out_mean")


@dataclass(frozen=True)
class Throughput:
    """Samples a second, one behind the other without a gap.

    Parameters
    ----------
    on_chip_per_s
        At the board's clock, with words that are always there: what the chip can do.
    link_per_s
        Through the link: what a host gets.
    limited_by
        "link" or "core": the slower of the two, which decides ``link_per_s``.
    per_watt, link_per_watt
        Inferences a second and watt of the core supply, of either.
    """

    on_chip_per_s: Number | None = None
    link_per_s: Number | None = None
    limited_by: str | None = None
    per_watt: Bounds = field(default_factory=Bounds)
    link_per_watt: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values and an unknown limit."""
        check_numbers(self, "throughput", "on_chip_per_s", "link_per_s")
        if self.limited_by is not None and self.limited_by not in LIMITS:
            raise ValueError(
                f"throughput.limited_by must be one of {', '.join(LIMITS)}, not {self.limited_by!r}"
            )


def link(board: Board, moved: LinkBytes | None) -> Link:
    """The line's figures; only its speed where no sample is known."""
    if moved is None:
        return Link(board.baud, name=board.link)
    sent, received = (float(count.sum(axis=0).mean()) for count in (moved.sent, moved.received))
    return Link(board.baud, sent, received, *link_us(moved, board.byte_us), name=board.link)


def _called(line: Link) -> str:
    return "SPI" if line.name == "spi" else "the serial link"


def _rate(line: Link) -> str:
    """Bits a second: on a serial line in baud, of SPI its clock."""
    if line.name == "spi" and line.baud is not None:
        return with_unit(line.baud / 1e6, "MHz")
    return baud_rate(line.baud)


def throughput(rates: Rates, spending: Spending) -> Throughput:
    """Samples a second, and as many a watt as far as the power is known."""
    speed = Throughput(rates.on_chip_per_s, rates.link_per_s, rates.limited_by)
    if spending.link is not None:
        speed = replace(speed, link_per_watt=_inverse(spending.link.per_sample_uj))
    if spending.power is None or rates.on_chip_per_s is None:
        return speed
    per_sample_uj = spending.power.total.times(Range.exactly(1e3 / rates.on_chip_per_s))
    return replace(speed, per_watt=_inverse(per_sample_uj))


def _inverse(per_sample_uj: Range) -> Bounds:
    """Inferences a second and watt: samples a joule."""
    ends = (per_sample_uj.high, per_sample_uj.typical, per_sample_uj.low)
    return Bounds(*(1e6 / end for end in ends)) if per_sample_uj.low else Bounds()


LINK: Part[Link] = Part(
    "link",
    Link,
    Link(),
    lambda results: link(results[Board], results.once(shared.moved)),
    basis={"": "computed"},
    definitions={
        "": (
            "Bytes of a mean test sample in the format of docs/host_link.md: events and ticks, or pixels, "
            "to the board; events and ticks, or the class, back."
        )
    },
)

THROUGHPUT: Part[Throughput] = Part(
    "throughput",
    Throughput,
    Throughput(),
    lambda results: throughput(results.once(shared.sample_rates), results.once(shared.spent)),
    basis={"": "computed", "per_watt": "estimated"},
    definitions={
        "on_chip_per_s": (
            "Samples a second back to back at the board's clock when words always wait at the input: "
            "board clock divided by the cycles a sample of the back-to-back simulation, which may take "
            "fewer samples than the rest: assumptions says how many."
        ),
        "link_per_s": (
            "Samples a second that a host gets: the slower of link and core decides (limited_by)."
        ),
        "per_watt": (
            "Inferences a second and watt: on_chip_per_s (link_per_watt: link_per_s) "
            "divided by the power of the core supply at that rate; low and high from high and low power."
        ),
    },
)

OPERATING_POINT: Part[OperatingPoint] = Part(
    "operating_point",
    OperatingPoint,
    OperatingPoint(),
    lambda results: OperatingPoint(
        results[Board].clock_mhz, results.once(latency.design_latency).us_on_board_mean
    ),
    basis={"": "computed"},
)


def line(report: Report) -> str:
    rate = report[THROUGHPUT]
    through, parts = _called(report[LINK]), []
    if report[LINK].baud is not None:
        through += f" ({_rate(report[LINK])})"
    if rate.link_per_s is not None:
        limit = "which limits" if rate.limited_by == "link" else "but the core limits"
        parts.append(f"{rounded(rate.link_per_s)} samples/s through {through}, {limit}")
    elif report[LATENCY].link_us_mean is not None:
        parts.append(f"{duration(report[LATENCY].link_us_mean)} a sample on {through}")
    if rate.on_chip_per_s is not None:
        clock = with_unit(report[CLOCK].board_mhz, "MHz")
        parts.append(f"{rounded(rate.on_chip_per_s)}/s on the chip at {clock}, the bitstream's clock")
    return "; ".join(parts) or NOT_MEASURED


def card(report: Report) -> Card:
    rate = report[THROUGHPUT]
    value, unit = rounded(rate.link_per_s), "samples/s"
    lines = []
    if rate.link_per_s is not None and report[LINK].baud is not None:
        limits = "the link limits" if rate.limited_by == "link" else "the core limits"
        lines.append(f"{_called(report[LINK]).removeprefix('the ')} at {_rate(report[LINK])}: {limits}")
    if rate.on_chip_per_s is not None:
        clock = with_unit(report[CLOCK].board_mhz, "MHz")
        lines.append(f"{rounded(rate.on_chip_per_s)} samples/s on the chip at {clock}")
    title = "Speed on the board"
    basis = report.basis.get("throughput", "")
    shown = unit if rate.link_per_s is not None else ""
    return Card("speed", title, value, shown, tuple(lines), basis, gain=True)


def per_watt(report: Report) -> str:
    rate = report[THROUGHPUT]
    if rate.per_watt.typical is None:
        return NOT_MEASURED
    text = f"{range_text(rate.per_watt, 'inferences/s/W')} on the chip"
    if rate.link_per_watt.typical is not None:
        text += f"; {rounded(rate.link_per_watt.typical)} through the link"
    return text


def _on_card(report: Report) -> tuple[str, ...]:
    watt = report[THROUGHPUT].per_watt
    return () if watt.typical is None else (f"{rounded(watt.typical)} inferences/s/W on the chip, estimated",)


def table(report: Report) -> Table | None:
    """Time of a sample and samples a second, by where one looks; None when nothing is known."""
    latency, rate, line = report[LATENCY], report[THROUGHPUT], report[LINK]
    if latency.link_us_mean is None and latency.cycles_per_sample_mean is None:
        return None
    clock, fmax = report[CLOCK].board_mhz, report[TIMING].fmax_mhz
    at_fmax = None
    if rate.on_chip_per_s is not None and clock and fmax is not None:
        at_fmax = rate.on_chip_per_s * fmax / clock
    rows = (
        (
            f"through {_called(line)}, {_rate(line)}",
            page_duration(latency.host_us_mean),
            page_duration(1e6 / rate.link_per_s if rate.link_per_s else latency.link_us_mean),
            rounded(rate.link_per_s),
            "computed",
        ),
        (
            f"on the chip, {with_unit(clock, 'MHz')}, the bitstream's clock",
            page_duration(latency.us_on_board_mean),
            page_duration(None if not rate.on_chip_per_s else 1e6 / rate.on_chip_per_s),
            rounded(rate.on_chip_per_s),
            "simulated cycles",
        ),
        (
            f"core alone at Fmax, {with_unit(fmax, 'MHz')}: not this bitstream",
            page_duration(latency.us_per_sample_mean),
            page_duration(None if not at_fmax else 1e6 / at_fmax),
            rounded(at_fmax),
            "simulated cycles, tool's Fmax",
        ),
    )
    bytes_ = ""
    if line.bytes_in_mean is not None:
        bytes_ = (
            f" A mean sample is {figure(line.bytes_in_mean)} bytes to the board and "
            f"{figure(line.bytes_out_mean)} back, "
            f"{BYTE_BITS[line.name or 'uart']} bits each, both ways at once."
        )
    return Table(
        "speed",
        "Speed",
        "Latency: first bit or word in to last one out. Every: from one sample to the next, back to back."
        + bytes_,
        ("where", "latency", "every", "samples/s", "known by"),
        rows,
    )


SECTION = Section(
    "speed",
    parts=(LINK, THROUGHPUT, OPERATING_POINT),
    lines=(Line("speed", line), Line("per watt", per_watt, after="efficiency")),
    card=card,
    card_lines={"efficiency": _on_card},
    exhibits=(Exhibit("speed", ON_BOARD, lambda report, traces: table(report)),),
)
