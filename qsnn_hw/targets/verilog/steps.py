"""The steps that only this target has: every form that is handed out is the network that is simulated."""

from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.forms import has_classifier
from qsnn_hw.build.steps.plan import PLAN
from qsnn_hw.build.steps.step import Job
from qsnn_hw.build.steps.verification import Match, reference_step, traced_match, verified, verify_step
from qsnn_hw.build.steps.verilog import VERILOG
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.verify import Verification


def matches(plan: HardwarePlan) -> list[Match]:
    """Every form that is handed out holds the network of ``06_traced.v``; the bare one last."""
    network = plan.name
    forms = [traced_match(plan, (outputs.AXI_VERILOG, f"{network}_axi.network"), in_classifier=False)]
    if has_classifier(plan):
        inside = (outputs.CLASSIFIER_VERILOG, f"{network}.network")
        forms.append(traced_match(plan, inside, in_classifier=True))
    return [*forms, traced_match(plan, (outputs.NETWORK_VERILOG, network), in_classifier=False)]


def _verify(job: Job, plan: HardwarePlan, data: Dataset | None, golden: GoldenResult | None) -> Verification:
    return verified(job, plan, data, golden, matches(plan))


VERIFY = verify_step(PLAN, VERILOG, _verify)
"""Every spike and every potential of the Verilog against golden, and that all its forms are the same."""

REFERENCE = reference_step(PLAN, VERILOG, VERIFY)
"""Some of the same vectors again under cocotb."""
