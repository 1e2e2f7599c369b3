"""What must hold of a neuron's leak, by the magnitudes and not by the shift that computes it."""

from typing import Any

from amaranth.hdl import Assert, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan import GroupPlan
from qsnn_hw.verify.formal.properties import Harness


class _Leak(wiring.Component):
    """The leak of one lane: what ``steps``' arithmetic takes from a potential ``v``."""

    def __init__(self, steps: Any, plan: GroupPlan) -> None:
        self._steps, self._plan = steps, plan
        v = signed(plan.neuron.v_bits)
        members: dict[str, wiring.Member] = {"v": In(v), "loss": Out(v)}
        if plan.neuron.leak_numerators is not None:
            members["numerator"] = In(signed(plan.neuron.leak_shift + 2))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        steps = self._steps(self._plan, False, Const(0), Const(1))
        own = {} if self._plan.neuron.leak_numerators is None else {"leak_numerators": self.numerator}
        m.d.comb += self.loss.eq(steps.leak(m, {"v": self.v}, own)["loss"])
        return m


class LeakExact(Harness):
    """What is left is the potential times its decay, rounded as the plan says, for every potential.

    "zero": the magnitude that is left is cut to a whole number. "floor": what is lost, cut down, is
    at most one step below the exact loss. A numerator of each neuron's own is the solver's choice, from
    0 to ``2**leak_shift``.
    """

    def __init__(self, steps: Any, plan: GroupPlan) -> None:
        dut = _Leak(steps, plan)
        super().__init__(dut, [], [])
        self._plan = plan
        self.ports.append(dut.v)
        if plan.neuron.leak_numerators is not None:
            self.ports.append(dut.numerator)

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        neuron, v, loss = self._plan.neuron, self._dut.v, self._dut.loss
        one = 1 << neuron.leak_shift
        numerator = Const(neuron.leak_numerator) if neuron.leak_numerators is None else self._dut.numerator
        allowed = (numerator >= 0) & (numerator <= one)
        left = Signal(signed(neuron.v_bits + 1))
        m.d.comb += left.eq(v - loss)
        # Multiplied out, so that nothing is divided or shifted.
        if neuron.leak_rounding == "zero":
            magnitude, wanted = Mux(left < 0, -left, left), Mux(v < 0, -v, v) * (one - numerator)
            m.d.comb += Assert(~allowed | (left == 0) | ((left < 0) == (v < 0)))
        else:
            magnitude, wanted = loss, v * numerator
        exact = (magnitude * one <= wanted) & (wanted < (magnitude + 1) * one)
        m.d.comb += Assert(~allowed | exact)
