"""What was simulated of the transistor neuron, stored with how it was got by ``scripts/sky130_neuron``."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.analog.spice.transistor import Firing

FILE = Path(__file__).parent.parent / "devices" / "sky130_neuron.json"


@dataclass(frozen=True)
class Spread:
    """A figure over drawn neurons: mean, standard deviation, least and most, and of how many."""

    mean: float
    sigma: float
    least: float
    most: float
    count: int


@dataclass(frozen=True)
class TransistorFigures(StoredRecord, form="transistor neuron 2", again="run scripts/sky130_neuron"):
    """Of the circuit in :mod:`~qsnn_hw.targets.analog.spice.transistor`, before layout.

    Parameters
    ----------
    date, command, ngspice, models
        When, by which command, and with which versions.
    supply_v
        V.
    rest_w
        From the supply without input.
    typical
        By input current, typical transistors.
    corners
        Corner -> at ``nominal_a``.
    nominal_a
        The current of corners and of the drawn neurons.
    drawn_rate_hz, drawn_energy_j, drawn_threshold_v
        Over neurons drawn with mismatch, typical transistors otherwise; ``drawn_silent`` fired fewer than
        three times and are not in them. None where none were drawn.
    seed
        Of the first of them; each next one has the next.
    """

    date: str
    command: str
    ngspice: str
    models: str
    supply_v: float
    rest_w: float
    nominal_a: float
    typical: tuple[Firing, ...]
    corners: dict[str, Firing]
    drawn_rate_hz: Spread | None
    drawn_energy_j: Spread | None
    drawn_threshold_v: Spread | None
    drawn_silent: int
    seed: int

    @property
    def energy_range_j(self) -> tuple[float, float, float]:
        """J a spike from the supply: low, typical, high.

        Typical transistors at the nominal current; low and high over corners and within two standard
        deviations of mismatch there, and over the other input currents.
        """
        each = (*self.corners.values(), *self.typical)
        fired = [one.energy_j for one in each if one.energy_j is not None]
        spread = self.drawn_energy_j
        if spread is not None:
            fired += [max(0.0, spread.mean - 2 * spread.sigma), spread.mean + 2 * spread.sigma]
        return min(fired), float(self.corners["tt"].energy_j or min(fired)), max(fired)

    @property
    def said(self) -> str:
        """What the energy is of, in words."""
        drawn = self.drawn_energy_j
        mismatch = "no mismatch" if drawn is None else f"{drawn.count} neurons drawn with mismatch, two sigma"
        currents = sorted(each.input_a * 1e9 for each in self.typical)
        between = f"{currents[0]:g} to {currents[-1]:g} nA"
        return f"axon-hillock in sky130 before layout, corners, {between}, {mismatch}"


@cache
def transistor_figures() -> TransistorFigures:
    """The figures that ship."""
    return TransistorFigures.load(FILE)
