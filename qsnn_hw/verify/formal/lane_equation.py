"""The integer equation of a neuron's update as hardware of one cycle; a proof compares the lane with it."""

from collections.abc import Mapping

from amaranth.hdl import Assume, Const, Module, Mux, Signal, Value, signed

from qsnn_hw.plan import GroupPlan


def _fits(value: Value, bits: int) -> Value:
    """Whether a signed value needs no more than ``bits``."""
    high = (1 << bits - 1) - 1
    return (value <= high) & (value >= -high - 1)


def _between(value: Value, low: int, high: int) -> Value:
    """``clamp(value, low, high)``."""
    return Mux(value < low, low, Mux(value > high, high, value)).as_signed()


class Equation:
    """The text of ``quantize/network.py``, line by line; its lines stand behind the code's.

    What the plan proves of widths is assumed: that the sum and the states fit theirs.

    Parameters
    ----------
    m
        Takes the equation's signals and assumptions.
    plan
        The group.
    parameters
        Values of the neuron's parameters, by name; one that is absent is a constant of the group.
    clear
        Whether this step ends the sample.
    """

    def __init__(self, m: Module, plan: GroupPlan, parameters: Mapping[str, Value], clear: Value) -> None:
        self._m, self._neuron, self._parameters, self._clear = m, plan.neuron, parameters, clear
        self._memory = plan.accumulators == "memory"

    def results(self, state: Mapping[str, Value], x: Value) -> dict[str, Value]:
        """What the neuron shows and stores: ``trace``, ``fired``, ``count``, and its states by name.

        Parameters
        ----------
        state
            What it had stored.
        x
            The sum of the step's events; with sums in memory the stored state is in it.
        """
        neuron = self._neuron
        over, silent = state.get("over", Const(0, 1)), state.get("silent", Const(0, 1))
        u, v = self._integrated(state, x)
        if neuron.reset_drops_input:
            v = Mux(over, 0, v).as_signed()  # v = 0 where dropped
        v = self._named("sum", v)
        self._assume(_fits(v, neuron.v_bits))
        if neuron.v_low is not None and neuron.v_high is not None:
            v = self._named("clamped", _between(v, neuron.v_low, neuron.v_high))
        fired, count = self._spikes(v, silent)
        silent = Mux(fired, neuron.refractory, Mux(silent == 0, 0, silent - 1))
        trace = self._named("trace", self._reset_at_once(v, fired, count, over))
        self._assume(_fits(trace, neuron.v_bits))
        kept, late, over = self._reset_late(trace, fired, over)
        found = {"trace": trace, "v": self._following(kept, late), "fired": fired, "count": count}
        found["over"] = over & ~self._clear
        found["silent"] = Mux(self._clear, 0, silent)
        if neuron.has_current:
            found["current"] = self._current(u)
        return found

    def _integrated(self, state: Mapping[str, Value], x: Value) -> tuple[Value, Value]:
        """The current, 0 without one, and the potential with this step's events in it."""
        neuron = self._neuron
        if not neuron.has_current:
            v = x if self._memory else state["v"] + (x << neuron.fractional_bits)  # v = state + x
            return Const(0, 1), v
        u = x if self._memory else state["current"] + (x << neuron.fractional_bits)  # u = current + x
        self._assume(_fits(u, neuron.current_bits))
        if neuron.current_low is not None and neuron.current_high is not None:
            u = self._named("u", _between(u, neuron.current_low, neuron.current_high))
        return u, state["v"] + u

    def _spikes(self, v: Value, silent: Value) -> tuple[Value, Value]:
        """Whether the neuron fires, and how often."""
        neuron, amount, threshold = (
            self._neuron,
            self._parameter("reset_amount"),
            self._parameter("threshold"),
        )
        fired: Value = Const(0, 1)
        if not neuron.readout:
            fired = self._named("fired", (v >= threshold) & (silent == 0))
        if not neuron.multi_spike:
            return fired, fired
        # The number of amounts from 1 to the most that v holds: its quotient, without a division.
        self._assume((amount > 0) & (threshold >= amount))
        whole = sum(((v >= amount * k) for k in range(1, neuron.max_spikes + 1)), Const(0))
        return fired, self._named("count", Mux(fired, whole, 0))

    def _reset_at_once(self, v: Value, fired: Value, count: Value, over: Value) -> Value:
        """The potential after the reset of this step, and not below its limit."""
        neuron, amount = self._neuron, self._parameter("reset_amount")
        if neuron.reset_retest:
            if neuron.reset == "subtract":
                v = v - (count.as_unsigned() - over) * amount
            elif neuron.reset == "value":
                v = v - (fired.as_unsigned() - over) * v
        elif neuron.resets and not neuron.reset_delay:
            value = self._parameter("reset_value")
            v = v - count * amount if neuron.reset == "subtract" else Mux(fired, value, v).as_signed()
        if neuron.v_min is not None:
            least = self._parameter("v_min")
            v = Mux(v < least, least, v).as_signed()  # v = max(v, v_min)
        return v

    def _reset_late(self, trace: Value, fired: Value, over: Value) -> tuple[Value, Value, Value]:
        """The potential that is kept, whether an amount comes off it, and what the next step is told."""
        neuron = self._neuron
        if neuron.reset_retest:
            over = self._named("over", fired if neuron.refractory else trace >= self._parameter("threshold"))
            kept = Mux(over, 0, trace).as_signed() if neuron.reset == "value" else trace
            return kept, over, over
        if neuron.resets and neuron.reset_delay:
            value = self._parameter("reset_value")
            kept = Mux(fired, value, trace).as_signed() if neuron.reset == "value" else trace
            return kept, fired, fired
        return trace, Const(0, 1), over

    def _following(self, kept: Value, late: Value) -> Value:
        """The state that is stored: decayed, with bias, without what a late reset takes off."""
        neuron, bias = self._neuron, self._parameter("bias")
        kept = self._named("kept", Mux(self._clear, self._parameter("start"), kept).as_signed())
        self._assume(_fits(kept, neuron.v_bits))
        numerator = self._parameter("leak_numerators", neuron.leak_numerator)
        self._assume((numerator >= 0) & (numerator <= 1 << neuron.leak_shift))
        following = kept - self._loss(kept, numerator, neuron.leak_shift) + bias
        if neuron.reset == "subtract" and neuron.resets:
            late_bias = bias
            if "fired_bias" in self._parameters:
                # bias - amount, one parameter for two.
                late_bias = self._parameter("fired_bias")
                if "reset_amount" in self._parameters:
                    self._assume(late_bias == bias - self._parameter("reset_amount"))
            following = Mux(late & ~self._clear, following - bias + late_bias, following).as_signed()
        following = self._named("state", following)
        self._assume(_fits(following, neuron.v_bits))
        return following

    def _current(self, u: Value) -> Value:
        """The current that is stored."""
        neuron = self._neuron
        numerator = self._parameter("current_leak_numerator", neuron.uniform_current_leak or 0)
        self._assume((numerator >= 0) & (numerator <= 1 << neuron.current_leak_shift))
        u = self._named("u_kept", Mux(self._clear, 0, u).as_signed())
        left = u - self._loss(u, numerator, neuron.current_leak_shift) + self._parameter("current_bias")
        current = self._named("current", left)
        self._assume(_fits(left, neuron.current_bits))
        return current

    def _loss(self, v: Value, numerator: Value, shift: int) -> Value:
        product = v * numerator
        if self._neuron.leak_rounding == "zero":
            product = product + Mux(v > 0, (1 << shift) - 1, 0)
        return product >> shift

    def _parameter(self, name: str, otherwise: int = 0) -> Value:
        return self._parameters.get(name, Const(otherwise, signed(otherwise.bit_length() + 1)))

    def _assume(self, condition: Value) -> None:
        self._m.d.comb += Assume(condition)

    def _named(self, name: str, expression: Value) -> Value:
        signal = Signal(Value.cast(expression).shape(), name=f"equation_{name}")
        self._m.d.comb += signal.eq(expression)
        return signal
