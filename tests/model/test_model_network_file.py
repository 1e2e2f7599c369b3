"""Saved networks: the same after reading, a model for every command, and one line for a damaged one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qsnn_hw.model.convention import Convention
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Network, Pool2d, Projection, Scale
from qsnn_hw.model.network_file import is_saved_network, load_network, save_network
from qsnn_hw.model.readers.reader import convention_for, read_network
from qsnn_hw.model.simulate import simulate
from qsnn_hw.support.errors import UserError
from tests.support.first_network_file import save_first
from tests.support.float_groups import lif
from tests.support.record_damage import change_one_place, json_values
from tests.support.record_pairs import same_records

Run = Callable[..., tuple[int, str, str]]


def live() -> Network:
    """What a live reader leaves: a convolution, a pool, a scale and a loop."""
    rng = np.random.default_rng(3)
    fields = {"threshold": 0.8, "reset_delay": True}
    groups = (lif("conv", (2, 4, 4), **fields), lif("out", 3, v_min=-1.0, **fields))
    conv = Conv2d(rng.normal(0, 0.6, (2, 1, 3, 3)), rng.normal(0, 0.1, 2), (1, 4, 4), padding=(1, 1))
    pool = Pool2d("sum", (2, 4, 4), (2, 2), (2, 2))
    return Network(
        name="Sequential",
        input_shape=(1, 4, 4),
        groups=groups,
        projections=(
            Projection("0", INPUT, "conv", (conv,)),
            Projection("2", "conv", "out", (pool, Dense(rng.normal(0, 0.5, (3, 8)), rng.normal(0, 0.1, 3)))),
            Projection("back", "out", "out", (Scale(np.full(3, 0.25)),), delay=1),
        ),
        output="out",
        convention={"name": "snntorch (live)", "version": "1.0.0"},
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    # A text, as docs/frameworks.md has it.
    save_network(live(), str(tmp_path / "live.npz"))
    return tmp_path / "live.npz"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    x = (np.random.default_rng(4).random((12, 5, 1, 4, 4)) < 0.4).astype(np.uint8)
    np.savez(tmp_path / "data.npz", input=x, label=np.zeros(5, int), out=simulate(live(), x).out)
    return tmp_path / "data.npz"


def test_a_saved_network_comes_back(saved: Path) -> None:
    assert convention_for(saved, None, {}) is None
    x = (np.random.default_rng(5).random((9, 4, 16)) < 0.5).astype(np.uint8)
    assert np.array_equal(simulate(read_network(saved, None), x).out, simulate(live(), x).out)


@pytest.mark.parametrize("convention", [(), ("--convention", "snntorch")], ids=["none", "its own"])
def test_check_and_infer_take_a_saved_network(
    run: Run, saved: Path, data: Path, convention: tuple[str, ...]
) -> None:
    """docs/frameworks.md has people save it; it needs no convention and takes its own framework's."""
    code, printed, _ = run("check", saved, *convention, "--data", data)
    assert (code, printed) == (0, "equal: 180 output values of 5 samples, 0 differ\n")
    code, printed, _ = run("infer", saved, *convention, "--data", data)
    assert code == 0
    assert "framework's own spikes: equal, 180 values, 0 differ" in printed
    assert run("infer", saved, *convention, "--data", data, "--bits", 8)[0] == 0


@pytest.mark.slow
def test_generate_takes_a_saved_network_and_goes_on(
    run: Run, saved: Path, data: Path, tmp_path: Path
) -> None:
    common = ("generate", "--data", data, "-q", "-o", tmp_path / "out")
    code, printed, err = run(*common, saved, "--board", "icebreaker")
    assert code == 0, err
    assert "its own spikes: equal to the float network's, 180 values" in printed
    assert run(*common, "--bits", 6)[0] == 0
    code, _, err = run(*common, "--convention", "norse")
    assert (code, err.count("\n")) == (2, 1)
    assert "was read by snntorch, not norse: leave --convention out" in err


def test_check_of_other_spikes_looks_for_no_convention(run: Run, saved: Path, data: Path) -> None:
    arrays = dict(np.load(data))
    arrays["out"][3, 1, 2] ^= 1
    np.savez(data, **arrays)
    code, printed, _ = run("check", saved, "--data", data)
    assert code == 1
    assert "different: 1 of 180 output values" in printed
    assert "holds every field, so none is left to set" in printed
    assert "try " not in printed


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--convention", "norse"), "was read by snntorch, not norse: leave --convention out"),
        (("--convention", "nobody"), "unknown convention 'nobody'"),
        (("--set", "reset=zero"), "leave --set out"),
        (("--convention", "snntorch", "--set", "reset=zero"), "leave --set out"),
    ],
)
def test_what_a_saved_network_contradicts_is_one_line(
    run: Run, saved: Path, data: Path, options: tuple[str, ...], says: str
) -> None:
    for command in ("check", "infer"):
        code, _, err = run(command, saved, "--data", data, *options)
        assert (code, err.count("\n")) == (2, 1)
        assert says in err


def test_a_network_that_does_not_say_takes_no_convention(tmp_path: Path) -> None:
    save_network(replace(live(), convention={}), tmp_path / "net.npz")
    assert convention_for(tmp_path / "net.npz", None, {}) is None
    with pytest.raises(UserError, match="does not say what it was read by, not nir: leave --convention out"):
        convention_for(tmp_path / "net.npz", "nir", {})


def test_a_file_without_its_steps_needs_a_convention(run: Run, data: Path, digits: Path) -> None:
    code, _, err = run("infer", digits / "digits_64-32-10.nir", "--data", data)
    assert (code, err.count("\n")) == (2, 1)
    assert "does not say how its framework takes a time step: give --convention NAME, one of snntorch" in err


def test_another_version_says_so(saved: Path) -> None:
    arrays = dict(np.load(saved))
    np.savez(saved, **{**arrays, "format": "qsnn-hw network 99"})
    with pytest.raises(
        UserError, match="format is 'qsnn-hw network 99', this version reads 'qsnn-hw network 2'"
    ):
        read_network(saved, convention_for(saved, None, {}))


def test_a_file_of_the_first_version_is_the_same_network(tmp_path: Path) -> None:
    """What users saved with the versions before: operators and several spikes were said otherwise."""
    save_first(live(), tmp_path / "first.npz")
    assert is_saved_network(tmp_path / "first.npz")
    assert same_records(load_network(tmp_path / "first.npz"), live())
    described, arrays = _described(tmp_path / "first.npz")
    for name in ("max_spikes", "start", "rest", "reset_amount"):
        # Fields that came later than the first files.
        del described["groups"][0][name]
    described["groups"][0]["multi_spike"] = False
    _write(tmp_path / "first.npz", described, arrays)
    assert same_records(load_network(tmp_path / "first.npz"), live())
    described["groups"][0]["multi_spike"] = 1
    _write(tmp_path / "first.npz", described, arrays)
    with pytest.raises(UserError, match="multi_spike is not true or false"):
        load_network(tmp_path / "first.npz")


def test_an_array_that_nothing_names_is_refused(saved: Path) -> None:
    np.savez(saved, **{**np.load(saved), "more": np.zeros(3)})
    with pytest.raises(UserError, match="it has an unknown array 'more'"):
        load_network(saved)


def test_a_network_is_the_same_after_its_file(saved: Path) -> None:
    assert same_records(load_network(saved), live())


def _described(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    arrays = dict(np.load(path))
    return json.loads(str(arrays.pop("description"))), arrays


def _write(path: Path, described: object, arrays: dict[str, np.ndarray]) -> None:
    text = json.dumps(described)
    # An array that nothing names is refused by itself.
    named = {name: array for name, array in arrays.items() if name == "format" or json.dumps(name) in text}
    np.savez(path, description=text, **named)


CHANGES: list[tuple[str, object, str]] = [
    ("input_shape", [0], "input_shape is \\(0,\\), not a shape"),
    ("input_shape", [2**20, 2**20, 2**20], "not a shape"),
    ("output", "nobody", "output 'nobody' is no group"),
    ("groups.0.shape", [3], "decay has shape \\(32,\\), not \\(3,\\)"),
    ("groups.0.name", "out", "the name stands twice"),
    ("groups.0.name", "input", "or is 'input'"),
    (
        "groups.0.reset",
        "never",
        r"groups\[0\].reset must be one of subtract, .*, not 'never'",
    ),
    ("groups.0.comparison", "<", "comparison must be one of >, >=, not '<'"),
    ("groups.0.max_spikes", None, "several spikes per step need an immediate reset by subtraction"),
    ("groups.0.max_spikes", 0, "max_spikes is 0"),
    ("groups.0.max_spikes", True, "max_spikes must be a whole number, not True"),
    ("groups.0.multi_spike", 1, r"groups\[0\] has an unknown key 'multi_spike'"),
    ("groups.0.relax", 1, "relax must be true or false, not 1"),
    ("groups.0.name", 3, "name must be text, not 3"),
    ("warnings", "one", "warnings must be a list, not 'one'"),
    ("groups.0.refractory", -1, "refractory is -1"),
    ("groups.0.v_min", "low", "v_min must be a number, not 'low'"),
    ("groups.0.decay", {"@": "format"}, r"groups\[0\].decay must be an array"),
    ("groups.0.current_gain", {"@": "groups.0.decay"}, "current_decay and current_gain go together"),
    ("projections.0.source", "gone", "source 'gone' is no group"),
    ("projections.0.target", "input", "it ends in the input"),
    ("projections.0.target", "out", "it gives 32 values, its target has 3 neurons"),
    ("projections.0.delay", 10**9, "delay is 1000000000"),
    ("projections.0.operators.0.padding", [10**9, 1], "padding is "),
    ("projections.0.operators.0.groups", 2, "has other channels"),
    ("projections.0.operators.0.dilation", [3, 3], "does not fit"),
    (
        "projections.0.operators.0.@record",
        "Magic",
        "must be one of Dense, .*, not 'Magic'",
    ),
    ("projections.1.operators.0.kind", "max", "kind must be one of sum, average, not 'max'"),
    ("projections.1.operators", [], "it gives 32 values, its target has 3 neurons"),
    ("groups", {"conv": {}}, "holds no network of this version: groups must be a list"),
    ("projections", [], "nothing projects to it"),
]


@pytest.mark.parametrize(("where", "value", "says"), CHANGES, ids=lambda v: str(v)[:40])
def test_a_damaged_network_is_one_line(saved: Path, where: str, value: object, says: str) -> None:
    described, arrays = _described(saved)
    place: Any = described
    *path, last = where.split(".")
    for step in path:
        place = place[int(step) if step.isdecimal() else step]
    place[last] = value
    _write(saved, described, arrays)
    with pytest.raises(UserError, match=says) as found:
        load_network(saved)
    assert str(saved) in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 2.0, -0.5])
def test_values_out_of_range_are_one_line(saved: Path, bad: float) -> None:
    described, arrays = _described(saved)
    name = described["groups"][1]["decay"]["@"]
    arrays[name] = arrays[name].copy()
    arrays[name][1] = bad
    _write(saved, described, arrays)
    with pytest.raises(UserError, match=r"group 'out': decay (holds|is not from 0 to 1)"):
        load_network(saved)


VALUES = json_values(["", "out", "groups.0.decay", "@"], ["@", "@record", "shape", "b"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_is_a_network_or_one_line(saved: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Whatever stands at whatever place of the description: nothing but a UserError, or a run."""
    described, arrays = _described(saved)
    change_one_place(described, data, VALUES)
    _write(tmp_path / "changed.npz", described, arrays)
    network = _loaded(tmp_path / "changed.npz")
    if isinstance(network, UserError):
        assert "\n" not in str(network)
    else:
        simulate(network, np.ones((2, 1, network.input_size)))


def _loaded(path: Path) -> Network | UserError:
    try:
        return load_network(path)
    except UserError as error:
        return error


def test_a_preset_reads_no_saved_network(saved: Path) -> None:
    """A search through presets must not take the file for a plain description."""
    with pytest.raises(UserError, match=r"see docs/model_format\.md"):
        read_network(saved, Convention.preset("snntorch"))
