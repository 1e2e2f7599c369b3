"""Which bits of the digits design rise and fall under its test samples, pass by pass of ``qsnn-hw simulate``.

Verilator counts them, in the form that is simulated; what only that form has, counters and trace ports, is
left out. A module's row says how many of its bits did both in one of the passes. Every spike and potential
is compared meanwhile. Exit status 1 at a difference.
"""

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import tables
from script import EXAMPLES, ROOT, ended, need_in_range, parser
from soak import digits

from qsnn_hw.build.steps import outputs
from qsnn_hw.golden import run_clocked
from qsnn_hw.model.dataset import load_dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.support.errors import MismatchError, ToolError
from qsnn_hw.support.progress import Progress
from qsnn_hw.verify.case import make_case
from qsnn_hw.verify.native import Bench, build_bench
from qsnn_hw.verify.native_run import run_bench
from qsnn_hw.verify.runner import PASSES
from qsnn_hw.verify.stimulus import network_stimulus
from sim.checker import Checker
from sim.native import compared

_POINT = re.compile(r"^C '(.*)' (\d+)$", re.MULTILINE)
_FIELD = re.compile("\x01([^\x02]*)\x02([^\x01]*)")
_VERIFICATION = re.compile(r"^[^.]*$|\.(watch|activity_\w+|sent_\w+|around)$")
"""Modules that only the traced form has, and its top, whose ports are traces and counters."""

Bits = dict[tuple[str, str], set[str]]
"""Module and signal's bit -> the edges that it has had."""


def edges(text: str, found: Bits) -> None:
    """Add what a file of Verilator's coverage says; a bit that never moves is there with no edge.

    Raises
    ------
    ToolError
        It holds no point of a toggle.
    """
    points = 0
    for match in _POINT.finditer(text):
        fields = dict(_FIELD.findall(match[1]))
        if fields.get("page", "").startswith("v_toggle/"):
            points += 1
            signal, _, edge = fields["o"].partition(":")
            seen = found.setdefault((fields["page"].removeprefix("v_toggle/"), signal), set())
            if int(match[2]):
                seen.add(edge)
    if not points:
        raise ToolError("Verilator's coverage has no point of a toggle")


def by_module(found: Mapping[tuple[str, str], set[str]]) -> list[tuple[str, int, int]]:
    """(module, bits, those that rose and fell), without what only the traced form has."""
    every, both = Counter[str](), Counter[str]()
    for (module, _), seen in found.items():
        if not _VERIFICATION.search(module):
            every[module] += 1
            both[module] += len(seen) == 2
    return [(module, every[module], both[module]) for module in sorted(every)]


def work(samples: int) -> None:
    """Build, run every pass, print the table."""
    folder = digits(ROOT / "out" / "soak")
    plan = HardwarePlan.load(folder / outputs.PLAN)
    network = QuantizedNetwork.load(folder / outputs.QUANTIZED)
    inputs = load_dataset(EXAMPLES / "digits" / "digits_test.npz", samples=samples).input
    golden = run_clocked(network, inputs, record=[group.name for group in network.groups])
    case = make_case(plan, inputs, golden)
    found: Bits = {}
    with tempfile.TemporaryDirectory(prefix="toggles-") as place:
        there = Path(place)
        bench: Bench = build_bench(
            folder / outputs.TRACED_VERILOG, plan.name, there / "model", Progress(), toggles=True
        )
        for name in PASSES:
            traces = [group.trace for group in case.groups]
            record = run_bench(bench, network_stimulus(case, name, 0), there, traces)
            difference = compared(bench, case, 0, record, Checker(case))
            if difference is not None:
                raise MismatchError(f"pass {name}: {difference.message}")
            edges((there / "coverage").read_text(encoding="utf-8", errors="replace"), found)
    rows = by_module(found)
    print(
        tables.table(("module", "bits", "rise and fall"), ((m, str(n), str(k)) for m, n, k in rows)), end=""
    )
    every, both = sum(n for _, n, _ in rows), sum(k for _, _, k in rows)
    print(f"{both} of {every} bits rise and fall, {both / every:.1%}, under {inputs.shape[1]} samples")


def main(words: Sequence[str] | None = None) -> int:
    """Count."""
    command = parser(__doc__)
    command.add_argument("--samples", type=int, default=450, help="how many samples (default 450, all)")
    given = command.parse_args(words)

    def checked() -> None:
        need_in_range(given, ("samples", 1, 450))
        work(given.samples)

    return ended(checked)


if __name__ == "__main__":
    sys.exit(main())
