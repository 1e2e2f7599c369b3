"""The options of a board that is there: what loads, asks and watches it, and what stands in for one."""

from dataclasses import dataclass, field

from qsnn_hw.build.option import check_options, option
from qsnn_hw.build.option_values import bits_a_second, interval

_BUILT = option("output folder of a build for a board", more_names=("-o",), metavar="DIR")


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ProgramOptions:
    """Of ``program``."""

    out: str = field(metadata=_BUILT)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class VirtualBoardOptions:
    """Of ``virtual-board``."""

    out: str = field(metadata=option("output folder of a build for a board", name="OUT", metavar="OUT"))
    byte_mode: bool = field(
        default=False,
        metadata=option(
            "hand whole bytes to the design behind its serial port: faster, without bits and their rate"
        ),
    )
    netlist: bool = field(
        default=False,
        metadata=option(
            "simulate the netlist behind synthesis, which place and route reads, in place of the Verilog"
        ),
    )


_PORT = option(
    "serial port of the board, as /dev/ttyUSB1; of a build with --link spi, spi:/dev/spidev0.0 or "
    "ftdi://ftdi:2232h/1; or what virtual-board prints",
    metavar="PORT",
)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class RunBoardOptions:
    """Of ``run``."""

    out: str = field(metadata=_BUILT)
    port: str = field(metadata=_PORT)
    data: str | None = field(
        default=None,
        metadata=option("samples, as for build (default: those of the build)", metavar="FILE"),
    )
    samples: int | None = field(
        default=None,
        metadata=option("only the first N samples (default: all)", metavar="N", least=1),
    )
    quiet: bool = field(
        default=False, metadata=option("no predictions one by one, only the result", more_names=("-q",))
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class MonitorOptions:
    """Of ``monitor``."""

    port: str = field(metadata=_PORT)
    out: str | None = field(
        default=None,
        metadata=option(
            "output folder of the build that must be in the board (default: whatever is in it)",
            more_names=("-o",),
            metavar="DIR",
        ),
    )
    interval: float = field(
        default=1.0, metadata=option("between two lines (default: 1)", metavar="SECONDS", check=interval)
    )
    baud: int | None = field(
        default=None,
        metadata=option(
            "rate of the board's line (default: the folder's; without one, every rate of a board that ships "
            "is tried, of SPI 1,000,000 alone)",
            metavar="RATE",
            check=bits_a_second,
        ),
    )
    lines: int | None = field(
        default=None, metadata=option("end after N lines (default: at Ctrl-C)", metavar="N", least=1)
    )

    def __post_init__(self) -> None:
        check_options(self)
