"""The hardware against its targets: logic, Fmax, cycles and exactness of a set of designs in one run.

Each design is built by the user's command, ``qsnn-hw build``: quantized, planned, compared in simulation
with the golden model (which counts the cycles of every sample), synthesized, placed and routed, packed.
Figures are those of its report.json. Further seeds are ``qsnn-hw synth --seed N`` in the same folder;
Fmax is the median of the seeds. Designs whose model or data is absent are left out, and named.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import script
from hardware_designs import DESIGNS, Design
from hardware_pages import cycles_plot, report
from user_command import report_of

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.families.boards import load_board
from qsnn_hw.golden.encoders import sent_spikes
from qsnn_hw.model.dataset import load_dataset, load_pixels
from qsnn_hw.model.network_file import load_network
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.files import write_json, write_text
from qsnn_hw.verify import Verification
from qsnn_hw.verify.design_cycles import DesignCycles
from qsnn_hw.verify.work import event_operations


@dataclass(frozen=True)
class Row:
    """What was measured of one design; lists have one entry per seed or per sample.

    ``cycles`` are those of the design that is built, encoder and readout included. ``share`` is the share of
    the memory limit: rows of synapse memory that the input's events read in the first group, over the rows
    its banks could deliver in the cycles that the samples took.
    """

    name: str
    target: str
    title: str
    command: str
    board: str
    bits: int
    accuracy: float | None
    samples: int
    logic: int
    registers: int | None
    block_rams: int
    sprams: int
    dsps: int
    seeds: list[int]
    fmax_mhz: list[float]
    cycles: list[int]
    events: list[int]
    share: float
    shapes: list[str]
    tools: dict[str, str]
    bounds: dict[str, float | None]

    @property
    def median_mhz(self) -> float:
        """Over the seeds."""
        return statistics.median(self.fmax_mhz)


def measure(design: Design, asked: argparse.Namespace) -> Row | None:
    """All of one design; None when its model or data is not there."""
    model, data = design.source.files(asked.data)
    if not model.exists() or not data.exists():
        print(f"{design.name}: {model} or {data} is absent, left out", flush=True)
        return None
    folder = asked.out / design.name
    arguments = design.arguments(asked.data)
    first, *others = asked.seeds
    command = " ".join(["qsnn-hw", *(Path(word).name if "/" in word else word for word in arguments)])
    print(f"== {design.name}: {command}", flush=True)
    # A folder of an earlier run is gone on with: its other options would be, too.
    report = report_of([*arguments, "--seed", str(first), "-q"], folder)
    fmax = [report["timing"]["fmax_mhz"]]
    for seed in others:
        again = report_of(["synth", "--seed", str(seed), "-q"], folder)
        fmax.append(again["timing"]["fmax_mhz"])
    board = load_board(design.board)
    names = board.family.units

    def used(name: str | None) -> int | None:
        return None if name is None else int(report["resources"].get(name, {}).get("used") or 0)

    checked = Verification.load(folder / outputs.VERIFICATION)
    plan = HardwarePlan.load(folder / outputs.PLAN)
    alone = DesignCycles.of(plan, checked).alone
    if alone is None:
        raise ToolError(f"{design.name}: no cycles of the design as built were simulated")
    cycles: list[int] = alone.tolist()
    return Row(
        name=design.name,
        target=design.target,
        title=design.source.title,
        command=command,
        board=board.name,
        bits=report["bits"],
        accuracy=report["accuracy"]["quantized"],
        samples=report["accuracy_samples"] or 0,
        logic=used(names.logic_cells) or 0,
        registers=used(names.registers),
        block_rams=used(names.block_ram) or 0,
        sprams=used(names.spram) or 0,
        dsps=used(names.dsps) or 0,
        seeds=asked.seeds,
        fmax_mhz=fmax,
        cycles=cycles,
        **_events(folder, plan, cycles),
        shapes=[_shape(plan, index) for index in range(len(plan.groups))],
        tools=report["tools"],
        bounds={
            "logic": design.most_logic,
            "mhz": design.least_mhz,
            "cycles": design.most_cycles,
            "us": design.most_us,
        },
    )


def _events(folder: Path, plan: HardwarePlan, cycles: Sequence[int]) -> dict[str, Any]:
    """Input events of every sample; rows that they read in the first group, over what it could read."""
    options = BuildOptions.load(folder / "options.json")
    network = load_network(folder / outputs.NETWORK)
    assert options.data is not None
    if plan.encoder is not None:
        encode = partial(sent_spikes, plan.encoder)
        inputs = load_pixels(options.data, network=network, encode=encode, samples=options.samples).input
    else:
        inputs = load_dataset(options.data, network=network, samples=options.samples).input
    flat = inputs.reshape(inputs.shape[0], inputs.shape[1], -1)[:, : len(cycles)]
    group = plan.groups[0]
    offset = next(route.offset for route in plan.routes if route.destination == group.name)
    per_input = flat.sum(axis=(0, 1), dtype=np.int64)
    rows = int(per_input @ event_operations(group)[plan.input_space.addresses() + offset])
    events = [int(count) for count in flat.sum(axis=(0, 2), dtype=np.int64)]
    return {"events": events, "share": rows / (group.event_lanes * sum(cycles))}


def _shape(plan: HardwarePlan, index: int) -> str:
    group = plan.groups[index]
    return (
        f"{group.group}: {group.lanes} x {group.folds}, {group.event_lanes} events, "
        f"{group.update_lanes} updates, {group.accumulators}"
    )


def main() -> int:
    """Measure, print the table, leave JSON, Markdown and the plot."""
    parser = script.parser(__doc__)
    parser.add_argument("designs", nargs="*", help=f"of {', '.join(d.name for d in DESIGNS)} (default: all)")
    parser.add_argument("--data", type=Path, default=script.SHARED, help="of the models (or QSNN_DATA)")
    parser.add_argument("-o", "--out", type=Path, default=Path("build/bench_hardware"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--table", action="store_true", help="measure nothing, only write the table again")
    parser.add_argument("--docs", action="store_true", help="write docs/hardware.md and docs/cycles.svg, too")
    arguments = parser.parse_args()
    known = {d.name: d for d in DESIGNS}

    def work() -> None:
        rows: list[Row] = []
        unknown = [name for name in arguments.designs if name not in known]
        if unknown:
            raise UserError(f"no design {unknown[0]!r}; there are {', '.join(known)}")
        for name in () if arguments.table else arguments.designs or known:
            row = measure(known[name], arguments)
            if row is not None:
                write_json(arguments.out / f"{name}.json", asdict(row))
        # Earlier runs' rows stay in the table: every one says its seeds and samples.
        for name in known:
            file = arguments.out / f"{name}.json"
            if file.exists():
                rows.append(Row(**json.loads(file.read_text(encoding="utf-8"))))
        if not rows:
            raise UserError(f"no design was measured, and {arguments.out} holds no earlier row")
        docs = [(script.ROOT / "docs/hardware.md", script.ROOT / "docs/cycles.svg")] if arguments.docs else []
        text = report(rows)
        print(text)
        plot = cycles_plot(rows)
        for page, plotted in ((arguments.out / "hardware.md", arguments.out / "cycles.svg"), *docs):
            write_text(page, text)
            if plot is not None:
                write_text(plotted, plot)

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
