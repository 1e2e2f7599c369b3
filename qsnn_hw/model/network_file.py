"""A :class:`Network` as one .npz file: what live readers leave, and what a run resumes from."""

from pathlib import Path
from typing import Any

from qsnn_hw.model.network import Network
from qsnn_hw.model.network_check import check_network
from qsnn_hw.support import files
from qsnn_hw.support.records import Form


def _of_first(described: dict[str, Any]) -> dict[str, Any]:
    """The description of a file of version 1 as one of this version."""
    for group in described["groups"]:
        # Files of before several spikes a step had a limit.
        several = group.pop("multi_spike", None)
        if several is not None:
            if not isinstance(several, bool):
                raise ValueError("multi_spike is not true or false")
            group["max_spikes"] = None if several else 1
    for projection in described["projections"]:
        for operator in projection["operators"]:
            operator["@record"] = operator.pop("operator")
    return described


FORM = Form(
    Network,
    "network 2",
    again="save the network again with save_network",
    older={"network 1": _of_first},
    keeps=True,
)


def save_network(network: Network, path: Path | str) -> None:
    """Write ``network``, whole or not at all."""
    FORM.save(network, Path(path))


def is_saved_network(path: Path) -> bool:
    """Whether :func:`save_network` of this or another version wrote the file."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    form = str(files.read_npz(path).get("format"))
    return form.rpartition(" ")[0] == FORM.format.rpartition(" ")[0]


def load_network(path: Path | str) -> Network:
    """Read what :func:`save_network` of this version or an older one wrote.

    Raises
    ------
    UserError
        It is not such a file, or what it holds is no network; names the group or projection.
    """
    return check_network(str(path), FORM.load(Path(path)))
