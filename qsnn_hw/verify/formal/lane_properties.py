"""A neuron's update, against the integer equation of ``qsnn_hw/quantize/network.py``."""

from typing import Any

import numpy as np
from amaranth.hdl import Assert, Assume, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In

from qsnn_hw.plan import GroupPlan
from qsnn_hw.plan.update_stages import compare_stage, update_parameters, update_stages
from qsnn_hw.quantize.integers import signed_bits
from qsnn_hw.verify.formal.properties import Harness


def _fits(value: Value, bits: int) -> Value:
    """Whether a signed value needs no more than ``bits``."""
    high = (1 << bits - 1) - 1
    return (value <= high) & (value >= -high - 1)


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

        found = self._equation(m, dict(zip(dut.stored.shape().members, state, strict=True)), x)
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

    def _loss(self, v: Value, numerator: Value, shift: int) -> Value:
        product = v * numerator
        if self._plan.neuron.leak_rounding == "zero":
            product = product + Mux(v > 0, (1 << shift) - 1, 0)
        return product >> shift

    def _parameter(self, name: str, otherwise: int = 0) -> Value:
        return self._parameters.get(name, Const(otherwise, signed(otherwise.bit_length() + 1)))

    def _equation(self, m: Module, state: dict[str, Value], x: Value) -> dict[str, Value]:
        """The text of ``quantize/network.py``, line by line; its lines stand behind the code's."""
        plan, neuron = self._plan, self._plan.neuron
        p = self._parameter
        memory = plan.accumulators == "memory"
        threshold, amount, value = p("threshold"), p("reset_amount"), p("reset_value")
        over, silent = state.get("over", Const(0, 1)), state.get("silent", Const(0, 1))
        bias = p("bias")

        def named(name: str, expression: Value) -> Value:
            signal = Signal(Value.cast(expression).shape(), name=f"equation_{name}")
            m.d.comb += signal.eq(expression)
            return signal

        u: Value = Const(0, 1)
        if neuron.has_current:
            u = x if memory else state["current"] + (x << neuron.fractional_bits)  # u = current + x
            m.d.comb += Assume(_fits(u, neuron.current_bits))
            if neuron.current_low is not None and neuron.current_high is not None:
                u = named("u", _between(u, neuron.current_low, neuron.current_high))
            v = state["v"] + u
        else:
            v = x if memory else state["v"] + (x << neuron.fractional_bits)  # v = state + x
        if neuron.reset_drops_input:
            v = Mux(over, 0, v).as_signed()  # v = 0 where dropped
        v = named("sum", v)
        m.d.comb += Assume(_fits(v, neuron.v_bits))
        if neuron.v_low is not None and neuron.v_high is not None:
            v = named("clamped", _between(v, neuron.v_low, neuron.v_high))
        fired: Value = Const(0, 1)
        if not neuron.readout:
            fired = named("fired", (v >= threshold) & (silent == 0))
        count = fired
        if neuron.multi_spike:
            # The number of amounts from 1 to the most that v holds: its quotient, without a division.
            m.d.comb += Assume((amount > 0) & (threshold >= amount))
            whole = sum(((v >= amount * k) for k in range(1, neuron.max_spikes + 1)), Const(0))
            count = named("count", Mux(fired, whole, 0))
        silent = Mux(fired, neuron.refractory, Mux(silent == 0, 0, silent - 1))
        if neuron.reset_retest:
            if neuron.reset == "subtract":
                v = v - (count.as_unsigned() - over) * amount
            elif neuron.reset == "value":
                v = v - (fired.as_unsigned() - over) * v
        elif neuron.resets and not neuron.reset_delay:
            v = v - count * amount if neuron.reset == "subtract" else Mux(fired, value, v).as_signed()
        if neuron.v_min is not None:
            v = Mux(v < p("v_min"), p("v_min"), v).as_signed()  # v = max(v, v_min)
        trace = named("trace", v)
        m.d.comb += Assume(_fits(trace, neuron.v_bits))
        kept, late = trace, Const(0, 1)
        if neuron.reset_retest:
            over = named("over", fired if neuron.refractory else trace >= threshold)
            if neuron.reset == "value":
                kept = Mux(over, 0, trace).as_signed()
            late = over
        elif neuron.resets and neuron.reset_delay:
            if neuron.reset == "value":
                kept = Mux(fired, value, trace).as_signed()
            late = fired
            over = fired
        start = p("start")
        kept = named("kept", Mux(self._clear, start, kept).as_signed())
        m.d.comb += Assume(_fits(kept, neuron.v_bits))
        numerator = p("leak_numerators", neuron.leak_numerator)
        m.d.comb += Assume((numerator >= 0) & (numerator <= 1 << neuron.leak_shift))
        following = kept - self._loss(kept, numerator, neuron.leak_shift) + bias
        if neuron.reset == "subtract" and neuron.resets:
            # fired_bias is bias - amount, one parameter for two.
            if "fired_bias" in self._parameters:
                m.d.comb += (
                    Assume(p("fired_bias") == bias - amount) if "reset_amount" in self._parameters else []
                )
            late_bias = p("fired_bias") if "fired_bias" in self._parameters else bias
            following = Mux(late & ~self._clear, following - bias + late_bias, following).as_signed()
        following = named("state", following)
        m.d.comb += Assume(_fits(following, neuron.v_bits))
        found = {"trace": trace, "v": following, "fired": fired, "count": count}
        found["over"] = over & ~self._clear
        found["silent"] = Mux(self._clear, 0, silent)
        if neuron.has_current:
            current_numerator = p("current_leak_numerator", neuron.uniform_current_leak or 0)
            m.d.comb += Assume(
                (current_numerator >= 0) & (current_numerator <= 1 << neuron.current_leak_shift)
            )
            u = named("u_kept", Mux(self._clear, 0, u).as_signed())
            left = u - self._loss(u, current_numerator, neuron.current_leak_shift) + p("current_bias")
            found["current"] = named("current", left)
            m.d.comb += Assume(_fits(left, neuron.current_bits))
        return found


def _between(value: Value, low: int, high: int) -> Value:
    """``clamp(value, low, high)``."""
    return Mux(value < low, low, Mux(value > high, high, value)).as_signed()


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
