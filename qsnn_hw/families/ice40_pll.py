"""SB_PLL40 of iCE40 LP, HX and UltraPlus, as far as a design with one clock needs it.

Limits: Lattice FPGA-DS-02029 (iCE40 LP/HX) and FPGA-DS-02008 (iCE40 UltraPlus), sections sysCLOCK PLL
Timing and External Switching Characteristics; they are the same for all. Dividers: FPGA-TN-02052, iCE40
sysCLOCK PLL design and usage guide.
"""

from collections.abc import Iterator
from fractions import Fraction

from qsnn_hw.families.pll import Pll, PllCell, PllSettings

IN_MHZ, OUT_MHZ, PFD_MHZ, VCO_MHZ = (10, 133), (16, 275), (10, 133), (533, 1066)
"""fIN, fOUT, fPFD and fVCO of the data sheets."""

DIVR, DIVF, DIVQ = range(16), range(128), range(1, 7)
"""What the dividers take with the feedback path SIMPLE: the input is divided by DIVR + 1, the VCO runs at
DIVF + 1 times that, and the output at its 2**DIVQ-th part."""

# FILTER_RANGE of the loop filter by the rate at the phase detector: below 17 MHz 1, and so on.
_FILTER_BELOW = (17, 26, 44, 66, 101)

# ps, tSKEW_GBUF.
_SKEW = {
    **{"lp384": 370, "lp1k": 230, "lp4k": 340, "lp8k": 340, "hx1k": 727, "hx4k": 300, "hx8k": 300},
    # One figure for UltraPlus; the smaller ones have data sheets of their own, which are not at hand.
    **dict.fromkeys(("up3k", "up5k", "u1k", "u2k", "u4k"), 530),
}
# Note 1 of the table of packages in FPGA-DS-02029, by nextpnr's names.
_WITHOUT = {"swg16tr", "cm36", "cb81", "qn84", "vq100"}

# The package pin whose pad leads into a PLL: there the cell is SB_PLL40_PAD. IOT_46b_G0 of the pin tables of
# UltraPlus; of the others no shipped board has its clock there.
_PADS = {("up5k", "sg48"): "35", ("up3k", "sg48"): "35", ("u4k", "sg48"): "35"}


def _settings(in_mhz: Fraction) -> Iterator[PllSettings]:
    if not IN_MHZ[0] <= in_mhz <= IN_MHZ[1]:
        return
    for divr in DIVR:
        pfd = in_mhz / (divr + 1)
        if not PFD_MHZ[0] <= pfd <= PFD_MHZ[1]:
            continue
        for divf in DIVF:
            vco = pfd * (divf + 1)
            if not VCO_MHZ[0] <= vco <= VCO_MHZ[1]:
                continue
            for divq in DIVQ:
                out = vco / 2**divq
                if OUT_MHZ[0] <= out <= OUT_MHZ[1]:
                    yield PllSettings({"DIVR": divr, "DIVF": divf, "DIVQ": divq}, in_mhz, pfd, vco, out)


def _cell(settings: PllSettings, device: str, package: str, pin: str) -> PllCell:
    pad = _PADS.get((device, package)) == pin
    divided = settings.dividers
    return PllCell(
        name="SB_PLL40_PAD" if pad else "SB_PLL40_CORE",
        clock_in="PACKAGEPIN" if pad else "REFERENCECLK",
        # Straight onto a global buffer; the core's output would first go through the fabric.
        clock_out="PLLOUTGLOBAL",
        locked="LOCK",
        parameters={
            "FEEDBACK_PATH": "SIMPLE",
            "PLLOUT_SELECT": "GENCLK",
            "DIVR": (divided["DIVR"], 4),
            "DIVF": (divided["DIVF"], 7),
            "DIVQ": (divided["DIVQ"], 3),
            "FILTER_RANGE": (1 + sum(settings.pfd_mhz >= limit for limit in _FILTER_BELOW), 3),
        },
        constants={"RESETB": 1, "BYPASS": 0},
    )


def _missing(device: str, package: str, pin: str, others: tuple[str, ...]) -> str | None:
    if device == "lp384":
        return "an LP384 has no PLL"
    if package.partition(":")[0] in _WITHOUT:
        return f"no PLL is available on package {package}"
    pad = _PADS.get((device, package))
    if pad in others:
        return f"the pad of pin {pad}, which the design reads, is the PLL's"
    return None


def _jitter_ns(out_mhz: float) -> float:
    """tOPJIT, period: 450 ps and 0.05 UI, which the two data sheets give on opposite sides of 100 MHz."""
    return max(0.45, 0.05 * 1e3 / out_mhz)


PLL = Pll(
    source=(
        "Lattice FPGA-DS-02008 and FPGA-DS-02029, sysCLOCK PLL Timing and External Switching Characteristics"
    ),
    settings=_settings,
    cell=_cell,
    missing=_missing,
    jitter_ns=_jitter_ns,
    skew_ns=lambda device: _SKEW[device] / 1e3,
    # fMAX_GBUF.
    most_mhz=lambda device: 275.0 if device.startswith(("lp", "hx")) else 185.0,
)
