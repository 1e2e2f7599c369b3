"""The address-event word that all streams of the design carry.

Stream rules (Amaranth's own): a word moves on every clock edge where ``valid`` and ``ready`` are
both 1; once ``valid`` is 1, it and ``payload`` stay as they are until the word moves; ``valid``
does not wait for ``ready``.

One time step is any number of events followed by one tick. The order of events within a step
carries no meaning. The tick that ends a sample says so, and returns every potential to its
initial value behind it.

==========  ====  ================================  =============================
word        tick  address                           meaning
==========  ====  ================================  =============================
event       0     the neuron or input that spiked   add that neuron's weights
tick        1     0                                 the time step ends
last tick   1     1                                 the time step and sample end
==========  ====  ================================  =============================
"""

from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream

from qsnn_hw.host.protocol import address_bits


class AerLayout(data.StructLayout):
    """Payload of an AER stream: ``address`` in the low bits, ``tick`` in the highest.

    A stream of several ``slots`` carries up to that many events in one word. Slot ``k`` only ever
    carries addresses ``a`` with ``a % slots == k``, as ``a // slots``; ``present`` says which slots
    hold an event. A word holds at least one event or is a tick, then with ``present`` 0 and the
    mark of a last tick in bit 0 of slot 0::

        slots 1     address | tick
        slots n     address0 | address1 | ... | present (n bits) | tick

    Parameters
    ----------
    size
        Number of addresses, at least 1.
    slots
        Events per word, a power of two.
    """

    def __init__(self, size: int, slots: int = 1) -> None:
        if size < 1:
            raise ValueError(f"Number of addresses must be at least 1, not {size!r}")
        if slots < 1 or slots & (slots - 1):
            raise ValueError(f"Number of slots must be a power of two, not {slots!r}")
        members: dict[str, ShapeLike]
        if slots == 1:
            members = {"address": address_bits(size)}
        else:
            bits = address_bits(-(-size // slots))
            members = {f"address{k}": bits for k in range(slots)} | {"present": slots}
        super().__init__(members | {"tick": 1})


def aer_signature(size: int, slots: int = 1) -> stream.Signature:
    """The signature of an AER stream with ``size`` addresses and ``slots`` events per word."""
    return stream.Signature(AerLayout(size, slots))


__all__ = ["AerLayout", "address_bits", "aer_signature"]
