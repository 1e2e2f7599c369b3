"""Train the convolutional MNIST example and write examples/mnist_conv/.

Two strided convolutions and a dense layer of integrate-and-fire neurons, latency-coded: every pixel
spikes at most once. 5,000 of the training images choose the checkpoint; the 10,000 test images are
used once, at the end. All randomness has a fixed seed and training runs on one CPU thread.
"""

import argparse
import sys
from collections.abc import Sequence

import mnist_example
from mnist_files import Settings

DEFAULTS = Settings(
    steps=3,
    floor=128,
    layers=((12, 5, 2), (32, 3, 2), (10, 0, 0)),
    epochs=10,
    seed=0,
    single_step_epochs=7,
    learning_rate=1e-2,
    surrogate_slope=3.0,
    margin=5.0,
    silence=0.2,
    count=0.3,
    activity=0.03,
    shift_pixels=1.0,
    rotation_degrees=5.0,
    scaling=0.05,
    shear=0.0,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; return its exit status."""

    def add_options(parser: argparse.ArgumentParser) -> None:
        """This example has no options of its own."""

    def settings_of(options: argparse.Namespace) -> Settings:
        return DEFAULTS

    return mnist_example.main("mnist_conv", __doc__ or "", DEFAULTS, settings_of, add_options, arguments)


if __name__ == "__main__":
    sys.exit(main())
