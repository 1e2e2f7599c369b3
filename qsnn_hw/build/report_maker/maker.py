"""Everything a run knows, put into the report's records."""

import datetime
import importlib.metadata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from qsnn_hw import __version__
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.report_maker import speed
from qsnn_hw.build.report_maker.spending import spending
from qsnn_hw.build.report_maker.work import activity, metrics
from qsnn_hw.cost.design_cycles import PredictedCycles
from qsnn_hw.cost.predict import in_words
from qsnn_hw.cost.predict import predict as predict_usage
from qsnn_hw.explore.integers.choose import Chosen
from qsnn_hw.explore.integers.drop import Drop
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.families.boards import Board
from qsnn_hw.golden import GoldenRun
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.model.network import INPUT, Network
from qsnn_hw.model.readouts import READOUT_WORDS
from qsnn_hw.plan import GroupPlan, HardwarePlan
from qsnn_hw.quantize import QuantizedNetwork
from qsnn_hw.report import (
    Accuracy,
    Calibration,
    Clock,
    Diagnostics,
    Files,
    Framework,
    GroupActivity,
    GroupTrace,
    Layer,
    Metrics,
    NetworkSummary,
    OperatingPoint,
    Prediction,
    Report,
    Resource,
    Timing,
    Traces,
    write_page,
)
from qsnn_hw.report import Board as ReportBoard
from qsnn_hw.report import Verification as ReportVerification
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.verify import Verification

REPORT = "report.json"
PAGE = "report.html"
TRACES = "10_traces.npz"


def make_report(
    folder: Path,
    *,
    options: BuildOptions,
    board: Board,
    network: Network,
    chosen: Chosen,
    plan: HardwarePlan,
    data: Dataset | None,
    golden: GoldenResult | None,
    diagnostics: Diagnostics | None,
    verification: Verification | None,
    implementation: Implementation | None,
) -> Report:
    """Write report.json, report.html and the page's traces into ``folder``; return the report."""
    quantized = chosen.quantized
    spikes = {} if golden is None or data is None else _spikes_per_sample(data, golden.integer)
    worked = Metrics() if data is None or golden is None else metrics(quantized, data, golden.integer)
    did = activity(verification)
    cycles = speed.DesignCycles.of(plan, verification)
    moved = None if data is None or golden is None else speed.LinkBytes.of(plan, data, golden.integer)
    line = speed.link(board, moved)
    fmax = None if implementation is None else implementation.fmax_mhz
    latency = speed.latency(board, cycles, fmax, line, moved)
    spent = spending(
        board,
        plan,
        implementation,
        verification,
        cycles,
        latency,
        speed.throughput(board, cycles, latency.link_us_mean),
        spikes=worked.spikes_per_sample,
        words_per_sample=None if moved is None else moved.words_in_mean,
    )
    report = Report(
        network=NetworkSummary(
            name=network.name,
            inputs=network.input_size,
            steps=None if data is None else data.steps,
            layers=tuple(_layer(quantized, g, golden, did.get(g.group)) for g in plan.groups),
        ),
        bits=options.quantize.weight_bits,
        convention=_convention(network),
        accuracy=_accuracy(data, golden),
        calibration=_calibration(chosen.drop),
        accuracy_samples=None if data is None or data.label is None else data.samples,
        diagnostics=diagnostics,
        verification=_verification(verification, golden),
        resources=_resources(implementation),
        timing=_timing(implementation),
        clock=Clock(board.clock_mhz),
        latency=latency,
        link=line,
        throughput=spent.throughput,
        operating_point=OperatingPoint(board.clock_mhz, latency.us_on_board_mean),
        power_mw=spent.power,
        energy=spent.energy,
        metrics=worked,
        activity=did,
        spikes_per_sample=spikes,
        dead=None if golden is None else golden.dead,
        board=ReportBoard(board.name, board.description, board.chip),
        tools=_tools(verification, implementation),
        files=_files(folder, implementation),
        assumptions=(*spent.notes, *speed.stream_note(verification)),
        prediction=predicted_figures(plan, board, data, golden, verification),
        warnings=(*quantized.warnings, *_spoken(golden), *spent.warnings),
        plan_notes=(*plan.notes, _predicted(plan, board, implementation)),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    report.save(folder / REPORT)
    traces = None if data is None or golden is None else _traces(quantized, data, golden)
    if traces is not None:
        traces.save(folder / TRACES)
    write_page(report, traces, folder / PAGE)
    return report


def _spoken(golden: GoldenResult | None) -> tuple[str, ...]:
    """What golden has to say, that nothing comes out first."""
    if golden is None:
        return ()
    return golden.warnings if golden.dead is None else (golden.dead, *golden.warnings)


def _predicted(plan: HardwarePlan, board: Board, implementation: Implementation | None) -> str:
    """The prediction, and beside it what the tools counted."""
    counted = None
    if implementation is not None:
        counted = {name: resource.used for name, resource in implementation.resources.items()}
    return f"Predicted: {in_words(predict_usage(plan, board.limits).usage, board.limits, counted)}."


def predicted_figures(
    plan: HardwarePlan,
    board: Board,
    data: Dataset | None,
    golden: GoldenResult | None,
    verification: Verification | None,
) -> Prediction:
    """Resources and cycles as predicted, and the cycles beside those of the simulation."""
    usage = predict_usage(plan, board.limits).usage
    resources = board.limits.by_name(usage)
    if data is None or golden is None:
        return Prediction(resources)
    simulated = speed.DesignCycles.of(plan, verification)
    most = None if simulated.alone is None else simulated.alone.size
    found = PredictedCycles.of(plan, data.input, golden.integer.spikes, data.pixels, most)
    if not found.design.size:
        return Prediction(resources)
    figures = Prediction(
        resources,
        _mean(found.design),
        samples=found.design.size,
        network_cycles_mean=_mean(found.network),
    )
    if simulated.alone is None:
        return figures
    both = simulated.alone[: found.design.size]
    return replace(
        figures,
        simulated_mean=_mean(both),
        samples_differ=int(np.count_nonzero(found.design != both)),
        network_simulated_mean=_mean(simulated.network, found.design.size),
    )


def _mean(cycles: np.ndarray | None, samples: int | None = None) -> float | None:
    """Of the first ``samples``, or of all."""
    return None if cycles is None or not cycles.size else float(cycles[:samples].mean())


def _accuracy(data: Dataset | None, golden: GoldenResult | None) -> Accuracy:
    if data is None or data.label is None or golden is None:
        return Accuracy()
    drop = golden.drop
    return Accuracy(drop.float_score, drop.integer_score, READOUT_WORDS[golden.readout], _points(drop))


def _calibration(drop: Drop | None) -> Calibration | None:
    if drop is None:
        return None
    return Calibration(drop.samples, drop.labelled, drop.float_score, drop.integer_score, _points(drop))


def _points(drop: Drop) -> float | None:
    """The standard error in percentage points."""
    return None if drop.standard_error is None else 100 * drop.standard_error


def _spikes_per_sample(data: Dataset, run: GoldenRun) -> dict[str, float]:
    counts = {INPUT: data.input, **run.spikes}
    return {name: float(spikes.sum(dtype=np.int64)) / data.samples for name, spikes in counts.items()}


def _convention(network: Network) -> Mapping[str, object]:
    """The convention, with the clamp that a network of a live reader has in its groups alone."""
    clamps = [group.v_min for group in network.groups if group.v_min is not None]
    return {"v_min": min(clamps), **network.convention} if clamps else network.convention


def _layer(
    quantized: QuantizedNetwork,
    group: GroupPlan,
    golden: GoldenResult | None,
    did: GroupActivity | None,
) -> Layer:
    integer = quantized.group(group.group)
    fired = None if golden is None else golden.integer.spikes[group.group].any(axis=(0, 1))
    leaks = bool(np.any(integer.numerator)) or integer.has_current
    return Layer(
        name=group.group,
        neurons=group.neurons,
        synapses=int(np.count_nonzero(group.synapses)),
        weight_bits=group.weight_bits,
        potential_bits=group.neuron.v_bits,
        scale_low=float(integer.scale.min()),
        scale_high=float(integer.scale.max()),
        threshold_low=None if integer.readout else int(integer.threshold.min()),
        threshold_high=None if integer.readout else int(integer.threshold.max()),
        dead_neurons=None if fired is None or integer.readout else int(fired.size - np.count_nonzero(fired)),
        saturations=None if golden is None else golden.integer.saturations[group.group],
        lanes=group.lanes,
        folds=group.folds,
        update_lanes=group.update_lanes,
        event_lanes=group.event_lanes,
        accumulators=group.accumulators,
        potentials_in=group.potentials_in,
        rom_bits=group.synapse_bits,
        cycles_per_sample=None if did is None else did.busy_cycles,
        leak_rounding=integer.leak_rounding if leaks else "none",
        own_integers=integer.own_integers,
    )


def _verification(found: Verification | None, golden: GoldenResult | None) -> ReportVerification:
    framework = None
    if golden is not None:
        made = golden.framework
        framework = Framework(
            made.values, made.differ, made.what, made.reason, made.tolerance, made.greatest, made.largest
        )
    if found is None:
        return ReportVerification(framework=framework)
    return ReportVerification(
        samples=found.samples,
        spikes_compared=found.spikes_compared,
        potentials_compared=found.potentials_compared,
        mismatches=found.mismatches,
        simulator=found.simulator,
        answers=found.answers or None,
        distinct_samples=found.distinct_samples,
        spikes_by_group=found.spikes_by_group,
        repeated_samples=found.repeated_samples,
        repeated_spikes=found.repeated_spikes,
        repeated_potentials=found.repeated_potentials,
        matched_registers=found.matched_registers or None,
        matched_memory_bits=found.matched_memory_bits if found.matched_registers else None,
        framework=framework,
    )


def _resources(found: Implementation | None) -> dict[str, Resource]:
    if found is None:
        return {}
    return {name: Resource(r.used, r.available) for name, r in found.resources.items() if r.available}


def _timing(found: Implementation | None) -> Timing:
    return Timing() if found is None else Timing(found.fmax_mhz, found.constraint_mhz)


def _tools(verification: Verification | None, implementation: Implementation | None) -> dict[str, str]:
    packages = ["amaranth", "numpy", "nir"]
    tools = {"qsnn-hw": __version__, **{name: importlib.metadata.version(name) for name in packages}}
    if verification is not None:
        if verification.cocotb is not None:
            tools["cocotb"] = verification.cocotb
        name, _, version = verification.simulator.partition(" ")
        tools[name] = version or "unknown"
    if implementation is not None:
        tools |= {name: version or "unknown" for name, version in implementation.tools.items()}
    return tools


def _files(folder: Path, implementation: Implementation | None) -> Files:
    verilog, weights = folder / "06_design.v", folder / "06_weights.bin"
    bitstream = None if implementation is None else implementation.files.get("bitstream")
    return Files(
        verilog=verilog.name if verilog.exists() else None,
        bitstream=None if bitstream is None else Path(bitstream).name,
        weights=weights.name if weights.exists() else None,
    )


def _traces(quantized: QuantizedNetwork, data: Dataset, golden: GoldenResult) -> Traces:
    sample, run = golden.traced, golden.integer
    predictions = golden.answers
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
        prediction=int(predictions[sample]),
        input_spikes=data.input[:, sample].reshape(data.steps, -1),
        groups=tuple(groups),
        labels=data.label,
        predictions=None if data.label is None else predictions,
    )
