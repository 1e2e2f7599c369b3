"""RTL against the golden model, by simulation."""

from qsnn_hw.verify.case import Case, GroupCase, make_case
from qsnn_hw.verify.classifier import verify_classifier
from qsnn_hw.verify.record import Verification
from qsnn_hw.verify.runner import verify
from qsnn_hw.verify.same_network import Form, same_network
from qsnn_hw.verify.simulation import versions

__all__ = [
    "Case",
    "Form",
    "GroupCase",
    "Verification",
    "make_case",
    "same_network",
    "verify",
    "verify_classifier",
    "versions",
]
