"""What bench_hardware.py prints: the table of designs against their targets, and cycles against activity."""

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import tables

from qsnn_hw.families.registry import families

# The closest other generator on the same network, whose cycles do not depend on the input: 919 cycles
# in each of 25 steps (docs/peers.md).
RIVAL = ("Spiker+", "MNIST 784-128-10 (M)", 919 * 25)
_COLUMNS = (
    *("design", "target", "network", "bits", "accuracy % (samples)", "logic", "registers", "block RAM"),
    *("SPRAM", "DSP", "Fmax MHz", "cycles mean (most)", "us, core at Fmax", "memory share", "verdict"),
)
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def _cells(row: Any) -> Iterator[object]:
    mean, mhz = statistics.mean(row.cycles), row.median_mhz
    yield from (row.name, row.target, row.title, row.bits)
    yield "not measured" if row.accuracy is None else f"{100 * row.accuracy:.2f} ({row.samples})"
    yield f"{row.logic:,}"
    yield "-" if row.registers is None else f"{row.registers:,}"
    yield from (row.block_rams, row.sprams, row.dsps)
    yield f"{mhz:.1f} ({' '.join(f'{f:.1f}' for f in row.fmax_mhz)})"
    yield f"{mean:,.0f} ({max(row.cycles):,})"
    yield from (f"{mean / mhz:.2f}", f"{row.share:.2f}", verdict(row))


def report(rows: Sequence[Any]) -> str:
    """The Markdown page."""
    used = ("yosys", "nextpnr", "verilator")
    tools = {f"{name} {v}" for row in rows for name, v in row.tools.items() if name.startswith(used)}
    logic = ", ".join(f"{one.units.logic_cells} on {one.title}" for one in families().values())
    seeds = ", ".join(sorted({str(seed) for row in rows for seed in row.seeds}))
    lines = [
        "# The hardware against its targets",
        "",
        "Source: `python scripts/bench_hardware.py`, which prints and writes this page. Every row is the "
        "command below the table, typed as a user would: the whole board design with its serial link, and "
        "every figure from what the command left in its folder.",
        "",
        f"Tools: {', '.join(sorted(tools))}. Fmax is nextpnr's own for the bitstream's design, the median of "
        f"the seeds (here {seeds}; each in brackets); a board may clock it slower. "
        f"Logic: {logic}. Cycles: a sample alone in the design, from its "
        "first word to its last tick or its class, encoder and readout included where the design has them, "
        "from the simulation in which every spike and every potential of the samples equalled the golden "
        "model; microseconds are the core alone, at Fmax, without the serial link. Accuracy: the golden "
        "model on the samples of the same row, too few to judge a network by; docs/quantization.md and the "
        "READMEs of examples/ have whole test sets.",
        "",
        tables.table(_COLUMNS, map(_cells, rows)),
    ]
    lines += ["Commands, with `-o FOLDER` added:", ""]
    lines += [f"- {row.name}: `{row.command}`" for row in rows]
    lines += ["", "Shapes that the plan chose (lanes x folds):", ""]
    lines += [f"- {row.name} on {row.board}: {'; '.join(row.shapes)}" for row in rows]
    lines += [
        "",
        "Memory share: synapse rows that the input's events read, over the rows the first group's banks "
        "could have delivered in all cycles of the samples, sweeps, fill and drain included.",
        "",
        "![Cycles of a sample against its input events](cycles.svg)",
        "",
    ]
    return "\n".join(lines)


PEER_NETWORKS = ("MNIST 784-128-10 (M)", "digits 64-32-10")
"""Titles of the networks that docs/peers.md has of others, too."""


def peer_rows(page: str) -> str:
    """The rows of ``page``, as :func:`report` wrote it, whose networks stand beside the peers'."""
    lines = [tables.cells(line) for line in tables.lines_under(page, tables.row(*_COLUMNS))]
    shown = ("design", "network", "bits", "logic", "registers", "block RAM", "Fmax MHz", "cycles mean (most)")
    columns = [_COLUMNS.index(name) for name in shown]
    of_peers = (cells for cells in lines if cells[_COLUMNS.index("network")] in PEER_NETWORKS)
    return tables.table(shown, ([cells[k] for k in columns] for cells in of_peers))


def verdict(row: Any) -> str:
    """Each bound of the target: kept or missed, with the bound."""
    mean = statistics.mean(row.cycles)
    values = {"logic": row.logic, "mhz": row.median_mhz, "cycles": mean, "us": mean / row.median_mhz}
    bounds = []
    for name, bound in row.bounds.items():
        if bound is None:
            continue
        at_least = name == "mhz"
        holds = values[name] >= bound if at_least else values[name] <= bound
        bounds.append(f"{name} {'>=' if at_least else '<='} {bound:g}: {'kept' if holds else 'MISSED'}")
    return ", ".join(bounds) or "fits"


def cycles_plot(rows: Sequence[Any]) -> str | None:
    """Cycles of every simulated sample against its input events; the rival's constant line beside them."""
    shown = [row for row in rows if row.title == RIVAL[1] and row.events]
    if not shown:
        return None
    width, height, left, top, bottom = 720, 420, 70, 20, 50
    most = max(max(row.events) for row in shown) * 1.05
    low = min(min(row.cycles) for row in shown) / 1.5
    high = max(RIVAL[2], *(max(row.cycles) for row in shown)) * 1.3

    def x(value: float) -> float:
        return left + value / most * (width - left - 20)

    def y(value: float) -> float:
        span = math.log(value / low) / math.log(high / low)
        return height - bottom - span * (height - top - bottom)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="sans-serif" font-size="12">',
        "<title>Clock cycles of a sample against its input events</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for power in range(1, 7):
        for factor in (1, 2, 5):
            value = factor * 10**power
            if low <= value <= high:
                parts.append(
                    f'<line x1="{left}" x2="{width - 20}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
                    f'stroke="#ddd"/><text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">'
                    f"{value:,}</text>"
                )
    step = 500 if most > 2000 else 100
    for value in range(0, int(most) + 1, step):
        parts.append(
            f'<text x="{x(value):.1f}" y="{height - bottom + 18}" text-anchor="middle">{value:,}</text>'
        )
    parts.append(
        f'<text x="{(left + width) / 2}" y="{height - 10}" text-anchor="middle">'
        "input events of the sample</text>"
        f'<text transform="translate(14 {height / 2}) rotate(-90)" text-anchor="middle">clock cycles</text>'
    )
    line = y(RIVAL[2])
    parts.append(
        f'<line x1="{left}" x2="{width - 20}" y1="{line:.1f}" y2="{line:.1f}" stroke="black" '
        f'stroke-dasharray="6 4"/><text x="{width - 24}" y="{line - 6:.1f}" text-anchor="end">'
        f"{RIVAL[0]}: {RIVAL[2]:,} cycles whatever the input</text>"
    )
    for index, row in enumerate(shown):
        colour = _COLOURS[index % len(_COLOURS)]
        parts += [
            f'<circle cx="{x(events):.1f}" cy="{y(cycles):.1f}" r="3" fill="{colour}" fill-opacity="0.7"/>'
            for events, cycles in zip(row.events, row.cycles, strict=True)
        ]
        last = max(range(len(row.events)), key=lambda k: row.events[k])
        parts.append(
            f'<text x="{x(row.events[last]) - 8:.1f}" y="{y(row.cycles[last]) - 8:.1f}" text-anchor="end" '
            f'fill="{colour}">{row.name}: {row.bits} bits, {row.board}</text>'
        )
    return "".join(parts) + "</svg>\n"
