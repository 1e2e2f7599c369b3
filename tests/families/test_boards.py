"""Board files: complete, strict, and equal to what amaranth-boards says of the same boards."""

from dataclasses import replace
from pathlib import Path

import pytest

from qsnn_hw.families.boards import list_boards, load_board
from qsnn_hw.families.serial_rates import MIN_DIVISOR, allowed_error, fastest_rate, serial_divisor
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.shipped import resource_folder
from tests.support.board_platforms import CLOCKS, SOURCES, WITHOUT, pin, platform_of

ICEBREAKER_RATES = next(
    line for line in load_board("icebreaker").path.read_text().splitlines() if line.startswith("baud")
)
"""The line of its file."""

SPI_SOURCE = next(
    line for line in load_board("icebreaker").path.read_text().splitlines() if line.startswith("source =")
)


def test_every_shipped_board_loads_and_is_named_after_its_file():
    boards = list_boards()
    assert {board.name for board in boards} == {*SOURCES, *WITHOUT}
    assert all(board.path.stem == board.name and board.sources for board in boards)
    assert boards[0].limits.logic_cells <= boards[-1].limits.logic_cells == 83640


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_pins_and_clock_are_those_of_amaranth_boards(name):
    source, platform, board = SOURCES[name], platform_of(name), load_board(name)
    clock = CLOCKS.get(name, platform.default_clk)
    assert board.clock_mhz == platform.lookup(clock).clock.frequency / 1e6
    wanted = {"clk": [f"{clock} 0"], "rx": [source.rx], "tx": [source.tx], "led": source.leds}
    if source.button is not None:
        wanted["rst"] = [source.button]
    assert board.ports.keys() == wanted.keys()
    for port, paths in wanted.items():
        found = [pin(platform, path) for path in paths]
        assert [one for one, _ in found] == list(board.ports[port].pins), port
        if port in ("led", "rst"):
            assert {low for _, low in found} == {board.ports[port].active == "low"}, port
    assert (getattr(platform, "device", None) or platform.part) in board.chip
    assert getattr(platform, "package", "") in board.chip


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_pins_of_spi_are_those_of_a_header_of_amaranth_boards(name):
    source, platform, board = SOURCES[name], platform_of(name), load_board(name)
    assert bool(source.spi) == (board.spi is not None)
    if board.spi is None:
        return
    assert [port.name for port in board.spi.ports] == ["sck", "cs", "mosi", "miso"]
    assert [port.pins for port in board.spi.ports] == [(pin(platform, path)[0],) for path in source.spi]
    assert [port.direction for port in board.spi.ports] == ["in", "in", "in", "out"]
    # Nobody's cable selects it.
    assert board.spi.ports[1].pull == "up"
    assert board.spi.notes
    assert board.spi.source.startswith("pins: amaranth-boards")


def test_a_board_with_spi_has_its_pins_in_place_of_the_uart_s():
    board = load_board("icebreaker")
    spi = board.linked("spi")
    assert set(spi.ports) == {*board.ports} - {"rx", "tx"} | {"sck", "cs", "mosi", "miso"}
    assert (board.link, board.divisor, board.baud, board.byte_us) == ("uart", 4, 3_000_000, 10 / 3)
    # A sixth of the clock, or what the wires carry.
    assert (spi.link, spi.divisor, spi.baud, spi.byte_us) == ("spi", None, 2_000_000, 4.0)
    assert replace(spi, clock_mhz=48.0).baud == 8_000_000
    assert replace(spi, clock_mhz=96.0).baud == spi.spi.most_hz == 10_000_000
    assert board.linked("uart") is board
    assert spi.linked("spi") is spi
    # By hand: a clock must reach it.
    slow = spi.at_baud(3_000_000)
    assert not slow.divides(12.0)
    assert slow.divides(18.0)
    assert replace(slow, clock_mhz=48.0).baud == 3_000_000
    assert spi.line == "SPI of 2,000,000 Hz"


def test_a_board_without_pins_for_spi_says_what_to_do():
    with pytest.raises(
        UserError,
        match=r"^--link spi is not for fomu-pvt: .*fomu-pvt\.toml names no pins for it; boards that have "
        r"them: icebreaker, .*; or add a table \[spi\] to a copy of the file \(docs/adding_devices\.md\)$",
    ):
        load_board("fomu-pvt").linked("spi")


def test_unknown_board_lists_the_known_ones():
    with pytest.raises(UserError, match=r"unknown board 'de10'; known boards: .*icebreaker, .*ulx3s-85f"):
        load_board("de10")


def test_missing_board_file(tmp_path):
    with pytest.raises(UserError, match=r"no such file: .*mine\.toml"):
        load_board(tmp_path / "mine.toml")


def _changed(tmp_path: Path, old: str, new: str, board: str = "icebreaker") -> Path:
    text = (resource_folder("boards") / f"{board}.toml").read_text()
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new))
    return path


def test_own_board_file_is_read(tmp_path):
    board = load_board(_changed(tmp_path, "mhz = 12.0", "mhz = 24"))
    assert board.clock_mhz == 24.0
    assert board.load_command(Path("a.bin")) == "iceprog a.bin"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('package = "sg48"\n', "", r"mine\.toml: field package is missing; add it"),
        ("logic_cells = 5280\n", "", r"mine\.toml: field limits\.logic_cells is missing"),
        (
            "[clock]",
            "[clock]\nppm = 3",
            r"mine\.toml: field clock\.ppm is unknown; known fields here: mhz, pin",
        ),
        ('package = "sg48"', 'package = "sg48"\ncolour = "red"', r"field colour is unknown"),
        (
            'family = "ice40"',
            'family = "nexus"',
            r"field family must be one of ecp5, gowin, ice40, xilinx7, not 'nexus'",
        ),
        ("mhz = 12.0", "mhz = 0", r"field clock\.mhz must be a number > 0, not 0"),
        ("mhz = 12.0", "mhz = nan", r"field clock\.mhz must be a number > 0, not nan"),
        ("count = 30", 'count = "30"', r"field limits\.block_ram\.count must be an integer > 0, not '30'"),
        ("dsps = 8", "dsps = -1", r"field limits\.dsps must be an integer >= 0, not -1"),
        (
            "[256, 16]",
            "[256, 32]",
            r"field limits\.block_ram\.shapes must hold at most 4096 bits each, not 256x32",
        ),
        ("[256, 16]", "[256]", r"field limits\.block_ram\.shapes must be a list of \[depth, width\] pairs"),
        ('tx = "9"', 'tx = "6"', r"field pins name pin 6 twice, for rx and tx"),
        ('rx_pull = "up"', 'rx_pull = "down"', r"iCE40 pins only pull up"),
        ('pins = ["11", "37"]', "pins = [11]", r"field leds\.pins must be a list of non-empty strings"),
        ("true_dual_port = false", "true_dual_port = 0", r"true_dual_port must be true or false, not 0"),
        ("iceprog {bitstream}", "iceprog", r"field loader must contain \{bitstream\}"),
        (
            "[limits]",
            "[io]\nstandard = 'x'\ndrive_ma = 4\n[limits]",
            r"field io is needed for ecp5, gowin, xilinx7, and for no other",
        ),
        ('pins = ["11", "37"]', "pins = []", r"field leds\.pins must name at least one pin"),
        (
            'active = "low"\npull',
            'active = "up"\npull',
            r"field reset\.active must be one of high, low, not 'up'",
        ),
        (
            '"37"]\nactive = "low"',
            '"37"]\nactive = "yes"',
            r"field leds\.active must be one of high, low, not 'yes'",
        ),
        (
            ICEBREAKER_RATES,
            "baud = 1_800_000",
            r"mine\.toml: field uart\.baud must be a rate that 12 MHz divides to within 1\.79 %, not "
            r"1800000; the nearest is 1714286$",
        ),
        (ICEBREAKER_RATES, "baud = []", r"must be an integer > 0 or a list of such, not \[\]$"),
        (ICEBREAKER_RATES, "baud = [1.5]", r"must be an integer > 0 or a list of such, not \[1\.5\]$"),
        (ICEBREAKER_RATES, "baud = 5_000_000", r"not 5000000; the nearest is 3000000$"),
        (ICEBREAKER_RATES, f"baud = 1{'0' * 400}", r"not 401 digits; the nearest is 3000000$"),
        ("mhz = 12.0", "mhz = 1e30", r"field clock\.mhz must be from 0\.1 to 1000, not 1e\+30$"),
        ("mhz = 12.0", f"mhz = 1{'0' * 400}", r"field clock\.mhz must be a number > 0 of ordinary size"),
        ("mhz = 12.0", "mhz = 1e-9", r"field clock\.mhz must be from 0\.1 to 1000, not 1e-09$"),
        ('name = "icebreaker"', 'name = "x/../../../ESC"', r"field name must be letters, digits, .* not 'x/"),
        ('name = "icebreaker"', 'name = ".."', r"field name must be letters"),
        ('"iCE40UP5K-SG48"', '"a\\nset_io x 1"', r"field chip must be one line of at most"),
        ('package = "sg48"', 'package = "sg48; rm"', r"field package must be letters, digits"),
        ('tx = "9"', 'tx = "9\\nset_io x 1"', r"field uart\.tx must be letters, digits"),
        ('"-spram"', '"-spram; !true"', r"field synth_args may hold .*, not '-spram; !true'"),
        ('"-spram"', '"-json", "../../x"', r"field synth_args may hold -no-rw-check, .*, not '-json'"),
        ('"-spram"', '"-device", "../x"', r"field synth_args must give -device a value of .*, not '\.\./x'"),
        ('"-spram"', '"-device"', r"field synth_args must give -device a value"),
        ("place_args = []", 'place_args = ["--run", "x.py"]', r"field place_args may hold .*, not '--run'"),
        ("place_args = []", 'place_args = ["--log=x"]', r"field place_args may hold .*, not '--log=x'"),
        ("pack_args = []", 'pack_args = ["x"]', r"field pack_args may hold -s, not 'x'"),
        ('device = "up5k"', 'device = "up5k --run x"', r"field device must be one of lp384, .*, not 'up5k -"),
        (
            'package = "sg48"',
            'package = "../sg48"',
            r"field package must be letters, digits, '_' and '-', not",
        ),
        ('package = "sg48"', 'package = "-h"', r"field package must be letters, digits, '_' and '-', not"),
        ('"1BitSquared ', '"\\u001b]0;x', r"field description must be one line of at most"),
        ('name = "icebreaker"', "name = [", r"mine\.toml is not a readable board file"),
        ('sck = "45"\n', "", r"mine\.toml: field spi\.sck is missing; add it"),
        ('sck = "45"', "sck = 45", r"field spi\.sck must be a non-empty string"),
        ('sck = "45"', 'sck = "45\\nset_io x 1"', r"field spi\.sck must be letters, digits"),
        ('sck = "45"', 'sck = "4"', r"field pins name pin 4 twice, for sck and cs"),
        # Of the serial port, which a design with SPI does not have: still a mistake of the file.
        ('miso = "47"', 'miso = "9"', r"field pins name pin 9 twice, for tx and miso"),
        ('miso = "47"', 'miso = "11"', r"field pins name pin 11 twice, for led and miso"),
        ('miso = "47"', 'miso = "47"\nirq = "3"', r"field spi\.irq is unknown; known fields here: "),
        ("most_mhz = 10.0\n", "", r"field spi\.most_mhz is missing"),
        ("most_mhz = 10.0", "most_mhz = 0", r"field spi\.most_mhz must be a number > 0, not 0"),
        ("most_mhz = 10.0", "most_mhz = nan", r"field spi\.most_mhz must be a number > 0, not nan"),
        ("most_mhz = 10.0", "most_mhz = 1e9", r"field spi\.most_mhz must be from 0\.1 to 100, not 1e\+09$"),
        ("most_mhz = 10.0", 'most_mhz = "10"', r"field spi\.most_mhz must be a number > 0"),
        (SPI_SOURCE, "", r"field spi\.source is missing"),
        (SPI_SOURCE, 'source = "a\\u001b]0;x"', r"field spi\.source must be one line of at most"),
        ('notes = ["PMOD', 'notes = ["a\\nb", "PMOD', r"field spi\.notes must be one line of at most"),
        ('notes = ["PMOD', 'standard = "x"\nnotes = ["', r"field standard of sck is not something the ice40"),
        ("[spi]\n", "[[spi]]\n", r"field spi must be a table"),
    ],
)
def test_a_wrong_board_file_is_refused_by_field_and_file(tmp_path, old, new, message):
    with pytest.raises(UserError, match=message):
        load_board(_changed(tmp_path, old, new))


def test_single_port_ram_on_a_family_without_it_is_refused(tmp_path):
    path = _changed(
        tmp_path, "[limits.block_ram]", "[limits.spram]\ncount = 1\n[limits.block_ram]", "ulx3s-25f"
    )
    with pytest.raises(UserError, match=r"field limits\.spram is not something the ecp5 family has"):
        load_board(path)


@pytest.mark.parametrize("mhz", [0.1, 12.0, 16.0, 25.0, 48.0, 100.0])
@pytest.mark.parametrize("baud", [1, 9600, 115_200, 921_600, 1_000_000, 1_500_000, 1_800_000, 10**9])
def test_a_divisor_is_the_nearest_there_is_and_the_advice_is_taken(mhz: float, baud: int, tmp_path: Path):
    divisor = serial_divisor(mhz, baud)
    clock = mhz * 1e6
    others = range(MIN_DIVISOR, max(MIN_DIVISOR, round(clock / baud)) + 4) if baud > 100 else [divisor + 1]
    assert all(abs(clock / divisor - baud) <= abs(clock / other - baud) for other in others)
    path = _changed(tmp_path, "mhz = 12.0", f"mhz = {mhz}")
    text = path.read_text()
    path.write_text(text.replace(ICEBREAKER_RATES, f"baud = {baud}"))
    try:
        board = load_board(path)
    except UserError as error:
        assert abs(clock / divisor / baud - 1) > allowed_error(divisor) - 0.001
        path.write_text(text.replace(ICEBREAKER_RATES, f"baud = {str(error).rpartition(' ')[2]}"))
        board = load_board(path)
    assert board.divisor == divisor
    assert abs(clock / board.divisor / board.baud - 1) <= 0.0201


@pytest.mark.parametrize(
    ("name", "mhz", "baud"),
    [
        ("icebreaker", 12, 3_000_000),
        ("icebreaker", 24, 6_000_000),
        ("icebreaker", 36, 6_000_000),
        ("icebreaker", 40, 8_000_000),
        ("icebreaker", 48, 12_000_000),
        # 12,500,000 is 4 % off, and so are 8,333,333 and 7,692,308.
        ("ecpix-5-85f", 100, 6_000_000),
        ("ecpix-5-85f", 96, 12_000_000),
        ("ulx3s-85f", 25, 1_000_000),
        ("ulx3s-85f", 100, 3_000_000),
        ("tang-nano-9k", 27, 3_000_000),
        ("orangecrab-25f", 48, 3_000_000),
    ],
)
def test_the_line_is_as_fast_as_bridge_and_clock_allow(name: str, mhz: float, baud: int) -> None:
    board = replace(load_board(name), clock_mhz=mhz)
    assert board.baud == baud == fastest_rate(mhz, board.bauds)
    assert abs(mhz * 1e6 / board.divisor / baud - 1) <= allowed_error(board.divisor) * 1.01
    assert board.at_baud(115_200).baud == 115_200
