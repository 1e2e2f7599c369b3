"""What to do where yosys crashes on a plan."""

from qsnn_hw.plan import HardwarePlan
from qsnn_hw.toolchain.tools import WaysOut


def ways_out(plan: HardwarePlan) -> WaysOut:
    """Advice for each way in which yosys runs out of something."""
    native = "QSNN_YOSYS=FILE names a native yosys, which has all of the machine's"
    rows = sum(g.event_lanes * g.synapse_rows for g in plan.groups if g.synapse_store == "rom")
    less = "fewer --lanes make the design smaller"
    if rows:
        less = (
            f"its {rows:,} rows of weights are what it reads most of: --weights ram leaves them out, "
            "more --lanes make them fewer"
        )
    return {"memory": f"{less}; {native} memory", "stack": f"{native} stack; {less}"}
