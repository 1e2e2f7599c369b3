#!/usr/bin/env python3
"""Which way to round serves each weight width without data: the tables of "Default rounding".

    python scripts/bench_schemes.py --data FOLDER [--only digits,mnist,...] [--bits 8,4] [--samples N]
    python scripts/bench_schemes.py --data FOLDER --every

Each figure is that of ``qsnn-hw infer``, typed with the scheme's options, on the network's samples. Without
``--every`` a network's row has the cheapest scheme and the default of each width; with it, all schemes are
compared in the mean of the networks, and the default that follows from that is named beside the one built in.
FOLDER is as for bench_accuracy.py; ``--spoken FOLDER`` adds what train_spoken.py wrote there.
"""

import contextlib
import io
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import script
import tables
from bench_accuracy import TEST_SEED, bernoulli
from mnist_files import encode, encode_rate, read_part

from qsnn_hw.build.cli import main as qsnn_hw
from qsnn_hw.model.readouts import answers
from qsnn_hw.quantize.schemes import PLAIN, Scheme, default_scheme
from qsnn_hw.support.choices import CLIPS
from qsnn_hw.support.errors import ToolError, UserError

WIDTHS = (8, 7, 6, 5, 4, 3, 2)
SCHEMES = tuple(
    Scheme(clip, per_neuron=per_neuron, fractional_bits=finer)
    for finer in (0, 2, 4, 6)
    for per_neuron in (False, True)
    for clip in CLIPS
    if not (per_neuron and clip == "percentile")
)
"""In the order of what they cost: two fractional bits are 6 % of the cells, a scale a neuron 5 to 9 %."""
LOST = 10.0
"""Percentage points: a network that every scheme loses by more has no say, it needs calibration."""

Maker = Callable[[Path, int], tuple[np.ndarray, np.ndarray]]


def _images(folder: Path, samples: int) -> tuple[np.ndarray, np.ndarray]:
    pixels, label = read_part(folder / "mnist", "t10k")
    return pixels[:samples], label[:samples]


def _rate(folder: Path, samples: int) -> tuple[np.ndarray, np.ndarray]:
    pixels, label = _images(folder, samples)
    return bernoulli(pixels, TEST_SEED), label


def _latency(folder: Path, samples: int) -> tuple[np.ndarray, np.ndarray]:
    pixels, label = _images(folder, samples)
    return encode(pixels, 4, 128).reshape(4, len(pixels), -1), label


def _counted(folder: Path, samples: int) -> tuple[np.ndarray, np.ndarray]:
    pixels, label = _images(folder, samples)
    return encode_rate(pixels, 4)[:, :, np.newaxis], label


@dataclass(frozen=True)
class Bench:
    """A network and its samples.

    Parameters
    ----------
    model, data
        Below the folder of the models, or of the examples where ``shipped``; ``data`` may be a function
        that makes input (time, sample, ...) and labels from MNIST.
    options
        Of ``qsnn-hw infer``, beside model and data.
    readout
        What answers.
    """

    model: str
    data: str | Maker
    options: tuple[str, ...]
    readout: str = "count"
    shipped: bool = False


_SNNTORCH = ("--convention", "snntorch")
BENCHES: dict[str, Bench] = {
    "digits": Bench("digits/digits_64-32-10.nir", "digits/digits_test.npz", _SNNTORCH, shipped=True),
    "digits, shared": Bench("snntorch_digits_64-32-10.nir", "snntorch_digits_64-32-10.npz", _SNNTORCH),
    "Norse": Bench(
        "norse_digits_64-40-10.tau_fixed.nir", "norse_digits_64-40-10.npz", ("--convention", "norse")
    ),
    "MNIST rate": Bench("snntorch_mnist_784-128-10.nir", _rate, _SNNTORCH),
    "mnist_fast": Bench(
        "mnist_fast/mnist_fast.nir", _latency, ("--convention", "norse"), "first", shipped=True
    ),
    "mnist_conv": Bench("mnist_conv/mnist_conv.nir", _counted, _SNNTORCH, shipped=True),
    "Braille": Bench(
        "nir_paper/braille_noDelay_noBias_subtract.nir",
        "nir_paper/braille.npz",
        (*_SNNTORCH, "--set", "reset_delay=false"),
    ),
    "Sinabs": Bench("sinabs_conv_mnist.nir", "sinabs_conv_mnist.npz", ("--convention", "sinabs")),
    "spoken": Bench("spoken.nir", "spoken_test.npz", _SNNTORCH),
    "spoken, recurrent": Bench("spoken_recurrent.nir", "spoken_recurrent_test.npz", _SNNTORCH),
}


class Runs:
    """Runs ``qsnn-hw infer`` on one bench; every answer is kept.

    Parameters
    ----------
    bench, folder
        The bench, and where its files are.
    samples
        At most so many.
    """

    def __init__(self, bench: Bench, folder: Path, samples: int, scratch: Path) -> None:
        self._bench, self._scratch = bench, scratch
        root = script.EXAMPLES if bench.shipped else folder
        if isinstance(bench.data, str):
            data = root / bench.data
            more: tuple[str, ...] = ()
        else:
            dataset, label = bench.data(folder, samples)
            data = scratch / "made.npz"
            np.savez(data, input=dataset, label=label)
            more = ("--layout", "time-sample")
        model = root / bench.model
        for path in (model, data):
            if not path.exists():
                raise UserError(f"no {path}")
        self._typed = ["infer", str(model), *bench.options, "--data", str(data), *more]
        self._typed += ["--readout", bench.readout]
        with np.load(data) as archive:
            label = archive["label"]
        self._label = label[:samples]
        self._typed += ["--samples", str(self._label.size)]
        self._known: dict[tuple[str, ...], np.ndarray] = {}

    @property
    def samples(self) -> int:
        """How many there are."""
        return int(self._label.size)

    def right(self, bits: str, *options: str) -> np.ndarray:
        """Which samples are answered rightly, bool; none where the command refuses the options."""
        key = (bits, *options)
        if key not in self._known:
            self._known[key] = self._run([*self._typed, "--bits", bits, *options])
        return self._known[key]

    def scheme(self, bits: int, scheme: Scheme) -> np.ndarray:
        """The same with a scheme said by hand."""
        per = "--per-neuron" if scheme.per_neuron else "--no-per-neuron"
        return self.right(
            str(bits), "--clip", scheme.clip, per, "--fractional-bits", str(scheme.fractional_bits)
        )

    def _run(self, typed: list[str]) -> np.ndarray:
        out, said = self._scratch / "out.npz", io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = qsnn_hw([*typed, "--out", str(out)])
        if status == 2:
            return np.zeros(self.samples, bool)
        if status:
            raise ToolError(f"qsnn-hw {' '.join(typed)} ended with {status}")
        with np.load(out) as archive:
            right: np.ndarray = answers(self._bench.readout, archive["out"]) == self._label  # type: ignore[arg-type]
        return right


def mean_difference(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """By how much the first of each pair is better, in the mean of the pairs, and its error; in pp."""
    each = [one.astype(np.int64) - other.astype(np.int64) for one, other in pairs]
    error = np.sqrt(sum(d.var(ddof=1) / d.size for d in each)) / len(each)
    return 100 * float(np.mean([d.mean() for d in each])), 100 * float(error)


def rows(runs: dict[str, Runs], widths: Sequence[int]) -> None:
    """A network a line: float, then cheapest scheme and default of each width."""
    print(tables.head("network", "samples", "float", *(f"{b} bits" for b in widths)), flush=True)
    for name, run in runs.items():
        cells = [f"{100 * run.right('float').mean():.2f}"]
        for bits in widths:
            plain, default = run.scheme(bits, PLAIN), run.right(str(bits))
            same = default_scheme(bits) == PLAIN
            cells.append(("" if same else f"{100 * plain.mean():.2f} -> ") + f"{100 * default.mean():.2f}")
        print(tables.row(name, f"{run.samples:,}", *cells), flush=True)


def every(runs: dict[str, Runs], widths: Sequence[int]) -> None:
    """Mean drop of every scheme at every width, and the default that follows."""
    drops: dict[tuple[int, Scheme], tuple[float, float]] = {}
    notes = []
    for bits in widths:
        best_of = {n: max(run.scheme(bits, s).mean() for s in SCHEMES) for n, run in runs.items()}
        used = [n for n, run in runs.items() if run.right("float").mean() - best_of[n] <= LOST / 100]
        results = {s: [runs[n].scheme(bits, s) for n in used] for s in SCHEMES}
        exact = [runs[n].right("float") for n in used]
        for s in SCHEMES:
            drops[bits, s] = mean_difference(list(zip(exact, results[s], strict=True)))
        best = min(SCHEMES, key=lambda s: drops[bits, s][0])

        def within(s: Scheme) -> bool:
            behind, error = mean_difference(list(zip(results[best], results[s], strict=True)))  # noqa: B023
            return behind <= error + 1e-9

        lossless = (s for s in SCHEMES if drops[bits, s][0] <= drops[bits, s][1])
        default = next(lossless, None) or next(s for s in SCHEMES if within(s))
        out = sorted(set(runs) - set(used))
        said = f"{bits} bits: {default.text()} (built in: {default_scheme(bits).text()})"
        notes.append(said + (f"; without {'; '.join(out)}" if out else ""))
    lines = []
    for s in SCHEMES:
        cells = (f"{drop:.2f} ({error:.2f})" for drop, error in (drops[b, s] for b in widths))
        lines.append((s.text(), *cells))
    print(tables.table(["scheme", *(f"{b} bits" for b in widths)], lines))
    print("\n".join(f"- {line}" for line in notes))


def main() -> int:
    """Print the tables; the exit code is 2 for a wrong option or folder."""
    parser = script.parser(__doc__, whole=False)
    parser.add_argument("--data", type=Path, help="folder of the models (default: QSNN_DATA)")
    parser.add_argument("--spoken", type=Path, help="folder that train_spoken.py wrote")
    parser.add_argument("--only", help="names separated by semicolons: " + "; ".join(BENCHES))
    parser.add_argument("--bits", default=",".join(map(str, WIDTHS)), help="widths separated by commas")
    parser.add_argument(
        "--samples", type=int, default=10_000, help="at most this many of each (default: all)"
    )
    parser.add_argument("--every", action="store_true", help="compare all schemes")
    arguments = parser.parse_args()

    def work() -> None:
        models = script.models_folder(arguments.data)
        try:
            widths = [int(b) for b in arguments.bits.split(",")]
        except ValueError:
            raise UserError(f"--bits takes widths separated by commas, not {arguments.bits!r}") from None
        names = (
            list(BENCHES) if arguments.only is None else [name.strip() for name in arguments.only.split(";")]
        )
        unknown = [name for name in names if name not in BENCHES]
        if unknown:
            raise UserError(f"--only knows {'; '.join(BENCHES)}, not {unknown[0]!r}")
        with tempfile.TemporaryDirectory() as scratch:
            runs: dict[str, Runs] = {}
            for name in names:
                folder = arguments.spoken if name.startswith("spoken") else models
                if folder is None:
                    print(f"{name}: left out, train it with train_spoken.py and give --spoken")
                    continue
                own = Path(scratch) / str(len(runs))
                own.mkdir()
                runs[name] = Runs(BENCHES[name], folder, arguments.samples, own)
            (every if arguments.every else rows)(runs, widths)

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
