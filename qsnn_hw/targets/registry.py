"""Every target, by name, and which options go with it."""

from collections.abc import Collection
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from qsnn_hw.build.option import name_of
from qsnn_hw.build.option_table import SavedOptions
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.target import ANALOG
from qsnn_hw.targets.asic.target import ASIC
from qsnn_hw.targets.fpga.target import FPGA
from qsnn_hw.targets.target import Target
from qsnn_hw.targets.verilog.target import VERILOG_TARGET

if TYPE_CHECKING:
    from qsnn_hw.build.options import BuildOptions

TARGETS: dict[str, Target] = {target.name: target for target in (FPGA, VERILOG_TARGET, ASIC, ANALOG)}

DEFAULT = FPGA.name


def target_named(name: str) -> Target:
    """The target of that name; UserError where there is none."""
    if name not in TARGETS:
        raise UserError(f"--target must be one of {', '.join(TARGETS)}, not {name!r}")
    return TARGETS[name]


def foreign_options(target: Target) -> list[str]:
    """Fields of ``BuildOptions`` that belong to other targets alone."""
    return [
        name
        for other in TARGETS.values()
        for name in (*other.needs, *other.takes)
        if name not in (*target.needs, *target.takes)
    ]


def defaults(names: "tuple[str, ...]") -> dict[str, Any]:
    """Field of ``BuildOptions`` -> its value where nothing is said."""
    return {item.name: item.default for item in fields(SavedOptions) if item.name in names}


def target_of(options: "BuildOptions", part: str, typed: Collection[str] = ()) -> Target:
    """The target that these options are for.

    Parameters
    ----------
    part
        How far it is to go: a command.
    typed
        Fields that stand on the command line: at their default, too, they mean something to who typed them.

    Raises
    ------
    UserError
        There is no such target, an option is missing or belongs to another one, or it has no such part.
    """
    target = target_named(options.target)
    goals = target.steps().goals
    if part not in goals:
        *others, last = goals
        raise UserError(
            f"--target {target.name} has nothing to {part}: {', '.join(others)} and {last} are what it has"
        )
    for name in foreign_options(target):
        if getattr(options, name) is not None:
            of = [other.name for other in TARGETS.values() if name in (*other.needs, *other.takes)]
            belongs = f"{name_of(name, SavedOptions)} belongs to --target {' and '.join(of)}"
            raise UserError(f"{belongs}, not {target.name}: leave it out")
    for name, default in defaults(target.without).items():
        if name in typed or getattr(options, name) != default:
            unused, why = name_of(name, SavedOptions), target.instead.get(name, "leave it out")
            raise UserError(f"{unused} says nothing to --target {target.name}: {why}")
    for name in target.needs:
        if getattr(options, name) is None:
            raise UserError(f"{name_of(name, SavedOptions)} is required with --target {target.name}")
    return target
