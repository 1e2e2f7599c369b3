"""rPLL of Gowin GW1NR-9 and GW2A(R)-18, as far as a design with one clock needs it.

Equations: Gowin UG286, clock user guide, rPLL. Limits: Gowin DS117 (GW1NR) of speed grade C6 and DS226
(GW2AR) of C8, as Project Apicula's ``gowin_pll`` and ``gowin_pack`` hold them; the sheets themselves were not
read here. A setting is offered that keeps to those of both devices.
"""

from collections.abc import Iterator
from fractions import Fraction

from qsnn_hw.families.pll import Pll, PllCell, PllSettings

IN_MHZ, PFD_MHZ, VCO_MHZ = (3, 400), (3, 400), (500, 1200)
"""CLKIN, phase detector and VCO: 400 to 1200 MHz of GW1NR-9, 500 to 1250 of GW2A."""

OUT_MHZ = (Fraction(125, 32), 600)
"""CLKOUT: from 3.125 to 600 MHz of GW1NR-9, from 3.90625 to 625 of GW2A; the lowest itself is none."""

DIVIDER, ODIV = range(1, 65), (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)
"""What IDIV_SEL + 1 and FBDIV_SEL + 1 take, and ODIV_SEL."""

_NAMES = {"gw1nr-9c": "GW1NR-9C", "gw2a-18c": "GW2A-18C", "gw2ar-18c": "GW2AR-18C"}
"""Device -> what the cell's parameter DEVICE calls it."""


def _settings(in_mhz: Fraction) -> Iterator[PllSettings]:
    """``CLKOUT = CLKIN * (FBDIV_SEL + 1) / (IDIV_SEL + 1)``, ``VCO = CLKOUT * ODIV_SEL``."""
    if not IN_MHZ[0] <= in_mhz <= IN_MHZ[1]:
        return
    for input_ in DIVIDER:
        pfd = in_mhz / input_
        if not PFD_MHZ[0] <= pfd <= PFD_MHZ[1]:
            continue
        for feedback in DIVIDER:
            out = pfd * feedback
            if not OUT_MHZ[0] < out <= OUT_MHZ[1]:
                continue
            for output in ODIV:
                vco = out * output
                if VCO_MHZ[0] <= vco <= VCO_MHZ[1]:
                    dividers = {"IDIV_SEL": input_ - 1, "FBDIV_SEL": feedback - 1, "ODIV_SEL": output}
                    yield PllSettings(dividers, in_mhz, pfd, vco, out)


def _cell(settings: PllSettings, device: str, package: str, pin: str) -> PllCell:
    return PllCell(
        name="rPLL",
        clock_in="CLKIN",
        clock_out="CLKOUT",
        locked="LOCK",
        parameters={
            # The packer sets the loop filter by it.
            "FCLKIN": f"{float(settings.in_mhz):g}",
            **{f"DYN_{name}_SEL": "false" for name in ("IDIV", "FBDIV", "ODIV")},
            **settings.dividers,
            **{"CLKFB_SEL": "internal", "DEVICE": _NAMES[device]},
        },
        constants={"CLKFB": 0, "RESET": 0, "RESET_P": 0},
    )


def _jitter_ns(out_mhz: float) -> float:
    """An assumption, that of the wider of the other families: 450 ps and 0.05 UI, the larger."""
    return max(0.45, 0.05 * 1e3 / out_mhz)


PLL = Pll(
    source="Gowin UG286; limits of DS117 and DS226 by Project Apicula; jitter and skew are assumptions",
    settings=_settings,
    cell=_cell,
    missing=lambda device, package, pin, others: None,
    jitter_ns=_jitter_ns,
    # Assumptions: no figure was at hand. The widest skew of the other families, and a rate above all designs.
    skew_ns=lambda device: 0.73,
    most_mhz=lambda device: 200.0,
)
