"""Where the trained models live."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The shared data folder: QSNN_DATA, or ../shared/data beside the project."""
    given = os.environ.get("QSNN_DATA")
    folder = Path(given) if given else _ROOT.parent / "shared" / "data"
    if not (folder / "README.md").exists():
        pytest.skip(f"no model data in {folder}; set QSNN_DATA to the folder that holds it")
    return folder
