"""Any supported model file to a :class:`Network`, chosen by its suffix."""

from pathlib import Path

from qsnn_hw.errors import UserError
from qsnn_hw.model.build import build_network
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.network import Network
from qsnn_hw.model.nir_file import read_graph
from qsnn_hw.model.plain_file import arrays_file, read_plain

SUFFIXES = (".nir", ".npz", ".toml")


def read_network(path: Path | str, convention: Convention) -> Network:
    """Read a model file, NIR or a plain description, and apply a convention.

    Raises
    ------
    UserError
        No such file, an unknown suffix, or anything the format's own reader refuses.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"no such file: {path}")
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a model file")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path}: unknown model suffix {suffix!r}; known are {', '.join(SUFFIXES)}")
    return build_network(read_graph(path) if suffix == ".nir" else read_plain(path), convention)


def model_files(path: Path | str) -> tuple[Path, ...]:
    """Every file that :func:`read_network` reads: the model file, and the arrays that a .toml names.

    Raises
    ------
    UserError
        A .toml that is damaged.
    """
    path = Path(path)
    beside = arrays_file(path) if path.is_file() else None
    return (path,) if beside is None else (path, beside)
