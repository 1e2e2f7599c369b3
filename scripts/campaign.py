"""Random networks against every form of the model: float bound, golden clocked and event-driven, and the RTL.

``scripts/campaign --networks N --seed S`` draws N networks (tests/support/random_networks.py says from what)
and holds each in Amaranth's simulator; every ``--native-every``-th is compiled with Verilator, too, and goes
through the passes of ``qsnn-hw simulate``. Each is a line of a file in ``--state``, so a campaign that was
stopped goes on where it was. A network that fails is made as small as it fails, and kept in ``--keep``, whose
files the default tests run again. Exit status 1 where any failed.
"""

import json
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from script import ROOT, ended, need_in_range, parser

from tests.support.random_networks import (
    KEPT,
    Draw,
    check,
    check_native,
    covered,
    make,
    random_draw,
    shrunk,
)

_DRAWS = 40
"""Draws until one is a network; some three of four are."""


def draw_of(seed: int, number: int) -> tuple[Draw, int]:
    """The network of this number, and how many draws before it were none."""
    rng = np.random.default_rng([seed, number])
    for refused in range(_DRAWS):
        draw = random_draw(rng)
        if make(draw) is not None:
            return draw, refused
    raise AssertionError(f"{_DRAWS} draws and no network: the table of choices is wrong")


def failure(draw: Draw, native: Path | None = None) -> str | None:
    """What is wrong with a draw, in one line; None where everything agrees.

    Parameters
    ----------
    native
        A folder for the bench of Verilator; None: Amaranth's simulator.
    """
    made = make(draw)
    if made is None:
        return None
    try:
        if native is None:
            check(draw, made)
        else:
            check_native(made, native)
    except Exception as error:  # Whatever is raised is a finding.
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''} ({where.name})"
    return None


def _spent() -> float:
    """Processor seconds of this process and of those that it waited for."""
    return sum(os.times()[:4])


def run(seed: int, number: int, native: bool, keep: Path) -> dict[str, Any]:
    """One network: its line of the record."""
    started = _spent()
    draw, refused = draw_of(seed, number)
    made = make(draw)
    assert made is not None
    found = failure(draw)
    if found is None and native:
        with tempfile.TemporaryDirectory() as folder:
            found = failure(draw, Path(folder))
    elif found is not None:
        draw = shrunk(draw, lambda other: failure(other) is not None)
        found = failure(draw)
    if found is not None:
        keep.mkdir(parents=True, exist_ok=True)
        draw.save(keep / f"seed{seed}_network{number}.json")
    return {
        "number": number,
        "refused": refused,
        "native": native,
        "seconds": round(_spent() - started, 2),
        "potentials": sum(int(v.size) for v in made.golden.potentials.values()),
        "spikes": sum(int(s.sum(dtype=np.int64)) for s in made.golden.spikes.values()),
        "covered": sorted(covered(draw, made)),
        "failure": found,
        "draw": asdict(draw),
    }


def summary(lines: Sequence[dict[str, Any]]) -> str:
    """Counts, coverage, time and the first failure."""
    failed = [line for line in lines if line["failure"] is not None]
    total = Counter(name for line in lines for name in line["covered"])
    by_kind: dict[str, list[str]] = {}
    for name, count in sorted(total.items()):
        kind, _, value = name.partition(" ")
        by_kind.setdefault(kind, []).append(f"{value} {count}")
    text = [f"{kind}: {', '.join(values)}" for kind, values in by_kind.items()]
    text.append(
        f"{len(lines)} networks, {sum(line['native'] for line in lines)} of them compiled, too: "
        f"{len(failed)} failed; {sum(line['potentials'] for line in lines)} potentials, "
        f"{sum(line['spikes'] for line in lines)} spikes; {sum(line['refused'] for line in lines)} draws "
        f"were no network; {sum(line['seconds'] for line in lines):.0f} processor seconds"
    )
    if failed:
        first = min(failed, key=lambda line: int(line["number"]))
        text.append(f"first failure: network {first['number']}: {first['failure']}\n  {first['draw']}")
    return "\n".join(text)


def campaign(arguments: Any) -> int:
    """Every network that the record lacks; the exit status."""
    need_in_range(arguments, ("networks", 1, 1_000_000), ("seed", 0, 1 << 31), ("native-every", 0, 1_000_000))
    state = arguments.state / f"seed{arguments.seed}.jsonl"
    state.parent.mkdir(parents=True, exist_ok=True)
    lines: dict[int, dict[str, Any]] = {}
    if state.exists():
        whole = state.read_text(encoding="utf-8").split("\n")[:-1]
        lines = {line["number"]: line for line in map(json.loads, whole)}
        # What an end in the middle of a line left is written again.
        state.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")
    every = arguments.native_every
    with state.open("a", encoding="utf-8") as record:
        for number in range(arguments.networks):
            if number in lines:
                continue
            native = bool(every) and number % every == every - 1
            lines[number] = line = run(arguments.seed, number, native, arguments.keep)
            record.write(json.dumps(line) + "\n")
            record.flush()
            if line["failure"] is not None or len(lines) % 20 == 0:
                print(f"[{len(lines)}/{arguments.networks}] {line['failure'] or 'ok'}", file=sys.stderr)
    of_these = [lines[number] for number in range(arguments.networks)]
    print(summary(of_these))
    return int(any(line["failure"] is not None for line in of_these))


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, compare, summarize."""
    command = parser(__doc__)
    command.add_argument("--networks", type=int, default=100, metavar="N", help="how many (default 100)")
    command.add_argument("--seed", type=int, default=1, metavar="S", help="of all draws (default 1)")
    command.add_argument(
        "--native-every", type=int, default=50, metavar="K", help="compile each K-th, 0 none (default 50)"
    )
    command.add_argument(
        "--state",
        type=Path,
        default=ROOT / "out" / "campaign",
        metavar="FOLDER",
        help="where the record lies",
    )
    command.add_argument(
        "--keep", type=Path, default=KEPT, metavar="FOLDER", help="where networks that fail are kept"
    )
    given = command.parse_args(arguments)
    return ended(lambda: campaign(given))


if __name__ == "__main__":
    sys.exit(main())
