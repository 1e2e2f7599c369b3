"""Any supported model file to a :class:`Network`, chosen by its suffix."""

from pathlib import Path

from qsnn_hw.errors import UserError
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.network import Network
from qsnn_hw.model.nir_reader import read_nir

SUFFIXES = (".nir",)


def read_network(path: Path | str, convention: Convention) -> Network:
    """Read a model file and apply a convention.

    Raises
    ------
    UserError
        No such file, an unknown suffix, or anything the format's own reader refuses.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if not path.exists():
        raise UserError(f"no such file: {path}")
    if suffix == ".nir":
        return read_nir(path, convention)
    raise UserError(f"{path}: unknown model suffix {suffix!r}; known are {', '.join(SUFFIXES)}")
