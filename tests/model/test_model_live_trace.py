"""What the tracer follows, and what it refuses, on snnTorch modules."""

from collections.abc import Callable
from typing import Any

import pytest

from qsnn_hw.model.readers.live import read_snntorch
from qsnn_hw.support.errors import UserError
from tests.support.live_checks import check, imported, random_spikes

torch, snn = imported("torch", "snntorch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")


class Net(nn.Module):
    """Two layers; ``forward`` is given by each test."""

    def __init__(self, run: Callable[[Any, Any], Any], hidden: bool = True) -> None:
        super().__init__()
        self.fc1 = nn.Linear(6, 6)
        self.lif1 = snn.Leaky(beta=0.9, threshold=0.2, init_hidden=hidden)
        self.fc2 = nn.Linear(6, 6)
        self.lif2 = snn.Leaky(beta=0.8, threshold=0.2, init_hidden=hidden)
        self.run = run
        self.before: Any = None

    def forward(self, x: Any) -> Any:
        return self.run(self, x)


def plain(net: Any, x: Any) -> Any:
    return net.lif2(net.fc2(net.lif1(net.fc1(x))))


def residual(net: Any, x: Any) -> Any:
    first = net.lif1(net.fc1(x))
    return net.lif2(net.fc2(first) + first)


def reshaped(net: Any, x: Any) -> Any:
    first = net.lif1(net.fc1(x)).view(-1, 2, 3)[:, :, :].flatten(1).unsqueeze(0)
    return net.lif2(net.fc2(first.squeeze(0)).detach().clone())


def carried(net: Any, x: Any) -> Any:
    """Feedback that lives in an attribute, so only a second call of forward shows it."""
    fed = net.fc1(x) if net.before is None else net.fc1(x) + net.before
    net.before = net.lif2(net.fc2(net.lif1(fed)))
    return net.before


def built_in_sum(net: Any, x: Any) -> Any:
    first = net.lif1(net.fc1(x))
    return net.lif2(sum([first, net.fc2(first)]))


@pytest.mark.parametrize("run", [plain, residual, reshaped, carried, built_in_sum])
def test_forwards_that_are_followed(run: Callable[[Any, Any], Any]) -> None:
    torch.manual_seed(0)
    net = Net(run)
    x = random_spikes(torch, 6) * 2
    network = read_snntorch(net, (6,), example=x[0])
    net.lif1.reset_mem()
    net.lif2.reset_mem()
    net.before = None
    with torch.no_grad():
        check(network, x, torch.stack([net(step) for step in x]))


def tripled(net: Any, x: Any) -> Any:
    return net.lif2(net.fc2(net.lif1(net.fc1(x)) * 3))


def rectified(net: Any, x: Any) -> Any:
    return net.lif2(torch.relu(net.fc2(net.lif1(net.fc1(x)))))


def half(net: Any, x: Any) -> Any:
    return net.lif2(net.fc2(net.lif1(net.fc1(x))[:, [0, 1, 2, 0, 1, 2]]))


def foreign(net: Any, x: Any) -> Any:
    return net.lif2(net.fc2(net.lif1(net.fc1(torch.full((2, 6), 0.5)))))


def shifted(net: Any, x: Any) -> Any:
    return net.lif2(net.fc2(net.lif1(net.fc1(x))) + 1)


def biased(net: Any, x: Any) -> Any:
    return net.lif2(net.fc2(net.lif1(net.fc1(x))) + torch.ones(6))


def twice(net: Any, x: Any) -> Any:
    return net.lif2(net.fc1(net.lif1(net.fc1(x))))


def rate(net: Any, x: Any) -> Any:
    return torch.sigmoid(plain(net, x))


def silent(net: Any, x: Any) -> Any:
    return net.fc2(net.fc1(x))


def broken(net: Any, x: Any) -> Any:
    raise RuntimeError("no such luck")


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (tripled, r"'fc2' \(Linear\) is not fed by layers alone: .*\(Net\) applies torch's mul to spikes"),
        (rectified, r"'lif2' \(Leaky\) is not fed by layers alone: .* applies torch's relu to spikes"),
        (half, r"'fc2' \(Linear\) reads the neurons before it in another order, or not all"),
        (foreign, r"'fc1' \(Linear\) is fed by a tensor that forward did not make from its input"),
        (shifted, r"'lif2' \(Leaky\) is not fed by layers alone: .* adds something to spikes that is not"),
        (biased, r"'lif2' \(Leaky\) is not fed by layers alone: .* adds something to spikes that is not"),
        (twice, r"'fc1' is fed differently in its first call and in later ones"),
        (rate, r"what forward returns first is no network output \(.* applies torch's sigmoid to spikes\)"),
        (silent, r"'\(root\)' \(Net\) runs no snntorch neurons; nothing to read"),
        (broken, r"'\(root\)' \(Net\): forward failed on the example: no such luck"),
    ],
)
def test_forwards_that_are_refused(run: Callable[[Any, Any], Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_snntorch(Net(run), (6,), example=torch.ones(2, 6))


def reset_each_step(net: Any, x: Any) -> Any:
    out = []
    for step in x:
        first, _ = net.lif1(net.fc1(step), torch.zeros(2, 6))
        out.append(first)
    return torch.stack(out)


def foreign_state(net: Any, x: Any) -> Any:
    return net.lif1(net.fc1(x[0]), torch.ones(2, 6))[0]


def potentials_onward(net: Any, x: Any) -> Any:
    return net.lif2(net.fc2(net.lif1(net.fc1(x[0]))[1]))[0]


def last_step_only(net: Any, x: Any) -> Any:
    mem = torch.zeros(2, 6)
    for step in x:
        spikes, mem = net.lif1(net.fc1(step), mem)
    return net.lif2(net.fc2(spikes))[0]


def two_steps_late(net: Any, x: Any) -> Any:
    mem = torch.zeros(2, 6)
    old = [torch.zeros(2, 6), torch.zeros(2, 6)]
    for step in x:
        spikes, mem = net.lif1(net.fc1(step) + net.fc2(old[-2]), mem)
        old.append(spikes)
    return torch.stack(old[2:])


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (reset_each_step, r"'lif1' \(Leaky\) is given a state of zeros in every time step"),
        (foreign_state, r"'lif1' \(Leaky\) is given a state that is neither its own nor zeros"),
        (potentials_onward, r"'fc2' \(Linear\) is fed by the state of 'lif1'; only spikes travel"),
        (last_step_only, r"'fc2' reads some time steps of 'lif1' only; feed it every step"),
        (two_steps_late, r"'lif1' reads 'lif1' of 2 time steps before, which this reader cannot express"),
    ],
)
def test_loops_that_are_refused(run: Callable[[Any, Any], Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_snntorch(Net(run, hidden=False), (6,), example=torch.ones(5, 2, 6))


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (torch.ones(2, 7), r"example has shape \(2, 7\), which does not end in the input_shape \(6,\)"),
        (torch.ones(1, 1, 6), r"example has shape \(1, 1, 6\), one time step of one sample"),
        ([1.0], "example is a list, not a torch tensor"),
        (None, r"'\(root\)' \(Net\) is not a plain sequence, .* pass example="),
    ],
)
def test_examples_that_are_refused(example: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_snntorch(Net(plain), (6,), example=example)


def test_modes_and_hooks_are_left_as_they_were() -> None:
    net = Net(plain)
    net.fc1.eval()
    read_snntorch(net, (6,), example=torch.ones(2, 6))
    assert net.training
    assert net.lif1.training
    assert not net.fc1.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (
            nn.Sequential(nn.Linear(6, 6), nn.ReLU()),
            r"'1' \(ReLU\) has no counterpart here; replace it",
        ),
        (
            nn.Sequential(nn.MaxPool2d(2)),
            r"'0' \(MaxPool2d\) has no counterpart here; train with average",
        ),
        (nn.Sequential(nn.Linear(6, 6)), r"'\(root\)' \(Sequential\) holds no snntorch neurons"),
        (
            nn.Sequential(nn.Linear(6, 6), snn.Leaky(beta=0.9), nn.Linear(6, 3)),
            "ends with '2', not with neurons; add a neuron module, or pass output='1'",
        ),
        (
            nn.Sequential(nn.Linear(5, 6), snn.Leaky(beta=0.9)),
            r"'0' \(Affine\): weight \(6, 5\) wants 5 inputs",
        ),
        (
            nn.Sequential(nn.Linear(6, 6), snn.Leaky(beta=0.9), nn.BatchNorm1d(6), snn.Leaky(beta=0.9)),
            "'2' is a batch norm that does not follow one Linear or Conv layer",
        ),
        (object(), "a live snntorch model is a torch module, not a object"),
    ],
)
def test_sequences_that_are_refused(net: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_snntorch(net, (6,))


def test_a_neuron_used_twice() -> None:
    neuron = snn.Leaky(beta=0.9)
    with pytest.raises(UserError, match=r"'3' \(Leaky\) is the same object as '1', so both share one state"):
        read_snntorch(nn.Sequential(nn.Linear(6, 6), neuron, nn.Linear(6, 6), neuron), (6,))


def test_output_chosen_in_a_sequence() -> None:
    net = nn.Sequential(nn.Linear(6, 6), snn.Leaky(beta=0.9), nn.Linear(6, 3), snn.Leaky(beta=0.9))
    network = read_snntorch(net, (6,), output="1")
    assert [group.name for group in network.groups] == ["1"]
    with pytest.raises(UserError, match="output='0' is no neuron of this snntorch model; it has 1, 3"):
        read_snntorch(net, (6,), output="0")


def test_names_and_report() -> None:
    network = read_snntorch(snn.Leaky(beta=0.9), (6,), name="lonely")
    assert network.name == "lonely"
    assert [group.name for group in network.groups] == ["leaky"]
    assert network.convention == {"name": "snntorch (live)", "version": snn.__version__}
