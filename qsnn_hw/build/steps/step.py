"""A step of a build as data: what it needs, what it makes, what decides it, how it is made and read back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from qsnn_hw.build.options import BuildOptions
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.progress import SILENT, Progress
from qsnn_hw.support.records import StoredRecord

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


def _never(job: Job, *needed: Any) -> bool:
    """When a step that always makes something makes nothing."""
    return False


def lacks_any(job: Job, *needed: Any) -> bool:
    """Whether something that a step needs is not there, as samples where none are given."""
    return any(result is None for result in needed)


@dataclass(frozen=True, eq=False)
class Step(Generic[T]):
    """One step; a :class:`~qsnn_hw.build.steps.run.Run` makes it or reads it back.

    Every function below is called with a :class:`Job` and then with what the steps of ``needs`` made, in
    their order; ``save`` with the job and what ``make`` returned. They are functions of a module, so that
    their source can be found: it decides the step too.

    Most results are one record in one file, which ``record`` says; ``save`` and ``load`` are for the others.

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
    record
        Type of the result, which writes and reads itself, and the name of its file.
    leaves
        Names of the other files that ``make`` and ``save`` leave, or a function that says them. A step that
        leaves none and has no record is made in every run.
    absent
        Whether ``make`` returns None for want of what it needs; then there is no file either.
    save
        Writes a result that is not one record.
    load
        Reads that back.
    decided_by
        JSON values that decide the result beside the steps before: options, digests of files that are
        read, versions of tools.
    """

    name: str
    make: Callable[..., T]
    needs: "tuple[Step[Any], ...]" = ()
    after: "tuple[Step[Any], ...]" = ()
    record: tuple[type[StoredRecord], str] | None = None
    leaves: Sequence[str] | Callable[..., Sequence[str]] = ()
    absent: Callable[..., bool] = _never
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
        """Whether ``make`` needs no folder: it leaves no file, or they hold its result."""
        return not self.leaves_files or self.record is not None or self.save is not _nothing

    @property
    def leaves_files(self) -> bool:
        """Whether there can be files of it."""
        return self.record is not None or self.leaves != ()

    @property
    def can_be_absent(self) -> bool:
        """Whether it may come to nothing."""
        return self.absent is not _never

    @property
    def has_fixed_files(self) -> bool:
        """Whether its files are the same whatever it needs."""
        return not callable(self.leaves) and not self.can_be_absent

    def files(self, job: Job, needed: Sequence[Any]) -> Sequence[str]:
        """Names of the files that it leaves."""
        if self.absent(job, *needed):
            return []
        others = self.leaves(job, *needed) if callable(self.leaves) else self.leaves
        return others if self.record is None else [self.record[1], *others]

    def write(self, job: Job, result: T) -> None:
        """Write what ``make`` returned to the folder; of None nothing."""
        if self.record is None:
            self.save(job, result)
        elif result is not None:
            assert isinstance(result, self.record[0])
            result.save(job.path(self.record[1]))

    def read_back(self, job: Job, needed: Sequence[Any]) -> Any:
        """What :meth:`write` wrote."""
        if self.record is None:
            return self.load(job, *needed)
        kind, file = self.record
        return kind.load(job.path(file))

    @property
    def code(self) -> tuple[Callable[..., Any], ...]:
        """What decides the result by its source: its own, and of steps before whose results no file holds."""
        own: list[Callable[..., Any]] = [self.make, self.absent, self.save, self.load, self.decided_by]
        if callable(self.leaves):
            own.append(self.leaves)
        if self.record is not None:
            own.append(self.record[0])
        mine = tuple(function for function in own if function not in (_nothing, _never, _by_no_option))
        return mine + tuple(f for step in self.needs if not step.leaves_files for f in step.code)
