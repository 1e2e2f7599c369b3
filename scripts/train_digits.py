"""Train the embedded default network on scikit-learn's digits and write examples/digits/.

A 64-32-10 leaky integrate-and-fire network with snnTorch's Leaky equations in plain PyTorch. The
450 test samples are fixed (25 %, stratified, random_state=0) and are never used for training,
model selection or calibration. All randomness has fixed seeds and training runs on one CPU thread:
the same options and package versions on the same kind of processor give the same files.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nir
import numpy as np
import script
import training_files

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import write_npz
from qsnn_hw.support.progress import Progress

STEPS = 25
TEST_PART = 0.25
TEST_SPLIT_SEED = 0
VALIDATION_PART = 0.2
VALIDATION_SPLIT_SEED = 1
CALIBRATION_SAMPLES = 256
CALIBRATION_SPLIT_SEED = 2
TEST_ENCODING_SEED = 1001
CALIBRATION_ENCODING_SEED = 1002
OTHER_ENCODING_SEEDS = range(2001, 2021)
# snnTorch's NIR exporter writes time constants for this step (seconds).
DT = 1e-4

DEFAULT_OUT = script.EXAMPLES / "digits"
INSTALL = "torch scikit-learn"
README_TEMPLATE = Path(__file__).resolve().with_name("digits_readme.txt")

Weights = Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Digits:
    """The data set and who sees which sample.

    Parameters
    ----------
    pixels, label
        float32 of shape (1797, 64) from 0 to 1; int64 of shape (1797,).
    fit, validation, test, calibration
        Positions in the data set, in train_test_split's order. Calibration samples are training
        samples (fit or validation).
    """

    pixels: np.ndarray
    label: np.ndarray
    fit: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    calibration: np.ndarray


def load_digits_split() -> Digits:
    """scikit-learn's digits, split with fixed seeds that no option changes."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    label = data.target.astype(np.int64)
    everything = np.arange(label.size)
    train, test = train_test_split(
        everything, test_size=TEST_PART, stratify=label, random_state=TEST_SPLIT_SEED
    )
    fit, validation = train_test_split(
        train, test_size=VALIDATION_PART, stratify=label[train], random_state=VALIDATION_SPLIT_SEED
    )
    calibration, _ = train_test_split(
        train, train_size=CALIBRATION_SAMPLES, stratify=label[train], random_state=CALIBRATION_SPLIT_SEED
    )
    pixels = (data.data / 16).astype(np.float32)
    return Digits(pixels, label, fit, validation, test, calibration)


def encode(pixels: np.ndarray, seed: int) -> np.ndarray:
    """Bernoulli rate coding: a pixel is the probability of a spike in each of ``STEPS`` steps.

    Parameters
    ----------
    pixels
        float32, shape (sample, 64), 0 to 1.

    Returns
    -------
    numpy.ndarray
        uint8 0 or 1, shape (STEPS, sample, 64).
    """
    draws = np.random.default_rng(seed).random((STEPS, *pixels.shape), dtype=np.float32)
    return (draws < pixels).astype(np.uint8)


def integer_accuracy(
    weights: Weights, spikes: np.ndarray, label: np.ndarray, beta: float, bits: int
) -> float:
    """Fraction right with weights, bias and threshold as whole multiples of max|w| / (2^(bits-1) - 1).

    Decay is ``v - (v*m >> 8)`` with ``m = round(256 * (1 - beta))``: ``v - (v >> k)`` where beta is
    1 - 2^-k. A quick check of how the network takes to integers; the flow quantizes with more care.
    """
    leak = round(256 * (1 - beta))
    for weight, bias in weights:
        scale = np.abs(weight).max() / (2 ** (bits - 1) - 1)
        integers, offset = (np.round(array / scale).astype(np.int64) for array in (weight, bias))
        threshold = round(1 / float(scale))
        current = spikes.astype(np.int64) @ integers.T + offset
        v = np.zeros_like(current[0])
        spike = np.zeros_like(v)
        fired = []
        for step in current:
            v = v - (v * leak >> 8) + step - spike * threshold
            spike = (v > threshold).astype(np.int64)
            fired.append(spike)
        spikes = np.stack(fired)
    return accuracy(spikes, label)


def accuracy(out: np.ndarray, label: np.ndarray) -> float:
    """Fraction of samples whose label is the (first) output neuron with the most spikes."""
    return float(np.mean(out.sum(axis=0, dtype=np.int64).argmax(axis=1) == label))


def write_network(path: Path, weights: Weights, beta: float) -> None:
    """Write the network as snnTorch's exporter would: tau = dt / (1 - beta) and r = tau / dt."""
    sizes = [weights[0][0].shape[1], *(bias.size for _, bias in weights)]
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array([sizes[0]])})}
    for number, (weight, bias) in enumerate(weights):

        def full(value: float, size: int = bias.size) -> np.ndarray:
            return np.full(size, value, dtype=np.float32)

        tau = DT / (1 - beta)
        nodes[str(2 * number)] = nir.Affine(weight=weight, bias=bias)
        nodes[str(2 * number + 1)] = nir.LIF(
            tau=full(tau), r=full(tau / DT), v_leak=full(0), v_threshold=full(1), v_reset=full(0)
        )
    nodes["output"] = nir.Output({"output": np.array([sizes[-1]])})
    training_files.write_chain(path, nodes)


def begun(out_dir: Path) -> tuple[Any, Digits]:
    """The PyTorch half, and the data set; ``out_dir`` can be written.

    Raises
    ------
    UserError
        PyTorch or scikit-learn is missing, or ``out_dir`` cannot be written.
    """
    digits_training = training_files.torch_half("digits_training", INSTALL)
    try:
        import sklearn  # noqa: F401
    except ModuleNotFoundError as error:
        raise training_files.missing(error, INSTALL) from error
    training_files.make_folder(out_dir)
    return digits_training, load_digits_split()


def trained_on(digits_training: Any, digits: Digits, **options: Any) -> Any:
    """``digits_training.train`` with these options on the samples that are for training."""
    return digits_training.train(
        (digits.pixels[digits.fit], digits.label[digits.fit]),
        (digits.pixels[digits.validation], digits.label[digits.validation]),
        steps=STEPS,
        **options,
    )


def write_calibration(path: Path, digits: Digits) -> None:
    """The calibration samples as spikes, with labels and positions."""
    spikes = encode(digits.pixels[digits.calibration], CALIBRATION_ENCODING_SEED)
    about = {"label": digits.label[digits.calibration], "index": digits.calibration}
    write_npz(path, {**training_files.packed("input", spikes), **about})


def build(
    out_dir: Path, *, epochs: int, seed: int, beta: float, restarts: int, progress: Progress
) -> dict[str, str]:
    """Train, evaluate and write the four files of the example; return the README's figures.

    Raises
    ------
    UserError
        PyTorch or scikit-learn is missing, or ``out_dir`` cannot be written.
    """
    digits_training, digits = begun(out_dir)
    trained = trained_on(
        digits_training, digits, epochs=epochs, seed=seed, beta=beta, restarts=restarts, progress=progress
    )
    weights = trained.weights
    pixels, label = digits.pixels[digits.test], digits.label[digits.test]
    spikes = encode(pixels, TEST_ENCODING_SEED)
    hidden, out = digits_training.run(weights, spikes, beta)
    others = [
        accuracy(digits_training.run(weights, encode(pixels, other), beta)[1], label)
        for other in OTHER_ENCODING_SEEDS
    ]

    write_network(out_dir / "digits_64-32-10.nir", weights, beta)
    test = {**training_files.packed("input", spikes), **training_files.packed("hidden", hidden), "out": out}
    write_npz(out_dir / "digits_test.npz", {**test, "label": label, "index": digits.test})
    write_calibration(out_dir / "digits_calibration.npz", digits)
    figures = {
        "options": f"--epochs {epochs} --seed {seed} --beta {beta:g} --restarts {restarts}",
        "beta": f"{beta:g}",
        "restart_seed": str(seed + trained.restart),
        "epoch": str(trained.epoch),
        "fit_samples": str(digits.fit.size),
        "validation_samples": str(digits.validation.size),
        "validation": f"{trained.validation_accuracy:.2%}",
        **spike_figures(spikes, hidden, out, label),
        **encoding_figures(others),
        **{f"int{bits}": f"{integer_accuracy(weights, spikes, label, beta, bits):.2%}" for bits in (8, 6, 4)},
        "largest_weights": " and ".join(f"{np.abs(weight).max():.3f}" for weight, _ in weights),
        **training_files.made_with("torch", "numpy", "nir", "scikit-learn"),
    }
    training_files.write_readme(out_dir / "README.md", README_TEMPLATE, figures)
    return figures


def spike_figures(
    spikes: np.ndarray, hidden: np.ndarray, out: np.ndarray, label: np.ndarray
) -> dict[str, str]:
    """Accuracy on the shipped spikes, and what an inference costs in spikes, for the README."""
    right = accuracy(out, label)
    into_hidden, into_out = (int(s.sum(dtype=np.int64)) for s in (spikes, hidden))
    events = into_hidden * hidden.shape[2] + into_out * out.shape[2]
    return {
        "float": f"{right:.2%}",
        "right": str(round(right * label.size)),
        "input_spikes": f"{into_hidden / label.size:.1f}",
        "hidden_spikes": f"{into_out / label.size:.1f}",
        "output_spikes": f"{out.sum(dtype=np.int64) / label.size:.1f}",
        "synaptic_events": f"{events / label.size:.0f}",
    }


def encoding_figures(accuracies: Sequence[float]) -> dict[str, str]:
    """How much the accuracy hangs on the draw of the input spikes, for the README."""
    return {
        "others": str(len(accuracies)),
        "others_mean": f"{np.mean(accuracies):.2%}",
        "others_min": f"{min(accuracies):.2%}",
        "others_max": f"{max(accuracies):.2%}",
    }


def add_training_options(parser: argparse.ArgumentParser, *, restarts: int) -> None:
    """Options of training; ``restarts`` is a default."""
    parser.add_argument("--epochs", type=int, default=100, help="passes over the samples (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first training run (%(default)s)")
    parser.add_argument(
        "--beta",
        type=float,
        default=0.9375,
        help="retention per step; 1 - 2^-k needs one shift (%(default)s)",
    )
    parser.add_argument(
        "--restarts", type=int, default=restarts, help="training runs; validation picks one (%(default)s)"
    )


def check_training_options(options: argparse.Namespace, *counts: str) -> None:
    """UserError where a value is out of range; each of ``counts`` is at least 1."""
    for name in counts:
        if (value := getattr(options, name)) < 1:
            raise UserError(f"--{name} must be 1 or more, not {value}")
    script.need_in_range(options, ("seed", 0, 2**31 - 1))
    if not 0 < options.beta < 1:
        raise UserError(f"--beta must lie between 0 and 1, not {options.beta}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; return its exit status."""
    parser = script.parser(__doc__)
    parser.add_argument("-o", "--out", type=Path, default=DEFAULT_OUT, help="output folder (%(default)s)")
    add_training_options(parser, restarts=3)
    options = parser.parse_args(arguments)

    def work() -> None:
        check_training_options(options, "epochs", "restarts")
        figures = build(
            options.out,
            epochs=options.epochs,
            seed=options.seed,
            beta=options.beta,
            restarts=options.restarts,
            progress=Progress(),
        )
        spikes = ("input_spikes", "hidden_spikes", "output_spikes")
        training_files.print_figures(figures, ("validation", "float", "int8", "int6", "int4", *spikes))

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
