"""``calibrate``: the fit finds what made the measurements, says how sure it is, and refuses nonsense."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.build import cli
from qsnn_hw.families.boards import load_board
from qsnn_hw.report import Report
from qsnn_hw.report.sections.board import Board
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.fpga.calibration import Calibration
from qsnn_hw.targets.fpga.measurements import AMOUNTS, calibrate
from qsnn_hw.targets.fpga.power import estimate_power
from qsnn_hw.targets.fpga.power_fit import Measurement, fit, non_negative
from qsnn_hw.targets.fpga.power_terms import Activity
from qsnn_hw.targets.fpga.sections import SECTIONS
from qsnn_hw.targets.fpga.sections.power import power_mw
from qsnn_hw.targets.fpga.sections.speed import Throughput
from tests.support.places import EXAMPLES

UP5K = EXAMPLES / "power" / "up5k.csv"
TRUE = {"static": 0.2, "clock": 0.06, "logic": 0.0004, "block_ram": 0.012}


def _rows(noise: float = 0.0, number: int = 12) -> list[Measurement]:
    chance = np.random.default_rng(3)
    rows = []
    for k in range(number):
        clock = float(chance.uniform(5, 50))
        amounts = {"static": 1.0, "clock": clock, "logic": clock * chance.uniform(10, 600)}
        amounts["block_ram"] = clock * chance.uniform(0, 6)
        power = sum(TRUE[name] * amount for name, amount in amounts.items())
        rows.append(Measurement(f"row {k}", power * (1 + noise * chance.normal()), amounts))
    return rows


def test_exact_measurements_give_the_coefficients_back() -> None:
    found = fit(_rows(), "here.csv")
    for name, value in TRUE.items():
        scale = 1e3 if name == "block_ram" else 1.0
        assert found.coefficients[name].typical == pytest.approx(scale * value, rel=1e-6)
        # No meter is better than 1 %.
        assert found.coefficients[name].high >= 1.01 * found.coefficients[name].typical * 0.999999
    assert found.worst_error < 1e-6


def test_ranges_hold_the_truth_and_grow_with_the_noise() -> None:
    quiet, loud = fit(_rows(0.01), "a"), fit(_rows(0.08), "a")
    for name, value in TRUE.items():
        scale = 1e3 if name == "block_ram" else 1.0
        for found in (quiet, loud):
            assert found.coefficients[name].low <= scale * value <= found.coefficients[name].high
        wide = [found.coefficients[name].high - found.coefficients[name].low for found in (quiet, loud)]
        assert wide[0] < wide[1]
    assert quiet.mean_error < loud.mean_error


def test_what_is_left_out_is_not_in_the_fit() -> None:
    rows = _rows(0.02)
    found = fit(rows, "a")
    rows[4] = Measurement("wrong", rows[4].power_mw * 1.5, rows[4].amounts)
    spoiled = fit(rows, "a")
    assert abs(spoiled.left_out[4]) > abs(spoiled.errors[4])  # type: ignore[arg-type]
    assert spoiled.worst_error > 5 * found.worst_error


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_non_negative_is_the_best_of_all_that_are_not_negative(seed: int, columns: int) -> None:
    chance = np.random.default_rng(seed)
    rows, wanted = chance.normal(size=(8, columns)), chance.normal(size=8)
    found = non_negative(rows, wanted)
    assert (found >= 0).all()
    # Karush-Kuhn-Tucker: no way down from here.
    slope = rows.T @ (rows @ found - wanted)
    assert (slope > -1e-8).all()
    assert np.abs(slope * found).max() < 1e-8


def test_a_calibration_narrows_the_range_of_its_board_and_the_estimate_uses_it(tmp_path: Path) -> None:
    calibrate(UP5K).calibration.save(tmp_path / "p.json")
    board = load_board("icebreaker")
    mine = Calibration.load(tmp_path / "p.json")
    used, activity = {"ICESTORM_LC": 60}, Activity(busy=1.0, switching=0.07)
    before = estimate_power(board, used, 12.0, activity=activity)
    after = estimate_power(board, used, 12.0, activity=activity, coefficients=mine.of(board))
    assert after.high - after.low < before.high - before.low
    assert after.low < 0.757 < after.high
    assert "up5k.csv" in next(t for t in after.terms if t.name == "clock").coefficient.source
    with pytest.raises(UserError, match=r"is of ice40 up5k, and ulx3s-85f has ecp5 85k"):
        mine.of(load_board("ulx3s-85f"))


def test_the_shipped_example_is_the_published_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend("scripts")
    import power_published

    assert UP5K.read_text(encoding="utf-8").splitlines() == list(power_published.csv_lines())
    found = calibrate(UP5K)
    assert found.calibration.rows == len(power_published.FITTED)
    assert found.calibration.worst_error < 0.08


def test_a_measured_design_whose_activity_is_known_is_within_a_factor_of_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend("scripts")
    import power_published
    import power_validation

    working = [d for d in power_published.HELD_OUT if d.name.startswith("SYNtzulu") and d.duty]
    assert len(working) == 3
    for design in working:
        found = power_validation.predicted(design)
        assert found.low <= design.measured_mw <= found.high
        assert 2 * found.low >= found.typical
        assert found.high <= 2 * found.typical


def _write(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _table(number: int = 8, **changes: object) -> list[dict[str, object]]:
    rows = []
    for k in range(number):
        clock = 6.0 * (k + 1)
        power = round(0.12 + 0.05 * clock, 4)
        rows.append(
            {"name": f"r{k}", "board": "icebreaker", "power_mw": power, "clock_mhz": clock, **changes}
        )
    return rows


def _with(row: int, **changes: object) -> list[dict[str, object]]:
    table = _table()
    table[row] |= changes
    return table


REFUSED = [
    (
        _table(3),
        r"m.csv has 3 measurements for 2 coefficients \(static, clock\): it takes at least 4; measure",
    ),
    (_with(1, power_mw="a lot"), r"line 3: power_mw must be a number, 0 or more, not 'a lot'"),
    (_with(1, power_mw="nan"), r"line 3: power_mw must be a number, 0 or more, not 'nan'"),
    (_with(1, power_mw=0), r"line 3: power_mw must be above 0"),
    (_with(2, clock_mhz=-1), r"line 4: clock_mhz must be a number, 0 or more, not '-1'"),
    (_with(2, board="nobody"), r"nobody"),
    (_with(2, board=""), r"line 4: board is empty"),
    (_with(0, board="ulx3s-85f"), r"measurements of ecp5 85k and ice40 up5k; one device a file"),
    (_with(0, power_mw=0.42e3), r"'r0' has 420 mW where the published coefficients give 0.42"),
    ([row | {"watts": 1} for row in _table()], r"has a column 'watts'; there are name, board"),
    (_table(switching=2, cells=10), r"line 2: switching is a share of the bits, 0 to 1, not 2"),
    (_table(spram_per_cycle=1), r"cannot tell clock, single-port RAM apart"),
    (_table(samples_per_s=3), r"line 2: samples_per_s needs a report beside it"),
    ([{"power_mw": 1}], r"has to say what was measured: a column report, or board and clock_mhz"),
]


@pytest.mark.parametrize(("rows", "message"), REFUSED)
def test_nonsense_is_refused_in_one_line(
    rows: list[dict[str, object]], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path / "m.csv", rows)
    with pytest.raises(UserError, match=message):
        calibrate(path)
    out = tmp_path / "power.json"
    assert cli.main(["calibrate", str(path), "-o", str(out)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not out.exists()


def test_measurements_that_follow_from_nothing_are_refused(tmp_path: Path) -> None:
    rows = _table()
    for k, row in enumerate(rows):
        row["power_mw"] = 0.1 if k % 2 else 8.0
    with pytest.raises(UserError, match=r"does not follow from any coefficients"):
        calibrate(_write(tmp_path / "m.csv", rows))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty: its first line names columns"),
        ("power_mw,board,clock_mhz\n", "has no measurements"),
        ("power_mw,board,clock_mhz\n1,icebreaker\n", "line 2 has 2 fields for 3 columns"),
        ("power_mw,power_mw\n", "has the column power_mw twice"),
        ('power_mw,board,clock_mhz\n"1,2\n', "is not a readable CSV file"),
    ],
)
def test_a_file_that_is_no_table_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        calibrate(path)


def test_a_calibration_file_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    calibrate(UP5K).calibration.save(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    for change in (
        {"coefficients": {"warp": content["coefficients"]["clock"]}},
        {"mean_error": -1.0},
        {"coefficients": {"clock": content["coefficients"]["clock"] | {"low": 1e9}}},
    ):
        path.write_text(json.dumps(content | change), encoding="utf-8")
        with pytest.raises(UserError, match="holds no power calibration of this version"):
            Calibration.load(path)


def test_the_command_prints_every_row_and_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["calibrate", str(UP5K), "-o", str(tmp_path / "p.json")]) == 0
    text = capsys.readouterr().out
    assert "12 MHz, 4 counters" in text
    assert "leave-one-out error: 2.5 % on average, 7.9 % at most" in text
    assert set(AMOUNTS) > {"clock_mhz", "switching"}
    assert cli.main(["calibrate", str(UP5K), "-o", str(tmp_path / "p.txt")]) == 2


def _report(path: Path, cells: int, switching: float, accesses: float) -> dict[str, float]:
    """A build's report, and the amounts of its estimate, 1000 samples a second back to back."""
    board = load_board("icebreaker")
    used = {"ICESTORM_LC": cells, "ICESTORM_RAM": 4}
    activity = Activity(busy=1.0, switching=switching)
    estimate = estimate_power(board, used, 12.0, activity=activity, memory_accesses_per_s=accesses * 1e6)
    Report.of(
        SECTIONS,
        board=Board("icebreaker"),
        power_mw=power_mw(estimate),
        throughput=Throughput(on_chip_per_s=1000.0),
    ).save(path)
    return {term.field: float(term.amount.typical) for term in estimate.terms if term.amount is not None}


def test_a_row_may_be_a_build_and_its_rate(tmp_path: Path) -> None:
    designs = [
        _report(tmp_path / f"{k}.json", 300 * (k + 1), 0.1 + 0.05 * k, 30.0 / (k + 1)) for k in range(3)
    ]
    rows: list[dict[str, object]] = []
    for k, amounts in enumerate(designs):
        for rate in (0.0, 300.0, 1000.0):
            share = {name: 1.0 if name in ("static", "clock") else rate / 1000 for name in amounts}
            power = sum(TRUE[name] * amount * share[name] for name, amount in amounts.items())
            rows.append({"power_mw": power, "report": f"{k}.json", "samples_per_s": rate})
    # Of one clock, static and clock are one: a row of another tells them apart.
    other = {"power_mw": TRUE["static"], "board": "icebreaker", "clock_mhz": 0}
    table = [{**dict.fromkeys(("report", "samples_per_s", "board", "clock_mhz"), ""), **row} for row in rows]
    path = _write(tmp_path / "m.csv", [*table, {**dict.fromkeys(table[0], ""), **other}])
    found = calibrate(path).calibration.coefficients
    for name, value in TRUE.items():
        assert found[name].typical == pytest.approx((1e3 if name == "block_ram" else 1) * value, rel=1e-4)
    for change, message in (
        ({"samples_per_s": ""}, "samples_per_s is empty; say how many samples a second"),
        ({"samples_per_s": 2000}, "samples_per_s is at most 1000 with that design, not 2000"),
        ({"clock_mhz": 12}, "clock_mhz stands in the report already"),
        ({"report": "none.json"}, "no such file"),
    ):
        with pytest.raises(UserError, match=message):
            calibrate(_write(tmp_path / "n.csv", [{**table[0], **change}, *table[1:]]))
