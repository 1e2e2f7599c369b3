"""The network behind AXI4-Stream ports, for use beside a processor or a vendor's own blocks."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

_INTERFACE = "xilinx.com:interface:axis:1.0"


def data_bits(payload: Any) -> int:
    """Width of ``tdata`` for a payload: whole bytes, as AXI4-Stream demands."""
    return -(-len(Value.cast(payload)) // 8) * 8


class AxiStreamNetwork(wiring.Component):
    """A component with AER streams ``i`` and ``o`` as one with AXI4-Stream ports.

    One beat carries one AER word: ``tdata`` holds the payload in its low bits, laid out as
    :class:`~qsnn_hw.rtl.stream.aer.AerLayout` says, and zeros above it. Inward a tick ends the sample when
    its own last mark is set or it comes with ``tlast``; on an event ``tlast`` means nothing, so a
    transfer may be cut anywhere between events. Outward ``tlast`` is set on a sample's last tick and
    on nothing else.

    Where the network's weights are loaded, a second slave ``s_axis_load`` takes them, a byte per beat
    without ``tlast``; until ``loaded`` is 1 nothing else is taken.

    Where the network counts ``bad_words``, so does this.

    Handshake: AXI4-Stream's, which is Amaranth's. While ``aresetn`` is 0 nothing moves. The clock
    domain "sync" of the component is made here, from ``aclk`` and ``aresetn`` (synchronous).
    Latency: 0 cycles. Throughput: one word per cycle. The names are what interface inference of
    vendor tools looks for; attributes on the ports tie them to the clock.

    Parameters
    ----------
    network
        Any component with ports ``i : In(aer_signature(...))`` and ``o : Out(aer_signature(...))``.

    Members
    -------
    aclk, aresetn : In(1)
    s_axis_tdata : In(data_bits(network.i.payload))
    s_axis_tvalid, s_axis_tlast : In(1)
    s_axis_tready : Out(1)
    m_axis_tdata : Out(data_bits(network.o.payload))
    m_axis_tvalid, m_axis_tlast : Out(1)
    m_axis_tready : In(1)
    s_axis_load_tdata : In(8), s_axis_load_tvalid : In(1), s_axis_load_tready : Out(1), loaded : Out(1)
        Only where the network has a port ``load``.
    bad_words : Out(8)
        Only where the network has one.
    """

    def __init__(self, network: Any) -> None:
        for name in ("i", "o"):
            if not hasattr(getattr(getattr(network, name, None), "payload", None), "tick"):
                raise ValueError(f"Network must have an AER stream {name}, not {network!r}")
        self._network = network
        members: dict[str, wiring.Member] = {}
        if hasattr(network, "load"):
            members = {
                "s_axis_load_tdata": In(8),
                "s_axis_load_tvalid": In(1),
                "s_axis_load_tready": Out(1),
                "loaded": Out(1),
            }
        if hasattr(network, "bad_words"):
            members["bad_words"] = Out(len(network.bad_words))
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                "s_axis_tdata": In(data_bits(network.i.payload)),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "m_axis_tdata": Out(data_bits(network.o.payload)),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                **members,
            }
        )
        self._describe()

    def _describe(self) -> None:
        """Attributes that survive into the Verilog and name the interfaces there."""
        self.aclk.attrs["X_INTERFACE_INFO"] = "xilinx.com:signal:clock:1.0 aclk CLK"
        buses = ["s_axis", "m_axis"]
        if hasattr(self._network, "load"):
            buses.append("s_axis_load")
        named = f"ASSOCIATED_BUSIF {':'.join(buses)}, ASSOCIATED_RESET aresetn"
        self.aclk.attrs["X_INTERFACE_PARAMETER"] = named
        self.aresetn.attrs["X_INTERFACE_INFO"] = "xilinx.com:signal:reset:1.0 aresetn RST"
        self.aresetn.attrs["X_INTERFACE_PARAMETER"] = "POLARITY ACTIVE_LOW"
        for bus in buses:
            for signal in ("tdata", "tvalid", "tready", "tlast")[: 3 if bus == "s_axis_load" else 4]:
                port: Signal = getattr(self, f"{bus}_{signal}")
                port.attrs["X_INTERFACE_INFO"] = f"{_INTERFACE} {bus} {signal.upper()}"

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.network = network = self._network
        m.domains.sync = ClockDomain()
        inward, outward = Value.cast(network.i.payload), Value.cast(network.o.payload)
        arrived = Signal(network.i.payload.shape(), name="arrived")
        m.d.comb += [
            ClockSignal("sync").eq(self.aclk),
            ResetSignal("sync").eq(~self.aresetn),
            Value.cast(arrived).eq(self.s_axis_tdata),
            inward.eq(Value.cast(arrived)),
        ]
        # The mark of a last tick is the lowest bit of the address, which is the lowest of the payload.
        with m.If(arrived.tick & self.s_axis_tlast):
            m.d.comb += inward[0].eq(1)
        m.d.comb += [
            network.i.valid.eq(self.s_axis_tvalid & self.aresetn),
            self.s_axis_tready.eq(network.i.ready & self.aresetn),
            self.m_axis_tdata.eq(outward),
            self.m_axis_tvalid.eq(network.o.valid & self.aresetn),
            network.o.ready.eq(self.m_axis_tready & self.aresetn),
            self.m_axis_tlast.eq(network.o.payload.tick & outward[0]),
        ]
        if hasattr(network, "bad_words"):
            m.d.comb += self.bad_words.eq(network.bad_words)
        if hasattr(network, "load"):
            m.d.comb += [
                network.load.payload.eq(self.s_axis_load_tdata),
                network.load.valid.eq(self.s_axis_load_tvalid & self.aresetn),
                self.s_axis_load_tready.eq(network.load.ready & self.aresetn),
                self.loaded.eq(network.loaded & self.aresetn),
            ]
        return m


__all__ = ["AxiStreamNetwork", "data_bits"]
