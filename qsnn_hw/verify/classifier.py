"""Proves that encoder and readout on the chip answer as their golden twins do, by simulation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.golden import GoldenRun
from qsnn_hw.golden.encoders import sent_spikes
from qsnn_hw.host.protocol import address_bits
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import MismatchError
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.verify.answers import AnswerCase
from qsnn_hw.verify.layout import stream_layouts
from qsnn_hw.verify.runner import STREAM_SAMPLES, run_passes
from qsnn_hw.verify.shares import cut, share_out
from qsnn_hw.verify.simulation import build_model, find_simulator
from qsnn_hw.verify.work import is_short, step_cycles

_IDLE, _BACKPRESSURE = 0.2, 0.3
_PART_WORDS = 1 << 21
"""Words that one run sends: samples are cut into parts that stay near it, and memory with them."""


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
    tools = find_simulator(simulator)
    sent, inputs = _sent(plan, samples)
    steps, count = inputs.shape[:2]
    counts = {"alone": count, "stress": count, "stream": min(count, STREAM_SAMPLES)}
    quick_build = is_short(plan, inputs, sum(counts.values()))
    model = build_model(tools, verilog, plan.name, work_dir, progress, quick_build=quick_build)
    work_dir.mkdir(parents=True, exist_ok=True)
    wanted = _wanted(plan, golden, count)
    membrane = plan.readout is not None and plan.readout.kind == "membrane"
    weights = np.frombuffer(plan.weight_bytes(), np.uint8)
    case = AnswerCase(
        **sent,
        answers=np.cumsum([len(words) for words in wanted]),
        weights=weights,
        seed=seed,
        idle=_IDLE,
        backpressure=0.0 if membrane else _BACKPRESSURE,
        # Far longer than a sample can take: every step as slow as it can be, every word kept waiting.
        hang_cycles=16 * (steps * step_cycles(plan, int(inputs.max(initial=1))) + plan.input_addresses)
        + 64 * weights.size,
    )
    case.save(work_dir / "answers.npz")
    at_once = max(1, _PART_WORDS // max(1, case.words_each))
    # A simulator of cocotb takes longer to start than these samples take.
    processes = 1 if model.bench is None else min(2, count)
    results = run_passes(
        model,
        "sim.classifier" if model.bench is None else "sim.native_answers",
        {"case": str((work_dir / "answers.npz").resolve())},
        share_out(counts, processes, lambda first, stop: cut(first, stop, at_once)),
        work_dir,
        progress,
        f"{tools.name}: compare answers with golden",
    )
    for name, parts in results.items():
        for part in parts:
            _compare(plan, wanted, part, f"{tools.name}, answers, {name}")
    alone = results["alone"]
    (streamed,) = results["stream"]
    return Answers(
        samples=count,
        cycles_per_sample=tuple(
            b - a for part in alone for a, b in zip(part["started"], part["ended"], strict=True)
        ),
        stream_samples=counts["stream"],
        stream_cycles=streamed["ended"][-1] - streamed["started"][0],
    )


def _sent(plan: HardwarePlan, samples: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """What is sent, as fields of :class:`AnswerCase`, and the events (time, sample, input) that it means."""
    if plan.encoder is None:
        flat = samples.reshape(*samples.shape[:2], -1)
        layout = stream_layouts(plan)[0]
        return {"inputs": flat, "addresses": layout.addresses, "slots": layout.slots, "rows": 0}, flat
    pixels = samples.reshape(len(samples), -1)
    encoder = plan.encoder
    fields = {"inputs": pixels, "addresses": encoder.space.addresses(), "slots": encoder.slots}
    return {**fields, "rows": encoder.rows}, sent_spikes(encoder, pixels)


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
    addresses, tick = plan.output_space.addresses(), 1 << address_bits(plan.output_addresses)
    wanted = []
    for sample in range(count):
        words: list[int] = []
        for step, row in enumerate(spikes[:, sample]):
            words += np.sort(np.repeat(addresses, row)).tolist()
            words.append(tick | int(step == len(spikes) - 1))
        wanted.append(words)
    return wanted


def _compare(plan: HardwarePlan, wanted: list[list[int]], part: dict[str, Any], where: str) -> None:
    """Hold one part's words against golden's."""
    first, stop, received = part["first"], part["stop"], part["words"]
    if part["rule"]:
        late = first + len(part["ended"])
        raise MismatchError(f"hardware and golden differ ({where}): sample {late}: {part['rule']}")
    expected = [word for words in wanted[first:stop] for word in words]
    if plan.readout is None:
        received = _in_order(received, 1 << address_bits(plan.output_addresses))
    if received == expected:
        return
    pairs = enumerate(zip(expected, received, strict=False))
    place = next((k for k, (a, b) in pairs if a != b), min(len(expected), len(received)))
    shown = [str(words[place]) if place < len(words) else "nothing" for words in (received, expected)]
    what = f"word {place} from sample {first} on" if plan.readout is None else f"sample {first + place}"
    raise MismatchError(f"hardware and golden differ ({where}): {what}: got {shown[0]}, expected {shown[1]}")


def _in_order(words: list[int], tick: int) -> list[int]:
    """Events of each step by ascending address."""
    ordered: list[int] = []
    start = 0
    for index, word in enumerate(words):
        if word & tick:
            ordered += [*sorted(words[start:index]), word]
            start = index + 1
    return ordered + words[start:]
