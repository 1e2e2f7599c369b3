"""Train the convolutional MNIST example and write examples/mnist_conv/.

Two strided convolutions and dense layers of integrate-and-fire neurons, rate-coded. A network of rounded
activations is trained first, converted, and then trained through time as the spiking network it is.
5,000 of the training images choose the checkpoint; the 10,000 test images are used once, at the end.
All randomness has a fixed seed and training runs on one CPU thread.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mnist_example
import mnist_files
import numpy as np
import script
import tables
from training_files import Layer, made_with, make_folder, torch_half, write_readme

from qsnn_hw.support.progress import Progress

NAME = "mnist_conv"
LAYERS = ((16, 5, 2), (32, 3, 2), (64, 0, 0), (10, 0, 0))
README_TEMPLATE = Path(__file__).resolve().with_name("mnist_conv_readme.txt")


@dataclass(frozen=True)
class Options:
    """What the command line sets, and its defaults; they were chosen by validation accuracy.

    Parameters
    ----------
    steps
        Of a sample.
    epochs, spiking_epochs
        Passes over the samples: of the rounded network, then of the spiking one.
    seed
        Of everything random.
    """

    steps: int = 4
    epochs: int = 8
    spiking_epochs: int = 7
    seed: int = 0

    @property
    def text(self) -> str:
        """As on the command line."""
        return (
            f"--steps {self.steps} --epochs {self.epochs} --spiking-epochs {self.spiking_epochs} "
            f"--seed {self.seed}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; return its exit status."""
    parser = script.parser(__doc__)
    folder, default = script.EXAMPLES / NAME, Options()
    parser.add_argument("--data", type=Path, required=True, help="folder of MNIST's four .gz files")
    parser.add_argument("-o", "--out", type=Path, default=folder, help="output folder (%(default)s)")
    parser.add_argument("--steps", type=int, default=default.steps, help="per sample (%(default)s)")
    parser.add_argument(
        "--epochs", type=int, default=default.epochs, help="passes of the rounded network (%(default)s)"
    )
    parser.add_argument(
        "--spiking-epochs",
        type=int,
        default=default.spiking_epochs,
        help="passes of the spiking network (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=default.seed, help="of everything random (%(default)s)")
    typed = parser.parse_args(arguments)

    def work() -> None:
        bounds = (
            ("steps", 1, 255),
            ("epochs", 1, 10**6),
            ("spiking-epochs", 0, 10**6),
            ("seed", 0, 2**31 - 1),
        )
        script.need_in_range(typed, *bounds)
        options = Options(typed.steps, typed.epochs, typed.spiking_epochs, typed.seed)
        mnist_example.show(build(typed.data, typed.out, options, Progress()))

    return script.ended(work)


def build(data: Path, folder: Path, options: Options, progress: Progress) -> dict[str, str]:
    """Train, measure and write the example; return the README's figures.

    Raises
    ------
    UserError
        PyTorch is missing, or a file cannot be read or written.
    """
    training = torch_half("mnist_conv_training")
    make_folder(folder)
    mnist = mnist_files.load_mnist(data)
    settings = training.Settings(LAYERS, options.steps, options.epochs, options.spiking_epochs, options.seed)
    trained = training.train(mnist.fit, mnist.validation, settings, progress)
    pixels, label = mnist.test
    spikes = mnist_files.encode_rate(pixels, options.steps)[:, :, np.newaxis]
    outputs = training.run(trained.layers, spikes)
    network = folder / f"{NAME}.nir"
    mnist_files.write_network(network, trained.layers, spikes.shape[2:])
    mnist_files.write_samples(folder / f"{NAME}_test.npz", spikes, outputs[-1], label)
    accuracies = {
        "float": outputs[-1],
        **mnist_example.integer_outputs(network, "snntorch", spikes),
    }
    figures = {
        "shape": mnist_example.shape_of(LAYERS),
        "steps": str(options.steps),
        "options": options.text,
        "epochs": str(options.epochs),
        "epoch": str(trained.epoch),
        "gain": f"{trained.gain:g}",
        "validation": f"{trained.accuracy:.2%}",
        "silent": str(np.count_nonzero(~outputs[-1].any(axis=(0, 2)))),
        **{key: f"{np.mean(mnist_files.by_count(out) == label):.2%}" for key, out in accuracies.items()},
        "layers": "\n".join(_work(trained.layers, [spikes, *outputs])),
        **made_with("torch", "numpy", "nir"),
    }
    write_readme(folder / "README.md", README_TEMPLATE, figures)
    return figures


def _work(layers: Sequence[Layer], spikes: Sequence[np.ndarray]) -> list[str]:
    """Table rows: a layer's input events, mean and maximum, and the cycles they take on average.

    A cycle adds one event to all output channels of one position, so an event of a convolution takes as
    many as there are positions that see it; one of a dense layer takes one. At the end of every step each
    position, or a dense layer as a whole, takes a cycle, too.
    """
    rows = []
    for layer, inputs, outputs in zip(layers, spikes, spikes[1:], strict=False):
        mean, most = mnist_files.events(inputs)
        size, kernel, side = len(layer.weight), layer.weight.shape[-1], inputs.shape[-1]
        count = inputs.sum(axis=0, dtype=np.int64)
        if layer.stride:
            starts = np.arange(0, side - kernel + 1, layer.stride)
            offset = np.arange(side)[:, np.newaxis] - starts
            seen = np.count_nonzero((offset >= 0) & (offset < kernel), axis=1)
            count = count * seen[:, np.newaxis] * seen
            kind = f"convolution, {size} channels"
        else:
            kind = f"dense, {size} neurons"
        cycles = count.sum() / inputs.shape[1]
        updates = len(outputs) * (outputs[0, 0].size // size)
        taken = (f"{cycles:.0f}", updates, f"{cycles + updates:.0f}")
        rows.append(tables.row(kind, inputs[0, 0].size, mean, most, *taken))
    return rows


if __name__ == "__main__":
    sys.exit(main())
