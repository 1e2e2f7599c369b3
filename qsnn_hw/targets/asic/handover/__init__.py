"""The folder that goes to whoever lays the chip out: Verilog, memories, constraints, scripts, projects."""

import json
import shutil
from pathlib import Path

import numpy as np

from qsnn_hw.build.steps import outputs
from qsnn_hw.golden import GoldenRun
from qsnn_hw.host.protocol import address_bits, sample_words
from qsnn_hw.host.stream_words import pack_words
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support import files
from qsnn_hw.targets.asic.handover import scripts, tinytapeout
from qsnn_hw.targets.asic.handover.names import HANDOVER
from qsnn_hw.targets.asic.handover.wrapper import wrapper_verilog
from qsnn_hw.targets.asic.plan import AsicPlan
from qsnn_hw.targets.asic.record import ChipImplementation

_VECTORS = 2
"""Samples in the test of a TinyTapeout project."""

_README = """\
# {name}: hand-over

Before layout: {cells}.

| file | what it is |
|---|---|
| `src/{name}.v` | the network, top module `{name}`: AER streams `i` and `o`, `clk`, `rst` (synchronous) |
| `src/macros.v` | behavioural bodies of its memory modules, for simulation; latch arrays, which are logic |
| `src/macros_sky130.v` | the same modules made of sky130's published SRAM macros |
| `netlist.v`, `cells.lib` | the netlist of cells and the Liberty file it was mapped to |
| `map.ys`, `{name}.sdc` | `yosys -Q map.ys` maps it again; the constraints |
| `sta.tcl` | `sta -exit sta.tcl` times it; only of a library with timing |
| `librelane/config.json` | LibreLane's configuration for sky130; instances of macros have no places yet |
| `tinytapeout/` | a TinyTapeout project: {tiny} |

{weights}
"""


def hand_over(
    folder: Path,
    plan: HardwarePlan,
    chip: AsicPlan,
    built: ChipImplementation,
    vectors: tuple[np.ndarray, GoldenRun] | None,
) -> list[str]:
    """Write the folder below ``folder``, whole; what there is to say of it, in lines.

    Parameters
    ----------
    vectors
        uint8 events, shape (time, sample, input), and golden of them, for the test of a TinyTapeout project;
        None: there is none.

    Raises
    ------
    UserError
        A file cannot be written.
    """
    where, mapped = folder / HANDOVER, built.mapped
    if where.exists():
        # What an earlier plan left is none of this one's.
        shutil.rmtree(where)
    source = mapped.netlist.parent
    period = scripts.clock_period_ns(None if built.timing is None else built.timing.period_ns)
    memories = [(use.module, use.depth, use.width) for use in chip.macros if use.kind != "latches"]
    network = (folder / outputs.NETWORK_VERILOG).read_text(encoding="utf-8")
    macros = (folder / outputs.MACROS).read_text(encoding="utf-8")
    latches = any(use.kind == "latches" for use in chip.macros)
    load = None if mapped.load_ff is None else mapped.load_ff / 1000
    written = {
        f"src/{plan.name}.v": network,
        "src/macros.v": macros,
        "src/macros_sky130.v": wrapper_verilog(use.macro for use in chip.macros),
        f"{plan.name}.sdc": scripts.sdc(period, load),
        "librelane/config.json": scripts.librelane(plan.name, period, memories),
        "map.ys": _own_script(mapped.script.read_text(encoding="utf-8"), plan.name),
    }
    if mapped.timed:
        written["sta.tcl"] = scripts.sta_script(plan.name)
    for name in ("netlist.v", "cells.lib", "cells.genlib", "abc.constr", "resets.v", "enables.v", "plain.v"):
        if (source / name).is_file():
            written[name] = (source / name).read_text(encoding="utf-8", errors="replace")
    found = tinytapeout.fit(plan, mapped, mapped.nand2_area)
    if found.tiles is not None:
        clock_hz = min(50_000_000, int(1e9 / period))
        text = network + (macros if latches else "")
        for name, content in tinytapeout.project(plan, found.tiles, clock_hz).items():
            written[f"tinytapeout/{name}"] = content
        written[f"tinytapeout/src/{plan.name}.v"] = text
        if vectors is not None:
            written["tinytapeout/test/vectors.json"] = _vectors(plan, *vectors)
        tiny = f"{found.tiles} tiles, {found.area_um2:,.0f} um2 of cells in sky130_fd_sc_hd ({found.basis})"
    else:
        tiny = f"refused: {found.refused}"
    weights = f"A host loads the weights after reset: `{outputs.WEIGHTS}`." if plan.loaded_groups else ""
    for name, content in written.items():
        files.write_text(where / name, content)
    # Last: with it the folder counts as whole.
    cells = f"{mapped.name}, {mapped.corner}, {mapped.source}"
    files.write_text(
        where / "README.md", _README.format(name=plan.name, cells=cells, tiny=tiny, weights=weights)
    )
    return [f"{where}", f"TinyTapeout: {tiny}"]


def _own_script(script: str, top: str) -> str:
    """The mapping's script with the names that the files have here."""
    lines = []
    for line in script.splitlines():
        if line.startswith("read_verilog -sv "):
            path = line.split('"')[1]
            name = "macros.v" if path.endswith(outputs.MACROS) else f"{top}.v"
            lines.append(f'read_verilog -sv "src/{name}"')
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _vectors(plan: HardwarePlan, inputs: np.ndarray, golden: GoldenRun) -> str:
    """Words to send, and the addresses that must leave in every time step, of the first samples."""
    samples = min(_VECTORS, inputs.shape[1])
    words = [word for sample in range(samples) for word in sample_words(inputs[:, sample], plan.input_space)]
    out = plan.output_space.addresses()
    fired = golden.spikes[plan.output_group.group][:, :samples]
    spikes = [
        sorted(int(out[n]) for n in np.repeat(np.arange(out.size), fired[step, sample].reshape(-1)))
        for sample in range(samples)
        for step in range(inputs.shape[0])
    ]
    content = {
        "words": pack_words(words, plan.input_addresses),
        "output_tick": address_bits(plan.output_addresses),
        "spikes": spikes,
        "cycles": 1_000_000,
    }
    return json.dumps(content) + "\n"
