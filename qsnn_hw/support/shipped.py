"""The folders shipped beside the package: hardware specs, examples and in-simulator tests."""

from pathlib import Path
from typing import Literal

from qsnn_hw.support.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]

ResourceName = Literal["boards", "examples", "sim"]


def resource_folder(name: ResourceName) -> Path:
    """The folder ``name``: the checkout's when the package runs from one, else the wheel's copy.

    Raises
    ------
    UserError
        Neither exists: the installation is damaged.
    """
    checkout = PACKAGE.parent
    # A site-packages folder may well hold somebody else's top-level "examples": only a folder that
    # also holds this project's pyproject.toml is the checkout.
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    packaged = PACKAGE / "_share" / name
    if packaged.is_dir():
        return packaged
    raise UserError(f"no folder {name!r} at {checkout / name} or {packaged}; reinstall qsnn-hw")
