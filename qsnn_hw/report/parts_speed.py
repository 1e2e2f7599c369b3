"""How fast a design is: the clock of the bitstream, the core, the serial link, and which of both limits.

Absent is None. Units are in the names; microseconds are of one sample, means over the test samples.
"""

from dataclasses import dataclass, field

import numpy as np

from qsnn_hw.report.parts_energy import Bounds
from qsnn_hw.support.values import Number, check_numbers

LIMITS = ("link", "core")


@dataclass(frozen=True)
class Clock:
    """``board_mhz``: the clock the bitstream runs at, the board's oscillator; not Fmax."""

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
    """The serial line between host and board, computed from the bytes of the test samples.

    Parameters
    ----------
    baud
        Bits a second, each way; a byte is ten of them (8N1).
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
        Through the serial link: what a host gets.
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
