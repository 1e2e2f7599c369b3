"""What the encoders on the chip take: pixels with their addresses, and how serial words become that."""

from amaranth.hdl import Const, Module, ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.host.protocol import PIXEL_BITS, address_bits
from qsnn_hw.rtl.stream.aer import aer_signature


def row_bits(size: int, slots: int) -> int:
    """Width of the part of an address that says which word, not which slot."""
    return address_bits(-(-size // slots))


class PixelLayout(data.StructLayout):
    """Payload of a stream of pixels: the values of addresses ``row * slots`` and up; then the next.

    A value of 0 says nothing: rows may leave out what is 0, and a row may come several times with different
    values set. They may come in any order but for the encoder "rate", which draws its numbers by ascending
    address. Each address is given at most once in a sample. ``last``
    is set on the sample's final word, which may be all zeros.

    Parameters
    ----------
    size
        Number of addresses.
    slots
        Pixels per word, as many as events per word of the stream that the encoder sends.
    """

    def __init__(self, size: int, slots: int = 1) -> None:
        if size < 1:
            raise ValueError(f"Number of addresses must be at least 1, not {size!r}")
        if slots < 1 or slots & (slots - 1):
            raise ValueError(f"Number of slots must be a power of two, not {slots!r}")
        members: dict[str, ShapeLike] = {f"value{k}": PIXEL_BITS for k in range(slots)}
        super().__init__(members | {"row": row_bits(size, slots), "last": 1})


class WordPixels(wiring.Component):
    """Pixels as they come over the serial line (``host_protocol``) to pixels with addresses.

    An event's address is ``address << 8 | value``; a last tick ends the sample; another tick says
    nothing and leaves no word. Latency: 0 cycles. Throughput: one word per cycle.

    Parameters
    ----------
    size
        Number of addresses.
    slots
        Pixels per word of ``o``.

    Members
    -------
    i : In(aer_signature(size << 8))
    o : Out(stream.Signature(PixelLayout(size, slots)))
    """

    def __init__(self, size: int, slots: int = 1) -> None:
        self._slots = slots
        super().__init__(
            {
                "i": In(aer_signature(size << PIXEL_BITS)),
                "o": Out(stream.Signature(PixelLayout(size, slots))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word, slot_bits = self.i.payload, ceil_log2(self._slots)
        value, address = word.address[:PIXEL_BITS], word.address[PIXEL_BITS:]
        last = word.tick & word.address[0]
        m.d.comb += [
            self.o.valid.eq(self.i.valid & (~word.tick | last)),
            self.i.ready.eq(self.o.ready),
            self.o.payload.last.eq(last),
            self.o.payload.row.eq(address[slot_bits:]),
        ]
        for slot in range(self._slots):
            with m.If(~word.tick & (address[:slot_bits] == slot if slot_bits else Const(1, 1))):
                m.d.comb += self.o.payload[f"value{slot}"].eq(value)
        return m
