"""What each weight width costs and saves: accuracy, area, Fmax, power and energy, side by side.

Builds the shipped digits network for one board at 16, 8, 6, 4, 3 and 2 bits and as a plain 32-bit
fixed-point design (weights and potentials as Q16.16), all with the same lanes, seed and tools.
Accuracy is measured on all test samples; cycles come from simulating the Verilog against the golden
model; power and energy are this project's estimate, so the last columns are estimates too, each with
its range: of a saving, over the ranges of the coefficients, which both designs share.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from qsnn_hw.boards import Board, load_board
from qsnn_hw.errors import MismatchError, ToolError, UserError
from qsnn_hw.golden import run_clocked
from qsnn_hw.implement.least import least_cells
from qsnn_hw.implement.place_route import PlaceRoute, place_and_route
from qsnn_hw.implement.power import PowerEstimate
from qsnn_hw.implement.saving import Saving, energy_saving
from qsnn_hw.implement.synthesis import synthesize
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset, load_dataset
from qsnn_hw.model.network import Dense, Network
from qsnn_hw.model.reader import read_network
from qsnn_hw.model.simulate import accuracy, simulate
from qsnn_hw.plan import PlanOptions, make_plan
from qsnn_hw.progress import Progress
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.report_maker.speed import DesignCycles, LinkBytes
from qsnn_hw.report_maker.spending import design_power
from qsnn_hw.resources import resource_folder
from qsnn_hw.rtl.board_top import BoardTop
from qsnn_hw.rtl.export import export_verilog
from qsnn_hw.rtl.top import SpikingNetwork
from qsnn_hw.tools import find_tool
from qsnn_hw.verify import verify

REFERENCE_BITS = 32
_POINT = 16
"""Binary places of the 32-bit reference: Q16.16."""

CLAIMS = {16: "~1 % / ~30 %", 8: "~3-5 % / ~60 %", 4: "~10-15 % / ~85 %"}
"""What is commonly claimed: accuracy drop / energy saving."""


@dataclass(frozen=True)
class Row:
    """One build; ``power`` is an estimate, in mW, and ``us`` a sample back to back with others."""

    bits: int
    accuracy: float
    placed: PlaceRoute
    cycles: float
    power: PowerEstimate
    us: float


def reference(network: Network) -> QuantizedNetwork:
    """The network as a plain 32-bit fixed-point design: nothing clipped, nothing narrowed."""
    wide = quantize(network, QuantizeOptions(weight_bits=16, leak_bits=8))
    groups = []
    projections = []
    for group in wide.groups:
        # Every integer of the 16-bit build is a multiple of its scale; here the step is 2**-16.
        ratio = group.scale * 2.0**_POINT
        threshold = network.group(group.name).threshold
        if threshold is None:
            raise UserError(f"group {group.name}: the 32-bit reference takes spiking groups only")
        groups.append(
            replace(
                group,
                scale=np.full(group.size, 2.0**-_POINT),
                bias=np.rint(group.bias * ratio).astype(np.int64),
                threshold=np.floor(threshold * 2.0**_POINT).astype(np.int64) + 1,
                reset_amount=np.rint(group.reset_amount * ratio).astype(np.int64),
                v_bits=REFERENCE_BITS,
            )
        )
    for projection in wide.projections:
        source = next(p for p in network.projections if p.name == projection.name)
        operator = source.operators[0]
        if not isinstance(operator, Dense):
            raise UserError(f"projection {source.name}: the 32-bit reference takes dense layers only")
        weight = np.rint(operator.weight * 2.0**_POINT).astype(np.int32)
        projections.append(replace(projection, weight=weight, weight_bits=REFERENCE_BITS))
    return replace(wide, groups=tuple(groups), projections=tuple(projections))


def build(
    quantized: QuantizedNetwork,
    bits: int,
    board: Board,
    data: Dataset,
    lanes: tuple[int, ...],
    samples: int,
    seed: int,
    folder: Path,
    progress: Progress,
) -> Row:
    """One row: golden accuracy, Verilog, simulation of ``samples`` samples, place and route."""
    golden = run_clocked(quantized, data.input, record=[g.name for g in quantized.groups])
    if data.label is None:
        raise UserError(f"{data.source} has no labels")
    style: Literal["block", "auto"] = "block" if board.family == "ice40" else "auto"
    plan = make_plan(quantized, PlanOptions(lanes=lanes, neuron_memory=style))
    folder.mkdir(parents=True, exist_ok=True)
    for component, name in (
        (BoardTop(plan, board.divisor), "top"),
        (SpikingNetwork(plan, trace=True), plan.name),
    ):
        export_verilog(component, name, folder, progress)
    flat = data.input.reshape(data.steps, data.samples, -1)
    checked = verify(
        plan,
        folder / f"{plan.name}.v",
        flat,
        golden,
        folder / "verify",
        samples=samples,
        seed=seed,
        progress=progress,
    )
    cycles = checked.cycles_per_sample_mean
    period = checked.stream_cycles_per_sample
    if cycles is None or period is None:
        raise UserError(f"{samples} samples give no cycles: simulate more of them")
    least = least_cells(plan, board.limits)
    synthesis = synthesize(
        folder / "top.v", "top", board, folder / "synthesis", least=least, progress=progress
    )
    placed = place_and_route(synthesis, board, folder / "place", seed=seed, progress=progress)
    used = {name: r.used for name, r in placed.resources.items()}
    words = LinkBytes.of(plan, data, golden).words_in_mean
    power = design_power(board, plan, used, checked, DesignCycles.of(plan, checked), words)
    return Row(
        bits=bits,
        accuracy=accuracy(golden.spikes[quantized.output], data.label),
        placed=placed,
        cycles=cycles,
        power=power,
        us=period / board.clock_mhz,
    )


def table(rows: list[Row], float_accuracy: float) -> list[str]:
    """The rows as a Markdown table, the 32-bit reference first."""
    base = next(r for r in rows if r.bits == REFERENCE_BITS)
    lines = [
        "| bits | accuracy % | drop pp | logic | block RAM | Fmax MHz | cycles/sample | mW | uJ/sample | "
        "saving | saving without static and clock | claimed drop / saving |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        used = row.placed.resources
        logic = next(used[n].used for n in ("ICESTORM_LC", "TRELLIS_COMB") if n in used)
        memory = next(used[n].used for n in ("ICESTORM_RAM", "DP16KD") if n in used)
        lines.append(
            f"| {row.bits} | {100 * row.accuracy:.2f} | {100 * (float_accuracy - row.accuracy):+.2f} | "
            f"{logic} | {memory} | "
            f"{row.placed.fmax_mhz:.1f} | {row.cycles:.0f} | {_ends(row.power, 1)} | "
            f"{_ends(row.power, row.us / 1000)} | {_saved(base, row)} | "
            f"{_saved(base, row, without=('static', 'clock'))} | {CLAIMS.get(row.bits, '-')} |"
        )
    return lines


def _ends(power: PowerEstimate, factor: float) -> str:
    low, typical, high = (factor * value for value in (power.low, power.typical, power.high))
    return f"{typical:.2g} ({low:.2g} to {high:.2g})"


def _saved(base: Row, row: Row, without: tuple[str, ...] = ()) -> str:
    if row is base:
        return "-"
    found: Saving = energy_saving(base.power, base.us, row.power, row.us, without=without)
    return f"{100 * found.typical:.0f} % ({100 * found.low:.0f} to {100 * found.high:.0f})"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--board", default="icebreaker")
    parser.add_argument("--bits", type=int, nargs="+", default=[16, 8, 6, 4, 3, 2])
    parser.add_argument("--lanes", type=int, nargs=2, default=[2, 1])
    parser.add_argument("--samples", type=int, default=40, help="samples to simulate for cycles (default 40)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    progress = Progress()
    try:
        board = load_board(given.board)
        examples = resource_folder("examples") / "digits"
        network = read_network(examples / "digits_64-32-10.nir", Convention.preset("snntorch"))
        data = load_dataset(examples / "digits_test.npz", network=network)
        if data.label is None:
            raise UserError(f"{data.source} has no labels")
        float_accuracy = accuracy(simulate(network, data.input).out, data.label)
        rows = []
        with tempfile.TemporaryDirectory(prefix="bench_bits_", dir=Path.cwd()) as scratch:
            for bits in (REFERENCE_BITS, *given.bits):
                progress.say(f"== {bits} bits")
                options = QuantizeOptions(weight_bits=min(bits, 16), clip="mse" if bits < 8 else "max")
                quantized = reference(network) if bits == REFERENCE_BITS else quantize(network, options)
                folder = Path(scratch) / str(bits)
                lanes = tuple(given.lanes)
                rows.append(
                    build(quantized, bits, board, data, lanes, given.samples, given.seed, folder, progress)
                )
    except (UserError, ToolError, MismatchError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    versions = ", ".join(
        f"{n} {find_tool(n).version}" for n in ("yosys", f"nextpnr-{board.family}", "verilator")
    )
    print(
        f"digits 64-32-10 on {board.name}, lanes {given.lanes}, seed {given.seed}; "
        f"float {100 * float_accuracy:.2f} %"
    )
    print(
        f"{versions}; {given.samples} samples simulated; "
        f"power and energy estimated at {board.clock_mhz:g} MHz"
    )
    print("\n".join(table(rows, float_accuracy)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
