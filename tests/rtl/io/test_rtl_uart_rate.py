"""How far the line's rate may be from the clock's: what ``allowed_error`` grants, the receiver hears."""

from fractions import Fraction

import pytest
from amaranth.sim import Simulator

from qsnn_hw.families.serial_rates import MIN_DIVISOR, allowed_error
from qsnn_hw.rtl.io.uart import UartReceiver
from tests.support.thinned import slow

# Each edge somewhere, and both ends of a byte's worth of equal bits.
BYTES = [0x00, 0xFF, 0x55, 0xAA, 0x7E, 0x01, 0x80, 0xFE, 0x7F, 0x33]


def heard(divisor: int, off: float, phase: float) -> list[int]:
    """What a receiver takes of ``BYTES``, back to back at ``1 + off`` times its rate, from ``phase`` on."""
    dut = UartReceiver(divisor)
    bits = [b for byte in BYTES for b in (0, *(byte >> k & 1 for k in range(8)), 1)]
    length = Fraction(divisor) / (1 + Fraction(off))
    begin, found = 3 + Fraction(phase), []

    async def bench(ctx) -> None:
        for cycle in range(int(begin + length * len(bits)) + 12 * divisor):
            place = (cycle - begin) // length
            ctx.set(dut.rx, bits[place] if 0 <= place < len(bits) else 1)
            if ctx.get(dut.o.valid):
                found.append(ctx.get(dut.o.payload))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("divisor", [4, 5, 6, 7, 8, *map(slow, (9, 12, 33))])
def test_the_clock_and_the_host_may_both_be_off(divisor: int) -> None:
    both = 2 * allowed_error(divisor)
    for off in (-0.99 * both, 0, 0.99 * both):
        for phase in (0.01, 0.5, 0.99):
            assert heard(divisor, off, phase) == BYTES, (off, phase)


def test_few_cycles_a_bit_leave_less_room() -> None:
    assert allowed_error(MIN_DIVISOR) == pytest.approx(0.0125)
    assert allowed_error(10) == allowed_error(100) == 0.02
    # What the shortest bits are not granted is what they do not bear.
    assert any(heard(MIN_DIVISOR, 0.04, phase) != BYTES for phase in (0.01, 0.5, 0.99))
