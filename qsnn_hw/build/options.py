"""What a build is asked for: every choice of the user in one frozen record."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qsnn_hw.quantize import QuantizeOptions
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.records import Kept

OPTIONS = "options.json"
"""Their file in an output folder: of the last run that was not refused."""

MAX_SEED = 2**31 - 1
"""What nextpnr takes."""

_CHOICES: dict[str, tuple[str | None, ...]] = {
    "layout": ("auto", "time-sample", "sample-time"),
    "optimize": ("balanced", "latency", "area", "energy"),
    "weights": ("rom", "ram"),
    "encoder": (None, "rate", "latency", "direct"),
    "readout": (None, "none", "count", "first", "membrane"),
    "simulator": ("verilator", "cocotb", "icarus"),
}
_SPELLED = {"model": "MODEL", "calibration_data": "--calibrate"}


@dataclass(frozen=True)
class BuildOptions(Kept, form="build options 2", again="run qsnn-hw build with MODEL and all options again"):
    """The choices behind an output folder, as the command line takes them.

    Parameters
    ----------
    model
        Model file (.nir, .npz or .toml).
    convention, settings
        Preset name (None for a saved network, which needs none), and field -> text from ``--set``.
    data
        Test samples and labels; None is enough to generate Verilog.
    calibration_data
        Other samples, to choose rounding by; None rounds as ``quantize`` says.
    max_drop
        Percentage points of accuracy on the calibration samples that narrower weights may cost;
        None keeps the widths.
    layout, samples
        Axis order of the data files, and how many test samples to use (None: all).
    quantize
        Widths and rounding.
    lanes, update_lanes, event_lanes
        See ``Shape``, one number for all groups or one for each; None lets ``optimize`` choose.
    optimize, lut_budget
        See ``PlanOptions``.
    cycle_budget
        Mean clock cycles a sample may take; None for no limit.
    weights
        "rom", or "ram" that the host loads.
    buffer_depth
        See ``PlanOptions``.
    target
        Where the network goes, one of ``qsnn_hw/targets/registry.py``.
    board
        Name or TOML file; None for a target that is for no board.
    encoder, readout, steps, encoder_floor
        Encoder and readout on the chip, see ``IoOptions``; with an encoder ``data`` holds pixels. Readout
        None is "membrane" where the output never fires, else none; "none" is none in any case.
    seed
        Of the placer and of the simulation's random gaps.
    simulator
        "verilator", "cocotb" (Verilator under cocotb) or "icarus" (under cocotb).
    """

    model: str
    convention: str | None
    board: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    data: str | None = None
    calibration_data: str | None = None
    max_drop: float | None = None
    layout: str = "auto"
    samples: int | None = None
    quantize: QuantizeOptions = field(default_factory=QuantizeOptions)
    lanes: tuple[int, ...] | None = None
    update_lanes: tuple[int, ...] | None = None
    event_lanes: tuple[int, ...] | None = None
    optimize: str = "balanced"
    lut_budget: int | None = None
    cycle_budget: int | None = None
    weights: str = "rom"
    buffer_depth: int | None = None
    encoder: str | None = None
    readout: str | None = None
    steps: int | None = None
    encoder_floor: int = 1
    seed: int = 1
    simulator: str = "verilator"
    target: str = "fpga"

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                known = ", ".join(dict.fromkeys("none" if choice is None else choice for choice in allowed))
                raise UserError(f"--{name} must be one of {known}, not {value!r}")
        for name in ("samples", "lut_budget", "cycle_budget", "steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1, not {value}")
        if not 0 <= self.seed <= MAX_SEED:
            raise UserError(f"--seed must be from 0 to {MAX_SEED}, not {self.seed}")
        drop = self.max_drop
        if drop is not None and not (type(drop) in (int, float) and 0 <= drop <= 100):
            raise UserError(f"--max-drop is percentage points from 0 to 100, not {drop}")
        for name in ("model", "data", "calibration_data", "board", "convention", "target"):
            if getattr(self, name) == "":
                raise UserError(f"{_SPELLED.get(name, f'--{name}')} is empty; give a file or a name")

    def save(self, path: Path | str) -> None:
        """Write the options as JSON; paths become absolute, so that any folder can resume."""
        absolute: dict[str, Any] = {}
        for name in ("model", "data", "calibration_data"):
            if getattr(self, name) is not None:
                absolute[name] = str(Path(getattr(self, name)).resolve())
        if self.board is not None and Path(self.board).suffix == ".toml":
            absolute["board"] = str(Path(self.board).resolve())
        self.form.save(replace(self, **absolute), Path(path))
