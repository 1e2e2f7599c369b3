"""``check`` by its command line, and what it says to try."""

import re
from pathlib import Path

import pytest

from qsnn_hw.build import cli


def check(*arguments: object) -> int:
    return cli.main(["check", *(str(a) for a in arguments)])


def advised(told: str) -> list[list[str]]:
    """The words behind every ``try`` of a printed message."""
    return [found.split() for found in re.findall(r"^try (.*?): ", told, re.MULTILINE)]


def follow(capsys: pytest.CaptureFixture[str], model: Path, data: Path, *given: object) -> list[list[str]]:
    """Check, then do what it says in the place of convention, fields and output; returns what it said."""
    kept: list[object] = []
    for option, value in zip(given[::2], given[1::2], strict=True):
        if option not in ("--convention", "--set", "--out-key", "--search"):
            kept += [option, value]
    assert check(model, "--data", data, *given) == 1
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    found = advised(told.out)
    assert found, told.out
    for each in found:
        assert check(model, "--data", data, *each, *kept) == 0, each
        assert "0 differ" in capsys.readouterr().out
    return found
