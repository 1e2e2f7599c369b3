"""The network and what stands around it."""

from collections.abc import Mapping

from qsnn_hw.cost.counts import Counts
from qsnn_hw.cost.group.neuron_group import group_counts
from qsnn_hw.cost.io.host_link import link_counts
from qsnn_hw.cost.io.input_encoder import encoder_counts
from qsnn_hw.cost.io.readout import readout_counts
from qsnn_hw.cost.io.weight_loader import loader_counts
from qsnn_hw.cost.stream.lane_adapter import add_adapter
from qsnn_hw.cost.stream.router import router_counts
from qsnn_hw.families.limits import Limits
from qsnn_hw.plan.hardware_plan import HardwarePlan


def network_counts(plan: HardwarePlan, limits: Limits, *, board: bool = False) -> Counts:
    """The network with its encoder, readout and loader of weights; with ``board``, the host link, too."""
    return total_counts(plan, limits, counts_by_group(plan, limits), board=board)


def total_counts(plan: HardwarePlan, limits: Limits, groups: Mapping[str, Counts], *, board: bool) -> Counts:
    """The same as :func:`network_counts`, where what groups take is known already."""
    total = router_counts(plan, limits)
    total.add(around_counts(plan, limits))
    for counts in groups.values():
        total.add(counts)
    if board:
        total.add(link_counts(plan, limits))
    return total


def counts_by_group(plan: HardwarePlan, limits: Limits) -> dict[str, Counts]:
    """What every group takes, by its name in the plan."""
    shown = plan.output_group.name if plan.readout is not None and plan.readout.kind == "membrane" else ""
    return {group.name: group_counts(group, limits, potentials=group.name == shown) for group in plan.groups}


def around_counts(plan: HardwarePlan, limits: Limits) -> Counts:
    """Encoder, readout and loader of a plan, as far as it has them."""
    counts = loader_counts(plan.loaded_groups)
    if plan.encoder is not None:
        counts.add(encoder_counts(plan.encoder, limits))
        if plan.encoder.slots != plan.input_lanes:
            add_adapter(counts, plan.input_addresses, plan.encoder.slots, plan.input_lanes)
    if plan.readout is not None:
        counts.add(readout_counts(plan.readout))
    return counts
