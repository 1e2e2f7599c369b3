"""The update sweep: every neuron of a group through the neuron lanes when a time step ends."""

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.plan.group_plan import GroupPlan
from qsnn_hw.plan.update_stages import compare_stage, update_parameters, update_stages
from qsnn_hw.quantize.integers import signed_bits
from qsnn_hw.rtl.counting import plus_one
from qsnn_hw.rtl.group.encoder import SpikeEncoder
from qsnn_hw.rtl.group.lane import NeuronLane, StateLayout
from qsnn_hw.rtl.group.links import sweep_signature
from qsnn_hw.rtl.group.neuron_memory import NeuronMemory, ParameterMemory
from qsnn_hw.rtl.stream.aer import aer_signature


def trace_signature(plan: GroupPlan) -> wiring.Signature:
    """The verification-only trace of a group: one update row's potentials in each ``valid`` cycle.

    Members
    -------
    valid : Out(1)
    row : Out(range(update_rows))
    v : Out(update_lanes * v_bits)
        Lane 0 in the lowest bits, two's complement.
    """
    row = max(1, ceil_log2(plan.update_rows))
    v = plan.update_lanes * plan.neuron.v_bits
    return wiring.Signature({"valid": Out(1), "row": Out(row), "v": Out(v)})


def aligned(plan: GroupPlan) -> bool:
    """Whether the address of every update row is a multiple of the update lanes, a power of two."""
    lanes = plan.update_lanes
    return lanes & (lanes - 1) == 0 and (not plan.space.grid or lanes <= 1 << plan.space.channel_bits)


class RowFlags(data.StructLayout):
    """What travels beside the data: ``valid``, the update ``row``, and whether it is the ``final`` one."""

    def __init__(self, rows: int) -> None:
        members: dict[str, ShapeLike] = {"valid": 1, "row": ceil_log2(rows), "final": 1}
        super().__init__(members)


class AddressCounter(wiring.Component):
    """The address of an update row's first slot, counted along with the sweep.

    ``address`` belongs to row 0 out of reset and to the next row after each cycle with ``en``; behind
    the last row it is row 0's again.

    Parameters
    ----------
    plan
        ``space``, ``update_lanes``, ``lanes`` and ``channel_folds`` of the group.

    Members
    -------
    en : In(1)
    address : Out(...)
        As wide as an address of the group's space.
    """

    def __init__(self, plan: GroupPlan) -> None:
        self._plan = plan
        super().__init__({"en": In(1), "address": Out(max(1, ceil_log2(plan.space.size)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, space = self._plan, self._plan.space
        # Each field: how many values it takes, how far apart they are, and how wide the field is.
        step = plan.update_lanes
        fields = [(plan.update_rows, step, len(self.address))]
        if space.grid:
            _, height, width = space.shape
            channels = plan.lanes * plan.channel_folds // step
            fields = [
                (channels, step, space.channel_bits),
                (width, 1, space.column_bits),
                (height, 1, space.row_bits),
            ]
        carry: Value = self.en
        parts = []
        for index, (count, apart, bits) in enumerate(fields):
            # Steps of a power of two count in the bits above it.
            low = (apart & -apart).bit_length() - 1
            counter = Signal(ceil_log2((count - 1) * (apart >> low) + 1), name=f"field{index}")
            wraps = Signal(name=f"wraps{index}")
            m.d.comb += wraps.eq(carry & (counter == (count - 1) * (apart >> low)))
            with m.If(wraps):
                m.d.sync += counter.eq(0)
            with m.Elif(carry):
                m.d.sync += counter.eq(counter + (apart >> low))
            parts.append(Cat(Const(0, low), counter, Const(0, bits))[:bits])
            carry = wraps
        m.d.comb += self.address.eq(Cat(parts))
        return m


class Sweep(wiring.Component):
    """Reads the accumulators row by row, updates the neurons and sends their spikes, then the tick.

    A sweep starts with ``link.start``, and once silently out of reset, which gives every neuron its
    initial state. So does, behind the spikes of its last step, a sweep with ``last``.

    Throughput: one update row per cycle, and one cycle more for every word of spikes beyond a row's
    first that leaves while further rows with spikes wait; a neuron's further spikes take a cycle each.
    A sweep without spikes takes ``update_rows + len(update_stages(plan)) + 2`` cycles, the one in which
    ``start`` moves included. A blocked output stalls it without loss. Latency: a row's first word is offered
    ``compare_stage(plan) + 2`` cycles after the row was read.
    Handshake: ``link.start`` is taken when the sweep before has ended altogether; ``o`` follows the
    stream rules of ``rtl/stream/aer.py``.

    Parameters
    ----------
    plan
        The group.
    trace
        Build the verification-only trace port.

    Members
    -------
    link : In(sweep_signature(plan))
        To the accumulators.
    o : Out(aer_signature(plan.space.size, plan.output_lanes))
        Spikes and ticks.
    trace : Out(trace_signature(plan)), only with ``trace``
        Every row once a step, and none of the silent sweep.
    """

    def __init__(self, plan: GroupPlan, *, trace: bool = False) -> None:
        if not plan.neuron.readout and not (plan.neuron.threshold[plan.neuron_of_slot < 0] > 0).all():
            raise ValueError("Threshold of a slot without a neuron must be above 0")
        lanes, output_lanes, bits = plan.update_lanes, plan.output_lanes, plan.space.channel_bits
        if output_lanes > 1 and plan.space.grid and min(lanes, output_lanes) > 1 << bits:
            raise ValueError(
                f"Output lanes must share the {1 << bits} channels of a grid, not {output_lanes!r}"
            )
        self._plan, self._trace = plan, trace
        self._stages = update_stages(plan)
        self._compared = compare_stage(plan)
        self._encoder = SpikeEncoder(
            plan.space.size,
            lanes,
            output_lanes,
            aligned=aligned(plan),
            spare=plan.spare_row,
            rests=plan.crossbar,
        )
        members: dict[str, wiring.Member] = {
            "link": In(sweep_signature(plan)),
            "o": Out(aer_signature(plan.space.size, plan.output_lanes)),
        }
        if trace:
            members["trace"] = Out(trace_signature(plan))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        m.submodules.encoder = self._encoder
        wiring.connect(m, self._encoder.o, wiring.flipped(self.o))
        moving = Signal()
        advance = Signal()

        # Out of reset the first sweep has no start behind it. One sweep at a time, so what holds for
        # all of it need not travel with its rows.
        running = Signal(init=1)
        issuing = Signal(init=1)
        silent = Signal(init=1)
        clear = Signal(init=1)
        starts = self.link.start.valid & ~running
        m.d.comb += [self.link.start.ready.eq(~running), self.link.busy.eq(running | starts)]
        flags = [Signal(RowFlags(plan.update_rows), name=f"row{n}") for n in range(len(self._stages) + 2)]
        issued, done = flags[0], flags[-1]
        row = Signal(ceil_log2(plan.update_rows))
        m.d.comb += [
            issued.valid.eq(issuing),
            issued.row.eq(row),
            issued.final.eq(row == plan.update_rows - 1),
            self.link.read_en.eq(issuing & advance),
            self.link.read_row.eq(row),
        ]
        with m.If(self.link.read_en):
            m.d.sync += [row.eq(Mux(issued.final, 0, plus_one(row))), issuing.eq(~issued.final)]
        with m.If(done.valid & done.final & moving):
            m.d.sync += running.eq(0)
        with m.If(starts):
            m.d.sync += [Cat(running, issuing).eq(-1), silent.eq(0), clear.eq(self.link.start.payload.last)]

        # Sums in memory are read for events too, and what is read for one must not run through the lanes.
        # What waits for a valid row anyway goes by the plain signals, which come sooner.
        shifts, shifts_early = moving, advance
        if plan.accumulators == "memory":
            shifts = Signal()
            shifts_early = Signal()
            m.d.comb += [shifts.eq(moving & running), shifts_early.eq(advance & running)]
        again = self._lanes(m, flags, moving, shifts, shifts_early, clear, silent)
        self._flags(m, flags, moving, advance, shifts, shifts_early, again, clear, silent)
        if self._trace:
            m.d.comb += [
                self.trace.valid.eq(done.valid & moving & ~silent),
                self.trace.row.eq(done.row),
            ]
        return m

    def _flags(
        self,
        m: Module,
        flags: list[Signal],
        moving: Signal,
        advance: Signal,
        shifts: Signal,
        shifts_early: Signal,
        again: Value,
        clear: Signal,
        silent: Signal,
    ) -> None:
        """Move the rows along; hand masks of spiking lanes to the encoder."""
        plan, encoder = self._plan, self._encoder
        for stage in range(1, len(flags)):
            with m.If(shifts_early if stage <= self._compared else shifts):
                m.d.sync += flags[stage].eq(flags[stage - 1])
        compared, encoded = flags[self._compared], flags[self._compared + 1]
        # A row that stays for another spike sends its mask on, and itself only with the last one.
        masked = encoded.valid
        if plan.neuron.multi_spike:
            masked = Signal()
            with m.If(moving):
                m.d.sync += [encoded.valid.eq(compared.valid & ~again), masked.eq(compared.valid)]
        tick = encoded.valid & encoded.final
        mask = encoder.i.payload.mask
        m.d.comb += [
            # A row without spikes does not wait for those before it.
            encoder.i.valid.eq(~silent & ((masked & mask.any()) | tick)),
            encoder.i.payload.base.eq(self._base(m, encoded, moving)),
            encoder.i.payload.tick.eq(tick),
            encoder.i.payload.last.eq(clear),
            moving.eq(encoder.i.ready if plan.spare_row else encoder.i.ready | ~encoder.i.valid),
            advance.eq(moving & ~again),
        ]

    def _base(self, m: Module, encoded: Signal, moving: Signal) -> Value:
        """The address of a row's first slot; in a flat space it is the row's number."""
        plan = self._plan
        if plan.row_is_address:
            return Cat(Const(0, ceil_log2(plan.update_lanes)), encoded.row)
        m.submodules.addresses = address = AddressCounter(plan)
        m.d.comb += address.en.eq(encoded.valid & moving)
        return address.address

    def _lanes(
        self,
        m: Module,
        flags: list[Signal],
        moving: Signal,
        shifts: Signal,
        shifts_early: Signal,
        clear: Signal,
        silent: Signal,
    ) -> Value:
        """Lanes and memories; return whether the row in the comparison stays there."""
        plan = self._plan
        lanes = [NeuronLane(plan, trace=self._trace) for _ in range(plan.update_lanes)]
        done = flags[-1]
        write = done.valid & moving
        width = StateLayout(plan).size
        stored: Value = Const(0, plan.update_lanes * width)
        if width:
            m.submodules.states = states = NeuronMemory(
                len(stored), plan.update_rows, plan.neuron_memory, chip=plan.crossbar
            )
            m.d.comb += [
                states.read_en.eq(self.link.read_en),
                states.read_fold.eq(self.link.read_row),
                states.write_en.eq(write),
                states.write_fold.eq(done.row),
                states.write_data.eq(Cat(lane.state.as_value() for lane in lanes)),
            ]
            stored = states.read_data
        if plan.accumulators == "memory":
            m.d.comb += [
                self.link.write_en.eq(write),
                self.link.write_row.eq(done.row),
                self.link.write_data.eq(Cat(lane.acc for lane in lanes)),
            ]
        for index, lane in enumerate(lanes):
            m.submodules[f"lane{index}"] = lane
            m.d.comb += [
                Cat(lane.en, lane.advance, lane.clear).eq(Cat(shifts, shifts_early, clear)),
                lane.x.eq(self.link.x.word_select(index, plan.acc_bits)),
                lane.stored.eq(stored.word_select(index, width) if width else 0),
            ]
        m.d.comb += self._encoder.i.payload.mask.eq(Cat(lane.fired for lane in lanes))
        if self._trace:
            m.d.comb += self.trace.v.eq(Cat(lane.trace for lane in lanes))
        self._parameters(m, lanes, flags, shifts, shifts_early)
        return self._again(m, lanes, flags[self._compared], moving, silent)

    def _parameters(
        self, m: Module, lanes: list[NeuronLane], flags: list[Signal], shifts: Signal, shifts_early: Signal
    ) -> None:
        """One memory for each parameter that differs between rows, read ahead of its stage."""
        plan = self._plan
        values = update_parameters(plan)
        # Where the lanes' first stage only takes what memories show, there is time for another register.
        registered = not self._stages[0]

        def moves_into(stage: int) -> Value:
            moves = shifts_early if stage <= self._compared else shifts
            # Between sweeps no memory is read; of sums in memory nothing moves then.
            return moves if plan.accumulators == "memory" else moves & flags[stage - 1].valid

        for stage, steps in enumerate(self._stages, 1):
            for name in sorted({name for step in steps for name in step.parameters}):
                bits = signed_bits(values[name])
                words = plan.update_words(values[name], bits)
                width = plan.update_lanes * bits
                rom = ParameterMemory(words, width, plan.parameters_in, registered=registered)
                m.submodules[f"{name}_{stage}_rom"] = rom
                ahead = stage - registered
                m.d.comb += [rom.en.eq(moves_into(ahead)), rom.fold.eq(flags[ahead - 1].row)]
                if registered:
                    m.d.comb += rom.en_output.eq(moves_into(stage))
                for index, lane in enumerate(lanes):
                    m.d.comb += getattr(lane, f"{name}_{stage}").eq(rom.data.word_select(index, bits))

    def _again(
        self, m: Module, lanes: list[NeuronLane], compared: Signal, moving: Signal, silent: Signal
    ) -> Value:
        """Whether the row in the comparison has another spike; counts where a limit can be met."""
        plan = self._plan
        if not plan.neuron.multi_spike:
            return Const(0)
        repeat = Signal()
        again = Signal()
        more = Cat(lane.again for lane in lanes).any() & compared.valid
        if plan.counts_spikes:
            # All lanes of a row have spiked equally often, those that still spike.
            count = Signal(range(plan.neuron.max_spikes))
            more &= count != plan.neuron.max_spikes - 1
            with m.If(moving):
                m.d.sync += count.eq(Mux(again, count + 1, 0))
        m.d.comb += again.eq(more)
        with m.If(moving):
            m.d.sync += repeat.eq(again)
        for lane in lanes:
            m.d.comb += [lane.mute.eq(silent), lane.repeat.eq(repeat)]
        return again
