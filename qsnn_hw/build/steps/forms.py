"""The forms that every design is written in: RTLIL and Verilog of the network, without a board around it."""

from qsnn_hw.build.steps import outputs
from qsnn_hw.plan import HardwarePlan

Form = tuple[str, str]
"""RTLIL and Verilog of one form of a design, names of files."""


def has_classifier(plan: HardwarePlan) -> bool:
    """Whether an encoder or a readout stands around the network."""
    return plan.encoder is not None or plan.readout is not None


def network_forms(plan: HardwarePlan) -> list[Form]:
    """Traced, with AER streams, with AXI4-Stream; and with encoder and readout where there are some."""
    forms = [
        (outputs.TRACED_RTLIL, outputs.TRACED_VERILOG),
        (outputs.NETWORK_RTLIL, outputs.NETWORK_VERILOG),
        (outputs.AXI_RTLIL, outputs.AXI_VERILOG),
    ]
    if has_classifier(plan):
        forms.append((outputs.CLASSIFIER_RTLIL, outputs.CLASSIFIER_VERILOG))
    return forms
