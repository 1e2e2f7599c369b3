"""How generation grows with the network: time and peak memory from integers to RTLIL.

Every network has random weights, and runs in a process of its own. The last column is the time per
synapse in units of the smallest network that takes a second or more: growth no worse than linear
keeps it near or below 1.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

NETWORKS = ((64, 32, 10), (256, 128, 10), (784, 128, 10), (784, 512, 10), (784, 1024, 512, 10))
MOST_SECONDS, MOST_MIB = 60.0, 2048.0


def measure(sizes: tuple[int, ...], board_name: str, bits: int) -> dict[str, float]:
    """Seconds of every stage, peak memory, in this process."""
    from resource_designs import Example, network

    from qsnn_hw.boards import load_board
    from qsnn_hw.plan import PlanOptions, make_plan
    from qsnn_hw.quantize import QuantizeOptions, quantize
    from qsnn_hw.rtl.board_top import BoardTop
    from qsnn_hw.rtl.export import write_rtlil

    found: dict[str, float] = {}
    board = load_board(board_name)
    options = PlanOptions(limits=board.limits)
    name = "-".join(str(size) for size in sizes)
    model = network(Example(name, board.family, sizes, options, bits))
    started = time.perf_counter()
    quantized = quantize(model, QuantizeOptions(weight_bits=bits))
    found["quantize"] = time.perf_counter() - started
    plan = make_plan(quantized, options)
    found["plan"] = time.perf_counter() - started - found["quantize"]
    with tempfile.TemporaryDirectory() as folder:
        before = time.perf_counter()
        write_rtlil(BoardTop(plan, round(board.clock_mhz * 1e6 / board.baud)), "top", Path(folder) / "top.il")
        found["rtlil"] = time.perf_counter() - before
        found["mib_written"] = (Path(folder) / "top.il").stat().st_size / 2**20
    found["seconds"] = time.perf_counter() - started
    found["cpu_seconds"] = time.process_time()
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["synapses"] = float(sum(a * b for a, b in pairwise(sizes)))
    return found


def main() -> int:
    """Print the table; 1 when a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--board", default="ulx3s-85f")
    parser.add_argument("--bits", type=int, default=8)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        sizes = tuple(int(size) for size in arguments.one.split("-"))
        print(json.dumps(measure(sizes, arguments.board, arguments.bits)))
        return 0
    print("| network | synapses | quantize | plan | RTLIL | total | CPU | peak memory | per synapse |")
    print("|---|---|---|---|---|---|---|---|---|")
    unit, broken = None, False
    for sizes in NETWORKS:
        name = "-".join(str(size) for size in sizes)
        command = [sys.executable, __file__, "--one", name, "--board", arguments.board]
        command += ["--bits", str(arguments.bits)]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(result.stdout)
        each = found["seconds"] / found["synapses"]
        if unit is None and found["seconds"] >= 1:
            unit = each
        ratio = "" if unit is None else f"{each / unit:.2f}"
        stages = " | ".join(f"{found[stage]:.1f} s" for stage in ("quantize", "plan", "rtlil", "seconds"))
        print(
            f"| {name} | {found['synapses']:,.0f} | {stages} | {found['cpu_seconds']:.1f} s "
            f"| {found['peak_mib']:.0f} MiB | {ratio} |",
            flush=True,
        )
        broken |= found["seconds"] > MOST_SECONDS or found["peak_mib"] > MOST_MIB
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
