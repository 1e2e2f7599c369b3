"""A group's netlist: its tiles and neurons as one subcircuit, plain SPICE that any circuit goes around.

Pins of the group's subcircuit: a row for every address of every source in order, a spike for every neuron,
then the phases' lines and ``clear``. A row is driven by whoever uses the subcircuit; of rows that carry the
group's own spikes the drivers are inside.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.spice.circuit import PHASES, GroupCircuit, TileCircuit
from qsnn_hw.targets.analog.spice.names import number, row_name, spice_names, wrapped
from qsnn_hw.targets.analog.spice.neuron import LOGIC_VOLTS, parameters, subcircuit
from qsnn_hw.targets.analog.spice.tile import column_names, tile_subcircuit
from qsnn_hw.targets.analog.spice.user_neuron import UserNeuron

CONTROL = (*PHASES, "clear")


@dataclass(frozen=True)
class Row:
    """A row that the surroundings drive.

    Parameters
    ----------
    node
        Its pin.
    source, address, delay
        Whose spikes it carries, and how many steps late.
    """

    node: str
    source: str
    address: int
    delay: int


def tile_rows(tile: TileCircuit, names: Mapping[str, str]) -> list[str]:
    """The nodes of a tile's rows."""
    late = tile.delay + 1 if tile.own else tile.delay
    return [row_name(names, tile.source, int(address), late) for address in tile.addresses]


def driven_rows(circuit: GroupCircuit, names: Mapping[str, str]) -> list[Row]:
    """The rows that are pins, each once, in the order of tiles."""
    rows: dict[str, Row] = {}
    for tile in circuit.tiles:
        if not tile.own:
            for address, node in zip(tile.addresses, tile_rows(tile, names), strict=True):
                rows.setdefault(node, Row(node, tile.source, int(address), tile.delay))
    return list(rows.values())


def spike_nodes(circuit: GroupCircuit) -> list[str]:
    """The node of every neuron's spike."""
    return [f"spike_{circuit.first + j}" for j in range(circuit.neuron.size)]


def tile_word(tile: str, group: str) -> str:
    """What a tile's subcircuit is called."""
    return f"{group}_tile_{next(iter(spice_names([tile]).values()))}"


def group_netlist(circuit: GroupCircuit, names: Mapping[str, str], user: UserNeuron | None = None) -> str:
    """The text of the group's file: subcircuits of its neuron, its tiles, and the group.

    Parameters
    ----------
    names
        Name of every group and of the input -> its word in the netlist (:func:`spice_names`).
    user
        The user's own neuron in place of the behavioural one.

    Raises
    ------
    UserError
        The group has what no netlist is made for: own spikes later than one step; or a refractory period
        that the user's neuron has no part for.
    """
    word = names[circuit.name]
    neuron = f"{word}_neuron" if user is None else user.name
    parts = [
        f"* group {word}: neurons {circuit.first} to {circuit.first + circuit.neuron.size - 1}",
        user.text if user is not None else subcircuit(neuron, circuit.neuron, circuit.timing),
    ]
    inside: list[str] = []
    # Tiles side by side read the same rows: one driver each.
    drivers: dict[str, str] = {}
    for tile in circuit.tiles:
        rows = tile_rows(tile, names)
        name = tile_word(tile.name, word)
        parts.append(tile_subcircuit(name, tile, circuit.wire_ohm, rows))
        inside.append(wrapped([f"x{name}", *rows, *column_names(tile), name]))
        if tile.own:
            drivers |= _own_drivers(circuit, tile, rows)
    inside += drivers.values()
    pins = [row.node for row in driven_rows(circuit, names)] + spike_nodes(circuit) + list(CONTROL)
    given = parameters(circuit.neuron)
    if user is not None and "nref" in given and "nref" not in user.takes:
        raise UserError(
            f"group {circuit.name} has a refractory period, and the subcircuit {user.name} "
            "declares no parameter "
            "nref, its steps: give it a part that keeps so many steps silent"
        )
    takes = given if user is None else {name: given[name] for name in user.takes if name in given}
    for j, spike in enumerate(spike_nodes(circuit)):
        n = circuit.first + j
        values = [f"{name}={number(float(value[j]))}" for name, value in takes.items()]
        inside.append(wrapped([f"xneuron_{n}", f"plus_{n}", f"minus_{n}", spike, *CONTROL, neuron, *values]))
    parts.append("\n".join([wrapped([".subckt", word, *pins]), *inside, f".ends {word}"]))
    return "\n\n".join(parts) + "\n"


def _own_drivers(circuit: GroupCircuit, tile: TileCircuit, rows: list[str]) -> dict[str, str]:
    """Row that carries held spikes of the step before -> the source that drives it."""
    if tile.delay:
        raise UserError(
            f"tile {tile.name} reads spikes of its own group {tile.delay + 1} steps late; the netlist "
            f"holds one step"
        )
    volts, logic = number(circuit.timing.read_volts), number(LOGIC_VOLTS)
    half = number(LOGIC_VOLTS / 2)
    return {
        row: f"bdrive_{row} {row} 0 v=(v(spike_{address})>{half} ? {volts} : 0)*v(read)/{logic}"
        for address, row in zip(tile.addresses, rows, strict=True)
    }
