"""``python -m qsnn_hw`` is the ``qsnn-hw`` command."""

import sys

from qsnn_hw.build.cli import main

if __name__ == "__main__":
    sys.exit(main())
