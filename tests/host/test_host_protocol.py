"""Pixels, classes and weights as bytes: there and back, as documented, and nothing else accepted.

AER words are tested in tests/rtl/io/test_rtl_host.py, beside the hardware that takes them apart.
"""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.host.protocol import (
    decode_classes,
    decode_pixels,
    encode_classes,
    encode_pixels,
    encode_rows,
)
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.support.errors import UserError


@given(st.integers(0, 999), st.sampled_from([(1,), (2,), (300,), (3, 2, 5), (1, 28, 28)]))
def test_pixels_there_and_back(seed: int, shape: tuple[int, ...]) -> None:
    space = AddressSpace(shape)
    chance = np.random.default_rng(seed)
    samples = chance.integers(0, 256, (3, space.neurons)) * (chance.random((3, space.neurons)) < 0.5)
    data = b"".join(encode_pixels(sample, space.addresses(), space.size) for sample in samples)
    # A byte lost in front, and a sample cut off at the end, spoil no other sample.
    received = decode_pixels(b"\x12" + data + data[:1], space.size)
    assert len(received) == 3
    for sample, found in zip(samples, received, strict=True):
        assert found[space.addresses()].tolist() == sample.tolist()
        assert np.count_nonzero(found) == np.count_nonzero(sample)


def test_pixel_bytes() -> None:
    # 16 addresses and 8 bits of value are 12 bits: 6 in the first byte, 6 of 7 in the second.
    assert encode_pixels(np.array([0, 255, 1]), np.array([0, 3, 9]), 16).hex(" ") == "87 7f 92 01 c0 01"
    assert encode_pixels(np.zeros(3, dtype=int), np.array([0, 3, 9]), 16).hex(" ") == "c0 01"


@pytest.mark.parametrize(
    ("pixels", "text"),
    [
        (np.array([1, 2]), "a sample must have 3 pixels, not 2"),
        (np.array([0.5, 1.0, 0.0]), "pixels must be integers from 0 to 255, not float64"),
        (np.array([1, 2, 256]), "pixels must be from 0 to 255, not 1 to 256"),
        (np.array([-1, 2, 3]), "pixels must be from 0 to 255, not -1 to 3"),
    ],
)
def test_bad_pixels_are_refused(pixels: np.ndarray, text: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        encode_pixels(pixels, np.arange(3), 3)


@pytest.mark.parametrize("count", [1, 2, 10, 100])
def test_classes_there_and_back(count: int) -> None:
    answers = [(0, True), (0, False), (count - 1, False)]
    assert decode_classes(encode_classes(answers, count), count) == answers


def test_class_bytes() -> None:
    assert encode_classes([(9, False), (0, True)], 10).hex(" ") == "89 c0"
    with pytest.raises(UserError, match=r"^address must be from 0 to 9, not 10$"):
        encode_classes([(10, False)], 10)


def test_row_bytes() -> None:
    assert encode_rows([0x123, 0xFFF], 12).hex(" ") == "23 01 ff 0f"
    assert encode_rows([0x80], 8).hex(" ") == "80"
    with pytest.raises(UserError, match=r"^row must be from 0 to 255, not 256$"):
        encode_rows([256], 8)
