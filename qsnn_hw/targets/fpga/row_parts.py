"""What a built and a predicted row of the comparison have in common."""

from qsnn_hw.compare import Known, Row
from qsnn_hw.families.boards import Board
from qsnn_hw.report.bounds import Bounds, range_text

USE = "FPGA research and prototyping"
ANN_USE = "The same FPGA without spikes"

POWER_SOURCE = "core supply of the FPGA by published coefficients (docs/power.md)"

_ANN_CAVEAT = (
    "The same shape and weight bits, activations of 8 bits, one pass of multiplications. No such network was "
    "trained, so nothing is known of its accuracy, and its samples are frames: it has no state for a stream "
    "of events."
)


def against(times: Bounds) -> str:
    """How a network without spikes does on the same device, in a sentence; empty where that is not known."""
    if times.typical is None or times.low is None or times.high is None:
        return ""
    verdict = "spikes pay here"
    if times.high < 1:
        verdict = "spikes do not pay here"
    elif times.low <= 1:
        verdict = "the range does not say whether spikes pay here"
    said = range_text(times, "times")
    return f" A network without spikes of this shape takes {said} the energy on this device: {verdict}."


def ann_row(board: Board, us: float, energy_uj: Bounds) -> Row:
    """A network without spikes of the same shape and widths, on the same device and clock."""
    source = "one pass of multiplications by the same device, clock and memories (docs/power.md)"
    energy = Known.bounds(energy_uj, "estimated", source)
    return Row(
        f"{board.name}-ann",
        "fpga",
        f"network without spikes on {board.name}",
        ANN_USE,
        _ANN_CAVEAT,
        latency_us=Known.exactly(us, "estimated", source),
        per_s=Known.exactly(1e6 / us, "estimated", source),
        energy_uj=energy,
        per_watt=energy.inverse(1e6, source),
    )
