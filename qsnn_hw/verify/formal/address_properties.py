"""The addresses that a sweep counts, against those of the plan's slots."""

from typing import Any

from amaranth.hdl import Assert, Const, Module, Mux, Signal, Value

from qsnn_hw.plan import GroupPlan
from qsnn_hw.verify.formal.properties import Harness


class RowAddresses(Harness):
    """Each update row is sent with the address of its first neuron, sweep after sweep.

    Where the encoder joins bits instead of adding, the bits that say the lane are 0 in every such address.
    """

    def __init__(self, dut: Any, plan: GroupPlan, *, aligned: bool) -> None:
        super().__init__(dut, [], [])
        self._plan, self._aligned = plan, aligned
        self.ports.append(dut.en)

    def _properties(self, m: Module, registers: dict[str, Signal]) -> None:
        dut, plan = self._dut, self._plan
        row = Signal(range(plan.update_rows + 1))
        with m.If(dut.en):
            m.d.sync += row.eq(Mux(row == plan.update_rows - 1, 0, row + 1))
        addresses = plan.space.addresses()
        expected: Value = dut.address
        for number in range(plan.update_rows):
            neuron = int(plan.neuron_of_slot[number * plan.update_lanes])
            if neuron >= 0:
                expected = Mux(row == number, Const(int(addresses[neuron])), expected)
        m.d.comb += Assert(dut.address == expected)
        if self._aligned:
            m.d.comb += Assert(dut.address[: (plan.update_lanes - 1).bit_length()] == 0)
