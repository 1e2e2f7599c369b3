"""The hardware plan: what is built, in plain numbers, before any hardware description exists."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.host.protocol import encode_rows
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.io_plan import EncoderPlan, ReadoutPlan
from qsnn_hw.support.choices import LinkName
from qsnn_hw.support.records import StoredRecord

HOST = "host"
"""The endpoint outside the chip: source of the input stream, destination of the output stream."""


@dataclass(frozen=True)
class Route:
    """Every event of ``source`` goes to ``destination``, its address raised by ``offset``.

    Parameters
    ----------
    source, destination
        Names of groups (their Verilog identifiers) or ``HOST``.
    offset
        First address of the range at the destination.
    delay
        Time steps by which events arrive late; at least 1 on a route that runs ahead.
    ahead
        The route closes a loop: it gives the destination the tick of a step before the source has
        made that step (``rtl/stream/step_delay.py``).
    words
        Events the delay can hold: those of all steps in flight when every neuron fires its most.
    """

    source: str
    destination: str
    offset: int
    delay: int = 0
    ahead: bool = False
    words: int = 0


@dataclass(frozen=True)
class DesignOffer:
    """A design that the network could be, as predicted; no other that fits is both smaller and quicker.

    Parameters
    ----------
    cycles
        Mean of a sample; of a time step without samples.
    luts
        Logic cells of the whole board design, host link included.
    shapes
        Every group's lanes/updated neurons a cycle and where it keeps its sums, in words.
    chosen
        It is the plan's own.
    """

    cycles: float
    luts: int
    shapes: str
    chosen: bool


@dataclass(frozen=True)
class HardwarePlan(StoredRecord, form="hardware plan 6"):
    """One .npz. Groups and the routes between them; the input and the output are both ``HOST``.

    Parameters
    ----------
    name
        Verilog identifier of the design's top module.
    input_space, output_space
        Addresses of the input and the output stream.
    input_lanes, output_lanes
        Events per word of both streams.
    input_max, output_max
        The most events of one address in one step.
    groups
        In topological order, recurrence aside.
    routes
        Who hears whom.
    buffer_depth
        Words each router destination can hold.
    notes
        A line for each choice worth knowing.
    encoder, readout
        What stands between the streams and the host, or None.
    designs
        Those near this one among which it was chosen, the quickest first; empty where lanes were given.
    link
        What is between host and board; without meaning where no board is around the network.
    """

    name: str
    input_space: AddressSpace
    output_space: AddressSpace
    input_lanes: int
    output_lanes: int
    input_max: int
    output_max: int
    groups: tuple[GroupPlan, ...]
    routes: tuple[Route, ...]
    buffer_depth: int
    notes: tuple[str, ...] = ()
    encoder: EncoderPlan | None = None
    readout: ReadoutPlan | None = None
    designs: tuple[DesignOffer, ...] = ()
    link: LinkName = "uart"

    @property
    def input_addresses(self) -> int:
        """How many addresses the input stream has: of a grid more than there are inputs."""
        return self.input_space.size

    @property
    def output_addresses(self) -> int:
        """How many addresses the output stream has: of a grid more than there are neurons."""
        return self.output_space.size

    def sent_lanes(self, source: str) -> int:
        """Events per word of a source, ``HOST`` or a group."""
        return self.input_lanes if source == HOST else self.group(source).output_lanes

    def splits(self, route: Route) -> bool:
        """Whether an adapter takes the route's words apart; else they pass whole, as ``LaneAdapter`` does."""
        host = route.destination == HOST
        lanes = self.output_lanes if host else self.group(route.destination).event_lanes
        return self.sent_lanes(route.source) != lanes or route.offset % lanes != 0

    def group(self, name: str) -> GroupPlan:
        """The group plan called ``name``; KeyError when there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)

    @property
    def bare(self) -> "HardwarePlan":
        """The network alone, without encoder and readout."""
        return replace(self, encoder=None, readout=None)

    @property
    def output_group(self) -> GroupPlan:
        """The group whose events leave the design."""
        return self.group(next(route.source for route in self.routes if route.destination == HOST))

    @property
    def output_groups(self) -> tuple[GroupPlan, ...]:
        """The groups whose events leave the design: more than one where the output is cut into tiles."""
        return tuple(self.group(route.source) for route in self.routes if route.destination == HOST)

    def by_tile(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Values of the network's groups, the neuron on the last axis, and those of its tiles."""
        parts = {
            g.group: values[g.tile_of][..., g.members]
            for g in self.groups
            if g.members is not None and g.tile_of in values
        }
        return {**values, **parts}

    @property
    def synapse_bits(self) -> int:
        """All synapse memories together, in bits."""
        return sum(g.synapse_bits for g in self.groups)

    @property
    def loaded_groups(self) -> tuple[GroupPlan, ...]:
        """The groups whose synapse memories the host fills, in the order of the bytes it sends."""
        return tuple(g for g in self.groups if g.synapse_store == "ram")

    def weight_bytes(self) -> bytes:
        """What fills the loaded synapse memories: group by group, bank by bank, row by row."""
        return b"".join(
            encode_rows(group.synapse_words(bank), group.lanes * group.weight_bits)
            for group in self.loaded_groups
            for bank in range(group.event_lanes)
        )


# Words Verilog reserves that a model's node names are likely to hit, and what stands beside the groups.
_RESERVED = {
    *("input", "output", "inout", "reg", "wire", "signed", "integer", "real", "time", "parameter", "module"),
    *(
        "begin",
        "end",
        "if",
        "else",
        "case",
        "for",
        "while",
        "initial",
        "always",
        "assign",
        "function",
        "task",
    ),
    *(
        "task",
        "table",
        "and",
        "or",
        "not",
        "buf",
        "nand",
        "nor",
        "xor",
        "xnor",
        "host",
        "clk",
        "rst",
        "router",
        "loader",
        "guard",
        "around",
    ),
}
# Followed by a group's name, they are what a verification build has beside the group.
_RESERVED_PREFIXES = ("sent_", "activity_")


def identifier(name: str, prefix: str = "group") -> str:
    """A Verilog identifier made from ``name``: "lif1.lif" -> "lif1_lif", "3" -> "group_3"."""
    cleaned = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    lower = cleaned.lower()
    if not lower[:1].isalpha() or lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES):
        cleaned = f"{prefix}_{cleaned}".rstrip("_")
    return cleaned
