"""NIR files to a :class:`Network`."""

from pathlib import Path

from qsnn_hw.model.build import build_network
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.network import Network
from qsnn_hw.model.readers.nir_file import read_graph


def read_nir(path: Path | str, convention: Convention) -> Network:
    """Read a NIR file and apply the convention its framework computes by.

    Raises
    ------
    UserError
        The file is missing, damaged, or holds something unsupported or implausible; one line that
        names file, node and type.
    """
    return build_network(read_graph(Path(path)), convention)
