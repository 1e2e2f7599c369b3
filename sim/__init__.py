"""What runs beside the simulated design.

Under cocotb, inside the simulator's process: ``driver`` offers words, ``monitor`` records them; ``network``,
``classifier``, ``board`` and ``words`` are the test modules. Without Python: ``bench.cpp`` does both, and
``native`` and ``native_answers`` read what it recorded. ``checker`` compares, whoever recorded.
``qsnn_hw/verify`` builds and starts them.
"""
