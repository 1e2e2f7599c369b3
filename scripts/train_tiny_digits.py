"""Train a digits network small enough for a few TinyTapeout tiles and write examples/tiny_digits/.

The data, their split, their encoding and the training are those of train_digits.py; the hidden layer is
smaller. All randomness has fixed seeds and training runs on one CPU thread.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import script
import training_files
from train_digits import (
    TEST_ENCODING_SEED,
    accuracy,
    add_training_options,
    begun,
    check_training_options,
    encode,
    trained_on,
    write_calibration,
    write_network,
)

import qsnn_hw
from qsnn_hw.support.files import write_npz
from qsnn_hw.support.progress import Progress

DEFAULT_OUT = script.EXAMPLES / "tiny_digits"
README_TEMPLATE = Path(__file__).resolve().with_name("tiny_digits_readme.txt")
NAME = "tiny_digits"
BITS = (4, 3, 2)


def build(
    out_dir: Path, *, hidden: int, epochs: int, seed: int, beta: float, restarts: int, progress: Progress
) -> dict[str, str]:
    """Train, evaluate and write the four files of the example; return the README's figures.

    Raises
    ------
    UserError
        PyTorch or scikit-learn is missing, or ``out_dir`` cannot be written.
    """
    digits_training, digits = begun(out_dir)
    trained = trained_on(
        digits_training,
        digits,
        epochs=epochs,
        seed=seed,
        beta=beta,
        restarts=restarts,
        progress=progress,
        sizes=(64, hidden, 10),
    )
    label = digits.label[digits.test]
    spikes = encode(digits.pixels[digits.test], TEST_ENCODING_SEED)
    _, out = digits_training.run(trained.weights, spikes, beta)
    model, test, calibration = (out_dir / f"{NAME}{end}" for end in (".nir", "_test.npz", "_calibration.npz"))
    write_network(model, trained.weights, beta)
    write_npz(
        test, {**training_files.packed("input", spikes), "out": out, "label": label, "index": digits.test}
    )
    write_calibration(calibration, digits)
    figures = {
        "options": f"--hidden {hidden} --epochs {epochs} --seed {seed} --beta {beta:g} --restarts {restarts}",
        "hidden": str(hidden),
        "weights": f"{sum(weight.size for weight, _ in trained.weights):,}",
        "beta": f"{beta:g}",
        "validation": f"{trained.validation_accuracy:.2%}",
        "samples": str(label.size),
        "float": f"{accuracy(out, label):.2%}",
        **_integers(model, test, calibration),
        **training_files.made_with("torch", "numpy", "nir", "scikit-learn"),
    }
    training_files.write_readme(out_dir / "README.md", README_TEMPLATE, figures)
    return figures


def _integers(model: Path, test: Path, calibration: Path) -> dict[str, str]:
    """Accuracy of the integers on the test samples, calibrated, by bits."""
    network = qsnn_hw.load(model, convention="snntorch")
    found = {}
    for bits in BITS:
        right = network.quantize(bits=bits, data=test, calibrate=calibration).accuracy
        assert right is not None
        found[f"int{bits}"] = f"{float(np.mean(right)):.2%}"
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; return its exit status."""
    parser = script.parser(__doc__)
    parser.add_argument("-o", "--out", type=Path, default=DEFAULT_OUT, help="output folder (%(default)s)")
    parser.add_argument("--hidden", type=int, default=16, help="hidden neurons (%(default)s)")
    add_training_options(parser, restarts=2)
    options = parser.parse_args(arguments)

    def work() -> None:
        check_training_options(options, "hidden", "epochs", "restarts")
        figures = build(
            options.out,
            hidden=options.hidden,
            epochs=options.epochs,
            seed=options.seed,
            beta=options.beta,
            restarts=options.restarts,
            progress=Progress(),
        )
        training_files.print_figures(figures, ("validation", "float", *(f"int{bits}" for bits in BITS)))

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
