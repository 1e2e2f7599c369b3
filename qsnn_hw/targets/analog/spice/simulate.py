"""Runs a network in ngspice, group by group, and keeps what every run gave."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import read_npz, write_npz, write_text
from qsnn_hw.targets.analog.spice.circuit import GroupCircuit
from qsnn_hw.targets.analog.spice.deck import Clock, deck
from qsnn_hw.targets.analog.spice.names import spice_names
from qsnn_hw.targets.analog.spice.netlist import group_netlist, spike_nodes
from qsnn_hw.targets.analog.spice.neuron import LOGIC_VOLTS
from qsnn_hw.targets.analog.spice.user_neuron import UserNeuron
from qsnn_hw.toolchain.finder import Tool
from qsnn_hw.toolchain.ngspice import run_ngspice

NEURONS_A_DECK = 32
"""A physical tile's worth of columns: what grows faster than a netlist is the time to solve it."""

OnDeck = Callable[[str], None]


@dataclass
class GroupTrace:
    """What a group did in SPICE.

    Parameters
    ----------
    spikes
        uint8, shape (time, sample, neuron).
    compared, kept
        float64 V, same shape: the potential as the decision falls, and after the reset phase; None of a
        user's own neuron.
    """

    spikes: np.ndarray
    compared: np.ndarray | None
    kept: np.ndarray | None


@dataclass
class Simulator:
    """ngspice and a folder for its decks, in which runs that were done before are found again.

    Attributes
    ----------
    decks, seconds
        Runs so far, those that were kept from before too; how long the others took.
    """

    tool: Tool
    folder: Path
    user: UserNeuron | None = None
    decks: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)

    def run(
        self, circuit: GroupCircuit, events: Mapping[str, np.ndarray], on_deck: OnDeck = lambda text: None
    ) -> GroupTrace:
        """A group over samples, each a run of its own, and more than one where it has many neurons.

        Parameters
        ----------
        events
            Source -> uint8 0 or 1, shape (time, sample, address); a group's own spikes are not among them.
        on_deck
            Told what comes next.

        Raises
        ------
        UserError
            A group reads its own spikes and is too wide for one netlist, or spikes of a later group.
        ToolError
            ngspice failed.
        """
        steps, samples = next(iter(events.values())).shape[:2]
        whole = (steps, samples, circuit.neuron.size)
        trace = GroupTrace(np.zeros(whole, np.uint8), np.zeros(whole), np.zeros(whole))
        own = any(tile.own for tile in circuit.tiles)
        size = circuit.neuron.size if own else NEURONS_A_DECK
        for sample in range(samples):
            part_events = {name: spikes[:, sample : sample + 1] for name, spikes in events.items()}
            for first in range(0, circuit.neuron.size, size):
                part = circuit.part(first, size)
                on_deck(f"{circuit.name} from neuron {first}, sample {sample}")
                found = self._deck(part, part_events, f"{first}_{sample}")
                here = slice(first, first + part.neuron.size)
                trace.spikes[:, sample, here] = found["spikes"]
                if self.user is not None:
                    trace.compared = trace.kept = None
                elif trace.compared is not None and trace.kept is not None:
                    trace.compared[:, sample, here] = found["compared"]
                    trace.kept[:, sample, here] = found["kept"]
        return trace

    def _deck(
        self, circuit: GroupCircuit, events: Mapping[str, np.ndarray], stem: str
    ) -> dict[str, np.ndarray]:
        missing = {tile.source for tile in circuit.tiles if not tile.own} - events.keys()
        if missing:
            raise UserError(
                f"group {circuit.name} reads spikes of {', '.join(sorted(missing))} in a loop between "
                f"groups, which "
                "runs layer by layer cannot follow; simulate its netlist by hand, or leave SPICE out with "
                "--spice-samples 0"
            )
        circuit = circuit.without_silent_rows(events)
        names = spice_names([circuit.name, *(tile.source for tile in circuit.tiles)])
        stem = f"{names[circuit.name]}_{stem}"
        netlist = group_netlist(circuit, names, self.user)
        text = deck(circuit, names, events, f"{stem}.cir", user=self.user is not None)
        kept = self.folder / f"{stem}.npz"
        known = "\n".join([netlist, text, str(self.tool.version)])
        digest = hashlib.sha256(known.encode()).hexdigest()
        self.decks += 1
        before = _kept(kept, digest)
        if before is not None:
            return before
        write_text(self.folder / f"{stem}.cir", netlist)
        write_text(self.folder / f"{stem}_deck.cir", text)
        started = time.monotonic()
        raw = run_ngspice(self.tool, f"{stem}_deck.cir", self.folder)
        self.seconds += time.monotonic() - started
        steps = next(iter(events.values())).shape[0]
        clock = Clock(circuit.timing, steps)
        at_compare, at_reset = (clock.instants(phase)[0] for phase in ("compare", "reset"))
        word = names[circuit.name]
        found = {
            "spikes": np.stack(
                [raw.at(f"v({node})", at_reset) > LOGIC_VOLTS / 2 for node in spike_nodes(circuit)], axis=1
            ).astype(np.uint8)
        }
        if self.user is None:
            nodes = [f"v(x{word}.xneuron_{circuit.first + j}.v)" for j in range(circuit.neuron.size)]
            for name, instants in (("compared", at_compare), ("kept", at_reset)):
                found[name] = np.stack([raw.at(node, instants) for node in nodes], axis=1)
        write_npz(kept, found | {"digest": np.array(digest)})
        return found


def _kept(path: Path, digest: str) -> dict[str, np.ndarray] | None:
    """What an earlier run of the same deck gave; None where there was none, or another."""
    if not path.exists():
        return None
    try:
        arrays = read_npz(path)
    except UserError:
        return None
    return arrays if str(arrays.get("digest")) == digest else None
