"""Quantized network -> hardware plan."""

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import GroupPlan, ProjectionPlan
from qsnn_hw.plan.hardware_plan import HOST, HardwarePlan, Route
from qsnn_hw.plan.io_plan import EncoderPlan, ReadoutPlan
from qsnn_hw.plan.io_planner import IoOptions
from qsnn_hw.plan.options import PlanOptions
from qsnn_hw.plan.planner import make_plan
from qsnn_hw.plan.traffic import Traffic

__all__ = [
    "HOST",
    "AddressSpace",
    "EncoderPlan",
    "GroupPlan",
    "HardwarePlan",
    "IoOptions",
    "PlanOptions",
    "ProjectionPlan",
    "ReadoutPlan",
    "Route",
    "Traffic",
    "make_plan",
]
