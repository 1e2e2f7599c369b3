"""Differences from a framework's output that hang on the rounding of floats, not on the convention."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.model.framework import differing
from qsnn_hw.model.network import Network
from qsnn_hw.model.simulate import simulate
from qsnn_hw.support.progress import SILENT, Progress

_TIE = 1e-5


@dataclass(frozen=True)
class OwnOutput:
    """The kind of the framework's own output: spikes, or potentials of which one is ``largest``."""

    potentials: bool
    largest: float

    def of(
        self,
        network: Network,
        x: np.ndarray,
        dtype: type[np.floating] = np.float32,
        progress: Progress = SILENT,
    ) -> np.ndarray:
        """A network's output of that kind."""
        record = [network.output] if self.potentials else []
        run = simulate(network, x, dtype=dtype, record_potentials=record, progress=progress)
        return run.potentials[network.output] if self.potentials else run.out

    def differs(self, own: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Where two outputs differ; potentials by more than a part of ``largest``."""
        return differing(own, out, fires=not self.potentials, largest=self.largest)


def near_ties(network: Network, x: np.ndarray, got: np.ndarray, wrong: np.ndarray, own: OwnOutput) -> int:
    """Differences in samples whose first difference hangs on less than rounding.

    A sample counts when double precision, or moving thresholds by one part in 100,000, all of them or those
    of one group, changes the same output at the step of its first difference: the order of float
    operations decides that spike, and with it what follows.
    """
    first = wrong.any(axis=2).argmax(axis=0)
    at_first = wrong[first, np.arange(wrong.shape[1])]
    tied = np.zeros(wrong.shape[1], bool)
    for moved, dtype in _moved(network):
        left = np.flatnonzero(~tied)
        if not left.size:
            break
        run = own.of(moved, x[:, left], dtype)
        other = own.differs(got[first[left], left], run[first[left], np.arange(left.size)])
        tied[left] = (at_first[left] & other).any(axis=1)
    return int(np.count_nonzero(wrong[:, tied]))


def _moved(network: Network) -> Iterator[tuple[Network, type[np.floating]]]:
    """What computes the same but for a little less than rounding, and the precision to run it in."""
    yield network, np.float64
    fires = [group.name for group in network.groups if group.threshold is not None]
    for names in (fires, *([name] for name in fires)) if len(fires) > 1 else (fires,):
        for factor in (1 - _TIE, 1 + _TIE):
            groups = tuple(
                replace(g, threshold=g.threshold * factor)
                if g.threshold is not None and g.name in names
                else g
                for g in network.groups
            )
            yield replace(network, groups=groups), np.float32
