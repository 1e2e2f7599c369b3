"""Clock cycles of a sample as simulation counted them, of the design as built."""

from dataclasses import dataclass

import numpy as np

from qsnn_hw.plan import HardwarePlan
from qsnn_hw.verify.record import Verification


@dataclass(frozen=True)
class DesignCycles:
    """Clock cycles of the design as built, encoder and readout included.

    Parameters
    ----------
    alone
        int64, shape (samples,): of each sample alone; None when not measured.
    stream
        Of a sample back to back with others; None when not measured.
    network
        As ``alone``, of the bare network, where that is not the design.
    """

    alone: np.ndarray | None = None
    stream: float | None = None
    network: np.ndarray | None = None

    @classmethod
    def of(cls, plan: HardwarePlan, verification: Verification | None) -> "DesignCycles":
        """What verification measured of this design; nothing where it did not."""
        if verification is None:
            return cls()
        network = _array(verification.cycles_per_sample)
        if plan.encoder is None and plan.readout is None:
            return cls(network, verification.stream_cycles_per_sample)
        samples = verification.answer_stream_samples
        stream = verification.answer_stream_cycles / samples if samples else None
        return cls(_array(verification.answer_cycles_per_sample), stream, network)

    @property
    def alone_mean(self) -> float | None:
        """Mean cycles of a sample alone."""
        return None if self.alone is None else float(self.alone.mean())


def _array(cycles: tuple[int, ...]) -> np.ndarray | None:
    return np.asarray(cycles, dtype=np.int64) if cycles else None
