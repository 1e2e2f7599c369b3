"""How long a sample takes in clock cycles: all that can be said where no clock is known."""

from dataclasses import dataclass

from qsnn_hw.build.steps import outputs
from qsnn_hw.cost.design_cycles import PredictedCycles
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Added, Card, Line, Part, Section
from qsnn_hw.report.sections.products import FILES, left
from qsnn_hw.report.words import NOT_MEASURED, figure, rounded
from qsnn_hw.support.values import Number, check_numbers
from qsnn_hw.verify import Verification
from qsnn_hw.verify.design_cycles import DesignCycles


@dataclass(frozen=True)
class Cycles:
    """Clock cycles of one sample sent alone, encoder and readout included where the design has them.

    Parameters
    ----------
    per_sample_mean, per_sample_max
        As simulated; None without a simulation.
    back_to_back_mean
        Of a sample behind others, as simulated: what a stream of them takes.
    network_mean
        Of the network by itself, where an encoder or a readout is around it.
    predicted_mean, predicted_samples
        As the plan promised, over the first so many samples; None where there are none.
    """

    per_sample_mean: Number | None = None
    per_sample_max: Number | None = None
    back_to_back_mean: Number | None = None
    network_mean: Number | None = None
    predicted_mean: Number | None = None
    predicted_samples: int | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_numbers(self, "cycles", "per_sample_mean", "per_sample_max", "back_to_back_mean")
        check_numbers(self, "cycles", "network_mean", "predicted_mean", "predicted_samples")


def _cycles(results: Results) -> Cycles:
    plan = results[HardwarePlan]
    simulated = DesignCycles.of(plan, results.get(Verification))
    data, golden = results.get(Dataset), results.get(GoldenResult)
    predicted = None
    if data is not None and golden is not None:
        predicted = PredictedCycles.of(plan, data.input, golden.integer.spikes, data.pixels).design
        predicted = predicted if predicted.size else None
    return Cycles(
        per_sample_mean=simulated.alone_mean,
        per_sample_max=None if simulated.alone is None else int(simulated.alone.max()),
        back_to_back_mean=simulated.stream,
        network_mean=None if simulated.network is None else float(simulated.network.mean()),
        predicted_mean=None if predicted is None else float(predicted.mean()),
        predicted_samples=None if predicted is None else predicted.size,
    )


CYCLES: Part[Cycles] = Part(
    "cycles",
    Cycles,
    Cycles(),
    _cycles,
    basis={"": "simulated", "predicted_mean": "predicted", "predicted_samples": "predicted"},
    definitions={
        "": (
            "Clock cycles from the edge that takes a sample's first input word to the edge on which its last "
            "output word leaves, with encoder and readout where the design has them. No clock is known, so "
            "no time is."
        ),
        "back_to_back_mean": "Of a sample in a stream of them.",
        "network_mean": "Of the bare network where encoder or readout stand around it.",
        "predicted_mean": "What the plan promised, over the first predicted_samples.",
    },
)


def _lines(cycles: Cycles) -> list[str]:
    lines = []
    if cycles.per_sample_max is not None:
        lines.append(f"at most {figure(cycles.per_sample_max)}")
    if cycles.back_to_back_mean is not None:
        lines.append(f"back to back {figure(cycles.back_to_back_mean)}")
    if cycles.network_mean is not None:
        lines.append(f"the network alone {figure(cycles.network_mean)}")
    if cycles.predicted_mean is not None:
        lines.append(f"predicted {figure(cycles.predicted_mean)}")
    return lines


def _line(report: Report) -> str:
    cycles = report[CYCLES]
    mean = NOT_MEASURED
    if cycles.per_sample_mean is not None:
        mean = f"{figure(cycles.per_sample_mean)} a sample"
    return ", ".join([mean, *_lines(cycles)])


def _card(report: Report) -> Card:
    cycles = report[CYCLES]
    unit = "" if cycles.per_sample_mean is None else "cycles"
    return Card(
        "cycles",
        "A sample takes",
        rounded(cycles.per_sample_mean),
        unit,
        tuple(_lines(cycles)),
        report.basis.get("cycles", ""),
        gain=True,
    )


def _verilog(results: Results) -> dict[str, str | None]:
    return {
        "verilog": left(results, outputs.NETWORK_VERILOG),
        "weights": left(results, outputs.WEIGHTS),
    }


SECTION = Section(
    "cycles",
    parts=(CYCLES,),
    added=(Added(FILES, _verilog),),
    lines=(Line("cycles", _line, after="verification"),),
    card=_card,
)
