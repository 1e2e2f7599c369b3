"""What every test may use: the shipped example, and the shared data when it is there."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def digits() -> Path:
    """The folder of the shipped digits example."""
    return ROOT / "examples" / "digits"
