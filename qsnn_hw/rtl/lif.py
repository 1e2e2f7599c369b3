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
    """Clamp, threshold, reset, leak and bias of one neuron per cycle, in a four-stage pipeline.

    The integer definition stands in ``qsnn_hw/quantize/network.py``. Latency: ``LifLane.DEPTH``
    enabled cycles from ``v`` to ``state``; ``fired`` comes after ``FIRED_DEPTH``, ``trace`` after
    ``TRACE_DEPTH``. Throughput: one neuron per enabled cycle. The leak's multiplication by a
    constant is a sum of shifted copies.

    Parameters
    ----------
    plan
        Widths, leak, reset and clamp of the group.

    Members
    -------
    en : In(1)
        The pipeline moves only in cycles where this is 1.
    v : In(signed(v_bits))
        State plus all events of the step.
    clear : In(1)
        The next state starts a new sample; comes with ``v``.
    threshold, reset_amount, reset_value, bias : In(signed(v_bits))
        The neuron's parameters; come with ``v``.
    fired : Out(1)
        The neuron spikes.
    trace : Out(signed(v_bits))
        The potential after the step, as the golden model records it.
    state : Out(signed(v_bits))
        What is stored for the next step.
    """

    FIRED_DEPTH = 1
    TRACE_DEPTH = 2
    DEPTH = 3

    def __init__(self, plan: GroupPlan) -> None:
        self._plan = plan
        v = signed(plan.v_bits)
        super().__init__(
            {
                "en": In(1),
                "v": In(v),
                "clear": In(1),
                "threshold": In(v),
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

        # Stage 1: clamp and compare.
        clamped = Signal(v_shape)
        m.d.comb += clamped.eq(self._clamp(self.v))
        v1, amount1, value1, bias1 = (Signal(v_shape, name=n) for n in ("v1", "amount1", "value1", "bias1"))
        clear1 = Signal()
        with m.If(self.en):
            m.d.sync += [
                self.fired.eq(clamped >= self.threshold),
                v1.eq(clamped),
                clear1.eq(self.clear),
                amount1.eq(self.reset_amount),
                value1.eq(self.reset_value),
                bias1.eq(self.bias),
            ]

        # Stage 2: reset. A delayed reset leaves the trace alone and acts on what is kept.
        settled = Signal(v_shape)
        kept = Signal(v_shape)
        offset = Signal(v_shape)
        m.d.comb += [settled.eq(v1), kept.eq(settled), offset.eq(bias1)]
        if plan.reset == "subtract" and plan.reset_delay:
            m.d.comb += offset.eq(bias1 - Mux(self.fired & ~clear1, amount1, 0))
        elif plan.reset == "subtract":
            m.d.comb += settled.eq(v1 - Mux(self.fired, amount1, 0))
        elif plan.reset == "value":
            m.d.comb += (kept if plan.reset_delay else settled).eq(Mux(self.fired, value1, v1))
        kept2, offset2 = (Signal(v_shape, name=n) for n in ("kept2", "offset2"))
        with m.If(self.en):
            m.d.sync += [self.trace.eq(settled), kept2.eq(Mux(clear1, 0, kept)), offset2.eq(offset)]

        # Stage 3: leak, then bias and delayed reset.
        product = self._product(kept2)
        with m.If(self.en):
            m.d.sync += self.state.eq(kept2 - (product >> plan.leak_shift) + offset2)
        return m

    def _clamp(self, v: Value) -> Value:
        low, high = self._plan.v_low, self._plan.v_high
        if low is None or high is None:
            return v
        return Mux(v < low, low, Mux(v > high, high, v))

    def _product(self, v: Value) -> Value:
        """``v * leak_numerator`` as a sum of shifted copies."""
        total: Value | None = None
        # The largest digit is always positive, so the sum starts from it.
        for sign, shift in reversed(signed_digits(self._plan.leak_numerator)):
            term = v << shift
            if total is None:
                total = term
            else:
                total = total + term if sign > 0 else total - term
        return Const(0) if total is None else total
