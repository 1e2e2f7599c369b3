"""SB_HFOSC and SB_LFOSC of iCE40 UltraPlus."""

from fractions import Fraction

from qsnn_hw.families.on_chip import OnChip, OscillatorCell

_MHZ = 48
"""Of SB_HFOSC, which CLKHF_DIV divides by a power of two."""

ON_CHIP = OnChip(
    source=(
        "Lattice FPGA-DS-02008, iCE40 UltraPlus, Internal Oscillators (HFOSC, LFOSC): +-10 % at commercial "
        "temperatures; FPGA-TN-02008, iCE40 oscillator usage guide: output disabled for 100 us behind power"
    ),
    devices=("up3k", "up5k"),
    fast={
        Fraction(_MHZ, 2**power): OscillatorCell(
            "SB_HFOSC", "CLKHFPU", "CLKHFEN", "CLKHF", {"CLKHF_DIV": f"0b{power:02b}"}
        )
        for power in range(4)
    },
    slow=OscillatorCell("SB_LFOSC", "CLKLFPU", "CLKLFEN", "CLKLF"),
    slow_khz=10.0,
    tolerance=0.10,
    start_us=100.0,
    # tSKEW_GBUF, as of the PLL's clock.
    skew_ns=0.53,
)
