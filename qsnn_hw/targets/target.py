"""A target as data: where a network goes, and the steps that take it there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qsnn_hw.build.steps.step import Step
    from qsnn_hw.report.section import Section


@dataclass(frozen=True)
class TargetSteps:
    """The steps of a target.

    Parameters
    ----------
    choices
        Run first, in this order: what may refuse an option of the user. After them no choice is left to be
        refused but by what only the tools find out.
    goals
        Command -> what it is for: the steps that it ends with, side by side. What they need is run before.
        A command that is missing here is none of the target's.
    reported
        The steps whose values the report is made from, each of another type. One that this run does not need
        counts when an earlier run of the same choices did it.
    settling
        A step whose result is an estimate until another has been made, which leaves what it really is: (the
        first, the other). The first is made again after the other, and all that rests on it where it is
        different then; goals that rest on both are made last.
    """

    choices: "tuple[Step[Any], ...]"
    goals: "Mapping[str, tuple[Step[Any], ...]]"
    reported: "tuple[Step[Any], ...]"
    settling: "tuple[Step[Any], Step[Any]] | None" = None

    def all(self) -> "Iterator[Step[Any]]":
        """Every step, each once and behind those it rests on."""
        seen: set[Step[Any]] = set()
        for step in (*self.choices, *(goal for goals in self.goals.values() for goal in goals)):
            for reached in step.reach():
                if reached not in seen:
                    seen.add(reached)
                    yield reached


def shared(goals: "Sequence[Step[Any]]") -> "list[Step[Any]]":
    """Steps that more than one goal rests on, in an order they can be run in."""
    reached = [list(goal.reach()) for goal in goals]
    return [step for step in (reached or [[]])[0] if any(step in other for other in reached[1:])]


@dataclass(frozen=True)
class Target:
    """Where a network goes. Cheap to look at: its steps, and what they import, come when asked for.

    Parameters
    ----------
    name
        As ``--target`` takes it.
    summary
        One line for a list.
    steps
        Gives the steps.
    sections
        Gives the sections of its report, in the order of ``report.json``.
    needs, takes
        Fields of ``BuildOptions`` that not every target has: those that must be given, and those that may.
    without
        Fields that the others have and this one has no use for: they are refused where they are typed, or are
        not at their default.
    instead
        Of some of these, what says it here, or why it cannot be: the end of the line that refuses them.
    """

    name: str
    summary: str
    steps: Callable[[], TargetSteps]
    sections: "Callable[[], tuple[Section, ...]]"
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    instead: Mapping[str, str] = field(default_factory=dict)
