"""What each weight width costs and saves: accuracy, area, Fmax, power and energy, side by side.

Builds the shipped digits network for one board at 16, 8, 6, 4, 3 and 2 bits and as a plain 32-bit
fixed-point design (weights and potentials as Q16.16), all with the same lanes, seed and tools.
Each is the user's ``qsnn-hw build``; the reference changes one step of it. Accuracy is measured
on all test samples; cycles come from simulating the Verilog against the golden model on the first of
them; power and energy are this project's estimate, so the last columns are estimates too, each with
its range: of a saving, over the ranges of the coefficients, which both designs share.
"""

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import script
import tables

from qsnn_hw.build import flow
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.steps.step import Job
from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.families.boards import load_board
from qsnn_hw.families.family import Units
from qsnn_hw.golden import GoldenRun, run_clocked
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset, load_dataset
from qsnn_hw.model.network import Dense, Network
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import accuracy, simulate
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.shipped import resource_folder
from qsnn_hw.targets.fpga.per_sample import LinkBytes
from qsnn_hw.targets.fpga.power_terms import PowerEstimate
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.targets.fpga.saving import Saving, energy_saving
from qsnn_hw.targets.fpga.spending import design_power
from qsnn_hw.toolchain.tools import find_tool
from qsnn_hw.verify import Verification
from qsnn_hw.verify.design_cycles import DesignCycles

MODEL, DATA = (
    resource_folder("examples") / "digits" / name for name in ("digits_64-32-10.nir", "digits_test.npz")
)

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
    placed: Implementation
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


def _quantize_as_reference(job: Job, network: Network, data: Dataset | None) -> Quantization:
    return replace(QUANTIZE.make(job, network, data), quantized=reference(network))


def _reference_is_decided_by(job: Job, network: Network, data: Dataset | None) -> dict[str, object]:
    return {"reference": REFERENCE_BITS, **QUANTIZE.decided_by(job, network, data)}


QUANTIZE_AS_REFERENCE = replace(QUANTIZE, make=_quantize_as_reference, decided_by=_reference_is_decided_by)
"""In place of the quantizer: see :func:`reference`."""


def build(bits: int, arguments: argparse.Namespace, folder: Path, progress: Progress) -> Row:
    """One row: ``qsnn-hw build`` on the first samples, and the golden model's accuracy on all of them."""
    is_reference = bits == REFERENCE_BITS
    options = BuildOptions(
        model=str(MODEL),
        convention="snntorch",
        board=arguments.board,
        data=str(DATA),
        samples=arguments.samples,
        quantize=QuantizeOptions(weight_bits=min(bits, 16), clip="mse" if bits < 8 else "max"),
        lanes=tuple(arguments.lanes),
        seed=arguments.seed,
        # One clock for all widths, so that their power can be compared: the oscillator's.
        clock_mhz=load_board(arguments.board).clock_mhz,
    )
    instead = {QUANTIZE: QUANTIZE_AS_REFERENCE} if is_reference else None
    flow.run(options, folder, progress=progress, instead=instead)
    board = load_board(arguments.board)
    plan = HardwarePlan.load(folder / outputs.PLAN)
    checked = Verification.load(folder / outputs.VERIFICATION)
    placed = Implementation.load(folder / outputs.IMPLEMENTATION)
    quantized = QuantizedNetwork.load(folder / outputs.QUANTIZED)
    cycles, period = checked.cycles_per_sample_mean, checked.stream_cycles_per_sample
    if cycles is None or period is None:
        raise UserError(f"{arguments.samples} samples give no cycles: simulate more of them")
    network = read_network(MODEL, Convention.preset("snntorch"))
    simulated = load_dataset(DATA, network=network, samples=arguments.samples)
    words = LinkBytes.of(plan, simulated, GoldenRun.load(folder / outputs.GOLDEN)).words_in_mean
    used = {name: resource.used for name, resource in placed.resources.items()}
    every = load_dataset(DATA, network=network)
    assert every.label is not None
    return Row(
        bits=bits,
        accuracy=accuracy(run_clocked(quantized, every.input).spikes[quantized.output], every.label),
        placed=placed,
        cycles=cycles,
        power=design_power(board, plan, used, checked, DesignCycles.of(plan, checked), words),
        us=period / board.clock_mhz,
    )


def table(rows: list[Row], float_accuracy: float, units: Units) -> str:
    """The rows as a Markdown table, the 32-bit reference first."""
    base = next(r for r in rows if r.bits == REFERENCE_BITS)
    names = "bits | accuracy % | drop pp | logic | block RAM | Fmax MHz | cycles/sample | mW | uJ/sample | "
    names += "saving | saving without static and clock | claimed drop / saving"
    lines = [
        (
            *(row.bits, f"{100 * row.accuracy:.2f}", f"{100 * (float_accuracy - row.accuracy):+.2f}"),
            *(row.placed.resources[name].used for name in (units.logic_cells, units.block_ram)),
            *(f"{row.placed.fmax_mhz:.1f}", f"{row.cycles:.0f}"),
            *(_ends(row.power, factor) for factor in (1, row.us / 1000)),
            *(_saved(base, row), _saved(base, row, without=("static", "clock"))),
            CLAIMS.get(row.bits, "-"),
        )
        for row in rows
    ]
    return tables.table(names.split(" | "), lines)


def _ends(power: PowerEstimate, factor: float) -> str:
    low, typical, high = (factor * value for value in (power.low, power.typical, power.high))
    return f"{typical:.2g} ({low:.2g} to {high:.2g})"


def _saved(base: Row, row: Row, without: tuple[str, ...] = ()) -> str:
    if row is base:
        return "-"
    saving: Saving = energy_saving(base.power, base.us, row.power, row.us, without=without)
    return f"{100 * saving.typical:.0f} % ({100 * saving.low:.0f} to {100 * saving.high:.0f})"


def main() -> int:
    """Print the table."""
    parser = script.parser(__doc__)
    parser.add_argument("--board", default="icebreaker")
    parser.add_argument("--bits", type=int, nargs="+", default=[16, 8, 6, 4, 3, 2])
    parser.add_argument("--lanes", type=int, nargs=2, default=[2, 1])
    parser.add_argument("--samples", type=int, default=40, help="samples to simulate for cycles (default 40)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--out", type=Path, default=Path("build/bench_bits"))
    arguments = parser.parse_args()
    progress = Progress()

    def work() -> None:
        board = load_board(arguments.board)
        network = read_network(MODEL, Convention.preset("snntorch"))
        data = load_dataset(DATA, network=network)
        assert data.label is not None
        float_accuracy = accuracy(simulate(network, data.input).out, data.label)
        rows = []
        for bits in (REFERENCE_BITS, *arguments.bits):
            progress.say(f"== {bits} bits")
            rows.append(build(bits, arguments, arguments.out / str(bits), progress))
        versions = ", ".join(
            f"{n} {find_tool(n).version}" for n in ("yosys", board.family.flow.tools[0].name, "verilator")
        )
        print(
            f"digits 64-32-10 on {board.name}, lanes {arguments.lanes}, seed {arguments.seed}; "
            f"float {100 * float_accuracy:.2f} % on {data.samples} samples"
        )
        print(
            f"{versions}; {arguments.samples} samples simulated; "
            f"power and energy estimated at {board.clock_mhz:g} MHz"
        )
        print(table(rows, float_accuracy, board.family.units), end="")

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
