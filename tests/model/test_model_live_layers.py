"""torch's own layers in a live model: what is read, and what is refused."""

from typing import Any

import numpy as np
import pytest

from qsnn_hw.model.network import Conv2d, Dense, Pool2d
from qsnn_hw.model.readers.live import read_snntorch
from qsnn_hw.support.errors import UserError
from tests.support.live_checks import check, imported, random_spikes

torch, snn = imported("torch", "snntorch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")


def read(*layers: Any) -> Any:
    return read_snntorch(nn.Sequential(*layers, snn.Leaky(beta=0.9)), (2, 8, 8))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.AvgPool2d(2, padding=1, count_include_pad=False), "count_include_pad=False with padding"),
        (nn.AvgPool2d(2, ceil_mode=True), "ceil_mode and divisor_override are not supported"),
        (nn.AvgPool2d(2, divisor_override=3), "ceil_mode and divisor_override are not supported"),
        (nn.LPPool2d(2, 2), "needs norm_type 1 and ceil_mode False to be a sum pool"),
        (nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), "padding_mode is 'circular'; only 'zeros'"),
    ],
)
def test_layers_without_counterpart(layer: Any, message: str) -> None:
    with pytest.raises(UserError, match=rf"snntorch module '0' \({type(layer).__name__}\).*{message}"):
        read(layer)


def test_batch_norm_without_statistics() -> None:
    with pytest.raises(UserError, match=r"'1' \(BatchNorm2d\) keeps no running statistics"):
        read(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, track_running_stats=False))


def test_operators_keep_their_geometry() -> None:
    conv = nn.Conv2d(2, 4, 3, stride=2, padding=1, dilation=1, groups=2)
    network = read(conv, nn.AvgPool2d(2, stride=1), nn.Flatten(), nn.Linear(36, 5, bias=False))
    first, pool, dense = network.projections[0].operators
    assert isinstance(first, Conv2d)
    assert (first.stride, first.padding, first.groups) == ((2, 2), (1, 1), 2)
    np.testing.assert_array_equal(first.weight, conv.weight.detach().double().numpy())
    assert isinstance(pool, Pool2d)
    assert (pool.kind, pool.kernel, pool.stride) == ("average", (2, 2), (1, 1))
    assert isinstance(dense, Dense)
    assert dense.bias is None
    assert dense.weight.shape == (5, 36)


def test_one_dimensional_convolution() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(3)
    norm.running_mean.copy_(torch.tensor([0.1, -0.2, 0.3]))
    norm.running_var.copy_(torch.tensor([0.5, 1.5, 2.0]))
    net = nn.Sequential(
        nn.Conv1d(2, 3, 3, stride=2, padding=1), norm, snn.Leaky(beta=0.9, threshold=0.3, init_hidden=True)
    ).eval()
    x = random_spikes(torch, 2, 9)
    with torch.no_grad():
        check(read_snntorch(net, (2, 9)), x, torch.stack([net(step) for step in x]))
