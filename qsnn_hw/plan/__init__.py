"""Quantized network -> hardware plan."""

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import GroupPlan, ProjectionPlan
from qsnn_hw.plan.hardware_plan import HOST, HardwarePlan, Route
from qsnn_hw.plan.planner import PlanOptions, make_plan

__all__ = [
    "HOST",
    "AddressSpace",
    "GroupPlan",
    "HardwarePlan",
    "PlanOptions",
    "ProjectionPlan",
    "Route",
    "make_plan",
]
