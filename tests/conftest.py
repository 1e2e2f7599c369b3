"""What every test may use: the shipped example, and the shared data when it is there."""

import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A shell that starts the tests in the background has them ignore Ctrl-C, and with them every process
# that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def digits() -> Path:
    """The folder of the shipped digits example."""
    return ROOT / "examples" / "digits"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The shared data folder: QSNN_DATA, or ../shared/data beside the project."""
    given = os.environ.get("QSNN_DATA")
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    if not (folder / "README.md").exists():
        pytest.skip(f"no model data in {folder}; set QSNN_DATA to the folder that holds it")
    return folder
