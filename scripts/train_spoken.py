#!/usr/bin/env python3
"""Train two small snnTorch networks on spoken digits: 64-64-10, Leaky, and recurrent with Synaptic neurons.

    python scripts/train_spoken.py --data FOLDER -o OUT

FOLDER holds fsdd.npz (Free Spoken Digit Dataset: ``pcm``, ``first_sample``, ``label``, ``index``). A
recording becomes 32 steps of 32 mel bands, each band two spike addresses, one above each of two levels of its
logarithmic energy. Recordings 0 to 4 of every speaker and digit are the test set (300). Needs torch, snntorch
and nirtorch. bench_schemes.py takes OUT with ``--spoken``.
"""

import argparse
import itertools
import os
import sys
from pathlib import Path

import framework_models
import nir
import numpy as np
import torch
from torch.nn import functional

STEPS, BANDS, WINDOW = 32, 32, 256
LEVELS = (0.45, 0.7)
HIDDEN, BATCH, RATE = 64, 128, 3e-3
NETWORKS = {"spoken": ("snntorch", 25), "spoken_recurrent": ("snntorch_recurrent", 40)}
"""Name -> the model of framework_models.py, and its epochs."""


def bands(pcm: np.ndarray, rate_hz: float) -> np.ndarray:
    """Logarithmic energy of mel bands, from 0 to 1 over the recording: float64 (STEPS, BANDS)."""
    centred = pcm.astype(np.float64) - pcm.mean()
    hop = max(1.0, (len(pcm) - WINDOW) / (STEPS - 1))
    starts = (hop * np.arange(STEPS)).astype(int)
    padded = np.pad(centred, (0, max(0, starts[-1] + WINDOW - len(pcm))))
    frames = np.stack([padded[start : start + WINDOW] for start in starts]) * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames)) ** 2
    mel = np.linspace(0, 2595 * np.log10(1 + rate_hz / 2 / 700), BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1) * WINDOW / rate_hz
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    at = np.arange(power.shape[1])
    filters = np.maximum(0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))
    energy: np.ndarray = np.log(power @ filters.T + 1e3)
    energy -= energy.min()
    return energy / energy.max()


def load(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spikes uint8 (step, recording, 64), labels, and which recordings are test samples."""
    with np.load(folder / "fsdd.npz") as file:
        pcm, first, label = file["pcm"], file["first_sample"], file["label"].astype(np.int64)
        energy = np.stack([bands(pcm[a:b], float(file["rate_hz"])) for a, b in itertools.pairwise(first)])
        is_test = file["index"] < 5
    spikes = np.concatenate([energy > level for level in LEVELS], axis=2).astype(np.uint8)
    return spikes.transpose(1, 0, 2), label, is_test


def train(name: str, spikes: np.ndarray, label: np.ndarray, is_test: np.ndarray, out: Path) -> None:
    """Train one network; write NAME.nir, NAME_test.npz and NAME_calibration.npz."""
    kind, epochs = NETWORKS[name]
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    framework_models.HIDDEN = HIDDEN
    model = getattr(framework_models, kind)()
    optimizer = torch.optim.Adam(model.trained, lr=RATE)
    x, y = torch.from_numpy(spikes.astype(np.float32)), torch.from_numpy(label)
    training, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 + np.cos(np.pi * epoch / epochs)) / 2 + 1e-5
        order = rng.permutation(training)
        for start in range(0, len(order), BATCH):
            part = torch.from_numpy(order[start : start + BATCH])
            counts = model.run(x[:, part])[-1].sum(0)
            loss = functional.cross_entropy(0.5 * counts, y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        said = model.run(x[:, torch.from_numpy(test)])[-1].numpy().astype(np.uint8)
        nir.write(str(out / f"{name}.nir"), model.export(x[:, :1]))
    right = (said.sum(axis=0).argmax(axis=1) == label[test]).mean()
    print(f"{name}: {100 * right:.2f} % of {test.size} test recordings", flush=True)
    np.savez_compressed(out / f"{name}_test.npz", input=spikes[:, test], label=label[test], out=said)
    some = training[::4]
    np.savez_compressed(out / f"{name}_calibration.npz", input=spikes[:, some], label=label[some])


def main() -> int:
    """Train both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("QSNN_DATA"), help="holds fsdd.npz")
    parser.add_argument("-o", "--out", type=Path, required=True, help="output folder")
    arguments = parser.parse_args()
    if arguments.data is None or not (Path(arguments.data) / "fsdd.npz").exists():
        print(f"error: no fsdd.npz in {arguments.data}: give its folder with --data", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    spikes, label, is_test = load(Path(arguments.data))
    for name in NETWORKS:
        train(name, spikes, label, is_test, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
