"""The options of the commands that run a network on samples: infer, check, finetune, compare.

As in ``build/option_table.py``, which has those of a build: an entry is a field; nothing heavy is imported.
"""

from dataclasses import dataclass, field

import qsnn_hw.build.option_values as values
from qsnn_hw.build.network_options import (
    BITS,
    DATA,
    BuildRounding,
    CalibrationOptions,
    ModelOptions,
    RoundingOptions,
)
from qsnn_hw.build.option import option
from qsnn_hw.build.option_table import OUT
from qsnn_hw.build.target_options import LIBERTY, PDK
from qsnn_hw.support.choices import DeviceName, PdkName, ReadoutKind
from qsnn_hw.support.errors import UserError

LONGEST_SEARCH_S = 86400
"""A day."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class SampleOptions(RoundingOptions, ModelOptions):
    """A model that runs on samples, so that there must be some."""

    data: str = field(metadata=DATA)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class InferOptions(CalibrationOptions, SampleOptions):
    """Of ``infer``."""

    weight_bits: str = field(
        default="float",
        metadata=option('"float" (default) or the weight width, 2 to 16', name="--bits", metavar="N"),
    )
    readout: ReadoutKind | None = field(
        default=None,
        metadata=option(
            "what answers: most spikes, first spike or highest potential after the last step "
            "(default: count; membrane where the output never fires)"
        ),
    )
    out: str | None = field(
        default=None,
        metadata=option(
            "file for the output: out, uint8 spikes or a readout layer's potentials, (time, sample, neuron)",
            metavar="OUT.npz",
        ),
    )
    device: DeviceName | None = field(
        default=None,
        metadata=option(
            "with --bits N: run the integers, those of --calibrate and --diagnose too, through PyTorch, on a "
            "GPU (cuda), the CPU, or a GPU where one answers (auto); the same answers, sooner for large "
            "batches (default: the golden model in NumPy)"
        ),
    )
    diagnose: bool = field(
        default=False,
        metadata=option(
            "with --bits N: what quantization did to every group, and how sensitive each is to its width"
        ),
    )


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CheckOptions(SampleOptions):
    """Of ``check``."""

    weight_bits: str = field(
        default="float",
        metadata=option(
            'compare the integers of this weight width, 2 to 16, not the float network (default: "float")',
            name="--bits",
            metavar="N",
        ),
    )
    in_key: str = field(default="input", metadata=option("array with the input spikes", metavar="KEY"))
    out_key: str = field(default="out", metadata=option("array with the framework's spikes", metavar="KEY"))
    search: float | None = field(
        default=None,
        metadata=option(
            "how long to look for a convention that agrees where this one does not (default: 60)",
            metavar="SECONDS",
        ),
    )


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class FinetuneOptions(SampleOptions):
    """Of ``finetune``; a field that ``FinetuneSettings`` has goes there, and None leaves its default."""

    weight_bits: int = field(default=8, metadata=BITS)
    epochs: int | None = field(default=None, metadata=option("passes over --data (default: 10)", metavar="N"))
    batch: int | None = field(default=None, metadata=option("samples per step (default: 128)", metavar="N"))
    learning_rate: float | None = field(
        default=None, metadata=option("first step size (default: 0.002)", metavar="R")
    )
    seed: int | None = field(
        default=None, metadata=option("of the split and the order (default: 0)", metavar="N")
    )
    validation_part: float | None = field(
        default=None,
        metadata=option("share of the samples held out to choose the best epoch (default: 0.1)", metavar="R"),
    )
    candidate_part: float | None = field(
        default=None,
        metadata=option("last share of the epochs to choose the best of (default: 1, all)", metavar="R"),
    )
    surrogate_slope: float | None = field(
        default=None, metadata=option("steepness of a spike's gradient (default: 5)", metavar="R")
    )
    winner_logit: float | None = field(
        default=None,
        metadata=option("logit of the mean output of the class that wins (default: 6)", metavar="R"),
    )
    label_smoothing: float | None = field(
        default=None, metadata=option("of the cross-entropy (default: 0.05)", metavar="R")
    )
    gradient_limit: float | None = field(
        default=None,
        metadata=option("scale gradients of a larger norm down to it (default: never)", metavar="R"),
    )
    threads: int | None = field(
        default=None, metadata=option("of torch; results depend on it (default: 1)", metavar="N")
    )
    sigma: float | None = field(
        default=None,
        metadata=option(
            "for --target analog: train through conductances off by this, 0.1 for 10 % (default: 0, none)",
            metavar="X",
            check=values.sigma,
        ),
    )
    restart: bool = field(default=False, metadata=option("throw an earlier run's progress away"))
    out: str = field(metadata=OUT)


def _names(name: str, text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if not all(names):
        raise UserError(f"{name} wants names of boards separated by commas, not {text!r}")
    return names


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CompareOptions(CalibrationOptions, BuildRounding, ModelOptions):
    """Of ``compare``."""

    data: str = field(metadata=DATA)
    boards: tuple[str, ...] | None = field(
        default=None,
        metadata=option(
            "boards of the FPGA rows (default: a small iCE40 and a small ECP5 that hold the network)",
            metavar="A[,B...]",
            read=_names,
        ),
    )
    pdk: PdkName | None = field(default=None, metadata=PDK)
    liberty: str | None = field(default=None, metadata=LIBERTY)
    predict: bool = field(
        default=False,
        metadata=option("predict what would be built instead of building it: seconds in place of minutes"),
    )
    out: str = field(metadata=OUT)
    quiet: bool = field(default=False, metadata=option("no progress, only the result", more_names=("-q",)))
