"""The largest 784-N-10 and 784-N-N-10 that every board holds, at 8 and at 4 bits, by prediction.

"rom": weights in the bitstream; "ram": loaded at start, which lets the single-port RAM of UltraPlus
hold them. Shapes are those of ``--optimize area``: what fits at all, not what is quick. With
``--confirm BOARD`` the rows of that board with one hidden group are placed and routed, which takes
minutes each.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from resource_designs import Example, network

from qsnn_hw.boards import Board, list_boards, load_board
from qsnn_hw.errors import UserError
from qsnn_hw.implement.least import least_cells
from qsnn_hw.implement.place_route import place_and_route
from qsnn_hw.implement.synthesis import synthesize
from qsnn_hw.limits import FAMILIES
from qsnn_hw.plan import HardwarePlan, PlanOptions, make_plan
from qsnn_hw.plan.group_plan import SynapseStore
from qsnn_hw.plan.predict import in_words, predict
from qsnn_hw.progress import Progress
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.rtl.board_top import BoardTop
from qsnn_hw.rtl.export import export_verilog

INPUTS, OUTPUTS = 784, 10


def planned(board: Board, bits: int, hidden: int, depth: int, store: SynapseStore) -> HardwarePlan:
    """The smallest plan of one network."""
    sizes = (INPUTS, *[hidden] * depth, OUTPUTS)
    options = PlanOptions(
        optimize="area",
        limits=board.limits,
        synapse_store=store,
        # Random weights say nothing of the zero rows of a trained network.
        skip_zero_rows=False,
    )
    model = network(Example("largest", board.family, sizes, options, bits))
    return make_plan(quantize(model, QuantizeOptions(weight_bits=bits)), options)


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


def confirm(board: Board, plan: HardwarePlan) -> str:
    """Place and route; what the tools counted."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, progress = Path(temporary), Progress()
        component = BoardTop(plan, round(board.clock_mhz * 1e6 / board.baud))
        verilog = export_verilog(component, "top", folder, progress)
        least = least_cells(plan, board.limits)
        synthesis = synthesize(verilog, "top", board, folder, least=least, progress=progress)
        placed = place_and_route(synthesis, board, folder, progress=progress)
    names = FAMILIES[board.family]
    kept = [names.logic_cells, names.block_ram]
    counts = ", ".join(f"{placed.resources[name].used} {name}" for name in kept)
    return f"{counts}, {placed.fmax_mhz:.1f} MHz"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--boards", nargs="*", default=[board.name for board in list_boards()])
    parser.add_argument("--bits", nargs="*", type=int, default=[8, 4])
    parser.add_argument("--confirm", nargs="*", default=[])
    arguments = parser.parse_args()
    print("| board | weights | bits | network | predicted | placed and routed |")
    print("|---|---|---|---|---|---|")
    for name in arguments.boards:
        board = load_board(name)
        stores: list[SynapseStore] = ["rom"] if board.limits.spram is None else ["rom", "ram"]
        for store in stores:
            for bits in arguments.bits:
                for depth in (1, 2):
                    hidden = largest(board, bits, depth, store)
                    sizes = "-".join(str(size) for size in (INPUTS, *[hidden] * depth, OUTPUTS))
                    if not hidden:
                        print(f"| {name} | {store} | {bits} | none | | |", flush=True)
                        continue
                    plan = planned(board, bits, hidden, depth, store)
                    usage = in_words(predict(plan, board.limits).usage, board.limits)
                    told = confirm(board, plan) if name in arguments.confirm and depth == 1 else ""
                    print(f"| {name} | {store} | {bits} | {sizes} | {usage} | {told} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
