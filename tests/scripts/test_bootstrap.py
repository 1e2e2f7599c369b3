"""Setting up the frameworks: torch stays what it is, and one that fails is told in a line and left out."""

import tomllib
from pathlib import Path

import _bootstrap
import _frameworks
import pytest

from tests.support.places import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


@pytest.mark.parametrize(
    ("installed", "kept"), [(None, f"torch=={_frameworks.TORCH}"), ("2.9.1+cpu", "torch==2.9.1")]
)
def test_every_framework_keeps_torch(installed: str | None, kept: str) -> None:
    steps = _frameworks.steps(EXTRAS, installed)
    assert list(steps) == ["torch", "snntorch", "norse", "sinabs", "spikingjelly", "triton", "rockpool"]
    assert steps.pop("torch") == ([] if installed else [[kept]])
    for name, calls in steps.items():
        assert any(word.startswith(name) for call in calls for word in call)
        # What may bring torch along says which.
        assert all(call[0] in (kept, "--no-deps") for call in calls)


def installation(monkeypatch: pytest.MonkeyPatch, failing: str) -> list[str]:
    """Install with a pip that fails at what contains ``failing``; the packages asked for."""
    asked: list[str] = []

    def try_pip(*arguments: str) -> str | None:
        asked.extend(arguments)
        return "No matching distribution" if any(failing in word for word in arguments) else None

    monkeypatch.setattr(_bootstrap, "try_pip", try_pip)
    monkeypatch.setattr(_bootstrap, "PYTHON", Path("/bin/false"))
    monkeypatch.setattr(_bootstrap, "PIP_LOG", Path("pip.log"))
    assert _bootstrap.install_frameworks() is False
    return asked


def test_one_that_does_not_install_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = installation(monkeypatch, "sinabs")
    lines = [line for line in capsys.readouterr().out.splitlines() if "could not" in line]
    assert len(lines) == 1
    assert lines[0].endswith(
        "sinabs could not be installed, its tests will be skipped: No matching distribution; see pip.log"
    )
    assert any(word.startswith("rockpool") for word in asked)


def test_without_torch_nothing_else_is_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert installation(monkeypatch, "torch==") == [f"torch=={_frameworks.TORCH}"]
    assert "torch could not be installed" in capsys.readouterr().out
