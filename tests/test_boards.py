"""Board files: complete, strict, and equal to what amaranth-boards says of the same boards."""

import importlib
from pathlib import Path

import pytest

from qsnn_hw.boards import list_boards, load_board
from qsnn_hw.errors import UserError
from qsnn_hw.resources import resource_folder

PLATFORMS = {
    "icebreaker": ("icebreaker", "ICEBreakerPlatform"),
    "tinyfpga-bx": ("tinyfpga_bx", "TinyFPGABXPlatform"),
    "orangecrab-25f": ("orangecrab_r0_2", "OrangeCrabR0_2_25FPlatform"),
    "ulx3s-25f": ("ulx3s", "ULX3S_25F_Platform"),
    "ulx3s-45f": ("ulx3s", "ULX3S_45F_Platform"),
    "ulx3s-85f": ("ulx3s", "ULX3S_85F_Platform"),
}


def _pins(platform, name, number=0, sub=None):
    """The package pins of a resource, and whether it is inverted."""
    found = platform.lookup(name, number).ios
    if sub is not None:
        found = next(io for io in found if getattr(io, "name", None) == sub).ios
    return list(found[0].names), found[0].invert


def test_every_shipped_board_loads_and_is_named_after_its_file():
    boards = list_boards()
    assert {board.name for board in boards} == set(PLATFORMS)
    assert all(board.path.stem == board.name and board.sources for board in boards)
    assert boards[0].limits.logic_cells <= boards[-1].limits.logic_cells == 83640


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_pins_and_clock_are_those_of_amaranth_boards(name):
    module, cls = PLATFORMS[name]
    platform = getattr(importlib.import_module(f"amaranth_boards.{module}"), cls)()
    board = load_board(name)
    clock = platform.lookup(platform.default_clk)
    assert list(board.ports["clk"].pins) == _pins(platform, platform.default_clk)[0]
    assert board.clock_mhz == clock.clock.frequency / 1e6
    if ("uart", 0) in platform.resources:
        assert list(board.ports["rx"].pins) == _pins(platform, "uart", sub="rx")[0]
        assert list(board.ports["tx"].pins) == _pins(platform, "uart", sub="tx")[0]
    else:
        header = next(iter(platform.connectors.values())).mapping
        wires = ("1", "2") if name == "tinyfpga-bx" else ("0", "1")
        assert (*board.ports["rx"].pins, *board.ports["tx"].pins) == tuple(header[wire] for wire in wires)
    leds = board.ports["led"]
    if ("led", 0) in platform.resources:
        found = [_pins(platform, "led", number) for number in range(len(leds.pins))]
        assert [pins[0] for pins, _ in found] == list(leds.pins)
        assert {invert for _, invert in found} == {leds.active == "low"}
    else:
        found = [_pins(platform, "rgb_led", sub=colour) for colour in ("r", "g", "b")]
        assert [pins[0] for pins, _ in found] == list(leds.pins)
        assert {invert for _, invert in found} == {leds.active == "low"}
    if "rst" in board.ports:
        pins, invert = _pins(platform, "button", 0)
        assert pins == list(board.ports["rst"].pins)
        assert invert == (board.ports["rst"].active == "low")
    assert board.device.rstrip("k") in platform.device.lower()


def test_unknown_board_lists_the_known_ones():
    with pytest.raises(UserError, match=r"unknown board 'de10'; known boards: icebreaker, .*ulx3s-85f"):
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
        ('family = "ice40"', 'family = "gowin"', r"field family must be one of ice40, ecp5, not 'gowin'"),
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
            r"field io is needed for ecp5, and for no other",
        ),
        ('name = "icebreaker"', "name = [", r"mine\.toml is not a readable board file"),
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
