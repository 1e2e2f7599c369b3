"""What a convention check found, in lines for the terminal."""

from qsnn_hw.model.check import Alternative, ConventionCheck
from qsnn_hw.model.framework import FrameworkComparison


def check_lines(found: ConventionCheck, samples: int) -> list[str]:
    """The lines, the verdict first.

    ``try`` is followed by options that give the framework's own output, ``closer`` by ones that do not
    quite.

    Parameters
    ----------
    samples
        How many were compared.
    """
    made = found.comparison
    lines = [] if made is None else _compared(made, samples)
    if made is None and found.alternatives:
        lines.append(f"refused: {found.refused}")
    if not found.mismatches and found.refused is None:
        return lines
    if found.near_ties and not any(item.mismatches == 0 for item in found.alternatives):
        lines.append(f"near-ties: {found.near_ties} of them hang on float rounding, not on the convention")
    lines += [_alternative(item) for item in found.alternatives]
    if found.tried and not found.alternatives:
        lines.append(f"none of {found.tried} other conventions comes much closer")
    lines += found.hints
    if not found.exhausted:
        lines.append("not every alternative was tried in the time allowed; --search SECONDS allows more")
    return lines


def _compared(made: FrameworkComparison, samples: int) -> list[str]:
    beyond = "" if made.tolerance is None else f" by more than {made.tolerance:g} of the largest"
    if made.differ:
        where = f"in {made.samples} of {samples} samples"
        lines = [f"different: {made.differ} of {made.values} output values{beyond}, {where}"]
    else:
        lines = [f"equal: {made.values} output values of {samples} samples, 0 differ{beyond}"]
    if made.what == "potentials":
        lines.append(f"potentials: {made.greatest_text()}")
    if made.first is not None:
        step, sample, neuron = made.first
        lines.append(
            f"first: time step {step}, sample {sample}, neuron {neuron}: "
            f"the framework has {made.expected:g}, this convention gives {made.got:g}"
        )
    return lines


def _alternative(item: Alternative) -> str:
    if not item.complete:
        return f"closer: {item.words}: {item.mismatches} differ in the {item.samples} tried samples"
    rounding = ", all by float rounding," if item.mismatches else ""
    return f"try {item.words}: {item.mismatches} differ{rounding} in all {item.samples} samples"
