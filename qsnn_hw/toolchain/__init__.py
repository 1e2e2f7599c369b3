"""Outside tools: where they are, how they are run, what they need. Use :mod:`qsnn_hw.toolchain.tools`."""
