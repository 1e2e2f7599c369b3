"""Which clock a design gets, and that no bitstream is made of a routing that misses it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.board_clock import clock_record, needs_fmax, recorded
from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.families.limits import Usage
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.fpga.clock import (
    ATTEMPTS,
    SPREAD,
    STEP_MHZ,
    UNUSED,
    Tried,
    by_hand,
    chosen,
    clocks,
    fastest,
    in_words,
    rate_by_hand,
)
from qsnn_hw.targets.fpga.met import check_timing
from qsnn_hw.targets.fpga.place_route import PlaceRoute
from qsnn_hw.targets.fpga.seeds import best_seed
from qsnn_hw.targets.fpga.timing import CriticalPath
from qsnn_hw.targets.fpga.timing_words import path_words, place_of
from qsnn_hw.targets.fpga.tried import TriedFile
from tests.support.networks import random_network

BOARDS = ("icebreaker", "tinyfpga-bx", "ulx3s-85f", "orangecrab-25f")
SMALL = Usage(logic_cells=900, block_rams=10)


@pytest.mark.parametrize("name", BOARDS)
def test_clocks_rise_divide_and_can_be_read(name: str) -> None:
    board = load_board(name)
    offered = clocks(board)
    rates = [one.clock_mhz for one in offered]
    assert rates == sorted(set(rates))
    assert board in offered
    assert all(one.divides(one.clock_mhz) for one in offered)
    assert all(one.clock_mhz % float(STEP_MHZ) == 0 for one in offered)
    assert len(offered) > 10
    # Each says what it needs of a routing, more the faster it is.
    needed = [needs_fmax(one) for one in offered]
    assert all(one.clock_mhz < fmax for one, fmax in zip(offered, needed, strict=True))


def routed(
    board: Board, usage: Usage, fmax: list[float], *, search: bool = False
) -> tuple[Board, list[Tried]]:
    """The clock that a build ends with, of routings that reach ``fmax`` one after the other."""
    tried: dict[float, Tried] = {}
    for _ in range(20):
        found = chosen(board, usage, list(tried.values()), search=search)
        if found.clock_mhz in tried:
            return found, list(tried.values())
        tried[found.clock_mhz] = Tried(found.clock_mhz, fmax[min(len(tried), len(fmax) - 1)])
    raise AssertionError("it never ends")


@settings(max_examples=50)
@given(
    name=st.sampled_from(BOARDS),
    first=st.floats(20, 300),
    moves=st.lists(st.floats(1 - SPREAD, 1 + SPREAD), min_size=3, max_size=3),
)
def test_the_clock_is_met_and_little_is_left_unused(name: str, first: float, moves: list[float]) -> None:
    board = load_board(name)
    fmax = [first, *(first * move for move in moves)]
    found, tried = routed(board, SMALL, fmax)
    reached = {one.clock_mhz: one.fmax_mhz for one in tried}
    # Whatever the routings were, the clock that is taken was met by its own.
    assert needs_fmax(found) <= reached[found.clock_mhz]
    # One routing more at most while they differ by no more than seeds do.
    assert len(tried) <= 2
    best = fastest(clocks(board), first * (1 - SPREAD))
    assert best is not None
    assert best.clock_mhz <= found.clock_mhz * (1 + UNUSED)


def test_a_routing_that_misses_is_followed_by_slower_ones_and_then_refused() -> None:
    board = load_board("ulx3s-85f")
    found, tried = routed(board, SMALL, [100.0, 70.0, 90.0])
    assert [one.fmax_mhz for one in tried] == [100.0, 70.0, 90.0]
    assert found.clock_mhz == tried[2].clock_mhz < tried[1].clock_mhz < tried[0].clock_mhz
    with pytest.raises(
        UserError, match=r"^the design reaches 100\.00 MHz, too slow for any clock of ulx3s-85f"
    ):
        routed(board, SMALL, [100.0, 50.0, 30.0, 10.0, 1.0])
    assert ATTEMPTS == 4


def test_a_faster_clock_that_was_missed_goes_back_to_the_one_that_was_met() -> None:
    board = load_board("icebreaker")
    first = chosen(board, SMALL, [])
    faster = chosen(board, SMALL, [Tried(first.clock_mhz, 60.0)])
    assert faster.clock_mhz > first.clock_mhz * (1 + UNUSED)
    back = chosen(board, SMALL, [Tried(first.clock_mhz, 60.0), Tried(faster.clock_mhz, 41.0)])
    assert back == first
    # A search among seeds is for speed: less may stay unused.
    near = [Tried(first.clock_mhz, needs_fmax(first) * 1.2)]
    assert chosen(board, SMALL, near) == first
    assert chosen(board, SMALL, near, search=True).clock_mhz > first.clock_mhz


def test_between_a_slow_clock_that_was_met_and_a_fast_one_that_was_missed_another_is_tried() -> None:
    """Digits on a Tang Nano 9K, whose first routing is for the oscillator, as there is no estimate."""
    board = load_board("tang-nano-9k")
    found, tried = routed(board, SMALL, [103.9, 94.8, 95.0])
    assert tried[0].clock_mhz == 27
    assert needs_fmax(board.clocked(None)) < 94.8
    assert tried[0].clock_mhz * (1 + UNUSED) < found.clock_mhz < tried[1].clock_mhz
    # And back to the first where that is missed, too, as often as routings are allowed.
    back, tried = routed(board, SMALL, [103.9, 94.8, 60.0, 30.0])
    assert len(tried) == ATTEMPTS
    assert back.clock_mhz == 27


def test_without_a_pll_or_an_estimate() -> None:
    board = load_board("icebreaker")
    family = board.family
    bare = replace(board, family=replace(family, pll=None))
    assert clocks(bare) == [bare]
    assert chosen(bare, SMALL, []) == bare
    assert needs_fmax(bare) == 12
    unknown = replace(board, family=replace(family, expected_fmax=None))
    assert chosen(unknown, SMALL, []) == unknown
    assert chosen(unknown, SMALL, [Tried(12, 50.0)]).clock_mhz > 40
    with pytest.raises(UserError, match=r"no PLL of iCE40 is known here; the nearest is 12 MHz"):
        by_hand(bare, 48)


def test_a_clock_by_hand_is_the_nearest_or_refused() -> None:
    board = load_board("icebreaker")
    assert by_hand(board, 12) == board
    assert by_hand(board, 48).clock_mhz == 48
    # 0.3 % beside it.
    assert by_hand(board, 47.9).clock_mhz == 48
    with pytest.raises(
        UserError, match=r"^--clock-mhz 13\.9 is no clock of icebreaker: .*; the nearest is 12 MHz"
    ):
        by_hand(board, 13.9)
    with pytest.raises(UserError, match="the nearest is 183 MHz"):
        by_hand(board, 300)
    # The advice works.
    assert by_hand(board, 183).clock_mhz == 183
    slow = board.at_baud(2_900_000)
    assert not slow.divides(13.0)
    pad = replace(
        board, ports={**board.ports, "rx": replace(board.ports["rx"], pins=("35",))}, package="sg48"
    )
    pad = replace(pad, ports={**pad.ports, "clk": replace(board.ports["clk"], pins=("20",))})
    with pytest.raises(UserError, match=r"the pad of pin 35, which the design reads, is the PLL's"):
        by_hand(pad, 48)


def test_a_clock_is_given_a_tenth_for_a_faster_line() -> None:
    boards = clocks(load_board("icebreaker"))
    found = {fmax: fastest(boards, fmax) for fmax in range(25, 75)}
    assert all(found.values())
    for fmax, one in found.items():
        assert one is not None
        allowed = [other for other in boards if needs_fmax(other) <= fmax]
        assert one.clock_mhz >= 0.9 * allowed[-1].clock_mhz
        assert all(other.baud <= one.baud for other in allowed if other.clock_mhz >= one.clock_mhz)
    # 12 Mbaud are 4 cycles of 48 MHz, and of no clock a little above it.
    assert {(one.clock_mhz, one.baud) for one in [found[54]] if one} == {(48, 12_000_000)}


def test_a_rate_by_hand_is_kept_or_refused_with_the_nearest() -> None:
    board = load_board("icebreaker")
    assert rate_by_hand(board, 115_200).baud == 115_200
    # No multiple of the 12 MHz oscillator, but of a clock that the PLL makes.
    odd = rate_by_hand(board, 5_000_000)
    assert not odd.divides(12)
    assert all(one.baud == 5_000_000 and one.divides(one.clock_mhz) for one in clocks(odd))
    assert by_hand(odd, 20.25).divisor == 4
    for wrong, why in (
        (12_000_001, r"keeps 12,000,000 at most; the nearest is 12,000,000$"),
        (10**400, r"--baud of 401 digits is no rate of icebreaker"),
    ):
        with pytest.raises(UserError, match=why):
            rate_by_hand(board, wrong)
    bare = replace(board, family=replace(board.family, pll=None))
    with pytest.raises(UserError, match=r"^--baud 5,000,000 .*12 MHz does not divide to it; ") as refused:
        rate_by_hand(bare, 5_000_000)
    # The advice works.
    nearest = int(str(refused.value).rpartition(" ")[2].replace(",", ""))
    assert rate_by_hand(bare, nearest).baud == nearest == 3_000_000


def test_any_rate_of_spi_within_its_limits_is_taken() -> None:
    board = load_board("icebreaker").linked("spi")
    assert rate_by_hand(board, 1).baud == 1
    # Only of a clock that is six times as fast.
    fast = rate_by_hand(board, 8_000_000)
    assert all(one.clock_mhz >= 48 and one.baud == 8_000_000 for one in clocks(fast))
    assert by_hand(fast, 60).baud == 8_000_000
    with pytest.raises(UserError, match=r"^--clock-mhz 24 .*data sheet and SPI of 8,000,000 Hz allow; "):
        by_hand(fast, 24)
    assert in_words(by_hand(board, 24)).endswith("; SPI of 4,000,000 Hz")
    # What is left to choose: the fastest.
    assert len(clocks(board)) > 10
    assert fastest(clocks(board), 40) == max(
        (one for one in clocks(board) if needs_fmax(one) <= 40), key=lambda one: one.clock_mhz
    )
    with pytest.raises(
        UserError, match=r"^--baud 10,000,001 is no rate of SPI on icebreaker: its wires carry 10,000,000 Hz$"
    ):
        rate_by_hand(board, 10_000_001)
    bare = replace(board, family=replace(board.family, pll=None))
    with pytest.raises(UserError, match=r"SPI on icebreaker: a sixth of its clock, 12 MHz, is 2,000,000 Hz$"):
        rate_by_hand(bare, 2_000_001)


def test_what_programs_and_people_are_told() -> None:
    board = by_hand(load_board("ulx3s-85f"), 100)
    record = json.loads(json.dumps(clock_record(board)))
    assert record["clock_mhz"] == 100
    assert record["oscillator_mhz"] == 25
    assert record["divisor"] == board.divisor == round(100e6 / board.baud)
    assert "FPGA-DS-02012" in record["source"]
    assert in_words(board) == "100 MHz, by the PLL from 25 MHz; needs an Fmax of 105.9 MHz; " + (
        "serial line 3,000,000 baud"
    )
    assert in_words(board.clocked(None)) == "25 MHz, the oscillator's; serial line 1,000,000 baud"
    assert clock_record(board.clocked(None))["pll"] is None


def test_the_recorded_clock_is_read_back(tmp_path: Path) -> None:
    board, path = load_board("ulx3s-85f"), tmp_path / "clock.json"
    for clocked in (board, by_hand(board, 100), by_hand(board, 103.3)):
        path.write_text(json.dumps(clock_record(clocked)))
        assert recorded(board, path) == clocked.at_baud(clocked.baud)
    spi = load_board("icebreaker").linked("spi")
    for clocked in (spi, by_hand(spi, 100), by_hand(rate_by_hand(spi, 5_000_000), 36)):
        path.write_text(json.dumps(clock_record(clocked)))
        assert recorded(spi, path) == clocked.at_baud(clocked.baud)
    path.write_text(json.dumps(clock_record(by_hand(board, 103.3))))
    with pytest.raises(
        UserError, match=r"clock\.json names no clock of icebreaker; qsnn-hw generate makes it"
    ):
        recorded(load_board("icebreaker"), path)
    for wrong in (None, 0, True, "3000000", 11_000_000, 10**400):
        path.write_text(json.dumps({**clock_record(board), "baud": wrong}))
        with pytest.raises(UserError, match="names no clock of ulx3s-85f"):
            recorded(board, path)
    path.write_text("[]")
    with pytest.raises(UserError, match="names no clock of ulx3s-85f"):
        recorded(board, path)


def small_plan() -> HardwarePlan:
    network = random_network(np.random.default_rng(3), [5, 4, 3], bias_span=1, threshold_span=6)
    return make_plan(network, PlanOptions(lanes=[2]))


def placed(folder: Path, fmax: float, board: Board, path: CriticalPath | None, seed: int = 1) -> PlaceRoute:
    files = (folder / name for name in ("routed.asc", "pins.pcf", "nextpnr.json", "nextpnr.log"))
    return PlaceRoute(board.name, {}, {}, fmax, board.clock_mhz, path, seed, *files, "place", None)


def test_a_routing_that_misses_the_clock_is_refused_by_layer_and_with_a_way_out(tmp_path: Path) -> None:
    plan = small_plan()
    board = by_hand(load_board("icebreaker"), 48)
    group = plan.groups[0]
    path = CriticalPath(
        "clk",
        f"classifier.network.{group.name}.sweep.lane1.fired_SB_DFF_Q_DFFLC",
        f"classifier.network.{group.name}.accumulators.neurons.words[1]_SB_DFFE_Q_DFFLC",
        *(7.0, 15.4, 8),
    )
    check_timing(placed(tmp_path, needs_fmax(board), board, path), board, plan)
    with pytest.raises(UserError) as failure:
        check_timing(placed(tmp_path, 44.5, board, path), board, plan)
    message = str(failure.value)
    assert (
        "a clock of 48 MHz on icebreaker needs an Fmax of 50.56 MHz, and the design reaches 44.50 MHz"
        in message
    )
    assert (
        f"from layer {group.group}, neuron update, update lane 1 to layer {group.group}, neuron memory"
        in message
    )
    assert "22.4 ns, 7.0 of it in 8 cells in a row, 15.4 in wires" in message
    assert "--clock-mhz 39.75 should be met, --clock-mhz auto finds the fastest" in message
    # That clock is one, and asks less than the routing reached.
    assert needs_fmax(by_hand(board, 39.75)) < 44.5 * (1 - SPREAD)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("classifier.network.{0}.accumulators.bank0.words.0.0", "layer {0}, synapse memory"),
        ("classifier.network.{0}.walker.row_TRELLIS_FF_Q", "layer {0}, walker"),
        ("classifier.network.{0}.accumulators.i_SB_DFF", "layer {0}, accumulators"),
        ("classifier.network.router.o1__payload.address_TRELLIS_FF_Q_1", "router"),
        ("link.words.words.0.0", "host link"),
        ("count_SB_LUT4_I3_O", "cell count_SB_LUT4_I3_O"),
    ],
)
def test_places_in_a_user_s_words(cell: str, words: str) -> None:
    plan = small_plan()
    group = plan.groups[0]
    assert place_of(cell.format(group.name), plan) == words.format(group.group)
    assert path_words(None, plan) == ""


def test_the_best_of_some_seeds_is_kept_and_what_is_known_is_not_routed_again(tmp_path: Path) -> None:
    board = load_board("icebreaker")
    speed = {3: 40.0, 4: 44.0, 5: 44.0, 6: 41.0}
    done: list[int] = []

    def route(seed: int) -> PlaceRoute:
        done.append(seed)
        return placed(tmp_path, speed[seed], board, None, seed)

    assert best_seed(range(3, 7), route, lambda seed: None, SILENT).seed == 4
    # The files in the folder are those of the seed that is kept.
    assert done == [3, 4, 5, 6, 4]
    done.clear()
    known = {3: 40.0, 4: 44.0}
    assert best_seed(range(3, 7), route, known.get, SILENT).seed == 4
    assert done == [5, 6, 4]
    done.clear()
    assert best_seed(range(3, 4), route, known.get, SILENT).seed == 3
    assert done == [3]


def test_routings_are_remembered_for_one_design(tmp_path: Path) -> None:
    path = tmp_path / "tried.json"
    first = TriedFile(path, {"plan": "a"})
    first.add(48.0, 1, 50.0)
    first.add(45.0, 1, 49.0)
    first.add(48.0, 2, 52.0)
    again = TriedFile(path, {"plan": "a"})
    assert again.of(range(1, 2)) == [Tried(48.0, 50.0), Tried(45.0, 49.0)]
    # Of two seeds only what both were routed at counts, and the better of them.
    assert again.of(range(1, 3)) == [Tried(48.0, 52.0)]
    assert again.fmax(48.0, 2) == 52.0
    assert again.fmax(45.0, 2) is None
    other = TriedFile(path, {"plan": "b"})
    assert other.of(range(1, 2)) == []
    path.write_text('{"design": "x"}')
    assert TriedFile(path, {"plan": "a"}).of(range(1, 2)) == []
    other.add(12.0, 1, 30.0)
    path.write_text(path.read_text().replace("fmax_mhz", "speed"))
    with pytest.raises(UserError, match="is damaged; delete it to route the design again"):
        TriedFile(path, {"plan": "b"})
