"""The examples of docs/rtl.md are what the code prints."""

import doctest
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "rtl.md"


def test_examples() -> None:
    results = doctest.testfile(str(DOCUMENT), module_relative=False)
    assert results.attempted > 8
    assert results.failed == 0
