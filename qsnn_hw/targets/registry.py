"""Every target, by name."""

from qsnn_hw.targets.fpga.target import FPGA
from qsnn_hw.targets.target import Target

TARGETS: dict[str, Target] = {target.name: target for target in (FPGA,)}
"""The first one is the default."""
