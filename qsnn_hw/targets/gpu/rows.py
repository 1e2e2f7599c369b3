"""The row of the batch backend in the comparison of targets: measured on the device at hand."""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from qsnn_hw.compare import Known, Row
from qsnn_hw.targets.gpu.device import find_device
from qsnn_hw.targets.gpu.meter import joules
from qsnn_hw.targets.rows import Asked, Contribution, Maker

BATCH = 4096
"""Samples at a time; those of the data are repeated until there are as many."""
RUNS = 5
USE = "GPU or CPU: training, and inference of many samples at once"


def makers(asked: Asked) -> Sequence[Maker]:
    """One, of the device that ``--device auto`` takes."""
    return [Maker("gpu", partial(measured_rows, asked))]


GPU_ROWS = Contribution("gpu", makers)


def measured_rows(asked: Asked) -> list[Row]:
    """The integers through PyTorch, compared with the golden model first.

    Raises
    ------
    UserError
        PyTorch is not installed, or a sum is past exact arithmetic.
    MismatchError
        The device differs from the golden model.
    """
    device, described = find_device("auto")
    from qsnn_hw.targets.gpu.engine import BatchNetwork
    from qsnn_hw.targets.gpu.exactness import COMPARED, compare_with_golden

    inputs = asked.data.input
    batch = BatchNetwork(asked.integers, device)
    compare_with_golden(batch, inputs[:, :COMPARED])
    many = inputs[:, np.arange(BATCH) % inputs.shape[1]]

    def work() -> object:
        return batch.run(many)

    with asked.progress.task(f"integers on {device.type}, {BATCH:,} samples {RUNS} times"):
        whole = median(work)
    one = median(lambda: batch.run(inputs[:, :1]))
    spent = joules(work, device)
    measured = f"median of {RUNS} runs with transfers on {described}"
    accuracy, samples = asked.accuracy
    caveat = (
        f"Latency is of one sample alone, throughput of {BATCH:,} at once: a sample of a batch waits for all "
        f"of it. Spikes and potentials of the first {min(COMPARED, inputs.shape[1])} samples equal the "
        "golden model's."
    )
    uj = per_spike = per_watt = Known()
    if spent is None:
        caveat += " Nothing on this machine says what it spends."
    else:
        each, meter = spent[0] / BATCH, f"{spent[1]}, {BATCH:,} samples at once on {described}"
        uj = Known.exactly(each * 1e6, "measured", meter)
        per_watt = uj.inverse(1e6, meter)
        if asked.spikes:
            per_spike = Known.exactly(each * 1e9 / asked.spikes, "measured", meter)
    return [
        Row(
            "gpu",
            "gpu",
            f"PyTorch on {described if device.type == 'cuda' else 'the CPU'}",
            USE,
            caveat,
            accuracy,
            samples,
            Known.exactly(one * 1e6, "measured", f"one sample, {measured}"),
            Known.exactly(BATCH / whole, "measured", f"{BATCH:,} samples at once, {measured}"),
            uj,
            per_spike,
            per_watt,
        )
    ]


def median(work: Callable[[], object]) -> float:
    """Seconds, of :data:`RUNS` runs behind one that allocates and compiles."""
    times = []
    for _ in range(RUNS + 1):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:])
