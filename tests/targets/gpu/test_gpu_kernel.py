"""The Triton kernel gives the golden model's integers: on a GPU, or else in Triton's interpreter."""

import os

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch, an extra")
if not torch.cuda.is_available():
    # Read where the kernel is defined, which is when its module is imported for the first time.
    os.environ["TRITON_INTERPRET"] = "1"
pytest.importorskip("triton", reason="triton is not installed here")

from qsnn_hw.golden import run_clocked  # noqa: E402
from qsnn_hw.targets.gpu.engine import BatchNetwork  # noqa: E402
from tests.support.batch_networks import assert_same_run, drawn_network, some_spikes  # noqa: E402
from tests.support.wide_networks import FEATURES  # noqa: E402

pytestmark = pytest.mark.slow
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("feature", FEATURES)
def test_every_feature(feature: str) -> None:
    compared = 0
    for seed in range(3):
        network = drawn_network(seed, [feature, "plain"], loops=False, delays=False)
        if network is None:
            continue
        spikes = some_spikes(network, seed)
        names = [g.name for g in network.groups]
        golden = run_clocked(network, spikes, record=names)
        assert_same_run(BatchNetwork(network, DEVICE, fused=True).run(spikes, record=names), golden)
        compared += 1
    assert compared


def test_loops_keep_the_state_between_steps() -> None:
    drawn = (
        drawn_network(s, ["late_subtract", "refractory", "plain"], loops=True, delays=True) for s in range(20)
    )
    network = next(n for n in drawn if n is not None and any(map(n.recurrent, n.projections)))
    spikes = some_spikes(network, 3, samples=300)
    golden = run_clocked(network, spikes)
    assert_same_run(BatchNetwork(network, DEVICE, fused=True).run(spikes), golden)


def test_a_fault_in_the_kernel_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is no formality: a kernel compiled for another leak differs."""
    from qsnn_hw.targets.gpu import kernel

    drawn = (drawn_network(seed, ["plain"], loops=False, delays=False) for seed in range(20))
    network = next(n for n in drawn if n is not None)
    right = kernel.compiled_for

    def wrong(group, shown):  # type: ignore[no-untyped-def]
        return right(group, shown) | {"shift": group.leak_shift + 1}

    monkeypatch.setattr(kernel, "compiled_for", wrong)
    spikes = some_spikes(network, 1)
    golden = run_clocked(network, spikes, record=["g0"])
    run = BatchNetwork(network, DEVICE, fused=True).run(spikes, record=["g0"])
    assert not np.array_equal(run.potentials["g0"], golden.potentials["g0"])
