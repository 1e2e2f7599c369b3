"""The loader of weights."""

from collections.abc import Callable
from typing import Any

from qsnn_hw.rtl.group.links import LoadSignature
from qsnn_hw.rtl.io import weight_loader
from qsnn_hw.verify.formal.loader_properties import LoadOnce
from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.properties import Harness


def _loader(*memories: LoadSignature) -> Callable[[Any], Harness]:
    return lambda module: LoadOnce(module.WeightLoader(memories), memories)


def _proof(name: str, width: str, *memories: LoadSignature, fast: bool = False) -> Proof:
    return Proof(f"loader_{name}", weight_loader, _loader(*memories), "prove", 0, width, fast, "pdr")


LOADER_PROOFS = (
    _proof("one", "2 rows of 10 bits", LoadSignature(1, 2, 10), fast=True),
    _proof(
        "banks",
        "2 banks of 2 rows of 9 bits, 1 of 3 rows of 17, 1 of 1 row of 4",
        LoadSignature(2, 2, 9),
        LoadSignature(1, 3, 17),
        LoadSignature(1, 1, 4),
    ),
)
