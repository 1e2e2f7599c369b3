"""The tools and packages that the run took, with their versions."""

import importlib.metadata
from collections.abc import Mapping

from qsnn_hw import __version__
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Part, Section

_PACKAGES = ("amaranth", "numpy", "nir")


def _packages(results: Results) -> dict[str, str]:
    return {"qsnn-hw": __version__, **{name: importlib.metadata.version(name) for name in _PACKAGES}}


TOOLS: Part[Mapping[str, str]] = Part("tools", Mapping[str, str], {}, _packages)
"""Tool name -> version; each section that ran tools adds them."""


def _facts(report: Report) -> tuple[str, list[tuple[str, str]]]:
    return "Tools", list(report[TOOLS].items())


SECTION = Section("tools", parts=(TOOLS,), facts=_facts)
