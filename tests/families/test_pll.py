"""PLL settings: within the data sheets' limits, and the best of all there are."""

import math
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.families.boards import Board, list_boards, load_board
from qsnn_hw.families.ecp5_pll import PLL as ECP5
from qsnn_hw.families.gowin_pll import PLL as GOWIN
from qsnn_hw.families.ice40_pll import PLL as ICE40
from qsnn_hw.families.pll import Pll, PllSettings, stand_in
from qsnn_hw.toolchain.tools import find_tool


def illegal_ice40(settings: PllSettings) -> list[str]:
    """What of FPGA-DS-02008 and FPGA-DS-02029 the dividers break, worked out from them alone."""
    divided = settings.dividers
    pfd = settings.in_mhz / (divided["DIVR"] + 1)
    vco = pfd * (divided["DIVF"] + 1)
    rates = {
        "in": (settings.in_mhz, 10, 133),
        "pfd": (pfd, 10, 133),
        "vco": (vco, 533, 1066),
        "out": (vco / 2 ** divided["DIVQ"], 16, 275),
        "divr": (divided["DIVR"], 0, 15),
        "divf": (divided["DIVF"], 0, 127),
        "divq": (divided["DIVQ"], 1, 6),
    }
    wrong = [name for name, (value, low, high) in rates.items() if not low <= value <= high]
    said = (settings.pfd_mhz, settings.vco_mhz, settings.out_mhz)
    return wrong + ([] if said == (pfd, vco, rates["out"][0]) else ["said"])


def illegal_ecp5(settings: PllSettings) -> list[str]:
    """What of FPGA-DS-02012 the dividers break."""
    divided = settings.dividers
    pfd = settings.in_mhz / divided["CLKI_DIV"]
    loop = pfd * divided["CLKFB_DIV"]
    vco = loop * divided["CLKOP_DIV"]
    rates = {
        "in": (settings.in_mhz, 8, 400),
        "pfd": (pfd, 10, 400),
        "loop": (loop, 3.125, 400),
        "vco": (vco, 400, 800),
        "out": (vco / divided["CLKOS_DIV"], 3.125, 400),
        **{name: (divider, 1, 128) for name, divider in divided.items()},
    }
    wrong = [name for name, (value, low, high) in rates.items() if not low <= value <= high]
    said = (settings.pfd_mhz, settings.vco_mhz, settings.out_mhz)
    return wrong + ([] if said == (pfd, vco, rates["out"][0]) else ["said"])


def illegal_gowin(settings: PllSettings) -> list[str]:
    """What of UG286, DS117 (C6) or DS226 (C8) the dividers break."""
    divided = settings.dividers
    pfd = settings.in_mhz / (divided["IDIV_SEL"] + 1)
    out = pfd * (divided["FBDIV_SEL"] + 1)
    vco = out * divided["ODIV_SEL"]
    rates = {
        "in": (settings.in_mhz, 3, 400),
        "pfd": (pfd, 3, 400),
        "vco": (vco, 500, 1200),
        "out": (out, 3.90625, 600),
        "idiv": (divided["IDIV_SEL"], 0, 63),
        "fbdiv": (divided["FBDIV_SEL"], 0, 63),
    }
    wrong = [name for name, (value, low, high) in rates.items() if not low <= value <= high]
    wrong += [] if divided["ODIV_SEL"] in (2, 4, 8, *range(16, 129, 16)) else ["odiv"]
    said = (settings.pfd_mhz, settings.vco_mhz, settings.out_mhz)
    return wrong + ([] if said == (pfd, vco, out) else ["said"])


ILLEGAL = {"ice40": illegal_ice40, "ecp5": illegal_ecp5, "gowin": illegal_gowin}
PLLS = {"ice40": ICE40, "ecp5": ECP5, "gowin": GOWIN}


def every_rate(name: str, mhz: Fraction) -> set[Fraction]:
    """All legal outputs, by trying every divider there is."""
    rates = set()
    if name == "ice40":
        for divr in range(16):
            for divf in range(128):
                vco = mhz / (divr + 1) * (divf + 1)
                if 533 <= vco <= 1066 and 10 <= mhz / (divr + 1) <= 133:
                    rates |= {vco / 2**divq for divq in range(1, 7) if 16 <= vco / 2**divq <= 275}
        return rates
    if name == "gowin":
        for input_ in range(1, 65):
            for feedback in range(1, 65):
                out = mhz / input_ * feedback
                vcos = [out * odiv for odiv in (2, 4, 8, *range(16, 129, 16))]
                fits = any(500 <= vco <= 1200 for vco in vcos) and 3.90625 < out <= 600
                rates |= {out} if fits and mhz / input_ >= 3 else set()
        return rates
    for input_ in range(1, 129):
        pfd = mhz / input_
        if not 10 <= pfd <= 400:
            continue
        vcos = set()
        for feedback in range(1, 129):
            if not Fraction(25, 8) <= pfd * feedback <= 400:
                continue
            vcos |= {pfd * feedback * output for output in range(1, 129)}
        for vco in (vco for vco in vcos if 400 <= vco <= 800):
            rates |= {vco / output for output in range(1, 129) if Fraction(25, 8) <= vco / output <= 400}
    return rates


# Few of them: all rates of one take a second.
OSCILLATORS = st.sampled_from(("8", "12", "14.31818", "25", "48", "401")).map(Fraction)
WISHES = st.integers(1_000, 400_000).map(lambda value: value / 1000)


@pytest.mark.parametrize("name", PLLS)
@settings(max_examples=25)
@given(mhz=OSCILLATORS, wish=WISHES)
def test_settings_are_legal_and_the_nearest(name: str, mhz: Fraction, wish: float) -> None:
    pll = PLLS[name]
    found = pll.nearest(mhz, wish)
    if found is None:
        assert (name, mhz) in {("ice40", 8), ("ecp5", 8), *((other, 401) for other in PLLS)}
        assert not list(pll.settings(mhz))
        return
    assert ILLEGAL[name](found) == []
    error = abs(found.out_mhz - Fraction(repr(wish)))
    assert error == min(abs(rate - Fraction(repr(wish))) for rate in pll.rates(mhz))


@pytest.mark.parametrize("name", PLLS)
@pytest.mark.parametrize("mhz", [Fraction(12), Fraction(25), Fraction("14.31818")], ids=str)
def test_no_rate_is_left_out(name: str, mhz: Fraction) -> None:
    rates = PLLS[name].rates(mhz)
    assert set(rates) == every_rate(name, mhz)
    assert list(rates) == sorted(rates)
    for rate, found in rates.items():
        assert ILLEGAL[name](found) == []
        assert found.out_mhz == rate
    for other in PLLS[name].settings(mhz):
        best = rates[other.out_mhz]
        assert (best.pfd_mhz, best.vco_mhz) >= (other.pfd_mhz, other.vco_mhz)


@pytest.mark.parametrize(
    ("name", "dividers", "broken"),
    [
        ("ice40", {"DIVR": 1, "DIVF": 63, "DIVQ": 4}, "pfd"),
        ("ice40", {"DIVR": 0, "DIVF": 30, "DIVQ": 4}, "vco"),
        ("ecp5", {"CLKI_DIV": 1, "CLKFB_DIV": 4, "CLKOP_DIV": 9, "CLKOS_DIV": 9}, "vco"),
        ("gowin", {"IDIV_SEL": 9, "FBDIV_SEL": 39, "ODIV_SEL": 8}, "pfd"),
        ("gowin", {"IDIV_SEL": 0, "FBDIV_SEL": 3, "ODIV_SEL": 4}, "vco"),
        ("gowin", {"IDIV_SEL": 0, "FBDIV_SEL": 3, "ODIV_SEL": 6}, "odiv"),
        ("ecp5", {"CLKI_DIV": 1, "CLKFB_DIV": 1, "CLKOP_DIV": 32, "CLKOS_DIV": 129}, "CLKOS_DIV"),
    ],
)
def test_an_illegal_setting_is_seen(name: str, dividers: dict[str, int], broken: str) -> None:
    """The check of the tests above can fail, and no such setting is among those that are offered."""
    mhz = Fraction({"ice40": 12, "ecp5": 25, "gowin": 27}[name])
    planted = PllSettings(dividers, mhz, mhz, mhz, mhz)
    assert broken in ILLEGAL[name](planted)
    assert all(dict(settings.dividers) != dividers for settings in PLLS[name].settings(mhz))


@pytest.mark.parametrize(("mhz", "wish"), [(12, 47.3), (16, 60.1), (25, 33.0), (12, 24.0)])
def test_icepll_finds_the_same(mhz: int, wish: float) -> None:
    said = _said_by("icepll", "nextpnr-ice40", ["-i", str(mhz), "-o", str(wish)])
    found = ICE40.nearest(mhz, wish)
    assert found is not None
    assert float(found.out_mhz) == pytest.approx(
        float(re.findall(r"F_PLLOUT: *([\d.]+) MHz \(ach", said)[0]), 1e-4
    )
    if int(re.findall(r"DIVR: *(\d+)", said)[0]) == found.dividers["DIVR"]:
        filter_range = ICE40.cell(found, "up5k", "sg48", "35").parameters["FILTER_RANGE"]
        assert filter_range == (int(re.findall(r"FILTER_RANGE: (\d)", said)[0]), 3)


@pytest.mark.parametrize(("mhz", "wish"), [(25, 103.3), (48, 77.7), (25, 62.5)])
def test_ecppll_finds_nothing_nearer(mhz: int, wish: float) -> None:
    """It takes lower rates at the phase detector than the data sheet, and may come nearer by those."""
    said = _said_by("ecppll", "nextpnr-ecp5", ["-i", str(mhz), "--clkout0", str(wish), "--highres"])
    found = ECP5.nearest(mhz, wish)
    assert found is not None
    theirs = float(re.findall(r"clkout1 frequency: ([\d.]+)", said)[0])
    if mhz / int(re.findall(r"Refclk divisor: (\d+)", said)[0]) >= 10:
        assert abs(float(found.out_mhz) - wish) <= abs(theirs - wish) + 1e-3


@pytest.mark.parametrize("device", ["GW1NR-9 C6/I5", "GW2AR-18 C8/I7"])
@pytest.mark.parametrize("wish", [48.0, 54.0, 77.7, 120.0, 21.3])
def test_gowin_pll_finds_nothing_nearer(device: str, wish: float) -> None:
    """Of what both devices take; it offers a device's own wider range, too."""
    tool = Path(find_tool("gowin_pack").command[-1]).with_name("gowin_pll")
    if not tool.exists():
        pytest.skip("no gowin_pll beside gowin_pack")
    said = subprocess.run(
        [sys.executable, tool, "-i", "27", "-o", str(wish), "-d", device], capture_output=True, text=True
    ).stdout
    numbers = dict(re.findall(r"\.(\w+_SEL)\((\d+)\)", said))
    theirs = 27 * (int(numbers["FBDIV_SEL"]) + 1) / (int(numbers["IDIV_SEL"]) + 1)
    found = GOWIN.nearest(27, wish)
    assert found is not None
    if 500 <= theirs * int(numbers["ODIV_SEL"]) <= 1200:
        assert abs(float(found.out_mhz) - wish) <= abs(theirs - wish) + 1e-6


def _said_by(name: str, neighbour: str, args: list[str]) -> str:
    """What a tool beside place and route prints."""
    place = Path(find_tool(neighbour).command[0])
    program = place.with_name(place.name.replace(neighbour, name))
    if not program.exists():
        pytest.skip(f"no {name} beside {neighbour}")
    return subprocess.run([program, *args], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "board", [board for board in list_boards() if board.family.pll is not None], ids=lambda board: board.name
)
def test_every_board_of_these_families_can_have_one(board: Board) -> None:
    assert board.family.pll is not None
    assert board.without_pll is None
    for wish in (board.oscillator_mhz, 2 * board.oscillator_mhz, 3.3 * board.oscillator_mhz):
        fast = board.clocked(board.family.pll.nearest(board.oscillator_mhz, wish))
        assert fast.pll is not None
        assert fast.clock_mhz == float(fast.pll.out_mhz)
        assert fast.oscillator_mhz == board.clock_mhz
        assert fast.pll_cell is not None
        assert fast.clocked(None) == board


def test_where_there_is_none() -> None:
    missing = ICE40.missing
    assert missing("hx1k", "vq100", "15", ()) == "no PLL is available on package vq100"
    assert missing("lp384", "qn32", "13", ()) == "an LP384 has no PLL"
    assert (
        missing("up5k", "sg48", "20", ("35", "6"))
        == "the pad of pin 35, which the design reads, is the PLL's"
    )
    assert missing("up5k", "sg48", "35", ("6",)) is None


def test_the_pad_of_the_pll_takes_another_cell() -> None:
    settings = ICE40.nearest(12, 48)
    assert settings is not None
    at_pad, elsewhere = (ICE40.cell(settings, "up5k", "sg48", pin) for pin in ("35", "20"))
    assert (at_pad.name, at_pad.clock_in) == ("SB_PLL40_PAD", "PACKAGEPIN")
    assert (elsewhere.name, elsewhere.clock_in) == ("SB_PLL40_CORE", "REFERENCECLK")


@pytest.mark.parametrize(
    ("pll", "device"), [(ICE40, "up5k"), (ICE40, "lp8k"), (ECP5, "85k"), (GOWIN, "gw1nr-9c")]
)
@given(mhz=st.floats(4, 120))
def test_a_clock_needs_more_than_its_own_rate(pll: Pll, device: str, mhz: float) -> None:
    needed, bare = pll.fmax_for(mhz, device), pll.fmax_for(mhz, device, pll=False)
    assert mhz < bare < needed
    # All that the sheets grant less than an ideal clock, in the period.
    lost = 1e3 / mhz - 1e3 / needed
    assert lost == pytest.approx(pll.skew_ns(device) + pll.jitter_ns(mhz) / 2 + 0.1 / mhz, rel=1e-3)


def test_margins_are_those_of_the_data_sheets() -> None:
    assert ICE40.fmax_for(48, "up5k") == pytest.approx(1 / (1 / 48 - 0.00053 - 0.05 / 48 / 2), rel=1e-3)
    assert ECP5.fmax_for(100, "85k") == pytest.approx(105.9, rel=1e-3)
    assert math.isinf(ICE40.fmax_for(2000, "up5k"))


def test_the_oscillator_itself_is_a_rate() -> None:
    board = load_board("icebreaker")
    assert board.clocked(None) == board
    assert board.divides(board.clock_mhz)
    assert not board.at_baud(1_000_000).divides(2.7)


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-85f", "tang-nano-9k"])
def test_a_stand_in_has_the_ports_of_the_cell(name: str) -> None:
    board = load_board(name)
    assert board.family.pll is not None
    cell = board.clocked(board.family.pll.nearest(board.oscillator_mhz, 48)).pll_cell
    assert cell is not None
    text = stand_in(cell)
    ports = set(re.findall(r"(?:input|output) (\w+)", text))
    assert ports >= {cell.clock_in, cell.clock_out, cell.locked, *cell.constants}
    assert f"assign {cell.clock_out} = {cell.clock_in};" in text
    assert f"assign {cell.locked} = 1'b1;" in text
