"""Which module types each framework has, and the questions the rest of the package asks of them."""

import importlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from qsnn_hw.model.graph import Node
from qsnn_hw.model.readers.live import (
    norse_modules,
    rockpool_modules,
    sinabs_modules,
    snntorch_modules,
    spikingjelly_modules,
)
from qsnn_hw.model.readers.live.layers import PASSIVE, TORCH_LAYERS
from qsnn_hw.model.readers.live.parts import ModuleTypes, Neuron
from qsnn_hw.support.errors import UserError

_LOADERS = {
    "snntorch": snntorch_modules.load,
    "norse": norse_modules.load,
    "sinabs": sinabs_modules.load,
    "spikingjelly": spikingjelly_modules.load,
    "rockpool": rockpool_modules.load,
}

FRAMEWORKS = tuple(_LOADERS)
"""Frameworks whose live modules can be read."""


@dataclass(frozen=True)
class Catalog:
    """torch's layers and a framework's; types count exactly, because a subclass may compute anything."""

    framework: str
    version: str
    types: ModuleTypes
    sequential: type
    module_class: type

    def where(self, path: str, module: Any) -> str:
        """How messages refer to a module: framework, path and type."""
        return f"{self.framework} module {path or '(root)'!r} ({self._kind(module).__name__})"

    def _kind(self, module: Any) -> type:
        return self.types.unwrapped(type(module))

    def check_module(self, module: Any) -> None:
        """UserError unless ``module`` is a torch module."""
        if not isinstance(module, self.module_class):
            raise UserError(f"a live {self.framework} model is a torch module, not a {type(module).__name__}")

    def is_neuron(self, module: Any) -> bool:
        """Whether the module is a known neuron."""
        return self._kind(module) in self.types.neurons

    def is_layer(self, module: Any) -> bool:
        """Whether the module is a known operator."""
        return self._kind(module) in self.types.layers

    def is_passive(self, module: Any) -> bool:
        """Whether the module passes spikes on unchanged."""
        return self._kind(module) in self.types.passive

    def children(self, module: Any) -> list[tuple[str, Any]] | None:
        """A sequence's children in order; None for any other module."""
        kind = self._kind(module)
        plain = isinstance(module, self.sequential) and kind.forward is self.sequential.forward  # type: ignore[attr-defined]
        if not plain and kind not in self.types.sequences:
            return None
        # named_children() would leave out a module that stands at two places. Sinabs' Network also
        # keeps the network it was converted from, which takes no part.
        return [(name, child) for name, child in module._modules.items() if plain or name != "analog_model"]

    def layer(self, path: str, module: Any, name: str) -> Node:
        """An operator module as a node called ``name``."""
        kind, parameters = self.types.layers[self._kind(module)](module, self.where(path, module))
        return Node(name, kind, parameters)

    def neuron(self, path: str, module: Any) -> Neuron:
        """A neuron module's dynamics."""
        return self.types.neurons[self._kind(module)](module, self.where(path, module))

    def unknown(self, path: str, module: Any) -> UserError:
        """The error for a module that is neither layer nor neuron nor sequence."""
        known = sorted({kind.__name__ for kind in (*self.types.layers, *self.types.neurons)})
        hint = "replace it"
        if "MaxPool" in type(module).__name__:
            hint = "train with average or sum pooling instead"
        return UserError(
            f"{self.where(path, module)} has no counterpart here; {hint}; known are {', '.join(known)}"
        )


# By package, not by extra: that works from a checkout and from a wheel. sinabs 3.1.3 asks for an older
# nir than this project reads files with, but works with it.
_INSTALL = {
    "snntorch": "pip install torch snntorch nirtorch",
    "norse": "pip install torch norse",
    "sinabs": "pip install torch nirtorch matplotlib pbr && pip install --no-deps sinabs",
    "spikingjelly": "pip install torch spikingjelly",
    "rockpool": "pip install torch rockpool",
}


def require(module: str, framework: str) -> Any:
    """Import a module of an optional framework.

    Raises
    ------
    UserError
        It, or something it needs, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"reading live {framework} modules needs {framework}, and importing {module} failed ({error}); "
            f"install it with: {_INSTALL[framework]}"
        ) from error


def load_catalog(framework: str) -> Catalog:
    """The catalog of an installed framework.

    Raises
    ------
    UserError
        Unknown framework, or torch or the framework cannot be imported.
    """
    if framework not in _LOADERS:
        raise UserError(
            f"unknown framework {framework!r}; live modules are read from {', '.join(FRAMEWORKS)}"
        )
    nn = require("torch.nn", framework)
    own = _LOADERS[framework](lambda module: require(module, framework))
    types = ModuleTypes(
        neurons=own.neurons,
        layers={getattr(nn, name): read for name, read in TORCH_LAYERS.items()} | own.layers,
        passive=frozenset(getattr(nn, name) for name in PASSIVE) | own.passive,
        sequences=own.sequences,
        explicit_state=own.explicit_state,
        unwrapped=own.unwrapped,
    )
    return Catalog(framework, _version(framework), types, nn.Sequential, nn.Module)


def _version(framework: str) -> str:
    try:
        return version(framework)
    except PackageNotFoundError:
        return "unknown"
