"""The hardware plan: what is built, in plain numbers. Records only; ``explore/designs`` makes them."""

from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.plan.group_plan import GroupPlan, ProjectionPlan
from qsnn_hw.plan.hardware_plan import HOST, DesignOffer, HardwarePlan, Route
from qsnn_hw.plan.io_plan import EncoderPlan, ReadoutPlan

__all__ = [
    "HOST",
    "AddressSpace",
    "DesignOffer",
    "EncoderPlan",
    "GroupPlan",
    "HardwarePlan",
    "ProjectionPlan",
    "ReadoutPlan",
    "Route",
]
