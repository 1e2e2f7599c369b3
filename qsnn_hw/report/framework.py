"""The framework's own output beside that of the float network: a field of ``verification``."""

from dataclasses import dataclass

from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.report.results import Results
from qsnn_hw.report.words import figure
from qsnn_hw.support.values import Number, check_counts, check_numbers


@dataclass(frozen=True)
class Framework:
    """The framework's own output, where the data hold it, beside that of the float network.

    Parameters
    ----------
    values
        How many output values were compared, time steps x samples x neurons; None where none were.
    differ
        How many of them are not equal.
    what
        "spikes" or "potentials".
    reason
        Why nothing was compared.
    tolerance
        Potentials count as equal up to this part of the framework's largest; None where values are
        equal to the last bit.
    greatest_difference, largest
        The greatest difference between two potentials, and the framework's largest absolute potential, in
        the model's own unit; None for spikes.
    """

    values: int | None = None
    differ: int | None = None
    what: str = "spikes"
    reason: str | None = None
    tolerance: Number | None = None
    greatest_difference: Number | None = None
    largest: Number | None = None

    def __post_init__(self) -> None:
        """Refuse anything but counts, and more differences than values."""
        check_counts(self, "verification.framework", "values", "differ")
        check_numbers(self, "verification.framework", "tolerance", "greatest_difference", "largest")
        if self.values is not None and self.differ is not None and self.differ > self.values:
            raise ValueError(
                f"verification.framework.differ must be at most {self.values}, not {self.differ}"
            )


def framework_of(results: Results) -> Framework | None:
    """What the comparison with the framework found; None where no network was run."""
    golden = results.get(GoldenResult)
    if golden is None:
        return None
    compared = golden.framework
    return Framework(
        compared.values,
        compared.differ,
        compared.what,
        compared.reason,
        compared.tolerance,
        compared.greatest,
        compared.largest,
    )


def in_words(said: Framework | None) -> str:
    """How the framework's own output compares with that of the float network, in one line."""
    if said is None or said.values is None or said.differ is None:
        return f"its own {'spikes' if said is None else said.what}: {_why(said)}"
    values = f"{said.values:,} values"
    part = "" if said.tolerance is None else f"{said.tolerance:g} of the largest"
    if said.differ:
        beyond = f" by more than {part}" if part else ""
        told = f"{said.differ:,} of {values} differ from the float network's{beyond}"
    else:
        told = f"equal to the float network's{f' within {part}' if part else ''}, {values}"
    if said.greatest_difference is not None and said.largest is not None:
        told += f", greatest difference {figure(said.greatest_difference)} of {figure(said.largest)}"
    return f"its own {said.what}: {told}"


def _why(said: Framework | None) -> str:
    return "not given" if said is None or said.reason is None else said.reason
