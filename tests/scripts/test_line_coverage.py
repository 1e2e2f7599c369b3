"""scripts/line_coverage: what is counted as run, by a run of its own and by rooms."""

from pathlib import Path

import pytest
from line_coverage import by_room, least_run, main, room_of


def summary(lines: int, run: int, branches: int, taken: int) -> dict[str, dict[str, int]]:
    return {
        "summary": {
            "num_statements": lines,
            "covered_lines": run,
            "missing_lines": lines - run,
            "num_branches": branches,
            "covered_branches": taken,
        }
    }


FILES = {
    "qsnn_hw/__init__.py": summary(1, 1, 0, 0),
    "qsnn_hw/rtl/network.py": summary(10, 8, 4, 3),
    "qsnn_hw/rtl/group/lane.py": summary(20, 20, 2, 2),
    "qsnn_hw/targets/fpga/energy.py": summary(5, 0, 2, 0),
    "sim/checker.py": summary(8, 8, 0, 0),
}


def test_a_file_is_counted_with_its_room() -> None:
    assert [room_of(file) for file in FILES] == [
        "qsnn_hw",
        "qsnn_hw/rtl",
        "qsnn_hw/rtl",
        "qsnn_hw/targets/fpga",
        "sim",
    ]
    rooms = by_room(FILES)
    assert rooms["qsnn_hw/rtl"].cells() == ("30", "93.3%", "6", "83.3%")
    assert rooms["sim"].cells() == ("8", "100.0%", "0", "none")
    assert rooms["all"].cells() == ("44", "84.1%", "8", "62.5%")


def test_files_that_are_run_least_come_first() -> None:
    assert least_run(FILES, 5) == [
        ("qsnn_hw/targets/fpga/energy.py", 7, 5),
        ("qsnn_hw/rtl/network.py", 3, 10),
    ]


def test_nothing_measured_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only-print", "--state", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith("not there; run without --only-print\n")


@pytest.mark.slow
def test_a_run_counts_what_commands_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A test in a worker that starts the command line: its module is counted, and another is not."""
    test = tmp_path / "test_started.py"
    test.write_text(
        "import subprocess, sys\n"
        "def test_help() -> None:\n"
        "    subprocess.run([sys.executable, '-m', 'qsnn_hw', '--version'], check=True)\n",
        encoding="utf-8",
    )
    state = tmp_path / "state"
    assert main(["--state", str(state), "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(test)]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    shares = {row[0].removeprefix("| "): row[2] for row in rows}
    assert float(shares["qsnn_hw/build"].rstrip("%")) > 0
    assert shares["qsnn_hw/golden"] == "0.0%"
    test.write_text("def test_golden() -> None:\n    import qsnn_hw.golden.encoders\n", encoding="utf-8")
    words = ["--append", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(test)]
    assert main(["--state", str(state), *words]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    more = {row[0].removeprefix("| "): row[2] for row in rows}
    assert float(more["qsnn_hw/golden"].rstrip("%")) > 0
    assert float(more["qsnn_hw/build"].rstrip("%")) >= float(shares["qsnn_hw/build"].rstrip("%"))
