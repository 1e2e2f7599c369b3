"""A neuron's update, against the integer equation of ``qsnn_hw/quantize/network.py``."""

from typing import Any

import numpy as np
from amaranth.hdl import Assert, Assume, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In

from qsnn_hw.plan import GroupPlan
from qsnn_hw.plan.update_stages import compare_stage, update_parameters, update_stages
from qsnn_hw.quantize.integers import signed_bits
from qsnn_hw.verify.formal.lane_equation import Equation
from qsnn_hw.verify.formal.properties import Harness


class LaneEquation(Harness):
    """One neuron on its way through the lane's pipeline becomes what the equation says.

    It enters in the first cycle; the solver chooses its input, its stored state and every parameter; what
    comes before and behind it in the pipeline is arbitrary. So are the parameters of its neighbours: the
    neuron's own are shown while a stage works on it and no longer. The pipeline never stands still here,
    see :class:`LaneHolds`. Assumed is what the plan proves of widths: that the sum and the states fit theirs.
    """

    def __init__(self, dut: Any, plan: GroupPlan) -> None:
        super().__init__(dut, [], [])
        self._plan = plan
        self._stages = update_stages(plan)
        widths = {name: signed_bits(values) for name, values in update_parameters(plan).items()}
        self._parameters = {
            name: Signal(signed(widths[name]), name=f"its_{name}")
            for name in sorted({p for stage in self._stages for step in stage for p in step.parameters})
        }
        self._first = [Signal(dut.x.shape(), name="its_x")]
        self._first += [
            Signal(dut.stored[name].shape(), name=f"its_{name}") for name in dut.stored.shape().members
        ]
        self._others, self._clear = Signal(name="others"), Signal(name="clear")
        # Chosen once for the whole run.
        self._constants = [*self._parameters.values(), *self._first, self._clear]
        self.ports += [Value.cast(dut.stored), dut.x, self._others, *self._constants]
        self.ports += [getattr(dut, f"{name}_{number}") for number, name in self._shown()]

    def _shown(self) -> list[tuple[int, str]]:
        return [
            (number, name)
            for number, stage in enumerate(self._stages, 1)
            for name in sorted({p for step in stage for p in step.parameters})
        ]

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, plan, neuron = self._dut, self._plan, self._plan.neuron
        stages, compared = len(self._stages), compare_stage(plan)
        begun = Signal()
        m.d.sync += begun.eq(1)
        for signal in self._constants:
            before = Signal.like(signal, name="before")
            m.d.sync += before.eq(signal)
            m.d.comb += Assume(~begun | (signal == before))

        # Where the neuron is: stage 1 to ``stages``; then its results are shown.
        at = Signal(range(stages + 3), init=1)
        again = Signal()
        m.d.comb += [dut.en.eq(1), dut.advance.eq(~again), dut.clear.eq(self._clear)]
        with m.If(((at > compared) | ~again) & (at <= stages + 1)):
            m.d.sync += at.eq(at + 1)
        x, *state = self._first
        with m.If(at == 1):
            m.d.comb += Assume(dut.x == x)
            for name, value in zip(dut.stored.shape().members, state, strict=True):
                m.d.comb += Assume(dut.stored[name] == value)
        for number, name in self._shown():
            shown = getattr(dut, f"{name}_{number}")
            m.d.comb += Assume((at != number) | (shown == self._parameters[name]))

        spikes = Signal(range(neuron.max_spikes + 2))
        if neuron.multi_spike:
            # The sweep's part: the row stays while a lane has another spike, as often as is allowed.
            count, repeat = Signal(range(neuron.max_spikes + 1)), Signal()
            more = (dut.again | self._others) & (at == compared)
            m.d.comb += again.eq(more & (count != neuron.max_spikes - 1))
            m.d.comb += [dut.repeat.eq(repeat), dut.mute.eq(0)]
            m.d.sync += [count.eq(Mux(again, count + 1, 0)), repeat.eq(again)]
        tested = Signal()
        m.d.sync += tested.eq(at == compared)
        now = spikes + (tested & dut.fired)
        with m.If(tested):
            m.d.sync += spikes.eq(now)

        equation = Equation(m, plan, self._parameters, self._clear)
        found = equation.results(dict(zip(dut.stored.shape().members, state, strict=True)), x)
        if not neuron.readout:
            with m.If((at == compared + 1) & tested):
                m.d.comb += Assert(self._counted(found, now))
        with m.If(at == stages + 1):
            for name in dut.stored.shape().members:
                m.d.comb += Assert(dut.state[name] == found[name])
            if plan.accumulators == "memory":
                m.d.comb += Assert(dut.acc == found["current" if neuron.has_current else "v"])
            m.d.comb += Assert(dut.trace == found["trace"])

    def _counted(self, found: dict[str, Value], spikes: Value) -> Value:
        neuron = self._plan.neuron
        if not neuron.multi_spike:
            return spikes == found["fired"]
        return spikes == found["count"]


def extremes(bits: int) -> np.ndarray:
    """Two slots' values of a parameter whose hardware is then ``bits`` wide."""
    return np.array([-(1 << bits - 1), (1 << bits - 1) - 1], dtype=np.int64)


class LaneHolds(Harness):
    """While a lane is not enabled nothing in it changes, in front of the comparison and behind it."""

    def __init__(self, dut: Any, plan: GroupPlan) -> None:
        super().__init__(dut, [], [])
        self._compared, self._several = compare_stage(plan), plan.neuron.multi_spike
        members = dut.signature.members.items()
        self.ports += [Value.cast(getattr(dut, name)) for name, member in members if member.flow is In]

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut = self._dut
        rests, stays, begun = Signal(), Signal(), Signal()
        m.d.sync += [begun.eq(1), rests.eq(~dut.en), stays.eq(~dut.advance)]
        m.d.comb += Assume(dut.en | ~dut.advance)
        for name, register in registers.items():
            was = Signal.like(register, name="was", init=0)
            m.d.sync += was.eq(register)
            stage = name.rpartition("_")[2]
            early = stage.isdecimal() and int(stage) < self._compared
            # What is left of the potential behind a spike of several is written back in front.
            returned = self._several and name == f"v_{self._compared - 1}"
            held = stays if early and not returned else rests
            m.d.comb += Assert(~begun | ~held | (register == was))
