"""What a command does in the end: what was typed, over what an earlier run in the folder chose.

Options that rule each other out, and those of an earlier run that give way to what was typed now, are here.
What a single option allows is in its entry, as in ``build/option_table.py``. Nothing heavy is imported early.
"""

import argparse
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qsnn_hw.build.network_options import BuildRounding, CalibrationOptions, RoundingOptions
from qsnn_hw.build.option import entries, name_of, typed_values
from qsnn_hw.build.option_table import SavedOptions
from qsnn_hw.support.errors import UserError

if TYPE_CHECKING:
    from qsnn_hw.build.options import BuildOptions
    from qsnn_hw.quantize import QuantizeOptions

BY_HAND = ("clip", "per_neuron", "fractional_bits")
"""What calibration chooses otherwise."""

BESIDE_LANES = ("update_lanes", "event_lanes", "accumulators")
"""What an aim chooses with the lanes."""


def typed_names(typed: Mapping[str, Any], *names: str) -> list[str]:
    """Those of these fields that stand on the command line, as they are typed."""
    return [name_of(name, RoundingOptions, SavedOptions) for name in names if typed.get(name) is not None]


def quantize_options(typed: Mapping[str, Any], base: "QuantizeOptions") -> "QuantizeOptions":
    """How to round: ``base``, with what was typed.

    Parameters
    ----------
    typed
        Field of ``RoundingOptions`` -> value; one that is missing or None keeps the choice of ``base``.

    Raises
    ------
    UserError
        A value is out of range, or calibration would choose what was typed.
    """
    by_hand = typed_names(typed, *BY_HAND)
    if by_hand and typed.get("calibration_data") is not None:
        raise UserError(f"--calibrate chooses {by_hand[0]}: give one or the other")
    taken = {item.name for item in fields(base)}
    options = replace(
        base, **{name: value for name, value in typed.items() if name in taken and value is not None}
    )
    for group, bits in (typed.get("group_bits") or {}).items():
        options = options.with_group(group, weight_bits=bits)
    return options


def effective_options(arguments: argparse.Namespace, folder: Path) -> "BuildOptions":
    """The options of the earlier run in ``folder``, if there is one, overridden by those typed now.

    Raises
    ------
    UserError
        A value is none of its option's, options rule each other out, or one is missing.
    """
    from qsnn_hw.build.options import OPTIONS, BuildOptions
    from qsnn_hw.model.readers.reader import convention_for
    from qsnn_hw.targets.registry import target_of

    typed = typed_values(arguments, BuildRounding, SavedOptions)
    saved = folder / OPTIONS
    # A model on the command line starts over; without one the folder's own options go on.
    if "model" not in typed:
        if not saved.exists():
            raise UserError(
                f"give MODEL, --convention and --board or --target: {folder} holds no earlier run to go on "
                "with"
            )
        base = BuildOptions.load(saved)
    else:
        base = BuildOptions(model=typed["model"], convention=typed.get("convention"))
    options = changed(base, typed)
    target_of(options, arguments.part, typed)
    convention_for(options.model, options.convention, options.settings)
    return options


def build_options(typed: Mapping[str, Any]) -> "BuildOptions":
    """The options of a build of which only model, samples and rounding are said; no target is chosen.

    Raises
    ------
    UserError
        As :func:`changed`; a convention is missing or none.
    """
    from qsnn_hw.build.options import BuildOptions
    from qsnn_hw.model.readers.reader import convention_for

    options = changed(BuildOptions(model=typed["model"], convention=typed.get("convention")), typed)
    convention_for(options.model, options.convention, options.settings)
    return options


def changed(base: "BuildOptions", typed: Mapping[str, Any]) -> "BuildOptions":
    """The options of ``base``, overridden by those typed now, or given in Python.

    Parameters
    ----------
    typed
        Field of ``BuildRounding`` or ``SavedOptions`` -> value.

    Raises
    ------
    UserError
        A value is none of its option's, or options rule each other out.
    """
    from qsnn_hw.build.options import BuildOptions
    from qsnn_hw.targets.registry import defaults, foreign_options, target_named

    saved_fields = {entry.field for entry in entries(BuildOptions)}
    changes = {name: value for name, value in typed.items() if name in saved_fields}
    if "target" in typed:
        # What belonged to the target of an earlier run goes with it.
        target = target_named(typed["target"])
        for name, value in (dict.fromkeys(foreign_options(target)) | defaults(target.without)).items():
            changes.setdefault(name, value)
    changes = _encoder_changes(typed) | changes | _lanes_changes(typed)
    if typed_names(typed, *BY_HAND) and base.calibration_data is not None:
        # Calibration as in an earlier run would choose them again.
        if "max_drop" in typed:
            raise UserError(
                f"--max-drop belongs to --calibrate, and {typed_names(typed, *BY_HAND)[0]} ends that of the "
                "earlier run"
            )
        changes |= {"calibration_data": None, "max_drop": None}
    changes["quantize"] = quantize_options(typed, base.quantize)
    options = replace(base, **changes)
    _check_data_options(typed, options)
    return options


def _encoder_changes(typed: Mapping[str, Any]) -> dict[str, Any]:
    """What belonged to the encoder of an earlier run goes with it, unless it is typed again."""
    if "encoder" not in typed:
        return {}
    changes: dict[str, Any] = {}
    for name, owner, default in (("floor", "latency", 1), ("shift", "direct", 0), ("seed", "rate", 1)):
        if typed["encoder"] != owner:
            changes[f"encoder_{name}"] = default
    if typed["encoder"] is None:
        changes |= {"steps": None, "encoder_buffers": 2}
    else:
        # The order of axes of spikes that an earlier run read.
        changes["layout"] = "auto"
    return changes


def _lanes_changes(typed: Mapping[str, Any]) -> dict[str, Any]:
    """What lanes and an aim leave of an earlier run's.

    Raises
    ------
    UserError
        Both were typed, or lanes of a kind that the aim chooses.
    """
    changes: dict[str, Any] = {}
    aim = typed.get("optimize")
    if aim is not None and "cycle_budget" not in typed:
        # A budget of an earlier run would decide alone.
        changes["cycle_budget"] = None
    elif aim not in (None, "area"):
        raise UserError(
            f"--optimize {aim} and --cycle-budget do not go together: the budget takes the smallest design "
            "that keeps it; leave one of them out"
        )
    if "lanes" in typed:
        if aim is not None:
            raise UserError(
                "--lanes and --optimize do not go together: --optimize chooses lanes; leave one out"
            )
        # An aim of an earlier run has nothing left to choose. Its budgets are still held.
        return changes | {"optimize": "balanced"}
    # A wish for an aim is a wish not to go on with the lanes of an earlier run.
    wishes = typed_names(typed, "optimize", "lut_budget", "cycle_budget")
    if wishes:
        for name in typed_names(typed, *BESIDE_LANES):
            raise UserError(f"{name} needs --lanes beside it, and {wishes[0]} chooses all of them")
        changes |= dict.fromkeys(("lanes", *BESIDE_LANES))
        if "buffer_depth" not in typed:
            changes["buffer_depth"] = None
    return changes


def _check_data_options(typed: Mapping[str, Any], options: "BuildOptions") -> None:
    """Refuse options about data that are not there."""
    if "samples" in typed and options.data is None:
        raise UserError("--samples cuts --data short, and there is none: give --data FILE")
    if "layout" in typed and options.encoder is not None:
        raise UserError(
            "--layout is the order of spikes, and with --encoder the data hold pixels: leave it out"
        )
    if "layout" in typed and options.data is None and options.calibration_data is None:
        raise UserError("--layout is the order of the data, and there are none: give --data FILE")
    if "max_drop" in typed and options.calibration_data is None:
        raise UserError("--max-drop measures accuracy on calibration samples: give --calibrate FILE")


def bits_and_options(asked: RoundingOptions) -> "tuple[int | None, QuantizeOptions]":
    """The weight width, None for the float network, and the choices that only a width can have.

    Raises
    ------
    UserError
        The width is none, a choice is out of range, or one was made that floating point has not.
    """
    from qsnn_hw.quantize import QuantizeOptions

    kinds = (
        (RoundingOptions, CalibrationOptions) if isinstance(asked, CalibrationOptions) else (RoundingOptions,)
    )
    rounding = {entry.field: getattr(asked, entry.field) for entry in entries(*kinds)}
    text, bits = str(rounding.pop("weight_bits")), None
    if text != "float":
        # int() of thousands of digits would fail in its own words.
        if not (text.isascii() and text.isdecimal() and len(text) < 9):
            raise UserError(f'--bits wants "float" or a whole number from 2 to 16, not {text!r}')
        bits = int(text)
    # Checked before the model is read: a wrong width should not wait for a large file.
    options = quantize_options({**rounding, "weight_bits": bits}, QuantizeOptions())
    if bits is None and any(value is not None for value in rounding.values()):
        raise UserError(
            "--clip, --per-neuron, --calibrate and the bit options need --bits 2 to 16; "
            "--bits float rounds nothing"
        )
    return bits, options
