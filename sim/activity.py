"""Reads the activity counters of the traced form."""

from typing import Any

from qsnn_hw.verify.case import Case

AROUND = ("cycles", "toggles", "toggle_bits")

Totals = dict[str, dict[str, int | None]]
"""Group, or "around", -> counter -> its value; None where it has undefined bits."""


class ActivityReader:
    """The counters of every group, and those around them.

    Parameters
    ----------
    dut
        The design.
    case
        Says which ports it has.
    """

    def __init__(self, dut: Any, case: Case) -> None:
        names = (*case.counters, "toggle_bits")
        self._groups = {
            group.group: {name: getattr(dut, f"{group.trace.activity_port}__{name}") for name in names}
            for group in case.groups
        }
        self._around = {name: getattr(dut, f"around__{name}") for name in AROUND}

    def groups(self) -> Totals:
        """Totals of each group since reset, at this clock edge."""
        return {group: _values(handles) for group, handles in self._groups.items()}

    def around(self) -> dict[str, int | None]:
        """Totals of the whole design."""
        return _values(self._around)


def _values(handles: dict[str, Any]) -> dict[str, int | None]:
    texts = {name: str(handle.value) for name, handle in handles.items()}
    return {name: int(text, 2) if set(text) <= {"0", "1"} else None for name, text in texts.items()}


def since(before: dict[str, int | None], after: dict[str, int | None]) -> dict[str, int | None]:
    """What was counted in between; ``toggle_bits`` is no total and stays."""
    counted: dict[str, int | None] = {}
    for name, end in after.items():
        start = 0 if name == "toggle_bits" else before[name]
        counted[name] = None if start is None or end is None else end - start
    return counted
