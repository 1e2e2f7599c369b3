"""What a convention check found, in lines for the terminal."""

from qsnn_hw.model.check import Alternative, ConventionCheck
from qsnn_hw.model.framework import FrameworkComparison


def check_lines(check: ConventionCheck, samples: int) -> list[str]:
    """The lines, the verdict first.

    ``try`` is followed by options that give the framework's own output, ``closer`` by ones that do not
    quite.

    Parameters
    ----------
    samples
        How many were compared.
    """
    comparison = check.comparison
    lines = [] if comparison is None else _compared(comparison, samples)
    if comparison is None and check.alternatives:
        lines.append(f"refused: {check.refused}")
    if not check.mismatches and check.refused is None:
        return lines
    if check.near_ties and not any(item.mismatches == 0 for item in check.alternatives):
        lines.append(f"near-ties: {check.near_ties} of them hang on float rounding, not on the convention")
    lines += [_alternative(item) for item in check.alternatives]
    if check.tried and not check.alternatives:
        lines.append(f"none of {check.tried} other conventions comes much closer")
    lines += check.hints
    if not check.exhausted:
        lines.append("not every alternative was tried in the time allowed; --search SECONDS allows more")
    return lines


def _compared(comparison: FrameworkComparison, samples: int) -> list[str]:
    beyond = "" if comparison.tolerance is None else f" by more than {comparison.tolerance:g} of the largest"
    if comparison.differ:
        where = f"in {comparison.samples} of {samples} samples"
        lines = [f"different: {comparison.differ} of {comparison.values} output values{beyond}, {where}"]
    else:
        lines = [f"equal: {comparison.values} output values of {samples} samples, 0 differ{beyond}"]
    if comparison.what == "potentials":
        lines.append(f"potentials: {comparison.greatest_text()}")
    if comparison.first is not None:
        step, sample, neuron = comparison.first
        lines.append(
            f"first: time step {step}, sample {sample}, neuron {neuron}: "
            f"the framework has {comparison.expected:g}, this convention gives {comparison.got:g}"
        )
    return lines


def _alternative(item: Alternative) -> str:
    if not item.complete:
        return f"closer: {item.words}: {item.mismatches} differ in the {item.samples} tried samples"
    rounding = ", all by float rounding," if item.mismatches else ""
    return f"try {item.words}: {item.mismatches} differ{rounding} in all {item.samples} samples"
