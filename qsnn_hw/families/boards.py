"""The boards a network can be built for: pins, clock, device limits and tool options, one TOML file a board.

The files live in ``boards/``; a path to a file of the same form names a board of one's own.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qsnn_hw.families import board_words as words
from qsnn_hw.families.family import Family, Part
from qsnn_hw.families.limits import BlockMemory, Limits
from qsnn_hw.families.on_chip import OnChip, OscillatorCell
from qsnn_hw.families.pins import LEVELS, PULLS, Port
from qsnn_hw.families.pll import PllCell, PllSettings, exact
from qsnn_hw.families.registry import families
from qsnn_hw.families.serial_rates import (
    SCK_CYCLES,
    allowed_error,
    divided,
    divides,
    fastest_rate,
    serial_divisor,
)
from qsnn_hw.families.spi_header import SpiHeader, spi_header
from qsnn_hw.support.choices import LinkName
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.fields import Fields
from qsnn_hw.support.files import read_toml
from qsnn_hw.support.shipped import resource_folder

MHZ_RANGE = (0.1, 1000.0)

BYTE_BITS: dict[LinkName, int] = {"uart": 10, "spi": 8}
"""Bits of a byte on the line: 8N1 has a start bit, eight of data, a stop bit."""


@dataclass(frozen=True)
class Board:
    """A board: its device, its pins and what the tools need to know.

    Parameters
    ----------
    name
        What the user types; the file's stem for the boards that ship.
    description, page
        One line for a list, and the vendor's page.
    family
        Of the device.
    chip
        The device's ordering name.
    device, package, speed_grade
        As nextpnr wants them; ``speed_grade`` is None where the device implies it.
    clock_mhz
        Of the design: the oscillator's, until :meth:`clocked` puts a PLL between.
    bauds
        Bits a second that the UART's other side keeps, the fastest first; the clock divides to one of them.
        Of SPI, whose rate is any, the most and the least.
    adapter
        Whether the serial port wants an adapter, as no USB bridge of the board leads to it.
    ports
        Every port that a design has with this link, by name; ``rst`` where the board has a button for it.
    io_standard, io_drive_ma
        For the constraint file; None where the family takes none.
    limits
        What the device holds.
    synth_args, place_args, pack_args
        Options for yosys' ``synth_`` command of the family, nextpnr and the bitstream packer.
    bitstream_suffix
        With its dot.
    loaders
        Commands that load ``{bitstream}``, the preferred one first; of a file that has one, that one.
    notes, sources
        What a user must know, and where the figures come from.
    path
        The file it was read from.
    pll
        How the PLL makes ``clock_mhz`` of the oscillator; None where the oscillator clocks the design.
    spi
        Where the board takes SPI; None where its file names no pins for it.
    link
        What is between board and host: "uart", until :meth:`linked` takes the other.
    sleeps
        The clock is the device's own, and the design stops it: not before :meth:`sleeping`.
    """

    name: str
    description: str
    page: str
    family: Family
    chip: str
    device: str
    package: str
    speed_grade: str | None
    clock_mhz: float
    bauds: tuple[int, ...]
    adapter: bool
    ports: Mapping[str, Port]
    io_standard: str | None
    io_drive_ma: int | None
    limits: Limits
    synth_args: tuple[str, ...]
    place_args: tuple[str, ...]
    pack_args: tuple[str, ...]
    bitstream_suffix: str
    loaders: tuple[str, ...]
    notes: tuple[str, ...]
    sources: tuple[str, ...]
    path: Path
    pll: PllSettings | None = None
    spi: SpiHeader | None = None
    link: LinkName = "uart"
    sleeps: bool = False

    @property
    def part(self) -> Part:
        """The device as place and route wants it."""
        return Part(self.device, self.package, self.speed_grade)

    @property
    def link_place(self) -> str:
        """In words, where a host finds the link: pins of the package, and what leads to them."""
        if self.link == "spi":
            assert self.spi is not None
            return f"SPI {', '.join(f'{port.name} {port.pins[0]}' for port in self.spi.ports)}"
        by = "a 3.3 V adapter" if self.adapter else "its USB bridge"
        return f"serial port: rx {self.ports['rx'].pins[0]}, tx {self.ports['tx'].pins[0]} by {by}"

    @property
    def baud(self) -> int:
        """Bits a second on the line: the fastest that the clock divides to, or takes of SPI."""
        if self.link == "spi":
            return min(self.bauds[0], int(self._least_mhz * 1e6) // SCK_CYCLES)
        found = fastest_rate(self.clock_mhz, self.bauds)
        # Of an oscillator that only a PLL's clock stands for, the rate that was asked for.
        return self.bauds[0] if found is None else found

    @property
    def _least_mhz(self) -> float:
        """The clock, or as slow as one inside the device may be."""
        return self.clock_mhz * (1 - (0 if self.on_chip is None else self.on_chip.tolerance))

    @property
    def divisor(self) -> int | None:
        """Clock cycles of a bit of the UART; None of SPI, where the host sets the pace."""
        return None if self.link == "spi" else serial_divisor(self.clock_mhz, self.baud)

    @property
    def byte_us(self) -> float:
        """Microseconds that a byte takes on the line."""
        return BYTE_BITS[self.link] * 1e6 / self.baud

    @property
    def line(self) -> str:
        """The line and its rate, in words."""
        return f"SPI of {self.baud:,} Hz" if self.link == "spi" else f"serial line {self.baud:,} baud"

    @property
    def rate_words(self) -> str:
        """The rate of the line, in words."""
        return f"{self.baud:,} {'Hz of SPI' if self.link == 'spi' else 'baud'}"

    @property
    def oscillator_mhz(self) -> float:
        """What comes in at the pin."""
        return self.clock_mhz if self.pll is None else float(self.pll.in_mhz)

    @property
    def pll_cell(self) -> PllCell | None:
        """The PLL as a cell; None where there is none."""
        if self.pll is None or self.family.pll is None:
            return None
        return self.family.pll.cell(self.pll, self.device, self.package, self.ports["clk"].pins[0])

    def clocked(self, pll: PllSettings | None) -> "Board":
        """The board with a design that runs at this PLL's output; None: at the oscillator's rate."""
        return replace(self, pll=pll, clock_mhz=self.oscillator_mhz if pll is None else float(pll.out_mhz))

    @property
    def without_pll(self) -> str | None:
        """Why no PLL can make another clock of the oscillator's, in words; None where one can."""
        pll = self.family.pll
        if pll is None:
            return f"no PLL of {self.family.title} is known here"
        read = tuple(pin for port in self.ports.values() if port.direction == "in" for pin in port.pins)
        clock = self.ports["clk"].pins[0]
        others = tuple(pin for pin in read if pin != clock)
        reason = pll.missing(self.device, self.package, clock, others)
        if reason is None and not pll.rates(self.oscillator_mhz):
            reason = f"a PLL of {self.family.title} does not take {self.oscillator_mhz:g} MHz"
        return reason

    def linked(self, link: LinkName | None) -> "Board":
        """The board as its file says, with this link; None for the one it has.

        Raises
        ------
        UserError
            Its file names no pins for it.
        """
        if link is None or link == self.link:
            return self
        if self.spi is None:
            known = ", ".join(board.name for board in list_boards() if board.spi is not None)
            raise UserError(
                f"--link spi is not for {self.name}: {self.path} names no pins for it; boards that have "
                f"them: {known}; or add a table [spi] to a copy of the file (docs/adding_devices.md)"
            )
        others = {name: port for name, port in self.ports.items() if name not in ("rx", "tx")}
        ports = others | {port.name: port for port in self.spi.ports}
        notes = (*self.notes, *self.spi.notes)
        return replace(self, ports=ports, bauds=(self.spi.most_hz, 1), link=link, notes=notes)

    def sleeping(self, wanted: bool | None = True) -> "Board":
        """The board with a design that stops its clock while nothing happens, at the slowest rate there is.

        Where that is not ``wanted`` it is the board as it is.

        Raises
        ------
        UserError
            The link is no SPI, or the device has no oscillators.
        """
        if not wanted:
            return self
        if self.link != "spi":
            raise UserError(
                "--sleep needs --link spi: a device's own clock is too far off its rate for a serial port"
            )
        if not self.can_sleep:
            known = ", ".join(board.name for board in list_boards() if board.can_sleep)
            raise UserError(
                f"--sleep is not for {self.name}: no oscillators of {self.chip} are known; boards that have "
                f"some: {known}"
            )
        board = replace(self, pll=None, sleeps=True)
        assert board.wakes is not None
        later = f"asleep, it takes {1e3 * board.wakes[0]:.1g} ms more until it answers: it is woken first"
        return replace(board, clock_mhz=board.own_clocks[0], notes=(*self.notes, later))

    @property
    def can_sleep(self) -> bool:
        """Whether :meth:`sleeping` would take it, with SPI."""
        on_chip = self.family.on_chip
        return self.spi is not None and on_chip is not None and self.device in on_chip.devices

    @property
    def on_chip(self) -> OnChip | None:
        """The oscillators that a sleeping board's design runs at; None of another board."""
        return self.family.on_chip if self.sleeps else None

    def oscillating(self, clock_mhz: float) -> "Board":
        """The sleeping board with this rate of its oscillator."""
        assert self.sleeps
        return replace(self, clock_mhz=clock_mhz)

    @property
    def own_clocks(self) -> tuple[float, ...]:
        """Rates in MHz of a sleeping board's oscillator, the slowest first; none of another board."""
        return () if self.on_chip is None else tuple(float(rate) for rate in sorted(self.on_chip.fast))

    @property
    def wakes(self) -> tuple[float, float] | None:
        """Seconds that it takes to wake a sleeping board, and that it stays awake; None of another."""
        return None if self.on_chip is None else (self.on_chip.wake_s, self.on_chip.awake_s[0])

    @property
    def own_oscillators(self) -> tuple[OscillatorCell, OscillatorCell] | None:
        """The fast and the slow one of a sleeping board; None of another."""
        on_chip = self.on_chip
        return None if on_chip is None else (on_chip.fast[exact(self.clock_mhz)], on_chip.slow)

    def at_baud(self, baud: int) -> "Board":
        """The board with a serial line of this rate and no other."""
        return replace(self, bauds=(baud,))

    def divides(self, clock_mhz: float) -> bool:
        """Whether this clock divides to a rate of the line."""
        if self.link == "spi":
            return clock_mhz * 1e6 >= SCK_CYCLES * self.bauds[-1]
        return fastest_rate(clock_mhz, self.bauds) is not None

    def load_command(self, bitstream: Path) -> str:
        """The shell command that loads ``bitstream`` into the board."""
        return self.loaders[0].replace("{bitstream}", shlex.quote(str(bitstream)))


def _check_rates(clock: Fields, uart: Fields) -> tuple[float, tuple[int, ...]]:
    """Clock in MHz and rates of the UART; refuses a clock out of range and one that divides to none."""
    mhz = clock.positive_float("mhz")
    bauds = tuple(sorted(set(uart.positive_int_or_ints("baud")), reverse=True))
    low, high = MHZ_RANGE
    if not low <= mhz <= high:
        clock.fail("mhz", f"must be from {low:g} to {high:g}, not {mhz:g}")
    if not any(divides(mhz, baud) for baud in bauds):
        nearest = divided(mhz, bauds[-1])
        error = allowed_error(serial_divisor(mhz, bauds[-1]))
        shown = bauds[-1] if bauds[-1] < 10**12 else f"{len(str(bauds[-1]))} digits"
        uart.fail(
            "baud",
            f"must be a rate that {mhz:g} MHz divides to within {100 * error:.3g} %, not {shown}; "
            f"the nearest is {nearest}",
        )
    return mhz, bauds


def _block_memory(fields: Fields | None, kind: str) -> BlockMemory | None:
    if fields is None:
        return None
    shapes = fields.shapes("shapes")
    memory = BlockMemory(
        kind=kind,
        count=fields.positive_int("count"),
        bits=fields.positive_int("bits"),
        shapes=shapes,
        true_dual_port=fields.boolean("true_dual_port"),
        initial_content=fields.boolean("initial_content"),
    )
    for depth, width in shapes:
        if depth * width > memory.bits:
            fields.fail("shapes", f"must hold at most {memory.bits} bits each, not {depth}x{width}")
    fields.close()
    return memory


def _limits(fields: Fields, family: Family) -> Limits:
    block_ram = _block_memory(fields.table("block_ram"), family.units.block_ram)
    spram_name = family.units.spram
    spram_fields = fields.optional_table("spram")
    if spram_fields is not None and spram_name is None:
        fields.fail("spram", f"is not something the {family} family has; remove the table")
    limits = Limits(
        family=family,
        logic_cells=fields.positive_int("logic_cells"),
        registers=fields.positive_int("registers"),
        dsps=fields.natural("dsps"),
        block_ram=block_ram,
        spram=_block_memory(spram_fields, spram_name or ""),
    )
    fields.close()
    return limits


def _ports(fields: Fields, spi: SpiHeader | None) -> tuple[dict[str, Port], float, tuple[int, ...], bool]:
    clock, uart, leds = fields.table("clock"), fields.table("uart"), fields.table("leds")
    reset = fields.optional_table("reset")
    ports = [
        Port("clk", (words.text(clock, "pin", words.WORD),), "in"),
        Port("rx", (words.text(uart, "rx", words.WORD),), "in", pull=uart.choice("rx_pull", PULLS)),
        Port("tx", (words.text(uart, "tx", words.WORD),), "out"),
        Port(
            "led",
            words.texts(leds, "pins", words.WORD),
            "out",
            active=leds.choice("active", LEVELS),
            standard=words.optional_text(leds, "standard", words.WORD),
        ),
    ]
    if reset is not None:
        ports.append(
            Port(
                "rst",
                (words.text(reset, "pin", words.WORD),),
                "in",
                pull=reset.choice("pull", PULLS),
                active=reset.choice("active", LEVELS),
                standard=words.optional_text(reset, "standard", words.WORD),
            )
        )
        reset.close()
    if not ports[3].pins:
        leds.fail("pins", "must name at least one pin")
    clock_mhz, bauds = _check_rates(clock, uart)
    adapter = uart.flag("adapter")
    for table in (clock, uart, leds):
        table.close()
    seen: dict[str, str] = {}
    # Those of a link that is not taken, too: a header's pin that lights a LED is a mistake of the file.
    for port in (*ports, *(() if spi is None else spi.ports)):
        for pin in port.pins:
            if pin in seen:
                fields.fail("pins", f"name pin {pin} twice, for {seen[pin]} and {port.name}")
            seen[pin] = port.name
    return {port.name: port for port in ports}, clock_mhz, bauds, adapter


def parse_board(table: Mapping[str, Any], path: Path) -> Board:
    """The board a parsed TOML file describes.

    Raises
    ------
    UserError
        A field is missing, unknown or has a wrong value; the message names field and file.
    """
    fields = Fields(table, str(path))
    family = families()[fields.choice("family", tuple(families()))]
    rules = family.board
    spi = spi_header(fields.optional_table("spi"))
    ports, clock_mhz, bauds, adapter = _ports(fields, spi)
    io = fields.optional_table("io")
    if (io is not None) != rules.io_standard:
        wanting = ", ".join(name for name, other in families().items() if other.board.io_standard)
        fields.fail("io", f"is needed for {wanting}, and for no other family")
    for port in (*ports.values(), *(() if spi is None else spi.ports)):
        if port.pull not in rules.pulls:
            only = " or ".join(pull for pull in rules.pulls if pull != "none")
            fields.fail("pull", f"must not be {port.pull!r}: {family.title} pins only pull {only}")
        if port.standard is not None and not rules.io_standard:
            fields.fail("standard", f"of {port.name} is not something the {family} family takes; remove it")
    board = Board(
        name=words.text(fields, "name", words.FILE_NAME),
        description=words.text(fields, "description", words.LINE),
        page=words.text(fields, "page", words.LINE),
        family=family,
        chip=words.text(fields, "chip", words.LINE),
        device=fields.choice("device", rules.devices),
        package=words.text(fields, "package", words.WORD),
        speed_grade=words.text(fields, "speed_grade", words.WORD) if rules.speed_grade else None,
        clock_mhz=clock_mhz,
        bauds=bauds,
        adapter=adapter,
        ports=ports,
        io_standard=words.text(io, "standard", words.WORD) if io is not None else None,
        io_drive_ma=io.positive_int("drive_ma") if io is not None else None,
        limits=_limits(fields.table("limits"), family),
        synth_args=words.arguments(fields, "synth_args", rules.synth_args),
        place_args=words.arguments(fields, "place_args", rules.place_args),
        pack_args=words.arguments(fields, "pack_args", rules.pack_args),
        bitstream_suffix=fields.choice("bitstream_suffix", rules.bitstream_suffixes),
        loaders=words.text_or_texts(fields, "loader", words.LINE),
        notes=words.texts(fields, "notes", words.LINE),
        sources=words.texts(fields, "sources", words.LINE),
        path=path,
        spi=spi,
    )
    if io is not None:
        io.close()
    if not board.loaders or not all("{bitstream}" in loader for loader in board.loaders):
        fields.fail("loader", "must contain {bitstream}")
    fields.close()
    return board


def board_names() -> list[str]:
    """The names of the boards that ship, sorted."""
    return sorted(path.stem for path in resource_folder("boards").glob("*.toml"))


def load_board(name_or_path: str | Path) -> Board:
    """The board of that name, or the one a TOML file describes.

    Raises
    ------
    UserError
        There is no such board or file, or the file is not a board.
    """
    text = str(name_or_path)
    if text.endswith(".toml"):
        path = Path(text)
    else:
        names = board_names()
        if text not in names:
            raise UserError(
                f"unknown board {text!r}; known boards: {', '.join(names)}; or give a path to a .toml file"
            )
        path = resource_folder("boards") / f"{text}.toml"
    return parse_board(read_toml(path, "board file"), path)


def list_boards() -> list[Board]:
    """Every board that ships, smallest device first."""
    boards = [load_board(name) for name in board_names()]
    return sorted(boards, key=lambda board: (board.limits.logic_cells, board.name))
