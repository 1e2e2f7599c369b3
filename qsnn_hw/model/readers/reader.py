"""Any supported model file to a :class:`Network`, chosen by its suffix and content."""

from collections.abc import Callable, Mapping
from pathlib import Path

from qsnn_hw.model.build import Builder, build_network
from qsnn_hw.model.convention import PRESETS, Convention
from qsnn_hw.model.graph import Graph
from qsnn_hw.model.network import Network
from qsnn_hw.model.network_file import is_saved_network, load_network
from qsnn_hw.model.readers.nir_file import read_graph
from qsnn_hw.model.readers.plain_file import arrays_file, read_plain
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import check_readable

SUFFIXES = (".nir", ".npz", ".toml")


def convention_for(path: Path | str, name: str | None, settings: Mapping[str, str]) -> Convention | None:
    """The convention to read a model file by; None for a saved network, which says everything itself.

    Parameters
    ----------
    name
        Of a preset, as ``--convention`` gives it; None where it was left out.
    settings
        Field -> text, as ``--set`` gives them.

    Raises
    ------
    UserError
        No such file; an unknown preset, field or value; no preset for a file that needs one; or one
        that contradicts what a saved network was read by.
    """
    path = _existing(path)
    convention = None if name is None else Convention.preset(name).with_settings(settings)
    if not is_saved_network(path):
        if convention is None:
            raise UserError(
                f"{path} does not say how its framework takes a time step: give --convention NAME, one of "
                f"{', '.join(PRESETS)}"
            )
        return convention
    if settings:
        raise UserError(f"{path} holds every field of its neurons already: leave --set out")
    own = str(load_network(path).convention.get("name", "")).partition(" ")[0]
    if name is not None and name != own:
        read_by = f"was read by {own}" if own else "does not say what it was read by"
        raise UserError(f"{path} is a saved network and {read_by}, not {name}: leave --convention out")
    return None


def read_network(path: Path | str, convention: Convention | None) -> Network:
    """Read a model file: NIR, a plain description, or a network that ``save_network`` wrote.

    Parameters
    ----------
    convention
        From :func:`convention_for`; None for a saved network.

    Raises
    ------
    UserError
        No such file, an unknown suffix, or anything the format's own reader refuses.
    """
    path = _existing(path)
    _check_suffix(path)
    if convention is None:
        return load_network(path)
    return build_network(_graph(path), convention)


def network_reader(
    path: Path | str, convention: Convention | None
) -> tuple[Graph | None, Callable[[Convention | None], Network]]:
    """What a model file holds, read once, and what builds its network under any convention.

    A saved network (``convention`` is None) has no graph, and is itself under every one.

    Raises
    ------
    UserError
        As :func:`read_network`, but for what only a convention refuses.
    """
    path = _existing(path)
    if convention is None:
        network = read_network(path, None)
        return None, lambda _: network
    graph = _graph(path)
    builder = Builder(graph)

    def build(convention: Convention | None) -> Network:
        assert convention is not None
        return builder.build(convention)

    return graph, build


def _graph(path: Path) -> Graph:
    _check_suffix(path)
    return read_graph(path) if path.suffix.lower() == ".nir" else read_plain(path)


def _check_suffix(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path}: unknown model suffix {suffix!r}; known are {', '.join(SUFFIXES)}")


def _existing(path: Path | str) -> Path:
    path = Path(path)
    check_readable(path, "a model file")
    return path


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
