"""The options of a build, of its folder and its report: records whose fields are the options.

An entry is a field. Its type says which values there are, its default what holds where nothing is said, its
``option`` how it is typed, what it means and what is refused. Command line, ``options.json`` and
``docs/options.md`` are made from these records, so that another option is an entry, and its use. What every
command on a network shares is in ``build/network_options.py``, where it goes and what only chips have in
``build/target_options.py``; ``build/sample_options.py`` has the commands that build nothing,
``build/board_options.py`` those for a board at a port.

Nothing heavy is imported here: ``qsnn-hw --help`` is made from it, and has no use for methods that compare or
show records, which take half the time that making them takes.
"""

from dataclasses import dataclass, field
from typing import Literal

import qsnn_hw.build.option_values as values
from qsnn_hw.build.network_options import CalibrationOptions, ModelOptions
from qsnn_hw.build.option import check_options, option
from qsnn_hw.build.target_options import TargetOptions
from qsnn_hw.support.choices import (
    Accumulators,
    Aim,
    EncoderKind,
    LinkName,
    ReadoutKind,
    SimulatorName,
    SynapseStore,
)

OUT = option("output folder", more_names=("-o",), metavar="DIR")


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class SavedOptions(TargetOptions, CalibrationOptions, ModelOptions):
    """What an output folder remembers besides the rounding; ``BuildOptions`` is with it.

    ``lanes``, ``update_lanes``, ``event_lanes`` and ``accumulators`` are one value for all neuron groups or
    one for each (see ``Shape``), None where ``optimize`` chooses. Of ``readout`` None is "membrane" where the
    output never fires, else none; "none" is none in any case.

    Raises
    ------
    UserError
        A value is none of its option's.
    """

    lanes: tuple[int, ...] | None = field(
        default=None,
        metadata=option(
            "accumulators, for all groups or each (default: as --optimize chooses)",
            metavar="N[,N...]",
            read=values.numbers,
        ),
    )
    update_lanes: tuple[int, ...] | None = field(
        default=None,
        metadata=option(
            "with --lanes: neurons updated a cycle at the end of a step",
            metavar="N[,N...]",
            read=values.numbers,
        ),
    )
    event_lanes: tuple[int, ...] | None = field(
        default=None,
        metadata=option(
            "with --lanes: events taken a cycle, powers of two (default: 1)",
            metavar="N[,N...]",
            read=values.numbers,
        ),
    )
    accumulators: tuple[Accumulators, ...] | None = field(
        default=None,
        metadata=option(
            "with --lanes: where the sums of a step are, registers (of groups in one fold) or memory "
            "(default: as the lanes suggest)",
            metavar="KIND[,KIND...]",
            read=values.accumulators,
        ),
    )
    optimize: Aim = field(default="balanced", metadata=option("what to choose lanes for (default: balanced)"))
    lut_budget: int | None = field(
        default=None,
        metadata=option("LUTs that the design may take by prediction", metavar="N", least=1),
    )
    cycle_budget: int | None = field(
        default=None,
        metadata=option("the smallest design of at most N mean cycles per sample", metavar="N", least=1),
    )
    weights: SynapseStore = field(
        default="rom",
        metadata=option(
            "synapse memory: fixed in the bitstream, or loaded by the host at start (default: rom)"
        ),
    )
    encoder: EncoderKind | None = field(
        default=None,
        metadata=option(
            "make the input spikes on the chip, from pixels; --data then holds `pixels` (default: none)",
            none=True,
        ),
    )
    steps: int | None = field(
        default=None, metadata=option("with --encoder: time steps of a sample", metavar="N", least=1)
    )
    encoder_floor: int = field(
        default=1,
        metadata=option(
            "with --encoder latency: darker pixels never spike, 1 to 255 (default: 1)", metavar="N"
        ),
    )
    encoder_shift: int = field(
        default=0,
        metadata=option(
            "with --encoder direct: low bits of a pixel that are dropped, 0 to 7 (default: 0)", metavar="N"
        ),
    )
    encoder_seed: int = field(
        default=1,
        metadata=option("with --encoder rate: start of the random sequence (default: 1)", metavar="N"),
    )
    encoder_buffers: int = field(
        default=2,
        metadata=option(
            "with --encoder: 2 takes a sample while the one before is sent, 1 saves half the memory of "
            "pixels (default: 2)",
            metavar="N",
        ),
    )
    readout: Literal[ReadoutKind, "none"] | None = field(
        default=None,
        metadata=option(
            "answer with a class on the chip: most spikes, first spike or highest potential after the last "
            "step (default: membrane where the output never fires, else none)"
        ),
    )
    buffer_depth: int | None = field(
        default=None, metadata=option("words each router buffer holds (default: chosen)", metavar="N")
    )
    seed: int = field(
        default=1,
        metadata=option(
            "of placement and of random gaps (default: 1)", metavar="N", least=0, most=values.MAX_SEED
        ),
    )
    seed_search: int | None = field(
        default=None,
        metadata=option(
            "place and route with N seeds from --seed on, and keep the fastest (default: --seed alone)",
            metavar="N",
            least=1,
            most=1000,
        ),
    )
    clock_mhz: float | None = field(
        default=None,
        metadata=option(
            "clock of the design, which the PLL makes of the board's (default: auto, the highest that the "
            "routed design meets)",
            metavar="MHZ",
            parse=values.clock,
            read=values.clock_or_auto,
            check=values.megahertz,
        ),
    )
    link: LinkName | None = field(
        default=None,
        metadata=option(
            "what is between host and board: its serial port, or SPI at the pins that the board file names "
            "(default: uart)"
        ),
    )
    baud: int | None = field(
        default=None,
        metadata=option(
            "rate of the serial line (default: auto, the fastest that the board's USB bridge keeps and the "
            "clock divides to; of SPI, the most that its wires and a sixth of the clock allow)",
            metavar="RATE",
            parse=values.rate,
            read=values.rate_or_auto,
            check=values.bits_a_second,
        ),
    )
    sleep: bool | None = field(
        default=None,
        metadata=option(
            "with --link spi: the clock is the device's own oscillator, which stops until the host talks "
            "again (iCE40 UltraPlus)"
        ),
    )
    simulator: SimulatorName = field(
        default="verilator",
        metadata=option(
            "verilator: as a program of its own (default); cocotb: Verilator under cocotb, the reference; "
            "icarus: Icarus under cocotb"
        ),
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class RunOptions:
    """What a build is told besides, and no folder remembers."""

    out: str = field(metadata=OUT)
    quiet: bool = field(default=False, metadata=option("no progress, only the result", more_names=("-q",)))


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ReportOptions:
    """Of ``report``."""

    out: str = field(metadata=option("output folder of an earlier run", more_names=("-o",), metavar="DIR"))


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CalibrateOptions:
    """Of ``calibrate``."""

    measurements: str = field(
        metadata=option(
            "CSV file of measured designs, see docs/power.md", name="MEASUREMENTS", metavar="MEASUREMENTS"
        )
    )
    out: str = field(
        default="power.json",
        metadata=option(
            "file for the coefficients, for build --power (default: power.json)",
            more_names=("-o",),
            metavar="FILE",
        ),
    )
