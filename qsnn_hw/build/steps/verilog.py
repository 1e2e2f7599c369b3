"""RTLIL -> Verilog of every form, by yosys, and the weights that a host loads."""

from collections.abc import Sequence

from qsnn_hw.build.steps import outputs
from qsnn_hw.build.steps.elaborate import ELABORATE
from qsnn_hw.build.steps.forms import Form, network_forms
from qsnn_hw.build.steps.plan import PLAN
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.build.steps.ways_out import ways_out
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.text.export import write_verilogs
from qsnn_hw.support import files
from qsnn_hw.toolchain.tools import find_tool


def write_forms(job: Job, plan: HardwarePlan, forms: Sequence[Form]) -> None:
    """Write the Verilog of these forms, and the weights where the host loads them."""
    write_verilogs(
        [(job.path(rtlil), job.path(verilog)) for rtlil, verilog in forms],
        log=job.path(outputs.VERILOG_LOG),
        progress=job.progress,
        ways_out=ways_out(plan),
    )
    weights = job.path(outputs.WEIGHTS)
    weights.unlink(missing_ok=True)
    if plan.loaded_groups:
        data = plan.weight_bytes()
        files.write_bytes(weights, data)
        job.progress.say(
            f"verilog: the host sends the {len(data):,} bytes of {outputs.WEIGHTS} before the first sample"
        )


def form_files(plan: HardwarePlan, forms: Sequence[Form]) -> list[str]:
    """Names of the files that :func:`write_forms` leaves."""
    return [*(verilog for _, verilog in forms), *([outputs.WEIGHTS] if plan.loaded_groups else [])]


def verilog_is_decided_by(job: Job, *_: object) -> dict[str, object]:
    """Beside plan and RTLIL, what translates it."""
    return {"yosys": find_tool("yosys").version}


def _write(job: Job, plan: HardwarePlan) -> None:
    write_forms(job, plan, network_forms(plan))


def _leaves(job: Job, plan: HardwarePlan) -> list[str]:
    return form_files(plan, network_forms(plan))


VERILOG: Step[None] = Step(
    "verilog",
    # What the host loads comes from the plan.
    needs=(PLAN,),
    after=(ELABORATE,),
    make=_write,
    leaves=_leaves,
    decided_by=verilog_is_decided_by,
)
"""The Verilog of the network, for a design of the user's own."""
