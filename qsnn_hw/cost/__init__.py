"""What a plan takes before any tool runs: cells and cycles.

``group/``, ``stream/``, ``io/`` and ``network.py`` have the names of the files of ``qsnn_hw/rtl`` that they
follow, and say what each part takes in :class:`~qsnn_hw.cost.counts.Counts`: what a register holds is known
from the plan; what becomes of adders, multiplexers and control is left to the coefficients of the device
family. ``predict.py`` makes cells of them. The other files follow words in time.
"""
