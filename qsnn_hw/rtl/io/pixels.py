"""What the encoders on the chip take: pixels with their addresses, and how bytes become that."""

from amaranth.hdl import Cat, Const, Module, ShapeLike, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from qsnn_hw.host.protocol import PIXEL_BITS, address_bits
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.rtl.stream.aer import aer_signature


def row_bits(size: int, slots: int) -> int:
    """Width of the part of an address that says which word, not which slot."""
    return address_bits(-(-size // slots))


class PixelLayout(data.StructLayout):
    """Payload of a stream of pixels: the values of addresses ``row * slots`` and up; then the next.

    A value of 0 says nothing: rows may come in any order and leave out what is 0, and a row may come
    several times with different values set. Each address is given at most once in a sample. ``last``
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


class RasterPixels(wiring.Component):
    """Bytes in the order of the network's input (C order) to pixels with addresses.

    A sample is exactly as many bytes as the space has inputs. Latency: 0 cycles. Throughput: one
    byte per cycle; each becomes one word.

    Parameters
    ----------
    space
        Addresses of the network's input stream.
    slots
        Pixels per word of ``o``.

    Members
    -------
    i : In(stream.Signature(8))
    o : Out(stream.Signature(PixelLayout(space.size, slots)))
    """

    def __init__(self, space: AddressSpace, slots: int = 1) -> None:
        self._space, self._slots = space, slots
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(PIXEL_BITS))),
                "o": Out(stream.Signature(PixelLayout(space.size, slots))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._space.shape
        # Innermost first: the last axis moves with every byte.
        counters = [Signal(ceil_log2(n), name=f"position{k}") for k, n in enumerate(shape)]
        moves = Signal()
        m.d.comb += moves.eq(self.i.valid & self.i.ready)
        carry = moves
        final = Const(1, 1)
        for counter, count in reversed(list(zip(counters, shape, strict=True))):
            at_end = counter == count - 1
            with m.If(carry):
                m.d.sync += counter.eq(0)
                with m.If(~at_end):
                    m.d.sync += counter.eq(counter + 1)
            carry, final = carry & at_end, final & at_end
        if self._space.grid:
            channel, row, column = counters
            position = Cat(channel, column, row)
        else:
            position = Cat(*counters)
        slot_bits = ceil_log2(self._slots)
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
            self.o.payload.row.eq(position[slot_bits:]),
            self.o.payload.last.eq(final),
        ]
        for slot in range(self._slots):
            with m.If(position[:slot_bits] == slot if slot_bits else Const(1, 1)):
                m.d.comb += self.o.payload[f"value{slot}"].eq(self.i.payload)
        return m
