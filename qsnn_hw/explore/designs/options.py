"""How a network is to be laid out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from qsnn_hw.cost.traffic import Traffic
from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.families.limits import Limits
from qsnn_hw.support.choices import AIMS, Accumulators, Aim, LinkName, SynapseStore
from qsnn_hw.support.errors import UserError

MAX_BUFFER_DEPTH = 65536
"""Words of a router buffer: beyond what any of the boards has memory for."""


@dataclass(frozen=True)
class PlanOptions:
    """How the network is laid out.

    Every sequence holds one number for all groups or one for each; None leaves the choice to
    ``optimize``.

    Parameters
    ----------
    lanes, update_lanes, event_lanes
        See ``Shape``.
    accumulators
        "registers" or "memory".
    optimize
        What to choose for: "balanced", "latency", "area" or "energy".
    lut_budget
        Logic cells that the whole board design may take by prediction; None for no limit.
    cycle_budget
        Mean cycles that a sample may take; of a time step where ``traffic`` is not given. None for no
        limit.
    buffer_depth
        Words each router destination can hold, at least 1; None leaves the choice to ``optimize``.
    limits
        What the device holds; None: no limit known.
    synapse_store
        "rom", or "ram" that the host loads.
    traffic
        The events that the design is to be quick for; None assumes some.
    io
        Encoder and readout on the chip.
    link
        What is between host and board.
    """

    lanes: Sequence[int] | None = None
    update_lanes: Sequence[int] | None = None
    event_lanes: Sequence[int] | None = None
    accumulators: Sequence[Accumulators] | None = None
    optimize: Aim = "balanced"
    lut_budget: int | None = None
    cycle_budget: int | None = None
    buffer_depth: int | None = None
    limits: Limits | None = None
    synapse_store: SynapseStore = "rom"
    traffic: Traffic | None = field(default=None, repr=False)
    io: IoOptions = field(default_factory=IoOptions)
    link: LinkName = "uart"

    def __post_init__(self) -> None:
        if self.buffer_depth is not None and not 1 <= self.buffer_depth <= MAX_BUFFER_DEPTH:
            raise UserError(f"buffer depth must be from 1 to {MAX_BUFFER_DEPTH}, not {self.buffer_depth}")
        if self.optimize not in AIMS:
            raise UserError(f"--optimize must be one of {', '.join(AIMS)}, not {self.optimize!r}")
        for name in ("lanes", "update_lanes", "event_lanes"):
            for value in getattr(self, name) or ():
                if value < 1:
                    raise UserError(f"{name.replace('_', ' ')} must be at least 1, not {value}")
