"""What a build is asked for: every choice of the user in one frozen record."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from qsnn_hw.build.option import entries
from qsnn_hw.build.option_table import SavedOptions
from qsnn_hw.quantize import QuantizeOptions
from qsnn_hw.support.records import StoredRecord

OPTIONS = "options.json"
"""Their file in an output folder: of the last run that was not refused."""


@dataclass(frozen=True)
class BuildOptions(
    SavedOptions,
    StoredRecord,
    form="build options 3",
    again="run qsnn-hw build with MODEL and all options again",
):
    """The choices behind an output folder, as the command line takes them; see ``build/option_table.py``.

    Parameters
    ----------
    quantize
        Widths and rounding.

    Raises
    ------
    UserError
        A value is none of its option's.
    """

    quantize: QuantizeOptions = field(default_factory=QuantizeOptions)

    def save(self, path: Path | str) -> None:
        """Write the options as JSON; paths become absolute, so that any folder can resume."""
        texts = {
            entry.field: entry.option.saved(getattr(self, entry.field))
            for entry in entries(type(self))
            if entry.option.saved is not None and getattr(self, entry.field) is not None
        }
        self.form.save(replace(self, **texts), Path(path))  # type: ignore[arg-type]
