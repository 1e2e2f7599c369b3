"""The largest 784-N-10 and 784-N-N-10 that each of a few boards holds, at 8 and at 4 bits, by prediction.

"rom": weights in the bitstream; "ram": loaded at start, which lets the single-port RAM of UltraPlus
hold them. Shapes are those of ``--optimize area``: what fits at all, not what is quick. With
``--confirm BOARD`` the rows of that board with one hidden group go through the build of
``qsnn-hw synth``, which takes minutes each. ``scripts/figures --slow --check largest`` predicts the
networks of docs/resources.md anew, without a search for larger ones.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import script
import tables
from matrix_models import BOARDS
from resource_models import Model, random_network, write_model

from qsnn_hw.build import flow
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.cost.predict import in_words, predict
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.model.network import Dense, Network
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.support.choices import SynapseStore
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT
from qsnn_hw.targets.fpga.record import Implementation

INPUTS, OUTPUTS = 784, 10
PAGE = script.ROOT / "docs" / "resources.md"
NAMES = ("board", "weights", "bits", "network", "predicted", "placed and routed")


def model(hidden: int, depth: int) -> Network:
    """Random weights that no width rounds to 0: they say nothing of the zero rows of a trained network."""
    network = random_network(Model("largest", (INPUTS, *[hidden] * depth, OUTPUTS)))
    projections = []
    for projection in network.projections:
        (operator,) = projection.operators
        assert isinstance(operator, Dense)
        size = np.abs(operator.weight)
        # Half a step of 4-bit weights is a fourteenth of the largest.
        weight = np.copysign(np.maximum(size, size.max() / 13), operator.weight)
        projections.append(replace(projection, operators=(Dense(weight),)))
    return replace(network, projections=tuple(projections))


def planned(board: Board, bits: int, hidden: int, depth: int, store: SynapseStore) -> HardwarePlan:
    """The smallest plan of one network."""
    options = PlanOptions(optimize="area", limits=board.limits, synapse_store=store)
    return make_plan(quantize(model(hidden, depth), QuantizeOptions(weight_bits=bits, clip="max")), options)


def fits(board: Board, bits: int, hidden: int, depth: int, store: SynapseStore) -> bool:
    """Whether prediction says that the board holds it."""
    try:
        plan = planned(board, bits, hidden, depth, store)
    except UserError:
        return False
    return not board.limits.fits(predict(plan, board.limits).usage)


def largest(board: Board, bits: int, depth: int, store: SynapseStore) -> int:
    """The most hidden neurons, to about 1 in 100; 0 when not even one fits."""
    low, high = 0, 8
    while fits(board, bits, high, depth, store):
        low, high = high, 2 * high
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        if fits(board, bits, middle, depth, store):
            low = middle
        else:
            high = middle
    return low


def predicted(board: Board, plan: HardwarePlan) -> str:
    """What the plan takes, in words."""
    counts = in_words(predict(plan, board.limits).usage, board.limits).split(", ")
    return ", ".join(count for count in counts if not count.startswith("0 "))


def table() -> str:
    """The table of docs/resources.md, its networks predicted anew."""
    lines = []
    for line in tables.lines_under(PAGE.read_text(encoding="utf-8"), tables.row(*NAMES)):
        name, store, bits, sizes, _, told = tables.cells(line)
        board, hidden = load_board(name), sizes.split("-")[1:-1]
        assert store in ("rom", "ram")
        plan = planned(board, int(bits), int(hidden[0]), len(hidden), store)  # type: ignore[arg-type]
        lines.append((name, store, bits, sizes, predicted(board, plan), told))
    return tables.table(NAMES, lines)


def confirm(board: Board, bits: int, hidden: int, depth: int, store: SynapseStore) -> str:
    """What place and route counted, by the build that a user calls."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "model.npz"
        options = BuildOptions(
            model=str(path),
            convention="nir",
            settings=write_model(model(hidden, depth), path),
            board=board.name,
            quantize=QuantizeOptions(weight_bits=bits, clip="max"),
            optimize="area",
            weights=store,
        )
        flow.run(options, folder / "out", part="synth", progress=SILENT)
        implementation = Implementation.load(folder / "out" / outputs.IMPLEMENTATION)
    names, used = board.family.units, implementation.used()
    shown = [names.logic_cells, names.block_ram, *([names.spram] if names.spram and store == "ram" else [])]
    return f"{', '.join(f'{used[name]} {name}' for name in shown)}, {implementation.fmax_mhz:.1f} MHz"


def main() -> int:
    """Print the table."""
    parser = script.parser(__doc__)
    parser.add_argument("--boards", nargs="*", default=list(BOARDS))
    parser.add_argument("--bits", nargs="*", type=int, default=[8, 4])
    parser.add_argument("--confirm", nargs="*", default=[])
    arguments = parser.parse_args()
    print(tables.head(*NAMES))
    for name in arguments.boards:
        board = load_board(name)
        stores: list[SynapseStore] = ["rom"] if board.limits.spram is None else ["rom", "ram"]
        for store in stores:
            for bits in arguments.bits:
                for depth in (1, 2):
                    hidden = largest(board, bits, depth, store)
                    sizes = "-".join(str(size) for size in (INPUTS, *[hidden] * depth, OUTPUTS))
                    if not hidden:
                        print(tables.row(name, store, bits, "none", "", ""), flush=True)
                        continue
                    plan = planned(board, bits, hidden, depth, store)
                    usage = predicted(board, plan)
                    wanted = name in arguments.confirm and depth == 1
                    told = confirm(board, bits, hidden, depth, store) if wanted else ""
                    print(tables.row(name, store, bits, sizes, usage, told), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
