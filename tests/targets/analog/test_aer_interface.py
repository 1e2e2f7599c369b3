# amaranth: UnusedElaboratable=no
"""The digital side of an analog group by the stream rules, with an analog group of plain integers "
"behind it."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value

from qsnn_hw.host.protocol import Word
from qsnn_hw.targets.analog.spice.aer import AnalogInterface, RowBlock, phase_cycles
from qsnn_hw.targets.analog.spice.circuit import PHASES
from tests.support.circuits import TIMING
from tests.support.streams import PACES, Pace, aer, exchange, from_aer

CYCLES = {"read": 3, "transfer": 1, "compare": 2, "reset": 1, "leak": 4}
LINES = (*PHASES, "clear")


def words(spikes: np.ndarray) -> list[Word]:
    """(sample, time, address) of 0 and 1 as events and ticks."""
    made = []
    for sample in spikes:
        for step, row in enumerate(sample):
            made += [Word(False, int(address)) for address in np.flatnonzero(row)]
            made.append(Word(True, int(step == len(sample) - 1)))
    return made


def expected(weights: np.ndarray, spikes: np.ndarray, threshold: int) -> np.ndarray:
    """Integrate, fire, reset to zero; no leak; (sample, time, neuron)."""
    out = np.zeros((*spikes.shape[:2], weights.shape[1]), int)
    for sample, rows in enumerate(spikes):
        v = np.zeros(weights.shape[1], int)
        for step, row in enumerate(rows):
            v = v + row @ weights
            out[sample, step] = v >= threshold
            v = np.where(out[sample, step], 0, v)
    return out


class Crossbar:
    """What a netlist does to its pins, as a process of a bench; notes how long each phase was."""

    def __init__(self, dut: AnalogInterface, weights: np.ndarray, threshold: int) -> None:
        self._dut, self._weights, self._threshold = dut, weights, threshold
        self.lengths: list[tuple[str, int]] = []
        self.faults: list[str] = []

    async def run(self, ctx: Any) -> None:
        dut = self._dut
        v = np.zeros(self._weights.shape[1], int)
        at, length = "", 0
        while True:
            _, _, rows, *lines = await ctx.tick().sample(dut.rows, *(getattr(dut, each) for each in LINES))
            high = [name for name, line in zip(LINES, lines, strict=True) if line]
            if len(high) > 1:
                self.faults.append(f"{high} at once")
            if rows and high != ["read"]:
                self.faults.append("a row is high outside the read phase")
            now = high[0] if high else ""
            if now != at:
                if at:
                    self.lengths.append((at, length))
                if now == "read":
                    v = v + np.array([rows >> k & 1 for k in range(len(dut.rows))]) @ self._weights
                elif now == "compare":
                    fired = v >= self._threshold
                    ctx.set(dut.spikes, int(sum(1 << int(k) for k in np.flatnonzero(fired))))
                elif now == "reset":
                    v = np.where(fired, 0, v)
                elif now == "clear":
                    v = v * 0
                at, length = now, 0
            length += 1


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize(("rows", "neurons"), [(5, 3), (1, 1), (8, 2)])
def test_spikes_are_those_of_the_circuit_behind_it(rows: int, neurons: int, pace: Pace) -> None:
    rng = np.random.default_rng(rows)
    weights = rng.integers(-2, 6, (rows, neurons)) if rows > 1 else np.array([[3]])
    spikes = (rng.random((3, 4, rows)) < 0.5).astype(int)
    out = expected(weights, spikes, 5)
    dut = AnalogInterface((RowBlock(rows),), neurons, CYCLES)
    crossbar = Crossbar(dut, weights, 5)
    sent = words(out)
    (received,) = exchange(
        dut, [(dut.i0, aer(words(spikes), rows))], [(dut.o, len(sent))], pace, watch=crossbar.run
    )
    assert from_aer(received, neurons) == sent
    assert out.any()
    assert crossbar.faults == []
    step = sum(CYCLES.values())
    assert [each for each in crossbar.lengths if each[0] != "clear"] == list(CYCLES.items()) * 12
    assert [each for each in crossbar.lengths if each[0] == "clear"][:2] == [("clear", step)] * 2


def test_a_step_waits_for_every_stream_and_a_block_may_be_late() -> None:
    rng = np.random.default_rng(2)
    weights = rng.integers(1, 4, (5, 2))
    first, second = ((rng.random((2, 5, size)) < 0.5).astype(int) for size in (3, 2))
    late = np.zeros_like(second)
    late[:, 2:] = second[:, :-2]
    out = expected(weights, np.concatenate([first, late], axis=2), 6)
    dut = AnalogInterface((RowBlock(3), RowBlock(2, delay=2)), 2, CYCLES)
    crossbar = Crossbar(dut, weights, 6)
    streams = [(dut.i0, aer(words(first), 3)), (dut.i1, aer(words(second), 2))]
    (received,) = exchange(dut, streams, [(dut.o, len(words(out)))], Pace(idle=0.5), watch=crossbar.run)
    assert from_aer(received, 2) == words(out)
    assert crossbar.faults == []


def test_latency_is_what_the_docstring_says() -> None:
    dut = AnalogInterface((RowBlock(4),), 6, CYCLES)
    taken: list[int] = []
    offered: list[int] = []

    async def watch(ctx: Any) -> None:
        cycle = 0
        while True:
            _, _, put, got = await ctx.tick().sample(dut.i0.valid & dut.i0.ready, dut.o.valid)
            taken.extend([cycle] if put else [])
            offered.extend([cycle] if got else [])
            cycle += 1

    exchange(dut, [(dut.i0, aer([Word(True, 0)], 4))], [(dut.o, 1)], Pace(), watch=watch)
    assert offered[0] - taken[0] == sum(CYCLES.values()) + 6 + 2


def test_an_address_without_a_row_has_no_effect() -> None:
    dut = AnalogInterface((RowBlock(5),), 2, CYCLES)
    crossbar = Crossbar(dut, np.full((5, 2), 9), 5)
    given = aer([Word(False, 7), Word(True, 0)], 5)
    (received,) = exchange(dut, [(dut.i0, given)], [(dut.o, 1)], Pace(), watch=crossbar.run)
    assert from_aer(received, 2) == [Word(True, 0)]


def test_phases_in_cycles() -> None:
    assert phase_cycles(TIMING, 100e6) == {"read": 2, "transfer": 2, "compare": 1, "reset": 1, "leak": 4}
    assert min(phase_cycles(TIMING, 1e3).values()) == 1


def test_what_is_no_interface_is_refused() -> None:
    with pytest.raises(ValueError, match="Number of row blocks must be at least 1, not 0"):
        AnalogInterface((), 1, CYCLES)
    with pytest.raises(ValueError, match="Cycles of reset must be at least 1, not 0"):
        AnalogInterface((RowBlock(1),), 1, CYCLES | {"reset": 0})
    assert len(Value.cast(AnalogInterface((RowBlock(3),), 2, CYCLES).rows)) == 3
