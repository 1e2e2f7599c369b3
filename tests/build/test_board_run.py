"""``qsnn-hw run``, ``monitor`` and ``program`` by the user's command line, on a model of the board."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.build import cli
from qsnn_hw.build.built import Built
from qsnn_hw.build.commands import next_commands
from qsnn_hw.build.options import OPTIONS, BuildOptions
from qsnn_hw.build.raster import Raster, raster_lines
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job
from qsnn_hw.families.boards import load_board
from qsnn_hw.host.protocol import Word
from qsnn_hw.plan.identity import DesignTools
from qsnn_hw.targets.fpga.steps import PLAN
from tests.support.board_model import BoardModel, ModelPort
from tests.support.places import ROOT

pytest.importorskip("serial", reason="serial is not installed here")

DIGITS = ROOT / "examples" / "digits"
SAMPLES = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits, built as far as the plan: all that a host needs."""
    folder = tmp_path_factory.mktemp("digits")
    options = BuildOptions(
        model=str(DIGITS / "digits_64-32-10.nir"),
        convention="snntorch",
        data=str(DIGITS / "digits_test.npz"),
        samples=SAMPLES,
        board="ulx3s-85f",
    )
    Run(Job(options, folder)).get(PLAN)
    options.save(folder / OPTIONS)
    return folder


@pytest.fixture
def model(folder: Path) -> Iterator[ModelPort]:
    built = Built.of(folder)
    with ModelPort(BoardModel(built.plan, built.quantized)) as port:
        yield port


def test_every_answer_is_golden_s(folder: Path, model: ModelPort, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "-o", str(folder), "--port", model.port, "--samples", str(SAMPLES)]) == 0
    # A busy machine may need a time-out, which is mended.
    said = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("mended ")]
    labels = np.load(DIGITS / "digits_test.npz")["label"]
    assert said[1] == f"sample 1: {labels[1]}, label {labels[1]}"
    assert len(said) == SAMPLES + 5
    assert said[-5] == "predictions  " + " ".join(line.split()[2].rstrip(",") for line in said[:SAMPLES])
    # As the integers have it: the first digit is a miss.
    assert said[-4] == "accuracy     91.67 % on 12 samples, by most spikes"
    assert said[-3] == "golden       12 of 12 answers equal, every spike of them compared"
    assert "samples/s through this link, measured; " in said[-2]
    assert "samples/s, by the board's own count of cycles; " in said[-1]


def test_one_spike_too_many_is_named(
    folder: Path, model: ModelPort, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from qsnn_hw.host import words

    honest, answered = words.reply_payload, []

    def lying(sent: list[Word], size: int) -> bytes:
        answered.append(len(sent))
        first = next(k for k, word in enumerate(sent) if word.tick)
        wrong = [Word(False, 9), *sent] if len(answered) == 4 and Word(False, 9) not in sent[:first] else sent
        return honest(wrong, size)

    monkeypatch.setattr("tests.support.board_model.words.reply_payload", lying)
    assert cli.main(["run", "-o", str(folder), "--port", model.port, "--samples", "6", "-q"]) == 1
    captured = capsys.readouterr()
    assert "golden       5 of 6 answers equal" in captured.out
    assert captured.err.splitlines()[-1] == (
        "mismatch: 1 of 6 answers differ from golden; the first: sample 3, step 0, neuron 9: the board says "
        "1 spikes, golden 0"
    )


def test_mistakes_are_one_line(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for words, says in (
        (("run", "-o", str(folder), "--port", "/dev/ttyUSB77"), "error: no such port: /dev/ttyUSB77; "),
        (("run", "-o", str(tmp_path), "--port", "/dev/null"), f"error: {tmp_path} holds no build"),
        (("run", "-o", str(folder), "--port", "x", "--data", "none.npz"), "error: no such file: none.npz"),
        (("run", "-o", str(folder), "--port", "x", "--samples", "0"), "error: --samples must be at least 1"),
        (("monitor", "--port", "/dev/null"), "error: /dev/null is no serial port; "),
        (("monitor", "--port", "x", "--interval", "0"), "error: --interval must be from 0.05 to 86400"),
        (("monitor", "--port", "x", "--baud", "0"), "error: --baud is bits a second from 1 to 1,000,000,000"),
        (("program", "-o", str(folder)), "error: "),
        (("virtual-board", str(folder)), "error: "),
    ):
        assert cli.main(list(words)) == 2, words
        assert capsys.readouterr().err.splitlines()[-1].startswith(says)


def test_monitor_counts(folder: Path, model: ModelPort, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["monitor", "--port", model.port, "--interval", "0.05", "--lines", "2"]
    assert cli.main([*words, "-o", str(folder)]) == 0
    what, by, names, *lines = capsys.readouterr().out.splitlines()
    assert what.startswith("64 inputs, 10 outputs; 25 MHz; qsnn-hw ")
    assert by == "made by no tools that it names"
    assert names.split()[:2] == ["events_in", "ticks_in"]
    assert len(lines) == 2
    # At a rate by hand, and without a folder at the first one at which a board answers.
    for more in (["--baud", "115200"], []):
        assert cli.main([*words, *more]) == 0
        assert capsys.readouterr().out.splitlines()[0] == what


def test_a_bitstream_says_which_tools_made_it(
    folder: Path, model: ModelPort, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = DesignTools({"amaranth": "0.5.8", "yosys": "0.66", "nextpnr-ecp5": None})
    mine.save(folder / "06_design.json")
    monitor = ["monitor", "--port", model.port, "--lines", "1"]
    run = ["run", "-o", str(folder), "--port", model.port, "--samples", "1", "--quiet"]
    named = "amaranth 0.5.8, yosys 0.66, nextpnr-ecp5 of unknown version"
    newer = DesignTools({**mine.versions, "yosys": "0.67"})
    other = f"other tools than those of {folder}, which are {named}"
    for tools, words, says in (
        (mine, [*monitor, "-o", str(folder)], f"made by {named}\n"),
        (mine, monitor, f"made by tools of digest {mine.digest().hex()}\n"),
        (newer, [*monitor, "-o", str(folder)], f"made by {other}\n"),
        (newer, run, f"note         the board's bitstream was made by {other}\n"),
    ):
        model.model.tools = tools
        assert cli.main(words) == 0
        assert says in capsys.readouterr().out
    model.model.tools = mine
    assert cli.main(run) == 0
    assert "note " not in capsys.readouterr().out


def test_the_raster_is_drawn_over_itself_on_a_terminal() -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    spikes = np.zeros((3, 20), dtype=int)
    spikes[1, 2] = 1
    terminal = Terminal()
    raster = Raster(terminal)
    raster.show("first", spikes)
    raster.clear()
    text = terminal.getvalue()
    assert "  2 | . |\n" in text
    assert "and 4 more neurons" in text
    assert text.endswith("\x1b[18A\r\x1b[J")
    assert len(raster_lines(spikes)) == 17
    log = io.StringIO()
    Raster(log).show("first", spikes)
    assert log.getvalue() == ""


def test_the_python_example_of_the_page_runs(
    folder: Path, model: ModelPort, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the port of a model and a folder of its design in place of the reader's."""
    monkeypatch.chdir(ROOT)
    (example,) = re.findall(
        r"^```python\n(.+?)^```",
        (ROOT / "docs" / "board.md").read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    assert '"/dev/ttyUSB1", "out"' in example

    exec(example.replace('"/dev/ttyUSB1", "out"', f'"{model.port}", "{folder}"'), {})
    inputs, *_, shape, steps = capsys.readouterr().out.splitlines()
    assert (inputs, shape, steps) == ("64 inputs", "(25, 8, 10)", "16 ticks answered")


def test_a_build_ends_with_what_a_person_types_next(tmp_path: Path) -> None:
    *known, load, run = next_commands(tmp_path / "my out", load_board("orangecrab-25f"))
    # Nothing on this board leads the serial port to a computer.
    assert known[0] == "serial port: rx N17, tx M18 by a 3.3 V adapter"
    assert known[1].startswith("note: no USB bridge for a UART: connect a 3.3 V adapter")
    bridged, *_ = next_commands(tmp_path, load_board("icebreaker"))
    assert bridged == "serial port: rx 6, tx 9 by its USB bridge"
    wired, *notes, _, _ = next_commands(tmp_path, load_board("icebreaker").linked("spi"))
    assert wired == "SPI sck 45, cs 4, mosi 2, miso 47"
    assert notes[-1].startswith("note: PMOD 1A")
    parser = cli.make_parser()
    for line in (load, run.partition(" (")[0]):
        words = shlex.split(line.partition(": ")[2])
        assert words[0] == "qsnn-hw"
        assert parser.parse_args(words[1:]).out == str(tmp_path / "my out")
