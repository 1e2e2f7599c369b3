"""One sample, spike by spike: what every group sent, and what its potentials did."""

from collections.abc import Sequence

from qsnn_hw.explore.integers.choose import Quantization
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.report import figures
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import SAMPLE, Exhibit, Section
from qsnn_hw.report.svg import Figure
from qsnn_hw.report.traces import GroupTrace, Traces


def traces_of(results: Results) -> Traces | None:
    """The traced sample and the answers to all of them; None without samples."""
    data, golden = results.get(Dataset), results.get(GoldenResult)
    if data is None or golden is None:
        return None
    quantized = results[Quantization].quantized
    sample, run = golden.traced, golden.integer
    answers = golden.answers
    groups = []
    for group in quantized.groups:
        real = golden.float_potentials.get(group.name)
        if real is not None and group.rest is not None:
            # Beside integers and thresholds, which are counted from it.
            real = real - group.rest
        groups.append(
            GroupTrace(
                name=group.name,
                spikes=run.spikes[group.name][:, sample],
                potentials=run.potentials[group.name][:, sample],
                threshold=group.threshold,
                float_potentials=None if real is None else real.reshape(data.steps, -1) / group.step,
            )
        )
    return Traces(
        sample=sample,
        label=None if data.label is None else int(data.label[sample]),
        prediction=int(answers[sample]),
        input_spikes=data.input[:, sample].reshape(data.steps, -1),
        groups=tuple(groups),
        labels=data.label,
        predictions=None if data.label is None else answers,
    )


def _figures(report: Report, traces: Traces | None) -> Sequence[Figure | None]:
    if traces is None:
        return ()
    return [figures.raster(traces), *(figures.potentials(traces, k) for k in range(len(traces.groups)))]


SECTION = Section("sample", exhibits=(Exhibit("sample", SAMPLE, _figures),))
