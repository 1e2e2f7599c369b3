"""The power estimate beside published measurements that took no part in any fit; the table of docs/power.md.

    scripts/power_validation          the table, and how many lie in the range
    scripts/power_validation --csv    what examples/power/up5k.csv holds: the measurements that are fitted to

What is fitted and what is held out stand apart in ``scripts/power_published.py``. A design's activity is
seldom published; then the estimate assumes it, and its range is as wide as that. ``activity`` tells these
apart.
"""

import argparse
import sys
from collections.abc import Sequence

import power_published
import script
import tables
from power_published import HELD_OUT, HeldOut

from qsnn_hw.families.boards import load_board
from qsnn_hw.support.ranges import Range
from qsnn_hw.targets.fpga.power import estimate_power
from qsnn_hw.targets.fpga.power_terms import Activity

BOARD = "icebreaker"
"""One with the device of all held-out designs, the UP5K."""

HEADINGS = ("design", "measured, mW", "estimated, mW", "range / typical", "in it", "activity", "source")


def predicted(design: HeldOut) -> Range:
    """Average power of the core supply in mW, with the published coefficients."""
    estimate = estimate_power(
        load_board(BOARD),
        design.used,
        design.clock_mhz,
        activity=Activity(design.busy, design.toggle, design.switching),
        memory_accesses_per_s=_per_second(design.block_ram, design.clock_mhz),
        spram_accesses_per_s=_per_second(design.spram, design.clock_mhz),
        oscillator=design.oscillator,
    )
    working = estimate.part("clock", "work").times(Range.exactly(design.duty))
    return estimate.part("static").plus(working)


def _per_second(per_cycle: float | None, clock_mhz: float) -> float | None:
    return None if per_cycle is None else per_cycle * clock_mhz * 1e6


def inside(design: HeldOut) -> bool:
    """Whether the measurement lies in the estimate's range."""
    found = predicted(design)
    return found.low <= design.measured_mw <= found.high


def table(designs: Sequence[HeldOut]) -> str:
    """The measurements beside the estimates, as Markdown."""
    rows = []
    for design in designs:
        found = predicted(design)
        known = design.switching is not None or design.duty == 0
        rows.append(
            (
                design.name,
                f"{design.measured_mw:.3g}",
                f"{found.typical:.3g} ({found.low:.3g} to {found.high:.3g})",
                f"/{found.typical / found.low:.2g} to x{found.high / found.typical:.2g}",
                "yes" if inside(design) else "no",
                "known" if known else "assumed",
                design.source + (f"; {design.note}" if design.note else ""),
            )
        )
    return tables.table(HEADINGS, rows)


def summary(designs: Sequence[HeldOut]) -> str:
    """One line: how many lie in the range, and how far the typical value is off."""
    count = sum(inside(design) for design in designs)
    off = [predicted(design).typical / design.measured_mw for design in designs]
    ends = f"{min(off):.2f} to {max(off):.2f} times the measured power"
    return f"{count} of {len(designs)} in the range; typical {ends}"


def text() -> str:
    """Both tables, as docs/power.md has them."""
    others = [design for design in HELD_OUT if not design.same_board]
    same = [design for design in HELD_OUT if design.same_board]
    return "\n".join(
        (
            "Of other people's designs and boards:",
            "",
            table(others),
            f"{summary(others)}.",
            "",
            "Of the board that the coefficients come from, none of the rows that are fitted to:",
            "",
            table(same),
            f"{summary(same)}.",
            "",
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, or the file of fitted measurements."""
    parser = argparse.ArgumentParser(
        prog="scripts/power_validation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--csv", action="store_true", help="print examples/power/up5k.csv instead")
    given = parser.parse_args(arguments)
    print("\n".join(power_published.csv_lines()) if given.csv else text())
    return 0


if __name__ == "__main__":
    sys.exit(script.ended(main))
