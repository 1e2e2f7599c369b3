"""The AXI4-Stream form with a fault that a port chooses, and what an outside client then says."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module, Mux, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.axi_stream import AxiStreamNetwork
from qsnn_hw.rtl.network import SpikingNetwork

FAULTS = {
    "no fault": None,
    "no tlast out": "samples",
    "tlast on every tick": "ticks and last marks",
    "a tick is dropped": "ticks and last marks",
    "tready without room": "spikes|ticks and last marks",
    "words before the weights": "s_axis takes a word before loaded",
    "a beat is withdrawn": "m_axis does not keep a beat",
    "data change while they wait": "m_axis does not keep a beat",
    "tlast in is ignored": "samples|ticks and last marks",
    "a weight is lost": "samples",
    "aresetn is ignored": "something moves in reset",
}
"""Fault -> a regular expression of what the client finds; the order is that of the port's numbers."""


class TamperedAxi(wiring.Component):
    """``AxiStreamNetwork`` of a plan with loaded weights, wrong in the way that ``fault`` names.

    Members
    -------
    fault : In(4)
        Place in ``FAULTS``; keeps its value throughout.

    The others are those of ``AxiStreamNetwork``.
    """

    def __init__(self, plan: HardwarePlan) -> None:
        self._inner = AxiStreamNetwork(SpikingNetwork(plan))
        super().__init__({"fault": In(4), **dict(self._inner.signature.members)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inner: Any = self._inner
        m.submodules.inner = inner
        # The network's own domain belongs to the form inside.
        m.domains.faults = ClockDomain()
        numbers = {name: number for number, name in enumerate(FAULTS)}

        def has(name: str) -> Any:
            return self.fault == numbers[name]

        tick = inner.m_axis_tdata[len(inner._network.o.payload.as_value()) - 1]
        ticks, loads, waited = Signal(4), Signal(4), Signal()
        drop = has("a tick is dropped") & tick & (ticks == 3)
        lose = has("a weight is lost") & (loads == 5)
        withdraw = has("a beat is withdrawn") & waited
        early = has("words before the weights") & ~inner.loaded & self.aresetn
        m.d.faults += [
            ticks.eq(ticks + (inner.m_axis_tvalid & inner.m_axis_tready & tick & (ticks < 15))),
            loads.eq(loads + (self.s_axis_load_tvalid & self.s_axis_load_tready & (loads < 15))),
            waited.eq(self.m_axis_tvalid & ~self.m_axis_tready),
        ]
        m.d.comb += [
            ClockSignal("faults").eq(self.aclk),
            ResetSignal("faults").eq(~self.aresetn),
            inner.aclk.eq(self.aclk),
            inner.aresetn.eq(self.aresetn | has("aresetn is ignored")),
            inner.s_axis_tdata.eq(self.s_axis_tdata),
            inner.s_axis_tvalid.eq(self.s_axis_tvalid),
            inner.s_axis_tlast.eq(self.s_axis_tlast & ~has("tlast in is ignored")),
            self.s_axis_tready.eq(
                inner.s_axis_tready | early | (has("tready without room") & inner.loaded & self.aresetn)
            ),
            inner.s_axis_load_tdata.eq(self.s_axis_load_tdata),
            inner.s_axis_load_tvalid.eq(self.s_axis_load_tvalid & ~lose),
            self.s_axis_load_tready.eq(inner.s_axis_load_tready | lose),
            self.m_axis_tdata.eq(inner.m_axis_tdata ^ Mux(has("data change while they wait") & waited, 1, 0)),
            self.m_axis_tvalid.eq(inner.m_axis_tvalid & ~drop & ~withdraw),
            inner.m_axis_tready.eq((self.m_axis_tready | drop) & ~withdraw),
            self.m_axis_tlast.eq(
                Mux(has("tlast on every tick"), tick, inner.m_axis_tlast & ~has("no tlast out"))
            ),
            self.loaded.eq(inner.loaded),
            self.bad_words.eq(inner.bad_words),
        ]
        return m
