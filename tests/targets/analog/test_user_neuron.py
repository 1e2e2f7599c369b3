"""A user's own neuron: what is taken, and what a hostile file cannot do."""

from pathlib import Path

import pytest

from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.analog.spice.neuron import PINS
from qsnn_hw.targets.analog.spice.user_neuron import read_user_neuron

GOOD = """* a neuron
.subckt inner a b
R1 a b 1k
.ends
.subckt Mine plus minus spike read transfer
+ compare reset leak clear PARAMS: c = 1p vth=0.5
*# shell rm -rf .
Vp plus 0 0
Vm minus 0 0
Rs spike 0 1k
X1 plus minus inner
.ends Mine
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "n.cir"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_subcircuit_with_the_pins_is_found(tmp_path: Path) -> None:
    found = read_user_neuron(written(tmp_path, GOOD))
    assert (found.name, found.takes) == ("mine", ("c", "vth"))
    # ngspice runs comments that begin with *#.
    assert "*" not in found.text
    assert "shell" not in found.text


def test_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    assert read_user_neuron(path, "MINE").name == "mine"
    with pytest.raises(UserError, match="no subcircuit other; it has inner, mine"):
        read_user_neuron(path, "other")
    with pytest.raises(UserError, match=f"inner has 2 pins, a neuron has {len(PINS)}: plus minus spike"):
        read_user_neuron(path, "inner")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (".include /etc/passwd", "'.include' is not allowed"),
        (".INC x", "'.inc' is not allowed"),
        (".lib x tt", "'.lib' is not allowed"),
        (".control", "'.control' is not allowed"),
        (".exec ls", "'.exec' is not allowed"),
        (".csparam a=1", "'.csparam' is not allowed"),
        ("a1 plus out m1", "element 'a1' is not allowed"),
        ("shell ls", "is not allowed"),
        ("! ls", "element '!' is not allowed"),
        (".model m1 filesource (file=x)", "'file' is not allowed"),
        ("b1 spike 0 v=`ls`", "'`' is not allowed"),
        ("r1 spike 0 1k ; system", "is not allowed"),
        ("r1 spike 0 1k $ comment", r"is not allowed"),
        (".subckt deeper a b", "a .subckt inside another"),
        ("x1 plus minus nothing", "nothing is no subcircuit of this file"),
        ("r1 spike 0 1\u00b5", "other characters than ASCII"),
        ("r1 spike 0 1k\x07", "a control character"),
    ],
)
def test_what_could_do_more_than_compute_is_refused(tmp_path: Path, line: str, says: str) -> None:
    path = written(tmp_path, GOOD.replace("Vp plus 0 0", line))
    with pytest.raises(UserError, match=says) as told:
        read_user_neuron(path)
    assert "\n" not in str(told.value)
    assert str(path) in str(told.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no subcircuit at all; it has none"),
        ("+ r1 a b 1", "line 1: continues a line that is not there"),
        ("r1 a b 1", "line 1: 'r1' stands outside a .subckt"),
        (".subckt mine a b", "a .subckt has no .ends"),
        (".ends", "'.ends' stands outside a .subckt"),
        (".subckt m a\n.ends\n.subckt M a\n.ends", "line 3: a second subcircuit m"),
        (".subckt 1m a\n.ends", "names of a .subckt must be a letter"),
        ("*" * 1_000_001, "not a file of at most 1000000 bytes"),
    ],
)
def test_a_file_that_is_no_subcircuit_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_user_neuron(written(tmp_path, text))


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read the neuron's subcircuit .*No such file"):
        read_user_neuron(tmp_path / "none.cir")
