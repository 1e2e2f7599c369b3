"""The steps of a build from Python: ``qsnn_hw.load`` and the objects that it leads to.

    load -> TrainedNetwork -> quantize -> IntegerNetwork -> plan -> Design -> verify, build -> Outcome

They run the steps of ``build/steps/`` under the command line's options, in memory as far as no tool is
needed; ``docs/python.md`` shows all of it.
"""

from qsnn_hw.build.api.design import Design
from qsnn_hw.build.api.integers import IntegerNetwork
from qsnn_hw.build.api.network import TrainedNetwork, load
from qsnn_hw.build.flow import Outcome

__all__ = ["Design", "IntegerNetwork", "Outcome", "TrainedNetwork", "load"]
