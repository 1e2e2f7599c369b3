"""How generation grows with the network: time and peak memory of ``qsnn-hw generate``, model file to Verilog.

Every network has random weights, and is a model file that the user's command reads, in a process of its
own. The last column is the time per synapse in units of the smallest network that takes a second or
more: growth no worse than linear keeps it near or below 1.
"""

import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import script
import tables
from resource_models import Model, random_network, write_model
from user_command import Ended, qsnn_hw

from qsnn_hw.support.errors import ToolError

# Sizes and weight bits: at more than 2 bits no board holds the last one, and the command says so.
NETWORKS = (
    ((64, 32, 10), 8),
    ((256, 128, 10), 8),
    ((784, 128, 10), 8),
    ((784, 512, 10), 8),
    ((784, 1024, 512, 10), 2),
)
MOST_SECONDS, MOST_MIB = 120.0, 3072.0


def measure(sizes: tuple[int, ...], board: str, bits: int, folder: Path) -> Ended:
    """One network through the user's command."""
    model = folder / f"net_{'_'.join(str(size) for size in sizes)}.npz"
    settings = write_model(random_network(Model("growth", sizes)), model)
    arguments: list[str | Path] = ["generate", model, "--convention", "nir"]
    arguments += [word for setting in settings.items() for word in ("--set", "=".join(setting))]
    arguments += ["--bits", str(bits), "--board", board, "-q"]
    ended = qsnn_hw([*arguments, "-o", folder / model.stem])
    if ended.status:
        raise ToolError(f"{ended.command} ended with {ended.status}: {ended.last_line}")
    return ended


def main() -> int:
    """Print the table; 1 when a bound is broken."""
    parser = script.parser(__doc__)
    parser.add_argument("--board", default="ulx3s-85f")
    arguments = parser.parse_args()

    def work() -> int:
        names = ("network", "bits", "synapses", "wall", "CPU", "peak memory", "per synapse")
        print(tables.head(*names))
        unit, broken = None, False
        with tempfile.TemporaryDirectory(prefix="bench_growth_", dir=Path.cwd()) as folder:
            for sizes, bits in NETWORKS:
                ended = measure(sizes, arguments.board, bits, Path(folder))
                synapses = sum(pre * post for pre, post in pairwise(sizes))
                each = ended.seconds / synapses
                if unit is None and ended.seconds >= 1:
                    unit = each
                times = (f"{ended.seconds:.1f} s", f"{ended.cpu_seconds:.1f} s", f"{ended.peak_mib:.0f} MiB")
                ratio = "" if unit is None else f"{each / unit:.2f}"
                name = "-".join(str(size) for size in sizes)
                print(tables.row(name, bits, f"{synapses:,}", *times, ratio), flush=True)
                broken |= ended.seconds > MOST_SECONDS or ended.peak_mib > MOST_MIB
        return int(broken)

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
