"""What a proof is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qsnn_hw.verify.formal.properties import Harness
from qsnn_hw.verify.formal.sby import Mode, Solver


@dataclass(frozen=True)
class Proof:
    """One proof.

    Parameters
    ----------
    name
        Unique; the folder it runs in.
    module
        The Python module whose hardware it is about.
    build
        Makes the harness; takes the module, so that a changed copy can stand in for it.
    mode
        "prove" holds for ever, "bmc" for ``depth`` cycles after reset.
    depth
        Steps of the induction, or cycles; with solver "pdr" it means nothing.
    width
        The sizes it is proved at, in a few words.
    fast
        One of those that the default tests run.
    solver
        Which solver answers, see :func:`qsnn_hw.verify.formal.sby.prove`.
    """

    name: str
    module: Any
    build: Callable[[Any], Harness]
    mode: Mode
    depth: int
    width: str
    fast: bool = False
    solver: Solver = "z3"
