"""A network trained further through its integers: what ``finetune`` does.

The command and :meth:`qsnn_hw.build.api.TrainedNetwork.finetune` both call :func:`run_finetuning`.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from qsnn_hw.build.effective import quantize_options
from qsnn_hw.build.sample_options import FinetuneOptions

if TYPE_CHECKING:
    from qsnn_hw.finetune.settings import Finetuned, Written
    from qsnn_hw.support.progress import Progress


@dataclass(frozen=True, eq=False)
class FineTuning:
    """What a run of fine-tuning left; ``str`` is what ``qsnn-hw finetune`` prints.

    Parameters
    ----------
    result
        The best epoch: network, integers, and the history of all epochs.
    written
        Its files.
    """

    result: "Finetuned"
    written: "Written"

    def __repr__(self) -> str:
        return f"<fine-tuning in {self.written.nir.parent}: {self}>"

    def __str__(self) -> str:
        from qsnn_hw.finetune.command import summary

        return summary(self.result)


def run_finetuning(asked: FinetuneOptions, command: str, progress: "Progress") -> FineTuning:
    """Train, and write the result into the folder ``asked.out``; an interrupted run goes on there.

    Parameters
    ----------
    command
        What another run in the same folder is told of this one.

    Raises
    ------
    UserError
        torch is missing, an option does not fit, or model, samples or folder are refused.
    MismatchError
        The NIR file does not come back as the trained integers.
    """
    from qsnn_hw.finetune.command import finetune_command
    from qsnn_hw.finetune.settings import FinetuneSettings
    from qsnn_hw.quantize import QuantizeOptions
    from qsnn_hw.support.output_folder import check_output_folder
    from qsnn_hw.support.run_lock import one_run

    out = Path(asked.out)
    check_output_folder(out)
    settings = {item.name for item in fields(FinetuneSettings)}
    training = {name: value for name, value in vars(asked).items() if name in settings and value is not None}
    options = quantize_options(vars(asked), QuantizeOptions())
    with one_run(out, command):
        result, written = finetune_command(
            asked.model,
            asked.convention,
            asked.settings,
            options,
            asked.data,
            out,
            FinetuneSettings(**training),
            layout=asked.layout,
            samples=asked.samples,
            resume=not asked.restart,
            progress=progress,
        )
    return FineTuning(result, written)
