"""A step of a build as data: what it needs, what it makes, what decides it, how it is made and read back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """What every step is handed beside the results it needs.

    Parameters
    ----------
    options
        The user's choices.
    folder
        Where files go; None for steps that work in memory alone.
    progress
        Told what goes on.
    """

    options: BuildOptions
    folder: Path | None = None
    progress: Progress = SILENT

    def path(self, name: str = "") -> Path:
        """The output folder, or a file in it; UserError where there is none to work in."""
        if self.folder is None:
            raise UserError(f"{name or 'this'} needs an output folder: give one")
        return self.folder / name

    def digest(self, file: str) -> str:
        """sha256 of a file that the user named, hexadecimal; UserError where it cannot be read."""
        try:
            files.check_readable(Path(file), "a file")
            return files.digest(Path(file))
        except FileNotFoundError as error:
            raise UserError(f"no such file: {file}") from error
        except OSError as error:
            raise UserError(f"cannot read {file}: {error.strerror or error}") from error


def _nothing(job: Job, *needed: Any) -> None:
    """What a step does or reads that leaves no file of its own."""


def _by_no_option(job: Job, *needed: Any) -> Mapping[str, object]:
    """What decides a step that no option does."""
    return {}


@dataclass(frozen=True, eq=False)
class Step(Generic[T]):
    """One step; a :class:`~qsnn_hw.build.steps.run.Run` makes it or reads it back.

    Every function below is called with a :class:`Job` and then with what the steps of ``needs`` made, in
    their order; ``save`` with the job and what ``make`` returned. They are functions of a module, so that
    their source can be found: it decides the step too.

    Parameters
    ----------
    name
        What the user sees of it, and its entry in the folder's cache.
    needs
        Steps whose results ``make`` takes.
    after
        Steps whose files it reads in the folder.
    make
        Does the work; returns the result. A step of tools leaves its files meanwhile.
    save
        Writes the result to the folder.
    leaves
        Names of the files that ``make`` and ``save`` leave, or a function that says them. A step that
        leaves none is made in every run.
    load
        Reads the result back from these files.
    decided_by
        JSON values that decide the result beside the steps before: options, digests of files that are
        read, versions of tools.
    """

    name: str
    make: Callable[..., T]
    needs: "tuple[Step[Any], ...]" = ()
    after: "tuple[Step[Any], ...]" = ()
    leaves: Sequence[str] | Callable[..., Sequence[str]] = ()
    save: Callable[[Job, T], None] = _nothing
    load: Callable[..., T | None] = _nothing
    decided_by: Callable[..., Mapping[str, object]] = _by_no_option

    def __repr__(self) -> str:
        needs = ", ".join(step.name for step in self.before)
        return f"<step {self.name}{' from ' if needs else ''}{needs}>"

    @property
    def before(self) -> "tuple[Step[Any], ...]":
        """The steps that must be done first."""
        return self.needs + self.after

    def reach(self) -> "Iterator[Step[Any]]":
        """Every step that this one rests on, and itself, each once and behind those it rests on."""
        seen: set[Step[Any]] = set()

        def visit(step: Step[Any]) -> Iterator[Step[Any]]:
            if step not in seen:
                seen.add(step)
                for earlier in step.before:
                    yield from visit(earlier)
                yield step

        return visit(self)

    @property
    def works_in_memory(self) -> bool:
        """Whether ``make`` needs no folder: it leaves no file, or ``save`` does it."""
        return self.leaves == () or self.save is not _nothing

    def files(self, job: Job, needed: Sequence[Any]) -> Sequence[str]:
        """Names of the files that it leaves."""
        return self.leaves(job, *needed) if callable(self.leaves) else self.leaves

    @property
    def code(self) -> tuple[Callable[..., Any], ...]:
        """The functions whose source decides the result: its own, and those of results that no file holds."""
        own: list[Callable[..., Any]] = [self.make, self.save, self.load, self.decided_by]
        if callable(self.leaves):
            own.append(self.leaves)
        mine = tuple(function for function in own if function not in (_nothing, _by_no_option))
        return mine + tuple(f for step in self.needs if step.leaves == () for f in step.code)
