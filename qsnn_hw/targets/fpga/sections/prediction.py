"""What the plan promised before any tool or simulation ran."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from qsnn_hw.cost.design_cycles import PredictedCycles
from qsnn_hw.cost.predict import predict as predict_usage
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.families.boards import Board
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import HARDWARE, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.sections.verification import VERIFICATION
from qsnn_hw.report.words import NOT_MEASURED, figure, plural, signed
from qsnn_hw.support.values import Number, check_counts, check_numbers, count, put
from qsnn_hw.targets.fpga.sections.resources import RESOURCES
from qsnn_hw.verify import Verification
from qsnn_hw.verify.design_cycles import DesignCycles

_CYCLES = ("cycles_per_sample_mean", "simulated_mean", "network_cycles_mean", "network_simulated_mean")


@dataclass(frozen=True)
class Prediction:
    """Predicted figures, to be held against what the tools and the simulation say.

    Parameters
    ----------
    resources
        Units of the device under the place-and-route tool's own names.
    cycles_per_sample_mean
        Clock cycles of a sample sent alone to the design as built, with encoder and readout, predicted
        from its spikes; over the first ``samples``.
    simulated_mean
        Of the same samples in simulation; None without one.
    samples
        How many that is.
    samples_differ
        Of how many of them the simulation took another number of cycles; None without one.
    network_cycles_mean, network_simulated_mean
        As the first two, of the network alone; None where that is the design.
    """

    resources: Mapping[str, int] = field(default_factory=dict)
    cycles_per_sample_mean: Number | None = None
    simulated_mean: Number | None = None
    samples: int | None = None
    samples_differ: int | None = None
    network_cycles_mean: Number | None = None
    network_simulated_mean: Number | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts and numbers."""
        put(self, resources={name: count(f"prediction.{name}", n) for name, n in self.resources.items()})
        check_numbers(self, "prediction", *_CYCLES)
        check_counts(self, "prediction", "samples", "samples_differ")

    def cycles_in_words(self) -> str | None:
        """Predicted cycles of a sample, the network alone beside them; None where nothing was predicted."""
        if self.cycles_per_sample_mean is None:
            return None
        words = f"{figure(self.cycles_per_sample_mean)} cycles"
        if self.network_cycles_mean is None:
            return words
        return f"{words}, the network alone {figure(self.network_cycles_mean)}"


def predicted(
    plan: HardwarePlan,
    board: Board | None,
    data: Dataset | None,
    golden: GoldenResult | None,
    verification: Verification | None,
) -> Prediction:
    """Resources and cycles as predicted, and the cycles beside those of the simulation.

    Resources are of a board's device; without a board there are none.
    """
    resources = {}
    if board is not None:
        resources = board.limits.by_name(predict_usage(plan, board.limits).usage)
    if data is None or golden is None:
        return Prediction(resources)
    simulated = DesignCycles.of(plan, verification)
    most = None if simulated.alone is None else simulated.alone.size
    promised = PredictedCycles.of(plan, data.input, golden.integer.spikes, data.pixels, most)
    if not promised.design.size:
        return Prediction(resources)
    figures = Prediction(
        resources,
        _mean(promised.design),
        samples=promised.design.size,
        network_cycles_mean=_mean(promised.network),
    )
    if simulated.alone is None:
        return figures
    both = simulated.alone[: promised.design.size]
    return replace(
        figures,
        simulated_mean=_mean(both),
        samples_differ=int(np.count_nonzero(promised.design != both)),
        network_simulated_mean=_mean(simulated.network, promised.design.size),
    )


def _mean(cycles: np.ndarray | None, samples: int | None = None) -> float | None:
    """Of the first ``samples``, or of all."""
    return None if cycles is None or not cycles.size else float(cycles[:samples].mean())


def _prediction(results: Results) -> Prediction:
    plan, board = results[HardwarePlan], results.get(Board)
    data, golden = results.get(Dataset), results.get(GoldenResult)
    return predicted(plan, board, data, golden, results.get(Verification))


PREDICTION: Part[Prediction] = Part(
    "prediction",
    Prediction,
    Prediction(),
    _prediction,
    basis={"": "predicted"},
    definitions={
        "": "What the plan promised before any tool ran; cycles beside the simulated ones of the same "
        "samples, of the design as built. network_cycles_mean, network_simulated_mean: likewise of the "
        "network alone, where an encoder or a readout is around it."
    },
)


def line(report: Report) -> str:
    """Predicted resources and cycles, and beside them what was found."""
    promised, counted = report[PREDICTION], report[RESOURCES]
    parts = []
    for name, n in promised.resources.items():
        used = counted[name].used if name in counted else None
        if n or used:
            parts.append(f"{name} {n:,}" + ("" if used is None else f" ({used:,} counted)"))
    words = [", ".join(parts)] if parts else []
    cycles = promised.cycles_in_words()
    if cycles is not None:
        if promised.simulated_mean is not None:
            cycles += f" ({figure(promised.simulated_mean)} simulated, {_differing(promised)})"
        words.append(cycles)
    return "; ".join(words) or NOT_MEASURED


def _differing(promised: Prediction) -> str:
    """In how many of the samples the cycles were others than predicted."""
    return f"differing in {promised.samples_differ or 'none'} of {plural(promised.samples or 0, 'sample')}"


def table(report: Report) -> Table | None:
    """Every predicted figure beside what tools and simulation say; None where nothing was predicted."""
    promised, counted = report[PREDICTION], report[RESOURCES]
    rows = []
    for name, n in promised.resources.items():
        used = counted[name].used if name in counted else None
        if n or used:
            rows.append((name, f"{n:,}", figure(used), _off(n, used), "tool report"))
    cycles = (
        ("cycles of a sample", promised.cycles_per_sample_mean, promised.simulated_mean),
        ("cycles of the network alone", promised.network_cycles_mean, promised.network_simulated_mean),
    )
    for name, predicted, simulated in cycles:
        if predicted is not None:
            rows.append((name, figure(predicted), figure(simulated), _off(predicted, simulated), "simulated"))
    if not rows:
        return None
    told = ""
    if promised.simulated_mean is not None:
        told = f" Cycles are means of the same samples, {_differing(promised)}."
    return Table(
        "prediction",
        "What the plan promised",
        f"Predicted before any tool or simulation ran. Off: predicted less found, of what was found.{told}",
        ("of", "predicted", "found", "off", "found by"),
        tuple(rows),
    )


def _off(predicted: Number, off: Number | None) -> str:
    """How far a prediction is off, in percent of what was found; nothing where that is not known."""
    if off is None:
        return ""
    if predicted == off:
        return "0 %"
    return f"{signed(100 * (predicted / off - 1), 1)} %" if off else f"{signed(predicted, 0)}"


def _on_card(report: Report) -> tuple[str, ...]:
    promised = report[PREDICTION]
    predicted = promised.cycles_in_words()
    if predicted is None:
        return ()
    # The card's other figures are of every simulated sample.
    if promised.samples and promised.samples != report[VERIFICATION].distinct_samples:
        predicted += f", mean of the first {plural(promised.samples, 'sample')}"
    return (f"predicted: {predicted}",)


SECTION = Section(
    "prediction",
    parts=(PREDICTION,),
    lines=(Line("predicted", line, after="resources"),),
    card_lines={"latency": _on_card},
    exhibits=(Exhibit("prediction", HARDWARE, lambda report, traces: table(report)),),
)
