"""Step equations by hand, operators against direct loops, and independence from batching."""

import re

import numpy as np
import pytest

from qsnn_hw.model.linear import apply_operators
from qsnn_hw.model.network import INPUT, Conv2d, Dense, Network, NeuronGroup, Pool2d, Projection, Scale
from qsnn_hw.model.simulate import accuracy, blocks, predict, simulate
from qsnn_hw.support.errors import UserError
from tests.support.float_groups import lif


def group(name: str = "a", n: int = 1, **changes: object) -> NeuronGroup:
    return lif(name, n, **{"decay": 0.5, **changes})


def network(*groups: NeuronGroup, projections: tuple[Projection, ...] = ()) -> Network:
    made = projections or (Projection("in", INPUT, groups[0].name, ()),)
    return Network("net", (groups[0].size,), groups, made, groups[-1].name)


def trace(drive: list[float], **changes: object) -> tuple[list[int], list[float]]:
    x = np.array(drive).reshape(-1, 1, 1)
    run = simulate(network(group(**changes)), x, dtype=np.float64, record_potentials=["a"])
    return run.out[:, 0, 0].tolist(), run.potentials["a"][:, 0, 0].tolist()


def test_subtract_at_once_and_late() -> None:
    assert trace([1.5, 0.5, 1.0]) == ([1, 0, 1], [0.5, 0.75, 0.375])
    assert trace([1.5, 0.5, 1.0], reset_delay=True) == ([1, 0, 1], [1.5, 0.25, 1.125])


def test_zero_drops_the_input_only_when_told() -> None:
    late = {"reset": "zero", "reset_delay": True}
    assert trace([1.5, 0.5, 1.0], **late) == ([1, 0, 1], [1.5, 0.5, 1.25])
    assert trace([1.5, 0.5, 1.0], **late, reset_drops_input=True) == ([1, 0, 0], [1.5, 0.0, 1.0])
    assert trace([1.5, 0.5, 1.0], reset="zero") == ([1, 0, 1], [0.0, 0.5, 0.0])


def test_comparison_reset_value_and_clamp() -> None:
    assert trace([1.0, 0.0]) == ([0, 0], [1.0, 0.5])
    assert trace([1.0, 0.0], comparison=">=") == ([1, 0], [0.0, 0.0])
    assert trace([2.0, 0.0], reset="v_reset", v_reset=np.array([-1.0])) == ([1, 0], [-1.0, -0.5])
    assert trace([-3.0, 0.0], v_min=-1.0) == ([0, 0], [-1.0, -0.5])
    assert trace([2.0, 0.0, 0.0], reset="none") == ([1, 0, 0], [2.0, 1.0, 0.5])


def test_several_spikes_and_retest() -> None:
    assert trace([3.5, 1.75], max_spikes=None) == ([3, 2], [0.5, 0.0])
    # What a limit leaves on the potential stays there: 2.5, then 1.5 * 0.5 + 1.75.
    assert trace([4.5, 1.75], max_spikes=2) == ([2, 2], [2.5, 1.0])
    # Stored 2.5 > 1: firing is tested on 1.25 - 1, so there is none, and the early reset is undone.
    assert trace([3.5, 0.0], reset_retest=True) == ([1, 0], [2.5, 1.25])
    assert trace([3.5, 0.0]) == ([1, 1], [2.5, 0.25])


def test_synaptic_current_leak_and_refractory() -> None:
    current = {"current_decay": np.array([0.5]), "current_gain": np.array([2.0])}
    assert trace([0.25, 0.0, 0.0], **current) == ([0, 0, 0], [0.5, 0.5, 0.375])
    assert trace([0.0, 0.0], leak=np.array([0.25])) == ([0, 0], [0.25, 0.375])
    assert trace([2.0] * 4, reset="zero", refractory=2)[0] == [1, 0, 0, 1]


def test_relax_is_the_same_up_to_rounding() -> None:
    x = np.random.default_rng(2).random((30, 4, 3))
    same = {"decay": np.full(3, 0.8), "input_gain": np.full(3, 0.4), "leak": np.full(3, 0.01)}
    runs = [
        simulate(network(group(n=3, relax=relax, **same)), x, dtype=np.float64, record_potentials=["a"])
        for relax in (False, True)
    ]
    assert runs[0].out.any()
    assert np.allclose(runs[0].potentials["a"], runs[1].potentials["a"], atol=1e-12)


def test_recurrence_reads_the_step_before_and_delay_adds() -> None:
    alone = group(decay=np.zeros(1), reset="none")
    loop = Projection("rec", "a", "a", (Dense(np.array([[2.0]])),), delay=1)
    net = network(alone, projections=(Projection("in", INPUT, "a", (), delay=1), loop))
    assert blocks(net) == [["a"]]
    x = np.array([2.0, 0, 0, 0, 0, 0]).reshape(-1, 1, 1)
    assert simulate(net, x).out[:, 0, 0].tolist() == [0, 1, 0, 1, 0, 1]


def test_loop_over_groups() -> None:
    quiet = {"decay": np.zeros(1), "reset": "none"}
    ring = (
        Projection("in", INPUT, "a", ()),
        Projection("ab", "a", "b", (Scale(np.array([2.0])),)),
        Projection("ba", "b", "a", (Scale(np.array([2.0])),)),
        Projection("bc", "b", "c", (Scale(np.array([2.0])),)),
    )
    net = network(group("a", **quiet), group("b", **quiet), group("c", **quiet), projections=ring)
    assert blocks(net) == [["a", "b"], ["c"]]
    x = np.array([2.0, 0, 0]).reshape(-1, 1, 1)
    run = simulate(net, x, record=["a", "b"])
    assert run.spikes["a"][:, 0, 0].tolist() == [1, 1, 1]
    assert run.out[:, 0, 0].tolist() == [1, 1, 1]


@pytest.mark.parametrize("stride", [(1, 1), (2, 1)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 2)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
@pytest.mark.parametrize("groups", [1, 2])
def test_convolution_against_loops(
    stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int], groups: int
) -> None:
    rng = np.random.default_rng(3)
    weight, bias = rng.normal(size=(6, 4 // groups, 2, 3)), rng.normal(size=6)
    made = Conv2d(weight, bias, (4, 6, 5), stride, padding, dilation, groups)
    x = rng.normal(size=(3, 4 * 6 * 5))
    got = apply_operators([made], x)
    pad = np.pad(x.reshape(3, 4, 6, 5), ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    height = (6 + 2 * padding[0] - dilation[0] - 1) // stride[0] + 1
    width = (5 + 2 * padding[1] - 2 * dilation[1] - 1) // stride[1] + 1
    wanted = np.zeros((3, 6, height, width))
    for out, i, j in np.ndindex(6, height, width):
        first = out // (6 // groups) * (4 // groups)
        rows = slice(i * stride[0], i * stride[0] + dilation[0] + 1, dilation[0])
        columns = slice(j * stride[1], j * stride[1] + 2 * dilation[1] + 1, dilation[1])
        window = pad[:, first : first + 4 // groups, rows, columns]
        wanted[:, out, i, j] = (window * weight[out]).sum(axis=(1, 2, 3)) + bias[out]
    assert np.allclose(got.reshape(wanted.shape), wanted)


def test_pools() -> None:
    x = np.arange(32, dtype=np.float64).reshape(1, -1)
    total = apply_operators([Pool2d("sum", (2, 4, 4), (2, 2), (2, 2))], x)
    assert total.tolist() == [[10, 18, 42, 50, 74, 82, 106, 114]]
    assert np.array_equal(apply_operators([Pool2d("average", (2, 4, 4), (2, 2), (2, 2))], x), total / 4)


def test_batches_do_not_matter() -> None:
    rng = np.random.default_rng(4)
    weight = Dense(rng.normal(size=(5, 5)))
    net = network(
        group("a", 5),
        group("b", 5),
        projections=(
            Projection("in", INPUT, "a", (weight,)),
            Projection("rec", "a", "a", (weight,)),
            Projection("ab", "a", "b", (weight,)),
            Projection("skip", INPUT, "b", (weight,)),
        ),
    )
    x = (rng.random((20, 11, 5)) < 0.5).astype(np.uint8)
    whole, parts = (simulate(net, x, batch=size, record=["a"], dtype=np.float64) for size in (11, 3))
    assert whole.out.any()
    assert np.array_equal(whole.out, parts.out)
    assert np.array_equal(whole.spikes["a"], parts.spikes["a"])


def test_readout_gives_potentials() -> None:
    run = simulate(network(group(n=2, threshold=None, reset="none")), np.ones((3, 1, 2), np.uint8))
    assert run.out.dtype == np.float32
    assert run.out[:, 0, 0].tolist() == [1.0, 1.5, 1.75]


def test_prediction_takes_the_first_maximum() -> None:
    out = np.zeros((2, 3, 4), np.uint8)
    out[:, 0, 2] = out[:, 0, 3] = 1
    out[0, 1, 1] = 200
    out[1, 1, 1] = 200
    assert predict(out).tolist() == [2, 1, 0]
    assert accuracy(out, np.array([2, 1, 1])) == pytest.approx(2 / 3)
    with pytest.raises(UserError, match="one label a sample, not 2 for 3 samples"):
        accuracy(out, np.array([2, 1]))


def test_the_last_step_of_a_readout_groups_potentials_answers() -> None:
    # Summed over time the first neuron leads, after the last step the second does: so does the chip.
    out = np.array([[[9.0, 0.0]], [[1.0, 2.0]]])
    assert predict(out).tolist() == [1]
    assert accuracy(out, np.array([1])) == 1.0
    spikes = np.array([[[0, 1]], [[1, 0]], [[1, 0]]], np.uint8)
    assert (predict(spikes).tolist(), predict(spikes, "first").tolist()) == ([0], [1])


@pytest.mark.parametrize(
    ("shape", "options", "text"),
    [
        ((5, 2, 3), {}, "input has 3 addresses per step, the network wants 1"),
        ((5, 1), {}, "input has shape (5, 1), not (time, sample, addresses)"),
        ((5, 2, 1), {"record": ["x"]}, "no neuron group 'x' to record; net has a"),
        ((5, 2, 1), {"batch": 0}, "batch is a positive number of samples, not 0"),
    ],
)
def test_refusals(shape: tuple[int, ...], options: dict[str, object], text: str) -> None:
    with pytest.raises(UserError, match=re.escape(text)):
        simulate(network(group()), np.zeros(shape, np.uint8), **options)  # type: ignore[arg-type]


def test_too_many_spikes() -> None:
    with pytest.raises(UserError, match="group 'a' emits 300 spikes of one neuron in one step, over 255"):
        trace([300.0], max_spikes=None)
