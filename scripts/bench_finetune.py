"""Fine-tuning against plain quantization: the table of docs/finetuning.md.

MNIST: trained on the training images, one part of them held out to choose the epoch; the 10,000 test
images are encoded with their own seed and used once, for the table. Braille: the float model was
trained on nearly all of the 1158 recordings, so accuracy on them is in-sample; the figure to trust is
that of folds, each fine-tuned without the recordings it is measured on. Needs torch.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import script
import tables
from mnist_files import read_part

from qsnn_hw.finetune.settings import Finetuned, FinetuneSettings
from qsnn_hw.golden.clocked import output_of, run_clocked
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset, load_dataset
from qsnn_hw.model.network import Network
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import accuracy, simulate
from qsnn_hw.quantize.quantizer import QuantizeOptions, quantize
from qsnn_hw.support.files import write_json
from qsnn_hw.support.progress import Progress

STEPS = 25
TRAIN_ENCODING_SEED = 3001
TEST_ENCODING_SEED = 123
FOLD_SEED = 4001
FOLDS = 5
MNIST = FinetuneSettings(epochs=3)
BRAILLE = FinetuneSettings(
    epochs=45,
    learning_rate=5e-3,
    batch=64,
    validation_part=0.1,
    surrogate_slope=10.0,
    winner_logit=30.0,
    label_smoothing=0.0,
    candidate_part=0.2,
    gradient_limit=1.0,
)
# Scales by least squared error; a scale for each neuron costs nothing in hardware.
MNIST_OPTIONS = QuantizeOptions(clip="mse", per_neuron=True)
# A recurrent network needs finer potentials than weights; see docs/finetuning.md.
BRAILLE_OPTIONS = QuantizeOptions(clip="mse", per_neuron=True, fractional_bits=2)


@dataclass(frozen=True)
class Row:
    """One line of the table; accuracies from 0 to 1, None where not measured."""

    model: str
    bits: int
    float_accuracy: float
    quantized: float
    finetuned: float
    float_folds: float | None
    quantized_folds: float | None
    finetuned_folds: float | None
    training_samples: int
    epochs: int
    best_epoch: int
    seconds_per_epoch: float | None


def integer_accuracy(
    result: Finetuned | None, network: Network, options: QuantizeOptions, data: Dataset
) -> float:
    """Fraction right in the golden model, of a fine-tuned network or of plain ``quantize``."""
    quantized = quantize(network, options) if result is None else result.quantized
    assert data.label is not None
    return accuracy(output_of(quantized, run_clocked(quantized, data.input)), data.label)


def float_accuracy(network: Network, data: Dataset) -> float:
    """Fraction right in the float network."""
    assert data.label is not None
    return accuracy(simulate(network, data.input).out, data.label)


def mnist(folder: Path, part: str, seed: int, samples: int | None) -> Dataset:
    """Images as Bernoulli spikes: a pixel is the probability of one in each step."""
    pixels, label = (array[:samples] for array in read_part(folder, part))
    pixels = pixels.reshape(-1, 28 * 28)
    rng = np.random.default_rng(seed)
    spikes = np.empty((STEPS, *pixels.shape), np.uint8)
    for start in range(0, len(pixels), 1000):
        some = pixels[start : start + 1000].astype(np.float32) / 255
        spikes[:, start : start + 1000] = rng.random((STEPS, *some.shape), dtype=np.float32) < some
    return Dataset(f"{part} images", spikes, label, None, "time-sample")


def bench_mnist(data: Path, bits: int, settings: FinetuneSettings, samples: int | None, say: Progress) -> Row:
    """The 784-128-10 network."""
    from qsnn_hw.finetune.training import finetune

    network = read_network(data / "snntorch_mnist_784-128-10.nir", Convention.preset("snntorch"))
    train = mnist(data / "mnist", "train", TRAIN_ENCODING_SEED, samples)
    options = replace(MNIST_OPTIONS, weight_bits=bits)
    result = finetune(network, options, train, settings, progress=say)
    del train
    test = mnist(data / "mnist", "t10k", TEST_ENCODING_SEED, None)
    return Row(
        "MNIST 784-128-10",
        bits,
        float_accuracy(network, test),
        integer_accuracy(None, network, options, test),
        integer_accuracy(result, network, options, test),
        None,
        None,
        None,
        result.training_samples,
        settings.epochs,
        result.best_epoch,
        result.seconds_per_epoch,
    )


def folds(label: np.ndarray) -> np.ndarray:
    """Fold number of each sample, every class spread evenly."""
    rng = np.random.default_rng(FOLD_SEED)
    fold = np.empty(label.size, np.int64)
    for value in np.unique(label):
        members = rng.permutation(np.flatnonzero(label == value))
        fold[members] = np.arange(members.size) % FOLDS
    return fold


def part(data: Dataset, mask: np.ndarray) -> Dataset:
    """The samples where ``mask`` is true."""
    assert data.label is not None
    return Dataset(data.source, data.input[:, mask], data.label[mask], None, data.layout)


def bench_braille(
    data: Path, bits: int, settings: FinetuneSettings, samples: int | None, say: Progress
) -> Row:
    """The recurrent network with reset by subtraction."""
    from qsnn_hw.finetune.training import finetune

    # The file was exported with snnTorch's recurrent cells, whose reset acts at once; see the paper.
    name = "braille_noDelay_noBias_subtract.nir"
    network = read_network(data / "nir_paper" / name, BRAILLE_CONVENTION)
    pool = load_dataset(data / "nir_paper" / "braille.npz", network=network)
    assert pool.label is not None
    if samples is not None:
        pool = part(pool, np.random.default_rng(FOLD_SEED).permutation(pool.samples) < samples)
    assert pool.label is not None
    options = replace(BRAILLE_OPTIONS, weight_bits=bits)
    whole = finetune(network, options, pool, settings, progress=say)
    fold = folds(pool.label)
    sums = np.zeros(3)
    for number in range(FOLDS):
        inside, outside = part(pool, fold != number), part(pool, fold == number)
        result = finetune(network, options, inside, settings, progress=say)
        accuracies = [
            float_accuracy(network, outside),
            integer_accuracy(None, network, options, outside),
            integer_accuracy(result, network, options, outside),
        ]
        sums += np.array(accuracies) * outside.samples
    means = sums / pool.samples
    return Row(
        "Braille 12-40-7 recurrent",
        bits,
        float_accuracy(network, pool),
        integer_accuracy(None, network, options, pool),
        integer_accuracy(whole, network, options, pool),
        float(means[0]),
        float(means[1]),
        float(means[2]),
        whole.training_samples,
        settings.epochs,
        whole.best_epoch,
        whole.seconds_per_epoch,
    )


# reset_delay is what reproduces the published spikes (tests/model/test_model_exact.py).
BRAILLE_CONVENTION = Convention.preset("snntorch").with_settings({"reset_delay": "false"})
BENCHES: dict[str, tuple[Callable[..., Row], FinetuneSettings]] = {
    "mnist": (bench_mnist, MNIST),
    "braille": (bench_braille, BRAILLE),
}


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, in percent; drops in percentage points."""

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.2f}"

    names = "model | bits | float | quantized | fine-tuned | drop (pp) | held-out folds: float, quantized, "
    names += "fine-tuned | samples | epochs (best) | s/epoch"
    lines = []
    for row in rows:
        three = ", ".join(percent(v) for v in (row.float_folds, row.quantized_folds, row.finetuned_folds))
        lines.append(
            (
                *(row.model, row.bits),
                *map(percent, (row.float_accuracy, row.quantized, row.finetuned)),
                f"{100 * (row.float_accuracy - row.finetuned):.2f}",
                "-" if row.float_folds is None else three,
                row.training_samples,
                f"{row.epochs} ({row.best_epoch})",
                "-" if row.seconds_per_epoch is None else f"{row.seconds_per_epoch:.0f}",
            )
        )
    return tables.table(names.split(" | "), lines).rstrip()


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, whole=False)
    parser.add_argument("data", type=Path, help="folder with the models and MNIST (see its README.md)")
    parser.add_argument("--model", choices=sorted(BENCHES), action="append", help="default: all")
    parser.add_argument("--bits", type=int, action="append", help="default: 4, 3 and 2")
    parser.add_argument("--epochs", type=int, help="default: the model's own")
    parser.add_argument("--learning-rate", type=float, help="default: the model's own")
    parser.add_argument("--samples", type=int, help="train on the first so many only")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1)")
    parser.add_argument("-o", "--output", type=Path, help="write the rows and versions as JSON")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments(argv)
    rows: list[Row] = []
    began = time.monotonic()

    def work() -> None:
        for model in options.model or sorted(BENCHES, reverse=True):
            bench, settings = BENCHES[model]
            settings = replace(settings, threads=options.threads)
            if options.epochs is not None:
                settings = replace(settings, epochs=options.epochs)
            if options.learning_rate is not None:
                settings = replace(settings, learning_rate=options.learning_rate)
            for bits in options.bits or (4, 3, 2):
                rows.append(bench(options.data, bits, settings, options.samples, Progress()))
                print(table(rows[-1:]), flush=True)
        versions = {name: version(name) for name in ("torch", "numpy")}
        if options.output is not None:
            record = {
                "rows": [vars(row) for row in rows],
                "versions": versions,
                "machine": platform.machine(),
            }
            write_json(options.output, record)
        print(table(rows))
        print(f"\n{json.dumps(versions)}, {time.monotonic() - began:.0f} s in all")

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
