"""What the scripts share: the checkout's folders, and errors in one line with an exit status."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

# A script runs on the checkout it lies in, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from qsnn_hw.support.errors import MismatchError, ToolError, UserError

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
SHARED = Path(os.environ.get("QSNN_DATA") or ROOT.parent / "shared" / "data")
"""The folder of models and data that are too large for the checkout, whether it is there or not."""


def ended(work: Callable[[], int | None]) -> int:
    """Exit status of ``work``, None for 0: 2 for a mistake of the caller, 1 for a failure, 130 for Ctrl-C."""
    try:
        return work() or 0
    except (UserError, ToolError, MismatchError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    except KeyboardInterrupt:
        print("error: interrupted; every file in the output folder is whole", file=sys.stderr)
        return 130


def parser(description: str | None, *, whole: bool = True) -> argparse.ArgumentParser:
    """A command line described by a module's docstring, or by its first line."""
    text = description or ""
    return argparse.ArgumentParser(
        description=text if whole else text.split("\n", 1)[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def models_folder(folder: Path | None) -> Path:
    """The folder that ``--data`` names, or QSNN_DATA.

    Raises
    ------
    UserError
        Neither is given.
    """
    if folder is None and not os.environ.get("QSNN_DATA"):
        raise UserError("give the folder of the models with --data, or set QSNN_DATA")
    return SHARED if folder is None else folder


def need_in_range(arguments: argparse.Namespace, *bounds: tuple[str, float, float]) -> None:
    """Refuse an option outside its bounds, each (option, least, most), both included.

    Raises
    ------
    UserError
        Names the option, its bounds and its value.
    """
    for option, low, high in bounds:
        value = getattr(arguments, option.replace("-", "_"))
        if not low <= value <= high:
            raise UserError(f"--{option} must be {low} to {high}, not {value}")
