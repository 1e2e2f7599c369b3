"""Which edits repeat which steps: read from the source itself."""

import ast
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qsnn_hw.build.steps import code, imports
from qsnn_hw.build.steps.code import code_digest, reached_modules
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.imports import imported_modules
from qsnn_hw.build.steps.inputs import READ
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.targets.fpga.steps import PLAN
from qsnn_hw.targets.fpga.target import FPGA
from qsnn_hw.verify import Verification
from tests.support.places import ROOT

STEPS = {step.name: step.code for step in FPGA.steps().all()}


BY_FAMILY = {"board", "power coefficients", "plan", "clock", "design", "synthesize", "route", "implement"}


def module_names() -> list[str]:
    found = []
    for top in ("qsnn_hw", "sim"):
        for path in sorted((ROOT / top).rglob("*.py")):
            pieces = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(pieces[:-1] if pieces[-1] == "__init__" else pieces))
    return found


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing remembered of source that a test changes."""
    caches = (imports.cached_imports, imports.sim_modules, imports.source_file, code.unit_of)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def repeated(module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """The steps whose key an edit of ``module`` changes."""
    before = {name: code_digest(functions) for name, functions in STEPS.items()}
    path = imports.source_file(module)
    assert path is not None
    edited = tmp_path / path.name
    edited.write_text(path.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    usual = imports.source_file
    for reader in (code, imports):
        monkeypatch.setattr(reader, "source_file", lambda name: edited if name == module else usual(name))
    return {name for name, functions in STEPS.items() if code_digest(functions) != before[name]}


@pytest.mark.parametrize(
    ("module", "steps"),
    [
        ("qsnn_hw.report.page", set()),
        ("qsnn_hw.report.summary", set()),
        ("qsnn_hw.report.maker", set()),
        ("qsnn_hw.targets.fpga.sections.energy", set()),
        ("qsnn_hw.build.cli", set()),
        ("qsnn_hw.finetune.training", set()),
        ("sim.checker", {"simulate", "verify", "reference"}),
        ("sim.network", {"simulate", "verify", "reference"}),
        ("sim.board", {"simulate", "verify", "reference"}),
        ("qsnn_hw.verify.worker", {"simulate", "verify", "reference"}),
        ("qsnn_hw.rtl.group.lane", {"elaborate", "design", "simulate", "verify", "reference"}),
        ("qsnn_hw.rtl.board_top", {"design"}),
        ("qsnn_hw.model.readers.hdf5_worker", {"read"}),
        ("qsnn_hw.targets.fpga.synthesis", {"synthesize", "route", "implement"}),
        ("qsnn_hw.targets.fpga.place_route", {"route", "implement"}),
        ("qsnn_hw.targets.fpga.constraints", {"route", "implement"}),
        # A family is found, not imported; what was simulated is the same on every device.
        ("qsnn_hw.families.ice40", BY_FAMILY),
        ("qsnn_hw.families.ecp5_floorplan", BY_FAMILY),
        ("qsnn_hw.support.files", set(STEPS)),
    ],
)
def test_an_edit_repeats_the_steps_it_takes_part_in(
    module: str, steps: set[str], fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert repeated(module, monkeypatch, tmp_path) == steps


def test_a_step_is_decided_by_no_source_of_its_neighbours() -> None:
    """Steps share files, and one imports another to need it: neither makes it count."""
    by_step = {name: reached_modules(functions) for name, functions in STEPS.items()}
    planner, simulation = "qsnn_hw.explore.designs.planner", "qsnn_hw.verify.simulation"
    assert {name for name, reached in by_step.items() if planner in reached} == {"plan"}
    assert {name for name, reached in by_step.items() if simulation in reached} == {
        "simulate",
        "verify",
        "reference",
    }
    # An option more repeats nothing.
    assert not any("qsnn_hw.build.options" in reached for reached in by_step.values())
    assert not any("qsnn_hw.build.steps.run" in reached for reached in by_step.values())


def test_a_record_counts_with_what_its_fields_are() -> None:
    """Fields are annotations, which of functions count for nothing."""
    assert {"qsnn_hw.verify.record", "qsnn_hw.support.records"} <= reached_modules([Verification])
    assert Verification in STEPS["verify"]


def by_tree(module: str) -> set[str]:
    """What ``imported_modules`` finds with patterns, from the syntax tree."""
    path = imports.source_file(module)
    assert path is not None
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= imports.imports_of(node, package)
    return found - {module}


@pytest.mark.parametrize("module", [name for name in module_names() if name != "qsnn_hw"])
def test_no_import_is_overlooked(module: str) -> None:
    assert by_tree(module) <= imported_modules(module)


def test_imports_inside_functions_and_modules_started_by_name_count() -> None:
    reached = reached_modules(STEPS["verify"])
    # make_case imports it late; run_jobs starts it with python -m; cocotb imports it by its name.
    assert {"qsnn_hw.rtl.trace.activity", "qsnn_hw.verify.worker", "sim.network", "sim.monitor"} <= reached


def test_a_method_counts_with_the_helpers_it_names_and_without_its_neighbours(tmp_path: Path) -> None:
    def loaded(text: str) -> Callable[..., Any]:
        path = tmp_path / f"made{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text, encoding="utf-8")
        space: dict[str, Any] = {"__name__": "made"}
        exec(compile(text, str(path), "exec"), space)
        method: Callable[..., Any] = space["Steps"].first
        return method

    text = (
        "from qsnn_hw.support.files import digest\nLIMIT = 5\n\ndef helper():\n    return LIMIT\n\n"
        "class Steps:\n    def first(self):\n        return self._more()\n\n"
        "    def _more(self):\n        return helper(), digest\n\n    def other(self):\n        return 1\n"
    )
    usual = code_digest([loaded(text)])
    assert code_digest([loaded(text.replace("return 1", "return 2"))]) == usual
    assert code_digest([loaded(text.replace("LIMIT = 5", "LIMIT = 6"))]) != usual
    assert code_digest([loaded(text.replace("helper(), digest", "digest, helper()"))]) != usual
    assert "qsnn_hw.support.files" in reached_modules([loaded(text)])
    assert "qsnn_hw.support.files" not in reached_modules([loaded(text.replace(", digest", ""))])


def test_steps_side_by_side_do_not_parse_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython 3.11 fails in ast.parse when two threads are in it: SystemError, seen in a build."""
    inside, met = [0], []
    parse = code.ast.parse

    def watched(text: str) -> object:
        inside[0] += 1
        met.append(inside[0])
        time.sleep(0.1)
        inside[0] -= 1
        return parse(text)

    monkeypatch.setattr(code.ast, "parse", watched)
    code.unit_of.cache_clear()
    steps = (GOLDEN.make, PLAN.make, QUANTIZE.make, READ.make)
    threads = [threading.Thread(target=code.code_digest, args=([step],)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(met) >= len(steps)
    assert max(met) == 1
