"""Weights as bytes, and the errors of pixels; what frames carry is in test_frames.py."""

import re

import numpy as np
import pytest

from qsnn_hw.host import words
from qsnn_hw.host.protocol import encode_rows
from qsnn_hw.support.errors import UserError


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
        words.pixels(pixels, np.arange(3), 3)


def test_row_bytes() -> None:
    assert encode_rows([0x123, 0xFFF], 12).hex(" ") == "23 01 ff 0f"
    assert encode_rows([0x80], 8).hex(" ") == "80"
    with pytest.raises(UserError, match=r"^row must be from 0 to 255, not 256$"):
        encode_rows([256], 8)
