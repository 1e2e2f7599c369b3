"""Train a latency-coded MNIST example, measure it and write its folder.

Made for train_mnist_fast.py; train_mnist_conv.py uses some of it.
"""

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import mnist_files
import numpy as np
import script
import tables
from mnist_files import Settings, by_count, by_first_spike, encode, events
from training_files import made_with, make_folder, print_figures, torch_half, write_readme

from qsnn_hw.golden.clocked import output_of, run_clocked
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.quantize.quantizer import QuantizeOptions, quantize
from qsnn_hw.support.progress import Progress

README_TEMPLATE = Path(__file__).resolve().with_name("mnist_readme.txt")
# Samples that the golden model runs at once: bounds its memory.
_CHUNK = 500


def main(
    name: str,
    description: str,
    defaults: Settings,
    settings_of: Callable[[argparse.Namespace], Settings],
    add_options: Callable[[argparse.ArgumentParser], None],
    arguments: Sequence[str] | None,
) -> int:
    """Run an example's script; return its exit status.

    Parameters
    ----------
    name
        Of the example: its folder and files.
    settings_of, add_options
        Options of this example alone, and the settings that all options make.
    """
    parser = script.parser(description)
    parser.add_argument("--data", type=Path, required=True, help="folder of MNIST's four .gz files")
    parser.add_argument(
        "-o", "--out", type=Path, default=script.EXAMPLES / name, help="output folder (%(default)s)"
    )
    parser.add_argument("--epochs", type=int, default=defaults.epochs, help="passes (%(default)s)")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="of everything random (%(default)s)")
    parser.add_argument("--steps", type=int, default=defaults.steps, help="per sample (%(default)s)")
    parser.add_argument(
        "--floor", type=int, default=defaults.floor, help="darker pixels never spike (%(default)s)"
    )
    parser.add_argument(
        "--learning-rate", type=float, default=defaults.learning_rate, help="the largest (%(default)s)"
    )
    parser.add_argument(
        "--distortion", type=float, default=1.0, help="factor of the augmentation, 0 for none (%(default)s)"
    )
    parser.add_argument("--start", type=Path, help="go on from this earlier network (.nir)")
    add_options(parser)
    options = parser.parse_args(arguments)

    def work() -> None:
        # The single-step epochs end before the last fifth, which stands for election.
        single = 0 if options.start else defaults.single_step_epochs
        least = max(1, -(-single * 5 // 4))
        script.need_in_range(
            options,
            ("epochs", least, 10**6),
            ("steps", 1, 255),
            ("floor", 1, 255),
            ("seed", 0, 2**31 - 1),
            ("learning-rate", 0, 10),
            ("distortion", 0, 10),
        )
        settings = replace(
            settings_of(options),
            distortion=defaults.distortion.times(options.distortion),
            learning_rate=options.learning_rate,
            single_step_epochs=single,
            epochs=options.epochs,
            seed=options.seed,
            steps=options.steps,
            floor=options.floor,
        )
        show(build(name, options.data, options.out, settings, options, Progress()))

    return script.ended(work)


def show(figures: Mapping[str, str]) -> None:
    """Print what a script made."""
    print_figures(figures, ("validation", "float", "int8", "int8_per_neuron", "int4", "int4_per_neuron"))
    print(figures["layers"])


def build(
    name: str, data: Path, folder: Path, settings: Settings, options: argparse.Namespace, progress: Progress
) -> dict[str, str]:
    """Train, measure and write the example; return the README's figures.

    Raises
    ------
    UserError
        PyTorch is missing, or a file cannot be read or written.
    """
    mnist_training = torch_half("mnist_training")
    start = mnist_files.read_layers(options.start, settings) if options.start else None
    make_folder(folder)
    mnist = mnist_files.load_mnist(data)
    trained = mnist_training.train(mnist.fit, mnist.validation, settings, start, progress)
    convolutional = settings.layers[0][2] > 0
    pixels, label = mnist.test
    spikes = encode(pixels, settings.steps, settings.floor)
    hidden = mnist_training.run(trained.layers, spikes)
    spikes = spikes[:, :, np.newaxis] if convolutional else spikes.reshape(*spikes.shape[:2], -1)
    network = folder / f"{name}.nir"
    mnist_files.write_network(network, trained.layers, spikes.shape[2:])
    mnist_files.write_samples(folder / f"{name}_test.npz", spikes, hidden[-1], label, pixels)
    figures = {
        "name": name,
        "script": f"train_{name}.py",
        "options": f"--epochs {settings.epochs} --seed {settings.seed} --steps {settings.steps} "
        f"--floor {settings.floor} --learning-rate {settings.learning_rate:g} "
        f"--distortion {options.distortion:g}" + (" --start FIRST" if start else ""),
        "started": " FIRST is the network that an earlier run of this script wrote." if start else "",
        "shape": shape_of(settings.layers),
        "steps": str(settings.steps),
        "floor": str(settings.floor),
        "single_step": f" In the first {settings.single_step_epochs} epochs an image was one step long."
        if settings.single_step_epochs
        else "",
        "epoch": str(trained.epoch),
        "gain": f"{trained.gain:g}",
        "validation": f"{trained.by_count:.2%}, {trained.by_first_spike:.2%}",
        "float": _accuracies(hidden[-1], label),
        "silent": str(np.count_nonzero(~hidden[-1].any(axis=(0, 2)))),
        **{key: _accuracies(out, label) for key, out in integer_outputs(network, "norse", spikes).items()},
        "layers": "\n".join(_work(settings, [spikes, *hidden[:-1]])),
        **made_with("torch", "numpy", "nir"),
    }
    write_readme(folder / "README.md", README_TEMPLATE, figures)
    return figures


def shape_of(layers: Sequence[tuple[int, int, int]]) -> str:
    """In words: (post neurons, 0, 0) of a dense layer, (channels, kernel, stride) of a convolution."""
    words = [f"convolution {k}x{k} stride {s}, {n} channels" if s else str(n) for n, k, s in layers]
    return " - ".join(["28x28" if layers[0][2] else "784", *words])


def _accuracies(out: np.ndarray, label: np.ndarray) -> str:
    """By count and by first spike."""
    return ", ".join(f"{np.mean(read(out) == label):.2%}" for read in (by_count, by_first_spike))


def integer_outputs(path: Path, convention: str, spikes: np.ndarray) -> dict[str, np.ndarray]:
    """Output spikes of the golden model for four ways to quantize, from the file as it was written."""
    network = read_network(path, Convention.preset(convention))
    outputs = {}
    for bits in (8, 4):
        for suffix, per_neuron in (("", False), ("_per_neuron", True)):
            quantized = quantize(
                network, QuantizeOptions(weight_bits=bits, clip="mse", per_neuron=per_neuron)
            )
            parts = [
                output_of(quantized, run_clocked(quantized, spikes[:, start : start + _CHUNK]))
                for start in range(0, spikes.shape[1], _CHUNK)
            ]
            outputs[f"int{bits}{suffix}"] = np.concatenate(parts, axis=1)
    return outputs


def _work(settings: Settings, inputs: Sequence[np.ndarray]) -> list[str]:
    """Table rows: a layer's input events, mean and maximum, and the cycles they take on average.

    A cycle adds one event to all output channels of one position, so an event of a convolution takes
    (kernel / stride) squared cycles and one of a dense layer takes one; or four events of a dense layer
    of one step a cycle.
    """
    rows = []
    for (size, kernel, stride), spikes in zip(settings.layers, inputs, strict=True):
        mean, most = events(spikes)
        per_event = (kernel / stride) ** 2 if stride else 1.0
        cycles = float(mean) * per_event
        per_step = spikes.sum(axis=tuple(range(2, spikes.ndim)), dtype=np.int64)
        by_four = "-" if stride else f"{np.ceil(per_step / 4).sum(axis=0).mean():.1f}"
        kind = f"convolution, {size} channels" if stride else f"dense, {size} neurons"
        rows.append(tables.row(kind, math.prod(spikes.shape[2:]), mean, most, f"{cycles:.0f}", by_four))
    return rows
