"""Where a training run stands, in one file that is either whole or not there.

A plain .npz: parameters, Adam's moments, the best epoch so far and the history. No pickles, so a
checkpoint from somebody else can do no harm.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from qsnn_hw.finetune.settings import Epoch, FinetuneSettings
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import Dense, Network
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.records import StoredRecord


@dataclass
class Standing(StoredRecord, form="fine-tuning checkpoint 2", again="delete it"):
    """What a run has reached.

    Parameters
    ----------
    run
        Which run, as :func:`identity` says.
    arrays
        Parameters and optimizer state by name.
    best
        The parameters of the best epoch.
    history
        Epochs so far.
    wide
        Groups that compute in float64 by now.
    float_accuracy, logit_scale
        Found once, before the first epoch.
    """

    run: str
    arrays: dict[str, np.ndarray]
    best: dict[str, np.ndarray]
    history: list[Epoch] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)
    float_accuracy: float = 0.0
    logit_scale: float = 1.0


def identity(
    network: Network,
    options: QuantizeOptions,
    settings: FinetuneSettings,
    train: Dataset,
    validation: Dataset,
) -> str:
    """A digest of everything the result depends on, hexadecimal."""
    digest = hashlib.sha256()
    about = [asdict(options), asdict(settings), torch.__version__]
    digest.update(json.dumps(about, sort_keys=True, default=str).encode())
    for group in network.groups:
        _update(digest, asdict(group))
    for p in network.projections:
        _update(digest, {"projection": (p.name, p.source, p.target, p.delay)})
        for operator in p.operators:
            assert isinstance(operator, Dense)
            _update(digest, {"weight": operator.weight, "bias": operator.bias})
    for data in (train, validation):
        _update(digest, {"input": data.input, "label": data.label})
    return digest.hexdigest()


def _update(digest: "hashlib._Hash", values: dict[str, object]) -> None:
    for key, value in values.items():
        digest.update(key.encode())
        if isinstance(value, np.ndarray):
            digest.update(f"{value.dtype}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value).data)
        else:
            digest.update(repr(value).encode())


def load(path: Path, run: str) -> Standing | None:
    """Read where the run called ``run`` stands; None when there is no file.

    Raises
    ------
    UserError
        The file is damaged or belongs to another run.
    """
    if not path.exists():
        return None
    standing = Standing.load(path)
    if standing.run != run:
        raise UserError(
            f"{path} belongs to a run with another network, data, options or torch; delete it to start "
            "anew, or choose another output folder"
        )
    return standing


def parameters_of(model: nn.Module) -> dict[str, np.ndarray]:
    """Copies of a model's parameters by name."""
    return {name: p.detach().numpy().copy() for name, p in model.named_parameters()}


def restore(model: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    """Put parameters back; KeyError when one is missing."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.from_numpy(arrays[name]))


def optimizer_arrays(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    """Adam's state by parameter name; empty before the first step."""
    arrays: dict[str, np.ndarray] = {}
    for name, p in model.named_parameters():
        for key, value in optimizer.state.get(p, {}).items():
            arrays[f"adam/{name}/{key}"] = torch.as_tensor(value).numpy().copy()
    return arrays


def restore_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, arrays: dict[str, np.ndarray]
) -> None:
    """Put Adam's state back as :func:`optimizer_arrays` took it."""
    for name, p in model.named_parameters():
        prefix = f"adam/{name}/"
        state = {k[len(prefix) :]: torch.from_numpy(v) for k, v in arrays.items() if k.startswith(prefix)}
        if state:
            optimizer.state[p] = state
