"""One neuron lane: what happens to a neuron when a time step ends, one neuron per cycle."""

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.update_stages import compare_stage, state_fields, update_parameters, update_stages
from qsnn_hw.quantize.integers import signed_bits
from qsnn_hw.rtl.group.lane_steps import LaneSteps


class StateLayout(data.StructLayout):
    """What a neuron stores (:func:`state_fields`); potential and current are signed."""

    def __init__(self, plan: GroupPlan) -> None:
        fields = state_fields(plan)
        super().__init__(
            {name: signed(width) if name in ("v", "current") else width for name, width in fields.items()}
        )


class NeuronLane(wiring.Component):
    """The integer update of ``qsnn_hw/quantize/network.py`` for one neuron per cycle.

    A pipeline of ``len(update_stages(plan))`` stages. Stage ``n`` works on a neuron in the cycle that is
    ``n - 1`` enabled cycles after its ``x`` and ``stored`` were shown. Latency, in enabled cycles:
    ``fired`` ``compare_stage(plan)``, everything else the number of stages. Throughput: one neuron
    per enabled cycle; in a group with several spikes per step as many cycles as the neuron spikes.

    Parameters
    ----------
    plan
        The group.
    trace
        Build the ``trace`` output.

    Members
    -------
    en : In(1)
        The pipeline behind the comparison moves only in cycles where this is 1.
    advance : In(1)
        The same up to the comparison: ``en``, and 0 while a neuron stays for another spike.
    clear : In(1)
        The step ends its sample: the next state is the initial one. Constant during a sweep.
    x : In(signed(acc_bits))
        The accumulator.
    stored : In(StateLayout(plan))
    <parameter>_<stage> : In(signed(...))
        One for each parameter of each of the ``update_stages``, shown while that stage works.
    fired : Out(1)
        The neuron spikes.
    state : Out(StateLayout(plan))
        What to store.
    acc : Out(signed(acc_bits)), only with accumulators in memory
        What the accumulator becomes.
    trace : Out(signed(v_bits)), only with ``trace``
        The potential as the golden model records it.
    again, mute : Out(1), In(1), only with several spikes per step
        The neuron has another spike. No neuron fires while ``mute``.
    repeat : In(1), only with several spikes per step
        The neuron in the comparison has spiked there before.
    """

    def __init__(self, plan: GroupPlan, *, trace: bool = False) -> None:
        neuron, filled = plan.neuron, plan.neuron_of_slot >= 0
        if neuron.multi_spike and not (neuron.threshold >= neuron.reset_amount)[filled].all():
            raise ValueError("Threshold of several spikes per step must be at least the reset amount")
        if neuron.multi_spike and not (neuron.reset_amount[filled] > 0).all():
            raise ValueError("Reset amount of several spikes per step must be above 0")
        self._plan, self._trace = plan, trace
        self._state = StateLayout(plan)
        self._stages, self._compared = update_stages(plan), compare_stage(plan)
        self._widths = {name: signed_bits(values) for name, values in update_parameters(plan).items()}
        members: dict[str, wiring.Member] = {
            **{name: In(1) for name in ("en", "advance", "clear")},
            "x": In(signed(plan.acc_bits)),
            "stored": In(self._state),
            "fired": Out(1),
            "state": Out(self._state),
        }
        for number, stage in enumerate(self._stages, 1):
            # Sorted: the Verilog of a plan is always the same.
            for name in sorted({name for step in stage for name in step.parameters}):
                members[f"{name}_{number}"] = In(signed(self._widths[name]))
        if plan.accumulators == "memory":
            members["acc"] = Out(signed(plan.acc_bits))
        if trace:
            members["trace"] = Out(signed(neuron.v_bits))
        if neuron.multi_spike:
            members |= {"again": Out(1), "mute": In(1), "repeat": In(1)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ports = (self.mute, self.repeat) if self._plan.neuron.multi_spike else ()
        steps = LaneSteps(self._plan, self._trace, self.clear, self.en, *ports)
        values: dict[str, Value] = {"x": self.x}
        values |= {name: Value.cast(self.stored[name]) for name in self._state.members}
        for number, stage in enumerate(self._stages, 1):
            # What the stage begins with: registers, but in the first.
            before = values
            for step in stage:
                parameters = {name: getattr(self, f"{name}_{number}") for name in step.parameters}
                values = values | getattr(steps, step.name)(m, values, parameters)
            if number == self._compared:
                self._show_spikes(m, before, values)
            values = self._registers(m, number, values)
        m.d.comb += [self.state[name].eq(values[name]) for name in self._state.members]
        if self._plan.accumulators == "memory":
            m.d.comb += self.acc.eq(values["acc"])
        if self._trace:
            m.d.comb += self.trace.eq(values["shown"])
        return m

    def _show_spikes(self, m: Module, before: dict[str, Value], values: dict[str, Value]) -> None:
        """What the comparison found; of several spikes the potential in front of it loses one at a time."""
        with m.If(self.en):
            m.d.sync += self.fired.eq(values["spiking"])
        if self._plan.neuron.multi_spike:
            m.d.comb += self.again.eq(values["again"])
            with m.If(self.en & ~self.advance):
                m.d.sync += before["v"].eq(values["left"])

    def _registers(self, m: Module, number: int, values: dict[str, Value]) -> dict[str, Value]:
        """The registers behind a stage, of what later stages read."""
        live = {name for later in self._stages[number:] for step in later for name in step.reads}
        if number == len(self._stages):
            live = {*self._state.members, "acc", "shown"}
        registers: dict[str, Value] = {}
        for name in sorted(live & values.keys()):
            # The data registers need no reset: their valid flag travels in the sweep.
            registers[name] = register = Signal(
                values[name].shape(), name=f"{name}_{number}", reset_less=True
            )
            with m.If(self.advance if number < self._compared else self.en):
                m.d.sync += register.eq(values[name])
        return registers
