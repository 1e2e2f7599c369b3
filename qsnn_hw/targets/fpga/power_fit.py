"""Coefficients of the power model from measurements: non-negative least squares, ranges from what is left.

Each measurement is one linear equation, ``power = sum of coefficient * amount``, with the amounts of
:class:`~qsnn_hw.targets.fpga.power_terms.Term`. Equations are divided by the power measured, so that it is
relative errors whose squares are least, and a design of 0.1 mW counts as much as one of 3.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qsnn_hw.families.power_coefficients import Coefficient
from qsnn_hw.support.errors import UserError
from qsnn_hw.targets.fpga.power_terms import FIELDS, PICOJOULES

SPARE_ROWS = 2
"""Measurements that it takes beyond the number of coefficients."""

LEAST_ERROR = 0.01
"""Relative range that no coefficient falls below, however well few rows agree: no meter is better."""

WORST_FIT = 0.5
"""Mean leave-one-out error from which on measurements and model have nothing to do with each other."""

_STUDENT = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's t, 95 % two-sided, of 1 to 10 degrees of freedom; beyond that :func:`_student` approximates."""

_UNITS = dict.fromkeys(FIELDS.values(), "mW") | dict.fromkeys(PICOJOULES, "pJ/access")


@dataclass(frozen=True)
class Measurement:
    """Power that was measured, and what the design did meanwhile.

    Parameters
    ----------
    name
        For messages.
    power_mw
        Of the core supply.
    amounts
        Coefficient, as ``DeviceCoefficients`` names it -> what it is multiplied by; those missing are 0.
        The static coefficient's is 1 always.
    """

    name: str
    power_mw: float
    amounts: Mapping[str, float]


@dataclass(frozen=True)
class Fit:
    """Coefficients that were fitted.

    Parameters
    ----------
    coefficients
        Those that the measurements tell anything of, by their names in ``DeviceCoefficients``.
    errors
        Of each measurement: the fit's prediction over the measured power, less 1.
    left_out
        The same of a fit to all others; None where the others do not tell all coefficients apart.
    """

    coefficients: Mapping[str, Coefficient]
    errors: tuple[float, ...]
    left_out: tuple[float | None, ...]

    @property
    def known_left_out(self) -> list[float]:
        """Sizes of the leave-one-out errors that there are."""
        return [abs(error) for error in self.left_out if error is not None]

    @property
    def mean_error(self) -> float:
        """Mean size of the leave-one-out errors."""
        return float(np.mean(self.known_left_out))

    @property
    def worst_error(self) -> float:
        """Largest leave-one-out error."""
        return max(self.known_left_out)


def fit(measurements: Sequence[Measurement], where: str) -> Fit:
    """Fit every coefficient that has an amount in any measurement.

    Parameters
    ----------
    where
        What the measurements stand in, for messages and as the coefficients' source.

    Raises
    ------
    UserError
        There are too few measurements, some coefficients cannot be told apart, or the fit explains nothing.
    """
    fields = [name for name in FIELDS.values() if any(m.amounts.get(name, 0) > 0 for m in measurements)]
    _check_number(len(measurements), fields, where)
    power = np.array([m.power_mw for m in measurements])
    scaled = np.array([[m.amounts.get(name, 0.0) for name in fields] for m in measurements]) / power[:, None]
    _check_apart(scaled, fields, where)
    found = non_negative(scaled, np.ones(len(power)))
    errors = scaled @ found - 1
    left_out = _left_out(scaled)
    made = Fit({}, tuple(map(float, errors)), left_out)
    if not made.known_left_out or made.mean_error > WORST_FIT:
        worst = int(np.argmax(np.abs(errors)))
        raise UserError(
            f"{where} does not follow from any coefficients: left out of the fit, a row is missed by "
            f"{100 * made.mean_error:.0f} % on average; look at {measurements[worst].name!r} first, and "
            "whether power_mw is milliwatts of the core supply everywhere"
        )
    half = _half_ranges(scaled, errors)
    source = (
        f"calibrated by {where}: {len(power)} measurements, each left out in turn missed by "
        f"{100 * made.mean_error:.1f} % on average and {100 * made.worst_error:.1f} % at most"
    )
    coefficients = {}
    for name, value, spread in zip(fields, found, half, strict=True):
        spread = max(spread, value * max(LEAST_ERROR, made.worst_error))
        scale = 1e3 if name in PICOJOULES else 1.0
        low, typical, high = (scale * end for end in (max(0.0, value - spread), value, value + spread))
        coefficients[name] = Coefficient(low, typical, high, _UNITS[name], source)
    return replace(made, coefficients=coefficients)


def non_negative(rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The ``x >= 0`` with the least ``|rows @ x - wanted|``, float64, shape (columns,).

    Exact: the solution is the plain least squares of some set of columns, and all sets are tried; with at
    most nine columns these are 511.

    Parameters
    ----------
    rows
        Float, shape (rows, columns).
    wanted
        Float, shape (rows,).
    """
    columns = rows.shape[1]
    best, least = np.zeros(columns), float(wanted @ wanted)
    # Columns of very different size are one: pJ beside MHz times cells.
    size = np.where((norm := np.linalg.norm(rows, axis=0)) > 0, norm, 1.0)
    for count in range(1, columns + 1):
        for chosen in itertools.combinations(range(columns), count):
            found = np.linalg.lstsq(rows[:, chosen] / size[list(chosen)], wanted, rcond=None)[0]
            if (found < 0).any():
                continue
            found = found / size[list(chosen)]
            left = float(np.sum((rows[:, chosen] @ found - wanted) ** 2))
            if left < least:
                least, best = left, np.zeros(columns)
                best[list(chosen)] = found
    return best


def _check_number(rows: int, fields: Sequence[str], where: str) -> None:
    needed = len(fields) + SPARE_ROWS
    if rows < needed:
        raise UserError(
            f"{where} has {rows} measurement{'s' * (rows != 1)} for {len(fields)} coefficients "
            f"({_terms(fields)}): it takes at least {needed}; measure at more clocks and activities"
        )


def _check_apart(scaled: np.ndarray, fields: Sequence[str], where: str) -> None:
    """Refuse measurements in which some amounts always change together."""
    together = _together(scaled)
    if together:
        raise UserError(
            f"{where} cannot tell {_terms([fields[k] for k in together])} apart: their amounts change "
            "together in every row; add a measurement in which one of them changes alone"
        )


def _terms(fields: Sequence[str]) -> str:
    names = {field: name for name, field in FIELDS.items()}
    return ", ".join(names[field] for field in fields)


def _together(scaled: np.ndarray) -> list[int]:
    """Columns that depend on one another; none where all are independent."""
    unit = scaled / np.where((norm := np.linalg.norm(scaled, axis=0)) > 0, norm, 1.0)
    _, sizes, directions = np.linalg.svd(unit, full_matrices=True)
    sizes = np.concatenate([sizes, np.zeros(unit.shape[1] - len(sizes))])
    weak = directions[sizes < 1e-6]
    return [k for k in range(unit.shape[1]) if len(weak) and np.abs(weak[:, k]).max() > 1e-3]


def _left_out(scaled: np.ndarray) -> tuple[float | None, ...]:
    """How far a fit to all other rows is off, row by row."""
    missed: list[float | None] = []
    for row in range(len(scaled)):
        others = np.delete(scaled, row, axis=0)
        if _together(others):
            missed.append(None)
            continue
        missed.append(float(scaled[row] @ non_negative(others, np.ones(len(others))) - 1))
    return tuple(missed)


def _half_ranges(scaled: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Half the 95 % confidence range of each coefficient, from what is left of the rows."""
    freedom = len(scaled) - scaled.shape[1]
    variance = float(errors @ errors) / freedom
    spread: np.ndarray = np.sqrt(variance * np.diag(np.linalg.pinv(scaled.T @ scaled)))
    return _student(freedom) * spread


def _student(freedom: int) -> float:
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    # Fisher's expansion around the normal quantile, within 0.1 % from 11 on.
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
