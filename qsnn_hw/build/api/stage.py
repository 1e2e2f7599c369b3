"""What every object of the Python API rests on: options, the files they name, and what steps made of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qsnn_hw.build.api.sources import Source
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.steps.run import Run
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.support.progress import Progress


@dataclass(frozen=True, eq=False)
class Stage:
    """How far the steps have come in memory.

    Parameters
    ----------
    options
        The choices so far.
    sources
        Field of ``options`` -> the file that it names.
    results
        Step -> what it made, under these options.
    """

    options: BuildOptions
    sources: Mapping[str, Source] = field(default_factory=dict)
    results: Mapping[Step[Any], Any] = field(default_factory=dict)

    def after(
        self,
        step: Step[Any],
        options: BuildOptions,
        sources: Mapping[str, Source],
        progress: Progress,
    ) -> "Stage":
        """What it is with this step run, and all that it rests on.

        Parameters
        ----------
        options
            The choices by now; they decide none of the steps that ran before otherwise.
        sources
            Of the fields that are new in them.
        """
        run = Run(Job(options, None, progress), results=self.results)
        results = {reached: run.get(reached) for reached in step.reach()}
        return Stage(options, {**self.sources, **sources}, {**self.results, **results})

    def brought_to(self, folder: Path) -> tuple[BuildOptions, list[Path]]:
        """The options as a run in ``folder`` has them, and the files that it must have there.

        What was in memory lies in the folder then, so that any later run can go on there.

        Raises
        ------
        UserError
            A file has changed since it was read.
        """
        brought = []
        changes: dict[str, Any] = {}
        for name, source in self.sources.items():
            source.check()
            if source.scratch is not None:
                brought.append(source.path)
                changes[name] = str(folder / source.path.name)
        return replace(self.options, **changes), brought


def progress_of(progress: bool | Progress) -> Progress:
    """A progress that prints where that is asked for."""
    return progress if isinstance(progress, Progress) else Progress(quiet=not progress)
