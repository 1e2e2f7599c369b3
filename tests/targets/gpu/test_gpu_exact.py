"""The PyTorch backend gives the golden model's spikes, potentials and counts, on every path it has."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs torch, an extra")

from qsnn_hw.golden import run_clocked  # noqa: E402
from qsnn_hw.model.network import Conv2d, Dense, Pool2d, Scale  # noqa: E402
from qsnn_hw.support.errors import UserError  # noqa: E402
from qsnn_hw.targets.gpu import sums  # noqa: E402
from qsnn_hw.targets.gpu.engine import BatchNetwork  # noqa: E402
from qsnn_hw.targets.gpu.sums import ExactSum, largest_magnitude  # noqa: E402
from tests.support.batch_networks import assert_same_run, drawn_network, some_spikes  # noqa: E402
from tests.support.wide_networks import FEATURES  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """These networks are tiny: threads would only wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_alone(feature: str) -> None:
    spikes = 0
    for seed in range(3):
        network = drawn_network(seed, [feature, "plain"], loops=False, delays=False)
        if network is None:
            continue
        inputs = some_spikes(network, seed)
        names = [g.name for g in network.groups]
        golden = run_clocked(network, inputs, record=names)
        assert_same_run(BatchNetwork(network, CPU).run(inputs, record=names), golden)
        spikes += sum(int(s.sum()) for s in golden.spikes.values())
    assert spikes > 0


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    features=st.lists(st.sampled_from(FEATURES), min_size=1, max_size=3),
    loops=st.booleans(),
    delays=st.booleans(),
    part=st.sampled_from([None, 1, 3]),
)
def test_random_networks(seed: int, features: list[str], loops: bool, delays: bool, part: int | None) -> None:
    network = drawn_network(seed, features, loops=loops, delays=delays)
    if network is None:
        return
    inputs = some_spikes(network, seed)
    golden = run_clocked(network, inputs)
    assert_same_run(BatchNetwork(network, CPU).run(inputs, part=part), golden)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.9])
@pytest.mark.parametrize("path", ["int8", "float32", "float64"])
def test_dense_sums_on_every_path(path: str, rate: float) -> None:
    rng = np.random.default_rng(5)
    weight = rng.integers(-128, 128, (13, 27)).astype(np.int8)
    spikes = (rng.random((40, 27)) < rate).astype(np.uint8)
    total = ExactSum((Dense(weight),), 1, 2, CPU, path)  # type: ignore[arg-type]
    assert total.path == path
    found = total(torch.from_numpy(spikes), torch.int32).numpy()
    assert np.array_equal(found, (spikes.astype(np.int64) @ weight.T.astype(np.int64)) << 2)


def test_int8_takes_few_rows_and_several_spikes() -> None:
    weight = np.full((3, 5), -128, dtype=np.int8)
    spikes = np.full((2, 5), 127, dtype=np.uint8)
    total = ExactSum((Dense(weight),), 127, 0, CPU, "int8")
    assert total(torch.from_numpy(spikes), torch.int32).tolist() == [[-128 * 127 * 5] * 3] * 2


def test_paths_end_where_they_are_no_longer_exact() -> None:
    """65,536 weights of 256 are 2**24: one spike more than float32 counts."""
    for size, path in ((65_535, "float32"), (65_536, "float64")):
        weight = np.full((1, size), 256, dtype=np.int16)
        total = ExactSum((Dense(weight),), 1, 0, CPU)
        assert (total.bound, total.path) == (256 * size, path)
        spikes = torch.ones((1, size), dtype=torch.uint8)
        assert total(spikes, torch.int32).item() == 256 * size
    with pytest.raises(UserError, match=r"sums of magnitude 16777216 are not exact by float32"):
        ExactSum((Dense(np.full((1, 65_536), 256, dtype=np.int16)),), 1, 0, CPU, "float32")
    with pytest.raises(UserError, match="past exact arithmetic"):
        ExactSum((Dense(np.full((1, 2**16), 2**15 - 1, dtype=np.int16)),), 255, 16, CPU)


def test_bound_covers_operators_in_a_row() -> None:
    operators = (
        Conv2d(np.full((2, 1, 2, 2), -3, dtype=np.int8), None, (1, 4, 4)),
        Pool2d("sum", (2, 3, 3), (3, 3), (3, 3)),
        Scale(np.array([5, -7])),
        Dense(np.array([[1, -2]], dtype=np.int8)),
    )
    assert largest_magnitude(operators, 2) == 2 * 12 * 9 * 7 * 3


def test_sparse_spikes_are_gathered_and_dense_ones_multiplied(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    gathered = sums.gathered_sums

    def counting(spikes, weight):  # type: ignore[no-untyped-def]
        calls.append(len(spikes))
        return gathered(spikes, weight)

    monkeypatch.setattr(sums, "gathered_sums", counting)
    total = ExactSum((Dense(np.ones((4, 100), dtype=np.int8)),), 1, 0, CPU)
    few, many = torch.zeros((9, 100), dtype=torch.uint8), torch.ones((9, 100), dtype=torch.uint8)
    few[3, 7] = few[8, 99] = 1
    assert total(few, torch.int32).sum().item() == 8
    assert total(many, torch.int32).sum().item() == 3600
    assert calls == [9]
