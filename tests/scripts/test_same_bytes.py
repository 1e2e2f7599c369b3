"""scripts/same_bytes: what counts as a difference between two outputs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import same_bytes

from qsnn_hw.support.errors import ToolError
from tests.support.networks import random_network
from tests.support.places import ROOT


@pytest.fixture
def outputs(tmp_path: Path) -> tuple[Path, Path]:
    """Two output folders that are equal."""
    folders = (tmp_path / "old", tmp_path / "new")
    for folder in folders:
        folder.mkdir()
        (folder / "06_design.v").write_text("module top;\nendmodule\n")
        (folder / "06_weights.bin").write_bytes(b"\x01\x02")
        (folder / "report.json").write_text(str(folder))
    return folders


def test_equal_outputs_have_no_difference(outputs: tuple[Path, Path]) -> None:
    assert list(same_bytes.differences(*outputs)) == []
    assert same_bytes.compared_files(*outputs) == ["06_design.v", "06_weights.bin"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("06_design.v", b"module top;\nwire a;\nendmodule\n", "line 2: 'endmodule' became 'wire a;'"),
        ("06_weights.bin", b"\x01\x03", "06_weights.bin: 2 and 2 bytes that differ"),
        ("06_axi.v", b"", "06_axi.v is only in the new one"),
    ],
)
def test_a_changed_file_is_named(name: str, content: bytes, said: str, outputs: tuple[Path, Path]) -> None:
    (outputs[1] / name).write_bytes(content)
    (line,) = same_bytes.differences(*outputs)
    assert said in line


def test_a_changed_value_of_the_integers_is_named(tmp_path: Path) -> None:
    network = random_network(np.random.default_rng(1), [3, 2])
    group = network.groups[0]
    changed = replace(group, bias=group.bias + 1, v_bits=group.v_bits + 1)
    networks = (network, replace(network, groups=(changed,), warnings=("one",)))
    found = []
    for name, made in zip(("old.npz", "new.npz"), networks, strict=True):
        made.save(tmp_path / name)
        found.append(same_bytes.integers(ROOT, tmp_path / name))
    assert list(same_bytes.other_values(found[0], found[0])) == []
    assert list(same_bytes.other_values(*found)) == [
        "02_quantized.npz: groups.0.bias differs",
        "02_quantized.npz: groups.0.v_bits differs",
        "02_quantized.npz: warnings.0 is only in the new one",
    ]
    (tmp_path / "old.npz").write_bytes(b"")
    with pytest.raises(ToolError, match=r"old\.npz could not be read by .*not a readable \.npz file"):
        same_bytes.integers(ROOT, tmp_path / "old.npz")


def test_an_unknown_revision_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert same_bytes.main(["no-such-revision", "-o", str(tmp_path)]) == 2
    assert "no-such-revision" in capsys.readouterr().err


def test_what_yosys_is_given_is_compared_where_it_does_not_run(outputs: tuple[Path, Path]) -> None:
    for folder, text in zip(outputs, ("wire 1\n", "wire 2\n"), strict=True):
        (folder / "05_design.il").write_text(text)
        (folder / "06_design.v").write_text("")
    assert list(same_bytes.differences(*outputs)) == []
    (line,) = same_bytes.differences(*outputs, same_bytes.RTLIL)
    assert line == "05_design.il: line 1: 'wire 1' became 'wire 2'"


@pytest.mark.slow
def test_rtlil_alone_is_that_of_a_whole_run(tmp_path: Path) -> None:
    """The same command with yosys and without: RTLIL and quantized network do not depend on which."""
    arguments = [
        *("generate", str(ROOT / "examples/tiny_digits/tiny_digits.nir"), "--target", "verilog"),
        *("--convention", "snntorch"),
    ]
    for name, rtlil in (("alone", True), ("whole", False)):
        assert same_bytes.generate(ROOT, arguments, tmp_path / name, rtlil) is None
    alone, whole = tmp_path / "alone", tmp_path / "whole"
    assert same_bytes.compared_files(alone, whole, same_bytes.RTLIL) == [
        "05_axi.il",
        "05_network.il",
        "05_traced.il",
    ]
    assert list(same_bytes.differences(alone, whole, same_bytes.RTLIL)) == []
    assert [(file.stat().st_size > 0) for file in (alone / "06_axi.v", whole / "06_axi.v")] == [False, True]
