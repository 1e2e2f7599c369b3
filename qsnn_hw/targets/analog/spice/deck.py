"""The deck that ngspice runs: a group, events as pulses on its rows, the phases, what is saved."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from qsnn_hw.targets.analog.spice.circuit import PHASES, GroupCircuit, StepTiming
from qsnn_hw.targets.analog.spice.names import number, wrapped
from qsnn_hw.targets.analog.spice.netlist import CONTROL, driven_rows, spike_nodes
from qsnn_hw.targets.analog.spice.neuron import LOGIC_VOLTS

_RELTOL = 1e-5


def options(circuit: GroupCircuit) -> str:
    """Tolerances far below half a step of a potential; gear, because it does not ring at an edge."""
    fires = np.abs(circuit.neuron.threshold[np.isfinite(circuit.neuron.threshold)])
    volts = float(fires.min()) if fires.size else circuit.neuron.swing
    # A step may err by a millionth of the charge of a threshold; ngspice multiplies by reltol.
    charge = 1e-6 * circuit.neuron.capacitor * volts / _RELTOL
    return (
        f".options reltol={_RELTOL:g} abstol=1e-16 vntol=1e-9 chgtol={number(charge)} method=gear gmin=1e-18"
    )


def pulse_train(
    starts: Iterable[float], length_s: float, edge_s: float, volts: float
) -> list[tuple[float, float]]:
    """(time, volts) corners of pulses whose edges have their middles at ``start`` and ``start + length``."""
    half = edge_s / 2
    points = [(0.0, 0.0)]
    for start in starts:
        end = start + length_s
        points += [(start - half, 0.0), (start + half, volts), (end - half, volts), (end + half, 0.0)]
    return points


def _source(node: str, points: list[tuple[float, float]]) -> str:
    if len(points) == 1:
        return f"v{node} {node} 0 0"
    pairs = [f"{number(t)} {number(v)}" for t, v in points]
    return wrapped([f"v{node} {node} 0 pwl(", *pairs, ")"])


@dataclass(frozen=True)
class Clock:
    """When the steps of a run begin.

    Parameters
    ----------
    timing
        Of a step.
    steps
        How many there are in a sample.
    samples
        One behind another, a step's length between them in which ``clear`` is high.
    """

    timing: StepTiming
    steps: int
    samples: int = 1

    @property
    def _lead(self) -> float:
        # Before the first edge, which is to have its first half too.
        return 2 * self.timing.edge_s

    def start(self, sample: int, step: int) -> float:
        """When a step begins, seconds."""
        return self._lead + (sample * (self.steps + 1) + step) * self.timing.step_s

    @property
    def starts(self) -> list[float]:
        """Of all steps of all samples, in order."""
        return [self.start(sample, step) for sample in range(self.samples) for step in range(self.steps)]

    @property
    def clears(self) -> list[float]:
        """When ``clear`` rises, behind every sample but the last."""
        return [self.start(sample, self.steps) for sample in range(self.samples - 1)]

    @property
    def stop(self) -> float:
        """When the last step ends."""
        return self.start(self.samples - 1, self.steps)

    def instants(self, phase: str) -> np.ndarray:
        """When ``phase`` ends, less an edge: float64 of shape (samples, steps)."""
        ends = self.timing.end(phase) - self.timing.edge_s
        return np.array(
            [[self.start(b, t) + ends for t in range(self.steps)] for b in range(self.samples)], dtype=float
        )


def deck(
    circuit: GroupCircuit,
    names: Mapping[str, str],
    events: Mapping[str, np.ndarray],
    included: str,
    *,
    user: bool = False,
) -> str:
    """The deck of a run.

    Parameters
    ----------
    events
        Source -> uint8 0 or 1, shape (time, sample, address).
    included
        The file with the group's netlist, as ngspice finds it.
    user
        The neuron is the user's own, whose potential has no name that is known.
    """
    steps, samples = next(iter(events.values())).shape[:2]
    clock = Clock(circuit.timing, steps, samples)
    word = names[circuit.name]
    rows = driven_rows(circuit, names)
    pins = [row.node for row in rows] + spike_nodes(circuit) + list(CONTROL)
    lines = [
        f"* group {word}, {samples} samples of {steps} steps",
        f'.include "{included}"',
        options(circuit),
        *(
            _source(row.node, _events(clock, events[row.source][:, :, row.address], row.delay))
            for row in rows
        ),
        *_phases(clock),
        wrapped([f"x{word}", *pins, word]),
        wrapped([".save", *saved(circuit, word, user=user)]),
        f".tran {number(circuit.timing.step_s / 10)} {number(clock.stop)} 0 "
        f"{number(circuit.timing.step_s / 5)} uic",
        ".end",
    ]
    return "\n".join(lines) + "\n"


def saved(circuit: GroupCircuit, word: str, *, user: bool = False) -> list[str]:
    """What a run keeps: spikes, then the potentials, which a user's own neuron does not have by that name."""
    neurons = range(circuit.first, circuit.first + circuit.neuron.size)
    potentials = [] if user else [f"v(x{word}.xneuron_{n}.v)" for n in neurons]
    return [f"v({node})" for node in spike_nodes(circuit)] + potentials


def _events(clock: Clock, spikes: np.ndarray, delay: int) -> list[tuple[float, float]]:
    timing = clock.timing
    late = np.zeros_like(spikes)
    late[delay:] = spikes[: spikes.shape[0] - delay]
    steps = sorted((sample, step) for step, sample in np.argwhere(late))
    starts = (clock.start(int(b), int(t)) + timing.start("read") for b, t in steps)
    return pulse_train(starts, timing.read_s, timing.edge_s, timing.read_volts)


def _phases(clock: Clock) -> Iterator[str]:
    timing = clock.timing
    for phase in PHASES:
        rises, length = timing.pulse(phase)
        starts = [start + rises for start in clock.starts]
        yield _source(phase, pulse_train(starts, length, timing.edge_s, LOGIC_VOLTS))
    yield _source("clear", pulse_train(clock.clears, timing.step_s, timing.edge_s, LOGIC_VOLTS))
