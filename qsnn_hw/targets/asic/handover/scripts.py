"""Constraints and scripts that go with the Verilog: SDC, yosys, OpenSTA, LibreLane's configuration."""

import json
from collections.abc import Sequence

from qsnn_hw.targets.asic.sram import built_of

DEFAULT_PERIOD_NS = 20.0
"""Where the timing was not measured."""

_MARGIN = 1.3
"""Over the critical path before layout, for wires and the clock tree: an assumption."""


def clock_period_ns(measured: float | None) -> float:
    """The period that is asked of the layout."""
    return DEFAULT_PERIOD_NS if measured is None else round(measured * _MARGIN, 2)


def sdc(period_ns: float, load_pf: float | None) -> str:
    """Constraints of the top module; a fifth of the period is left to what is around it, at each pin."""
    around = round(period_ns / 5, 3)
    lines = [
        f"create_clock -name clk -period {period_ns:g} [get_ports clk]",
        "set_clock_uncertainty 0.25 [get_clocks clk]",
        "foreach port [all_inputs] {",
        '  if {[get_property $port full_name] != "clk"} {',
        f"    set_input_delay {around:g} -clock clk $port",
        "  }",
        "}",
        f"set_output_delay {around:g} -clock clk [all_outputs]",
    ]
    if load_pf is not None:
        lines.append(f"set_load {load_pf:.4g} [all_outputs]")
    return "\n".join(lines) + "\n"


def sta_script(top: str) -> str:
    """What OpenSTA is told: sta -exit sta.tcl."""
    return (
        "read_liberty cells.lib\nread_verilog netlist.v\n"
        f"link_design {top}\nread_sdc {top}.sdc\n"
        "report_checks -path_delay max\nreport_checks -path_delay min\nreport_power\n"
    )


def librelane(top: str, period_ns: float, memories: Sequence[tuple[str, int, int]]) -> str:
    """LibreLane's config.json, for sky130.

    Parameters
    ----------
    memories
        (module, words, bits) of every memory module.
    """
    config: dict[str, object] = {
        "DESIGN_NAME": top,
        "VERILOG_FILES": [f"dir::../src/{top}.v"],
        "CLOCK_PORT": "clk",
        "CLOCK_PERIOD": period_ns,
        "PNR_SDC_FILE": f"dir::../{top}.sdc",
        "SIGNOFF_SDC_FILE": f"dir::../{top}.sdc",
        "FP_CORE_UTIL": 45 if memories else 55,
        "PL_TARGET_DENSITY_PCT": 55 if memories else 65,
    }
    used = sorted({built_of(depth, width).macro.name for _, depth, width in memories})
    if used:
        config["VERILOG_FILES"] = [f"dir::../src/{top}.v", "dir::../src/macros_sky130.v"]
        place = "pdk_dir::libs.ref/sky130_sram_macros"
        config["MACROS"] = {
            name: {
                "gds": [f"{place}/gds/{name}.gds"],
                "lef": [f"{place}/lef/{name}.lef"],
                "lib": {"*": [f"{place}/lib/{name}_TT_1p8V_25C.lib"]},
                "vh": [f"{place}/verilog/{name}.v"],
                "instances": {},
            }
            for name in used
        }
    return json.dumps(config, indent=2) + "\n"
