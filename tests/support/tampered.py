"""A network whose output stream is wrong on purpose, and what the checker then says."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring

from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.network import SpikingNetwork


class Tampered(wiring.Component):
    """The network with something wrong done to output word number ``AT``."""

    AT = 4

    def __init__(self, plan: HardwarePlan, fault: str) -> None:
        self._network, self._fault = SpikingNetwork(plan, trace=True), fault
        super().__init__(self._network.signature)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.network = network = self._network
        wiring.connect(m, wiring.flipped(self.i), network.i)
        for name in self.signature.members:
            if name.startswith(("trace_", "sent_", "activity_", "around")):
                wiring.connect(m, getattr(network, name), wiring.flipped(getattr(self, name)))
        inner, outer = network.o, self.o
        count, again, waited = Signal(8), Signal(), Signal()
        event = inner.valid & ~inner.payload.tick
        hit = event & (count == self.AT)
        m.d.sync += [
            count.eq(count + (event & inner.ready & (count <= self.AT))),
            waited.eq(outer.valid & ~outer.ready),
        ]
        m.d.sync += again.eq(hit & outer.ready)
        # Expressions rather than m.If: Icarus starts what becomes "always @*" undefined.
        tick, address = inner.payload.tick, inner.payload.address
        valid, ready, faulty = {
            "drop": (inner.valid & ~hit, outer.ready | hit, address),
            "duplicate": (inner.valid, outer.ready & ~(hit & ~again), address),
            "unstable": (inner.valid, outer.ready, Mux(waited, ~address, address)),
            "withdrawn": (inner.valid & ~waited, outer.ready & ~waited, address),
            "hang": (inner.valid & ~hit, outer.ready & ~hit, address),
            "not last": (inner.valid, outer.ready, Mux(tick, 0, address)),
        }[self._fault]
        m.d.comb += [outer.valid.eq(valid), inner.ready.eq(ready)]
        m.d.comb += [outer.payload.tick.eq(tick), outer.payload.address.eq(faulty)]
        return m


FAULTS = {
    "drop": r"group 'lif2' neuron \d: did not spike, golden did$",
    "duplicate": r"group 'lif2' neuron \d: spiked 2 times in one time step, golden 1$",
    "unstable": r"sample \d+, time step \d+: payload changed from [01]+ to [01]+ before it was taken$",
    "withdrawn": r"sample \d+, time step \d+: valid fell before [01]+ was taken$",
    "hang": r"group 'lif[12]': (the tick|potentials) never came",
    "not last": r"time step 11, group 'lif2': tick has address 0, expected 1 \(the last tick\)$",
}
