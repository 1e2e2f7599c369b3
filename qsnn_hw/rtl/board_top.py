"""The design as it sits on a board: clock, power-on reset, serial port, light."""

from amaranth.hdl import ClockDomain, ClockSignal, Const, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.host_protocol import PIXEL_BITS
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.rtl.host_link import HostLink
from qsnn_hw.rtl.lane_adapter import LaneAdapter
from qsnn_hw.rtl.pixels import WordPixels

_POWER_ON_CYCLES = 512
"""Reset cycles after configuration. iCE40 block RAM reads zeros for the first microseconds
(Lattice TN-02001 asks for 3 us); 512 cycles are 5 us even at 100 MHz."""

_BREAK_BITS = 16
"""The line low for so many bits is no byte (10 bits) but a break, even from a slow sender."""


def reset_cycles(divisor: int) -> int:
    """Cycles of the reset after configuration, and of the line low that cause another one."""
    return max(_POWER_ON_CYCLES, 1 << ceil_log2(_BREAK_BITS * divisor))


class BoardTop(wiring.Component):
    """The spiking network, with encoder and readout where the plan has them, behind a serial port.

    It starts in reset after configuration and again whenever ``rx`` is low for ``reset_cycles(divisor)``
    cycles on end, which a host calls a break; each reset lasts as long. A reset forgets everything:
    words on their way, and weights that were loaded.

    Parameters
    ----------
    plan
        The network.
    divisor
        Clock cycles per serial bit.

    Members
    -------
    clk, rx : In(1)
    tx : Out(1)
    led : Out(1)
        Lit once a received byte or an answer was lost, until the next reset.
    """

    def __init__(self, plan: HardwarePlan, divisor: int) -> None:
        self._plan, self._divisor = plan, divisor
        super().__init__({"clk": In(1), "rx": In(1, init=1), "tx": Out(1, init=1), "led": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        m.domains.sync = ClockDomain()
        # The power-on counter starts from its configured value, so it needs no reset of its own.
        m.domains.power_on = ClockDomain(reset_less=True)
        cycles = reset_cycles(self._divisor)
        count = Signal(ceil_log2(cycles) + 1)
        line = Signal(init=1)
        m.d.comb += [
            ClockSignal("sync").eq(self.clk),
            ClockSignal("power_on").eq(self.clk),
            ResetSignal("sync").eq(~count[-1]),
        ]
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1, o_domain="power_on")
        # The top bit ends the reset. From then on the others count cycles with the line low, and an
        # overflow is a break: back to 0.
        with m.If(count[-1] & line):
            m.d.power_on += count.eq(cycles)
        with m.Else():
            m.d.power_on += count.eq(count + 1)
        encoder, readout = plan.encoder, plan.readout
        m.submodules.link = link = HostLink(
            plan.input_size << (PIXEL_BITS if encoder is not None else 0),
            plan.output_size if readout is None else readout.classes,
            self._divisor,
            loads=bool(plan.loaded_groups),
            registered=any(group.registered_reads for group in plan.groups),
        )
        m.submodules.classifier = classifier = Classifier(plan)
        if plan.loaded_groups:
            wiring.connect(m, link.load, classifier.load)
            m.d.comb += link.loaded.eq(classifier.loaded)
        # The serial line brings one event or pixel at a time and takes one word at a time.
        if encoder is None:
            m.submodules.widen = widen = LaneAdapter(plan.input_size, 1, 0, plan.input_size, plan.input_lanes)
            wiring.connect(m, link.o, widen.i)
            wiring.connect(m, widen.o, classifier.i)
        else:
            m.submodules.pixels = pixels = WordPixels(plan.input_size, encoder.slots)
            wiring.connect(m, link.o, pixels.i)
            wiring.connect(m, pixels.o, classifier.i)
        if readout is None:
            m.submodules.narrow = narrow = LaneAdapter(
                plan.output_size, plan.output_lanes, 0, plan.output_size, 1
            )
            wiring.connect(m, classifier.o, narrow.i)
            wiring.connect(m, narrow.o, link.i)
        else:
            m.d.comb += [
                link.i.payload.address.eq(classifier.o.payload.label),
                link.i.payload.tick.eq(classifier.o.payload.silent),
                link.i.valid.eq(classifier.o.valid),
                classifier.o.ready.eq(link.i.ready),
            ]
        lost = classifier.lost if "lost" in classifier.signature.members else Const(0)
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx), self.led.eq(link.overflow | lost)]
        return m
