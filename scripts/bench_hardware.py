"""The hardware against its targets: logic, Fmax, cycles and exactness of a set of designs in one run.

Each design is quantized, planned, compared with the golden model spike for spike in simulation (which
counts the cycles of every sample), synthesized, and placed and routed with several seeds; Fmax is the
median of the seeds. Networks stand between shift registers (see StreamHarness) unless the row says
that the serial link is included. Designs whose model or data is absent are left out, and named.
"""

import argparse
import json
import os
import statistics
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from hardware_designs import DESIGNS, Design, StreamHarness
from hardware_pages import cycles_plot, report

from qsnn_hw.boards import Board, load_board
from qsnn_hw.errors import MismatchError, ToolError, UserError
from qsnn_hw.files import write_json, write_text
from qsnn_hw.golden import run_clocked
from qsnn_hw.golden.readouts import first_class
from qsnn_hw.implement.least import least_cells
from qsnn_hw.implement.place_route import place_and_route
from qsnn_hw.implement.synthesis import synthesize
from qsnn_hw.limits import FAMILIES
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import load_dataset
from qsnn_hw.model.network import INPUT
from qsnn_hw.model.reader import read_network
from qsnn_hw.model.simulate import accuracy
from qsnn_hw.plan import HardwarePlan, make_plan
from qsnn_hw.progress import Progress
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.rtl.board_top import BoardTop
from qsnn_hw.rtl.export import export_verilog
from qsnn_hw.rtl.top import SpikingNetwork
from qsnn_hw.tools import find_tool
from qsnn_hw.verify import verify


@dataclass(frozen=True)
class Row:
    """What was measured of one design; lists have one entry per seed or per sample.

    ``share`` is the share of the memory limit: rows of synapse memory that events read in the group
    with the most events, over the rows its banks could deliver in the cycles that the samples took.
    """

    name: str
    target: str
    title: str
    bits: int
    board: str
    accuracy: float | None
    samples: int
    logic: int
    registers: int | None
    block_rams: int
    sprams: int
    dsps: int
    fmax_mhz: list[float]
    cycles: list[int]
    events: list[int]
    share: float
    shapes: list[str]
    bounds: dict[str, float | None]

    @property
    def median_mhz(self) -> float:
        """Over the seeds."""
        return statistics.median(self.fmax_mhz)


def measure(design: Design, given: argparse.Namespace, progress: Progress) -> Row | None:
    """All of one design; None when its model or data is not there."""
    model, data_file = design.source.files(given.data)
    if not model.exists() or not data_file.exists():
        progress.say(f"{design.name}: {model} or {data_file} is absent, left out")
        return None
    progress.say(f"== {design.name}: {design.target}")
    folder = given.out / design.name
    folder.mkdir(parents=True, exist_ok=True)
    convention = Convention.preset(design.source.convention).with_settings(design.source.settings)
    network = read_network(model, convention)
    data = load_dataset(data_file, network=network, samples=given.samples)
    clip = "mse" if design.bits < 8 else design.source.clip
    most = max(1, int(data.input.max()))
    quantized = quantize(network, QuantizeOptions(weight_bits=design.bits, clip=clip, input_max=most))  # type: ignore[arg-type]
    golden = run_clocked(quantized, data.input, record=[g.name for g in quantized.groups])
    steps = data.steps * data.samples
    activity = {name: float(s.sum(dtype=np.int64)) / steps for name, s in golden.spikes.items()}
    activity[INPUT] = float(data.input.sum(dtype=np.int64)) / steps
    board = load_board(design.board)
    plan = make_plan(
        quantized,
        replace(
            design.options,
            limits=board.limits,
            activity=activity,
            host_lanes=8 if design.harness else 1,
        ),
    )
    traced = export_verilog(SpikingNetwork(plan, trace=True), plan.name, folder, progress)
    checked = verify(
        plan,
        traced,
        data.input.reshape(data.steps, data.samples, -1),
        golden,
        folder / "verify",
        samples=given.simulate,
        passes=("alone",),
        progress=progress,
    )
    divisor = round(board.clock_mhz * 1e6 / board.baud)
    top = StreamHarness(plan) if design.harness else BoardTop(plan, divisor)
    synthesis = synthesize(
        export_verilog(top, "top", folder, progress),
        "top",
        board,
        folder / "synthesis",
        least=least_cells(plan, board.limits),
        floor_plan=not given.no_floor_plan,
        progress=progress,
    )
    fmax, used = [], {}
    for seed in given.seeds:
        # A target well above what is reached makes the router try.
        target = board.clock_mhz if board.family == "ice40" else 125.0
        placed = place_and_route(
            synthesis, board, folder / f"seed{seed}", seed=seed, freq_mhz=target, progress=progress
        )
        fmax.append(placed.fmax_mhz)
        used = {name: resource.used for name, resource in placed.resources.items()}
    names = FAMILIES[board.family]
    simulated = data.input[:, : checked.samples]
    return Row(
        name=design.name,
        target=design.target,
        title=design.source.title,
        bits=design.bits,
        board=board.name,
        accuracy=None
        if data.label is None
        else _accuracy(design, golden.spikes[quantized.output], data.label),
        samples=checked.samples,
        logic=used[names.logic_cells],
        registers=None if names.registers is None else used[names.registers],
        block_rams=used.get(names.block_ram, 0),
        sprams=0 if names.spram is None else used.get(names.spram, 0),
        dsps=used.get(names.dsps, 0),
        fmax_mhz=fmax,
        cycles=list(checked.cycles_per_sample),
        events=[int(n) for n in simulated.reshape(data.steps, checked.samples, -1).sum(axis=(0, 2))],
        share=_share(plan, simulated, checked.cycles_per_sample),
        shapes=[_shape(plan, k) for k in range(len(plan.groups))],
        bounds={
            "logic": design.most_logic,
            "mhz": design.least_mhz,
            "cycles": design.most_cycles,
            "us": design.most_us,
        },
    )


def _accuracy(design: Design, spikes: np.ndarray, label: np.ndarray | None) -> float | None:
    """By the readout that the network was trained for."""
    if label is None:
        return None
    if design.source.readout == "first":
        return float(np.mean(first_class(spikes)[0] == label))
    return accuracy(spikes, label)


def _share(plan: HardwarePlan, inputs: np.ndarray, cycles: tuple[int, ...]) -> float:
    """Of the first group: synapse rows that events read, over what its banks could have delivered."""
    group = plan.groups[0]
    from qsnn_hw.verify.work import event_operations

    events = inputs.reshape(inputs.shape[0] * inputs.shape[1], -1).sum(axis=0, dtype=np.int64)
    addresses = plan.input_space.addresses() + next(
        r.offset for r in plan.routes if r.destination == group.name
    )
    rows = int(events @ event_operations(group)[addresses])
    return rows / (group.event_lanes * sum(cycles))


def _shape(plan: HardwarePlan, index: int) -> str:
    group = plan.groups[index]
    return (
        f"{group.group}: {group.lanes} x {group.folds}, {group.event_lanes} events, "
        f"{group.update_lanes} updates, {group.accumulators}"
    )


def versions(boards: list[Board]) -> str:
    """The tools of this run."""
    tools = ["yosys", *sorted({f"nextpnr-{b.family}" for b in boards}), "verilator"]
    return ", ".join(f"{tool} {find_tool(tool).version}" for tool in tools)


def main() -> int:
    """Measure, print the table, leave JSON, Markdown and the plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("designs", nargs="*", help=f"of {', '.join(d.name for d in DESIGNS)} (default: all)")
    data = os.environ.get("QSNN_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(data), help="folder of the models (or QSNN_DATA)")
    parser.add_argument("-o", "--out", type=Path, default=Path("build/bench_hardware"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--samples", type=int, default=200, help="for accuracy and activity (default 200)")
    parser.add_argument("--simulate", type=int, default=40, help="samples to simulate (default 40)")
    parser.add_argument(
        "--no-floor-plan", action="store_true", help="leave the places of block RAMs on ECP5 to nextpnr"
    )
    parser.add_argument("--table", action="store_true", help="measure nothing, only write the table again")
    parser.add_argument("--docs", action="store_true", help="write docs/hardware.md and docs/cycles.svg, too")
    given = parser.parse_args()
    progress = Progress()
    known = {d.name: d for d in DESIGNS}
    rows: list[Row] = []
    try:
        unknown = [name for name in given.designs if name not in known]
        if unknown:
            raise UserError(f"no design {unknown[0]!r}; there are {', '.join(known)}")
        for name in () if given.table else given.designs or known:
            done = given.out / f"{name}.json"
            row = measure(known[name], given, progress)
            if row is not None:
                write_json(done, asdict(row))
        # Earlier runs' rows stay in the table: every one says its seeds and samples.
        for name in known:
            file = given.out / f"{name}.json"
            if file.exists():
                rows.append(Row(**json.loads(file.read_text(encoding="utf-8"))))
    except (UserError, ToolError, MismatchError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    if not rows:
        print(f"error: no design was measured, and {given.out} holds no earlier row", file=sys.stderr)
        return 2
    text = report(rows, versions([load_board(r.board) for r in rows]))
    print(text)
    plot = cycles_plot(rows)
    write_text(given.out / "hardware.md", text)
    if plot is not None:
        write_text(given.out / "cycles.svg", plot)
    if given.docs:
        write_text(Path("docs/hardware.md"), text)
        if plot is not None:
            write_text(Path("docs/cycles.svg"), plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
