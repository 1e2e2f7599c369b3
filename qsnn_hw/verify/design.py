"""Verifies every form of a design that is simulated: the network, and the one with encoder and readout.

And again under cocotb, the reference: on some of the same vectors, where every figure must be the same.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from qsnn_hw.golden import GoldenRun
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import ToolError
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.verify.classifier import verify_classifier
from qsnn_hw.verify.record import Verification
from qsnn_hw.verify.runner import verify

REFERENCE_SAMPLES = 20
"""The most samples of the reference."""

_REFERENCE_CYCLES = 1_000_000
"""Cycles of all passes that the reference stays near: some twenty seconds."""

_OWN = ("simulator", "cocotb", "seconds")
"""Fields of a record that say which bench it was."""


@dataclass(frozen=True)
class Compared:
    """What a design is compared on.

    Parameters
    ----------
    plan
        What the Verilog was made from.
    traced, classifier
        Its Verilog: ``SpikingNetwork(plan, trace=True)``, and ``Classifier(plan)`` where the plan has an
        encoder or a readout.
    inputs
        uint8 events, shape (time, sample, ...).
    pixels
        What an encoder makes them from, uint8, shape (sample, ...); None without an encoder.
    golden
        Of the same samples, with the potentials of every group.
    """

    plan: HardwarePlan
    traced: Path
    classifier: Path
    inputs: np.ndarray
    pixels: np.ndarray | None
    golden: GoldenRun


def verify_design(
    compared: Compared,
    folder: Path,
    *,
    simulator: str = "verilator",
    samples: int | None = None,
    seed: int = 1,
    progress: Progress = SILENT,
) -> Verification:
    """Compare a design with golden in all passes; see :func:`verify` and :func:`verify_classifier`.

    Parameters
    ----------
    folder
        Receives a folder of each form.
    samples
        Take only this many from the start; None takes all.
    """
    plan, inputs, pixels = compared.plan, compared.inputs, compared.pixels
    result = verify(
        plan,
        compared.traced,
        inputs.reshape(*inputs.shape[:2], -1),
        compared.golden,
        folder / "07_verification",
        simulator=simulator,
        samples=samples,
        seed=seed,
        progress=progress,
    )
    if plan.encoder is None and plan.readout is None:
        return result
    if plan.encoder is None:
        sent = inputs[:, :samples]
    else:
        assert pixels is not None
        sent = pixels[:samples]
    answered = verify_classifier(
        plan,
        compared.classifier,
        sent,
        compared.golden,
        folder / "07_answers",
        simulator=simulator,
        seed=seed,
        progress=progress,
    )
    return replace(
        result,
        answers=answered.samples,
        answer_cycles_per_sample=answered.cycles_per_sample,
        answer_stream_samples=answered.stream_samples,
        answer_stream_cycles=answered.stream_cycles,
    )


@dataclass(frozen=True)
class Reference(StoredRecord, form="reference 1"):
    """What the reference compared: every figure of both records was the same.

    Parameters
    ----------
    samples
        How many it took, the first ones, in every pass.
    simulator, cocotb
        What simulated under which version of cocotb.
    """

    samples: int
    simulator: str
    cocotb: str

    def text(self) -> str:
        """In one line."""
        return (
            f"reference: {self.simulator} under cocotb {self.cocotb}: first {self.samples} samples, "
            "every figure the same"
        )


def verify_reference(
    compared: Compared, folder: Path, whole: Verification, *, progress: Progress = SILENT
) -> Reference:
    """Run some samples under cocotb and without it, the same vectors: every figure must be the same.

    Parameters
    ----------
    folder
        Receives the models and records of both.
    whole
        What was found on all samples: says how many of them take how long, and the seed.

    Raises
    ------
    MismatchError
        A difference from golden.
    ToolError
        Two figures differ: at least one of the benches cannot be trusted.
    """
    mean = whole.cycles_per_sample_mean or 1
    samples = max(1, min(REFERENCE_SAMPLES, whole.samples, int(_REFERENCE_CYCLES / (4 * mean))))
    alone, other = (
        verify_design(compared, folder, simulator=name, samples=samples, seed=whole.seed, progress=progress)
        for name in ("verilator", "cocotb")
    )
    mine, theirs = asdict(alone), asdict(other)
    for name, value in mine.items():
        if name not in _OWN and value != theirs[name]:
            raise ToolError(
                f"the benches disagree on {name} of {samples} samples: without cocotb {value}, "
                f"under cocotb {theirs[name]}"
            )
    assert other.cocotb is not None
    return Reference(samples, other.simulator, other.cocotb)
