"""What implementing a chip amounts to: one record, saved as JSON beside the files that it names."""

from dataclasses import dataclass

from qsnn_hw.support.records import StoredRecord
from qsnn_hw.targets.asic.power import Power
from qsnn_hw.targets.asic.synthesis import MappedDesign
from qsnn_hw.targets.asic.timing import Timing


@dataclass(frozen=True)
class ChipImplementation(StoredRecord, form="chip implementation 2", again="run the implementation again"):
    """A design in standard cells, before layout.

    Parameters
    ----------
    mapped
        Its cells.
    timing
        None where it was not measured.
    power
        At the clock of ``timing``, while samples come back to back; None where it was not measured.
    notes
        Why a figure is not measured, and what to install or give for it; one line each.
    tools
        Versions by tool name; None where a tool states none.
    """

    mapped: MappedDesign
    timing: Timing | None
    power: Power | None
    notes: tuple[str, ...]
    tools: dict[str, str | None]
