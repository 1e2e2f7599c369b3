"""What scripts/link_faults runs: digits, whose bytes go to the board, and a network of long answers."""

import itertools
from pathlib import Path

import numpy as np
import script

from qsnn_hw.build import flow
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.support.progress import Progress

_INPUTS, _OUTPUTS, _STEPS, _SAMPLES = 8, 64, 5, 300
"""A sample's answer is some 230 bytes: most come through where one byte in 1,000 is spoilt."""


def digits(folder: Path, progress: Progress) -> Path:
    """The shipped digits, as far as the board's Verilog."""
    examples = script.EXAMPLES / "digits"
    model, data = examples / "digits_64-32-10.nir", examples / "digits_test.npz"
    return _generated(model, "snntorch", data, folder, progress)


def long_answers(folder: Path, progress: Progress) -> Path:
    """64 neurons whose biases make most of them spike in a step, whatever little comes in."""
    import nir

    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(1)
    nodes = {
        "input": nir.Input(input_type=np.array([_INPUTS])),
        "synapses": nir.Affine(
            weight=draw.normal(0, 0.4, (_OUTPUTS, _INPUTS)), bias=draw.uniform(0.2, 1.4, _OUTPUTS)
        ),
        "neurons": nir.LIF(
            tau=np.full(_OUTPUTS, 2e-3),
            r=np.full(_OUTPUTS, 2.0),
            v_leak=np.zeros(_OUTPUTS),
            v_threshold=np.ones(_OUTPUTS),
        ),
        "output": nir.Output(output_type=np.array([_OUTPUTS])),
    }
    names = list(nodes)
    model, data = folder / "long_answers.nir", folder / "long_answers.npz"
    nir.write(model, nir.NIRGraph(nodes, list(itertools.pairwise(names))))
    np.savez(data, input=(draw.random((_STEPS, _SAMPLES, _INPUTS)) < 0.3).astype(np.uint8))
    return _generated(model, "norse", data, folder, progress)


def _generated(model: Path, convention: str, data: Path, folder: Path, progress: Progress) -> Path:
    """The output folder of a design for an iCEBreaker, as far as its Verilog."""
    options = BuildOptions(model=str(model), convention=convention, data=str(data), board="icebreaker")
    flow.run(options, folder / "out", part="generate", progress=progress)
    return folder / "out"
