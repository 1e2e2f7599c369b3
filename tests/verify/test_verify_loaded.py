"""Designs whose weights are loaded: equal to golden with the plan's bytes, and only with those."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.support.errors import MismatchError
from qsnn_hw.verify import Verification, verify
from tests.support.verify_networks import Example, chain_network, example, export, skip_network


def loaded(item: Example, network: object, **options: object) -> Example:
    plan = make_plan(network, PlanOptions(synapse_store="ram", **options))  # type: ignore[arg-type]
    return replace(item, plan=plan)


def run(item: Example, verilog: Path, folder: Path, **more: Any) -> Verification:
    options: dict = {"processes": 1, **more}
    return verify(item.plan, verilog, item.inputs, item.golden, folder, **options)


def test_loaded_weights_equal_golden_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    network = chain_network()
    item = loaded(example(network), network, lanes=(5, 3), event_lanes=(2, 1))
    assert len(item.plan.weight_bytes()) == 2 * 3 * 3 + 5 * 2
    verilog = export(item.plan, tmp_path)
    run(item, verilog, tmp_path / "work")

    # The same Verilog: it holds no weight. One bit of one weight differs, of an input that spikes.
    first = item.plan.groups[0]
    synapses = first.synapses.copy()
    bank, row = 1, 1
    synapses[bank, row, 2] ^= 4
    wrong = replace(item.plan, groups=(replace(first, synapses=synapses), *item.plan.groups[1:]))
    differing = np.frombuffer(wrong.weight_bytes(), np.uint8) != np.frombuffer(
        item.plan.weight_bytes(), np.uint8
    )
    assert differing.sum() == 1
    with pytest.raises(MismatchError, match=r"pass alone.*sample 0.*group 'lif1' neuron 2"):
        run(replace(item, plan=wrong), verilog, tmp_path / "wrong")


@pytest.mark.slow
def test_network_of_several_routes_is_loaded(tmp_path: Path) -> None:
    network = skip_network()
    item = loaded(example(network, samples=3), network, lanes=(2,))
    assert [g.folds for g in item.plan.groups] == [3, 2, 2]
    # The order of the bytes that the page promises.
    assert item.plan.loaded_groups == item.plan.groups
    # Under stress words are offered while the weights come in. No pass before it: memories keep their
    # content over a reset, so words that did not wait would meet the weights of that pass.
    run(item, export(item.plan, tmp_path), tmp_path / "work", passes=("stress",))


def test_no_bytes_for_a_rom() -> None:
    item = example(chain_network())
    assert item.plan.weight_bytes() == b""
    assert item.plan.loaded_groups == ()
