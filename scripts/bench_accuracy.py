#!/usr/bin/env python3
"""What quantization costs and how fast the golden model runs: the tables of docs/quantization.md.

    python scripts/bench_accuracy.py --data FOLDER [--only mnist,braille,...] [--samples N]

FOLDER holds the trained models (see its README) and, for all 10,000 MNIST images, ``mnist/*.gz``.
MNIST is encoded here: 25 steps, each pixel a Bernoulli draw of its brightness, from the seed below.
Options are chosen on calibration samples, never on the test samples, except for Braille, whose
published file has one pool only: there the calibration samples are named and both scores are given.
"""

import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import script
import tables
from mnist_files import read_part

from qsnn_hw.golden import output_of, run_clocked
from qsnn_hw.model.convention import Convention
from qsnn_hw.model.dataset import Dataset, load_dataset
from qsnn_hw.model.network import Dense, Network
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.model.simulate import accuracy, simulate
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.quantize.compensate import Statistics, measure
from qsnn_hw.support.errors import UserError

BITS = (16, 8, 6, 4, 3, 2)
STEPS = 25
TEST_SEED, CALIBRATION_SEED = 123, 7
CALIBRATION_SAMPLES = 1000

# F: fractional bits of the potential; L: fractional bits of the leak, 8 where not said. The first
# three are what a peer would do.
SCHEMES: dict[str, dict[str, Any]] = {
    "max/group F0": {"clip": "max"},
    "mse/neuron F4": {"clip": "mse", "per_neuron": True, "fractional_bits": 4},
    "pct99/group F6": {"clip": "percentile", "fractional_bits": 6},
    "compensated/group F4": {"rounding": "compensate", "fractional_bits": 4},
    "compensated/neuron F6": {"rounding": "compensate", "per_neuron": True, "fractional_bits": 6},
    "compensated/neuron F6 L12": {
        "rounding": "compensate",
        "per_neuron": True,
        "fractional_bits": 6,
        "leak_bits": 12,
    },
}


@dataclass(frozen=True)
class Case:
    """A model, what it is tested on, and samples to take statistics from."""

    name: str
    network: Network
    test: Dataset
    calibration: np.ndarray
    note: str


def read(folder: Path, model: str, preset: str, **settings: str) -> Network:
    """A model under its framework's convention."""
    return read_network(folder / model, Convention.preset(preset).with_settings(settings))


def bernoulli(images: np.ndarray, seed: int) -> np.ndarray:
    """uint8 spikes (25, sample, 784): pixel brightness is the probability of a spike in each step."""
    rng = np.random.default_rng(seed)
    chance = images.reshape(len(images), -1).astype(np.float32) / 255
    spikes = np.empty((STEPS, *chance.shape), np.uint8)
    for step in range(STEPS):
        spikes[step] = rng.random(chance.shape, dtype=np.float32) < chance
    return spikes


def mnist(folder: Path, samples: int | None) -> Case:
    """snnTorch 784-128-10 on the 10,000 test images; statistics from training images."""
    network = read(folder, "snntorch_mnist_784-128-10.nir", "snntorch")
    images, label = (array[:samples] for array in read_part(folder / "mnist", "t10k"))
    train = read_part(folder / "mnist", "train")[0][:CALIBRATION_SAMPLES]
    test = Dataset("MNIST test", bernoulli(images, TEST_SEED), label, None, "time-sample")
    note = f"{len(images)} test images, encoding seed {TEST_SEED}; statistics: {len(train)} training images"
    return Case("MNIST, snnTorch 784-128-10", network, test, bernoulli(train, CALIBRATION_SEED), note)


def braille(folder: Path, samples: int | None) -> Case:
    """The NIR paper's recurrent CubaLIF network on its pool of 1158 recordings."""
    model = "nir_paper/braille_noDelay_noBias_subtract.nir"
    network = read(folder, model, "snntorch", reset_delay="false")
    pool = load_dataset(folder / "nir_paper" / "braille.npz", network=network)
    positions = np.linspace(0, pool.samples - 1, 400).astype(int)
    calibration = pool.input[:, positions]
    part = pool if samples is None else pool.take(min(samples, pool.samples))
    note = f"pool of {part.samples}; statistics: 400 of the pool, inputs only, evenly spaced"
    return Case("Braille, CubaLIF 12-40(rec)-7", network, part, calibration, note)


def stored(
    folder: Path, name: str, model: str, data: str, preset: str, samples: int | None, **settings: str
) -> Case:
    """A model with its own file of test samples; statistics from about a hundred of them."""
    network = read(folder, model, preset, **settings)
    test = load_dataset(folder / data, network=network, samples=None)
    test = test if samples is None else test.take(min(samples, test.samples))
    calibration = test.input[:, :: max(1, test.samples // 100)]
    note = f"{test.samples} stored test samples; statistics: {calibration.shape[1]} of them, inputs only"
    return Case(name, network, test, calibration, note)


def saccades(folder: Path, samples: int | None) -> Case:
    """The NIR paper's N-MNIST network on synthetic saccades of MNIST digits."""
    network = read(folder, "nir_paper/cnn_sinabs.nir", "sinabs")
    archive = np.load(folder / "nir_paper" / "cnn_sinabs_saccade.npz")
    count = min(samples or 40, 40)
    events = np.unpackbits(archive["X"][:count], axis=-1).reshape(count, -1, 2, 34, 34).swapaxes(0, 1)
    label = archive["y"][:count].astype(np.int64)
    test = Dataset("saccades", np.ascontiguousarray(events), label, None, "sample-time")
    return Case(
        "cnn_sinabs, several spikes", network, test, test.input[:100, :4], f"first {count} synthetic samples"
    )


CASES: dict[str, Callable[[Path, int | None], Case]] = {
    "mnist": mnist,
    "braille": braille,
    "digits": lambda folder, n: stored(
        folder,
        "digits, snnTorch 64-32-10",
        "snntorch_digits_64-32-10.nir",
        "snntorch_digits_64-32-10.npz",
        "snntorch",
        n,
    ),
    "norse": lambda folder, n: stored(
        folder,
        "digits, Norse 64-40-10",
        "norse_digits_64-40-10.tau_fixed.nir",
        "norse_digits_64-40-10.npz",
        "norse",
        n,
    ),
    "sinabs": lambda folder, n: stored(
        folder,
        "MNIST conv, Sinabs, several spikes",
        "sinabs_conv_mnist.nir",
        "sinabs_conv_mnist.npz",
        "sinabs",
        n,
    ),
    "sinabs_single": lambda folder, n: stored(
        folder,
        "MNIST conv, Sinabs, single spikes",
        "sinabs_conv_mnist.nir",
        "sinabs_conv_mnist.npz",
        "sinabs",
        n,
        max_spikes="1",
    ),
    "cnn_sinabs": saccades,
}


def score(case: Case, options: QuantizeOptions, statistics: Statistics) -> tuple[str, str]:
    """(accuracy in percent, potential widths) as text, or why it cannot be built."""
    try:
        quantized = quantize(case.network, options, statistics)
        out = output_of(quantized, run_clocked(quantized, case.test.input))
    except UserError as error:
        return "-", str(error)
    assert case.test.label is not None
    widths = "/".join(str(g.v_bits) for g in quantized.groups)
    return f"{100 * accuracy(out, case.test.label):.2f}", widths


def table(case: Case) -> None:
    """One row for each scheme, one column for each width."""
    assert case.test.label is not None
    reference = simulate(case.network, case.test.input).out
    statistics = measure(case.network, case.calibration)
    print(f"\n### {case.name}\n")
    exact = 100 * accuracy(reference, case.test.label)
    print(f"Float {exact:.2f} %; {case.note} ({statistics.samples} used).\n")
    print(tables.head("scheme", *(f"{b} bits" for b in BITS), "potentials at 8 bits"), flush=True)
    for name, changes in SCHEMES.items():
        cells, widths = [], "-"
        for bits in BITS:
            text, v_bits = score(case, replace(QuantizeOptions(weight_bits=bits), **changes), statistics)
            cells.append(text)
            widths = v_bits if bits == 8 else widths
        print(tables.row(name, *cells, widths), flush=True)


def _snntorch_forward(case: Case) -> Callable[[], object] | None:
    """The same network as snnTorch runs it, all samples in one batch; None without snntorch."""
    try:
        import snntorch
        import torch
    except ImportError:
        return None
    layers: list[Any] = []
    for group in case.network.groups:
        operator = case.network.into(group.name)[0].operators[0]
        if not isinstance(operator, Dense) or operator.bias is None:
            raise UserError(f"{case.name}: group {group.name} is not fed by one Affine node")
        linear = torch.nn.Linear(operator.weight.shape[1], operator.weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.as_tensor(operator.weight))
            linear.bias.copy_(torch.as_tensor(operator.bias))
        layers += [linear, snntorch.Leaky(beta=float(group.decay[0]), threshold=1.0)]
    steps = torch.as_tensor(case.test.input.reshape(case.test.steps, case.test.samples, -1))
    expected = simulate(case.network, case.test.input).out

    def forward() -> object:
        with torch.no_grad():
            states = [layer.init_leaky() for layer in layers[1::2]]
            out = []
            for step in steps:
                x = step.float()
                for k, (linear, neuron) in enumerate(zip(layers[::2], layers[1::2], strict=True)):
                    x, states[k] = neuron(linear(x), states[k])
                out.append(x)
            return torch.stack(out)

    # A rival that computes something else would be no rival.
    differ = np.count_nonzero(np.asarray(forward()) != expected)
    print(
        f"| (snnTorch {snntorch.__version__}, torch {torch.__version__}: {differ} output spikes differ) | | |"
    )
    return forward


def speed(case: Case) -> None:
    """Golden and float simulator on the same samples: wall time, processor time, memory."""
    print(f"\n### Speed: {case.name}, {case.test.samples} samples x {case.test.steps} steps\n")
    print(tables.head("what", "best wall s", "processor s"))
    quantized = quantize(case.network, QuantizeOptions())
    runs: dict[str, Callable[[], object]] = {
        "float reference (float32)": lambda: simulate(case.network, case.test.input),
        "golden, 8 bits": lambda: run_clocked(quantized, case.test.input),
    }
    framework = _snntorch_forward(case)
    if framework is None:
        print("| snnTorch's own forward | not measured: snntorch is not installed | |")
    else:
        runs["snnTorch's own forward (float32)"] = framework
    for name, run in runs.items():
        walls, processors = [], []
        for _ in range(3):
            wall, processor = time.perf_counter(), time.process_time()
            run()
            walls.append(time.perf_counter() - wall)
            processors.append(time.process_time() - processor)
        print(tables.row(name, f"{min(walls):.2f}", f"{min(processors):.2f}"), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    load = os.getloadavg()[0]
    print(f"\nPeak memory {peak / 2**20:.2f} GB, the encoded images included; load average {load:.1f}.")


def main() -> int:
    """Print the tables; the exit code is 2 for a wrong option or folder."""
    parser = script.parser(__doc__, whole=False)
    parser.add_argument("--data", type=Path, help="folder of the models (default: QSNN_DATA)")
    parser.add_argument("--only", default=",".join(CASES), help="comma-separated: " + ", ".join(CASES))
    parser.add_argument("--samples", type=int, help="at most this many test samples (default: all)")
    parser.add_argument("--speed-only", action="store_true", help="leave the accuracy tables out")
    arguments = parser.parse_args()

    def work() -> None:
        folder = script.models_folder(arguments.data)
        names = arguments.only.split(",")
        for name in names:
            if name not in CASES:
                raise UserError(f"--only knows {', '.join(CASES)}, not {name!r}")
        versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
        print(f"{versions}, {platform.machine()}, {os.cpu_count()} cores")
        for name in names:
            case = CASES[name](folder, arguments.samples)
            if name == "mnist":
                speed(case)
            if not arguments.speed_only:
                table(case)

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
