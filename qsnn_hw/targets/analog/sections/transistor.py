"""What a neuron of transistors takes: simulated figures that ship, times what this network does."""

from dataclasses import dataclass

from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import Line, Part, Section
from qsnn_hw.report.words import rounded
from qsnn_hw.support.values import Number, check_counts, check_numbers
from qsnn_hw.targets.analog.agreement import Agreement
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.spice.transistor_figures import transistor_figures


@dataclass(frozen=True)
class TransistorNeuron:
    """An axon-hillock neuron in sky130, before layout, at its nominal input current.

    Parameters
    ----------
    spike_fj, spike_low_fj, spike_high_fj
        From the supply, a spike: typical transistors, and the least and most of corners and of drawn neurons
        within two standard deviations.
    drawn_mean_fj, drawn_sigma_fj, drawn
        Over so many neurons drawn with mismatch; None where none were.
    rest_pw
        From the supply without input.
    input_na, supply_v
        What it was simulated at.
    made
        When, by which command, with which versions.
    inference_nj, inference_low_nj, inference_high_nj
        All neurons of this network, an inference: the analog model's spikes times that energy, which has what
        flows between spikes in it, and power at rest for the time of all steps. None without samples.
    """

    spike_fj: Number | None = None
    spike_low_fj: Number | None = None
    spike_high_fj: Number | None = None
    drawn_mean_fj: Number | None = None
    drawn_sigma_fj: Number | None = None
    drawn: int | None = None
    rest_pw: Number | None = None
    input_na: Number | None = None
    supply_v: Number | None = None
    made: str | None = None
    inference_nj: Number | None = None
    inference_low_nj: Number | None = None
    inference_high_nj: Number | None = None

    def __post_init__(self) -> None:
        """Refuse negative or non-finite values."""
        check_counts(self, "transistor_neuron", "drawn")
        check_numbers(self, "transistor_neuron", "spike_fj", "spike_low_fj", "spike_high_fj", "drawn_mean_fj")
        check_numbers(self, "transistor_neuron", "drawn_sigma_fj", "rest_pw", "input_na", "supply_v")
        names = ("inference_nj", "inference_low_nj", "inference_high_nj")
        check_numbers(self, "transistor_neuron", *names)


def _inference(results: Results) -> tuple[float | None, float | None, float | None]:
    """nJ, typical, low and high."""
    agreement, network, device = results.get(Agreement), results.get(AnalogNetwork), results.get(Device)
    if agreement is None or network is None or device is None or not agreement.samples:
        return None, None, None
    figures = transistor_figures()
    spikes = sum(group.analog_spikes for group in agreement.groups) / agreement.samples
    neurons = sum(group.size for group in network.groups)
    steps = agreement.groups[0].compared / agreement.groups[0].neurons / agreement.samples
    rest = max(0.0, figures.rest_w) * neurons * steps * device.step_s
    low, typical, high = (1e9 * (spikes * each + rest) for each in figures.energy_range_j)
    return typical, low, high


def _neuron(results: Results) -> TransistorNeuron:
    figures = transistor_figures()
    drawn = figures.drawn_energy_j
    low, typical, high = (1e15 * each for each in figures.energy_range_j)
    nj, low_nj, high_nj = _inference(results)
    return TransistorNeuron(
        spike_fj=typical,
        spike_low_fj=low,
        spike_high_fj=high,
        drawn_mean_fj=None if drawn is None else 1e15 * drawn.mean,
        drawn_sigma_fj=None if drawn is None else 1e15 * drawn.sigma,
        drawn=None if drawn is None else drawn.count,
        rest_pw=1e12 * max(0.0, figures.rest_w),
        input_na=1e9 * figures.nominal_a,
        supply_v=figures.supply_v,
        made=f"{figures.date}, {figures.command}, ngspice {figures.ngspice}, {figures.models}",
        inference_nj=nj,
        inference_low_nj=low_nj,
        inference_high_nj=high_nj,
    )


NEURON: Part[TransistorNeuron] = Part(
    "transistor_neuron",
    TransistorNeuron,
    TransistorNeuron(),
    _neuron,
    basis={
        "": "simulated",
        "inference_nj": "estimated",
        "inference_low_nj": "estimated",
        "inference_high_nj": "estimated",
    },
    definitions={
        "": (
            "An axon-hillock neuron of sky130 transistors in ngspice, before layout, with a constant "
            "input current. "
            "Not the neuron of the netlists: a guide to what a neuron takes."
        ),
        "spike_fj": "From the supply over whole periods: what flows between two spikes is in it, so it "
        "falls with "
        "the rate.",
        "inference_nj": "The analog model's spikes times spike_fj, and rest_pw for all steps; low and "
        "high are "
        "those of a spike.",
    },
)


def _line(report: Report) -> str:
    neuron = report[NEURON]
    drawn = "no mismatch drawn" if neuron.drawn is None else f"{neuron.drawn} neurons drawn with mismatch"
    said = (
        f"{rounded(neuron.spike_fj)} fJ a spike ({rounded(neuron.spike_low_fj)} to "
        f"{rounded(neuron.spike_high_fj)}), "
        f"{rounded(neuron.rest_pw)} pW at rest: an axon-hillock neuron in sky130, simulated, corners "
        f"and {drawn}"
    )
    if neuron.inference_nj is None:
        return said
    return (
        f"{said}; {rounded(neuron.inference_nj)} nJ an inference ({rounded(neuron.inference_low_nj)} to "
        f"{rounded(neuron.inference_high_nj)}), estimated"
    )


SECTION = Section("transistor neuron", parts=(NEURON,), lines=(Line("neuron energy", _line),))
