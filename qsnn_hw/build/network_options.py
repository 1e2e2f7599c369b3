"""The options that every command on a network shares: model and samples, rounding, calibration.

As in ``build/option_table.py``: an entry is a field; nothing heavy is imported.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field

import qsnn_hw.build.option_values as values
from qsnn_hw.build.option import option
from qsnn_hw.support.choices import Clip, KeepIntegers, Layout, LeakRounding

DATA = option(".npz with input_packed/input_shape or input, label", metavar="FILE", saved=values.absolute)
BITS = option("weight width, 2 to 16 (default: 8)", name="--bits", metavar="N")


@dataclass(frozen=True, repr=False, eq=False)
class ModelOptions:
    """A trained network, how it was trained, and samples."""

    model: str = field(
        metadata=option(
            "trained network: .nir, a plain .npz/.toml description, or a .npz saved by a live reader",
            name="MODEL",
            metavar="MODEL",
            saved=values.absolute,
        )
    )
    convention: str | None = field(
        default=None,
        metadata=option(
            "what the file does not say: snntorch, norse, sinabs, spikingjelly, rockpool or nir; a network "
            "saved by a live reader needs none",
            metavar="NAME",
        ),
    )
    _: KW_ONLY
    settings: Mapping[str, str] = field(
        default_factory=dict,
        metadata=option(
            "change one field of the convention, e.g. reset_delay=false; may be repeated",
            name="--set",
            metavar="FIELD=VALUE",
            read=values.settings,
        ),
    )
    data: str | None = field(default=None, metadata=DATA)
    layout: Layout = field(
        default="auto",
        metadata=option("order of the first two axes of the data (default: auto, by the number of labels)"),
    )
    samples: int | None = field(
        default=None,
        metadata=option(
            "only the first N samples; all: every one again",
            metavar="N",
            parse=values.samples,
            read=values.samples_or_all,
            least=1,
        ),
    )


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class RoundingOptions:
    """How floats become integers; None where nothing is said.

    A field that ``QuantizeOptions`` has goes there, see ``build/effective.py``.
    """

    weight_bits: int | str | None = field(default=None, metadata=BITS)
    clip: Clip | None = field(
        default=None,
        metadata=option(
            "where weights saturate (default: by the width; max where another of these is given)"
        ),
    )
    per_neuron: bool | None = field(
        default=None,
        metadata=option(
            "one weight scale for each neuron instead of one for each group (default: by the width)"
        ),
    )
    fractional_bits: int | None = field(
        default=None,
        metadata=option("extra low bits of the potential, 0 to 8 (default: by the width)", metavar="N"),
    )
    power_of_two: bool | None = field(
        default=None, metadata=option("weight scales that are powers of two (default: free)")
    )
    group_bits: Mapping[str, int] | None = field(
        default=None,
        metadata=option(
            "another weight width for one neuron group; may be repeated",
            metavar="GROUP=N",
            read=values.widths,
        ),
    )
    leak_bits: int | None = field(
        default=None,
        metadata=option(
            "fractional bits of the leak, 1 to 24 (default: the fewest from 8 on that keep it)", metavar="N"
        ),
    )
    keep_integers: KeepIntegers | None = field(
        default=None,
        metadata=option(
            "weights that lie on a grid already keep its integers and step: also one for each neuron, only "
            "one for the group, or never (default: rows)"
        ),
    )
    leak_rounding: LeakRounding | None = field(
        default=None,
        metadata=option(
            "round the loss of each step down, or what is kept toward zero as Loihi, Lava and SYNtzulA do "
            "(default: floor)"
        ),
    )
    potential_bits: int | None = field(
        default=None,
        metadata=option("saturate potentials at this width (default: proved width)", metavar="N"),
    )


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class BuildRounding(RoundingOptions):
    """Of ``build`` and its parts."""

    weight_bits: int | None = field(default=None, metadata=BITS)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CalibrationOptions:
    """Training samples to choose rounding by, where a command does."""

    calibration_data: str | None = field(
        default=None,
        metadata=option(
            "training samples (like --data) to choose clipping, scales, rounding and fractional bits by",
            name="--calibrate",
            more_names=("--calibration-data",),
            metavar="FILE",
            saved=values.absolute,
        ),
    )
    max_drop: float | None = field(
        default=None,
        metadata=option(
            "with --calibrate: the narrowest weights that cost at most so many percentage points",
            metavar="PP",
            check=values.percentage_points,
        ),
    )
