"""Live Norse modules: spikes equal the module's own forward."""

from typing import Any

import numpy as np
import pytest

from qsnn_hw.model.readers.live import read_norse
from qsnn_hw.model.simulate import simulate
from qsnn_hw.support.errors import UserError
from tests.support.live_checks import STEPS, check, imported, random_spikes

torch, norse, resets = imported("torch", "norse.torch", "norse.torch.functional.reset")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")

INPUTS, HIDDEN, OUTPUTS = 12, 9, 5


def value(number: float) -> Any:
    return torch.tensor(number)


def box(**changes: Any) -> Any:
    return norse.LIFBoxParameters(v_th=value(0.2))._replace(**changes)


def lif(**changes: Any) -> Any:
    return norse.LIFParameters(v_th=value(0.3))._replace(**changes)


def over_time(net: Any, x: Any) -> Any:
    state, out = None, []
    with torch.no_grad():
        for t in range(STEPS):
            spikes, state = net(x[t], state)
            out.append(spikes)
    return torch.stack(out)


CELLS = {
    "LIFBox": lambda: norse.LIFBoxCell(box()),
    "LIFBox subtract": lambda: norse.LIFBoxCell(box(reset_method=resets.reset_subtract)),
    "LIFBox dt": lambda: norse.LIFBoxCell(box(tau_mem_inv=value(33.0)), dt=5e-3),
    "LIFBox leak": lambda: norse.LIFBoxCell(box(v_leak=value(-0.1), v_reset=value(-0.3))),
    "LIFBox rest above threshold": lambda: norse.LIFBoxCell(box(v_leak=value(0.25), v_reset=value(-0.1))),
    "LIFBox reset above threshold": lambda: norse.LIFBoxCell(box(v_leak=value(-0.4), v_reset=value(0.22))),
    "LIFBox leak subtract": lambda: norse.LIFBoxCell(
        box(v_leak=torch.rand(HIDDEN) - 0.5, reset_method=resets.reset_subtract)
    ),
    "LIFBox per neuron": lambda: norse.LIFBoxCell(box(tau_mem_inv=torch.rand(HIDDEN) * 300 + 50)),
    "LIF": lambda: norse.LIFCell(lif()),
    "LIF reset": lambda: norse.LIFCell(lif(v_reset=value(-0.2), tau_syn_inv=value(500.0))),
    "LIF leak": lambda: norse.LIFCell(lif(v_leak=value(0.1), v_reset=value(0.05))),
    "LIF rest above threshold": lambda: norse.LIFCell(lif(v_leak=torch.rand(HIDDEN))),
    "IAF": lambda: norse.IAFCell(norse.IAFParameters(v_th=value(1.0))),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", CELLS)
def test_every_cell(kind: str, seed: int) -> None:
    torch.manual_seed(seed)
    net = norse.SequentialState(
        nn.Linear(INPUTS, HIDDEN),
        CELLS[kind](),
        nn.Linear(HIDDEN, OUTPUTS),
        norse.LIFCell(lif(v_th=value(0.1))),
    )
    x = random_spikes(torch, INPUTS) * 2
    check(read_norse(net, (INPUTS,)), x, over_time(net, x))


@pytest.mark.parametrize("autapses", [True, False])
def test_recurrent_cell(autapses: bool) -> None:
    torch.manual_seed(2)
    net = norse.SequentialState(
        norse.LIFRecurrentCell(INPUTS, HIDDEN, lif(v_th=value(0.5)), autapses=autapses),
        nn.Linear(HIDDEN, OUTPUTS),
        norse.LIFBoxCell(box(v_th=value(0.05))),
    )
    x = random_spikes(torch, INPUTS)
    check(read_norse(net, (INPUTS,)), x, over_time(net, x))


def test_layers_with_time() -> None:
    torch.manual_seed(3)
    net = norse.SequentialState(
        norse.Lift(nn.Conv2d(1, 3, 3)),
        norse.LIF(lif(v_th=value(0.1))),
        nn.Flatten(2),
        norse.LIFRecurrent(3 * 16, OUTPUTS, lif(v_th=value(0.1))),
    )
    x = random_spikes(torch, 1, 6, 6) * 2
    with torch.no_grad():
        check(read_norse(net, (1, 6, 6)), x, net(x)[0])


def test_traced_module() -> None:
    torch.manual_seed(4)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = norse.LIFRecurrentCell(INPUTS, HIDDEN, lif(v_th=value(0.5)))
            self.fc = nn.Linear(HIDDEN, OUTPUTS)
            self.two = norse.LIFCell(lif(v_th=value(0.1)))

        def forward(self, x: Any) -> Any:
            s1 = s2 = None
            out = []
            for step in x:
                z, s1 = self.one(step, s1)
                z, s2 = self.two(self.fc(z), s2)
                out += [z]
            return torch.stack(out)

    net = Net()
    x = random_spikes(torch, INPUTS)
    with torch.no_grad():
        check(read_norse(net, (INPUTS,), example=x), x, net(x))


def test_a_loop_that_forgets_the_state() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(INPUTS, OUTPUTS)
            self.lif = norse.LIFCell()

        def forward(self, x: Any) -> Any:
            return torch.stack([self.lif(self.fc(step))[0] for step in x])

    with pytest.raises(UserError, match=r"'lif' \(LIFCell\) is called without the state of the step before"):
        read_norse(Net(), (INPUTS,), example=torch.ones(4, 2, INPUTS))


def test_integrate_and_fire_with_time() -> None:
    torch.manual_seed(6)
    net = norse.SequentialState(
        nn.Linear(INPUTS, HIDDEN), norse.IAF(norse.IAFParameters(v_th=value(1.0), v_reset=value(-0.5)))
    )
    x = random_spikes(torch, INPUTS)
    with torch.no_grad():
        check(read_norse(net, (INPUTS,)), x, net(x)[0])


@pytest.mark.parametrize("kind", ["LI", "LIBox", "LILinear"])
def test_readout(kind: str) -> None:
    torch.manual_seed(5)
    cells = {
        "LI": lambda: (nn.Linear(HIDDEN, OUTPUTS), norse.LICell()),
        "LIBox": lambda: (nn.Linear(HIDDEN, OUTPUTS), norse.LIBoxCell()),
        "LILinear": lambda: (norse.LILinearCell(HIDDEN, OUTPUTS),),
    }
    net = norse.SequentialState(nn.Linear(INPUTS, HIDDEN), norse.LIFCell(lif()), *cells[kind]())
    x = random_spikes(torch, INPUTS) * 2
    network = read_norse(net, (INPUTS,))
    assert network.group(network.output).threshold is None
    np.testing.assert_allclose(simulate(network, x.numpy()).out, over_time(net, x).numpy(), atol=2e-6)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            lambda: norse.LIFBoxCell(box(tau_mem_inv=value(2000.0))),
            "per step is -1, not from 0 to 1; check dt",
        ),
        (
            lambda: norse.LIFBoxCell(box(v_th=value(-0.1), reset_method=resets.reset_subtract)),
            "the threshold is -0.1 above the resting potential, not above 0",
        ),
    ],
)
def test_cells_without_counterpart(cell: Any, message: str) -> None:
    net = norse.SequentialState(nn.Linear(INPUTS, HIDDEN), cell())
    with pytest.raises(UserError, match=rf"norse module '1' \(LIFBoxCell\).*{message}"):
        read_norse(net, (INPUTS,))
