"""Quantized network -> hardware plan."""

from qsnn_hw.plan.hardware_plan import HOST, GroupPlan, HardwarePlan, Route
from qsnn_hw.plan.planner import PlanOptions, make_plan

__all__ = ["HOST", "GroupPlan", "HardwarePlan", "PlanOptions", "Route", "make_plan"]
