"""The CRC of a frame, a bit a cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.host.frames import NONCE_BYTES

_POLYNOMIAL = 0xEDB88320
"""CRC-32 of RFC 1662 (IEEE 802.3), lowest bit first."""

_RESIDUE = 0xDEBB20E3 ^ 0xFFFFFFFF
"""What the complemented register holds behind a frame and its CRC (RFC 1662, appendix C.3: "good FCS")."""


class FrameCheck(wiring.Component):
    """CRC-32 that goes on from a CRC of choice.

    Members
    -------
    key : In(8 * NONCE_BYTES)
        A CRC whose other bits are 0.
    start : In(1), plain : In(1)
        Load ``key``, with ``plain`` 0.
    step : In(1), bit : In(1)
        Take a bit.
    drain : In(1)
        With ``step``: shift out, taking nothing.
    out : Out(1)
        The next bit of the CRC.
    good : Out(1)
        The bits before the last cycle were a body and its CRC.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "key": In(8 * NONCE_BYTES),
                "start": In(1),
                "plain": In(1),
                "step": In(1),
                "bit": In(1),
                "drain": In(1),
                "out": Out(1),
                "good": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The complement of the usual register: the CRC as it is sent, and 0 to begin with.
        register = Signal(32)
        back = Signal()
        m.d.comb += [
            back.eq(~(register[0] ^ self.bit) & ~self.drain),
            self.out.eq(register[0]),
        ]
        # A register: whoever asks has waited for the flag behind the CRC, and resets a session by the answer.
        m.d.sync += self.good.eq(register == _RESIDUE)
        # A 1 is shifted in, on which the polynomial's highest term falls.
        bits = enumerate(register[1:])
        stepped = Cat(*(bit ^ back if _POLYNOMIAL >> k & 1 else bit for k, bit in bits), ~back)
        # A multiplexer a bit: load and step fit one table of four inputs with the feedback.
        keyed = len(self.key)
        with m.If(self.start | self.step):
            m.d.sync += register[:keyed].eq(Mux(self.start, self.key, stepped[:keyed]))
        with m.If(self.start & self.plain):
            m.d.sync += register[:keyed].eq(0)
        with m.If(self.step):
            m.d.sync += register[keyed:].eq(stepped[keyed:])
        with m.If(self.start):
            m.d.sync += register[keyed:].eq(0)
        return m
