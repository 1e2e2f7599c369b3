"""Batches of samples: the PyTorch backend and the golden model beside the frameworks, in one run.

Two networks, 784-128-10 and 784-1024-512-10, over 25 steps of rate-coded MNIST test images (--mnist, repeated
where a batch has more than 10,000). Every rival runs the same weights in floating point as its own user does:
linear layers, leaky integrate-and-fire neurons with reset by subtraction, no gradients, the output's spikes.

Before anything is timed the spikes of every group, and the output's potentials, are compared with the golden
model's on the same samples, each bit; a difference ends the run. A time is the median of --runs, the device
waited for before and behind. It begins with spikes on the device and ends with the output's there; "with
transfer" begins with bytes in the host's memory and ends with the output in it. On a CPU --clock cpu counts
the processor's time instead of the wall's, which a busy machine does not lengthen (with OMP_NUM_THREADS=1: a
thread that waits counts, too). A rival that is not installed is named and left out. Energy is the driver's
mean power times the time, where the driver says power. Needs the extra torch.
"""

import argparse
import importlib
import itertools
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import script
import tables
from gpu_rivals import RIVALS, THRESHOLD, Rival
from mnist_files import read_part

from qsnn_hw.golden import run_clocked
from qsnn_hw.model.network import INPUT, Dense, Network, NeuronGroup, Projection
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions, quantize
from qsnn_hw.support.errors import MismatchError, UserError
from qsnn_hw.support.files import write_json
from qsnn_hw.targets.gpu.device import find_device

STEPS = 25
DECAY = 0.9
SEED = 7
NETWORKS = {"784-128-10": (784, 128, 10), "784-1024-512-10": (784, 1024, 512, 10)}
BATCHES = (1, 16, 256, 1024, 4096, 10000, 65536)
HEADING = ("network", "batch", "runner", "seconds", "samples/s", "with transfer, samples/s", "samples/J")
CHECKED = 256
"""Samples that are compared with the golden model; batches below it whole."""


@dataclass(frozen=True)
class Row:
    """One measurement; None where it was not measured."""

    network: str
    batch: int
    runner: str
    seconds: float
    transfer_seconds: float | None
    joules: float | None

    def cells(self) -> tuple[object, ...]:
        """As the table shows it."""
        return (
            *(self.network, f"{self.batch:,}", self.runner, f"{self.seconds:.4g}"),
            f"{self.batch / self.seconds:,.0f}",
            "not measured" if self.transfer_seconds is None else f"{self.batch / self.transfer_seconds:,.0f}",
            "not measured" if self.joules is None else f"{self.batch / self.joules:,.0f}",
        )


def weights_of(sizes: tuple[int, ...]) -> list[np.ndarray]:
    """Weights by which a few percent of every layer fire in a step, of a fixed seed: float64, (post, pre)."""
    rng = np.random.default_rng(SEED)
    return [rng.normal(0, 1 / np.sqrt(pre), (post, pre)) for pre, post in itertools.pairwise(sizes)]


def float_network(name: str, weights: list[np.ndarray]) -> Network:
    """Layers of leaky neurons with reset by subtraction."""
    groups, projections, before = [], [], INPUT
    for k, weight in enumerate(weights):
        size = len(weight)
        groups.append(
            NeuronGroup(
                *(f"layer{k}", (size,), np.full(size, DECAY), np.ones(size), np.zeros(size)),
                *(np.full(size, THRESHOLD), np.zeros(size)),
            )
        )
        projections.append(Projection(f"p{k}", before, groups[-1].name, (Dense(weight),)))
        before = groups[-1].name
    return Network(name, (weights[0].shape[1],), tuple(groups), tuple(projections), before)


def rate_coded(folder: Path, samples: int) -> np.ndarray:
    """uint8 (time, sample, 784): a pixel spikes in each step with the probability of its brightness."""
    pixels, _ = read_part(folder, "t10k")
    flat = pixels[:samples].reshape(-1, 784)
    rng = np.random.default_rng(SEED)
    return np.stack([(rng.integers(0, 255, flat.shape) < flat).astype(np.uint8) for _ in range(STEPS)])


class Bench:
    """One device, one set of samples.

    Parameters
    ----------
    device
        Of PyTorch.
    spikes
        uint8 (time, sample, 784).
    runs
        Of each measurement.
    clock
        Gives seconds.
    """

    def __init__(self, device: Any, spikes: np.ndarray, runs: int, clock: Callable[[], float]) -> None:
        self._device, self._spikes, self._runs, self._clock = device, spikes, runs, clock

    def rows(self, name: str, batches: list[int]) -> Iterator[Row]:
        """Every runner on every batch that memory holds, after a comparison of ours with golden."""
        weights = weights_of(NETWORKS[name])
        quantized = quantize(float_network(name, weights), QuantizeOptions(weight_bits=8))
        self._compare(quantized)
        for batch in batches:
            x = self._batch(batch)
            yield from self._ours(name, quantized, x)
            if self._device.type == "cpu":
                seconds = self._median(lambda x=x: run_clocked(quantized, x))  # type: ignore[misc]
                yield Row(name, batch, "golden model, NumPy", seconds, None, None)
            for rival in RIVALS:
                yield from self._rival(name, rival, weights, x)

    def _batch(self, batch: int) -> np.ndarray:
        samples = self._spikes.shape[1]
        return self._spikes[:, np.arange(batch) % samples]

    def _compare(self, quantized: QuantizedNetwork) -> None:
        """MismatchError where a spike or a potential differs from the golden model's."""
        from qsnn_hw.targets.gpu.engine import BatchNetwork

        x = self._batch(CHECKED)
        record = [quantized.output]
        golden = run_clocked(quantized, x, record=record)
        run = BatchNetwork(quantized, self._device).run(x, record=record)
        for name, spikes in golden.spikes.items():
            if not np.array_equal(run.spikes[name], spikes):
                raise MismatchError(f"spikes of {name} differ from the golden model's")
        if not np.array_equal(run.potentials[quantized.output], golden.potentials[quantized.output]):
            raise MismatchError("potentials of the output differ from the golden model's")
        rates = ", ".join(f"{name} {100 * s.mean():.1f} %" for name, s in golden.spikes.items())
        print(f"{quantized.name}: equal to the golden model on {CHECKED} samples; spike rates: input "
              f"{100 * x.mean():.1f} %, {rates}")  # fmt: skip

    def _ours(self, name: str, quantized: QuantizedNetwork, x: np.ndarray) -> Iterator[Row]:
        import torch

        from qsnn_hw.targets.gpu.engine import BatchNetwork

        network = BatchNetwork(quantized, self._device)
        on_device = torch.from_numpy(x).to(self._device)
        paths = "/".join(sorted(set(network.paths.values())))
        seconds, joules = self._measured(lambda: network.output_on_device(on_device))
        transfer = self._median(lambda: network.output_on_device(torch.from_numpy(x)).cpu())
        yield Row(name, x.shape[1], f"qsnn-hw, {paths}", seconds, transfer, joules)

    def _rival(self, name: str, rival: Rival, weights: list[np.ndarray], x: np.ndarray) -> Iterator[Row]:
        import torch

        if rival.gpu_only and self._device.type == "cpu":
            return
        try:
            importlib.import_module(rival.package)
            forward = rival.build(weights, DECAY, self._device)
            with torch.inference_mode():
                on_device = torch.from_numpy(x).to(self._device).float()
                seconds, joules = self._measured(lambda: forward(on_device))
                transfer = self._median(lambda: forward(torch.from_numpy(x).to(self._device).float()).cpu())
        except (ImportError, torch.OutOfMemoryError) as error:
            print(f"{name}, batch {x.shape[1]}: {rival.name} left out: {str(error).splitlines()[0]}")
            return
        yield Row(name, x.shape[1], f"{rival.name} {version(rival.package)}", seconds, transfer, joules)

    def _measured(self, work: Callable[[], object]) -> tuple[float, float | None]:
        """(median seconds, joules of one run or None)."""
        seconds = self._median(work)
        return seconds, None if self._device.type == "cpu" else self._joules(work, seconds)

    def _median(self, work: Callable[[], object]) -> float:
        times = []
        for _ in range(self._runs + 1):
            self._wait()
            begin = self._clock()
            work()
            self._wait()
            times.append(self._clock() - begin)
        # The first one compiles and allocates.
        return statistics.median(times[1:])

    def _wait(self) -> None:
        if self._device.type == "cuda":
            import torch

            torch.cuda.synchronize()

    def _joules(self, work: Callable[[], object], seconds: float) -> float | None:
        """Mean power by the driver over about two seconds of runs, times the time of one."""
        import torch

        watts = []
        begin = time.perf_counter()
        try:
            while time.perf_counter() < begin + 2:
                work()
                watts.append(torch.cuda.power_draw() / 1000)
        except (RuntimeError, ModuleNotFoundError) as error:
            print(f"energy not measured: {str(error).splitlines()[0]}")
            return None
        return statistics.mean(watts) * seconds


def torch_threads() -> int:
    """How many PyTorch computes with."""
    import torch

    return torch.get_num_threads()


def installed(package: str) -> str:
    """Its version, or that it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def main() -> int:
    """Print, and with -o keep, the table."""
    command = script.parser(__doc__)
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    command.add_argument("--mnist", type=Path, default=script.SHARED / "mnist", help="the IDX files")
    command.add_argument("--network", nargs="+", choices=tuple(NETWORKS), default=list(NETWORKS))
    command.add_argument("--batch", nargs="+", type=int, default=list(BATCHES))
    command.add_argument("--runs", type=int, default=20)
    command.add_argument(
        "--threads", type=int, default=0, help="of PyTorch and NumPy on a CPU (default: theirs)"
    )
    command.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    command.add_argument("-o", "--out", type=Path, help="JSON file for the rows")
    return script.ended(lambda: run(command.parse_args()))


def run(asked: argparse.Namespace) -> None:
    """Measure what was asked for."""
    script.need_in_range(asked, ("runs", 1, 10_000))
    if min(asked.batch) < 1:
        raise UserError(f"--batch must be at least 1, not {min(asked.batch)}")
    device, described = find_device(asked.device)
    print(f"device: {described}; {platform.machine()}, Python {platform.python_version()}")
    print(", ".join(f"{p} {installed(p)}" for p in ("torch", "triton", "numpy", "cupy", *_packages())))
    if asked.clock == "cpu" and device.type != "cpu":
        raise UserError("--clock cpu counts the processor's time: give --device cpu with it")
    clock = time.process_time if asked.clock == "cpu" else time.perf_counter
    print(f"clock: {asked.clock}, median of {asked.runs}, {torch_threads()} threads")
    bench = Bench(device, rate_coded(asked.mnist, min(10_000, max(*asked.batch, CHECKED))), asked.runs, clock)
    print(tables.head(*HEADING), flush=True)
    rows = []
    for name in asked.network:
        for row in bench.rows(name, asked.batch):
            rows.append(row)
            print(tables.row(*row.cells()), flush=True)
    if asked.out is not None:
        kept = {
            "device": described,
            "runs": asked.runs,
            "clock": asked.clock,
            "rows": list(map(asdict, rows)),
        }
        write_json(asked.out, kept)


def _packages() -> list[str]:
    return sorted({rival.package for rival in RIVALS})


if __name__ == "__main__":
    sys.exit(main())
