"""What fine-tuning through the analog model gains: the digits network as it is, fine-tuned, and fine-tuned
on chips.

The training samples are scikit-learn's digits outside the shipped test split, rate-coded with a seed of
their own. Both fine-tunings are the same but for ``--sigma``. Then chips are drawn at several programming
errors, with no remedy and with the default ones; accuracies are on the 450 shipped test samples, which took
no part. Needs the extra torch.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import script
import tables

import qsnn_hw
from qsnn_hw.finetune.settings import FinetuneSettings, need_torch
from qsnn_hw.model.dataset import load_dataset
from qsnn_hw.support import files
from qsnn_hw.support.choices import Remedy
from qsnn_hw.targets.analog.chips import Bench, at_sigma
from qsnn_hw.targets.analog.device_file import load_device

DIGITS = script.EXAMPLES / "digits"
STEPS = 25
SEED = 3
EPOCHS = 15
SIGMAS = (0.05, 0.1, 0.2, 0.3)
CHOSEN: tuple[Remedy, ...] = ("levels", "remap", "calibrate")
HEADING = (
    "network",
    "sigma",
    "golden, %",
    "no remedy, %",
    "standard error",
    "levels, remap, calibrate, %",
    "error",
)


def training_samples() -> dict[str, np.ndarray]:
    """Spikes and labels of the digits that are not in the test split."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, label = load_digits(return_X_y=True)
    train, _, kept, _ = train_test_split(pixels, label, test_size=0.25, stratify=label, random_state=0)
    spikes = np.random.default_rng(SEED).random((STEPS, *train.shape)) < train / 16
    return {"input": spikes.astype(np.uint8), "label": kept}


def finetuned(folder: Path, samples: Path, sigma: float) -> Path:
    """The network fine-tuned at this error; its NIR file."""
    from qsnn_hw.finetune.command import finetune_command
    from qsnn_hw.quantize import QuantizeOptions

    model, options = DIGITS / "digits_64-32-10.nir", QuantizeOptions(weight_bits=4)
    settings = FinetuneSettings(epochs=EPOCHS, sigma=sigma)
    folder.mkdir()
    finetune_command(model, "snntorch", {}, options, samples, folder, settings)
    return folder / "finetuned.nir"


def rows(name: str, model: Path, chips: int) -> list[tuple[object, ...]]:
    """The network at every error."""
    test = DIGITS / "digits_test.npz"
    made = qsnn_hw.load(model, convention="snntorch").quantize(bits=4, data=test)
    data = load_dataset(test)
    assert made.golden is not None
    assert data.label is not None
    inputs = data.input.reshape(data.steps, data.samples, -1)
    bench = Bench(made.integers, (64, 64), {}, load_device(), made.golden, data, inputs[:, :64], seed=1)
    golden = 100 * float(np.mean(made.golden.answers == data.label))
    found: list[tuple[object, ...]] = []
    for sigma in SIGMAS:
        at, cells = at_sigma(bench, sigma), [name, f"{sigma:g}", f"{golden:.2f}"]
        for remedies in ((), CHOSEN):
            right = 100 * at.right(at.device, remedies, chips, data.samples)
            cells += [f"{right.mean():.2f}", f"{right.std(ddof=1) / chips**0.5:.2f}"]
        found.append(tuple(cells))
        print(tables.row(*cells), flush=True)
    return found


def main() -> int:
    """Fine-tune twice, draw chips, print the table."""
    parser = script.parser(__doc__)
    parser.add_argument("--chips", type=int, default=40, help="chips for each row (default: 40)")
    arguments = parser.parse_args()
    script.need_in_range(arguments, ("chips", 2, 10_000))
    need_torch()
    print(tables.head(*HEADING))
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "train.npz"
        files.write_npz(samples, training_samples())
        rows("as shipped", DIGITS / "digits_64-32-10.nir", arguments.chips)
        for sigma in (0.0, 0.2):
            name = f"fine-tuned, --sigma {sigma:g}"
            rows(name, finetuned(Path(folder) / f"{sigma:g}", samples, sigma), arguments.chips)
    return 0


if __name__ == "__main__":
    sys.exit(script.ended(main))
