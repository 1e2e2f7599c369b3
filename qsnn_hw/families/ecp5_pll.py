"""EHXPLLL of ECP5 and ECP5-5G, as far as a design with one clock needs it.

Limits: Lattice FPGA-DS-02012, ECP5 and ECP5-5G family data sheet, sections sysCLOCK PLL Timing and External
Switching Characteristics. Dividers: FPGA-TN-02200, ECP5 and ECP5-5G sysCLOCK PLL/DLL design and usage guide.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor

from qsnn_hw.families.pll import Pll, PllCell, PllSettings

IN_MHZ, OUT_MHZ, PFD_MHZ, VCO_MHZ = (8, 400), (Fraction(25, 8), 400), (10, 400), (400, 800)
"""fIN, fOUT, fPFD and fVCO of the data sheet."""

DIVIDER = range(1, 129)
"""What CLKI_DIV, CLKFB_DIV, CLKOP_DIV and CLKOS_DIV take."""


def _settings(in_mhz: Fraction) -> Iterator[PllSettings]:
    """The loop is closed through output OP, and output OS has a divider of its own for the system clock.

    ``CLKOP = PFD * CLKFB_DIV``, ``VCO = CLKOP * CLKOP_DIV``, ``CLKOS = VCO / CLKOS_DIV``. Of all pairs of
    CLKFB_DIV and CLKOP_DIV with one product, which make the same rates, it is the one of the smallest
    CLKFB_DIV.
    """
    if not IN_MHZ[0] <= in_mhz <= IN_MHZ[1]:
        return
    for input_ in DIVIDER:
        pfd = in_mhz / input_
        if not PFD_MHZ[0] <= pfd <= PFD_MHZ[1]:
            continue
        for product in range(ceil(VCO_MHZ[0] / pfd), floor(VCO_MHZ[1] / pfd) + 1):
            loop = _loop(product, pfd)
            if loop is None:
                continue
            vco = pfd * product
            for output in DIVIDER:
                out = vco / output
                if OUT_MHZ[0] <= out <= OUT_MHZ[1]:
                    dividers = {"CLKI_DIV": input_, "CLKFB_DIV": loop, "CLKOP_DIV": product // loop}
                    yield PllSettings({**dividers, "CLKOS_DIV": output}, in_mhz, pfd, vco, out)


def _loop(product: int, pfd: Fraction) -> int | None:
    """The smallest CLKFB_DIV with a CLKOP_DIV whose product is ``product``, OP within its limits."""
    for feedback in DIVIDER:
        whole = product % feedback == 0 and product // feedback in DIVIDER
        if whole and OUT_MHZ[0] <= pfd * feedback <= OUT_MHZ[1]:
            return feedback
    return None


def _cell(settings: PllSettings, device: str, package: str, pin: str) -> PllCell:
    divided = settings.dividers
    parameters: dict[str, str | int | tuple[int, int]] = dict.fromkeys(
        ("PLLRST_ENA", "INTFB_WAKE", "STDBY_ENABLE", "DPHASE_SOURCE"), "DISABLED"
    )
    parameters |= {f"OUTDIVIDER_MUX{mux}": f"DIV{mux}" for mux in "AB"}
    parameters |= {"CLKOP_ENABLE": "ENABLED", "CLKOS_ENABLE": "ENABLED", "FEEDBK_PATH": "CLKOP", **divided}
    for output in ("CLKOP", "CLKOS"):
        # A phase of 0 is CPHASE = divider - 1.
        parameters |= {f"{output}_CPHASE": divided[f"{output}_DIV"] - 1, f"{output}_FPHASE": 0}
    unused = ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PHASEDIR", "PHASESTEP", "PHASELOADREG")
    return PllCell(
        name="EHXPLLL",
        clock_in="CLKI",
        clock_out="CLKOS",
        locked="LOCK",
        parameters=parameters,
        # Of the loop filter, as Project Trellis' ecppll sets them for every rate.
        attributes={
            **{"ICP_CURRENT": "12", "LPF_RESISTOR": "8"},
            **{"MFG_ENABLE_FILTEROPAMP": "1", "MFG_GMCREF_SEL": "2"},
        },
        constants={**dict.fromkeys(unused, 0), "PLLWAKESYNC": 0, "ENCLKOP": 0, "ENCLKOS": 0},
        feedback=("CLKOP", "CLKFB"),
    )


def _jitter_ns(out_mhz: float) -> float:
    """tOPJIT, period: 100 ps from 100 MHz on, 0.025 UI below."""
    return 0.1 if out_mhz >= 100 else 0.025 * 1e3 / out_mhz


PLL = Pll(
    source="Lattice FPGA-DS-02012, sysCLOCK PLL Timing and External Switching Characteristics",
    settings=_settings,
    cell=_cell,
    missing=lambda device, package, pin, others: None,
    jitter_ns=_jitter_ns,
    # tSKEW_PRI and fMAX_PRI of speed grade 6, the slowest.
    skew_ns=lambda device: 0.505,
    most_mhz=lambda device: 257.0,
)
