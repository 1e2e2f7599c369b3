"""What the whole chip takes, part by part: crossbar, column ends, neurons, converters, digital side."""

from dataclasses import dataclass, field

from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.report.bounds import Bounds, range_text
from qsnn_hw.report.record import Report
from qsnn_hw.report.results import Results
from qsnn_hw.report.section import HARDWARE, Exhibit, Line, Part, Section, Table
from qsnn_hw.report.words import NOT_MEASURED, between, rounded
from qsnn_hw.targets.analog.device import Device
from qsnn_hw.targets.analog.energy import Activity, energy_parts, total
from qsnn_hw.targets.analog.network import AnalogNetwork
from qsnn_hw.targets.analog.wires import Wires


@dataclass(frozen=True)
class SpentPart:
    """One part of the chip.

    Parameters
    ----------
    nj
        An inference.
    source
        Of what, and where its range comes from.
    """

    name: str
    nj: Bounds
    source: str


@dataclass(frozen=True)
class Spent:
    """The chip's energy; every figure at its low, typical or high end at once.

    Parameters
    ----------
    nj_per_sample, pj_per_spike
        Of an inference, and that shared by its input, hidden and output spikes.
    parts
        What it is made of; empty where samples or the device file's ``[energy]`` are missing.
    """

    nj_per_sample: Bounds = field(default_factory=Bounds)
    pj_per_spike: Bounds = field(default_factory=Bounds)
    parts: tuple[SpentPart, ...] = ()


def _spent(results: Results) -> Spent | None:
    network, device, wires = results.get(AnalogNetwork), results.get(Device), results.get(Wires)
    data, golden = results.get(Dataset), results.get(GoldenResult)
    if network is None or device is None or wires is None or data is None or golden is None:
        return None
    activity = Activity.of(data.input, golden.integer.spikes)
    parts = energy_parts(network, device, wires, activity)
    whole = total(parts)
    spikes = activity.all_spikes
    return Spent(
        nj_per_sample=whole.times(1e9),
        pj_per_spike=whole.times(1e12 / spikes) if spikes else Bounds(),
        parts=tuple(SpentPart(part.name, Bounds.of(part.joule.times(1e9)), part.source) for part in parts),
    )


SPENT: Part[Spent] = Part(
    "analog_energy",
    Spent,
    Spent(),
    _spent,
    basis={"": "estimated"},
    definitions={
        "": (
            "Of the whole chip: crossbar, virtual grounds of the columns, neurons, converters "
            "and the digital "
            "side. Low and high have every figure of the device file at that end at once; the neuron's is a "
            "transistor circuit simulated, the others are the file's, which says which are assumed."
        ),
        "pj_per_spike": "The same, shared by the input, hidden and output spikes of a mean sample.",
    },
)


def _line(report: Report) -> str:
    spent = report[SPENT]
    if not spent.parts:
        return f"{NOT_MEASURED}: it takes --data FILE, and a device file with [energy]"
    return (
        f"{range_text(spent.nj_per_sample, 'nJ')} an inference, "
        f"{range_text(spent.pj_per_spike, 'pJ')} a spike, "
        "estimated, all parts"
    )


def _table(report: Report) -> Table | None:
    parts = report[SPENT].parts
    if not parts:
        return None
    return Table(
        "analog-energy",
        "Energy of an inference, part by part",
        "Low and high with every figure of the device file at that end at once.",
        ("part", "typical, nJ", "range, nJ", "of what"),
        tuple(
            (part.name, rounded(part.nj.typical), between(part.nj.low, part.nj.high), part.source)
            for part in parts
        ),
    )


SECTION = Section(
    "analog energy",
    parts=(SPENT,),
    lines=(Line("energy of all parts", _line),),
    exhibits=(Exhibit("analog-energy", HARDWARE, lambda report, traces: _table(report)),),
)
