"""AMD (Xilinx) 7 series: Verilog, netlist and constraints; no wheel brings place and route for it."""

from qsnn_hw.families.family import (
    BoardRules,
    Cells,
    Costs,
    DistributedRam,
    Fabric,
    Family,
    Flow,
    Units,
)
from qsnn_hw.families.pins import Port


def _fewest_carries(bits: int) -> int:
    """A CARRY4 adds four bits."""
    return -(-bits // 4)


def _pin_lines(bit: str, pin: str, port: Port, standard: str | None, drive_ma: int | None) -> list[str]:
    said = {"LOC": pin, "IOSTANDARD": standard}
    if port.direction == "out":
        said["DRIVE"] = str(drive_ma)
    if port.pull != "none":
        said[f"PULL{port.pull.upper()}"] = "TRUE"
    return [f"set_property {name} {value} [get_ports {{{bit}}}]" for name, value in said.items()]


# Not fitted: what the structure says, a six-input LUT holding a multiplexer of two and the gate before it.
_EXPECTED = {
    "adders": 1.0,
    "muxes": 0.6,
    "depth_muxes": 0.5,
    "control": 0.5,
    "luts": 0.5,
    "saves": 0.8,
    "deep_saves": 1.0,
    "distributed": 0.0,
    "groups": 20.0,
    "links": 380.0,
}

FAMILY = Family(
    name="xilinx7",
    title="Xilinx 7 series",
    board=BoardRules(
        devices=("xc7a35t", "xc7a100t"),
        speed_grade=True,
        io_standard=True,
        pulls=("none", "up", "down"),
        bitstream_suffixes=(".bit",),
        synth_args=dict.fromkeys(("-nobram", "-nolutram", "-nowidelut", "-nosrl", "-dff")),
        place_args={},
        pack_args={},
    ),
    # Of yosys' own count: distributed RAM is no LUT.
    units=Units("SLICE_LUT", "SLICE_REG", "RAMB18", None, "DSP48E1"),
    cells=Cells(
        luts=("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6"),
        registers=("FDRE", "FDSE", "FDCE", "FDPE"),
        block_rams=("RAMB18E1", "RAMB36E1"),
        double_block_rams=("RAMB36E1",),
        sprams=(),
        dsps=("DSP48E1",),
        distributed=("RAM32M", "RAM64M"),
        carry="CARRY4",
        fewest_carries=_fewest_carries,
    ),
    fabric=Fabric(
        block_cost=129,
        distributed=DistributedRam(words=32, bits=6, cost=8, by_width=True),
        registered_reads=True,
        wide_multiplexers=True,
        adders_invert=True,
        multiplier_bits=18,
        # Multipliers are left out, see the command of synthesis below.
        least_product_bits=1_000,
        # A guess: the leak of an LFE5U-85F.
        rest_luts=8000,
    ),
    costs=Costs(logic=_EXPECTED, registers={"computed": 1.0, "copied": 1.0}, expected_logic=_EXPECTED),
    power={},
    flow=Flow(
        # Its multipliers were never tried with these designs.
        synth="synth_xilinx -flatten -nodsp",
        place=None,
        pack=None,
        place_words=None,
        pins_suffix=".xdc",
        routed_suffix="",
        pin_lines=_pin_lines,
        unplaced=(
            "needs openXC7 (nextpnr-xilinx, fasm2frames, xc7frames2bit), which no wheel brings, or Vivado"
        ),
    ),
)
