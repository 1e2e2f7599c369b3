"""The words that each group of the traced form gave to the router, shown several at a time."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsnn_hw.plan import GroupPlan
from qsnn_hw.rtl.stream.aer import AerLayout

# Words of a group that are shown together: a simulator's wake-up costs more than all of them.
_SENT_BITS = 512


def sent_words(plan: GroupPlan) -> int:
    """How many of a group's words :class:`SentWords` shows at a time."""
    return int(max(1, _SENT_BITS // _word_bits(plan)))


def _word_bits(plan: GroupPlan) -> int:
    return int(AerLayout(plan.space.size, plan.output_lanes).size)


def sent_signature(plan: GroupPlan) -> wiring.Signature:
    """The words that a group gave to the router, several at a time.

    Members
    -------
    valid : Out(1)
        For one cycle, when as many as fit have been sent or the last one was a sample's last tick.
    filled : Out(range(sent_words(plan) + 1))
        How many have been sent since.
    words : Out(...)
        The newest in the lowest bits, then the one before, and so on.
    """
    count = sent_words(plan)
    return wiring.Signature(
        {"valid": Out(1), "filled": Out(count.bit_length()), "words": Out(count * _word_bits(plan))}
    )


class SentWords(wiring.Component):
    """Collects the words that move on a group's output stream.

    Latency: 1 cycle from the last of them.

    Parameters
    ----------
    plan
        The group.

    Members
    -------
    payload, moves : In
        A word, and whether it moves.
    show : Out(sent_signature(plan))
    """

    def __init__(self, plan: GroupPlan) -> None:
        self._count, bits = sent_words(plan), _word_bits(plan)
        super().__init__({"payload": In(bits), "moves": In(1), "show": Out(sent_signature(plan))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        show, payload = self.show, self.payload
        following = Signal.like(show.filled)
        m.d.comb += following.eq(Mux(show.valid, 0, show.filled) + self.moves)
        ends_sample = payload[-1] & payload[0]
        m.d.sync += [
            show.filled.eq(following),
            show.valid.eq(self.moves & (ends_sample | (following == self._count))),
        ]
        with m.If(self.moves):
            m.d.sync += show.words.eq(Cat(payload, show.words))
        return m
