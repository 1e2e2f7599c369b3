"""The block RAM cell of ECP5 in netlists that are simulated."""

from collections.abc import Callable

from qsnn_hw.verify.formal.block_properties import BlockExact, CellModels, Reset, cell_models
from qsnn_hw.verify.formal.proof import Proof

_MODELS = cell_models()
_SAYS: dict[Reset, str] = {"none": "", "clock": ", a reset with the clock", "at once": ", a reset at once"}


def _exact(width: int, writes: bool, reset: Reset) -> Callable[[CellModels], BlockExact]:
    return lambda models: BlockExact(models, width, writes=writes, reset=reset)


def _proof(name: str, width: int, *, writes: bool = True, reset: Reset = "none") -> Proof:
    size = f"words of {width}, {'written' if writes else 'only read'}, all addresses{_SAYS[reset]}"
    return Proof(name, _MODELS, _exact(width, writes, reset), "prove", 1, size, solver="arrays")


BLOCK_PROOFS = (
    *(_proof(f"block_{width}", width) for width in (1, 2, 4, 9, 18, 36)),
    *(_proof(f"block_rom_{width}", width, writes=False) for width in (4, 9, 18, 36)),
    _proof("block_cleared_18", 18, reset="clock"),
    _proof("block_at_once_36", 36, reset="at once"),
)
