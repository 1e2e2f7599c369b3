"""The network with what stands between its streams and the host: encoder and readout."""

from amaranth.hdl import Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan import HardwarePlan
from qsnn_hw.rtl.io.input_encoder import InputEncoder
from qsnn_hw.rtl.io.pixels import PixelLayout
from qsnn_hw.rtl.io.readout import class_signature, make_readout
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.rtl.stream.address_guard import BAD_WORDS_BITS
from qsnn_hw.rtl.stream.aer import aer_signature
from qsnn_hw.rtl.stream.lane_adapter import LaneAdapter


class Classifier(wiring.Component):
    """Pixels in where the plan has an encoder, one class per sample out where it has a readout.

    Without one or the other that side is the network's own AER stream. Latency and throughput: those
    of the parts. Handshake: that of the streams, except that a readout of potentials cannot wait: an
    answer that finds the one before still at ``o`` is dropped and raises ``lost``, which stays up.

    Parameters
    ----------
    plan
        The network, ``encoder`` and ``readout``.
    guarded
        As in :class:`SpikingNetwork`; with an encoder it is the spikes of unknown pixels that are ignored.

    Members
    -------
    i : In(stream.Signature(PixelLayout(...))) or In(aer_signature(plan.input_addresses, plan.input_lanes))
    o : Out(class_signature(...)) or Out(aer_signature(plan.output_addresses, plan.output_lanes))
    load : In(stream.Signature(8)), loaded : Out(1)
        Only where ``plan.loaded_groups`` names a group, as in :class:`SpikingNetwork`.
    lost : Out(1)
        Only with readout "membrane".
    bad_words : Out(8)
        Only with ``guarded``, as in :class:`SpikingNetwork`.
    """

    def __init__(self, plan: HardwarePlan, *, guarded: bool = True) -> None:
        self._plan, self._guarded = plan, guarded
        encoder, readout = plan.encoder, plan.readout
        members: dict[str, wiring.Member] = {
            "i": In(aer_signature(plan.input_addresses, plan.input_lanes)),
            "o": Out(aer_signature(plan.output_addresses, plan.output_lanes)),
        }
        if encoder is not None:
            members["i"] = In(stream.Signature(PixelLayout(encoder.space.size, encoder.slots)))
        if readout is not None:
            members["o"] = Out(class_signature(readout.classes))
            if readout.kind == "membrane":
                members["lost"] = Out(1)
        if plan.loaded_groups:
            members |= {"load": In(stream.Signature(unsigned(8))), "loaded": Out(1)}
        if guarded:
            members["bad_words"] = Out(BAD_WORDS_BITS)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, readout = self._plan, self._plan.readout
        membrane = readout is not None and readout.kind == "membrane"
        m.submodules.network = network = SpikingNetwork(plan, potentials=membrane, guarded=self._guarded)
        if self._guarded:
            m.d.comb += self.bad_words.eq(network.bad_words)
        if plan.loaded_groups:
            wiring.connect(m, wiring.flipped(self.load), network.load)
            m.d.comb += self.loaded.eq(network.loaded)
        if plan.encoder is None:
            wiring.connect(m, wiring.flipped(self.i), network.i)
        else:
            size, slots = plan.input_addresses, plan.encoder.slots
            m.submodules.encoder = encoder = InputEncoder(plan.encoder)
            m.submodules.widen = widen = LaneAdapter(size, slots, 0, size, plan.input_lanes)
            wiring.connect(m, wiring.flipped(self.i), encoder.i)
            wiring.connect(m, encoder.o, widen.i)
            wiring.connect(m, widen.o, network.i)
        if readout is None:
            wiring.connect(m, network.o, wiring.flipped(self.o))
            return m
        m.submodules.readout = reader = make_readout(readout)
        wiring.connect(m, reader.o, wiring.flipped(self.o))
        if not membrane:
            wiring.connect(m, network.o, reader.i)
            return m
        # The spikes say nothing here. Rows behind the last class are all padding.
        shown = network.potentials
        m.d.comb += [
            network.o.ready.eq(1),
            reader.i.valid.eq(shown.valid & (shown.row < -(-readout.classes // readout.lanes))),
            reader.i.row.eq(shown.row),
            reader.i.v.eq(shown.v),
            reader.i.last.eq(shown.last),
            self.lost.eq(reader.lost),
        ]
        return m
