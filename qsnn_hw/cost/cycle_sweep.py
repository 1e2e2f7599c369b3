"""The update sweep of a group and its encoder in time only, cycle by cycle; see ``cost/cycle_group.py``."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.update_stages import compare_stage, update_stages


class Word(NamedTuple):
    """A word of a stream: a tick, which may be a sample's last, or events."""

    tick: bool
    last: bool = False
    addresses: tuple[int, ...] = ()


class UpdateRow(NamedTuple):
    """An update row on its way out: the slots that spike, and the tick behind the last row."""

    slots: list[int]
    tick: Word | None


_NOTHING = UpdateRow([], None)


class _Encoder:
    """``SpikeEncoder``: the row whose words leave and, where the plan has one, the spare row behind it."""

    def __init__(self, plan: GroupPlan) -> None:
        self._lanes, self._output_lanes = plan.update_lanes, plan.output_lanes
        self._has_spare = plan.spare_row
        neurons = plan.neuron_of_slot
        self._address = np.where(neurons < 0, -1, plan.space.addresses()[np.maximum(neurons, 0)]).tolist()
        self._row = _NOTHING
        self._spare: UpdateRow | None = None

    @property
    def out(self) -> Word | None:
        """The word on offer."""
        if self._row.slots:
            return Word(False, False, tuple(self._address[slot] for slot in self._leaving()))
        return self._row.tick

    def _leaving(self) -> Sequence[int]:
        """The slots of one word: in each the lowest of every residue that an output lane stands for."""
        slots = self._row.slots
        if self._output_lanes > self._lanes:
            return slots
        lanes: dict[int, int] = {}
        for slot in slots:
            lanes.setdefault(slot % self._lanes % self._output_lanes, slot)
        return list(lanes.values())

    def step(self, row: UpdateRow | None, taken: bool) -> bool:
        """One cycle: ``row`` is offered, ``taken`` says that ``out`` leaves; whether the sweep moves on."""
        slots, tick = self._row
        gone = self._leaving() if taken else ()
        left = [slot for slot in slots if slot not in gone] if taken else []
        # It takes a row when it is empty, or with the last word of the row before.
        empty = not slots and tick is None
        room = empty or (taken and not left and not (slots and tick is not None))
        moves = self._spare is None if self._has_spare else room or row is None
        following = self._spare or row
        if room:
            self._row = following or _NOTHING
        elif taken:
            self._row = UpdateRow(left, tick)
        if self._has_spare:
            self._spare = None if room else following
        return moves


class SweepTiming:
    """``Sweep`` with the encoder behind it.

    Parameters
    ----------
    plan
        The group.
    """

    def __init__(self, plan: GroupPlan) -> None:
        self._plan, self._encoder = plan, _Encoder(plan)
        self._final, self._compared = plan.update_rows - 1, compare_stage(plan)
        # The row in every stage.
        self._flags: list[int | None] = [None] * (len(update_stages(plan)) + 2)
        self.running = self._issuing = self._silent = self._clear = True
        # The update row to read next; how often the one in the comparison has stayed.
        self._next = self._repeat = 0
        self._spiking: list[int] = []
        # Of the sweep under way, of all sweeps of the sample: (slot, spikes) by row.
        self._rows: dict[int, list[tuple[int, int]]] = {}
        self._steps: list[dict[int, list[tuple[int, int]]]] = []
        self._step = 0
        self.shown: int | None = None
        """The row of potentials that the cycle showed."""

    def load(self, spikes: np.ndarray) -> None:
        """What the sample's sweeps find: spikes of every neuron, shape (time, neuron)."""
        plan = self._plan
        slot_of = np.zeros(plan.neurons, dtype=np.int64)
        used = plan.neuron_of_slot >= 0
        slot_of[plan.neuron_of_slot[used]] = np.flatnonzero(used)
        self._steps, self._step = [], 0
        for counts in spikes:
            by_row: dict[int, list[tuple[int, int]]] = {}
            fired = np.flatnonzero(counts)
            slots = slot_of[fired]
            for slot, count in sorted(zip(slots.tolist(), counts[fired].tolist(), strict=True)):
                by_row.setdefault(slot // plan.update_lanes, []).append((slot, count))
            self._steps.append(by_row)

    @property
    def out(self) -> Word | None:
        """The word on offer."""
        return self._encoder.out

    def start(self, last: bool) -> None:
        """The next cycle is the first of a sweep, which ends a sample with ``last``."""
        self.running = self._issuing = True
        self._silent, self._clear = False, last
        self._rows = self._steps[self._step] if self._step < len(self._steps) else {}
        self._step += 1

    def step(self, taken: bool) -> None:
        """One cycle; ``taken`` says that ``out`` leaves."""
        tick = self._flags[self._compared + 1] == self._final
        offers = not self._silent and (bool(self._spiking) or tick)
        row = UpdateRow(self._spiking, Word(True, self._clear) if tick else None) if offers else None
        moving = self._encoder.step(row, taken)
        again = self._compare(moving)
        if moving and self._flags[-1] == self._final:
            self.running = False
        self.shown = self._flags[-1] if moving and not self._silent else None
        self._move(moving, again)

    def _compare(self, moving: bool) -> bool:
        """Spikes of the row in the comparison; whether it stays there for another."""
        at = self._flags[self._compared]
        counts = [] if at is None or self._silent else self._rows.get(at, [])
        again = any(count > self._repeat + 1 for _, count in counts)
        if moving:
            self._spiking = [slot for slot, count in counts if count > self._repeat]
            self._repeat = self._repeat + 1 if again else 0
        return again

    def _move(self, moving: bool, again: bool) -> None:
        """Rows move on, those up to the comparison unless one stays there; the next one is read."""
        flags, compared = self._flags, self._compared
        advance = moving and not again
        flags[0] = self._next if self._issuing else None
        for stage in range(len(flags) - 1, 0, -1):
            if advance if stage <= compared else moving:
                held_back = stage == compared + 1 and again
                flags[stage] = None if held_back else flags[stage - 1]
        if self._issuing and advance:
            self._issuing = self._next != self._final
            self._next = 0 if self._next == self._final else self._next + 1
