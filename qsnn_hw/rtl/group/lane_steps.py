"""The arithmetic of each step of a neuron's integer update."""

from collections.abc import Mapping

import numpy as np
from amaranth.hdl import Const, Module, Mux, Signal, Value, signed

from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.rtl.counting import at_least
from qsnn_hw.rtl.group.constant_product import times

Values = Mapping[str, Value]


class LaneSteps:
    """Builds the steps of one lane: each method adds one and returns the values it leaves.

    Values: ``x``, ``v``, ``current``, ``over`` and ``silent`` come in; ``u`` is the current with the
    step's input; ``resets`` says that a spike resets ``v``, ``was_over`` that the step before did so too
    early; ``shown``, ``fired`` and ``shown_over`` are the same for the trace alone, where the end of a
    sample has not cleared them; ``loss`` and ``current_loss`` are what leaks.

    Parameters
    ----------
    plan
        The group.
    trace
        Keep ``shown``.
    clear, en, mute, repeat
        Ports of the lane.
    """

    def __init__(
        self,
        plan: GroupPlan,
        trace: bool,
        clear: Value,
        en: Value,
        mute: Value | None = None,
        repeat: Value | None = None,
    ) -> None:
        self._plan, self._neuron, self._trace = plan, plan.neuron, trace
        self._clear, self._en = clear, en
        self._mute, self._repeat = mute, repeat

    def current(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """The current with the step's input."""
        u = values["x"]
        if "current" in values:
            u = (u << self._neuron.fractional_bits) + values["current"].as_signed()
        return {"u": _cut(m, "u", u, self._neuron.current_bits)}

    def clamp_current(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """Saturation of the current."""
        neuron = self._neuron
        u = _clamp(values["u"], neuron.current_low, neuron.current_high)
        return {"u": _cut(m, "u_clamped", u, neuron.current_bits)}

    def sum(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """The potential with the step's input, 0 where the step's input is dropped."""
        neuron = self._neuron
        v = values["u" if "u" in values else "x"]
        if "v" in values:
            # The current has the grid of the potential already.
            x = v if "u" in values else v << neuron.fractional_bits
            v = x + values["v"].as_signed()
        if neuron.reset_drops_input and "over" in values:
            v = Mux(values["over"], 0, v)
        return {"v": self._v(m, "sum", v)}

    def clamp(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """Saturation."""
        neuron = self._neuron
        return {"v": self._v(m, "clamped", _clamp(values["v"], neuron.v_low, neuron.v_high))}

    def compare(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """Saturation and at most one spike."""
        plan, neuron = self._plan, self._neuron
        clamped = self._v(m, "clamped", _clamp(values["v"], neuron.v_low, neuron.v_high))
        fired = Signal(name="fires")
        if not neuron.readout:
            beyond = clamped
            real = neuron.threshold[plan.neuron_of_slot >= 0]
            # A threshold within the limits needs no limits: the comparison runs beside them.
            if _within(real, neuron.v_low, neuron.v_high):
                beyond = values["v"]
            reached = beyond >= parameters["threshold"]
            if plan.small and len(set(neuron.threshold.tolist())) == 1:
                reached = at_least(beyond, int(neuron.threshold[0]))
            m.d.comb += fired.eq(reached & self._awake(values))
        return {"spiking": fired} | self._behind(values, clamped, fired, parameters)

    def compare_many(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """One spike of several; ``left`` is the potential without it."""
        assert self._mute is not None
        assert self._repeat is not None
        v, amount = values["v"], parameters["reset_amount"]
        first, spiking, again, fired = (Signal(name=n) for n in ("first", "spiking", "more", "has_fired"))
        began = Signal(reset_less=True)
        due = Signal(reset_less=True)
        left = self._v(m, "left", v - Mux(spiking, amount, 0))
        m.d.comb += [
            first.eq((v >= parameters["threshold"]) & self._awake(values) & ~self._mute),
            spiking.eq(Mux(self._repeat, due, first)),
            fired.eq(Mux(self._repeat, began, first)),
            again.eq(spiking & (v >= (amount << 1))),
        ]
        with m.If(self._en):
            m.d.sync += [began.eq(fired), due.eq(again)]
        comparison = {"spiking": spiking, "again": again, "left": left}
        return comparison | self._behind(values, left, fired, parameters)

    def _awake(self, values: Values) -> Value:
        return values["silent"] == 0 if "silent" in values else Const(1)

    def _behind(self, values: Values, v: Value, fired: Value, parameters: Values) -> dict[str, Value]:
        """What the comparison leaves; with ``clear`` the neuron starts a new sample, mostly from 0."""
        neuron = self._neuron
        values_behind = {
            "v": Mux(self._clear, parameters.get("start", 0), v).as_signed(),
            "resets": fired & ~self._clear,
        }
        values_behind["over"] = values_behind["resets"]
        if "over" in values:
            values_behind |= {"was_over": values["over"] & ~self._clear, "shown_over": values["over"]}
        if "u" in values:
            values_behind["u"] = Mux(self._clear, 0, values["u"]).as_signed()
        if "silent" in values:
            silent = values["silent"]
            counted = Mux(fired, neuron.refractory, silent - (silent != 0))[: len(silent)]
            values_behind["silent"] = Mux(self._clear, 0, counted)
        if self._trace:
            values_behind |= {"shown": v, "fired": fired}
        return values_behind

    def reset(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """What a spike leaves of the potential in the step itself."""
        v = self._reset(values["v"], values["resets"], values.get("was_over"), parameters)
        changed = {"v": self._v(m, "kept", v)}
        if "shown" in values:
            v = self._reset(values["shown"], values["fired"], values.get("shown_over"), parameters)
            changed["shown"] = self._v(m, "shown_kept", v)
        return changed

    def _reset(self, v: Value, fired: Value, over: Value | None, parameters: Values) -> Value:
        neuron = self._neuron
        if over is None or not neuron.reset_retest:
            if neuron.reset == "subtract":
                return v - Mux(fired, parameters["reset_amount"], 0)
            return Mux(fired, parameters["reset_value"], v)
        early = over & ~fired
        if neuron.reset == "value":
            return Mux(fired & ~over, 0, Mux(early, v << 1, v))
        amount = parameters["reset_amount"]
        if neuron.multi_spike:
            # Every spike has taken its amount already.
            return v + Mux(over, amount, 0)
        return v + Mux(early, amount, Mux(fired & ~over, -amount, 0))

    def floor(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """The lower limit behind the reset; a new sample's start has none."""
        low = parameters["v_min"]
        limited = {"v": Mux((values["v"] < low) & ~self._clear, low, values["v"])}
        if "shown" in values:
            limited["shown"] = Mux(values["shown"] < low, low, values["shown"])
        return {name: self._v(m, f"{name}_floored", value) for name, value in limited.items()}

    def retest(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """Whether the potential is to be reset before the next step, too."""
        over = Signal(name="over_again")
        tested = values["resets"] if self._neuron.refractory else values["v"] >= parameters["threshold"]
        m.d.comb += over.eq(tested & ~self._clear)
        v = values["v"]
        return {"over": over, "v": Mux(over, 0, v).as_signed() if self._neuron.reset == "value" else v}

    def late_reset(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """The delayed reset to a value, which the trace does not show."""
        return {"v": self._v(m, "late", Mux(values["over"], parameters["reset_value"], values["v"]))}

    def leak(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """What the potential and the current lose."""
        neuron = self._neuron
        losses = {}
        own = parameters.get("leak_numerators")
        if own is not None or neuron.leak_numerator:
            product = self._product(values["v"], own, neuron.leak_numerator)
            losses["loss"] = self._v(m, "loss", self._rounded(product, values["v"], neuron.leak_shift))
        same = neuron.uniform_current_leak
        if same != 0:
            product = self._product(values["u"], parameters.get("current_leak_numerator"), same or 0)
            loss = self._rounded(product, values["u"], neuron.current_leak_shift)
            losses["current_loss"] = _cut(m, "current_loss", loss, neuron.current_bits)
        return losses

    def _rounded(self, product: Value, v: Value, shift: int) -> Value:
        """``product`` without its lowest ``shift`` bits: down, or up where ``v`` is kept toward 0."""
        if self._neuron.leak_rounding == "floor" or not shift:
            return product >> shift
        # A negative loss rounds up by being cut; of 0 nothing is cut.
        return (product >> shift) + (~v[-1] & product[:shift].any())

    def _product(self, v: Value, own: Value | None, numerator: int) -> Value:
        if own is not None:
            return v * own
        if self._plan.leak_unit == "multiplier":
            return v * Const(numerator)
        return times(v, numerator)

    def next(self, m: Module, values: Values, parameters: Values) -> dict[str, Value]:
        """The next state and, in memory, the next accumulator."""
        plan, neuron = self._plan, self._neuron
        offset = parameters["bias"]
        if "fired_bias" in parameters:
            offset = Mux(values["over"], parameters["fired_bias"], offset)
        left = values["v"] - values["loss"] if "loss" in values else values["v"]
        state = {"v": self._v(m, "next_v", left + offset)}
        if "u" in values:
            left = values["u"] - values["current_loss"] if "current_loss" in values else values["u"]
            left = left + parameters["current_bias"]
            state["current"] = _cut(m, "next_current", left, neuron.current_bits)
        if plan.accumulators == "memory":
            state["acc"] = state["current" if "u" in values else "v"]
        return state

    def _v(self, m: Module, name: str, value: Value) -> Value:
        return _cut(m, name, value, self._neuron.v_bits)


def _clamp(value: Value, low: int | None, high: int | None) -> Value:
    """``value`` between the limits, where there are any."""
    if low is None or high is None:
        return value
    return Mux(value < low, low, Mux(value > high, high, value))


def _cut(m: Module, name: str, value: Value, bits: int) -> Value:
    """``value`` in ``bits`` signed bits, which hold it."""
    signal = Signal(signed(bits), name=name)
    m.d.comb += signal.eq(value)
    return signal


def _within(threshold: np.ndarray, low: int | None, high: int | None) -> bool:
    """Whether a saturated potential reaches every threshold exactly where it would unsaturated."""
    return low is None or high is None or bool((threshold > low).all() and (threshold <= high).all())
