"""Networks written to NIR come back the same under their own convention."""

from dataclasses import replace
from pathlib import Path

import nir
import numpy as np
import pytest

from qsnn_hw.finetune.nir_writer import write_nir
from qsnn_hw.model.convention import PRESETS, Convention
from qsnn_hw.model.network import Dense, Network
from qsnn_hw.model.readers.reader import read_network
from qsnn_hw.quantize.options import QuantizeOptions
from qsnn_hw.quantize.quantizer import quantize
from qsnn_hw.support.errors import UserError
from tests.support import finetune_networks as nets

FIELDS = (
    "rest",
    *("decay", "input_gain", "leak", "threshold", "v_reset", "current_decay", "current_gain"),
    "reset_amount",
    "start",
)


def under(convention: Convention, cuba: bool, recurrent: bool = True, skip: int | None = 2) -> Network:
    """A random network that ``convention`` can express."""
    rng = np.random.default_rng(1)
    late = convention.reset_delay
    loops = {"one": recurrent or cuba, "two": cuba}
    retest = not late and convention.reset_retest
    net = nets.network(
        rng,
        cuba=cuba,
        recurrent=recurrent,
        skip_delay=skip,
        reset=convention.reset,
        reset_delay=late,
        reset_retest=retest,
        max_spikes=None if convention.max_spikes == "unlimited" else convention.max_spikes,
        comparison=convention.comparison,
        v_min=convention.v_min,
        relax=convention.update == "relax",
    )
    drops = {name: late and convention.reset == "zero" and loops[name] for name in loops}
    groups = tuple(replace(g, reset_drops_input=drops[g.name]) for g in net.groups)
    if convention.start == "rest":
        groups = tuple(replace(g, leak=np.zeros(g.size)) for g in groups)
    if convention.current_gain == "one":
        groups = tuple(replace(g, current_gain=None if not cuba else np.ones(g.size)) for g in groups)
    return replace(net, groups=groups, convention=convention.as_dict())


def same(one: Network, other: Network) -> None:
    assert [g.name for g in one.groups] == [g.name for g in other.groups]
    assert one.input_shape == other.input_shape
    assert one.output == other.output
    for a, b in zip(one.groups, other.groups, strict=True):
        for name in FIELDS:
            if getattr(a, name) is None:
                assert getattr(b, name) is None
            else:
                assert getattr(b, name) == pytest.approx(getattr(a, name), rel=2e-6, abs=1e-12), name
        if a.v_min is not None:
            assert b.v_min == pytest.approx(a.v_min)
        for name, value in vars(a).items():
            if name not in (*FIELDS, "v_min"):
                assert getattr(b, name) == value, name
    for p in one.projections:
        (found,) = [q for q in other.projections if (q.source, q.target) == (p.source, p.target)]
        assert found.delay == p.delay
        for x, y in zip(p.operators, found.operators, strict=True):
            assert isinstance(x, Dense)
            assert isinstance(y, Dense)
            assert np.array_equal(x.weight, y.weight)
            assert (x.bias is None) == (y.bias is None)
            assert x.bias is None or np.array_equal(x.bias, y.bias)


@pytest.mark.parametrize("cuba", [False, True], ids=["LIF", "CubaLIF"])
@pytest.mark.parametrize("name", PRESETS)
def test_round_trip(name: str, cuba: bool, tmp_path: Path) -> None:
    convention = PRESETS[name] if name != "nir" else PRESETS[name].with_settings({"dt": "1e-3"})
    net = under(convention, cuba)
    if convention.input_gain in ("one", "rockpool"):
        net = replace(net, groups=tuple(replace(g, input_gain=np.ones(g.size)) for g in net.groups))
    write_nir(net, tmp_path / "random.nir")
    back = read_network(tmp_path / "random.nir", convention)
    same(net, back)
    assert set(nir.read(tmp_path / "random.nir").nodes) >= {"one", "two", "a", "b", "loop"}


@pytest.mark.parametrize(
    "settings",
    [
        {"decay": "exponential", "input_gain": "r", "current_gain": "w_in"},
        {"decay": "direct", "input_gain": "complement", "current_gain": "decayed"},
        {"tau_fix": "divide_by_dt"},
        {"reset": "zero"},
        {"reset_delay": "false"},
        {"delay_unit": "steps"},
    ],
    ids=str,
)
@pytest.mark.parametrize("cuba", [False, True], ids=["LIF", "CubaLIF"])
def test_round_trip_with_settings(settings: dict[str, str], cuba: bool, tmp_path: Path) -> None:
    convention = PRESETS["snntorch"].with_settings(settings)
    net = under(convention, cuba)
    write_nir(net, tmp_path / "random.nir")
    same(net, read_network(tmp_path / "random.nir", convention))


@pytest.mark.parametrize("kind", ["LIF", "IF", "CubaLIF"])
@pytest.mark.parametrize(
    "settings",
    [
        *({"reset": "zero"}, {"v_min": "-0.5"}, {}),
        *({"reset": "subtract", "v_min": "-0.5"}, {"reset": "subtract"}),
        *({"reset": "subtract", "max_spikes": "3"}, {"reset": "zero", "reset_delay": "true"}),
    ],
    ids=str,
)
def test_states_that_start_at_rest(settings: dict[str, str], kind: str, tmp_path: Path) -> None:
    full = {name: np.full(3, value) for name, value in (("r", 1.5), ("v_threshold", 1.0), ("v_reset", 0.1))}
    times = {"tau": np.full(3, 8e-3)} if kind == "LIF" else {}
    if kind == "CubaLIF":
        times = {"tau_mem": np.full(3, 8e-3), "tau_syn": np.full(3, 4e-3), "w_in": np.ones(3)}
    if kind != "IF":
        times["v_leak"] = np.full(3, 0.25)
    nodes = {
        "input": nir.Input({"input": np.array([2])}),
        "w": nir.Linear(weight=np.arange(6.0).reshape(3, 2) - 2),
        "n": getattr(nir, kind)(**full, **times),
        "output": nir.Output({"output": np.array([3])}),
    }
    nir.write(tmp_path / "given.nir", nir.NIRGraph(nodes, [("input", "w"), ("w", "n"), ("n", "output")]))
    convention = PRESETS["norse"].with_settings(settings)
    given = read_network(tmp_path / "given.nir", convention)
    assert given.groups[0].threshold is not None
    # Several spikes and a late reset to zero count from 0, whatever the rest.
    from_rest = 0.9 if kind == "IF" else 0.75
    kept = "max_spikes" in settings or "reset_delay" in settings
    assert given.groups[0].threshold[0] == pytest.approx(1.0 if kept else from_rest)
    write_nir(given, tmp_path / "again.nir")
    same(given, read_network(tmp_path / "again.nir", convention))


def test_integrators_and_readouts(tmp_path: Path) -> None:
    integrators_and_readouts(PRESETS["sinabs"], tmp_path)


def test_rockpools_readouts(tmp_path: Path) -> None:
    """A readout's gain is its retention, which the r that Rockpool writes says too."""
    ones = {"input_gain": np.ones(5)}
    integrators_and_readouts(PRESETS["rockpool"], tmp_path, {"input_gain": np.full(5, 0.75)}, ones)

    def said(dt: str) -> bool:
        warnings = read_network(
            tmp_path / "random.nir", PRESETS["rockpool"].with_settings({"dt": dt})
        ).warnings
        text = f"its r is what Rockpool writes for dt=0.001, and the convention has dt={dt}"
        return any(text in warning for warning in warnings)

    assert said("0.0005")
    assert not said("0.001")
    with pytest.raises(UserError, match=r"input_gain=rockpool means that a readout's gain is its retention"):
        integrators_and_readouts(PRESETS["rockpool"], tmp_path, ones, ones)


def integrators_and_readouts(
    convention: Convention,
    tmp_path: Path,
    leaky: dict[str, np.ndarray] | None = None,
    current: dict[str, np.ndarray] | None = None,
) -> None:
    """Written and read again: an integrator, and readouts of three kinds behind it."""
    net = under(convention, cuba=False, recurrent=False)
    one, two = net.groups
    one = replace(one, decay=np.ones(9), leak=np.zeros(9), relax=False)
    for fields in (
        {"decay": np.ones(5), "leak": np.zeros(5)},
        {"decay": np.full(5, 0.75), **(leaky or {})},
        {"current_decay": np.full(5, 0.5), "current_gain": np.ones(5), **(current or {})},
    ):
        silent = {"threshold": None, "reset": "none", "max_spikes": 1, "v_min": None}
        readout = replace(two, **silent, v_reset=np.zeros(5), **fields)  # type: ignore[arg-type]
        made = replace(net, groups=(one, readout))
        write_nir(made, tmp_path / "random.nir")
        back = read_network(tmp_path / "random.nir", convention)
        for a, b in zip(made.groups, back.groups, strict=True):
            assert (a.threshold is None) == (b.threshold is None)
            assert b.decay == pytest.approx(a.decay)
            assert b.input_gain == pytest.approx(a.input_gain, rel=2e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decay": np.ones(9)}, "group one: a decay of 1 has no finite time constant"),
        ({"reset": "zero"}, "group one has reset zero, its convention says subtract"),
        ({"current_decay": np.ones(9)}, "a current decay of 1 has no finite time constant"),
    ],
)
def test_what_nir_cannot_hold_is_refused(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    net = under(PRESETS["snntorch"], cuba=True)
    one = replace(net.groups[0], **changes)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        write_nir(replace(net, groups=(one, net.groups[1])), tmp_path / "random.nir")
    assert not list(tmp_path.iterdir())


def test_a_gain_the_convention_has_no_place_for_is_refused(tmp_path: Path) -> None:
    net = under(PRESETS["snntorch"].with_settings({"input_gain": "one"}), cuba=False)
    with pytest.raises(UserError, match="convention field input_gain=one means a gain of 1, not"):
        write_nir(net, tmp_path / "random.nir")


def test_other_operators_and_missing_conventions_are_refused(tmp_path: Path) -> None:
    net = under(PRESETS["snntorch"], cuba=False)
    with pytest.raises(UserError, match="does not say by which convention it was read"):
        write_nir(replace(net, convention={}), tmp_path / "random.nir")
    bare = replace(net.projections[0], operators=())
    with pytest.raises(UserError, match="projection a is not one dense operator"):
        write_nir(replace(net, projections=(bare, *net.projections[1:])), tmp_path / "random.nir")


def test_integers_survive_the_file(tmp_path: Path) -> None:
    convention = PRESETS["snntorch"]
    net = under(convention, cuba=True)
    write_nir(net, tmp_path / "random.nir")
    options = QuantizeOptions(weight_bits=6, per_neuron=True)
    one, other = quantize(net, options), quantize(read_network(tmp_path / "random.nir", convention), options)
    for a, b in zip(one.groups, other.groups, strict=True):
        assert np.array_equal(a.threshold, b.threshold)
        assert np.array_equal(a.bias, b.bias)
