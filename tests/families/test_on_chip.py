"""Boards whose design runs at the device's own clock, and stops it."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from qsnn_hw.families.board_clock import clock_record, needs_fmax, recorded
from qsnn_hw.families.boards import Board, list_boards, load_board
from qsnn_hw.families.limits import Usage
from qsnn_hw.families.on_chip import WAKE_PERIODS
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import write_json
from qsnn_hw.targets.fpga.clock import Tried, by_hand, chosen, clocks, in_words, rate_by_hand


def sleeping(name: str = "icebreaker") -> Board:
    return load_board(name).linked("spi").sleeping()


def test_the_clocks_are_those_of_the_oscillator() -> None:
    board = sleeping()
    assert [other.clock_mhz for other in clocks(board)] == [6, 12, 24, 48]
    # As fast as it may be, and the skew of the clock network.
    assert needs_fmax(board.oscillating(48.0)) == pytest.approx(1 / (1 / (48 * 1.1) - 0.53e-3))
    # A sixth of the clock, as slow as it may be.
    assert board.oscillating(24.0).baud == 3_600_000
    assert board.oscillating(24.0).own_oscillators is not None
    assert load_board("icebreaker").own_oscillators is None
    assert "24 MHz, the device's own, stopped while nothing happens" in in_words(board.oscillating(24.0))


def test_the_fastest_that_a_routing_allows_is_chosen() -> None:
    board, usage = sleeping(), Usage(logic_cells=1000, block_rams=12)
    first = chosen(board, usage, [])
    assert first.clock_mhz in (12, 24)
    assert chosen(board, usage, [Tried(24.0, 60.0)]).clock_mhz == 48
    assert chosen(board, usage, [Tried(24.0, 30.0)]).clock_mhz == 24
    assert chosen(board, usage, [Tried(24.0, 20.0)]).clock_mhz == 12
    with pytest.raises(UserError, match="too slow for any clock of icebreaker"):
        chosen(board, usage, [Tried(6.0, 5.0)])


def test_a_clock_by_hand_is_one_of_them() -> None:
    assert by_hand(sleeping(), 12).clock_mhz == 12
    with pytest.raises(
        UserError, match=r"--clock-mhz 20 is no clock of icebreaker with --sleep: .* 6, 12, 24, 48"
    ):
        by_hand(sleeping(), 20)
    assert rate_by_hand(sleeping(), 1_000_000).bauds == (1_000_000,)


def test_what_cannot_sleep_is_refused() -> None:
    with pytest.raises(UserError, match="--sleep needs --link spi"):
        load_board("icebreaker").sleeping()
    with pytest.raises(UserError, match=r"--sleep is not for ulx3s-85f: .*; boards that have some: iceb"):
        sleeping("ulx3s-85f")
    assert "icebreaker" in [board.name for board in list_boards() if board.can_sleep]


def test_a_folder_remembers_it(tmp_path: Path) -> None:
    board, path = sleeping().oscillating(24.0), tmp_path / "clock.json"
    write_json(path, clock_record(board))
    assert recorded(sleeping(), path) == replace(board, bauds=(board.baud,))
    plain = load_board("icebreaker").linked("spi")
    with pytest.raises(UserError, match="names no clock of icebreaker"):
        recorded(plain, path)
    write_json(path, clock_record(plain))
    with pytest.raises(UserError, match="names no clock of icebreaker"):
        recorded(sleeping(), path)
    write_json(path, {**clock_record(board), "clock_mhz": 25.0})
    with pytest.raises(UserError, match="names no clock of icebreaker"):
        recorded(sleeping(), path)


def test_times_hold_for_the_slowest_and_the_fastest_oscillator() -> None:
    on_chip = load_board("icebreaker").family.on_chip
    assert on_chip is not None
    assert on_chip.wake_s == pytest.approx(WAKE_PERIODS / 9_000)
    assert on_chip.awake_s == pytest.approx((32 / 11_000, 32 / 9_000))
    assert sleeping().wakes == (on_chip.wake_s, on_chip.awake_s[0])
    assert sleeping().notes[-1] == "asleep, it takes 0.7 ms more until it answers: it is woken first"
    assert load_board("icebreaker").wakes is None
    with pytest.raises(ValueError, match=r"two periods of 20\.0 kHz may be shorter than 100\.0 us"):
        replace(on_chip, slow_khz=20.0)
    assert on_chip.fast[Fraction(6)].parameters == {"CLKHF_DIV": "0b11"}
