"""The network of an output folder as a peripheral of a processor: plain Amaranth around ``06_axi.v``.

    python peripheral.py OUT FOLDER

writes ``FOLDER/peripheral.v``: four words behind a Wishbone bus (B4, classic), with a queue each way.
``OUT/06_axi.v`` goes beside it into a simulator or a synthesis.
"""

import argparse
from pathlib import Path

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.host.stream_words import beat_bits
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.text.export import export_verilog
from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.progress import Progress

BUS_BITS = 32
QUEUED = 64
"""Words that wait each way, at the most."""
DATA, WAITING, ROOM, FAULTS = range(4)
"""Word addresses: write a word to send, or read the oldest of the answer; how many words of the answer wait;
how many may be written; ``bad_words``, and from bit 16 on words that were written without room, which were
lost, up to 255."""


class Peripheral(wiring.Component):
    """A network of AXI4-Stream ports as words of a bus, each answered in the cycle behind its request.

    Parameters
    ----------
    module
        Name of the module in ``06_axi.v``.
    in_bits, out_bits
        Of ``s_axis_tdata`` and ``m_axis_tdata``; UserError where the bus is narrower.

    Members
    -------
    adr, dat_w, we, cyc, stb, dat_r, ack
        Wishbone. Read ``DATA`` only while something waits: otherwise what comes means nothing.
    irq : Out(1)
        While a word of the answer waits.
    """

    def __init__(self, module: str, in_bits: int, out_bits: int) -> None:
        if max(in_bits, out_bits) > BUS_BITS:
            raise UserError(
                f"words of {max(in_bits, out_bits)} bits do not fit a bus of {BUS_BITS}: build with fewer "
                "--event-lanes"
            )
        self._module, self._in_bits, self._out_bits = module, in_bits, out_bits
        bus = {"adr": In(2), "dat_w": In(BUS_BITS), "we": In(1), "cyc": In(1), "stb": In(1)}
        super().__init__({**bus, "dat_r": Out(BUS_BITS), "ack": Out(1), "irq": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.sent = sent = fifo.SyncFIFOBuffered(width=self._in_bits, depth=QUEUED)
        m.submodules.come = come = fifo.SyncFIFOBuffered(width=self._out_bits, depth=QUEUED)
        bad_words, lost, asked = Signal(8), Signal(8), Signal()
        m.submodules.network = Instance(
            self._module,
            i_aclk=ClockSignal(),
            i_aresetn=~ResetSignal(),
            i_s_axis_tdata=sent.r_data,
            i_s_axis_tvalid=sent.r_rdy,
            o_s_axis_tready=sent.r_en,
            # The last tick of a sample says so itself.
            i_s_axis_tlast=0,
            o_m_axis_tdata=come.w_data,
            o_m_axis_tvalid=come.w_en,
            i_m_axis_tready=come.w_rdy,
            o_bad_words=bad_words,
        )
        m.d.comb += [
            asked.eq(self.cyc & self.stb & ~self.ack),
            sent.w_data.eq(self.dat_w),
            sent.w_en.eq(asked & self.we & (self.adr == DATA)),
            come.r_en.eq(asked & ~self.we & (self.adr == DATA)),
            self.irq.eq(come.r_rdy),
        ]
        m.d.sync += self.ack.eq(asked)
        with m.If(sent.w_en & ~sent.w_rdy & (lost != 255)):
            m.d.sync += lost.eq(lost + 1)
        with m.Switch(self.adr):
            with m.Case(DATA):
                m.d.sync += self.dat_r.eq(come.r_data)
            with m.Case(WAITING):
                m.d.sync += self.dat_r.eq(come.level)
            with m.Case(ROOM):
                m.d.sync += self.dat_r.eq(QUEUED - sent.level)
            with m.Case(FAULTS):
                m.d.sync += self.dat_r.eq(bad_words | lost << 16)
        return m


def main() -> None:
    """Write the Verilog of one folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    try:
        plan = HardwarePlan.load(given.out / "04_plan.npz")
        if plan.loaded_groups:
            raise UserError(
                f"{given.out} wants its weights loaded, which this peripheral does not do: build with "
                "--weights rom"
            )
        into = beat_bits(plan.input_space.size, plan.input_lanes)
        out = beat_bits(plan.output_space.size, plan.output_lanes)
        peripheral = Peripheral(f"{plan.name}_axi", into, out)
        given.folder.mkdir(parents=True, exist_ok=True)
        print(export_verilog(peripheral, "peripheral", given.folder, Progress(quiet=True)))
    except (ToolError, UserError) as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
