"""What a build found out, as one frozen record that is ``report.json`` on disk.

A figure that was not obtained is None (``null``), never 0: nothing was verified is not the same as
nothing differed. Units are in the names; accuracies are fractions from 0 to 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qsnn_hw.explore.integers.diagnosis import Diagnostics
from qsnn_hw.report.diagnostics_text import findings
from qsnn_hw.report.meaning import BASIS, DEFINITIONS
from qsnn_hw.report.parts import Accuracy, Calibration, Files, Resource, Timing, Verification
from qsnn_hw.report.parts_energy import Energy, GroupActivity, Metrics, PowerMw
from qsnn_hw.report.parts_speed import Clock, Latency, Link, OperatingPoint, Throughput
from qsnn_hw.report.prediction import Prediction
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.values import Number, check_counts, check_numbers, decode, encode, number, put

FORMAT = "qsnn-hw report 2"


@dataclass(frozen=True)
class Layer:
    """One neuron group as quantized and as mapped; anything not known is None.

    Parameters
    ----------
    name, neurons, synapses
        The group, its size, and the non-zero weights that end in it.
    weight_bits, potential_bits
        Signed widths.
    scale_low, scale_high
        Smallest and largest real value of one weight step over the group's neurons.
    threshold_low, threshold_high
        Smallest and largest firing threshold, in integer potential steps; None for a readout.
    dead_neurons
        Neurons that never fired over the test set; None for a readout.
    saturations
        How often a potential was clamped over the test set.
    lanes, folds
        Accumulators, and how many neurons each of them serves.
    update_lanes, event_lanes
        Neurons updated a cycle at the end of a step, and events taken a cycle.
    accumulators
        Where a step's sums are kept: "registers" or "memory".
    potentials_in
        Where the potentials are between two steps.
    rom_bits
        Synapse memory, in bits.
    cycles_per_sample
        Mean clock cycles per sample in which the group works, counted in simulation.
    leak_rounding
        "floor" (the loss is rounded down), "zero" (what is kept, toward zero), or "none" without a leak.
    own_integers
        Whether the trained weights were integers already and were kept.
    """

    name: str
    neurons: int
    synapses: int | None = None
    weight_bits: int | None = None
    potential_bits: int | None = None
    scale_low: Number | None = None
    scale_high: Number | None = None
    threshold_low: int | None = None
    threshold_high: int | None = None
    dead_neurons: int | None = None
    saturations: int | None = None
    lanes: int | None = None
    folds: int | None = None
    rom_bits: int | None = None
    cycles_per_sample: Number | None = None
    update_lanes: int | None = None
    event_lanes: int | None = None
    accumulators: str | None = None
    potentials_in: str | None = None
    leak_rounding: str | None = None
    own_integers: bool | None = None

    def __post_init__(self) -> None:
        """Refuse values that are no counts or no numbers."""
        where = f"layer {self.name!r}"
        if self.neurons is None:
            raise ValueError(f"{where}.neurons must be a number, not None")
        check_counts(self, where, "neurons", "synapses", "weight_bits", "potential_bits", "dead_neurons")
        check_counts(self, where, "saturations", "lanes", "folds", "rom_bits", "update_lanes", "event_lanes")
        check_numbers(self, where, "scale_low", "scale_high", "cycles_per_sample")
        # A threshold may be negative, unlike a count.
        for name in ("threshold_low", "threshold_high"):
            put(self, **{name: number(f"{where}.{name}", getattr(self, name))})


@dataclass(frozen=True)
class NetworkSummary:
    """What was built: name, size of the input, time steps per sample, and its neuron groups."""

    name: str
    inputs: int | None = None
    steps: int | None = None
    layers: tuple[Layer, ...] = ()

    def __post_init__(self) -> None:
        """Refuse anything but counts."""
        check_counts(self, "network", "inputs", "steps")


@dataclass(frozen=True)
class Board:
    """What it was built for: the board's key, its full name and the device on it."""

    name: str
    title: str | None = None
    device: str | None = None


@dataclass(frozen=True)
class Report:
    """Everything ``report.json`` says; every part may be missing except the network's name.

    Parameters
    ----------
    network
        The network and its layers.
    bits
        Weight width asked for.
    convention
        Field name -> value of the convention under which the model file was read.
    accuracy, accuracy_samples
        Fractions, and the number of test samples behind them.
    calibration
        The same on the samples that chose the rounding; None where none did.
    verification, timing, clock, latency, link, throughput, power_mw, energy, metrics
        The figures; see their types.
    resources
        The place-and-route tool's own cell name -> used and available.
    operating_point
        The board's clock, at which power and energy hold.
    activity
        Group -> what it did for a sample in simulation; empty where nothing was counted.
    spikes_per_sample
        ``input`` or a group's name -> mean spikes per sample.
    dead
        Why every answer means nothing, as where no neuron ever fires on the samples, in words; None where
        something comes out of the network, or nothing was run. Also one of ``warnings``.
    diagnostics
        What quantization did to each group; None when it was not measured.
    board
        None before a board is chosen.
    tools
        Tool name -> version.
    files
        The products.
    plan_notes, assumptions, warnings
        One line each.
    prediction
        What the plan promised.
    basis, definitions
        Part of the report -> how it is known, and what it means.
    created
        ISO 8601 date and time, or None.
    """

    network: NetworkSummary
    bits: int | None = None
    convention: Mapping[str, object] = field(default_factory=dict)
    accuracy: Accuracy = field(default_factory=Accuracy)
    accuracy_samples: int | None = None
    calibration: Calibration | None = None
    verification: Verification = field(default_factory=Verification)
    resources: Mapping[str, Resource] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
    clock: Clock = field(default_factory=Clock)
    latency: Latency = field(default_factory=Latency)
    link: Link = field(default_factory=Link)
    throughput: Throughput = field(default_factory=Throughput)
    operating_point: OperatingPoint = field(default_factory=OperatingPoint)
    power_mw: PowerMw = field(default_factory=PowerMw)
    energy: Energy = field(default_factory=Energy)
    metrics: Metrics = field(default_factory=Metrics)
    activity: Mapping[str, GroupActivity] = field(default_factory=dict)
    spikes_per_sample: Mapping[str, Number | None] = field(default_factory=dict)
    dead: str | None = None
    diagnostics: Diagnostics | None = None
    board: Board | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    files: Files = field(default_factory=Files)
    plan_notes: tuple[str, ...] = ()
    prediction: Prediction = field(default_factory=Prediction)
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    basis: Mapping[str, str] = field(default_factory=lambda: dict(BASIS))
    definitions: Mapping[str, str] = field(default_factory=lambda: dict(DEFINITIONS))
    created: str | None = None

    def __post_init__(self) -> None:
        """Refuse values that are no numbers."""
        check_counts(self, "report", "bits", "accuracy_samples")
        spikes = self.spikes_per_sample.items()
        put(self, spikes_per_sample={key: number(f"spikes_per_sample.{key}", n, 0) for key, n in spikes})

    @property
    def own_clamp(self) -> bool:
        """Whether the trained network clamps its potentials itself."""
        return self.convention.get("v_min") is not None

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """What quantization broke, and the warnings of the build."""
        found = () if self.diagnostics is None else findings(self.diagnostics, self.own_clamp)
        return (*found, *self.warnings)

    @property
    def convincing(self) -> bool:
        """Whether a design without a mismatch says anything: something comes out, or the framework agrees."""
        framework = self.verification.framework
        return self.dead is None or (framework is not None and framework.differ == 0)

    def to_json(self) -> dict[str, Any]:
        """The content of ``report.json``: plain dictionaries, lists, text, numbers and None."""
        return {"format": FORMAT, **encode(self)}

    def save(self, path: Path) -> None:
        """Write ``report.json``, whole or not at all.

        Raises
        ------
        UserError
            The file cannot be written.
        """
        files.write_json(path, self.to_json())

    @classmethod
    def load(cls, path: Path) -> "Report":
        """Read what :meth:`save` wrote.

        Raises
        ------
        UserError
            The file is missing, damaged, or not a report of this version.
        """
        content = files.read_json(path)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            found = content.get("format") if isinstance(content, dict) else None
            raise UserError(
                f"{path} is not a report of this version: format is {found!r}, expected {FORMAT!r}; "
                "run the build again"
            )
        try:
            report = decode(cls, {key: item for key, item in content.items() if key != "format"}, "report")
        except ValueError as error:
            raise UserError(f"{path} is not a valid report: {error}; run the build again") from error
        if not isinstance(report, cls):
            raise TypeError(f"decode gave a {type(report).__name__}, not a Report")
        return report
