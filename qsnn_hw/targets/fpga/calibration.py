"""Power coefficients of somebody's own board, as ``qsnn-hw calibrate`` keeps them and a build reads them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from qsnn_hw.families.boards import Board
from qsnn_hw.families.power_coefficients import Coefficient, DeviceCoefficients
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.fpga.power import without_coefficients
from qsnn_hw.targets.fpga.power_terms import FIELDS, with_fitted


@dataclass(frozen=True)
class Calibration(StoredRecord, form="power calibration 1", again="make it again with qsnn-hw calibrate"):
    """Power coefficients that were fitted to a user's measurements.

    Parameters
    ----------
    family, device
        What was measured, as a board's file says it.
    measurements
        Name of the file.
    rows
        How many there were.
    mean_error, worst_error
        Relative, 0.05 for 5 %: how far each row is missed when it is left out of the fit.
    coefficients
        By their names in ``DeviceCoefficients``; those that are missing are the family's.
    """

    family: str
    device: str
    measurements: str
    rows: int
    mean_error: float
    worst_error: float
    coefficients: Mapping[str, Coefficient]

    def __post_init__(self) -> None:
        """Refuse coefficients that there are none of, and numbers that are none."""
        unknown = sorted(set(self.coefficients) - set(FIELDS.values()))
        if unknown:
            raise ValueError(f"unknown coefficients {', '.join(unknown)}")
        numbers = [self.mean_error, self.worst_error]
        numbers += [end for c in self.coefficients.values() for end in (c.low, c.typical, c.high)]
        if not all(math.isfinite(number) and number >= 0 for number in numbers):
            raise ValueError("its numbers must be finite and not negative")

    @property
    def sentence(self) -> str:
        """What the report says of it."""
        names = {field: name for name, field in FIELDS.items()}
        fitted = ", ".join(names[name] for name in self.coefficients)
        mean, worst = 100 * self.mean_error, 100 * self.worst_error
        return (
            f"power coefficients calibrated by {self.measurements}, {self.rows} measurements, each left "
            f"out in turn missed by {mean:.1f} % on average and {worst:.1f} % at "
            f"most: {fitted}; the others are the published ones"
        )

    def of(self, board: Board) -> DeviceCoefficients:
        """The coefficients of a board's device.

        Raises
        ------
        UserError
            It was made for another device, or the device has no coefficients for the rest.
        """
        if (self.family, self.device) != (board.family.name, board.device):
            raise UserError(
                f"power calibration by {self.measurements} is of {self.family} {self.device}, and "
                f"{board.name} has {board.family.name} {board.device}; calibrate with measurements of that"
            )
        if (unknown := without_coefficients(board)) is not None:
            raise UserError(unknown)
        return with_fitted(board.family.power[board.device], self.coefficients)
