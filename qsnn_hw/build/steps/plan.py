"""Integers -> hardware plan: how a target asks for one, and the plan for no device in particular."""

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.golden import GOLDEN
from qsnn_hw.build.steps.inputs import DATA, io_options
from qsnn_hw.build.steps.integers import QUANTIZE
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.cost.design_cycles import PredictedCycles
from qsnn_hw.cost.traffic import Traffic
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.families.limits import Limits
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import GroupPlan, HardwarePlan
from qsnn_hw.support.choices import LinkName
from qsnn_hw.support.errors import UserError


def plan_options(
    options: BuildOptions,
    data: Dataset | None,
    golden: GoldenResult | None,
    limits: Limits | None,
    link: LinkName = "uart",
) -> PlanOptions:
    """How the user wants the network laid out, on a device of these limits; None: no limit known."""
    if options.cycle_budget is not None and data is None:
        raise UserError("--cycle-budget counts cycles of a sample: give --data FILE")
    traffic = None
    if data is not None and golden is not None:
        # The spikes that golden counted steer the balance.
        traffic = Traffic.counted(data.input, golden.integer.spikes, pixels=data.pixels)
    return PlanOptions(
        lanes=options.lanes,
        update_lanes=options.update_lanes,
        event_lanes=options.event_lanes,
        accumulators=options.accumulators,
        optimize=options.optimize,
        lut_budget=options.lut_budget,
        cycle_budget=options.cycle_budget,
        buffer_depth=options.buffer_depth,
        limits=limits,
        synapse_store=options.weights,
        traffic=traffic,
        io=io_options(options, None if data is None else data.steps),
        link=link,
    )


def say_shapes(job: Job, plan: HardwarePlan) -> None:
    """Tell what was planned for each neuron group, and why."""
    for note in plan.notes:
        job.progress.say(f"plan: {note}")
    for group in plan.groups:
        job.progress.say(f"plan: {group.group}: {group.neurons} neurons as {_shape(group)}")


def say_cycles(job: Job, plan: HardwarePlan, data: Dataset | None, golden: GoldenResult | None) -> None:
    """Tell how many clock cycles a sample is predicted to take; nothing without samples."""
    if data is None or golden is None:
        return
    cycles = PredictedCycles.of(plan, data.input, golden.integer.spikes, data.pixels)
    if cycles.design.size:
        job.progress.say(f"plan: predicted {cycles.text()}")


def _shape(group: GroupPlan) -> str:
    """The knobs of a group in words."""
    knobs = [f"{group.lanes} lanes x {group.folds} folds"]
    if group.update_lanes != group.lanes:
        knobs.append(f"{group.update_lanes} update lanes")
    if group.event_lanes > 1:
        knobs.append(f"{group.event_lanes} event lanes")
    return f"{', '.join(knobs)}, sums in {group.accumulators}, potentials in {group.potentials_in}"


def _plan(
    job: Job, quantization: Quantization, data: Dataset | None, golden: GoldenResult | None
) -> HardwarePlan:
    plan = make_plan(quantization.quantized, plan_options(job.options, data, golden, None))
    say_shapes(job, plan)
    say_cycles(job, plan, data, golden)
    return plan


def _is_decided_by(
    job: Job, quantization: Quantization, data: Dataset | None, golden: GoldenResult | None
) -> dict[str, object]:
    return {"plan": repr(plan_options(job.options, data, golden, None)), "board": None}


PLAN: Step[HardwarePlan] = Step(
    "plan",
    needs=(QUANTIZE, DATA, GOLDEN),
    make=_plan,
    record=(HardwarePlan, outputs.PLAN),
    decided_by=_is_decided_by,
)
"""The network laid out for no device in particular: no limit but the user's."""
