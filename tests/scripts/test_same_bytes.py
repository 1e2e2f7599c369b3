"""scripts/same_bytes: what counts as a difference between two outputs."""

from pathlib import Path

import numpy as np
import pytest
import same_bytes


@pytest.fixture
def outputs(tmp_path: Path) -> tuple[Path, Path]:
    """Two output folders that are equal."""
    folders = (tmp_path / "old", tmp_path / "new")
    for folder in folders:
        folder.mkdir()
        (folder / "06_design.v").write_text("module top;\nendmodule\n")
        (folder / "06_weights.bin").write_bytes(b"\x01\x02")
        (folder / "report.json").write_text(str(folder))
        np.savez(folder / "02_quantized.npz", weight=np.arange(3), name=np.array("fc"))
    return folders


def test_equal_outputs_have_no_difference(outputs: tuple[Path, Path]) -> None:
    assert list(same_bytes.differences(*outputs)) == []


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


def test_a_changed_array_is_named(outputs: tuple[Path, Path]) -> None:
    np.savez(outputs[1] / "02_quantized.npz", weight=np.arange(3, dtype=np.int32), extra=np.zeros(1))
    assert list(same_bytes.differences(*outputs)) == [
        "02_quantized.npz: extra is only in the new one",
        "02_quantized.npz: name is only in the old one",
        "02_quantized.npz: weight differs",
    ]


def test_an_unknown_revision_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert same_bytes.main(["no-such-revision", "-o", str(tmp_path)]) == 2
    assert "no-such-revision" in capsys.readouterr().err
