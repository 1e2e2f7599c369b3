"""Runs steps in one output folder, each once: what is needed first, then the step, or its files read back."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from qsnn_hw.build.steps.cache import Cache
from qsnn_hw.build.steps.step import Job, Step
from qsnn_hw.support.errors import UserError

T = TypeVar("T")


class Run:
    """The steps of one build; safe to use from threads whose steps have nothing left to do in common.

    Parameters
    ----------
    job
        Options, folder and progress. Without a folder nothing is kept, and steps of tools are refused.
    instead
        Another step in place of one: a bench that changes how the integers come about.
    results
        Step -> what a run of the same options made of it, in memory. A folder keeps it as if it had been
        made there.

    Raises
    ------
    UserError
        The folder cannot be made or written, or what it remembers is damaged.
    """

    def __init__(
        self,
        job: Job,
        instead: Mapping[Step[Any], Step[Any]] | None = None,
        results: Mapping[Step[Any], Any] | None = None,
    ) -> None:
        self.job = job
        self._cache = None if job.folder is None else Cache(job.folder, job.progress)
        self._instead = dict(instead or {})
        self._in_memory = dict(results or {})
        self._results: dict[Step[Any], Any] = {}

    def get(self, step: Step[T]) -> T:
        """What the step makes: made now, read back from the folder, or as this run has it already.

        Raises
        ------
        UserError, ToolError, MismatchError
            As the step raises them, or one that it needs. What was finished before stays.
        """
        if step not in self._results:
            self._results[step] = self._result(step)
        return cast(T, self._results[step])

    def give(self, step: Step[T], value: T) -> None:
        """Take ``value`` for what the step makes: a network in memory, samples of a program, other integers.

        Its files are written, and what rests on it is decided by their content; of samples, which leave
        none, by their own. The next run that is not given it makes the step itself.

        Raises
        ------
        UserError
            The step is one of tools, which leave more than a value.
        """
        if not step.works_in_memory:
            raise UserError(f"{step.name} cannot be given: its files are made by tools")
        if self._cache is not None:
            needed = [] if step.has_fixed_files else [self.get(before) for before in step.needs]
            step.write(self.job, value)
            self._cache.take(step.name, step.files(self.job, needed))
        self._results[step] = value

    def earlier(self, step: Step[T]) -> T | None:
        """What :meth:`get` would read back without making anything; None where it would have to."""
        if step in self._results:
            return cast(T, self._results[step])
        if self._cache is None or any(self.earlier(before) is None for before in step.needs):
            return None
        done = self._instead.get(step, step)
        needed = [self._results[before] for before in done.needs]
        if not self._cache.finished(done.name, **self._decides(done, needed)):
            return None
        self._results[step] = done.read_back(self.job, needed)
        return cast(T, self._results[step])

    def renew(self, step: Step[Any]) -> bool:
        """Make a step that leaves no file once more; whether it came out differently.

        Then what rests on it is forgotten, and :meth:`get` makes it anew.
        """
        before = self._results.pop(step)
        if self.get(step) == before:
            return False
        for other in list(self._results):
            if other is not step and step in other.reach():
                del self._results[other]
        return True

    def _result(self, wanted: Step[Any]) -> Any:
        step = self._instead.get(wanted, wanted)
        if self._cache is None and wanted in self._in_memory:
            return self._in_memory[wanted]
        if self._cache is None and not step.works_in_memory:
            raise UserError(f"{step.name} leaves files: it needs an output folder")
        needed = [self.get(before) for before in step.needs]
        for before in step.after:
            self.get(before)

        def work() -> Any:
            return self._in_memory[wanted] if wanted in self._in_memory else step.make(self.job, *needed)

        def make() -> Any:
            result = work()
            step.write(self.job, result)
            return result

        if self._cache is None or not step.files(self.job, needed):
            return work()
        return self._cache.run(
            step.name,
            **self._decides(step, needed),
            make=make,
            load=lambda: step.read_back(self.job, needed),
        )

    def _decides(self, step: Step[Any], needed: Sequence[Any]) -> dict[str, Any]:
        """What the step leaves and what decides it, as :class:`Cache` takes it."""
        assert self._cache is not None
        before = [self._instead.get(earlier, earlier).name for earlier in step.before]
        return {
            "leaves": step.files(self.job, needed),
            # One that left no file, as golden without samples, decides nothing by its files.
            "after": [name for name in before if self._cache.done(name)],
            "options": step.decided_by(self.job, *needed),
            "code": step.code,
        }
