"""That nothing overflows: a neuron step after step, with any input that its fan-in allows.

The proofs of ``lane_properties`` assume that every value fits its width. Here nothing is assumed of the
neuron's state: it begins with the sweep out of reset, which clears it, and goes from step to step.
"""

from typing import Any

import numpy as np
from amaranth.hdl import Assert, Assume, Cat, Const, Module, Mux, Signal, Value, signed

from qsnn_hw.plan import GroupPlan
from qsnn_hw.plan.update_stages import update_parameters, update_stages
from qsnn_hw.verify.formal.properties import Harness


class LaneRange(Harness):
    """No value inside the lane is cut, in any step of any sample.

    One lane holds one of two neurons, which the solver chooses. A sweep shows it in each cycle, each time
    with another input; what the first time leaves is the neuron's next state. So every stage works on such a
    neuron once as many cycles have gone by as there are stages, and from there on to the end of the sweep
    everything must fit.

    Parameters
    ----------
    dut
        A NeuronLane of ``plan``.
    low, high
        The least and the greatest sum of a step's events, in weight steps, of each of the two neurons.
    fits
        One signal for each value that the lane cuts, 1 where nothing is lost; filled as the lane is built.
    """

    def __init__(
        self, dut: Any, plan: GroupPlan, low: np.ndarray, high: np.ndarray, fits: list[Signal]
    ) -> None:
        super().__init__(dut, [], [])
        self._plan, self._low, self._high, self._fits = plan, low, high, fits
        self._which, self._clear, self._others = (Signal(name=n) for n in ("which", "clear", "others"))
        self._sum = Signal(signed(int(max(abs(low).max(), abs(high).max())).bit_length() + 1), name="sum")
        self.ports += [self._which, self._clear, self._others, self._sum]

    def _of(self, values: np.ndarray) -> Value:
        """The chosen neuron's value."""
        bits = 1 + max(int(value).bit_length() for value in values)
        first, second = (Const(int(value), signed(bits)) for value in values)
        return Mux(self._which, second, first).as_signed()

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, plan, neuron = self._dut, self._plan, self._plan.neuron
        stages = len(update_stages(plan))
        begun, which = Signal(), Signal()
        m.d.sync += [begun.eq(1), which.eq(self._which)]
        m.d.comb += Assume(~begun | (which == self._which))
        m.d.comb += Assume((self._sum >= self._of(self._low)) & (self._sum <= self._of(self._high)))
        values = update_parameters(plan)
        for number, stage in enumerate(update_stages(plan), 1):
            for name in {name for step in stage for name in step.parameters}:
                m.d.comb += getattr(dut, f"{name}_{number}").eq(self._of(values[name]))

        # Cycles of the sweep; a sweep lasts until what it showed first and last has left.
        phase, known = Signal(range(2 * stages + 1)), Signal()
        again = self._again(m)
        ends = (phase == 2 * stages) & ~again
        cleared = Signal()
        with m.If(~again):
            m.d.sync += phase.eq(Mux(ends, 0, phase + 1))
        with m.If(ends):
            m.d.sync += [cleared.eq(self._clear), known.eq(1)]
        last = Signal()
        m.d.sync += last.eq(self._clear)
        m.d.comb += [
            # One sweep, one mark; the one out of reset clears.
            Assume((phase == 0) & ~again | ~begun | (last == self._clear)),
            Assume(known | self._clear),
            dut.en.eq(1),
            dut.advance.eq(~again),
            dut.clear.eq(self._clear),
        ]

        state = {
            name: Signal(dut.stored[name].shape(), name=f"state_{name}")
            for name in dut.stored.shape().members
        }
        acc = Signal(signed(plan.acc_bits), name="accumulator")
        following = {name: Signal.like(signal, name=f"next_{name}") for name, signal in state.items()}
        next_acc = Signal.like(acc)
        memory = plan.accumulators == "memory"
        total = acc + (self._sum << neuron.fractional_bits) if memory else self._sum
        m.d.comb += [dut.stored[name].eq(signal) for name, signal in state.items()]
        m.d.comb += [dut.x.eq(total), Assert(~known | (dut.x == total))]
        # What was shown first comes out.
        with m.If(phase == stages):
            m.d.sync += [following[name].eq(dut.state[name]) for name in state]
            if memory:
                m.d.sync += next_acc.eq(dut.acc)
        with m.If(ends):
            m.d.sync += [signal.eq(following[name]) for name, signal in state.items()]
            m.d.sync += acc.eq(next_acc)
        m.d.comb += Assert(~known | (phase < stages) | Cat(self._fits).all())

    def _again(self, m: Module) -> Value:
        """Whether a row stays in the comparison for another spike, as the sweep has it."""
        dut, neuron = self._dut, self._plan.neuron
        if not neuron.multi_spike:
            return Const(0)
        count, repeat, again = Signal(range(neuron.max_spikes + 1)), Signal(), Signal()
        m.d.comb += [
            again.eq((dut.again | self._others) & (count != neuron.max_spikes - 1)),
            dut.repeat.eq(repeat),
            dut.mute.eq(0),
        ]
        m.d.sync += [count.eq(Mux(again, count + 1, 0)), repeat.eq(again)]
        return again
