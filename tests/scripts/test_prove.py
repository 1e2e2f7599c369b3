"""scripts/prove: the table, and what its exit status says."""

from pathlib import Path
from typing import Any

import prove
import pytest
from amaranth.hdl import Fragment

from qsnn_hw.verify.formal import PROOFS, ProofResult


def test_list_names_every_proof(capsys: pytest.CaptureFixture[str]) -> None:
    assert prove.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| proof | module | width | depth | method | seconds | verdict |"
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines[2:]] == [proof.name for proof in PROOFS]


@pytest.mark.parametrize(("status", "code"), [("pass", 0), ("fail", 1), ("unknown", 1), ("timeout", 1)])
def test_exit_status(
    status: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(harness: Any, folder: Path, **options: Any) -> ProofResult:
        # Amaranth warns of what is never elaborated.
        Fragment.get(harness, platform=None)
        return ProofResult(status, folder)

    monkeypatch.setattr(prove, "prove", answer)
    monkeypatch.setattr(prove, "find_solver", dict)
    assert prove.main(["buffer_1", "merge_1"]) == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[-1] for line in lines[2:4]] == [f"{status} |"] * 2
    said = "all 2 proofs hold; " if code == 0 else "2 of 2 proofs do not hold: buffer_1, merge_1; "
    assert lines[-1].startswith(said)


def test_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert prove.main(["nothing"]) == 2
    assert capsys.readouterr().err == "error: no proof is called nothing; --list names them\n"
