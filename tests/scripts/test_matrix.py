"""scripts/matrix: what passes, what fails, what is a refusal, and going on where it stopped."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matrix
import matrix_rows
import pytest
from matrix import read_rows
from matrix_models import MODELS, Model
from matrix_page import page, table
from matrix_rows import Case, Row, judge, read_figures, refused, told, with_aims_compared
from user_command import Ended, qsnn_hw

from qsnn_hw.families.boards import list_boards, load_board

BOARD = load_board("icebreaker")


@pytest.fixture(autouse=True)
def no_rows_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made and kept here has nothing to do with the page's rows."""
    monkeypatch.setattr(matrix, "PAGE_ROWS", tmp_path / "absent.json")


def report(**changes: Any) -> dict[str, Any]:
    """A report in which all is well, as report.json holds it, but for ``changes``."""
    layer = {"lanes": 4, "update_lanes": 2, "event_lanes": 1, "accumulators": "memory"}
    return {
        "network": {"steps": 25, "layers": [layer, {**layer, "event_lanes": 4, "accumulators": "registers"}]},
        "verification": {
            "mismatches": 0,
            "spikes_compared": 10,
            "potentials_compared": 100,
            "distinct_samples": 20,
        },
        "prediction": {
            "resources": {"ICESTORM_LC": 950, "ICESTORM_RAM": 11},
            "cycles_per_sample_mean": 1010.0,
            "simulated_mean": 1010.0,
            "samples": 20,
            "samples_differ": 0,
            "network_cycles_mean": 400.0,
            "network_simulated_mean": 400.0,
        },
        "resources": {
            "ICESTORM_LC": {"used": 900, "available": 5280},
            "ICESTORM_RAM": {"used": 11, "available": 30},
        },
        "designs": [{"cycles": 900.0, "chosen": False}, {"cycles": 1000.0, "chosen": True}],
        "timing": {"fmax_mhz": 45.0},
        "clock": {"board_mhz": 36.0},
        "files": {"bitstream": "a.bin"},
        "tools": {"yosys": "0.70"},
        **changes,
    }


def judged(**changes: Any) -> list[str]:
    content = report(**changes)
    return judge(content, read_figures(content, BOARD), 20, False)


def test_a_row_in_which_all_is_well() -> None:
    assert judged() == []
    figures = read_figures(report(), BOARD)
    assert figures["planned"] == 1000.0
    assert figures["plan"] == "4/2 mem, 4/2 e4 reg"
    assert (figures["logic"], figures["blocks"]) == ((950, 900), (11, 11))


@pytest.mark.parametrize(
    ("part", "values", "reason"),
    [
        ("verification", {"mismatches": 3}, "3 mismatches"),
        ("verification", {"spikes_compared": None, "potentials_compared": None}, "nothing was compared"),
        ("verification", {"distinct_samples": 19}, "19 samples compared, not 20"),
        ("prediction", {"samples_differ": 2}, "predicted cycles differ in 2 of 20 samples"),
        ("prediction", {"samples_differ": None}, "no cycles predicted for the simulated samples"),
        ("prediction", {"simulated_mean": 1060.0}, "the plan's cycles -5.7 % of the simulated ones"),
        (
            "prediction",
            {"network_simulated_mean": 380.0},
            "cycles of the network alone predicted +5.3 % of the simulated ones",
        ),
        ("resources", {"ICESTORM_LC": {"used": 860}}, "logic predicted +10.5 % of the counted"),
        ("resources", {"ICESTORM_LC": {"used": 1060}}, "logic predicted -10.4 % of the counted"),
        ("resources", {"ICESTORM_RAM": {"used": 12}}, "block RAM predicted 11, counted 12"),
        ("files", {"bitstream": None}, "no bitstream"),
    ],
)
def test_every_check_can_fail(part: str, values: dict[str, Any], reason: str) -> None:
    assert judged(**{part: {**report()[part], **values}}) == [reason]


def test_without_a_plan_of_its_own_nothing_can_be_held_against_it() -> None:
    assert judged(designs=[]) == ["the plan's cycles unknown of the simulated ones"]


def test_a_refusal_is_held_against_the_board() -> None:
    line = (
        "error: the design needs about 6000 ICESTORM_LC, icebreaker has 5280 (720 too many), needs about "
        "31 ICESTORM_RAM, icebreaker has 30 (1 too many); it would fit ulx3s-25f"
    )
    assert refused(2, line, BOARD) == ("does not fit", "6000 of 5280 ICESTORM_LC, 31 of 30 ICESTORM_RAM")
    for status, text in [
        (1, line),
        (2, "error: cannot read it"),
        (2, line.replace("has 30", "has 29").replace("(1 too", "(2 too")),
        (2, line.replace("31 ICESTORM_RAM", "30 ICESTORM_RAM").replace("(1 too", "(0 too")),
    ]:
        assert refused(status, text, BOARD)[0] == "failed"


def test_a_build_with_a_report_that_says_nothing_tells_why(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert told("error: cannot read it", path) == "error: cannot read it"
    path.write_text('{"dead": null}', encoding="utf-8")
    assert told("mismatch: neuron 3", path) == "mismatch: neuron 3"
    path.write_text('{"dead": "no output neuron ever fires"}', encoding="utf-8")
    assert told(f"report: {path}", path) == "a report that says: no output neuron ever fires"


def dead_models(models: Iterable[Model], shared: Path) -> list[str]:
    """Names of the models whose output does nothing in their samples: a build ends badly on any board."""
    found = []
    for model in models:
        network, data = model.files(shared)
        samples = ("--data", data, "--samples", str(model.samples))
        ended = qsnn_hw(["infer", network, *model.options, *samples, "--bits", "8"])
        if ended.status or "no output neuron ever fires" in ended.output:
            found.append(model.name)
    return found


SMALL = [model for model in MODELS if model.weight < 4 and "--weights" not in model.options]


@pytest.mark.slow
def test_every_small_shipped_model_answers(tmp_path: Path) -> None:
    assert dead_models([model for model in SMALL if not model.missing(tmp_path)], tmp_path) == []


def test_every_small_shared_model_answers(data_dir: Path, tmp_path: Path) -> None:
    shared = [model for model in SMALL if model.missing(tmp_path)]
    assert {"digits_s", "braille", "emg"} <= {model.name for model in shared}
    assert dead_models(shared, data_dir) == []


ROW = Row(
    "key", "source", "2026-11-29", "digits", "icebreaker", "balanced", "ok", (), "qsnn-hw build", 1.0, 20
)


def test_an_aim_refused_where_another_fits_has_failed() -> None:
    small = replace(ROW, aim="latency", verdict="does not fit", reasons=("31 of 30 ICESTORM_RAM",))
    rows = with_aims_compared([ROW, small, replace(small, board="tinyfpga-bx")])
    assert [row.verdict for row in rows] == ["ok", "failed", "does not fit"]
    assert rows[1].reasons == ("refused with 31 of 30 ICESTORM_RAM, though balanced fits",)


def test_every_model_has_a_name_of_its_own_and_boards_that_exist() -> None:
    assert len({model.name for model in MODELS}) == len(MODELS)
    assert [model.weight for model in MODELS] == sorted(model.weight for model in MODELS)
    assert {name for model in MODELS for name in model.boards} <= {board.name for board in list_boards()}


def test_an_interrupted_matrix_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []

    def run(case: Case, shared: Path, folder: Path, data: Path, key: str, source: str) -> Row:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(case.name)
        return replace(ROW, key=key, source=source, board=case.board.name, aim=case.aim)

    monkeypatch.setattr(matrix, "run_case", run)
    arguments = ["--model", "digits", "--board", "icebreaker", "-o", str(tmp_path)]
    with pytest.raises(KeyboardInterrupt):
        matrix.main(arguments)
    monkeypatch.setattr(
        matrix,
        "run_case",
        lambda case, shared, folder, data, key, source: replace(
            ROW, key=key, source=source, aim=case.aim, verdict="failed", reasons=("3 mismatches",)
        ),
    )
    capsys.readouterr()
    assert matrix.main(arguments) == 1
    shown = capsys.readouterr().out
    assert "4 rows, 2 of them made before" in shown
    assert "2 ok, 0 does not fit, 2 failed" in shown
    # Other sources: every row is made again.
    monkeypatch.setattr(matrix, "source_digest", lambda: "other")
    matrix.main(arguments)
    assert "4 rows, 0 of them made before" in capsys.readouterr().out


def test_the_rows_that_are_made_are_shown_and_none_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(case: Case, shared: Path, folder: Path, data: Path, key: str, source: str) -> Row:
        if case.aim == "area":
            raise KeyboardInterrupt
        return replace(ROW, key=key, source=source, board=case.board.name, aim=case.aim)

    monkeypatch.setattr(matrix, "run_case", run)
    arguments = ["--model", "digits", "--board", "icebreaker", "-o", str(tmp_path)]
    assert matrix.main([*arguments, "--made"]) == 2
    assert "has a row of these models and boards" in capsys.readouterr().err
    with pytest.raises(KeyboardInterrupt):
        matrix.main(arguments)
    capsys.readouterr()
    assert matrix.main([*arguments, "--made"]) == 0
    shown = capsys.readouterr().out
    assert "1 of 4 rows are made, 1 of this source" in shown
    assert "1 ok, 0 does not fit, 0 failed" in shown
    monkeypatch.setattr(matrix, "source_digest", lambda: "other")
    assert matrix.main([*arguments, "--made"]) == 0
    assert "1 of 4 rows are made, 0 of this source" in capsys.readouterr().out


def test_boards_share_a_folder_and_a_failed_row_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One model and aim after the other; the row behind a failed one starts afresh."""
    seen: list[tuple[str, str, bool]] = []

    def typed(words: list[str]) -> Ended:
        out = Path(words[words.index("-o") + 1])
        aim = words[words.index("--optimize") + 1] if "--optimize" in words else "balanced"
        seen.append((words[words.index("--board") + 1], aim, out.exists()))
        out.mkdir(parents=True, exist_ok=True)
        return Ended("qsnn-hw", 1 if len(seen) == 1 else 2, "", 1.0, 1.0, 1.0)

    monkeypatch.setattr(matrix_rows, "qsnn_hw", typed)
    monkeypatch.setattr(
        matrix_rows,
        "refused",
        lambda status, line, board: ("failed" if status == 1 else "does not fit", line),
    )
    boards = ["--board", "icebreaker", "ulx3s-25f", "ulx3s-85f"]
    typed_words = ["--model", "digits", *boards, "--optimize", "balanced", "area", "-o", str(tmp_path)]
    assert matrix.main(typed_words) == 1
    assert seen == [
        *(
            ("icebreaker", "balanced", False),
            ("ulx3s-25f", "balanced", False),
            ("ulx3s-85f", "balanced", True),
        ),
        *(("icebreaker", "area", False), ("ulx3s-25f", "area", True), ("ulx3s-85f", "area", True)),
    ]
    assert (tmp_path / "failed" / "digits_icebreaker_balanced").exists()


def test_rows_of_the_page_are_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Written by one run, read by the next in another folder; what is missing comes before what is old."""
    order: list[str] = []

    def run(case: Case, shared: Path, folder: Path, data: Path, key: str, source: str) -> Row:
        order.append(case.aim)
        tools = {"yosys": "0.70"}
        return replace(ROW, key=key, source=source, board=case.board.name, aim=case.aim, tools=tools)

    monkeypatch.setattr(matrix, "run_case", run)
    monkeypatch.setattr(matrix, "ROOT", tmp_path)
    monkeypatch.setattr(matrix, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(matrix, "PAGE_ROWS", tmp_path / "page.json")
    monkeypatch.setattr(matrix, "source_digest", lambda: "old source")
    typed = ["--model", "digits", "--board", "icebreaker"]
    assert matrix.main([*typed, "--optimize", "area", "--docs", "-o", str(tmp_path / "first")]) == 0
    first = read_rows(tmp_path / "page.json")
    assert [(row.aim, row.source, row.tools) for row in first.values()] == [
        ("area", "old source", {"yosys": "0.70"})
    ]
    monkeypatch.setattr(matrix, "source_digest", lambda: "new source")
    order.clear()
    assert matrix.main([*typed, "--docs", "-o", str(tmp_path / "second")]) == 0
    assert "4 rows, 0 of them made before" in capsys.readouterr().out
    assert order == ["balanced", "energy", "latency", "area"]
    # A narrower run leaves the page's other rows where they are.
    assert matrix.main([*typed, "--optimize", "area", "--docs", "-o", str(tmp_path / "third")]) == 0
    assert len(read_rows(tmp_path / "page.json")) == 4
    assert "4 of" in (tmp_path / "page.md").read_text()


def test_a_row_is_known_wherever_the_files_lie(tmp_path: Path) -> None:
    model = Model("small", "a/net.nir", "a/net.npz", ("--bits", "4"), 3)
    keys = []
    for place, content in (("here", "1"), ("there", "1"), ("other", "2")):
        folder = tmp_path / place / "a"
        folder.mkdir(parents=True)
        (folder / "net.nir").write_text("network")
        (folder / "net.npz").write_text(content)
        keys.append(matrix.key_of(Case(model, BOARD, "balanced", 3), tmp_path / place))
    assert keys[0] == keys[1] != keys[2]
    wide = replace(model, options=("--bits", "8"))
    assert matrix.key_of(Case(wide, BOARD, "balanced", 3), tmp_path / "here") != keys[0]


def test_rows_of_the_page_whose_models_are_absent_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the shipped models alone must not lose what others made."""
    monkeypatch.setattr(
        matrix,
        "run_case",
        lambda case, shared, folder, data, key, source: replace(ROW, key=key, source=source),
    )
    monkeypatch.setattr(matrix, "ROOT", tmp_path)
    monkeypatch.setattr(matrix, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(matrix, "PAGE_ROWS", tmp_path / "page.json")
    monkeypatch.setenv("QSNN_DATA", str(tmp_path / "nothing"))
    theirs = replace(ROW, model="braille", key="theirs")
    matrix.write_rows(tmp_path / "page.json", {theirs.name: theirs})
    typed = ["--model", "digits", "--board", "icebreaker", "--optimize", "balanced", "--docs"]
    assert matrix.main([*typed, "-o", str(tmp_path / "out")]) == 0
    assert read_rows(tmp_path / "page.json").keys() == {ROW.name, theirs.name}
    assert f"It has 2 of {len(matrix.cases(matrix.parser().parse_args([]), tmp_path, True))} rows" in (
        (tmp_path / "page.md").read_text()
    )


def test_the_source_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("qsnn_hw", "sim", "boards"):
        (tmp_path / name).mkdir()
    (tmp_path / "qsnn_hw" / "a.py").write_text("1")
    monkeypatch.setattr(matrix_rows, "ROOT", tmp_path)
    before = matrix_rows.source_digest()
    (tmp_path / "qsnn_hw" / "a.py").write_text("2")
    assert matrix_rows.source_digest() != before


def test_a_page_of_all_kinds_of_rows() -> None:
    rows = [
        replace(ROW, planned=1000.0, logic=(950, 900), tools={"yosys": "0.70"}),
        replace(ROW, aim="area", verdict="does not fit", reasons=("31 of 30 ICESTORM_RAM",)),
        replace(ROW, aim="energy", verdict="failed", reasons=("3 mismatches", "no bitstream")),
    ]
    lines = table(rows).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[-1].endswith("failed: 3 mismatches; no bitstream |")
    text = page(rows, 4, "abcdef")
    assert "It has 3 of 4 rows: the others were not made." in text
    assert "`abcdef`" in text
    assert "1 rows are ok, 1 rows are of a network that the board cannot hold, 1 rows fail" in text
    assert "Tools: yosys 0.70." in text


@pytest.mark.parametrize(
    ("typed", "wanted"), [(["--jobs", "1"], (1, 3)), (["--samples", "2"], (2, 2)), ([], (2, 3))]
)
def test_what_is_typed_beside_ci_counts(
    typed: list[str], wanted: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def run(cases: list[Case], kept: object, shared: Path, folder: Path, jobs: int) -> list[Row]:
        seen.append((jobs, cases[0].samples))
        return [ROW]

    monkeypatch.setattr(matrix, "run_all", run)
    assert matrix.main(["--ci", *typed, "-o", str(tmp_path)]) == 0
    assert seen == [wanted]


def test_the_page_is_not_made_of_plans(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert matrix.main(["--model", "digits", "--only-plan", "--docs", "-o", str(tmp_path)]) == 2
    assert "leave out --only-plan, --ci and --samples" in capsys.readouterr().err
    assert matrix.main(["--ci", "--docs", "-o", str(tmp_path)]) == 2
    assert matrix.main(["--samples", "3", "--docs", "-o", str(tmp_path)]) == 2
