"""The tables of docs/options.md, made from the records that the command line is made from."""

from dataclasses import fields

from qsnn_hw.build import cli
from qsnn_hw.build.board_options import MonitorOptions, ProgramOptions, RunBoardOptions, VirtualBoardOptions
from qsnn_hw.build.network_options import (
    BuildRounding,
    CalibrationOptions,
    ModelOptions,
    RoundingOptions,
)
from qsnn_hw.build.option import option_rows
from qsnn_hw.build.option_table import CalibrateOptions, ReportOptions, RunOptions, SavedOptions
from qsnn_hw.build.sample_options import (
    CheckOptions,
    CompareOptions,
    FinetuneOptions,
    InferOptions,
    SampleOptions,
)

_BUILDS = tuple(command.name for command in cli.all_commands() if command.records == cli.BUILD_RECORDS)

SECTIONS: tuple[tuple[str, tuple[str, ...], tuple[type, ...], tuple[type, ...]], ...] = (
    ("A model and its samples", (*_BUILDS, "infer", "check", "finetune", "compare"), (ModelOptions,), ()),
    ("Rounding", (*_BUILDS, "infer", "check", "finetune", "compare"), (RoundingOptions,), ()),
    ("Calibration", (*_BUILDS, "infer", "compare"), (CalibrationOptions,), ()),
    ("Hardware", _BUILDS, (SavedOptions, RunOptions), (ModelOptions, CalibrationOptions)),
    ("infer", ("infer",), (InferOptions,), (SampleOptions, CalibrationOptions)),
    ("check", ("check",), (CheckOptions,), (SampleOptions,)),
    ("finetune", ("finetune",), (FinetuneOptions,), (SampleOptions,)),
    (
        *("compare", ("compare",), (CompareOptions,)),
        (ModelOptions, RoundingOptions, BuildRounding, CalibrationOptions),
    ),
    ("report", ("report",), (ReportOptions,), ()),
    ("program", ("program",), (ProgramOptions,), ()),
    ("run", ("run",), (RunBoardOptions,), ()),
    ("monitor", ("monitor",), (MonitorOptions,), ()),
    ("virtual-board", ("virtual-board",), (VirtualBoardOptions,), ()),
    ("calibrate", ("calibrate",), (CalibrateOptions,), ()),
)
"""Heading, commands, records, and records whose options are told elsewhere unless a record changes them."""


def tables() -> str:
    """A table for each part of the records."""
    lines: list[str] = []
    for heading, commands, records, told in SECTIONS:
        elsewhere = {item.name: item for record in told for item in fields(record)}
        changed = {
            item.name
            for record in records
            for item in fields(record)
            if "option" in item.metadata
            and (item.name not in elsewhere or item.metadata != elsewhere[item.name].metadata)
        }
        lines += [f"## {heading}", "", "Of " + ", ".join(f"`{name}`" for name in commands) + ".", ""]
        lines += ["| option | what it says |", "|---|---|"]
        lines += [*option_rows(*records, only=changed, listed=cli.listed_choices()), ""]
    return "\n".join(lines[:-1]) + "\n"
