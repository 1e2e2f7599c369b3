"""What a build leaves of SPICE, as records in files: its netlists, and what ngspice says of samples."""

from dataclasses import dataclass

from qsnn_hw.support.records import StoredRecord


@dataclass(frozen=True)
class CircuitFile:
    """The netlist of a group.

    Parameters
    ----------
    group
        Its name in the network.
    file
        Relative to the output folder.
    subcircuit
        Its name in the netlist.
    verilog
        Its digital side, relative to the output folder too.
    tiles, rows, neurons
        Counts; rows are those that the surroundings drive.
    """

    group: str
    file: str
    subcircuit: str
    verilog: str
    tiles: int
    rows: int
    neurons: int


@dataclass(frozen=True)
class Circuits(StoredRecord, form="circuits 1", again="run the build again"):
    """The netlists of a network, group by group, in its order.

    Parameters
    ----------
    wire_ohm
        Of a segment, in all of them; 0 for wires without resistance.
    own_neuron
        The user's subcircuit; None for the behavioural one.
    clock_mhz
        Of the digital side: a cycle is the shortest phase.
    """

    files: tuple[CircuitFile, ...]
    wire_ohm: float
    clock_mhz: float
    own_neuron: str | None


@dataclass(frozen=True)
class GroupSpice:
    """A group in SPICE beside the same group of the reference model.

    Parameters
    ----------
    name, neurons
        Of the group.
    compared
        Neurons times steps times samples.
    spice_spikes, model_spikes, differ
        Spikes of each, and places where one has a spike and the other none.
    potential_error
        The largest difference of two potentials where the spikes agree, in steps of the integer potential;
        None of a user's own neuron, whose potential has no name that is known.
    decks
        Runs of ngspice.
    """

    name: str
    neurons: int
    compared: int
    spice_spikes: int
    model_spikes: int
    differ: int
    potential_error: float | None
    decks: int


@dataclass(frozen=True)
class SpiceResult(StoredRecord, form="spice 1", again="run the build again"):
    """Layer by layer, each layer fed with the spikes that SPICE gave of the layers before.

    Parameters
    ----------
    version
        Of ngspice; None where it was not run.
    missing
        Why it was not run; None where it was.
    samples, same_samples
        How many were run, and of how many every spike is the model's.
    near_ties
        Samples whose first spike that differs is one whose potential lies within a twentieth of an integer
        step of the threshold: both answers are right, and what follows differs with it.
    groups
        In the order of the network.
    seconds
        That ngspice took, of the runs that were not kept from before.
    own_neuron
        The user's subcircuit; None for the behavioural one.
    first_difference
        In words; None where there is none.
    """

    version: str | None
    missing: str | None
    samples: int
    same_samples: int
    near_ties: int
    groups: tuple[GroupSpice, ...]
    seconds: float
    own_neuron: str | None = None
    first_difference: str | None = None

    @property
    def differ(self) -> int:
        """Spikes that differ, in all groups."""
        return sum(group.differ for group in self.groups)

    @property
    def compared(self) -> int:
        """Places that were compared, in all groups."""
        return sum(group.compared for group in self.groups)
