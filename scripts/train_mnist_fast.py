"""Train the latency-coded MNIST example and write examples/mnist_fast/.

A dense network of integrate-and-fire neurons for few input events: every pixel spikes at most once.
5,000 of the training images choose the checkpoint; the 10,000 test images are used once, at the end.
All randomness has a fixed seed and training runs on one CPU thread.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import mnist_example
from mnist_files import Settings
from training_files import Distortion

from qsnn_hw.support.errors import UserError

DEFAULTS = Settings(
    steps=4,
    floor=128,
    layers=((128, 0, 0), (10, 0, 0)),
    epochs=22,
    seed=0,
    single_step_epochs=10,
    learning_rate=8e-3,
    surrogate_slope=5.0,
    margin=5.0,
    silence=0.2,
    count=0.3,
    activity=0.05,
    distortion=Distortion(1.0, 5.0, 0.05, shear=0.0),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; return its exit status."""

    def add_options(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--hidden", type=int, default=DEFAULTS.layers[0][0], help="neurons (%(default)s)")

    def settings_of(options: argparse.Namespace) -> Settings:
        if options.hidden < 1:
            raise UserError(f"--hidden must be 1 or more, not {options.hidden}")
        return replace(DEFAULTS, layers=((options.hidden, 0, 0), (10, 0, 0)))

    return mnist_example.main("mnist_fast", __doc__ or "", DEFAULTS, settings_of, add_options, arguments)


if __name__ == "__main__":
    sys.exit(main())
