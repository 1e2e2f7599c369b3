"""Train one small network in each framework on scikit-learn's digits and write examples/frameworks/.

Every network is built, run and exported by its own framework: its NIR file is what the exporter
writes, and ``out`` in its data file is what the framework's forward pass said. Training samples are
those of train_digits.py; the data files hold the first of its test samples, which training never saw.
All randomness has fixed seeds and everything runs on one CPU thread.
"""

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import script
import tables
from train_digits import Digits, accuracy, load_digits_split
from training_files import made_with, missing, packed, write_graph, write_readme

from qsnn_hw.support.errors import UserError
from qsnn_hw.support.files import read_json, write_json, write_npz
from qsnn_hw.support.progress import Progress

DEFAULT_OUT = script.EXAMPLES / "frameworks"
README_TEMPLATE = Path(__file__).resolve().with_name("frameworks_readme.txt")
MANIFEST = "models.json"

SAMPLES = 100
"""Test samples in a data file."""
HIDDEN_SAMPLES = 10
"""Samples whose first group's spikes are kept, too."""
STEPS = 20
GRID = 2.0**-8
"""Trained numbers are multiples of this: sums are exact in float32, in whatever order."""

NEURON_STEPS = 1000


@dataclass(frozen=True)
class Recipe:
    """How one network is made and how its file is read.

    Parameters
    ----------
    package
        The framework's name on PyPI.
    shape
        In words, for the README.
    preset, settings
        The convention that its exporter's file needs.
    encoding
        "rate" (64 addresses) or "image" (1 x 8 x 8).
    epochs
        Passes over the training samples.
    layout
        Order of the data file's first two axes.
    """

    package: str
    shape: str
    preset: str
    settings: dict[str, str] = field(default_factory=dict)
    encoding: str = "rate"
    epochs: int = 15
    layout: str = "time-sample"


RECIPES = {
    "snntorch": Recipe("snntorch", "64-24-10, Leaky", "snntorch"),
    "snntorch_recurrent": Recipe(
        "snntorch", "64-24-10, RSynaptic (recurrent) and Synaptic", "snntorch", layout="sample-time"
    ),
    "norse": Recipe(
        "norse", "64-24-10, LIFBoxCell", "norse", settings={"tau_fix": "divide_by_dt"}, epochs=30
    ),
    "sinabs_conv": Recipe(
        "sinabs", "conv 3x3 (4), sum pool 2, conv 3x3 (8), dense 10; IAFSqueeze", "sinabs", encoding="image"
    ),
    "spikingjelly": Recipe("spikingjelly", "64-24-10, LIFNode", "spikingjelly"),
    "rockpool": Recipe("rockpool", "64-24-10, LIFTorch", "rockpool"),
    "rockpool_synapses": Recipe(
        "rockpool",
        "64-24-10, ExpSynTorch and LIFNeuronTorch, then LIFTorch, a time constant for each neuron",
        "rockpool",
        settings={"dt": "5e-3", "max_spikes": "1"},
        epochs=30,
    ),
}


def encoder(encoding: str, generator: Any) -> Callable[[Any], Any]:
    """Pixels, float32 tensor (sample, 64), to Bernoulli spikes, float32 (time, sample, ...)."""
    import torch

    def draw(pixels: Any) -> Any:
        spikes = (torch.rand((STEPS, *pixels.shape), generator=generator) < pixels).float()
        return spikes.unflatten(2, (1, 8, 8)) if encoding == "image" else spikes

    return draw


def build(name: str, folder: Path, digits: Digits, epochs: int | None, seed: int) -> dict[str, Any]:
    """Train, run and write one network; returns its entry in the manifest.

    Raises
    ------
    UserError
        The framework is missing.
    """
    recipe = RECIPES[name]
    try:
        import framework_models
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        model = framework_models.BUILDERS[name]()
    except ModuleNotFoundError as error:
        raise UserError(
            f"{name} needs {error.name}, not installed here; "
            f"docs/frameworks.md says how to install {recipe.package}"
        ) from error
    generator = torch.Generator().manual_seed(seed)
    draw = encoder(recipe.encoding, generator)
    passes = recipe.epochs if epochs is None else epochs
    framework_models.train(
        model,
        draw,
        digits.pixels[digits.fit],
        digits.label[digits.fit],
        epochs=passes,
        grid=GRID,
        generator=generator,
    )
    samples = digits.test[:SAMPLES]
    label = digits.label[samples]
    with torch.no_grad():
        spikes = draw(torch.from_numpy(digits.pixels[samples]))
        graph = model.export(spikes)
        said = model.run(spikes)
        more = {key: counts(run(spikes)) for key, run in model.others.items()}
    write_graph(folder / f"{name}.nir", graph)
    out = counts(said[-1])
    arrays = {"out": out, **more, "hidden": counts(said[0])[:, :HIDDEN_SAMPLES]}
    inputs = counts(spikes)
    if recipe.layout == "sample-time":
        inputs = inputs.swapaxes(0, 1)
        arrays = {key: array.swapaxes(0, 1) for key, array in arrays.items()}
    write_npz(folder / f"{name}.npz", {**packed("input", inputs), **arrays, "label": label, "index": samples})
    return {
        "framework": recipe.package,
        "version": version(recipe.package),
        "network": recipe.shape,
        "preset": recipe.preset,
        "settings": recipe.settings,
        "layout": recipe.layout,
        "steps": len(spikes),
        "samples": len(label),
        "accuracy": {
            "out": accuracy(out, label),
            **{key: accuracy(array, label) for key, array in more.items()},
        },
        "output_spikes": int(out.sum()),
        "seed": seed,
        "epochs": passes,
    }


def counts(spikes: Any) -> np.ndarray:
    """A framework's spikes as uint8."""
    values = spikes.detach().numpy()
    whole: np.ndarray = values.astype(np.uint8)
    if not np.array_equal(whole, values):
        raise AssertionError("the framework's spikes are no whole numbers from 0 to 255")
    return whole


def build_neuron(folder: Path, seed: int) -> dict[str, Any]:
    """Write norse_neuron: one neuron, its input, spikes and potentials; returns its manifest entry."""
    import framework_models

    chance = np.random.default_rng(seed)
    # Bursts long enough to fire, and pauses long enough to leak.
    lengths = chance.integers(10, 80, NEURON_STEPS)
    current = np.repeat(np.arange(lengths.size) % 2, lengths)[:NEURON_STEPS].astype(np.uint8)
    graph, spikes, potentials = framework_models.norse_neuron(current)
    write_graph(folder / "norse_neuron.nir", graph)
    arrays = {"input": current.reshape(-1, 1, 1), "out": spikes.reshape(-1, 1, 1), "potential": potentials}
    write_npz(folder / "norse_neuron.npz", arrays)
    return {
        "framework": "norse",
        "version": version("norse"),
        "network": "1, LIFBoxCell",
        "preset": "norse",
        "settings": {"dt": "1e-4", "tau_fix": "divide_by_dt"},
        "layout": "time-sample",
        "steps": NEURON_STEPS,
        "samples": 1,
        "accuracy": {},
        "output_spikes": int(spikes.sum()),
        "seed": seed,
        "epochs": 0,
    }


def readme(manifest: dict[str, Any]) -> dict[str, str]:
    """What the README's template takes of the manifest."""
    rows, commands = [], []
    for name, entry in manifest["models"].items():
        settings = "".join(f" --set {key}={value}" for key, value in entry["settings"].items())
        right = entry["accuracy"].get("out")
        share = "-" if right is None else f"{right:.0%} of {entry['samples']}"
        release = f"{entry['framework']} {entry['version']}"
        run = f"{entry['seed']}, {entry['epochs']}"
        cells = (entry["network"], entry["steps"], share, entry["output_spikes"], run)
        rows.append(tables.row(f"`{name}`", release, *cells))
        path = f"examples/frameworks/{name}"
        commands.append(
            f"qsnn-hw check {path}.nir --convention {entry['preset']}{settings} --data {path}.npz"
        )
    return {
        "rows": "\n".join(rows),
        "commands": "\n".join(commands),
        "samples": str(SAMPLES),
        "hidden_samples": str(HIDDEN_SAMPLES),
        **manifest["made_with"],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; return its exit status."""
    parser = script.parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RECIPES)}; default: all")
    parser.add_argument("-o", "--out", type=Path, default=DEFAULT_OUT, help="output folder (%(default)s)")
    parser.add_argument("--epochs", type=int, help="passes over the samples; default: each network's own")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (%(default)s)")
    options = parser.parse_args(arguments)

    def work() -> None:
        progress = Progress()
        names = options.names or list(RECIPES)
        unknown = [name for name in names if name not in RECIPES]
        if unknown:
            raise UserError(f"no network {unknown[0]!r}; there are {', '.join(RECIPES)}")
        if options.epochs is not None and options.epochs < 1:
            raise UserError(f"--epochs must be 1 or more, not {options.epochs}")
        script.need_in_range(options, ("seed", 0, 2**31 - 1))
        try:
            digits = load_digits_split()
        except ModuleNotFoundError as error:
            raise missing(error, "scikit-learn") from error
        options.out.mkdir(parents=True, exist_ok=True)
        path = options.out / MANIFEST
        models: dict[str, Any] = read_json(path)["models"] if path.exists() else {}
        with warnings.catch_warnings():
            # The frameworks' own, of deprecated calls.
            warnings.simplefilter("ignore")
            for name in names:
                progress.say(f"{name}: training")
                models[name] = build(name, options.out, digits, options.epochs, options.seed)
                progress.say(f"{name}: {models[name]['accuracy']['out']:.0%} of {SAMPLES} test samples right")
                if name == "norse":
                    models["norse_neuron"] = build_neuron(options.out, options.seed)
        manifest = {
            "made_with": made_with("torch", "numpy", "nir", "nirtorch", "scikit-learn"),
            "models": {name: models[name] for name in [*RECIPES, "norse_neuron"] if name in models},
        }
        write_json(path, manifest)
        write_readme(options.out / "README.md", README_TEMPLATE, readme(manifest))

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
