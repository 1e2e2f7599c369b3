"""Arrays to words and back, for flat inputs and grids, and words as payloads of several events."""

import re
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Signal
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.host.protocol import (
    Word,
    encode_rows,
    sample_spikes,
    sample_words,
)
from qsnn_hw.host.stream_words import beat_bits, pack_events, pack_words, slot_bits, tick_bit, unpack_words
from qsnn_hw.host.words import packed, read_payload, sample
from qsnn_hw.model.network import INPUT, Conv2d, Network, Projection
from qsnn_hw.plan import AddressSpace
from qsnn_hw.quantize import QuantizeOptions, quantize
from qsnn_hw.rtl.axi_stream import data_bits
from qsnn_hw.rtl.stream.aer import AerLayout
from qsnn_hw.support.errors import UserError
from tests.support.float_groups import lif

SHAPES = st.one_of(
    st.tuples(st.integers(1, 90)), st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9))
)


@given(SHAPES, st.integers(1, 4), st.sampled_from([1, 2, 4, 16]), st.integers(0, 2**32 - 1))
def test_spikes_to_words_and_back(shape: tuple[int, ...], steps: int, lanes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    space = AddressSpace(shape)
    spikes = rng.integers(0, 4, (steps, *shape)) * (rng.random((steps, *shape)) < 0.3)
    words = sample_words(spikes, space)
    assert [w.address for w in words if w.tick] == [0] * (steps - 1) + [1]
    assert np.array_equal(sample_spikes(words, space), spikes)
    # The same without axes, and through frames and payloads, which may change the order within a step.
    assert sample_words(spikes.reshape(steps, -1), space) == words
    counts = spikes.reshape(steps, -1)
    sent = packed(sample(counts, space.addresses(), space.size))
    received = [word for payload in sent for word in read_payload(payload, space.size)]
    assert np.array_equal(sample_spikes(received, space), spikes)
    payloads = pack_words(words, space.size, lanes)
    assert np.array_equal(sample_spikes(unpack_words(payloads, space.size, lanes), space), spikes)
    # No step can be in fewer words than its fullest slot has events.
    addresses = space.addresses()
    fullest = sum(
        max(int(row.reshape(-1)[addresses % lanes == slot].sum()) for slot in range(lanes)) for row in spikes
    )
    assert len(payloads) == steps + fullest


@given(st.integers(1, 600), st.sampled_from([1, 2, 4, 16]))
def test_payloads_have_the_layout_of_the_hardware(size: int, lanes: int) -> None:
    layout = AerLayout(size, lanes)
    field = layout["address" if lanes == 1 else f"address{lanes - 1}"]
    assert field.width == slot_bits(size, lanes)
    assert field.offset == (lanes - 1) * slot_bits(size, lanes)
    assert layout["tick"].offset == tick_bit(size, lanes)
    assert data_bits(Signal(layout)) == beat_bits(size, lanes)
    if lanes > 1:
        assert layout["present"].offset == lanes * slot_bits(size, lanes)


def test_a_grid_has_fields_not_an_index() -> None:
    """A convolution on 2 x 9 x 7: all but the first of 126 addresses differ from C order."""
    group = lif("conv", (1, 9, 7))
    weights = Conv2d(np.random.default_rng(1).normal(0.2, 0.4, (1, 2, 3, 3)), None, (2, 9, 7), padding=(1, 1))
    network = Network("grid", (2, 9, 7), (group,), (Projection("p", INPUT, "conv", (weights,)),), "conv")
    plan = make_plan(quantize(network, QuantizeOptions(weight_bits=4)), PlanOptions(lanes=[1]))
    differ = 0
    for number, (channel, row, column) in enumerate(np.ndindex(2, 9, 7)):
        spikes = np.zeros((1, 2, 9, 7), dtype=np.uint8)
        spikes[0, channel, row, column] = 1
        # 1 bit of channel, 3 of column.
        event, _ = sample_words(spikes, plan.input_space)
        assert event == Word(False, row << 4 | column << 1 | channel)
        differ += event.address != number
    assert differ == 125


def test_axes_may_be_split_but_not_exchanged() -> None:
    """Data before a Flatten node have axes of their own: (2, 3, 4) is a row of 12 in 2 channels."""
    line = AddressSpace((2, 1, 12))
    spikes = np.random.default_rng(0).integers(0, 2, (3, 2, 3, 4))
    assert sample_words(spikes, line) == sample_words(spikes.reshape(3, 24), line)
    assert sample_words(spikes, line) == sample_words(spikes.reshape(3, 2, 1, 12), line)
    for shape in ((3, 4, 3, 2), (3, 12, 2), (3, 3, 2, 4)):
        with pytest.raises(UserError, match="spikes must have shape"):
            sample_words(spikes.reshape(shape), line)


GRID, FLAT = AddressSpace((2, 9, 7)), AddressSpace((5,))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: sample_words(np.zeros((3, 4), int), FLAT), "spikes must have shape (time, 5), not (3, 4)"),
        (lambda: sample_words(np.zeros(5, int), FLAT), "spikes must have shape (time, 5), not (5,)"),
        (
            lambda: sample_words(np.zeros((3, 9, 7, 2), int), GRID),
            "spikes must have shape (time, 2, 9, 7), not (3, 9, 7, 2)",
        ),
        (lambda: sample_words(np.zeros((0, 5), int), FLAT), "spikes must have at least one time step: "),
        (lambda: sample_words(np.zeros((1, 5)), FLAT), "spikes must be integers or booleans, not float64"),
        (lambda: sample_words(np.full((1, 5), -1), FLAT), "spikes must be counts of 0 and more, not -1"),
        (lambda: sample_words([[1], [1, 2]], FLAT), "spikes must be one array: "),  # type: ignore[arg-type]
        (lambda: sample_spikes([Word(False, 5)], FLAT), "no neuron has address 5"),
        (lambda: sample_spikes([Word(False, 0x0F)], GRID), "no neuron has address 15"),
        (lambda: pack_words([Word(False, 1)], 9), "the last word must be a tick: "),
        (lambda: pack_words([Word(True, 0)], 9, 3), "events per word must be a power of two, not 3"),
        (lambda: pack_events([9], 9), "address must be from 0 to 8, not 9"),
        (lambda: pack_events([1, 3], 9, 2), "a word must hold at most one event of each slot, not [1, 3]"),
        (lambda: unpack_words([64], 9), "payload must have at most 5 bits, not 0x40"),
        (lambda: encode_rows([1], 0), "rows must be at least 1 bit wide, not 0"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, text: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}") as caught:
        call()
    assert "\n" not in str(caught.value)
