"""Hardware plan -> RTLIL of every form of the network, by Amaranth."""

import importlib.metadata

from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.forms import has_classifier, network_forms
from qsnn_hw.build.steps.plan import PLAN
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.axi_stream import AxiStreamNetwork
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.rtl.text.export import write_rtlil


def write_network(job: Job, plan: HardwarePlan) -> None:
    """Write the RTLIL of :func:`~qsnn_hw.build.steps.forms.network_forms`."""
    write_rtlil(SpikingNetwork(plan, trace=True), plan.name, job.path(outputs.TRACED_RTLIL))
    write_rtlil(SpikingNetwork(plan), plan.name, job.path(outputs.NETWORK_RTLIL))
    write_rtlil(AxiStreamNetwork(SpikingNetwork(plan)), f"{plan.name}_axi", job.path(outputs.AXI_RTLIL))
    if has_classifier(plan):
        write_rtlil(Classifier(plan), plan.name, job.path(outputs.CLASSIFIER_RTLIL))


def elaborate_is_decided_by(job: Job, *_: object) -> dict[str, object]:
    """Beside the plan, what writes it."""
    return {"amaranth": importlib.metadata.version("amaranth")}


def _elaborate(job: Job, plan: HardwarePlan) -> None:
    with job.progress.task("elaborate"):
        write_network(job, plan)


def _leaves(job: Job, plan: HardwarePlan) -> list[str]:
    return [rtlil for rtlil, _ in network_forms(plan)]


ELABORATE: Step[None] = Step(
    "elaborate",
    needs=(PLAN,),
    make=_elaborate,
    leaves=_leaves,
    decided_by=elaborate_is_decided_by,
)
"""The RTLIL of the network, for a design of the user's own."""
