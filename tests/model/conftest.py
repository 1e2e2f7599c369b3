"""Small NIR files, written where a test works."""

from functools import partial
from pathlib import Path

import pytest

from tests.support.nir_files import NirWriter, write_nir_file


@pytest.fixture
def write_nir(tmp_path: Path) -> NirWriter:
    """:func:`write_nir_file` into the folder of the test."""
    return partial(write_nir_file, tmp_path)
