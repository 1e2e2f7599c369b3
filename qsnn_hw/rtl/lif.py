"""One LIF lane: what happens to a potential when a time step ends."""

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan import GroupPlan


def signed_digits(number: int) -> list[tuple[int, int]]:
    """Canonical signed digits of a positive number: [(sign, shift), ...], fewest terms.

    >>> signed_digits(13)  # 16 - 4 + 1
    [(1, 0), (-1, 2), (1, 4)]
    """
    digits = []
    shift = 0
    while number:
        if number & 1:
            sign = 2 - (number & 3)
            digits.append((sign, shift))
            number -= sign
        number >>= 1
        shift += 1
    return digits


class LifLane(wiring.Component):
    """Clamp, threshold, reset, leak and bias of one neuron per cycle, in two pipeline stages.

    The integer definition stands in ``qsnn_hw/quantize/network.py``. The first stage clamps and
    compares, the second resets, leaks and adds the bias. Latency, in enabled cycles after ``v``:
    ``fired`` and ``trace`` 1, ``state`` 2. Throughput: one neuron per enabled cycle. The leak's
    multiplication by a constant is a sum of shifted copies.

    Parameters
    ----------
    plan
        Widths, leak, reset and clamp of the group.
    trace
        Build the ``trace`` output; it is 0 otherwise.

    Members
    -------
    en : In(1)
        The pipeline moves only in cycles where this is 1.
    v, threshold : In(signed(v_bits))
        State plus all events of the step, and the neuron's threshold.
    clear : In(1)
        The next state starts a new sample; comes with ``v``.
    reset_amount, reset_value, bias : In(signed(v_bits))
        The neuron's other parameters; come one enabled cycle after ``v``.
    fired : Out(1)
        The neuron spikes.
    trace : Out(signed(v_bits))
        The potential after the step, as the golden model records it.
    state : Out(signed(v_bits))
        What is stored for the next step.
    """

    DEPTH = 2

    def __init__(self, plan: GroupPlan, *, trace: bool = False) -> None:
        self._plan, self._trace = plan, trace
        v = signed(plan.v_bits)
        super().__init__(
            {
                "en": In(1),
                "v": In(v),
                "threshold": In(v),
                "clear": In(1),
                "reset_amount": In(v),
                "reset_value": In(v),
                "bias": In(v),
                "fired": Out(1),
                "trace": Out(v),
                "state": Out(v),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        v_shape = signed(plan.v_bits)

        # Stage 1. The data registers need no reset: their valid flag travels in the group.
        clamped, above = Signal(v_shape), Signal()
        m.d.comb += [clamped.eq(self._clamp(self.v)), above.eq(clamped >= self.threshold)]
        v1 = Signal(v_shape, reset_less=True)
        # Firing at the end of a sample is still a spike, but there is nothing left to reset.
        resets = Signal(reset_less=True)
        with m.If(self.en):
            m.d.sync += [
                self.fired.eq(above),
                resets.eq(above & ~self.clear),
                v1.eq(Mux(self.clear, 0, clamped)),
            ]

        # Stage 2.
        kept = Signal(v_shape)
        m.d.comb += kept.eq(self._reset(v1, resets))
        offset = self.bias
        if plan.reset == "subtract" and plan.reset_delay:
            offset = self.bias - Mux(resets, self.reset_amount, 0)
        next_state = Signal(v_shape, reset_less=True)
        m.d.comb += self.state.eq(next_state)
        with m.If(self.en):
            m.d.sync += next_state.eq(kept - (self._product(kept) >> plan.leak_shift) + offset)

        if self._trace:
            traced = Signal(v_shape)
            with m.If(self.en):
                m.d.sync += traced.eq(clamped)
            shown = traced if plan.reset_delay else self._reset(traced, self.fired)
            m.d.comb += self.trace.eq(shown)
        return m

    def _clamp(self, v: Value) -> Value:
        low, high = self._plan.v_low, self._plan.v_high
        if low is None or high is None:
            return v
        return Mux(v < low, low, Mux(v > high, high, v))

    def _reset(self, v: Value, fired: Value) -> Value:
        """What a spike leaves of ``v``, a delayed subtraction aside."""
        if self._plan.reset == "value":
            return Mux(fired, self.reset_value, v)
        if self._plan.reset == "subtract" and not self._plan.reset_delay:
            return v - Mux(fired, self.reset_amount, 0)
        return v

    def _product(self, v: Value) -> Value:
        """``v * leak_numerator`` as a sum of shifted copies."""
        total: Value | None = None
        # The largest digit is always positive, so the sum starts from it.
        for sign, shift in reversed(signed_digits(self._plan.leak_numerator)):
            term = v << shift
            total = term if total is None else total + term if sign > 0 else total - term
        return Const(0) if total is None else total
