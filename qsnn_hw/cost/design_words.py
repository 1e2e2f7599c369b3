"""What the network is sent of a sample: the host's words, or what the encoder on the chip makes of pixels."""

from typing import NamedTuple

import numpy as np

from qsnn_hw.cost.sweep_masks import Addresses
from qsnn_hw.plan.hardware_plan import HardwarePlan
from qsnn_hw.plan.io_plan import EncoderPlan

_FILLED = 3
"""``InputEncoder``: cycles between a sample's last word and the one that makes the first of its own."""


class DesignWords(NamedTuple):
    """The words of one sample.

    Parameters
    ----------
    steps
        Words of each time step, without its tick. With an encoder ``()`` is a cycle in which it passes
        over pixels that do not spike.
    lead
        Cycles from the sample's first word of pixels to the encoder's first word; None without encoder.
    """

    steps: list[list[Addresses]]
    lead: int | None = None


def design_words(plan: HardwarePlan, events: np.ndarray, pixels: np.ndarray | None = None) -> DesignWords:
    """The words of one sample at full speed.

    Parameters
    ----------
    events
        How many of every input, shape (time, input).
    pixels
        With an encoder: the sample's, shape (input,). Where None, those that never spike count as 0.
    """
    addresses, encoder = plan.input_space.addresses(), plan.encoder
    if encoder is None:
        return DesignWords(input_words(events, addresses, plan.input_lanes))
    lit = np.flatnonzero(events.any(axis=0) if pixels is None else pixels)
    # A row of pixels that are 0 is not sent; of a black sample one is.
    rows = max(1, len(np.unique(addresses[lit] // encoder.slots)))
    order = lit[np.argsort(addresses[lit])]
    return DesignWords([_encoded(encoder, row, addresses, order) for row in events], rows + _FILLED)


def _encoded(
    encoder: EncoderPlan, events: np.ndarray, addresses: np.ndarray, order: np.ndarray
) -> list[Addresses]:
    """What ``InputEncoder`` makes of a step; ``order``: the inputs that are not 0, by address."""
    if encoder.kind == "rate":
        # With one slot; see IoOptions.make_encoder.
        return [(int(addresses[k]),) if events[k] else () for k in order]
    if encoder.kind == "latency":
        # The pixel that came last stands at the head of its list.
        order = order[::-1]
    sent = order[events[order] > 0]
    return _side_by_side(np.repeat(addresses[sent], events[sent]).tolist(), encoder.slots)


def input_words(events: np.ndarray, addresses: np.ndarray, lanes: int) -> list[list[Addresses]]:
    """A sample's words, step by step: events by ascending address, in as few words as can be.

    Parameters
    ----------
    events
        How many of every input, shape (time, input).
    addresses
        Of the inputs.
    lanes
        Events per word.
    """
    words: list[list[Addresses]] = []
    for row in events:
        fired = np.flatnonzero(row)
        words.append(_side_by_side(np.sort(np.repeat(addresses[fired], row[fired])).tolist(), lanes))
    return words


def _side_by_side(addresses: list[int], slots: int) -> list[Addresses]:
    """Events in their order, each in its slot of the earliest word that has room."""
    if slots == 1:
        return [(address,) for address in addresses]
    queues: list[list[int]] = [[] for _ in range(slots)]
    for address in addresses:
        queues[address % slots].append(address)
    longest = max(len(queue) for queue in queues)
    return [tuple(q[k] for q in queues if k < len(q)) for k in range(longest)]
