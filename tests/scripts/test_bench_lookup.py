"""bench_lookup.py without its tools: the text that is synthesized, what its rows say, and the training."""

import re
from itertools import product
from pathlib import Path

import bench_lookup
import numpy as np
import pytest


def test_files_become_one_text(tmp_path: Path) -> None:
    for name in bench_lookup.SOURCES:
        (tmp_path / name).write_text(f'`include "p.vh"\nmodule {name[:-2]};\nendmodule\n', encoding="utf-8")
    (tmp_path / "p.vh").write_text("`define P 3", encoding="utf-8")
    text = bench_lookup.inlined(tmp_path)
    assert "include" not in text
    assert text.count("`define P 3") == len(bench_lookup.SOURCES)
    assert text.index("module lut_node") < text.index("module dwn_top")


def test_the_harness_has_a_register_for_each_bit() -> None:
    text = bench_lookup.harness(320, 4)
    assert "reg [319:0] x;" in text
    assert "x <= {x[318:0], rx};" in text
    assert "place <=" not in text
    assert "reg [3:0] y;" in text


def test_a_long_register_is_filled_part_by_part() -> None:
    text = bench_lookup.harness(7056, 4)
    shifts = re.findall(r"if \(part == (\d)\) x\[(\d+):(\d+)\] <= \{x\[(\d+):(\d+)\], rx\};", text)
    assert [int(part) for part, *_ in shifts] == list(range(7))
    parts = [(int(low), int(high)) for _, high, low, *_ in shifts]
    assert [low for low, _ in parts] == [0, *(high + 1 for _, high in parts[:-1])]
    assert parts[-1][1] == 7055
    assert all(int(high) - 1 == int(before) and low == first for _, high, low, before, first in shifts)
    assert {high - low + 1 for low, high in parts} == {1008}
    assert "place == 1007" in text


def test_a_row_counts_time_at_its_own_clock() -> None:
    row = bench_lookup.Row("tables", 0.9667, 450, 1199, 755, 0, 100.0, 4, 1)
    shown = ("tables", "96.67 % (450)", "1,199", "755", 0, "100.0", "4", "40 ns", "10 ns")
    assert row.cells() == shown


def test_tables_learn_and_answer_as_they_say() -> None:
    pytest.importorskip("torch", reason="needs torch, an extra")
    import lookup_training

    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 16, (400, 4))
    label = (pixels[:, 0] > pixels[:, 3]).astype(np.int64)
    recipe = lookup_training.Recipe(20, (3, 7, 11), 40, 50, 0.05, 2.0, 0.0)
    network = lookup_training.train(pixels, label, recipe, 2, 1)
    answered = lookup_training.answers(network, pixels)
    assert (answered == label).mean() > 0.85
    luts = network["state_dict"]["0.luts"].numpy() > 0
    wires = network["state_dict"]["0.mapping.weights"].numpy().argmax(0).reshape(20, 6)
    for sample, given in zip(pixels[:20], answered, strict=False):
        bits = [int(value > level) for value, level in product(sample, recipe.thresholds)]
        said = [luts[j, sum(bits[w] << k for k, w in enumerate(wires[j]))] for j in range(20)]
        assert given == int(sum(said[10:]) > sum(said[:10]))
