"""Proves that encoder and readout on the chip answer as their golden twins do, by simulation."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qsnn_hw import files
from qsnn_hw.errors import MismatchError, ToolError
from qsnn_hw.files import read_json
from qsnn_hw.golden import GoldenRun
from qsnn_hw.host_protocol import PIXEL_BITS, address_bits
from qsnn_hw.plan import EncoderPlan, HardwarePlan
from qsnn_hw.progress import SILENT, Progress
from qsnn_hw.verify.layout import stream_layouts
from qsnn_hw.verify.runner import STREAM_SAMPLES
from qsnn_hw.verify.simulation import build_model, find_simulator, run_jobs, tail
from qsnn_hw.verify.work import step_cycles

_MODULE = "sim.classifier"
_IDLE, _BACKPRESSURE = 0.2, 0.3


@dataclass(frozen=True)
class Answers:
    """What was compared and measured of a design with encoder and readout.

    Parameters
    ----------
    samples, cycles_per_sample, stream_samples, stream_cycles
        As ``answers`` and the fields ``answer_...`` of :class:`Verification`.
    """

    samples: int
    cycles_per_sample: tuple[int, ...]
    stream_samples: int
    stream_cycles: int


def verify_classifier(
    plan: HardwarePlan,
    verilog: Path,
    samples: np.ndarray,
    golden: GoldenRun,
    work_dir: Path,
    *,
    simulator: str = "verilator",
    seed: int = 1,
    progress: Progress = SILENT,
) -> Answers:
    """Simulate ``verilog`` end to end, compare what leaves it, and measure how long that takes.

    Three passes: each sample alone at full speed; all of them with random idle gaps and backpressure
    (without backpressure where the answer is made of potentials, which cannot wait); and the first
    ``STREAM_SAMPLES`` back to back at full speed.

    Parameters
    ----------
    plan
        What ``verilog`` was made from.
    verilog
        ``Classifier(plan)`` with top module ``plan.name``.
    samples
        With an encoder pixels, uint8 (sample, ...); without one events, uint8 (time, sample, ...).
    golden
        Of the same samples.
    work_dir
        Receives the simulation model and logs.
    simulator, seed
        As for :func:`qsnn_hw.verify.verify`.

    Raises
    ------
    MismatchError
        A difference; the message names the first one.
    ToolError
        Building the model failed, or the simulator ended without a verdict.
    """
    found = find_simulator(simulator)
    model = build_model(found, verilog, plan.name, work_dir, progress)
    work_dir.mkdir(parents=True, exist_ok=True)
    arrays, inputs = _stimulus(plan, samples)
    arrays["load"] = np.frombuffer(plan.weight_bytes(), np.uint8)
    stimulus, result = work_dir / "stimulus.npz", work_dir / "result.json"
    files.write_npz(stimulus, arrays)
    result.unlink(missing_ok=True)
    steps, count = inputs.shape[:2]
    wanted = _wanted(plan, golden, count)
    ends = np.cumsum([len(words) for words in wanted]).tolist()
    stream = min(count, STREAM_SAMPLES)
    membrane = plan.readout is not None and plan.readout.kind == "membrane"
    # Far longer than a sample can take: every step as slow as it can be, every word kept waiting.
    hang = 16 * (steps * step_cycles(plan, int(inputs.max(initial=1))) + plan.input_size)
    job: dict[str, object] = {
        "stimulus": str(stimulus.resolve()),
        "ends": ends,
        "hang_cycles": hang,
        "seed": seed,
        "passes": [
            {"samples": count, "idle": 0.0, "backpressure": 0.0, "alone": True},
            {
                "samples": count,
                "idle": _IDLE,
                "backpressure": 0.0 if membrane else _BACKPRESSURE,
                "alone": False,
            },
            {"samples": stream, "idle": 0.0, "backpressure": 0.0, "alone": False},
        ],
        "result": str(result.resolve()),
    }
    run = work_dir / "run"
    with progress.task(f"{found.name}: compare answers with golden"):
        (status,) = run_jobs(model, _MODULE, [job], [run], lambda: False)
        if status or not result.is_file():
            log = run / "simulation.log"
            raise ToolError(
                f"{found.name} ended with status {status} without a verdict: {tail(log)}; see {log}"
            )
        passes = read_json(result)
        for name, passed in zip(("alone", "stress", "stream"), passes, strict=True):
            expected = [word for words in wanted[: stream if name == "stream" else count] for word in words]
            _compare(plan, expected, passed["words"], f"{found.name}, answers, {name}")
    alone, _, streamed = passes
    return Answers(
        samples=count,
        cycles_per_sample=tuple(b - a for a, b in zip(alone["started"], alone["ended"], strict=True)),
        stream_samples=stream,
        stream_cycles=streamed["ended"][-1] - streamed["started"][0],
    )


def pixel_words(encoder: EncoderPlan, pixels: np.ndarray) -> list[int]:
    """One sample as payloads of the encoder's stream of pixels; words of zeros are left out."""
    row_bits = address_bits(encoder.rows)
    words: list[int] = []
    rows: dict[int, int] = {}
    for address, value in zip(encoder.space.addresses().tolist(), pixels.reshape(-1).tolist(), strict=True):
        if value:
            row, slot = divmod(address, encoder.slots)
            rows[row] = rows.get(row, 0) | value << PIXEL_BITS * slot
    values = PIXEL_BITS * encoder.slots
    words = [row << values | word for row, word in rows.items()]
    last = 1 << (values + row_bits)
    # The last word carries the mark; a black sample is nothing but it.
    return [*words[:-1], words[-1] | last] if words else [last]


def _stimulus(plan: HardwarePlan, samples: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What the simulator's side sends, and the events (time, sample, input) that it means."""
    if plan.encoder is None:
        flat = samples.reshape(*samples.shape[:2], -1)
        layout = stream_layouts(plan)[0]
        return {"inputs": flat, "addresses": layout.addresses, "slots": np.array(layout.slots)}, flat
    pixels = samples.reshape(len(samples), -1)
    samples_words = [pixel_words(plan.encoder, sample) for sample in pixels]
    # Of as many slots as there may be, a word can be wider than any integer type.
    sent = np.array([f"{word:x}" for words in samples_words for word in words])
    ends = np.cumsum([len(words) for words in samples_words])
    return {"words": sent, "ends": ends}, plan.encoder.spikes(pixels)


def _wanted(plan: HardwarePlan, golden: GoldenRun, count: int) -> list[list[int]]:
    """Of each sample the words that must leave, in order; events of a step by ascending address."""
    group = plan.output_group.group
    spikes = golden.spikes[group][:, :count]
    if plan.readout is not None:
        potentials = golden.potentials[group][:, :count] if plan.readout.kind == "membrane" else None
        labels, silent = plan.readout.answers(spikes, potentials)
        bits = address_bits(plan.readout.classes)
        pairs = zip(labels.tolist(), silent.tolist(), strict=True)
        return [[int(quiet) << bits | label] for label, quiet in pairs]
    addresses, tick = plan.output_space.addresses(), 1 << address_bits(plan.output_size)
    wanted = []
    for sample in range(count):
        words: list[int] = []
        for step, row in enumerate(spikes[:, sample]):
            words += np.sort(np.repeat(addresses, row)).tolist()
            words.append(tick | int(step == len(spikes) - 1))
        wanted.append(words)
    return wanted


def _compare(plan: HardwarePlan, wanted: list[int], received: list[int], where: str) -> None:
    if plan.readout is None:
        received = _in_order(received, 1 << address_bits(plan.output_size))
    if received == wanted:
        return
    pairs = enumerate(zip(wanted, received, strict=False))
    place = next((k for k, (a, b) in pairs if a != b), min(len(wanted), len(received)))
    shown = [str(words[place]) if place < len(words) else "nothing" for words in (received, wanted)]
    what = "word" if plan.readout is None else "sample"
    raise MismatchError(
        f"hardware and golden differ ({where}): {what} {place}: got {shown[0]}, expected {shown[1]}"
    )


def _in_order(words: list[int], tick: int) -> list[int]:
    """Events of each step by ascending address."""
    ordered: list[int] = []
    start = 0
    for index, word in enumerate(words):
        if word & tick:
            ordered += [*sorted(words[start:index]), word]
            start = index + 1
    return ordered + words[start:]
