"""The power estimate: sums, bands, labels, and a check against a chip nobody fitted it to."""

from dataclasses import replace

import pytest

from qsnn_hw.families.boards import list_boards, load_board
from qsnn_hw.families.power_coefficients import Coefficient
from qsnn_hw.families.registry import families
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.fpga.measurements import calibrate
from qsnn_hw.targets.fpga.power import estimate_power, pins_power, without_coefficients
from qsnn_hw.targets.fpga.power_terms import Activity
from tests.support.places import EXAMPLES

ICE = load_board("icebreaker")
ECP = load_board("ulx3s-85f")
ICE_USED = {"ICESTORM_LC": 1000, "ICESTORM_RAM": 10, "ICESTORM_SPRAM": 0, "ICESTORM_DSP": 0}
ECP_USED = {"TRELLIS_COMB": 5000, "TRELLIS_FF": 2000, "DP16KD": 57, "MULT18X18D": 0}


WITHOUT_POWER = {"hx8k", "um5g-45k", "um5g-85k", "xc7a35t"}
"""Devices of shipped boards whose power is "not estimated": nothing published was at hand."""


def _terms(estimate):
    return {term.name: term.power for term in estimate.terms}


def test_every_shipped_board_has_coefficients_with_sources():
    for board in list_boards():
        if board.device in WITHOUT_POWER:
            assert board.device not in board.family.power
            continue
        device = board.family.power[board.device]
        found = [value for value in vars(device).values() if value is not None]
        assert all(isinstance(c, Coefficient) and c.unit and c.source for c in found)
        # An assumption says so, and is wide.
        assert all(c.source.startswith("assumption") == c.assumed for c in found)
        assert all(c.high >= 2 * c.low for c in found if c.assumed)


def test_terms_add_up_at_each_end():
    estimate = estimate_power(ICE, ICE_USED, 12.0, activity=Activity(busy=0.5, toggle=0.2))
    for end in ("low", "typical", "high"):
        terms = sum(getattr(power, end) for power in _terms(estimate).values())
        parts = estimate.part("static").plus(estimate.part("clock")).plus(estimate.part("work"))
        assert getattr(estimate, end) == pytest.approx(terms)
        assert getattr(parts, end) == pytest.approx(terms)
    assert 0 < estimate.low < estimate.typical < estimate.high
    assert estimate.label == "estimated"


def test_up5k_terms_follow_the_published_fit():
    terms = _terms(estimate_power(ICE, ICE_USED, 12.0, activity=Activity(busy=0.5, toggle=0.2)))
    fitted = calibrate(EXAMPLES / "power" / "up5k.csv").calibration.coefficients
    assert terms["static"].typical == pytest.approx(fitted["static"].typical, rel=0.01)
    assert terms["clock"].typical == pytest.approx(12 * fitted["clock"].typical, rel=0.01)
    assert terms["logic"].typical == pytest.approx(12 * 1000 * 0.5 * 0.2 * fitted["logic"].typical, rel=0.01)
    for name in ("pll", "oscillator"):
        published = getattr(ICE.family.power["up5k"], name)
        assert published.typical == pytest.approx(fitted[name].typical, rel=0.02)
        assert published.low <= fitted[name].low <= fitted[name].high <= published.high
    assert terms["logic"].high == pytest.approx(2 * terms["logic"].typical)
    # 10 blocks, half of 12 M cycles a second, 8 pJ each.
    assert terms["block RAM"].typical == pytest.approx(10 * 6e6 * 8e-12 * 1e3)


@pytest.mark.parametrize(("cells", "microamps"), [(32, 613.5), (228, 641.3)])
def test_up5k_small_designs_lie_in_the_band(cells, microamps):
    """Rows of the measurements behind the fit: a check of the units, not of the model."""
    estimate = estimate_power(ICE, {"ICESTORM_LC": cells}, 12.0)
    assert estimate.low < microamps * 1.219e-3 < estimate.high


def test_a_pll_and_the_oscillator_are_terms_of_the_clock_where_they_run():
    plain = estimate_power(ICE, ICE_USED, 24.0, activity=Activity(busy=0.5, toggle=0.2))
    more = estimate_power(
        ICE, ICE_USED, 24.0, activity=Activity(busy=0.5, toggle=0.2), vco_mhz=768.0, oscillator=True
    )
    power = ICE.family.power["up5k"]
    assert _terms(more)["PLL"].typical == pytest.approx(768 * power.pll.typical)
    assert _terms(more)["oscillator"].typical == power.oscillator.typical
    assert more.part("clock").typical > plain.part("clock").typical
    assert more.kinds()["clock"].typical == pytest.approx(more.part("clock").typical)
    # A device whose PLL nobody has measured: said, not taken for nothing.
    unknown = estimate_power(ECP, ECP_USED, 25.0, vco_mhz=500.0)
    if ECP.family.power[ECP.device].pll is None:
        assert any("PLL's own power is not known" in note for note in unknown.notes)
    assert any("PLL" in note for note in unknown.notes) or "PLL" in _terms(unknown)


def test_every_term_is_its_coefficient_times_its_amount():
    estimate = estimate_power(
        ICE, {**ICE_USED, "ICESTORM_SPRAM": 2, "ICESTORM_DSP": 1}, 12.0, oscillator=True
    )
    for term in estimate.terms:
        scale = 1e-3 if term.coefficient.unit.startswith("pJ") else 1.0
        assert term.amount is not None
        assert term.power.typical == pytest.approx(scale * term.coefficient.typical * term.amount.typical)
        assert hasattr(ICE.family.power["up5k"], term.field)
    total = sum(kind.typical for kind in estimate.kinds().values())
    assert total == pytest.approx(estimate.typical)


def test_transitions_at_pins_cost_half_a_capacity_each():
    found = pins_power(ICE, Range(1e6, 2e6, 4e6))
    assert found.power.typical == pytest.approx(2e6 * 54e-12 * 1e3)
    assert found.coefficient.assumed


def test_measured_activity_narrows_the_band_and_drops_the_notes():
    assumed = estimate_power(ICE, ICE_USED, 12.0)
    measured = estimate_power(
        ICE, ICE_USED, 12.0, activity=Activity(busy=0.6, toggle=0.2), memory_accesses_per_s=10 * 7.2e6
    )
    assert measured.high - measured.low < assumed.high - assumed.low
    assert measured.typical == pytest.approx(assumed.typical)
    text = "\n".join(assumed.notes)
    for assumption in ("busy cycles not measured", "switching share", "block RAM accesses not measured"):
        assert assumption in text
        assert assumption not in "\n".join(measured.notes)


def test_ecp5_is_dominated_by_static_power_and_says_it_is_an_assumption():
    estimate = estimate_power(ECP, ECP_USED, 25.0)
    terms = _terms(estimate)
    assert terms["static"].typical > 0.5 * estimate.typical
    assert terms["registers"].typical == pytest.approx(25.1e-5 * 25 * 2000 * 0.6 * 0.2)
    assert any(note.startswith("static: assumption") for note in estimate.notes)


def test_a_device_without_coefficients_is_named_and_no_error():
    assert without_coefficients(ICE) is None
    line = without_coefficients(replace(ICE, device="hx8k"))
    known = ", ".join(f"{family} {name}" for family in families().values() for name in family.power)
    assert line == f"power not estimated: no coefficients for ice40 hx8k; known: {known}"
    assert known.startswith("ecp5 12k, ")


def test_ecp5_static_power_rests_on_the_data_sheet_and_stays_below_the_measured_boards():
    power = ECP.family.power
    small, large = power["25k"].static, power["85k"].static
    assert not small.assumed
    assert "FPGA-DS-02012" in small.source
    # 77 mA at 1.1 V; a whole OrangeCrab and a whole ULX3S-85F draw 147 and 202 mW with their design in reset.
    assert small.typical == pytest.approx(77 * 1.1, rel=0.01)
    assert small.typical < 147
    assert large.typical < 202
    assert large.high == pytest.approx(77 * 1.1 * 83_640 / 24_288, rel=0.01)


def test_switching_that_was_measured_takes_the_place_of_busy_times_toggle():
    estimate = estimate_power(ECP, ECP_USED, 25.0, activity=Activity(busy=0.5, switching=0.01))
    terms = _terms(estimate)
    assert terms["registers"].typical == pytest.approx(25.1e-5 * 25 * 2000 * 0.01)
    assert terms["logic"].typical == pytest.approx(25e-5 * 25 * 5000 * 0.01)
    assumed = {term.name: term.assumed for term in estimate.terms}
    assert assumed["registers"] is None
    assert "accesses not measured" in assumed["block RAM"]
    assert "switching" not in "\n".join(estimate.notes)
    unknown = {term.name: term.assumed for term in estimate_power(ECP, ECP_USED, 25.0).terms}
    assert "switching share of cells not measured" in unknown["registers"]
    assert unknown["static"] is None


def test_an_idle_memory_costs_nothing_and_an_absent_one_has_no_term():
    idle = estimate_power(ICE, ICE_USED, 12.0, memory_accesses_per_s=0)
    assert _terms(idle)["block RAM"].high == 0
    assert "single-port RAM" not in _terms(idle)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: estimate_power(replace(ICE, device="hx1k"), ICE_USED, 12.0),
            "no power coefficients for ice40 hx1k",
        ),
        (lambda: estimate_power(ICE, ICE_USED, 0.0), "clock must be > 0 MHz, not 0.0"),
        (lambda: estimate_power(ICE, {}, 12.0), "power needs the used ICESTORM_LC of icebreaker"),
        (
            lambda: estimate_power(ECP, {"TRELLIS_COMB": 1}, 12.0),
            "power needs the used TRELLIS_FF of ulx3s-85f",
        ),
        (lambda: Activity(busy=1.5), "activity busy must be between 0 and 1, not 1.5"),
        (lambda: Activity(toggle=float("nan")), "activity toggle must be between 0 and 1, not nan"),
        (
            lambda: estimate_power(ICE, ICE_USED, 12.0, memory_accesses_per_s=-1),
            "block RAM accesses a second must be >= 0, not -1",
        ),
    ],
)
def test_wrong_figures_are_refused(call, message):
    with pytest.raises(UserError, match=message):
        call()


def test_unordered_ranges_are_refused():
    with pytest.raises(ValueError, match="range must be ordered and not negative"):
        Range(2, 1, 3)
    with pytest.raises(ValueError, match="coefficient range must be ordered"):
        Coefficient(2, 1, 3, "mW", "nowhere")
