"""What several sections of the board's figures are made from, each worked out once a report."""

from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.families.boards import Board
from qsnn_hw.families.power_coefficients import DeviceCoefficients
from qsnn_hw.model.dataset import Dataset
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.report.results import Results
from qsnn_hw.report.sections.work import work
from qsnn_hw.targets.fpga.calibration import Calibration
from qsnn_hw.targets.fpga.per_sample import LinkBytes, Rates, link_us, rates
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.targets.fpga.spending import Spending, spending
from qsnn_hw.verify import Verification
from qsnn_hw.verify.design_cycles import DesignCycles


def cycles(results: Results) -> DesignCycles:
    """Clock cycles of the design that the bitstream holds."""
    return DesignCycles.of(results[HardwarePlan], results.get(Verification))


def moved(results: Results) -> LinkBytes | None:
    """Bytes of the test samples on the serial line; None without samples."""
    data, golden = results.get(Dataset), results.get(GoldenResult)
    if data is None or golden is None:
        return None
    return LinkBytes.of(results[HardwarePlan], data, golden.integer)


def sample_rates(results: Results) -> Rates:
    """Samples a second on the chip and through the link."""
    board, bytes_ = results[Board], results.once(moved)
    longest = None if bytes_ is None else max(link_us(bytes_, board.byte_us))
    return rates(board.clock_mhz, results.once(cycles), longest)


def used(results: Results) -> dict[str, int] | None:
    """Units in use by nextpnr's own names; None without an implementation."""
    implementation = results.get(Implementation)
    return None if implementation is None else implementation.used()


def coefficients(results: Results) -> DeviceCoefficients | None:
    """Of the board's device: the user's own, the published ones, or none."""
    board, calibration = results[Board], results.get(Calibration)
    return board.family.power.get(board.device) if calibration is None else calibration.of(board)


def spent(results: Results) -> Spending:
    """Power and energy, as far as what they need is known."""
    board, cycle_counts, bytes_ = results[Board], results.once(cycles), results.once(moved)
    return spending(
        board,
        results[HardwarePlan],
        results.get(Implementation),
        results.get(Verification),
        cycle_counts,
        us_on_board=None if cycle_counts.alone_mean is None else cycle_counts.alone_mean / board.clock_mhz,
        link_per_s=results.once(sample_rates).link_per_s,
        spikes=results.once(work).spikes_per_sample,
        words_per_sample=None if bytes_ is None else bytes_.words_in_mean,
        calibration=results.get(Calibration),
    )
