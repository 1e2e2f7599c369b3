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

from qsnn_hw.host_protocol import address_bits


class AerLayout(data.StructLayout):
    """Payload of an AER stream: ``address`` in the low bits, ``tick`` in the highest.

    Parameters
    ----------
    size
        Number of addresses, at least 1.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"Number of addresses must be at least 1, not {size!r}")
        members: dict[str, ShapeLike] = {"address": address_bits(size), "tick": 1}
        super().__init__(members)


def aer_signature(size: int) -> stream.Signature:
    """The signature of an AER stream with ``size`` addresses."""
    return stream.Signature(AerLayout(size))


__all__ = ["AerLayout", "address_bits", "aer_signature"]
