"""What stands at the top of page and terminal: which network, for what, and whether to believe it."""

from qsnn_hw.report.record import Report
from qsnn_hw.report.sections.board import BOARD
from qsnn_hw.report.sections.network import BITS, NETWORK
from qsnn_hw.report.sections.spikes import DEAD
from qsnn_hw.report.sections.verification import (
    VERIFICATION,
    framework_text,
    mismatch_text,
    verification_text,
)


def title(report: Report) -> str:
    """The terminal's first line."""
    bits = f", {report[BITS]}-bit weights" if report[BITS] is not None else ""
    board = report[BOARD]
    return f"{report[NETWORK].name}{bits}{'' if board is None else f', {board.title or board.name}'}"


def headline(report: Report) -> str:
    """The network's shape, width and target in one line."""
    network = report[NETWORK]
    sizes = [network.inputs, *(group.neurons for group in network.groups)]
    parts = []
    if network.groups and network.inputs is not None:
        parts.append(" \u2192 ".join(f"{n:,}" for n in sizes if n is not None) + " neurons")
    if report[BITS] is not None:
        parts.append(f"{report[BITS]}-bit weights")
    if network.steps is not None:
        parts.append(f"{network.steps:,} time steps per sample")
    board = report[BOARD]
    if board is not None:
        parts += [f"for {board.title or board.name}", *([board.device] if board.device else [])]
    return " \u00b7 ".join(parts)


def verdict(report: Report) -> tuple[str, str]:
    """The state ("good", "bad", "unknown") and one sentence that a reader should take away."""
    compared = verification_text(report)
    mismatches = report[VERIFICATION].mismatches
    if report[VERIFICATION].passed is False:
        return "bad", (
            f"The hardware differs from the golden model: {mismatch_text(mismatches)}"
            f"{' in ' + compared if compared else ''}. "
            "Do not use this design."
        )
    if report[DEAD] is not None:
        said = f"Nothing comes out: {report[DEAD]}."
        if report[VERIFICATION].passed:
            said += f" The hardware equals the golden model ({compared}), which shows nothing here."
        return "unknown" if convincing(report) else "bad", said
    for section in report.sections:
        said_by = section.verdict(report)
        if said_by is not None:
            return said_by
    if report[VERIFICATION].passed is None:
        return "unknown", "The hardware has not been compared with the golden model yet."
    sentence = f"The hardware equals the golden model in simulation: {compared} compared, no mismatch."
    for section in report.sections:
        objection = section.objection(report)
        if objection is not None:
            return objection.state, f"{sentence} {objection.sentence}"
    # Readouts alone have nothing but potentials to compare.
    groups = report[NETWORK].groups
    could_fire = not groups or any(group.threshold_low is not None for group in groups)
    if report[VERIFICATION].spikes_compared == 0 and could_fire:
        return "unknown", f"{sentence} But no neuron ever fired on these samples, so this shows little."
    return "good", sentence


def framework_note(report: Report) -> tuple[str, str]:
    """The state and one sentence on how the framework's own spikes compare."""
    framework = report[VERIFICATION].framework
    state = "" if framework is None or framework.differ is None else "warn" if framework.differ else "good"
    return state, f"The framework: {framework_text(report)}."


def convincing(report: Report) -> bool:
    """Whether a design without a mismatch says anything: something comes out, or the framework agrees."""
    framework = report[VERIFICATION].framework
    return report[DEAD] is None or (framework is not None and framework.differ == 0)
