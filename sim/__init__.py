"""In-simulator tests: what runs inside the simulator process, under cocotb.

``driver`` offers words, ``monitor`` records them, ``model`` says what was expected, ``checker``
compares. ``network`` and ``board`` are the test modules; ``qsnn_hw/verify`` builds and starts them.
"""
