"""Data files: layouts, packing, and what is said to files that do not fit."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.model.dataset import load_array, load_dataset
from qsnn_hw.support.errors import UserError


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.fixture
def spikes() -> np.ndarray:
    return (np.random.default_rng(1).random((5, 7, 12)) < 0.4).astype(np.uint8)


def test_packed_equals_plain(tmp_path: Path, spikes: np.ndarray) -> None:
    packed = {"input_packed": np.packbits(spikes, axis=-1), "input_shape": np.array(spikes.shape)}
    one = load_dataset(save(tmp_path / "a.npz", **packed), input_shape=(3, 4))
    two = load_dataset(save(tmp_path / "b.npz", input=spikes.astype(float)))
    assert one.input.shape == (5, 7, 3, 4)
    assert np.array_equal(one.input.reshape(5, 7, 12), two.input)
    assert (two.input.dtype, two.label, two.out, two.layout) == (np.uint8, None, None, "time-sample")
    assert (two.steps, two.samples) == (5, 7)


def test_packed_after_flattening(tmp_path: Path, spikes: np.ndarray) -> None:
    path = save(tmp_path / "a.npz", input_packed=np.packbits(spikes, axis=-1), input_shape=[5, 7, 3, 4])
    assert np.array_equal(load_array(path, "input"), spikes.reshape(5, 7, 3, 4))


def test_auto_layout_follows_the_labels(tmp_path: Path, spikes: np.ndarray) -> None:
    out = np.arange(5 * 7 * 2).reshape(5, 7, 2)
    first = load_dataset(save(tmp_path / "a.npz", input=spikes, label=np.arange(7), out=out))
    assert (first.layout, first.samples) == ("time-sample", 7)
    second = load_dataset(save(tmp_path / "b.npz", input=spikes, label=np.arange(5), out=out))
    assert (second.layout, second.samples) == ("sample-time", 5)
    assert np.array_equal(second.input, spikes.swapaxes(0, 1))
    assert second.out is not None
    assert np.array_equal(second.out, out.swapaxes(0, 1))
    given = load_dataset(save(tmp_path / "c.npz", input=spikes), layout="sample-time")
    assert given.samples == 5


def test_take_cuts_every_array(tmp_path: Path, spikes: np.ndarray) -> None:
    path = save(tmp_path / "a.npz", input=spikes, label=np.arange(7), out=np.ones((5, 7, 2)))
    few = load_dataset(path, samples=3)
    assert few.label is not None
    assert few.out is not None
    assert (few.input.shape, few.label.tolist(), few.out.shape) == ((5, 3, 12), [0, 1, 2], (5, 3, 2))
    with pytest.raises(UserError, match="samples is 1 to 7, not 8"):
        load_dataset(path, samples=8)


def test_counts_are_kept(tmp_path: Path, spikes: np.ndarray) -> None:
    assert load_dataset(save(tmp_path / "a.npz", input=spikes.astype(np.int32) * 255)).input.max() == 255


ONES = np.ones((5, 7, 12), np.float32)
PACKED = np.packbits(ONES.astype(np.uint8), axis=-1)
NAN = np.where(np.arange(12) == 3, np.nan, ONES)


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"x": ONES}, "has neither input_packed nor input; it holds x"),
        ({"input_packed": PACKED}, "has input_packed but no input_shape"),
        ({"input_packed": PACKED[:, :, :1], "input_shape": [5, 7, 12]}, "the file is truncated or the shape"),
        ({"input_packed": PACKED[:, :6], "input_shape": [5, 7, 12]}, "the file is truncated or the shape"),
        ({"input_packed": PACKED, "input_shape": [5, 0, 12]}, "input_shape is [5, 0, 12], not a list of"),
        (
            {"input_packed": PACKED.astype(int), "input_shape": [5, 7, 12]},
            "is int64, not uint8 from np.packb",
        ),
        ({"input": NAN}, "input holds 35 values that are NaN or infinite"),
        ({"input": ONES * 0.5}, "input holds values other than whole spike counts from 0 to 255"),
        ({"input": ONES * 256}, "input holds values other than whole spike counts"),
        ({"input": -ONES}, "input holds values other than whole spike counts"),
        ({"input": ONES > 0, "label": np.arange(3)}, "3 labels for 7 samples (input read as time-sample)"),
        ({"input": ONES, "label": np.ones((7, 2))}, "label has shape (7, 2)"),
        ({"input": ONES, "label": np.full(7, 0.5)}, "label holds values that are not class numbers"),
        ({"input": ONES[0]}, "input has shape (7, 12), not (time, sample, addresses)"),
        ({"input": ONES[:0]}, "input has shape (0, 7, 12), so it is empty"),
        ({"input": np.full((5, 7, 12), "a")}, "input has type <U1, not spike counts"),
        ({"input": ONES, "out": np.ones((4, 7, 2))}, "out covers 4 steps of 7 samples, input 5 of 7"),
        ({"input": ONES, "out": np.ones((5, 7))}, "out has shape (5, 7), not (time, sample, neuron)"),
    ],
)
def test_refusals(tmp_path: Path, arrays: dict[str, Any], text: str) -> None:
    path = save(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UserError, match=re.escape(text)) as caught:
        load_dataset(path)
    assert str(path) in str(caught.value)


def test_width_against_the_network(tmp_path: Path, spikes: np.ndarray) -> None:
    path = save(tmp_path / "a.npz", input=spikes)
    with pytest.raises(UserError, match="input has 12 addresses per step, the network wants 64"):
        load_dataset(path, input_shape=(64,))


def test_files_that_are_not_data(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        load_dataset(tmp_path / "gone.npz")
    (tmp_path / "text.npz").write_text("not a zip")
    with pytest.raises(UserError, match=r"not a readable \.npz file"):
        load_dataset(tmp_path / "text.npz")
    path = save(tmp_path / "a.npz", input=ONES)
    with pytest.raises(UserError, match="layout is one of auto, time-sample, sample-time, not 'tsn'"):
        load_dataset(path, layout="tsn")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="has neither out_multi nor out_multi_packed"):
        load_dataset(path, out_key="out_multi")
