"""Where a model and samples come from: a user's files, or what is in memory as files that steps read."""

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from qsnn_hw.model.network import Network
from qsnn_hw.model.network_file import save_network
from qsnn_hw.model.readers.reader import model_files
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError

Samples: TypeAlias = str | os.PathLike[str] | ArrayLike | Mapping[str, ArrayLike]
"""A data file, its arrays by name, or spikes alone."""


class _Scratch:
    """A folder for what is in memory; goes with the last source that lies in it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="qsnn-hw-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Source:
    """A file that steps read.

    Parameters
    ----------
    path
        Of the file.
    digests
        Every file that is read with it -> the sha256 of its content, hexadecimal.
    scratch
        Keeps the file of what was in memory; None for a file of the user's.
    says_all
        It is a network from memory, whose conventions are resolved.
    """

    path: Path
    digests: Mapping[Path, str]
    scratch: _Scratch | None = None
    says_all: bool = False

    @classmethod
    def of_file(cls, path: Path, others: Sequence[Path] = ()) -> "Source":
        """A file of the user's, and those that are read with it."""
        digests = {}
        for file in (path, *others):
            files.check_readable(file, "a file")
            try:
                digests[file.resolve()] = files.digest(file)
            except OSError as error:
                raise UserError(f"cannot read {file}: {error.strerror or error}") from error
        return cls(path, digests)

    def check(self) -> None:
        """Raise UserError where a file has changed since: what was made from it is of the earlier one."""
        for file, digest in self.digests.items():
            if not file.is_file() or files.digest(file) != digest:
                raise UserError(f"{file} has changed since it was read; load it again")


def data_source(data: Any, name: str) -> Source:
    """Samples as a file.

    Parameters
    ----------
    data
        A file; a mapping of arrays by the names in such a file; or spikes alone, shape (time, sample, ...).
    name
        Of the file that arrays are written to.

    Raises
    ------
    UserError
        There is no such file, or an array holds Python objects.
    """
    if isinstance(data, str | os.PathLike):
        return Source.of_file(Path(data))
    named = data if isinstance(data, Mapping) else {"input": data}
    scratch = _Scratch()
    path = scratch.folder / name
    arrays = {str(key): np.asarray(value) for key, value in named.items()}
    for key, array in arrays.items():
        if array.dtype.hasobject:
            raise UserError(f"{key} must be an array of numbers, not of {array.dtype} objects")
    files.write_npz(path, arrays)
    return Source(path, {path: files.digest(path)}, scratch)


def model_source(
    model: Any,
    framework: str | None,
    *,
    name: str,
    input_shape: Sequence[int] | None,
    example: Any,
    output: str | None,
) -> Source:
    """A model as a file.

    Parameters
    ----------
    model
        A model file, an ``nir.NIRGraph``, a :class:`~qsnn_hw.model.network.Network`, or a live torch module.
    framework
        Of a live module; None finds it.
    name
        Of the file that what is in memory is written to, without suffix.
    input_shape, example, output
        Of a live module, as :func:`~qsnn_hw.model.readers.live.read_module` takes them.

    Raises
    ------
    UserError
        It is none of these, or an option does not go with it; and as the readers do.
    """
    torch = sys.modules.get("torch")
    live = torch is not None and isinstance(model, torch.nn.Module)
    if not live and (input_shape, example, output) != (None, None, None):
        raise UserError("input_shape, example and output are for a live module: leave them out")
    if isinstance(model, str | os.PathLike):
        path = Path(model)
        files.check_readable(path, "a model file")
        first, *others = model_files(path)
        return Source.of_file(first, others)
    if type(model).__module__.partition(".")[0] == "nir":
        import nir

        scratch = _Scratch()
        path = scratch.folder / f"{name}.nir"
        nir.write(path, model)
        return Source(path, {path: files.digest(path)}, scratch)
    if live:
        from qsnn_hw.model.readers.live import read_module

        if input_shape is None:
            raise UserError(
                "a live module does not say the shape of one time step: give input_shape=(64,) or the like"
            )
        model = read_module(
            model, framework or _framework_of(model), input_shape, example=example, output=output
        )
    if not isinstance(model, Network):
        raise UserError(
            "load takes a model file, an nir.NIRGraph, a Network or a live torch module, not "
            f"{type(model).__module__}.{type(model).__qualname__}"
        )
    if not live and framework is not None:
        raise UserError("a Network has its convention resolved: leave convention out")
    scratch = _Scratch()
    path = scratch.folder / f"{name}.npz"
    save_network(model, path)
    return Source(path, {path: files.digest(path)}, scratch, says_all=True)


def _framework_of(module: Any) -> str:
    """The framework that a live module's neurons are of.

    Raises
    ------
    UserError
        None, or several.
    """
    from qsnn_hw.model.readers.live import FRAMEWORKS

    # Rockpool's modules have a method of the same name that gives something else.
    inside = sys.modules["torch"].nn.Module.modules(module)
    kinds = {base.__module__.partition(".")[0] for part in inside for base in type(part).__mro__}
    frameworks = [name for name in FRAMEWORKS if name in kinds]
    if len(frameworks) == 1:
        return frameworks[0]
    what = f"modules of {' and '.join(frameworks)}" if frameworks else "no module of a framework"
    raise UserError(
        f"{type(module).__name__} holds {what}: say which with convention, one of {', '.join(FRAMEWORKS)}"
    )
