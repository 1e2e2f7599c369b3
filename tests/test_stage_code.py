"""Which edits repeat which stages: read from the source itself."""

import ast
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qsnn_hw.build import stage_code
from qsnn_hw.build.chain import Chain
from qsnn_hw.build.stage_code import code_digest, imported_modules, reached_modules

ROOT = Path(__file__).resolve().parent.parent
STAGES = {
    "read": [Chain.read],
    "quantize": [Chain.quantize],
    "golden": [Chain.golden, Chain.load_data],
    "diagnose": [Chain.diagnose, Chain.load_data],
    "plan": [Chain.plan, Chain.load_data],
    "elaborate": [Chain.rtlil],
    "verilog": [Chain.verilog],
    "verify": [Chain.verify, Chain.load_data],
    "reference": [Chain.reference, Chain.load_data],
    "synthesize": [Chain._synthesize],
    "implement": [Chain._place],
}


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
    caches = (stage_code._cached_imports, stage_code._sim_modules, stage_code._file, stage_code._unit_of)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def repeated(module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """The stages whose key an edit of ``module`` changes."""
    before = {name: code_digest(functions) for name, functions in STAGES.items()}
    path = stage_code._file(module)
    assert path is not None
    edited = tmp_path / path.name
    edited.write_text(path.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    usual = stage_code._file
    monkeypatch.setattr(stage_code, "_file", lambda name: edited if name == module else usual(name))
    return {name for name, functions in STAGES.items() if code_digest(functions) != before[name]}


@pytest.mark.parametrize(
    ("module", "stages"),
    [
        ("qsnn_hw.report.page", set()),
        ("qsnn_hw.report.summary", set()),
        ("qsnn_hw.build.report_maker.maker", set()),
        ("qsnn_hw.build.cli", set()),
        ("qsnn_hw.finetune.training", set()),
        ("sim.checker", {"verify", "reference"}),
        ("sim.network", {"verify", "reference"}),
        ("sim.board", {"verify", "reference"}),
        ("qsnn_hw.verify.worker", {"verify", "reference"}),
        ("qsnn_hw.rtl.group.lane", {"elaborate", "verify", "reference"}),
        ("qsnn_hw.rtl.board_top", {"elaborate"}),
        ("qsnn_hw.model.readers.hdf5_worker", {"read"}),
        ("qsnn_hw.targets.fpga.synthesis", {"synthesize", "implement"}),
        ("qsnn_hw.targets.fpga.place_route", {"implement"}),
        ("qsnn_hw.targets.fpga.constraints", {"implement"}),
        ("qsnn_hw.support.files", set(STAGES)),
    ],
)
def test_an_edit_repeats_the_stages_it_takes_part_in(
    module: str, stages: set[str], fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert repeated(module, monkeypatch, tmp_path) == stages


def test_every_stage_of_the_chain_says_which_source_decides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table above is the chain's own."""
    tree = ast.parse((ROOT / "qsnn_hw" / "build" / "chain.py").read_text(encoding="utf-8"))
    said = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "run"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert said == set(STAGES)


def by_tree(module: str) -> set[str]:
    """What ``imported_modules`` finds with patterns, from the syntax tree."""
    path = stage_code._file(module)
    assert path is not None
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= stage_code._imports_of(node, package)
    return found - {module}


@pytest.mark.parametrize("module", [name for name in module_names() if name != "qsnn_hw"])
def test_no_import_is_overlooked(module: str) -> None:
    assert by_tree(module) <= imported_modules(module)


def test_imports_inside_functions_and_modules_started_by_name_count() -> None:
    reached = reached_modules([Chain.verify])
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


def test_stages_side_by_side_do_not_parse_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython 3.11 fails in ast.parse when two threads are in it: SystemError, seen in a build."""
    inside, met = [0], []
    parse = stage_code.ast.parse

    def watched(text: str) -> object:
        inside[0] += 1
        met.append(inside[0])
        time.sleep(0.1)
        inside[0] -= 1
        return parse(text)

    monkeypatch.setattr(stage_code.ast, "parse", watched)
    stage_code._unit_of.cache_clear()
    stages = (Chain.golden, Chain.plan, Chain.quantize, Chain.read)
    threads = [threading.Thread(target=stage_code.code_digest, args=([stage],)) for stage in stages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(met) >= len(stages)
    assert max(met) == 1
