"""A refractory network from integers to SPICE: golden, the reference model and ngspice say the same."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qsnn_hw.golden import run_clocked
from qsnn_hw.targets.analog.device_file import load_device
from qsnn_hw.targets.analog.mapping import map_network
from qsnn_hw.targets.analog.spice.confirm import confirm
from qsnn_hw.toolchain.finder import find_tool
from tests.support.networks import random_input, random_network


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on this machine")
def test_the_silent_steps_are_the_same_everywhere(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    made = random_network(rng, (6, 4, 3), leak=None)
    groups = (replace(g, v_low=None, v_high=None, v_bits=28) for g in made.groups)
    plain = replace(made, groups=tuple(groups))
    made = replace(plain, groups=tuple(replace(g, refractory=2) for g in plain.groups))
    device = replace(load_device(), swing_v=10.0)
    inputs = random_input(rng, made, 14, 1, rate=0.6)
    golden = run_clocked(made, inputs)
    # The period does something.
    assert any((golden.spikes[n] != run_clocked(plain, inputs).spikes[n]).any() for n in ("g1", "g2"))
    found = confirm(map_network(made, device, (8, 8)), device, inputs, find_tool("ngspice"), tmp_path)
    assert found.differ == 0
    assert [group.spice_spikes for group in found.groups] == [
        int(golden.spikes[name].sum()) for name in ("g1", "g2")
    ]
    assert min(group.spice_spikes for group in found.groups) > 0
